// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * XFS, version 5 (with checksums), read from a source: superblock, inodes, maps, directories,
 * attributes and the log are parsed here, with bounds on everything, from state that does not
 * change after open. The format is that of "XFS Algorithms & Data Structures", 3rd edition.
 *
 * Words: a block is a file-system block; fsb is a block number as stored (allocation group and
 * block in it, packed); daddr is a byte offset / 512.
 */
#ifndef FS_XFS_H
#define FS_XFS_H

#include <pthread.h>

#include "backproof/fs.h"
#include "backproof/text.h"

#define XFS_INODE_MAX 2048
#define XFS_CORE 176 /* bytes of an inode before its forks */
#define XFS_DIR_MAX (64 * 1024)
#define XFS_PATH_MAX (64 * 1024)
#define XFS_NULL64 UINT64_MAX
#define XFS_NULL32 UINT32_MAX

enum { XFS_FMT_DEV, XFS_FMT_LOCAL, XFS_FMT_EXTENTS, XFS_FMT_BTREE };
enum {
	XFS_FT_UNKNOWN,
	XFS_FT_FILE,
	XFS_FT_DIR,
	XFS_FT_CHR,
	XFS_FT_BLK,
	XFS_FT_FIFO,
	XFS_FT_SOCK,
	XFS_FT_LINK
};
enum { XFS_DATA_FORK, XFS_ATTR_FORK };
#define XFS_REALTIME 1	/* di_flags */
#define XFS_REFLINKED 2 /* di_flags2 */
#define XFS_BIGTIME 8
#define XFS_NREXT64 16
enum { /* incompatible features */
       XFS_IN_FTYPE = 1,
       XFS_IN_SPARSE = 2,
       XFS_IN_META_UUID = 4,
       XFS_IN_BIGTIME = 8,
       XFS_IN_NEEDSREPAIR = 0x10,
       XFS_IN_NREXT64 = 0x20,
       XFS_IN_EXCHANGE = 0x40,
       XFS_IN_PARENT = 0x80,
       XFS_IN_METADIR = 0x100,
       XFS_IN_ZONED = 0x200,
};
enum { XFS_RO_FINOBT = 1, XFS_RO_RMAP = 2, XFS_RO_REFLINK = 4, XFS_RO_COUNTS = 8 };

struct dirs;

struct xfs {
	struct source *base;	/* what open got, borrowed */
	struct source *overlay; /* replayed blocks over base; NULL when there are none */
	struct source *plain;	/* base or overlay: for large reads */
	struct source *src;	/* a cache over it: for small ones */
	uint64_t blocks, rt_blocks, root, log_start; /* blocks; inode; fsb */
	uint64_t special[5];			     /* inodes that no directory names */
	uint64_t free_blocks, inodes, free_inodes;   /* as the superblock says */
	uint32_t block_size, sector, inode_size, ag_blocks, ag_count, log_blocks, log_sector,
	    log_unit, align;
	uint32_t dir_size; /* bytes of a directory block */
	unsigned block_log, inode_log, chunk_log, ag_log,
	    dir_log; /* chunk: inodes in a block; dir: blocks */
	uint32_t ro_compat, incompat, log_incompat, features2;
	uint8_t uuid[16], meta_uuid[16];
	char label[13];
	bool fold; /* names are hashed without regard to ASCII case */
	bool ftype;
	bool stale;	  /* an older state is seen: what looks broken may be whole in the log */
	bool settled;	  /* unmounted cleanly or replayed: all must agree */
	bool clean;	  /* unmounted cleanly: totals must agree too */
	bool foreign;	  /* features that change what blocks belong to whom */
	bool intents;	  /* replayed, but deferred work was left: space may be unaccounted for */
	uint64_t log_end; /* sequence number (cycle, sector) at which the log ends; 0: not known */
	uint64_t *pieces; /* sorted byte offsets: a directory block begins here that was replayed in
			     pieces */
	size_t piece_count;
	struct dirs *dirs;
};

/*
 * Metadata is written after the log has it: no block tells of a change behind the end of the log, unless the log has
 * lost its end. (That of inodes says nothing after a repair.) The kernel refuses such blocks, too, but for those of
 * the record that would come next.
 */
static inline bool xfs_logged(const struct xfs *x, uint64_t sequence)
{
	return !x->log_end || sequence == UINT64_MAX || sequence < x->log_end;
}

/* xfs_crc.c */
/* CRC-32C of len bytes whose 4 bytes at `hole` count as zeros, as stored in little-endian there. */
uint32_t xfs_sum(const void *p, size_t len, size_t hole);
bool xfs_sum_ok(const void *p, size_t len, size_t hole);
void xfs_sum_put(void *p, size_t len, size_t hole);

/* xfs_super.c */
int xfs_super_read(struct xfs *x, struct source *src, struct error *e) must_check;
void xfs_super_info(const struct xfs *x, struct fs_info *info);
/* Findings on size, features, copies. */
void xfs_super_judge(struct xfs *x, const char *subject, struct findings *f, struct fs_info *info);
/* Free blocks as the allocation groups say: what the superblock says is old when it was mounted. */
void xfs_super_count(const struct xfs *x, struct fs_info *info);

static inline uint64_t xfs_ag_length(const struct xfs *x, uint64_t ag)
{
	uint64_t from = ag * x->ag_blocks;
	return x->blocks - from < x->ag_blocks ? x->blocks - from : x->ag_blocks;
}
static inline uint64_t xfs_fsb_ag(const struct xfs *x, uint64_t fsb)
{
	return fsb >> x->ag_log;
}
static inline uint64_t xfs_fsb_in_ag(const struct xfs *x, uint64_t fsb)
{
	return fsb & ((UINT64_C(1) << x->ag_log) - 1);
}
/* Block counted from the beginning of the file system. */
static inline uint64_t xfs_fsb_linear(const struct xfs *x, uint64_t fsb)
{
	return xfs_fsb_ag(x, fsb) * x->ag_blocks + xfs_fsb_in_ag(x, fsb);
}
static inline uint64_t xfs_fsb_place(const struct xfs *x, uint64_t fsb)
{
	return xfs_fsb_linear(x, fsb) << x->block_log;
}
static inline uint64_t xfs_ag_fsb(const struct xfs *x, uint64_t ag, uint64_t block)
{
	return ag << x->ag_log | block;
}
/* true when all of count blocks lie inside one group. */
static inline bool xfs_fsb_ok(const struct xfs *x, uint64_t fsb, uint64_t count)
{
	uint64_t ag = xfs_fsb_ag(x, fsb), in = xfs_fsb_in_ag(x, fsb);
	return ag < x->ag_count && in < xfs_ag_length(x, ag) && count <= xfs_ag_length(x, ag) - in;
}

/* xfs_inode.c */
struct xfs_inode {
	uint64_t number, size, blocks, extents, place;
	uint64_t flags2;
	uint32_t uid, gid, links, generation, next_unlinked, attr_extents;
	uint16_t mode, flags;
	uint8_t format, attr_format;
	int64_t mtime, ctime;
	const uint8_t *fork[2];
	size_t fork_len[2]; /* attribute fork: 0 when there is none */
	uint8_t raw[XFS_INODE_MAX];
};
/* Byte offset, 0 when there can be no such inode. */
uint64_t xfs_inode_place(const struct xfs *x, uint64_t number);
/* Checks and takes apart an inode of x->inode_size bytes. CORRUPT when it is not sound. */
int xfs_inode_parse(const struct xfs *x, uint64_t number, const uint8_t *raw, struct xfs_inode *in,
		    struct error *e) must_check;
int xfs_inode_read(const struct xfs *x, uint64_t number, struct xfs_inode *in,
		   struct error *e) must_check;
void xfs_inode_entry(const struct xfs *x, const struct xfs_inode *in, struct fs_entry *out);
uint8_t xfs_inode_type(uint16_t mode); /* XFS_FT_* */

/* xfs_map.c: runs of a fork in logical order; what lies between them is a hole. */
struct xfs_run {
	uint64_t logical, fsb, count;
	bool unwritten;
};
struct xfs_map_ops {
	int (*run)(void *ctx, const struct xfs_run *run, struct error *e);
	/* A block of the map itself; NULL when of no interest. */
	int (*node)(void *ctx, uint64_t fsb, struct error *e);
};
/* Non-zero from a callback ends it with that value. */
int xfs_map(const struct xfs *x, const struct xfs_inode *in, int fork,
	    const struct xfs_map_ops *ops, void *ctx, struct error *e) must_check;
struct xfs_runs {
	struct xfs_run *items;
	size_t count, capacity;
};
int xfs_map_all(const struct xfs *x, const struct xfs_inode *in, int fork, struct xfs_runs *out,
		struct error *e) must_check;
/* The run that holds the block, or NULL for a hole. */
const struct xfs_run *xfs_runs_find(const struct xfs_runs *r, uint64_t logical);
/* count blocks of a fork, all of which must be there. *place: byte offset of the first. */
int xfs_runs_read(const struct xfs *x, const struct xfs_inode *in, const struct xfs_runs *r,
		  uint64_t logical, uint64_t count, uint8_t *buf, uint64_t *place,
		  struct error *e) must_check;
static inline void xfs_runs_free(struct xfs_runs *r)
{
	free(r->items);
}

/* xfs_dir.c */
struct xfs_dirent {
	uint64_t inode;
	uint32_t address; /* offset in the directory's data / 8; 0 in an inode */
	uint8_t type, length;
	const char *name; /* length bytes, no NUL */
};
typedef int xfs_dirent_fn(void *ctx, const struct xfs_dirent *d, struct error *e);
/* Every entry in use, "." and ".." too; blocks are verified. CORRUPT when one is not well formed.
 */
int xfs_dir_each(const struct xfs *x, const struct xfs_inode *in, const struct xfs_runs *runs,
		 xfs_dirent_fn *fn, void *ctx, struct error *e) must_check;
/* Reads and verifies one directory block; kind: 32-bit magic at 0, or 16-bit magic at 8. */
enum { XFS_DIR_DATA, XFS_DIR_INDEX, XFS_DIR_FREE };
int xfs_dir_read(const struct xfs *x, const struct xfs_inode *in, const struct xfs_runs *runs,
		 int kind, uint64_t logical, uint8_t *buf, uint64_t *place,
		 struct error *e) must_check;
/* First block of the index, and of the free-space part, of a directory. */
static inline uint64_t xfs_dir_leaf(const struct xfs *x)
{
	return (UINT64_C(1) << 35) >> x->block_log;
}
uint32_t xfs_name_hash(const char *name, size_t len);
bool xfs_dirent_named(const struct xfs_dirent *d);
static inline bool xfs_dirent_dots(const struct xfs_dirent *d)
{
	return (d->length == 1 && d->name[0] == '.') ||
	       (d->length == 2 && d->name[0] == '.' && d->name[1] == '.');
}
/* Checks what all da and directory blocks share: checksum, UUID, owner, own place. at: of the field
 * checked. */
int xfs_block_check(const struct xfs *x, const uint8_t *buf, size_t len, size_t crc_at,
		    size_t blkno_at, uint64_t owner, uint64_t place, const char *what,
		    struct error *e) must_check;

/* xfs_index.c: the hash index of a directory finds every name. */
int xfs_index_check(const struct xfs *x, const struct xfs_inode *in, const struct xfs_runs *runs,
		    uint64_t *blocks, struct error *e) must_check;

/* xfs_walk.c */
int xfs_walk(void *self, const char *path, const struct budget *b, fs_visit_fn *visit, void *ctx,
	     struct error *e) must_check;
int xfs_lookup(void *self, const char *path, bool follow, struct fs_entry *out,
	       struct error *e) must_check;

/* xfs_file.c */
struct stream *xfs_open_file(void *self, uint64_t id, struct error *e) must_check;
char *xfs_link_target(const struct xfs *x, const struct xfs_inode *in, struct error *e) must_check;
char *xfs_read_link(void *self, uint64_t id, struct error *e) must_check;

/* xfs_xattr.c */
struct xfs_xattr {
	const char *name; /* length bytes, no NUL */
	size_t length, size;
	const uint8_t *value; /* NULL with size > 0: remote and not asked for */
	uint8_t flags;
};
typedef int xfs_xattr_fn(void *ctx, const struct xfs_xattr *a, struct error *e);
/* Every attribute; blocks and remote values are verified. */
int xfs_xattr_each(const struct xfs *x, const struct xfs_inode *in, xfs_xattr_fn *fn, void *ctx,
		   struct error *e) must_check;
int xfs_xattrs(void *self, uint64_t id, fs_xattr_fn *fn, void *ctx, struct error *e) must_check;

/* xfs_log.c: looks at the log; replays it into x->overlay when it is dirty. */
int xfs_log_replay(struct xfs *x, const char *subject, struct findings *f, struct fs_info *info,
		   struct error *e) must_check;

/* xfs_verify.c */
int xfs_verify(void *self, const char *subject, struct findings *f, const struct budget *b,
	       int64_t now, int64_t *newest, struct error *e) must_check;

#endif
