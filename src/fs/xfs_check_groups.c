// SPDX-License-Identifier: GPL-3.0-or-later
/* Allocation groups: headers, free space, and the trees that say what lies in them. */
#include "xfs_verify.h"

struct group {
	struct xfs_verify *v;
	uint64_t ag, base, length;				    /* base: first block */
	uint64_t next, blocks, longest, by_size, size_records, key; /* of the free-space trees */
	uint64_t inodes, free_inodes, with_free, found_free;
	uint8_t *agf, *agi, *agfl;
};

static void say(struct group *g, uint64_t place, const char *what)
{
	xfs_say(g->v, CHECK_GROUPS, (int64_t)place, "group %llu: %s", (unsigned long long)g->ag,
		what);
}

static int by_block(struct xfs_tree *t, const uint8_t *r, uint64_t place, struct error *e)
{
	struct group *g = t->ctx;
	uint64_t at = get_be32(r), count = get_be32(r + 4);
	if (!count || at < g->next || at + count > g->length) {
		say(g, place, "free space out of order or outside");
		return 0;
	}
	g->next = at + count;
	g->blocks += count;
	if (count > g->longest)
		g->longest = count;
	return xfs_claim_own(g->v, g->base + at, count, "free space", e) < 0 ? -1 : 0;
}

static int by_size(struct xfs_tree *t, const uint8_t *r, uint64_t place, struct error *e)
{
	struct group *g = t->ctx;
	uint64_t key = (uint64_t)get_be32(r + 4) << 32 | get_be32(r);
	(void)e;
	if (key <= g->key)
		say(g, place, "free space by size out of order");
	g->key = key;
	g->by_size += get_be32(r + 4);
	return 0;
}

static int owner(struct xfs_tree *t, const uint8_t *r, uint64_t place, struct error *e)
{
	struct group *g = t->ctx;
	uint64_t at = get_be32(r), count = get_be32(r + 4);
	(void)e;
	if (!count || at < g->next || at + count > g->length)
		say(g, place, "a record of owners out of order or outside");
	g->next = at;
	return 0;
}

static int sharing(struct xfs_tree *t, const uint8_t *r, uint64_t place, struct error *e)
{
	struct group *g = t->ctx;
	uint64_t at = get_be32(r) & INT32_MAX, count = get_be32(r + 4), refs = get_be32(r + 8);
	bool staging = get_be32(r) >> 31;
	/* Those being written to are sorted behind the shared ones. */
	uint64_t key = get_be32(r);
	if (!count || key < g->next || at + count > g->length || (staging ? refs != 1 : refs < 2)) {
		say(g, place, "a record of shared blocks that makes no sense");
		return 0;
	}
	g->next = key + count;
	if (!staging)
		return xfs_bits_set(&g->v->shared, g->base + at, count, e);
	return xfs_claim_own(g->v, g->base + at, count, "blocks being written to", e) < 0 ? -1 : 0;
}

static int inode_chunk(struct xfs_tree *t, const uint8_t *r, uint64_t place, struct error *e)
{
	struct group *g = t->ctx;
	struct xfs_verify *v = g->v;
	const struct xfs *x = v->x;
	uint64_t first = get_be32(r), free_mask = get_be64(r + 8), present = UINT64_MAX;
	unsigned count = 64, unused = get_be32(r + 4);
	if (x->incompat & XFS_IN_SPARSE) {
		unsigned holes = get_be16(r + 4);
		count = r[6];
		unused = r[7];
		for (unsigned i = 0; i < 16; i++)
			if (holes >> i & 1)
				present &= ~(UINT64_C(15) << i * 4);
	}
	uint64_t fsb = xfs_ag_fsb(x, g->ag, first >> x->chunk_log),
		 blocks = 64 >> x->chunk_log ? 64 >> x->chunk_log : 1;
	if (first < g->next || !xfs_fsb_ok(x, fsb, 1) ||
	    first & ((blocks > 1 ? (1u << x->chunk_log) : 64) - 1) ||
	    (unsigned)__builtin_popcountll(present) != count ||
	    (unsigned)__builtin_popcountll(free_mask & present) != unused ||
	    (free_mask | present) != UINT64_MAX) {
		v->unknown++;
		say(g, place, "a record of inodes that makes no sense");
		return 0;
	}
	g->next = first + 64;
	g->inodes += count;
	g->free_inodes += unused;
	g->with_free += unused > 0;
	/* A large block holds several such chunks and belongs to the first. */
	unsigned step = 1u << x->chunk_log;
	for (uint64_t i = 0; i < blocks && first % step == 0; i++) {
		if (!(present >> (i * step) % 64 & 1))
			continue;
		if (!xfs_fsb_ok(x, fsb, i + 1)) {
			v->unknown++;
			say(g, place, "inodes that lie outside");
			return 0;
		}
		if (xfs_claim_own(v, g->base + (first >> x->chunk_log) + i, 1, "inodes", e) < 0)
			return -1;
	}
	struct xfs_chunk *c = vec_push(&v->chunks);
	if (!c)
		return error_nomem(e);
	c->first = (g->ag << (x->ag_log + x->chunk_log)) + first;
	c->free = free_mask;
	c->present = present;
	return 0;
}

static int free_chunk(struct xfs_tree *t, const uint8_t *r, uint64_t place, struct error *e)
{
	struct group *g = t->ctx;
	uint64_t first = (g->ag << (g->v->x->ag_log + g->v->x->chunk_log)) + get_be32(r);
	struct xfs_chunk *c = xfs_chunk_of(g->v, first);
	(void)e;
	if (!c || c->first != first || c->free != get_be64(r + 8) || !(c->free & c->present))
		say(g, place, "the tree of free inodes has what the tree of inodes has not");
	else
		g->found_free++;
	return 0;
}

static int tree(struct group *g, const char *name, const char *magic, uint32_t record, uint32_t key,
		uint32_t root, uint32_t levels,
		int (*each)(struct xfs_tree *, const uint8_t *, uint64_t, struct error *),
		struct error *e)
{
	struct xfs_tree t = {.v = g->v,
			     .name = name,
			     .magic = magic,
			     .record = record,
			     .key = key,
			     .ag = g->ag,
			     .each = each,
			     .ctx = g};
	g->next = 0;
	return xfs_tree_walk(&t, root, levels, e);
}

static const char *bad_header(const struct xfs *x, const uint8_t *b, const char *magic, size_t sum,
			      size_t uuid, size_t sequence, uint64_t ag, bool agfl)
{
	if (memcmp(b, magic, 4))
		return "has no magic";
	if (!xfs_sum_ok(b, x->sector, sum))
		return "has a wrong checksum";
	if (memcmp(b + uuid, x->meta_uuid, 16))
		return "is of another file system";
	if (get_be32(b + (agfl ? 4 : 8)) != ag ||
	    (!agfl && get_be32(b + 12) != xfs_ag_length(x, ag)))
		return "has another number or length";
	if (!xfs_logged(x, get_be64(b + sequence)))
		return "is newer than the end of the log";
	return NULL;
}

static int read_headers(struct group *g, struct error *e)
{
	const struct xfs *x = g->v->x;
	uint64_t place = (g->base << x->block_log) + x->sector;
	static const struct {
		const char *magic, *name;
		size_t sum, uuid, sequence;
	} parts[] = {{"XAGF", "AGF", 216, 64, 208}, {"XAGI", "AGI", 312, 296, 320}, {"XAFL", "AGFL", 32, 8, 24}};
	int sound = 1;
	if (source_read_at(x->src, place, g->agf, 3 * (size_t)x->sector, e) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		const char *why = bad_header(x, g->agf + i * x->sector, parts[i].magic,
					     parts[i].sum, parts[i].uuid, parts[i].sequence, g->ag, i == 2);
		if (!why)
			continue;
		sound = 0;
		g->v->unknown++;
		xfs_say(g->v, CHECK_GROUPS, (int64_t)(place + i * x->sector),
			"group %llu: its %s %s", (unsigned long long)g->ag, parts[i].name, why);
	}
	return sound;
}

static int free_list(struct group *g, struct error *e)
{
	uint32_t size = (g->v->x->sector - 36) / 4, first = get_be32(g->agf + 40),
		 last = get_be32(g->agf + 44);
	uint32_t count = get_be32(g->agf + 48), at = first;
	if (first >= size || last >= size || count > size ||
	    (count && (last + size - first) % size + 1 != count)) {
		/* Kernels before 4.17 and after took the list to have one more place: they mend it
		 * at mount. */
		xfs_say(g->v, CHECK_GROUPS, ERROR_NO_OFFSET,
			"group %llu: its free list makes no sense", (unsigned long long)g->ag);
		return 0;
	}
	for (uint32_t i = 0; i < count; i++, at = (at + 1) % size) {
		uint32_t block = get_be32(g->agfl + 36 + (size_t)at * 4);
		if (block >= g->length)
			say(g, (g->base << g->v->x->block_log) + 3ull * g->v->x->sector,
			    "a block of its free list lies outside");
		else if (xfs_claim_own(g->v, g->base + block, 1, "free list", e) < 0)
			return -1;
	}
	return 0;
}

static int check_trees(struct group *g, struct error *e)
{
	const struct xfs *x = g->v->x;
	const uint8_t *agf = g->agf, *agi = g->agi;
	uint64_t before = g->v->unknown, place = (g->base << x->block_log) + x->sector;
	if (tree(g, "free-space", "AB3B", 8, 8, get_be32(agf + 16), get_be32(agf + 28), by_block,
		 e) < 0 ||
	    tree(g, "size", "AB3C", 8, 8, get_be32(agf + 20), get_be32(agf + 32), by_size, e) < 0)
		return -1;
	if (x->ro_compat & XFS_RO_RMAP &&
	    tree(g, "owner", "RMB3", 24, 40, get_be32(agf + 24), get_be32(agf + 36), owner, e) < 0)
		return -1;
	if (x->ro_compat & XFS_RO_REFLINK && tree(g, "sharing", "R3FC", 12, 4, get_be32(agf + 88),
						  get_be32(agf + 92), sharing, e) < 0)
		return -1;
	if (tree(g, "inode", "IAB3", 16, 4, get_be32(agi + 20), get_be32(agi + 24), inode_chunk,
		 e) < 0)
		return -1;
	if (x->ro_compat & XFS_RO_FINOBT &&
	    tree(g, "free-inode", "FIB3", 16, 4, get_be32(agi + 328), get_be32(agi + 332),
		 free_chunk, e) < 0)
		return -1;
	if (before != g->v->unknown)
		return 0;
	if (g->blocks != get_be32(agf + 52) || g->by_size != g->blocks ||
	    g->longest != get_be32(agf + 56))
		say(g, place, "its trees of free space and its header do not agree");
	if (g->inodes != get_be32(agi + 16) || g->free_inodes != get_be32(agi + 28) ||
	    (x->ro_compat & XFS_RO_FINOBT && g->found_free != g->with_free))
		say(g, place + x->sector, "its trees of inodes and its header do not agree");
	return 0;
}

int xfs_check_groups(struct xfs_verify *v, struct error *e)
{
	const struct xfs *x = v->x;
	autofree uint8_t *headers = malloc(3 * (size_t)x->sector);
	if (!headers)
		return error_nomem(e);
	if (x->log_start &&
	    xfs_claim_own(v, xfs_fsb_linear(x, x->log_start), x->log_blocks, "log", e) < 0)
		return -1;
	for (uint64_t ag = 0; ag < x->ag_count; ag++) {
		struct group g = {.v = v,
				  .ag = ag,
				  .base = ag * x->ag_blocks,
				  .length = xfs_ag_length(x, ag),
				  .agf = headers,
				  .agi = headers + x->sector,
				  .agfl = headers + 2 * (size_t)x->sector};
		uint64_t own = (4ull * x->sector + x->block_size - 1) >> x->block_log;
		if (budget_check(v->b, e) < 0)
			return -1;
		if (xfs_claim_own(v, g.base, own, "headers", e) < 0)
			return -1;
		int rc = read_headers(&g, e);
		if (rc < 0 && xfs_relay(v, CHECK_GROUPS, e) < 0)
			return -1;
		if (rc > 0 && (free_list(&g, e) < 0 || check_trees(&g, e) < 0))
			return -1;
	}
	return 0;
}
