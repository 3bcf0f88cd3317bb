// SPDX-License-Identifier: GPL-3.0-or-later
/* The walk of all metadata: what its rooms share. */
#ifndef FS_XFS_VERIFY_H
#define FS_XFS_VERIFY_H

#include "xfs.h"

enum xfs_check_id {
	CHECK_GROUPS,
	CHECK_INODES,
	CHECK_CLAIMS,
	CHECK_DIRS,
	CHECK_XATTRS,
	CHECK_LINKS,
	CHECK_USE,
	CHECK_COUNT
};

/* Bits, one a block, in pages that are made when first set. */
struct xfs_bits {
	uint64_t **pages;
	uint64_t count; /* pages */
};

/* 64 inodes, as the inode tree has them. */
struct xfs_chunk {
	uint64_t first, free, present; /* masks */
	int32_t left[64];	       /* link count less the names seen */
	uint8_t type[64];	       /* XFS_FT_*; 0: not in use or damaged */
	uint64_t orphans;	       /* mask of those without a link, which wait to be freed */
};

struct xfs_folder {
	uint64_t inode, parent, dotdot; /* parent: that has a name for it; 0: none seen yet */
	uint8_t mark;			/* 1: on the way up from another; 2: leads to the root; 3: does not */
};

struct xfs_verify {
	struct xfs *x;
	const char *subject;
	struct findings *f;
	const struct budget *b;
	int64_t now, newest;
	uint64_t broken[CHECK_COUNT];
	struct xfs_bits claims, shared;
	VEC(struct xfs_chunk) chunks; /* by number */
	VEC(struct xfs_folder) dirs; /* by number */
	uint64_t inodes, extents, nodes, entries, indexed, attributes, orphans, trees, free_blocks,
	    leaked;
	uint64_t unknown; /* metadata that could not be read, so that counts can't be compared */
	uint8_t *block;
};

/* xfs_verify.c */
void xfs_say(struct xfs_verify *v, enum xfs_check_id check, int64_t offset, const char *fmt, ...)
    printf_like(4, 5);
/* A CORRUPT error becomes a finding and 0; any other stays an error, -1. */
int xfs_relay(struct xfs_verify *v, enum xfs_check_id check, const struct error *e) must_check;
/* Claims blocks; how many were claimed before (and, if sharing, are not marked as shared), the
 * first in *first. */
int xfs_claim(struct xfs_verify *v, uint64_t block, uint64_t count, bool sharing, uint64_t *taken,
	      uint64_t *first, struct error *e) must_check;
/* The same for metadata: taken ones are a finding. 1 when free before, 0 when not. */
int xfs_claim_own(struct xfs_verify *v, uint64_t block, uint64_t count, const char *what,
		  struct error *e) must_check;
int xfs_bits_set(struct xfs_bits *bits, uint64_t from, uint64_t count, struct error *e) must_check;
struct xfs_chunk *xfs_chunk_of(const struct xfs_verify *v, uint64_t inode);

/* Each is one pass, in this order. */
int xfs_check_groups(struct xfs_verify *v, struct error *e) must_check;
int xfs_check_inodes(struct xfs_verify *v, struct error *e) must_check;
int xfs_check_dirs(struct xfs_verify *v, struct error *e) must_check;
int xfs_check_links(struct xfs_verify *v, struct error *e) must_check;

/* xfs_check_tree.c: the trees of a group; records go to the callback in order. */
struct xfs_tree {
	struct xfs_verify *v;
	const char *magic, *name;
	uint32_t record, key;
	uint64_t ag;
	int (*each)(struct xfs_tree *t, const uint8_t *record, uint64_t place, struct error *e);
	void *ctx;
	uint64_t blocks, records;
	uint32_t last[10], right[10]; /* by level: the last block, and what it says comes next */
};
int xfs_tree_walk(struct xfs_tree *t, uint32_t root, uint32_t levels, struct error *e) must_check;

#endif
