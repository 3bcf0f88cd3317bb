// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Data that should have checksums and has none: no read of it succeeds, and no scrub notices, since that goes by the
 * checksums that there are. The tree of checksums is walked before those of files; where it has more runs than are kept
 * at once, those of files are gone through again, once for each part of it.
 */
#include "btrfs_verify.h"

void btrfs_note_inode(struct btrfs_verify *v, uint64_t number, uint64_t flags)
{
	v->inode = number;
	v->summed = !(flags & BTRFS_NODATASUM);
}

void btrfs_note_sums(struct btrfs_verify *v, uint64_t start, uint64_t bytes)
{
	struct btrfs_run *last = v->sums.count ? &v->sums.items[v->sums.count - 1] : NULL;
	if (!v->sums_seen || start >= v->sums_to)
		return;
	if (last && last->end == start) {
		last->end += bytes;
		return;
	}
	if (v->sums.count >= v->fs->runs_max) {
		v->sums_to = start;
		return;
	}
	struct btrfs_run *to = vec_push(&v->sums);
	if (to)
		*to = (struct btrfs_run){start, start + bytes};
	else
		v->sums_lost = !(v->sums_seen = false);
}

int btrfs_sums_next(struct btrfs_verify *v, struct error *e)
{
	struct btrfs_cursor c autocursor = {0};
	struct btrfs_key from = {BTRFS_CSUM_OBJECT, KEY_CSUM, v->sums_to};
	if (v->sums_to == UINT64_MAX)
		return 0;
	v->sums_from = v->sums_to;
	v->sums_to = UINT64_MAX;
	v->sums.count = 0;
	int rc = btrfs_seek(&c, v->fs, btrfs_tree_by_id(v->fs, BTRFS_CSUM_TREE), &from, e);
	for (; rc > 0 && v->sums_to == UINT64_MAX; rc = btrfs_next(&c, e))
		btrfs_note_sums(v, c.key.offset, c.size / v->fs->sum_bytes * (uint64_t)v->fs->sector);
	return rc < 0 ? -1 : 1;
}

/* What lies outside of sums_from .. sums_to is asked another time. */
static bool covers(const struct btrfs_verify *v, uint64_t start, uint64_t bytes)
{
	size_t low = 0, high = v->sums.count;
	uint64_t end = start + bytes;
	start = start > v->sums_from ? start : v->sums_from;
	end = end < v->sums_to ? end : v->sums_to;
	if (start >= end)
		return true;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (v->sums.items[mid].start <= start)
			low = mid + 1;
		else
			high = mid;
	}
	return low && v->sums.items[low - 1].end >= end;
}

bool btrfs_summed(struct btrfs_verify *v, uint64_t inode, const struct btrfs_extent *x)
{
	struct btrfs_inode in;
	struct error e = {0};
	if (!v->sums_seen || x->type != 1 || !x->disk)
		return true;
	/* In another leaf, and that was seen in another snapshot: it is looked up. */
	if (v->inode != inode) {
		if (btrfs_inode_read(v->fs, v->tree, inode, &in, &e) < 0) {
			v->sums_lost |= e.cls == ERROR_INTERNAL;
			return true; /* told elsewhere */
		}
		btrfs_note_inode(v, inode, in.flags);
	}
	if (!v->summed)
		return true;
	return x->packed ? covers(v, x->disk, x->disk_bytes) : covers(v, x->disk + x->offset, x->bytes);
}

/* 1 what a log brought has checksums, in a log or in the tree, or should have none; 0, -1. */
static int logged_summed(struct btrfs *fs, const struct btrfs_tree *t, const struct btrfs_patch *p, struct error *e)
{
	struct btrfs_extent x;
	struct btrfs_inode in;
	struct btrfs_sums sums autodestroy(btrfs_sums_end) = {0};
	if (btrfs_extent_parse(fs, p->data, p->size, &x, e) < 0)
		return -1;
	if (x.type != 1 || !x.disk)
		return 1;
	if (btrfs_inode_read(fs, t, p->key.objectid, &in, e) < 0)
		return -1;
	if (in.flags & BTRFS_NODATASUM)
		return 1;
	return btrfs_sums_cover(fs, &sums, x.packed ? x.disk : x.disk + x.offset, x.packed ? x.disk_bytes : x.bytes, e);
}

int btrfs_check_logged(struct btrfs_verify *v, struct error *e)
{
	vec_each(&v->fs->trees, t)
	{
		struct btrfs_key at = {0};
		const struct btrfs_patch *p;
		while ((p = btrfs_overlay_from(t->overlay, &at, true))) {
			at = p->key;
			int rc = p->deleted || at.type != KEY_EXTENT_DATA ? 1 : logged_summed(v->fs, t, p, e);
			if (rc < 0 && e->cls != ERROR_CORRUPT)
				return -1;
			if (rc <= 0)
				btrfs_broken(v, bad_extents, "btrfs.log", -1, "subvolume %llu inode %llu: what the log "
					     "brings at %llu should have checksums and has none", LLU(t->id),
					     LLU(at.objectid), LLU(at.offset));
		}
	}
	return 0;
}
