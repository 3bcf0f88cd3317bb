// SPDX-License-Identifier: GPL-3.0-or-later
/* Trees of an allocation group: free space, inodes, owners, shared blocks. */
#include "xfs_verify.h"

#define HEAD 56
#define DEPTH 9 /* levels are 0 .. 9 */

static const char *damage(const struct xfs_tree *t, const uint8_t *b, uint64_t place,
			  unsigned level, bool root)
{
	const struct xfs *x = t->v->x;
	unsigned count = get_be16(b + 6);
	uint32_t room = x->block_size - HEAD;
	if (memcmp(b, t->magic, 4))
		return "no magic";
	if (!xfs_sum_ok(b, x->block_size, 52))
		return "wrong checksum";
	if (get_be64(b + 16) != place / 512 || memcmp(b + 32, x->meta_uuid, 16) ||
	    get_be32(b + 48) != t->ag)
		return "belongs elsewhere";
	if (!xfs_logged(x, get_be64(b + 24)))
		return "newer than the end of the log";
	if (get_be16(b + 4) != level)
		return "of the wrong level";
	if (count > (level ? room / (t->key + 4) : room / t->record) ||
	    (!count && (!root || level)))
		return "a count that makes no sense";
	if (t->last[level] ? get_be32(b + 8) != t->last[level] ||
				 t->right[level] != (uint32_t)(place >> x->block_log) -
							(uint32_t)(t->ag * x->ag_blocks)
			   : get_be32(b + 8) != XFS_NULL32)
		return "not chained to its neighbours";
	return NULL;
}

/* key: the first below this block as its parent has it; NULL for the root. */
static int walk(struct xfs_tree *t, uint32_t block, unsigned level, const uint8_t *key, struct error *e)
{
	struct xfs_verify *v = t->v;
	const struct xfs *x = v->x;
	char what[60];
	snprintf(what, sizeof what, "group %llu: its %s tree", (unsigned long long)t->ag, t->name);
	if (!block || block >= xfs_ag_length(x, t->ag)) {
		v->unknown++;
		xfs_say(v, CHECK_GROUPS, ERROR_NO_OFFSET, "%s has block %u, which lies outside",
			what, block);
		return 0;
	}
	uint64_t linear = t->ag * x->ag_blocks + block, place = linear << x->block_log;
	int rc = xfs_claim_own(v, linear, 1, what, e);
	if (rc <= 0) {
		v->unknown++;
		return rc;
	}
	autofree uint8_t *b = malloc(x->block_size);
	if (!b)
		return error_nomem(e);
	if (budget_check(v->b, e) < 0)
		return -1;
	if (source_read_at(x->src, place, b, x->block_size, e) < 0)
		return xfs_relay(v, CHECK_GROUPS, e);
	const char *why = damage(t, b, place, level, !key);
	/* The kernel goes by the keys. Both begin with the same number, of which a record's is its own. */
	if (!why && key && memcmp(b + HEAD, key, 4))
		why = "does not begin where its parent says";
	if (why) {
		v->unknown++;
		xfs_say(v, CHECK_GROUPS, (int64_t)place, "%s: a block: %s", what, why);
		return 0;
	}
	t->blocks++;
	v->trees++;
	t->last[level] = block;
	t->right[level] = get_be32(b + 12);
	unsigned count = get_be16(b + 6), max = (x->block_size - HEAD) / (t->key + 4);
	for (unsigned i = 0; i < count; i++) {
		if (level) {
			if (walk(t, get_be32(b + HEAD + (size_t)max * t->key + i * 4), level - 1,
				 b + HEAD + (size_t)i * t->key, e) < 0)
				return -1;
			continue;
		}
		t->records++;
		if (t->each(t, b + HEAD + (size_t)i * t->record, place, e) < 0)
			return -1;
	}
	return 0;
}

int xfs_tree_walk(struct xfs_tree *t, uint32_t root, uint32_t levels, struct error *e)
{
	if (!levels || levels > DEPTH + 1) {
		t->v->unknown++;
		xfs_say(t->v, CHECK_GROUPS, ERROR_NO_OFFSET,
			"group %llu: its %s tree has %u levels", (unsigned long long)t->ag, t->name,
			levels);
		return 0;
	}
	if (walk(t, root, levels - 1, NULL, e) < 0)
		return -1;
	for (unsigned i = 0; i < levels; i++)
		if (t->last[i] && t->right[i] != XFS_NULL32) {
			xfs_say(t->v, CHECK_GROUPS, ERROR_NO_OFFSET,
				"group %llu: its %s tree does not end where it should",
				(unsigned long long)t->ag, t->name);
			break;
		}
	return 0;
}
