// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * ext2, ext3 and ext4. libext2fs opens the file system, knows where a group's parts lie and computes
 * name hashes and group checksums; inodes, maps, directories and attributes are parsed here, with bounds
 * on everything, and from state that does not change after open: so threads may share one open file
 * system, and a hostile image meets no parser that trusts it.
 */
#ifndef FS_EXT_H
#define FS_EXT_H

#include <pthread.h>

#include <ext2fs/ext2fs.h>

#include "backproof/fs.h"

#define EXT_INODE_MAX 4096
#define EXT_CLUSTER (16 * 1024) /* more would be read in vain: directories lie apart */
#define EXT_CLUSTERS 1024
#define EXT_PATH_MAX (64 * 1024)

struct dirs;

struct ext {
	struct source *base;	/* what open got, borrowed */
	struct source *overlay; /* replayed blocks over base; NULL when there are none */
	struct source *src;	/* all reads go here: a cache over overlay or base */
	ext2_filsys fs;
	uint64_t blocks; /* blocks in the file system */
	uint32_t first_block, block_size, groups;
	uint32_t inodes, inodes_per_group, inode_size;
	uint32_t seed;	       /* of every crc32c below the superblock */
	unsigned cluster_bits; /* log2(blocks in a cluster) */
	bool csum;	       /* metadata_csum */
	bool group_csum; /* group descriptors have checksums, so uninitialised parts are marked */
	bool stale;	 /* an older state is seen: what looks broken may be whole in the log */
	bool clean;	 /* the superblock was written last: its totals hold */
	bool settled;	 /* unmounted cleanly or replayed: counts must agree */
	bool foreign;	 /* features that change what blocks belong to whom */
	struct dirs *dirs; /* directories seen by lookup */
};

struct ext_inode {
	uint32_t number, uid, gid, flags, generation, dtime;
	uint16_t mode, links, extra;
	uint64_t size, blocks; /* bytes; i_blocks as stored */
	uint64_t acl;	       /* attribute block or 0 */
	int64_t mtime, ctime;
	const uint8_t *raw;
	uint64_t place; /* byte offset of the inode itself */
	uint8_t own[EXT_INODE_MAX];
};

/* ext_super.c: the superblock and its copies, before libext2fs sees them. */
struct ext_super {
	uint8_t raw[1024];
	uint64_t blocks, groups;
	uint32_t block_size, first_block;
};
int ext_super_read(struct source *src, struct ext_super *s, struct error *e) must_check;
void ext_super_info(const struct ext_super *s, struct fs_info *info);
/* Findings on size, features, state and copies. */
void ext_super_judge(struct ext *x, const struct ext_super *s, const char *subject,
		     struct findings *f, const struct fs_info *info);

/* ext_io.c: opens libext2fs over a source, which it borrows. NULL with e filled. */
ext2_filsys ext_io_open(struct source *src, uint32_t block_size, struct error *e) must_check;

/* ext_log.c: finds the log of a file system that needs recovery and replays it into x->overlay. */
int ext_log_replay(struct ext *x, const struct ext_super *s, const char *subject,
		   struct findings *f, struct fs_info *info, struct error *e) must_check;

/* ext_used.c */
int ext_used_at(void *self, uint64_t off, struct extent *out, struct error *e) must_check;

/* ext_inode.c */
uint32_t ext_csum(const struct ext *x, uint32_t crc, const void *p, size_t len);
/* crc32c of the number and generation of an inode: what the checksums of its blocks start from. */
uint32_t ext_inode_seed(const struct ext *x, const struct ext_inode *in);
/* 0 when number is out of range. */
uint64_t ext_inode_place(const struct ext *x, uint32_t number);
void ext_inode_parse(const struct ext *x, uint32_t number, const uint8_t *raw, uint64_t place,
		     struct ext_inode *in);
bool ext_inode_sound(const struct ext *x, const struct ext_inode *in);
/* Reads and checks one inode. CORRUPT when the checksum is wrong. */
int ext_inode_read(const struct ext *x, uint32_t number, struct ext_inode *in,
		   struct error *e) must_check;
bool ext_inode_fast_link(const struct ext *x, const struct ext_inode *in);
/* true when i_block maps blocks (and holds no device, inline data or link target). */
bool ext_inode_mapped(const struct ext *x, const struct ext_inode *in);
void ext_inode_entry(const struct ext *x, const struct ext_inode *in, struct fs_entry *out);
/* Up to the inode size: data in the inode and its attributes; *len bytes, malloc'd. */
int ext_inode_inline(const struct ext *x, const struct ext_inode *in, uint8_t **data, size_t *len,
		     struct error *e) must_check;

/* ext_map.c: runs of an inode in logical order; what lies between them is a hole. */
struct ext_run {
	uint64_t logical, physical, count;
	bool unwritten;
};
struct ext_map_ops {
	int (*run)(void *ctx, const struct ext_run *run, struct error *e);
	/* A block of the map itself; NULL when of no interest. */
	int (*node)(void *ctx, uint64_t block, struct error *e);
};
/* Non-zero from a callback ends it with that value. CORRUPT names the offset of the bad part. */
int ext_map(const struct ext *x, const struct ext_inode *in, const struct ext_map_ops *ops,
	    void *ctx, struct error *e) must_check;
struct ext_runs {
	struct ext_run *items;
	size_t count, capacity;
};
/* All runs, neighbours joined. */
int ext_map_all(const struct ext *x, const struct ext_inode *in, struct ext_runs *out,
		struct error *e) must_check;
/* Physical block, or 0 for a hole. */
uint64_t ext_runs_find(const struct ext_runs *r, uint64_t logical);

/* ext_dir.c */
struct ext_dirent {
	uint32_t inode;
	uint8_t type, length;
	const char *name; /* length bytes, no NUL */
};
typedef int ext_dirent_fn(void *ctx, const struct ext_dirent *d, struct error *e);
struct ext_dir_block {
	uint64_t logical, place; /* place: byte offset on the source */
	const uint8_t *data;
	size_t len;
	bool index; /* an inner block of the hash tree */
};
typedef int ext_dir_block_fn(void *ctx, const struct ext_dir_block *b, struct error *e);
/* Every block of a directory, checksum verified; inline data comes as blocks too. */
int ext_dir_blocks(const struct ext *x, const struct ext_inode *in, ext_dir_block_fn *fn, void *ctx,
		   struct error *e) must_check;
/* Every entry in use, "." and ".." too; CORRUPT when it is not well formed. */
int ext_dir_entries(const struct ext *x, const struct ext_inode *in, const struct ext_dir_block *b,
		    ext_dirent_fn *fn, void *ctx, struct error *e) must_check;
int ext_dir_each(const struct ext *x, const struct ext_inode *in, ext_dirent_fn *fn, void *ctx,
		 struct error *e) must_check;
/* true when the name may stand in a path. */
bool ext_dirent_named(const struct ext_dirent *d);
static inline bool ext_dirent_dots(const struct ext_dirent *d)
{
	return (d->length == 1 && d->name[0] == '.') ||
	       (d->length == 2 && d->name[0] == '.' && d->name[1] == '.');
}
/* ENTRY_* and the directory's type byte, from a mode. */
uint8_t ext_dirent_type(uint16_t mode);

/*
 * ext_htree.c: the hash tree finds every name. CORRUPT when it would not. *odd grows by the names beyond
 * ASCII that this library folds to another hash than their place has.
 */
int ext_htree_check(const struct ext *x, const struct ext_inode *in, uint64_t *odd,
		    struct error *e) must_check;

/* ext_walk.c */
int ext_walk(void *self, const char *path, const struct budget *b, fs_visit_fn *visit, void *ctx,
	     struct error *e) must_check;
int ext_lookup(void *self, const char *path, bool follow, struct fs_entry *out,
	       struct error *e) must_check;
char *ext_read_link(void *self, uint64_t id, struct error *e) must_check;

/* ext_xattr.c */
struct ext_xattr {
	uint8_t index;
	const char *name; /* length bytes, no NUL */
	size_t length;
	uint32_t value_inode; /* 0: the value is here */
	const uint8_t *value;
	size_t size;
	const uint8_t *entry;
};
typedef int ext_xattr_fn(void *ctx, const struct ext_xattr *a, struct error *e);
int ext_xattr_in_inode(const struct ext *x, const struct ext_inode *in, ext_xattr_fn *fn, void *ctx,
		       struct error *e) must_check;
/* Also verifies the checksum. *refs: inodes that share the block. */
int ext_xattr_in_block(const struct ext *x, uint64_t block, uint32_t *refs, ext_xattr_fn *fn,
		       void *ctx, struct error *e) must_check;
int ext_xattrs(void *self, uint64_t id, fs_xattr_fn *fn, void *ctx, struct error *e) must_check;

/* ext_file.c */
struct stream *ext_open_file(void *self, uint64_t id, struct error *e) must_check;
int ext_read_small(const struct ext *x, const struct ext_inode *in, uint8_t *buf, size_t len,
		   struct error *e) must_check;

/* ext_verify.c */
int ext_verify(void *self, const char *subject, struct findings *f, const struct budget *b,
	       int64_t now, int64_t *newest, struct error *e) must_check;

#endif
