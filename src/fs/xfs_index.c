// SPDX-License-Identifier: GPL-3.0-or-later
/* The hash index of a directory: every name is in it once, in order, and nothing else is. */
#include "xfs.h"

#define HEAD 64
#define DEPTH 5

struct name {
	uint32_t address, hash;
	bool seen;
};

struct index {
	const struct xfs *x;
	const struct xfs_inode *in;
	const struct xfs_runs *runs;
	VEC(struct name) names; /* by address */
	uint64_t left;		/* blocks that may still be visited */
	uint64_t blocks, found;
	uint32_t hash;	  /* last one */
	uint32_t forward; /* what the last leaf says comes next */
	uint32_t last;	  /* the last leaf; 0 before the first */
	uint64_t place;
};

static void index_free(struct index *i)
{
	vec_free(&i->names);
}

static int wrong(const struct index *i, const char *what, struct error *e)
{
	return error_set(e, ERROR_CORRUPT, (int64_t)i->place, "directory inode %llu: its index: %s",
			 (unsigned long long)i->in->number, what);
}

static int keep(void *ctx, const struct xfs_dirent *d, struct error *e)
{
	struct index *i = ctx;
	struct name *n = vec_push(&i->names);
	char folded[256];
	if (!n)
		return error_nomem(e);
	memcpy(folded, d->name, d->length);
	for (size_t k = 0; i->x->fold && k < d->length; k++)
		if (folded[k] >= 'A' && folded[k] <= 'Z')
			folded[k] = (char)(folded[k] + 32);
	n->address = d->address;
	n->hash = xfs_name_hash(folded, d->length);
	return 0;
}

static int entries(struct index *i, const uint8_t *p, unsigned count, unsigned stale,
		   struct error *e)
{
	unsigned gone = 0;
	for (unsigned k = 0; k < count; k++, p += 8) {
		uint32_t hash = get_be32(p), address = get_be32(p + 4);
		if (hash < i->hash)
			return wrong(i, "out of order", e);
		i->hash = hash;
		if (!address) {
			gone++;
			continue;
		}
		size_t low = 0, high = i->names.count;
		while (low < high) {
			size_t mid = low + (high - low) / 2;
			if (i->names.items[mid].address < address)
				low = mid + 1;
			else
				high = mid;
		}
		struct name *n = low < i->names.count ? &i->names.items[low] : NULL;
		if (!n || n->address != address || n->hash != hash)
			return wrong(i, "it names an entry that is not there", e);
		if (n->seen)
			return wrong(i, "it names an entry twice", e);
		n->seen = true;
		i->found++;
	}
	return gone == stale ? 0 : wrong(i, "its count of stale entries is wrong", e);
}

static int tree(struct index *i, uint32_t logical, int level, struct error *e)
{
	const struct xfs *x = i->x;
	size_t room = x->dir_size - HEAD;
	autofree uint8_t *b = malloc(x->dir_size);
	if (!b)
		return error_nomem(e);
	if (!i->left)
		return wrong(i, "it has a loop", e);
	i->left--;
	if (logical < xfs_dir_leaf(x))
		return wrong(i, "a block of it lies among the entries", e);
	if (xfs_dir_read(x, i->in, i->runs, XFS_DIR_INDEX, logical, b, &i->place, e) < 0)
		return -1;
	i->blocks++;
	unsigned magic = get_be16(b + 8), count = get_be16(b + 56), second = get_be16(b + 58);
	if (magic == 0x3ebe) {
		if (!second || second > DEPTH || (level >= 0 && (unsigned)level != second) ||
		    !count || count > room / 8)
			return wrong(i, "a node that makes no sense", e);
		for (unsigned k = 0; k < count; k++) {
			const uint8_t *en = b + HEAD + k * 8;
			if (tree(i, get_be32(en + 4), (int)second - 1, e) < 0)
				return -1;
			if (i->hash > get_be32(en))
				return wrong(i, "the hashes of a node are not those below it", e);
		}
		return 0;
	}
	if (magic == 0x3df1 ? level != -1 : level > 0)
		return wrong(i, "a leaf in the wrong place", e);
	/* A single leaf ends with what room the blocks have, and how many of those there are. */
	size_t behind = magic == 0x3df1 ? 4 + 2 * (size_t)get_be32(b + x->dir_size - 4) : 0;
	if (behind > room || count > (room - behind) / 8)
		return wrong(i, "a leaf that makes no sense", e);
	if (i->last && (i->forward != logical || get_be32(b + 4) != i->last))
		return wrong(i, "its leaves are not chained as they lie", e);
	if (!i->last && get_be32(b + 4))
		return wrong(i, "its first leaf has one before it", e);
	i->last = logical;
	i->forward = get_be32(b);
	return entries(i, b + HEAD, count, second, e);
}

/* What tells where there is room; nothing is read by it. */
static int free_blocks(struct index *i, struct error *e)
{
	const struct xfs *x = i->x;
	uint64_t per = UINT64_C(1) << x->dir_log, from = 2 * xfs_dir_leaf(x), next = from;
	autofree uint8_t *b = malloc(x->dir_size);
	if (!b)
		return error_nomem(e);
	for (size_t k = 0; k < i->runs->count; k++) {
		const struct xfs_run *r = &i->runs->items[k];
		for (uint64_t at = r->logical / per * per; at < r->logical + r->count; at += per) {
			if (at < next)
				continue;
			next = at + per;
			if (xfs_dir_read(x, i->in, i->runs, XFS_DIR_FREE, at, b, &i->place, e) < 0)
				return -1;
			uint32_t valid = get_be32(b + 52), most = (x->dir_size - HEAD) / 2;
			if (valid > most || get_be32(b + 56) > valid ||
			    get_be32(b + 48) != (at - from) / per * most)
				return wrong(i, "a free-space block that makes no sense", e);
			i->blocks++;
		}
	}
	return 0;
}

int xfs_index_check(const struct xfs *x, const struct xfs_inode *in, const struct xfs_runs *runs,
		    uint64_t *blocks, struct error *e)
{
	struct index i autodestroy(index_free) = {
	    .x = x, .in = in, .runs = runs, .place = in->place};
	if (in->format == XFS_FMT_LOCAL)
		return 0;
	if (xfs_dir_each(x, in, runs, keep, &i, e) < 0)
		return -1;
	for (size_t k = 0; k < runs->count; k++)
		if (runs->items[k].logical >= xfs_dir_leaf(x))
			i.left += runs->items[k].count;
	autofree uint8_t *b = malloc(x->dir_size);
	if (!b)
		return error_nomem(e);
	if (xfs_dir_read(x, in, runs, XFS_DIR_DATA, 0, b, &i.place, e) < 0)
		return -1;
	if (!memcmp(b, "XDB3", 4)) {
		uint32_t count = get_be32(b + x->dir_size - 8);
		if (count > (x->dir_size - HEAD - 8) / 8)
			return wrong(&i, "it does not fit", e);
		if (entries(&i, b + x->dir_size - 8 - (size_t)count * 8, count,
			    get_be32(b + x->dir_size - 4), e) < 0)
			return -1;
	} else {
		if (xfs_dir_leaf(x) > UINT32_MAX)
			return wrong(&i, "block size", e);
		if (tree(&i, (uint32_t)xfs_dir_leaf(x), -1, e) < 0 || free_blocks(&i, e) < 0)
			return -1;
		if (i.forward)
			return wrong(&i, "its last leaf has one after it", e);
	}
	if (i.found != i.names.count)
		return wrong(&i, "names are missing in it", e);
	*blocks += i.blocks;
	return 0;
}
