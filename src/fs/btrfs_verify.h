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
	uint64_t bytenr, generation;
	struct btrfs_key first, last;
	uint8_t level;
	struct btrfs_tally tally;
};

struct btrfs_run {
	uint64_t start, end;
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
	VEC(struct btrfs_run) sums; /* logical runs that have checksums, in order */
	bool sums_seen;		    /* all of them; if not, perhaps there are too many, or no memory for them */
	bool sums_many, sums_lost;
	uint64_t inode;		    /* the last one in v->tree; its data has checksums or not */
	bool summed;
	unsigned bad_nodes, bad_items, bad_dirs, bad_extents;
};

/* btrfs_summed.c: which data has checksums, and which should. */
void btrfs_note_inode(struct btrfs_verify *v, uint64_t number, uint64_t flags);
void btrfs_note_sums(struct btrfs_verify *v, uint64_t start, uint64_t bytes);
/* false: there should be some of an extent, and are not, or not of all. */
bool btrfs_summed(struct btrfs_verify *v, uint64_t inode, const struct btrfs_extent *x);

/* btrfs_check.c: one leaf of v->tree. What is wrong becomes findings. */
void btrfs_check_leaf(struct btrfs_verify *v, const struct btrfs_node *n, struct btrfs_tally *t);

#define btrfs_broken(v, counter, check, at, ...)                                                   \
	do {                                                                                       \
		(v)->counter++;                                                                    \
		btrfs_finding((v)->f, check, (v)->subject, OUTCOME_BROKEN, at, __VA_ARGS__);       \
	} while (0)
#define LLU(x) ((unsigned long long)(x))

#endif
