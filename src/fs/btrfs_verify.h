// SPDX-License-Identifier: GPL-3.0-or-later
/* What the files of the walk of all metadata share. */
#ifndef FS_BTRFS_VERIFY_H
#define FS_BTRFS_VERIFY_H

#include "btrfs.h"

/* Sums that do not depend on order, so that shared parts of snapshots are read once. */
struct btrfs_tally {
	uint64_t items, indexes; /* hashes of directory entries, by name and by index */
	uint64_t named, refs;	 /* hashes of what names and references say of each other */
	uint64_t links, linked;	 /* link counts, references */
	uint64_t inodes, entries, extents;
	int64_t newest;
};

struct btrfs_known {
	uint64_t bytenr, generation, first;
	uint8_t level;
	struct btrfs_tally tally;
};

struct btrfs_verify {
	struct btrfs *fs;
	const char *subject;
	struct findings *f;
	const struct budget *b;
	int64_t now;
	const struct btrfs_tree *tree; /* under way */
	bool files;		       /* it is a subvolume */
	uint64_t end;		       /* of the last extent or run of checksums in it */
	uint64_t used, dev_extents, devices, nodes, copies, sum_bytes;
	struct btrfs_tally total;
	struct btrfs_known *known; /* nodes of subvolumes: open addressing, bytenr 0 is empty */
	size_t slots, stored;
	unsigned bad_nodes, bad_items, bad_dirs, bad_extents;
};

/* btrfs_check.c: one leaf of v->tree. What is wrong becomes findings. */
void btrfs_check_leaf(struct btrfs_verify *v, const struct btrfs_node *n, struct btrfs_tally *t);

#define btrfs_broken(v, counter, check, at, ...)                                                   \
	do {                                                                                       \
		(v)->counter++;                                                                    \
		btrfs_finding((v)->f, check, (v)->subject, OUTCOME_BROKEN, at, __VA_ARGS__);       \
	} while (0)
#define LLU(x) ((unsigned long long)(x))

#endif
