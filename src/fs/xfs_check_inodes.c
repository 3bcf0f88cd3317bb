// SPDX-License-Identifier: GPL-3.0-or-later
/* Every inode, in the order in which they lie, in large reads. */
#include "xfs_verify.h"

#define BATCH (512 * 1024)

struct tally {
	struct xfs_verify *v;
	const struct xfs_inode *in;
	uint64_t blocks, taken, first;
	bool sharing;
};

static int count_run(void *ctx, const struct xfs_run *r, struct error *e)
{
	struct tally *t = ctx;
	uint64_t taken, first;
	if (budget_check(t->v->b, e) < 0)
		return -1;
	if (xfs_claim(t->v, xfs_fsb_linear(t->v->x, r->fsb), r->count, t->sharing, &taken, &first,
		      e) < 0)
		return -1;
	if (taken && !t->taken)
		t->first = first;
	t->taken += taken;
	t->blocks += r->count;
	t->v->extents++;
	return 0;
}

static int count_node(void *ctx, uint64_t fsb, struct error *e)
{
	struct tally *t = ctx;
	t->blocks++;
	t->v->nodes++;
	return xfs_claim_own(t->v, xfs_fsb_linear(t->v->x, fsb), 1, "a map", e) < 0 ? -1 : 0;
}

static int count_attribute(void *ctx, const struct xfs_xattr *a, struct error *e)
{
	struct xfs_verify *v = ctx;
	(void)a;
	(void)e;
	v->attributes++;
	return 0;
}

static int check_maps(struct xfs_verify *v, const struct xfs_inode *in, struct error *e)
{
	static const struct xfs_map_ops ops = {count_run, count_node};
	struct tally t = {.v = v, .in = in, .sharing = in->flags2 & XFS_REFLINKED};
	unsigned long long n = in->number;
	bool realtime = in->flags & XFS_REALTIME && xfs_inode_type(in->mode) == XFS_FT_FILE;
	if (realtime && !v->x->rt_blocks)
		xfs_say(v, CHECK_INODES, (int64_t)in->place,
			"inode %llu is on the realtime device, which the file system has not", n);
	if (!realtime && xfs_map(v->x, in, XFS_DATA_FORK, &ops, &t, e) < 0)
		return xfs_relay(v, CHECK_INODES, e);
	t.sharing = false;
	if (xfs_map(v->x, in, XFS_ATTR_FORK, &ops, &t, e) < 0)
		return xfs_relay(v, CHECK_INODES, e);
	if (t.taken)
		xfs_say(
		    v, CHECK_CLAIMS, (int64_t)in->place,
		    "inode %llu: %llu blocks belong to something else too, the first at byte %llu",
		    n, (unsigned long long)t.taken,
		    (unsigned long long)(t.first << v->x->block_log));
	if (!realtime && t.blocks != in->blocks)
		xfs_say(v, CHECK_INODES, (int64_t)in->place,
			"inode %llu: it has %llu blocks, but says %llu", n,
			(unsigned long long)t.blocks, (unsigned long long)in->blocks);
	return 0;
}

static int check_used(struct xfs_verify *v, struct xfs_chunk *c, unsigned i,
		      const struct xfs_inode *in, struct error *e)
{
	uint8_t type = xfs_inode_type(in->mode);
	if (!in->mode) {
		xfs_say(v, CHECK_INODES, (int64_t)in->place,
			"inode %llu is not in use, but marked so", (unsigned long long)in->number);
		return 0;
	}
	v->inodes++;
	c->type[i] = type;
	c->left[i] = in->links > INT32_MAX ? INT32_MAX : (int32_t)in->links;
	if (!in->links) {
		c->orphans |= UINT64_C(1) << i;
		v->orphans++;
	}
	if (in->ctime > v->newest && in->ctime <= v->now)
		v->newest = in->ctime;
	if (check_maps(v, in, e) < 0)
		return -1;
	if (type == XFS_FT_DIR && in->links) {
		struct xfs_folder *d = vec_push(&v->dirs);
		if (!d)
			return error_nomem(e);
		d->inode = in->number;
	}
	if (type == XFS_FT_LINK && in->links) {
		autofree char *target = xfs_link_target(v->x, in, e);
		if (!target && xfs_relay(v, CHECK_INODES, e) < 0)
			return -1;
	}
	/* A file that waits to be freed may be half gone. */
	if (in->links && xfs_xattr_each(v->x, in, count_attribute, v, e) < 0)
		return xfs_relay(v, CHECK_XATTRS, e);
	return 0;
}

static int check_chunk(struct xfs_verify *v, struct xfs_chunk *c, const uint8_t *raw,
		       struct error *e)
{
	for (unsigned i = 0; i < 64; i++) {
		struct xfs_inode in;
		bool free_one = c->free >> i & 1;
		if (!(c->present >> i & 1))
			continue;
		if (xfs_inode_parse(v->x, c->first + i, raw + ((size_t)i << v->x->inode_log), &in,
				    e) < 0) {
			if (xfs_relay(v, CHECK_INODES, e) < 0)
				return -1;
		} else if (!free_one) {
			if (check_used(v, c, i, &in, e) < 0)
				return -1;
		} else if (in.mode) {
			xfs_say(v, CHECK_INODES, (int64_t)in.place,
				"inode %llu is in use, but marked free",
				(unsigned long long)in.number);
		}
	}
	return 0;
}

int xfs_check_inodes(struct xfs_verify *v, struct error *e)
{
	const struct xfs *x = v->x;
	size_t size = (size_t)64 << x->inode_log, most = BATCH / size;
	autofree uint8_t *raw = malloc(BATCH);
	if (!raw)
		return error_nomem(e);
	for (size_t i = 0; i < v->chunks.count;) {
		uint64_t place = xfs_inode_place(x, v->chunks.items[i].first);
		size_t n = 1;
		/* Those that lie side by side come in one read. */
		while (n < most && i + n < v->chunks.count &&
		       xfs_inode_place(x, v->chunks.items[i + n].first) == place + n * size)
			n++;
		if (budget_check(v->b, e) < 0)
			return -1;
		/* A sparse chunk may reach over the end of the last group, with nothing there. */
		uint64_t room = place < source_size(x->plain) ? source_size(x->plain) - place : 0;
		size_t len = n * size < room ? n * size : (size_t)room;
		memset(raw + len, 0, n * size - len);
		if (!place || source_read_at(x->plain, place, raw, len, e) < 0) {
			if (!place)
				error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET,
					  "inodes that can't be");
			if (xfs_relay(v, CHECK_INODES, e) < 0)
				return -1;
			i += n;
			continue;
		}
		for (size_t k = 0; k < n; k++)
			if (check_chunk(v, &v->chunks.items[i + k], raw + k * size, e) < 0)
				return -1;
		i += n;
	}
	return 0;
}
