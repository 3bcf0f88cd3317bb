// SPDX-License-Identifier: GPL-3.0-or-later
/* Extended attributes: in the inode, or in leaf blocks in the order of their names' hashes, with
 * large values apart. */
#include "xfs.h"

#define HEAD 80 /* of a leaf */
#define NODE_HEAD 64
#define REMOTE_HEAD 56
#define VALUE_MAX (64 * 1024)
enum { ATTR_LOCAL = 1, ATTR_ROOT = 2, ATTR_SECURE = 4, ATTR_PARENT = 8, ATTR_INCOMPLETE = 0x80 };
#define SPACES (ATTR_ROOT | ATTR_SECURE | ATTR_PARENT)

struct reader {
	const struct xfs *x;
	const struct xfs_inode *in;
	struct xfs_runs runs;
	uint8_t *block, *value; /* value: one block more than the largest */
	uint32_t hash;		/* of the last name */
	xfs_xattr_fn *fn;
	void *ctx;
};

static void reader_free(struct reader *r)
{
	free(r->runs.items);
	free(r->block);
	free(r->value);
}

static int malformed(const struct reader *r, uint64_t place, const char *what, struct error *e)
{
	return error_set(e, ERROR_CORRUPT, (int64_t)place, "inode %llu: its attributes: %s",
			 (unsigned long long)r->in->number, what);
}

static int in_inode(struct reader *r, struct error *e)
{
	const uint8_t *p = r->in->fork[XFS_ATTR_FORK];
	size_t len = r->in->fork_len[XFS_ATTR_FORK], total = get_be16(p);
	if (total < 4 || total > len)
		return malformed(r, r->in->place, "a size that makes no sense", e);
	const uint8_t *q = p + 4, *end = p + total;
	for (unsigned i = 0; i < p[2]; i++) {
		if (end - q < 3 || (size_t)(end - q) < 3u + q[0] + q[1])
			return malformed(r, r->in->place, "one that goes beyond their end", e);
		if (!q[0] || q[2] & ~SPACES || (q[2] & (q[2] - 1)))
			return malformed(r, r->in->place, "one without a name, or of no kind", e);
		struct xfs_xattr a = {.name = (const char *)q + 3,
				      .length = q[0],
				      .size = q[1],
				      .value = q + 3 + q[0],
				      .flags = q[2]};
		q += 3u + q[0] + q[1];
		int rc = r->fn(r->ctx, &a, e);
		if (rc)
			return rc;
	}
	return q == end ? 0 : malformed(r, r->in->place, "they end before their size", e);
}

static int read_remote(struct reader *r, uint32_t logical, size_t size, struct error *e)
{
	const struct xfs *x = r->x;
	size_t room = x->block_size - REMOTE_HEAD;
	uint64_t place;
	if (!r->value && !(r->value = malloc(VALUE_MAX + 65536)))
		return error_nomem(e);
	for (size_t done = 0; done < size; logical++) {
		uint8_t *b =
		    r->value +
		    done; /* the header is where the next block's will be: moved down below */
		size_t n = size - done < room ? size - done : room;
		if (xfs_runs_read(x, r->in, &r->runs, logical, 1, b, &place, e) < 0)
			return -1;
		if (memcmp(b, "XARM", 4) || get_be32(b + 4) != done || get_be32(b + 8) != n ||
		    memcmp(b + 16, x->meta_uuid, 16) || get_be64(b + 32) != r->in->number ||
		    get_be64(b + 40) != place / 512 || !xfs_sum_ok(b, x->block_size, 12))
			return malformed(r, place, "a block of a value is damaged", e);
		memmove(b, b + REMOTE_HEAD, n);
		done += n;
	}
	return 0;
}

/* Where the names begin in a leaf, behind the table of entries and whatever is free. 0: in none, at the end. */
static size_t first_used(const uint8_t *b, size_t bs)
{
	size_t at = get_be16(b + 60);
	return at ? at : bs;
}

/* What Linux asks of the head of a leaf before it reads anything of it. */
static bool leaf_head_sound(const uint8_t *b, size_t bs, unsigned count)
{
	size_t used = first_used(b, bs);
	for (unsigned i = 0; i < 3; i++) {
		size_t at = get_be16(b + 64 + i * 4), len = get_be16(b + 66 + i * 4);
		if (at % 4 || len % 4 || at + len > bs)
			return false;
	}
	return used <= bs && used >= HEAD + (size_t)count * 8;
}

static int entry(struct reader *r, const uint8_t *en, uint64_t place, struct error *e)
{
	const uint8_t *b = r->block;
	size_t bs = r->x->block_size, at = get_be16(en + 4);
	struct xfs_xattr a = {.flags = en[6]};
	if (at < first_used(b, bs) || at + 3 > bs)
		return malformed(r, place, "a name outside of its block", e);
	if (a.flags & ATTR_LOCAL) {
		a.size = get_be16(b + at);
		a.length = b[at + 2];
		if ((3 + a.length + a.size + 3) / 4 * 4 > bs - at)
			return malformed(r, place, "a value outside of its block", e);
		a.name = (const char *)b + at + 3;
		a.value = b + at + 3 + a.length;
	} else {
		if (at + 9 > bs || (9u + b[at + 8] + 3) / 4 * 4 > bs - at)
			return malformed(r, place, "a name outside of its block", e);
		a.length = b[at + 8];
		a.name = (const char *)b + at + 9;
		a.size = get_be32(b + at + 4);
		/* What was being made when it was copied has no value yet. */
		if (a.flags & ATTR_INCOMPLETE)
			return 0;
		if (!a.size || a.size > VALUE_MAX)
			return malformed(r, place, "a value whose size makes no sense", e);
		if (read_remote(r, get_be32(b + at), a.size, e) < 0)
			return -1;
		a.value = r->value;
	}
	if (!a.length ||
	    (!(a.flags & ATTR_PARENT) && xfs_name_hash(a.name, a.length) != get_be32(en)))
		return malformed(r, place, "a name that is not where its hash says", e);
	return a.flags & ATTR_INCOMPLETE ? 0 : r->fn(r->ctx, &a, e);
}

static int read_block(struct reader *r, uint64_t logical, uint64_t *place, struct error *e)
{
	if (xfs_runs_read(r->x, r->in, &r->runs, logical, 1, r->block, place, e) < 0)
		return -1;
	return xfs_block_check(r->x, r->block, r->x->block_size, 12, 16, r->in->number, *place,
			       "attribute block", e);
}

/* All of the tree below a block; level: what it must have, or -1 for any. *blocks bounds the walk.
 */
static int tree(struct reader *r, uint64_t logical, int level, uint64_t *blocks, struct error *e)
{
	uint64_t place;
	size_t bs = r->x->block_size;
	if (!*blocks)
		return malformed(r, r->in->place, "their tree has a loop", e);
	--*blocks;
	if (read_block(r, logical, &place, e) < 0)
		return -1;
	unsigned magic = get_be16(r->block + 8), count = get_be16(r->block + 56);
	if (magic == 0x3bee) {
		if (level > 0 || !leaf_head_sound(r->block, bs, count))
			return malformed(r, place, "a leaf that makes no sense", e);
		for (unsigned i = 0; i < count; i++) {
			const uint8_t *en = r->block + HEAD + i * 8;
			if (get_be32(en) < r->hash)
				return malformed(r, place, "names out of order", e);
			r->hash = get_be32(en);
			int rc = entry(r, en, place, e);
			if (rc)
				return rc;
		}
		return 0;
	}
	unsigned own = get_be16(r->block + 58);
	if (magic != 0x3ebe || !own || own > 5 || (level >= 0 && (unsigned)level != own) ||
	    !count || count > (bs - NODE_HEAD) / 8)
		return malformed(r, place, "a block that makes no sense", e);
	autofree uint8_t *node = malloc(bs);
	if (!node)
		return error_nomem(e);
	memcpy(node, r->block, bs);
	for (unsigned i = 0; i < count; i++) {
		const uint8_t *en = node + NODE_HEAD + i * 8;
		int rc = tree(r, get_be32(en + 4), (int)own - 1, blocks, e);
		if (rc)
			return rc;
		if (r->hash > get_be32(en))
			return malformed(r, place, "its hashes are not those of the blocks below",
					 e);
	}
	return 0;
}

int xfs_xattr_each(const struct xfs *x, const struct xfs_inode *in, xfs_xattr_fn *fn, void *ctx,
		   struct error *e)
{
	struct reader r autodestroy(reader_free) = {.x = x, .in = in, .fn = fn, .ctx = ctx};
	uint64_t blocks = 0;
	if (!in->fork_len[XFS_ATTR_FORK])
		return 0;
	if (in->attr_format == XFS_FMT_LOCAL)
		return in_inode(&r, e);
	r.block = malloc(x->block_size);
	if (!r.block)
		return error_nomem(e);
	if (xfs_map_all(x, in, XFS_ATTR_FORK, &r.runs, e) < 0)
		return -1;
	for (size_t i = 0; i < r.runs.count; i++)
		blocks += r.runs.items[i].count;
	return blocks ? tree(&r, 0, -1, &blocks, e) : 0;
}

struct shown {
	fs_xattr_fn *fn;
	void *ctx;
};

static int show(void *ctx, const struct xfs_xattr *a, struct error *e)
{
	struct shown *s = ctx;
	char name[300];
	if (a->flags & (ATTR_PARENT | ATTR_INCOMPLETE))
		return 0;
	snprintf(name, sizeof name, "%s.%.*s",
		 a->flags & ATTR_SECURE ? "security"
		 : a->flags & ATTR_ROOT ? "trusted"
					: "user",
		 (int)a->length, a->name);
	return s->fn(s->ctx, name, a->value, a->size, e);
}

int xfs_xattrs(void *self, uint64_t id, fs_xattr_fn *fn, void *ctx, struct error *e)
{
	struct xfs *x = self;
	struct xfs_inode in;
	struct shown s = {fn, ctx};
	if (xfs_inode_read(x, id, &in, e) < 0)
		return -1;
	return xfs_xattr_each(x, &in, show, &s, e);
}
