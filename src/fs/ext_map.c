// SPDX-License-Identifier: GPL-3.0-or-later
/* Where an inode's blocks are: extent trees and block maps, each part checked before it is used. */
#ifdef HAVE_EXT2FS
#include "ext.h"

#define EXTENT_DEPTH_MAX 5
#define LOGICAL_END (UINT64_C(1) << 32)

struct mapper {
	const struct ext *x;
	const struct ext_inode *in;
	const struct ext_map_ops *ops;
	void *ctx;
	uint64_t pointers; /* in block maps: bounds hostile ones */
};

static int bad(const struct mapper *m, uint64_t place, struct error *e, const char *what)
{
	return error_set(e, ERROR_CORRUPT, (int64_t)place, "inode %u: %s", m->in->number, what);
}

static int report_node(struct mapper *m, uint64_t block, struct error *e)
{
	return m->ops->node ? m->ops->node(m->ctx, block, e) : 0;
}

static bool inside(const struct mapper *m, uint64_t block, uint64_t count)
{
	uint64_t end;
	return block >= m->x->first_block && block && !add_overflows(block, count, &end) &&
	       end <= m->x->blocks;
}

static int leaf_entries(struct mapper *m, const uint8_t *node, uint64_t place, uint64_t low,
			uint64_t high, struct error *e)
{
	unsigned entries = get_le16(node + 2);
	for (unsigned i = 0; i < entries; i++) {
		const uint8_t *p = node + 12 + i * 12;
		uint32_t len = get_le16(p + 4);
		struct ext_run run = {
			.logical = get_le32(p),
			.physical = get_le32(p + 8) | (uint64_t)get_le16(p + 6) << 32,
			.count = len > EXT_INIT_MAX_LEN ? len - EXT_INIT_MAX_LEN : len,
			.unwritten = len > EXT_INIT_MAX_LEN,
		};
		if (!run.count || run.logical < low || run.logical + run.count > high)
			return bad(m, place, e, "extents out of order");
		if (!inside(m, run.physical, run.count))
			return bad(m, place, e, "an extent lies outside the file system");
		low = run.logical + run.count;
		int rc = m->ops->run(m->ctx, &run, e);
		if (rc)
			return rc;
	}
	return 0;
}

/*
 * One node and what is below it. Every entry must lie in low .. high, which its parent gave it: so no
 * block can be visited twice to any effect, and the work is bounded by what is really there.
 */
static int extent_node(struct mapper *m, const uint8_t *node, size_t room, uint64_t place,
		       int depth, uint64_t low, uint64_t high, struct error *e)
{
	const struct ext *x = m->x;
	unsigned entries = get_le16(node + 2), max = get_le16(node + 4), level = get_le16(node + 6);
	if (get_le16(node) != EXT3_EXT_MAGIC || level > EXTENT_DEPTH_MAX ||
	    (depth >= 0 && level != (unsigned)depth) || !max || entries > max ||
	    max > (room - 12) / 12)
		return bad(m, place, e, "an extent header makes no sense");
	/* Kernels from 5.18 on read nothing behind an index that begins elsewhere than what is below it. */
	if (depth >= 0 && entries && get_le32(node + 12) != low)
		return bad(m, place, e, "an extent block does not begin where its index says");
	if (!level)
		return leaf_entries(m, node, place, low, high, e);
	if (!entries)
		return bad(m, place, e, "an empty extent index");
	autofree uint8_t *child = malloc(x->block_size);
	if (!child)
		return error_nomem(e);
	for (unsigned i = 0; i < entries; i++) {
		const uint8_t *p = node + 12 + i * 12;
		uint64_t from = get_le32(p), block = get_le32(p + 4) | (uint64_t)get_le16(p + 8)
									       << 32;
		uint64_t to = i + 1 < entries ? get_le32(p + 12) : high;
		if (from < low || to <= from || to > high)
			return bad(m, place, e, "extent indexes out of order");
		if (!inside(m, block, 1))
			return bad(m, place, e, "an extent index points outside the file system");
		int rc = report_node(m, block, e);
		if (rc)
			return rc;
		uint64_t at = block * x->block_size;
		if (source_read_at(x->src, at, child, x->block_size, e) < 0)
			return error_prefix(e, "inode %u: extent block", m->in->number);
		size_t max_child = get_le16(child + 4);
		if (x->csum) {
			/* The sum stands after the last possible entry. */
			size_t tail = 12 + max_child * 12;
			if (tail + 4 > x->block_size || ext_csum(x, ext_inode_seed(x, m->in), child,
								 tail) != get_le32(child + tail))
				return bad(m, at, e, "wrong checksum of an extent block");
		}
		rc = extent_node(m, child, x->block_size, at, (int)level - 1, from, to, e);
		if (rc)
			return rc;
		low = to;
	}
	return 0;
}

/* Pointers of one block of a map, or of the inode: level 0 points to data. */
static int pointers(struct mapper *m, const uint8_t *p, unsigned count, unsigned level,
		    uint64_t logical, uint64_t place, struct error *e);

static int indirect(struct mapper *m, uint64_t block, unsigned level, uint64_t logical,
		    struct error *e)
{
	const struct ext *x = m->x;
	int rc = report_node(m, block, e);
	if (rc)
		return rc;
	autofree uint8_t *buf = malloc(x->block_size);
	if (!buf)
		return error_nomem(e);
	uint64_t at = block * x->block_size;
	if (source_read_at(x->src, at, buf, x->block_size, e) < 0)
		return error_prefix(e, "inode %u: indirect block", m->in->number);
	if (is_zero(buf, x->block_size))
		return 0;
	return pointers(m, buf, x->block_size / 4, level, logical, at, e);
}

static int pointers(struct mapper *m, const uint8_t *p, unsigned count, unsigned level,
		    uint64_t logical, uint64_t place, struct error *e)
{
	uint64_t span = 1;
	for (unsigned i = 0; i < level; i++)
		span *= m->x->block_size / 4;
	struct ext_run run = {0};
	for (unsigned i = 0; i < count; i++, logical += span) {
		uint32_t block = get_le32(p + i * 4ul);
		if (!block)
			continue;
		if (!inside(m, block, 1))
			return bad(m, place, e, "a block pointer outside the file system");
		if (++m->pointers > m->x->blocks)
			return bad(m, place, e, "more blocks than the file system has");
		int rc = 0;
		if (level) {
			rc = indirect(m, block, level - 1, logical, e);
		} else if (run.count && run.physical + run.count == block &&
			   run.logical + run.count == logical) {
			run.count++;
		} else {
			if (run.count)
				rc = m->ops->run(m->ctx, &run, e);
			run = (struct ext_run){.logical = logical, .physical = block, .count = 1};
		}
		if (rc)
			return rc;
	}
	return run.count ? m->ops->run(m->ctx, &run, e) : 0;
}

int ext_map(const struct ext *x, const struct ext_inode *in, const struct ext_map_ops *ops,
	    void *ctx, struct error *e)
{
	struct mapper m = {.x = x, .in = in, .ops = ops, .ctx = ctx};
	const uint8_t *p = in->raw + 0x28;
	uint64_t at = in->place + 0x28;
	if (in->flags & EXT4_EXTENTS_FL)
		return extent_node(&m, p, 60, at, -1, 0, LOGICAL_END, e);
	uint64_t per = x->block_size / 4, logical = 12;
	int rc = pointers(&m, p, 12, 0, 0, at, e);
	for (unsigned level = 1; level <= 3 && !rc; level++) {
		rc = pointers(&m, p + 4 * (11 + level), 1, level, logical, at, e);
		uint64_t span = per;
		for (unsigned i = 1; i < level; i++)
			span *= per;
		logical += span;
	}
	return rc;
}

#define RUNS_MAX (4u * 1024 * 1024)

static int collect(void *ctx, const struct ext_run *run, struct error *e)
{
	struct ext_runs *r = ctx;
	struct ext_run *last = r->count ? &r->items[r->count - 1] : NULL;
	if (last && last->logical + last->count == run->logical &&
	    last->physical + last->count == run->physical && last->unwritten == run->unwritten) {
		last->count += run->count;
		return 0;
	}
	if (r->count >= RUNS_MAX)
		return error_set(e, ERROR_LIMIT, ERROR_NO_OFFSET, "a file in more than %u pieces",
				 RUNS_MAX);
	struct ext_run *it = vec_push(r);
	if (!it)
		return error_nomem(e);
	*it = *run;
	return 0;
}

int ext_map_all(const struct ext *x, const struct ext_inode *in, struct ext_runs *out,
		struct error *e)
{
	static const struct ext_map_ops ops = {.run = collect};
	return ext_map(x, in, &ops, out, e);
}

uint64_t ext_runs_find(const struct ext_runs *r, uint64_t logical)
{
	size_t low = 0, high = r->count;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		const struct ext_run *it = &r->items[mid];
		if (logical < it->logical)
			high = mid;
		else if (logical >= it->logical + it->count)
			low = mid + 1;
		else
			return it->unwritten ? 0 : it->physical + (logical - it->logical);
	}
	return 0;
}
#endif
