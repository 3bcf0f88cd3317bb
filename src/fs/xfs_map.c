// SPDX-License-Identifier: GPL-3.0-or-later
/* The map of a fork: extents in the inode, or a tree of them. */
#include "xfs.h"

#define LEVELS 9
#define LEAF_HEAD 72 /* of a block of the tree */

struct walk {
	const struct xfs *x;
	const struct xfs_inode *in;
	const struct xfs_map_ops *ops;
	void *ctx;
	uint64_t next; /* first logical block that may come next */
	uint64_t seen; /* extents */
	bool attr;
	uint64_t last[LEVELS], right[LEVELS]; /* by level: the last block (0: none yet), and what it says comes next */
};

static int wrong(const struct walk *w, uint64_t place, const char *what, struct error *e)
{
	return error_set(e, ERROR_CORRUPT, (int64_t)place, "inode %llu: its %smap: %s",
			 (unsigned long long)w->in->number, w->attr ? "attribute " : "", what);
}

static int extents(struct walk *w, const uint8_t *p, uint64_t count, uint64_t place,
		   struct error *e)
{
	for (uint64_t i = 0; i < count; i++, p += 16) {
		uint64_t l0 = get_be64(p), l1 = get_be64(p + 8);
		struct xfs_run r = {.logical = (l0 & INT64_MAX) >> 9,
				    .fsb = (l0 & 0x1ff) << 43 | l1 >> 21,
				    .count = l1 & ((1u << 21) - 1),
				    .unwritten = l0 >> 63};
		if (!r.count || r.logical < w->next)
			return wrong(w, place, "extents that overlap or are empty", e);
		if (!xfs_fsb_ok(w->x, r.fsb, r.count))
			return wrong(w, place, "an extent that lies outside", e);
		if (w->attr && r.unwritten)
			return wrong(w, place, "an unwritten extent", e);
		w->next = r.logical + r.count;
		w->seen++;
		int rc = w->ops->run(w->ctx, &r, e);
		if (rc)
			return rc;
	}
	return 0;
}

/* key: the first logical block below it, as its parent has it. The kernel goes by that. */
static int block(struct walk *w, uint64_t fsb, unsigned level, uint64_t key, struct error *e)
{
	const struct xfs *x = w->x;
	if (!xfs_fsb_ok(x, fsb, 1))
		return wrong(w, w->in->place, "a block of it lies outside", e);
	uint64_t place = xfs_fsb_place(x, fsb);
	autofree uint8_t *b = malloc(x->block_size);
	if (!b)
		return error_nomem(e);
	if (source_read_at(x->src, place, b, x->block_size, e) < 0)
		return -1;
	unsigned count = get_be16(b + 6), max = (x->block_size - LEAF_HEAD) / 16;
	if (memcmp(b, "BMA3", 4))
		return wrong(w, place, "a block of it has no magic", e);
	if (xfs_block_check(x, b, x->block_size, 64, 24, w->in->number, place, "map block", e) < 0)
		return -1;
	if (get_be16(b + 4) != level || !count || count > max)
		return wrong(w, place, "a block of it makes no sense", e);
	uint64_t first = get_be64(b + LEAF_HEAD);
	if ((level ? first : (first & INT64_MAX) >> 9) != key)
		return wrong(w, place, "a block of it does not begin where its parent says", e);
	uint64_t left = get_be64(b + 8);
	if (w->last[level] ? left != w->last[level] || w->right[level] != fsb : left != XFS_NULL64)
		return wrong(w, place, "a block of it is not chained to its neighbours", e);
	w->last[level] = fsb;
	w->right[level] = get_be64(b + 16);
	int rc = w->ops->node ? w->ops->node(w->ctx, fsb, e) : 0;
	if (rc)
		return rc;
	if (!level)
		return extents(w, b + LEAF_HEAD, count, place, e);
	for (unsigned i = 0; i < count; i++) {
		if (get_be64(b + LEAF_HEAD + i * 8) < w->next)
			return wrong(w, place, "keys out of order", e);
		rc = block(w, get_be64(b + LEAF_HEAD + (size_t)max * 8 + i * 8), level - 1,
			   get_be64(b + LEAF_HEAD + i * 8), e);
		if (rc)
			return rc;
	}
	return 0;
}

static int root(struct walk *w, const uint8_t *p, size_t len, struct error *e)
{
	if (len < 20)
		return wrong(w, w->in->place, "no room for its root", e);
	unsigned level = get_be16(p), count = get_be16(p + 2), max = (unsigned)(len - 4) / 16;
	if (!level || level > LEVELS || !count || count > max)
		return wrong(w, w->in->place, "its root makes no sense", e);
	for (unsigned i = 0; i < count; i++) {
		if (get_be64(p + 4 + i * 8) < w->next)
			return wrong(w, w->in->place, "keys out of order", e);
		int rc = block(w, get_be64(p + 4 + (size_t)max * 8 + i * 8), level - 1, get_be64(p + 4 + i * 8), e);
		if (rc)
			return rc;
	}
	for (unsigned i = 0; i < level; i++)
		if (w->right[i] != XFS_NULL64)
			return wrong(w, w->in->place, "its blocks do not end where they should", e);
	return 0;
}

int xfs_map(const struct xfs *x, const struct xfs_inode *in, int fork,
	    const struct xfs_map_ops *ops, void *ctx, struct error *e)
{
	struct walk w = {.x = x, .in = in, .ops = ops, .ctx = ctx, .attr = fork == XFS_ATTR_FORK};
	uint8_t format = w.attr ? in->attr_format : in->format;
	uint64_t stated = w.attr ? in->attr_extents : in->extents;
	int rc;
	if (!in->fork_len[fork])
		return 0;
	if (format == XFS_FMT_EXTENTS)
		rc = extents(&w, in->fork[fork], stated, in->place, e);
	else if (format == XFS_FMT_BTREE)
		rc = root(&w, in->fork[fork], in->fork_len[fork], e);
	else
		return 0;
	if (!rc && w.seen != stated)
		return wrong(&w, in->place, "not as many extents as the inode says", e);
	return rc;
}

static int keep(void *ctx, const struct xfs_run *run, struct error *e)
{
	struct xfs_runs *r = ctx;
	struct xfs_run *last = r->count ? &r->items[r->count - 1] : NULL;
	if (last && last->logical + last->count == run->logical &&
	    last->fsb + last->count == run->fsb && last->unwritten == run->unwritten) {
		last->count += run->count;
		return 0;
	}
	struct xfs_run *item = vec_push(r);
	if (!item)
		return error_nomem(e);
	*item = *run;
	return 0;
}

int xfs_map_all(const struct xfs *x, const struct xfs_inode *in, int fork, struct xfs_runs *out,
		struct error *e)
{
	static const struct xfs_map_ops ops = {.run = keep};
	return xfs_map(x, in, fork, &ops, out, e);
}

const struct xfs_run *xfs_runs_find(const struct xfs_runs *r, uint64_t logical)
{
	size_t low = 0, high = r->count;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		const struct xfs_run *it = &r->items[mid];
		if (logical < it->logical)
			high = mid;
		else if (logical - it->logical >= it->count)
			low = mid + 1;
		else
			return it;
	}
	return NULL;
}

int xfs_runs_read(const struct xfs *x, const struct xfs_inode *in, const struct xfs_runs *r,
		  uint64_t logical, uint64_t count, uint8_t *buf, uint64_t *place, struct error *e)
{
	*place = 0;
	while (count) {
		const struct xfs_run *run = xfs_runs_find(r, logical);
		if (!run || run->unwritten)
			return error_set(e, ERROR_CORRUPT, (int64_t)in->place,
					 "inode %llu: block %llu of it is missing",
					 (unsigned long long)in->number,
					 (unsigned long long)logical);
		uint64_t in_run = logical - run->logical, n = run->count - in_run;
		uint64_t at = xfs_fsb_place(x, run->fsb + in_run);
		if (n > count)
			n = count;
		if (!*place)
			*place = at;
		if (source_read_at(x->src, at, buf, (size_t)(n << x->block_log), e) < 0)
			return -1;
		buf += n << x->block_log;
		logical += n;
		count -= n;
	}
	return 0;
}
