// SPDX-License-Identifier: GPL-3.0-or-later
/* The walk of all metadata: what its rooms share. */
#ifndef FS_EXT_VERIFY_H
#define FS_EXT_VERIFY_H

#include "ext.h"

enum ext_check {
	CHECK_GROUPS,
	CHECK_BITMAPS,
	CHECK_INODES,
	CHECK_CLAIMS,
	CHECK_DIRS,
	CHECK_XATTRS,
	CHECK_LINKS,
	CHECK_USE,
	CHECK_COUNT
};

/* What is remembered of an inode; small, there may be tens of millions. */
struct ext_node {
	uint16_t links, seen; /* of an attribute inode: its references; both stop at 65535 */
	uint8_t type;	      /* as in directory entries */
	uint8_t flags;
};
enum { NODE_USED = 1, NODE_ORPHAN = 2, NODE_VALUE = 4 };

struct ext_group {
	bool bad;		/* its parts are not where they could be: not read */
	uint32_t limit;		/* inodes of the table that were ever used */
	uint32_t fixed;		/* clusters of tables and bitmaps in it */
	struct ext_node *nodes; /* limit of them; NULL when 0 */
};

struct ext_folder {
	uint32_t inode, dotdot, parent;
	uint8_t mark; /* for the search for the root */
	uint64_t place;
};

struct ext_verify {
	struct ext *x;
	const char *subject;
	struct findings *f;
	const struct budget *b;
	int64_t now, newest;
	uint64_t broken[CHECK_COUNT];
	uint64_t loose[CHECK_COUNT]; /* not as it should be, but no damage */
	uint8_t **claims;	     /* pages of bits, one a cluster, made when first set */
	uint64_t clusters, pages;
	uint64_t shared; /* clusters claimed twice */
	struct ext_group *groups;
	VEC(uint32_t) orphans;
	VEC(struct ext_folder) folders; /* by inode number */
	VEC(uint64_t) acls;
	uint64_t inodes, dirs, entries, indexed, maps, extents, attributes, free_inodes,
		free_clusters;
	uint64_t leaked;
	uint64_t odd_names; /* see ext_htree_check */
	uint64_t sealed;    /* files with trees of fs-verity, which are not read */
	uint8_t *block;		  /* one block, for whoever needs it now */
	struct ext_dirent *names; /* while directories are read */
	size_t slots;
};

/* ext_verify.c */
void ext_say(struct ext_verify *v, enum ext_check check, int64_t offset, const char *fmt, ...)
	printf_like(4, 5);
/* A CORRUPT error becomes a finding and 0; any other stays an error, -1. */
int ext_relay(struct ext_verify *v, enum ext_check check, const struct error *e) must_check;
/* Claims clusters; how many were claimed already, the first of them in *first. */
int ext_claim(struct ext_verify *v, uint64_t cluster, uint64_t count, uint64_t *taken,
	      uint64_t *first, struct error *e) must_check;
/* Eight claims from a cluster whose number is a multiple of eight. */
uint8_t ext_claimed8(const struct ext_verify *v, uint64_t cluster);
static inline uint64_t ext_cluster_of(const struct ext *x, uint64_t block)
{
	return (block - x->first_block) >> x->cluster_bits;
}
struct ext_node *ext_node(const struct ext_verify *v, uint32_t number); /* NULL: never used */
struct ext_folder *ext_folder(const struct ext_verify *v, uint32_t number);
bool ext_is_orphan(const struct ext_verify *v, uint32_t number);
/* Inodes that no directory names: journal, quota and the like. */
bool ext_is_special(const struct ext_verify *v, uint32_t number);

/* Each is one pass, in this order. */
int ext_check_groups(struct ext_verify *v, struct error *e) must_check;
int ext_check_orphans(struct ext_verify *v, struct error *e) must_check;
int ext_check_inodes(struct ext_verify *v, struct error *e) must_check;
int ext_check_xattrs(struct ext_verify *v, struct error *e) must_check;
int ext_check_dirs(struct ext_verify *v, struct error *e) must_check;
int ext_check_links(struct ext_verify *v, struct error *e) must_check;
int ext_check_use(struct ext_verify *v, struct error *e) must_check;

/* ext_check_inode.c: one inode in use: form, map, claims, sizes. */
int ext_check_inode(struct ext_verify *v, const struct ext_inode *in, struct error *e) must_check;
/* ext_check_xattrs.c: the attributes inside an inode. */
int ext_check_inode_xattrs(struct ext_verify *v, const struct ext_inode *in,
			   struct error *e) must_check;

#endif
