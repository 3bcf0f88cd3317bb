// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Data that should have checksums and has none: no read of it succeeds, and no scrub notices, since that goes by the
 * checksums that there are. The tree of checksums is walked before those of files.
 */
#include "btrfs_verify.h"

#define RUNS_MAX (4u << 20) /* 64 MiB; of data in more pieces this is not asked */

void btrfs_note_inode(struct btrfs_verify *v, uint64_t number, uint64_t flags)
{
	v->inode = number;
	v->summed = !(flags & BTRFS_NODATASUM);
}

void btrfs_note_sums(struct btrfs_verify *v, uint64_t start, uint64_t bytes)
{
	struct btrfs_run *last = v->sums.count ? &v->sums.items[v->sums.count - 1] : NULL;
	if (!v->sums_seen)
		return;
	if (last && last->end == start) {
		last->end += bytes;
		return;
	}
	v->sums_many = v->sums.count >= RUNS_MAX;
	struct btrfs_run *to = v->sums_many ? NULL : vec_push(&v->sums);
	v->sums_lost |= !to && !v->sums_many;
	v->sums_seen = to;
	if (to)
		*to = (struct btrfs_run){start, start + bytes};
}

static bool covers(const struct btrfs_verify *v, uint64_t start, uint64_t bytes)
{
	size_t low = 0, high = v->sums.count;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (v->sums.items[mid].start <= start)
			low = mid + 1;
		else
			high = mid;
	}
	return low && v->sums.items[low - 1].end >= start + bytes;
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
