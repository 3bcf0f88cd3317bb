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
	uint64_t used, dev_extents, devices, groups, group_bytes, nodes, copies, sum_bytes;
	uint64_t nodes_used, nodes_allocated, data_used, data_allocated; /* sums of hashes */
	uint64_t owners_used, owners_allocated, tiled;
	bool shared; /* some references are of nodes, not of trees */
	uint64_t owing, refs_owed; /* of the last allocated run: its references that are to follow it */
	struct btrfs_tally total;
	struct btrfs_known *known; /* nodes of subvolumes: open addressing, bytenr 0 is empty */
	size_t slots, stored;
	VEC(struct btrfs_run) sums; /* logical runs that have checksums, in order, from sums_from to sums_to */
	uint64_t sums_from, sums_to;
	bool sums_seen; /* all of them there; if not, perhaps there is no memory for them */
	bool sums_lost;
	bool again; /* only for checksums of data: all else has been looked at */
	uint64_t inode;		    /* the last one in v->tree; its data has checksums or not */
	bool summed;
	unsigned bad_nodes, bad_items, bad_dirs, bad_extents;
};

/* btrfs_summed.c: which data has checksums, and which should. */
void btrfs_note_inode(struct btrfs_verify *v, uint64_t number, uint64_t flags);
void btrfs_note_sums(struct btrfs_verify *v, uint64_t start, uint64_t bytes);
/* The part behind that which is kept takes its place. 1, 0 there is none, -1. */
int btrfs_sums_next(struct btrfs_verify *v, struct error *e) must_check;
/* false: there should be some of an extent, and are not, or not of all. */
bool btrfs_summed(struct btrfs_verify *v, uint64_t inode, const struct btrfs_extent *x);

/* The same of what the logs brought. */
int btrfs_check_logged(struct btrfs_verify *v, struct error *e) must_check;

/* btrfs_refs.c: who uses what is allocated. false: that item can't be. */
void btrfs_note_node(struct btrfs_verify *v, const struct btrfs_node *n);
void btrfs_note_extent(struct btrfs_verify *v, const struct btrfs_key *key, const uint8_t *p, uint32_t size);
/* Of at least 24 bytes. */
bool btrfs_note_allocation(struct btrfs_verify *v, const struct btrfs_key *key, const uint8_t *p, uint32_t size);
bool btrfs_is_ref(uint8_t type);
bool btrfs_note_ref(struct btrfs_verify *v, const struct btrfs_key *key, const uint8_t *p, uint32_t size);
/* An item of the tree of free space. */
bool btrfs_note_free(struct btrfs_verify *v, const struct btrfs_key *key, const uint8_t *p, uint32_t size);
void btrfs_judge_refs(struct btrfs_verify *v);

/* btrfs_linked.c: where subvolumes are linked, said three times. */
int btrfs_check_links(struct btrfs_verify *v, struct error *e) must_check;

/* btrfs_check.c: one leaf of v->tree. What is wrong becomes findings. */
void btrfs_check_leaf(struct btrfs_verify *v, const struct btrfs_node *n, struct btrfs_tally *t);

#define btrfs_broken(v, counter, check, at, ...)                                                   \
	do {                                                                                       \
		(v)->counter++;                                                                    \
		btrfs_finding((v)->f, check, (v)->subject, OUTCOME_BROKEN, at, __VA_ARGS__);       \
	} while (0)
#define LLU(x) ((unsigned long long)(x))

#endif
