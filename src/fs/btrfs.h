// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * btrfs on one device (btrfs documentation, "On-disk format"). All metadata and, where files have them, data
 * carry checksums: what is read here was verified, or is an error. Nothing but the cache of nodes changes after
 * open, so threads may share one.
 */
#ifndef FS_BTRFS_H
#define FS_BTRFS_H

#include <pthread.h>
#include <stdatomic.h>

#include "rows.h"
#include "say.h"

#define BTRFS_LEVELS 8
#define BTRFS_MIRRORS 4
#define BTRFS_SUPER_BYTES 4096
#define BTRFS_HEADER 101
#define BTRFS_LINK_BYTES 65536
#define BTRFS_ITEM 25
#define BTRFS_POINTER 33
#define BTRFS_UNPACKED_MAX (128 * 1024) /* of one compressed extent */

enum { /* trees */
	BTRFS_ROOT_TREE = 1, BTRFS_EXTENT_TREE = 2, BTRFS_CHUNK_TREE = 3, BTRFS_DEV_TREE = 4, BTRFS_FS_TREE = 5,
	BTRFS_CSUM_TREE = 7, BTRFS_FREE_SPACE_TREE = 10, BTRFS_BLOCK_GROUP_TREE = 11, BTRFS_FIRST_FREE = 256,
};
#define BTRFS_LOG_TREE ((uint64_t)-6)
#define BTRFS_RELOC_TREE ((uint64_t)-8)
#define BTRFS_DATA_RELOC_TREE ((uint64_t)-9)
#define BTRFS_CSUM_OBJECT ((uint64_t)-10)
#define BTRFS_LAST_FREE ((uint64_t)-256)

enum { /* key types */
	KEY_INODE = 1, KEY_INODE_REF = 12, KEY_EXTREF = 13, KEY_XATTR = 24, KEY_LOG_INDEX = 72, KEY_DIR_ITEM = 84,
	KEY_DIR_INDEX = 96, KEY_EXTENT_DATA = 108, KEY_CSUM = 128, KEY_ROOT = 132, KEY_ROOT_BACKREF = 144,
	KEY_ROOT_REF = 156, KEY_EXTENT = 168, KEY_METADATA = 169, KEY_BLOCK_GROUP = 192, KEY_DEV_EXTENT = 204,
	KEY_DEV_ITEM = 216, KEY_CHUNK = 228,
};

struct btrfs_key {
	uint64_t objectid;
	uint8_t type;
	uint64_t offset;
};
static inline int btrfs_key_cmp(const struct btrfs_key *a, const struct btrfs_key *b)
{
	if (a->objectid != b->objectid)
		return a->objectid < b->objectid ? -1 : 1;
	if (a->type != b->type)
		return a->type < b->type ? -1 : 1;
	return a->offset == b->offset ? 0 : a->offset < b->offset ? -1 : 1;
}
static inline struct btrfs_key btrfs_key_at(const uint8_t *p)
{
	return (struct btrfs_key){get_le64(p), p[8], get_le64(p + 9)};
}

/* A run of logical addresses and where its copies lie on this device. */
struct btrfs_chunk {
	uint64_t logical, length, type;
	uint64_t places[BTRFS_MIRRORS];
	unsigned copies;
};

struct btrfs_node {
	uint64_t bytenr, generation, owner;
	uint32_t items;
	uint8_t level;
	unsigned refs; /* under the lock of the cache */
	uint8_t data[];
};

/* btrfs_overlay.c: what the replay of the log put over a tree, in key order. */
struct btrfs_overlay;
struct btrfs_patch {
	struct btrfs_key key;
	bool deleted;
	uint32_t size;
	uint8_t *data;
	struct btrfs_patch *left, *right;
	uint64_t weight;
};

struct btrfs_tree {
	uint64_t id, offset; /* of its root item's key */
	uint64_t bytenr, generation, refs, flags, dirid;
	uint64_t owner; /* that its nodes name; 0: any, as in snapshots */
	int64_t ctime, otime;
	uint8_t level;
	uint64_t parent, parent_dir; /* where it is linked; 0: nowhere */
	char *name;
	struct btrfs_overlay *overlay;
};

struct btrfs_log_sum { /* checksums that only the log has */
	uint64_t start, count;
	uint8_t *data;
};

struct btrfs {
	struct source *src;  /* borrowed: data is read from here */
	struct source *meta; /* owned: the same through a cache */
	_Atomic unsigned users; /* views of it */
	uint8_t raw[BTRFS_SUPER_BYTES]; /* the superblock in use */
	uint8_t fsid[16];		/* as nodes carry it */
	uint64_t generation, size, used, devices, device, device_bytes, incompat, log_root;
	uint32_t sector, node;
	unsigned sum_type, sum_bytes;
	uint64_t default_tree;
	struct btrfs_tree root, chunk_tree;
	VEC(struct btrfs_chunk) chunks; /* by logical address */
	VEC(struct btrfs_tree) trees;	/* by id and offset */
	VEC(struct btrfs_log_sum) log_sums; /* in order, none over another */
	size_t runs_max; /* of data that have checksums: so many are kept at once while all is verified */
	struct btrfs_cache *cache;
	_Atomic uint64_t bad_copies; /* read around */
};

/* btrfs_sum.c */
unsigned btrfs_sum_bytes(unsigned type); /* 0: unknown */
const char *btrfs_sum_name(unsigned type);
void btrfs_sum(unsigned type, const void *p, size_t len, uint8_t out[32]);
/* How many of count sectors of data, from the first on, match their checksums. */
uint64_t btrfs_sums_hold(const struct btrfs *fs, const uint8_t *data, uint64_t count, const uint8_t *want);
void blake2b_256(const void *p, size_t len, uint8_t out[32]);
static inline bool btrfs_sum_holds(const struct btrfs *fs, const void *p, size_t len, const void *want)
{
	uint8_t out[32];
	btrfs_sum(fs->sum_type, p, len, out);
	return !memcmp(out, want, fs->sum_bytes);
}

/* btrfs_super.c: reads and judges all copies, fills fs and info. */
int btrfs_super_open(struct btrfs *fs, const char *subject, struct findings *f, struct fs_info *info,
		     struct error *e) must_check;

/* btrfs_chunk.c */
int btrfs_chunks_open(struct btrfs *fs, struct error *e) must_check;
const struct btrfs_chunk *btrfs_chunk_of(const struct btrfs *fs, uint64_t logical);
/* Where a logical run lies on the source. CORRUPT when it is in no chunk, or not all in one. */
int btrfs_place(const struct btrfs *fs, uint64_t logical, uint64_t len, unsigned mirror, uint64_t *place,
		unsigned *copies, struct error *e) must_check;
/* The chunk that a CHUNK_ITEM describes. */
int btrfs_chunk_parse(const struct btrfs *fs, uint64_t logical, const uint8_t *p, uint32_t size,
		      struct btrfs_chunk *out, struct error *e) must_check;

/* btrfs_node.c */
struct btrfs_expect {
	uint64_t bytenr, generation, owner; /* owner 0: any */
	const struct btrfs_key *first;	    /* NULL: any */
	uint8_t level;
};
struct btrfs_cache *btrfs_cache_new(uint32_t node_bytes, struct error *e) must_check;
void btrfs_cache_destroy(struct btrfs_cache *c);
/* A verified node, to be given back; NULL. */
struct btrfs_node *btrfs_node_get(struct btrfs *fs, const struct btrfs_expect *x, struct error *e) must_check;
void btrfs_node_put(struct btrfs *fs, struct btrfs_node *n);
/* Reads and checks one copy, past the cache. */
int btrfs_node_read(struct btrfs *fs, const struct btrfs_expect *x, unsigned mirror, struct btrfs_node *n,
		    struct error *e) must_check;
struct btrfs_key btrfs_node_key(const struct btrfs_node *n, uint32_t slot);
static inline const uint8_t *btrfs_leaf_item(const struct btrfs_node *n, uint32_t slot, uint32_t *size)
{
	const uint8_t *p = n->data + BTRFS_HEADER + (size_t)slot * BTRFS_ITEM;
	*size = get_le32(p + 21);
	return n->data + BTRFS_HEADER + get_le32(p + 17);
}
void btrfs_expect_child(const struct btrfs_node *n, uint32_t slot, uint64_t owner, struct btrfs_key *first,
			struct btrfs_expect *x);

/* btrfs_tree.c: items in key order, with what the log changed. */
struct btrfs_cursor {
	struct btrfs *fs;
	const struct btrfs_tree *tree;
	struct btrfs_node *nodes[BTRFS_LEVELS];
	uint32_t slots[BTRFS_LEVELS];
	bool base;			 /* there is an item of the tree at the slots */
	const struct btrfs_patch *patch; /* the next of the overlay */
	/* The current item; valid until the next call (or change of the overlay). */
	struct btrfs_key key;
	const uint8_t *data;
	uint32_t size;
};
/* Each: 1 there is an item, 0 the end, -1. seek: the first that is not below key. find: exactly it. */
int btrfs_seek(struct btrfs_cursor *c, struct btrfs *fs, const struct btrfs_tree *tree, const struct btrfs_key *key,
	       struct error *e) must_check;
int btrfs_next(struct btrfs_cursor *c, struct error *e) must_check;
int btrfs_find(struct btrfs_cursor *c, struct btrfs *fs, const struct btrfs_tree *tree, const struct btrfs_key *key,
	       struct error *e) must_check;
/* The last item that is not above key, in a tree without overlay. */
int btrfs_seek_back(struct btrfs_cursor *c, struct btrfs *fs, const struct btrfs_tree *tree,
		    const struct btrfs_key *key, struct error *e) must_check;
void btrfs_cursor_end(struct btrfs_cursor *c);
#define autocursor autodestroy(btrfs_cursor_end)
int64_t btrfs_cursor_place(const struct btrfs_cursor *c);

struct btrfs_overlay *btrfs_overlay_new(struct error *e) must_check;
void btrfs_overlay_destroy(struct btrfs_overlay *o);
const struct btrfs_patch *btrfs_overlay_from(const struct btrfs_overlay *o, const struct btrfs_key *key, bool above);
/* data NULL: deleted. LIMIT past a bound. */
int btrfs_overlay_put(struct btrfs_overlay *o, const struct btrfs_key *key, const void *data, uint32_t size,
		      struct error *e) must_check;

/* btrfs_roots.c */
int btrfs_roots_open(struct btrfs *fs, struct error *e) must_check;
int btrfs_root_parse(const struct btrfs_key *key, const uint8_t *p, uint32_t size, struct btrfs_tree *out,
		     struct error *e) must_check;
struct btrfs_tree *btrfs_tree_by_id(const struct btrfs *fs, uint64_t id);
/* "a/b/snapshot" from the top level on: 1 and it is the caller's, 0 when it hangs nowhere, -1. */
int btrfs_tree_path(const struct btrfs *fs, const struct btrfs_tree *t, char **out, struct error *e) must_check;
bool btrfs_is_subvolume(uint64_t id);

/* btrfs_inode.c */
struct btrfs_inode {
	const struct btrfs_tree *tree;
	uint64_t number, size, flags, generation;
	uint32_t links, uid, gid, mode;
	int64_t ctime, mtime;
	bool empty; /* stands where a subvolume was linked when the snapshot was taken */
};
#define BTRFS_NODATASUM 1u
int btrfs_inode_read(struct btrfs *fs, const struct btrfs_tree *t, uint64_t number, struct btrfs_inode *in,
		     struct error *e) must_check;
uint64_t btrfs_id(const struct btrfs *fs, const struct btrfs_inode *in);
int btrfs_inode_by_id(struct btrfs *fs, uint64_t id, struct btrfs_inode *in, struct error *e) must_check;
void btrfs_entry(struct btrfs *fs, const struct btrfs_inode *in, struct fs_entry *out);
/* Names are hashed so in DIR_ITEM keys. */
uint32_t btrfs_name_hash(const void *name, size_t len);
struct btrfs_dirent { /* also of DIR_ITEM and XATTR items */
	struct btrfs_key location;
	uint8_t type;
	const char *name;
	uint16_t name_len, data_len;
	const uint8_t *data;
	uint32_t bytes; /* of the whole */
};
/* One of an item at p. CORRUPT unless it lies inside. */
int btrfs_dirent_at(const uint8_t *p, uint32_t left, struct btrfs_dirent *d, struct error *e) must_check;
bool btrfs_name_sane(const char *name, size_t len);
/* 1 found, 0, -1. d is a copy in c's item: c stays. */
int btrfs_dir_find(struct btrfs *fs, const struct btrfs_inode *dir, const char *name, size_t len,
		   struct btrfs_inode *out, struct error *e) must_check;
/* What an entry of dir leads to. */
int btrfs_follow(struct btrfs *fs, const struct btrfs_inode *dir, const struct btrfs_dirent *d, struct btrfs_inode *out,
		 struct error *e) must_check;
struct btrfs_extent {
	uint64_t generation, ram_bytes, disk, disk_bytes, offset, bytes;
	uint8_t packed, type; /* type: 0 inline, 1 regular, 2 preallocated */
	const uint8_t *inlined;
	uint32_t inlined_bytes;
};
int btrfs_extent_parse(const struct btrfs *fs, const uint8_t *p, uint32_t size, struct btrfs_extent *x,
		       struct error *e) must_check;

/* What it has on the disk lies in one chunk for data, or it has nothing there. */
bool btrfs_extent_in_chunk(const struct btrfs *fs, const struct btrfs_extent *x);

/* btrfs_data.c: data and its checksums. */
/* The log's run that a sector is in; NULL. */
const struct btrfs_log_sum *btrfs_log_sum(const struct btrfs *fs, uint64_t logical);
struct btrfs_sums {
	struct btrfs_cursor at;
	uint64_t start, end; /* logical run that `data` covers */
	const uint8_t *data;
	bool log; /* of the log */
};
/* Reads whole sectors; each is verified when summed, copies tried in turn. CORRUPT names the place. */
int btrfs_data_read(struct btrfs *fs, struct btrfs_sums *s, uint64_t logical, void *buf, uint64_t len, bool summed,
		    struct error *e) must_check;
void btrfs_sums_end(struct btrfs_sums *s);
/* 1 all of a run has checksums, 0, -1. */
int btrfs_sums_cover(struct btrfs *fs, struct btrfs_sums *s, uint64_t logical, uint64_t len,
		     struct error *e) must_check;

/* btrfs_unpack.c: out_len bytes of a compressed extent; how many are not just added zeros, or -1. */
enum { BTRFS_ZLIB = 1, BTRFS_LZO = 2, BTRFS_ZSTD = 3 };
struct btrfs_unpacker;
struct btrfs_unpacker *btrfs_unpacker_new(struct error *e) must_check;
void btrfs_unpacker_destroy(struct btrfs_unpacker *u);
ssize_t btrfs_unpack(struct btrfs_unpacker *u, const struct btrfs *fs, unsigned kind, const uint8_t *in, size_t in_len,
		     uint8_t *out, size_t out_len, struct error *e) must_check;

/* btrfs_file.c */
struct stream *btrfs_open_inode(struct btrfs *fs, const struct btrfs_inode *in, struct error *e) must_check;

/* btrfs_log.c: replays the log into overlays. Sets info->replayed, or stale_view with a finding. */
int btrfs_log_open(struct btrfs *fs, const char *subject, struct findings *f, struct fs_info *info,
		   struct error *e) must_check;
/* btrfs_replay.c, btrfs_links.c: one subvolume's log. CORRUPT when it contradicts itself. */
struct btrfs_replay {
	struct btrfs *fs;
	struct btrfs_tree *tree;      /* the subvolume; its overlay grows */
	const struct btrfs_tree *log; /* without overlay */
	VEC(uint64_t) fixups;	      /* inodes whose links are to be counted again */
	uint64_t last_inode, last_end; /* of the log's last extent */
	uint64_t cut_inode, cut_from; /* nothing of it before cut_from reaches beyond */
};
int btrfs_replay_tree(struct btrfs_replay *r, struct error *e) must_check;
int btrfs_replay_extent(struct btrfs_replay *r, const struct btrfs_cursor *item, struct error *e) must_check;
/* Cuts away from .. to of a file. */
int btrfs_drop_extents(struct btrfs_replay *r, uint64_t ino, uint64_t from, uint64_t to, struct error *e) must_check;
int btrfs_link_remove(struct btrfs_replay *r, uint64_t dir, uint64_t ino, const char *name, size_t len,
		      struct error *e) must_check;
/* CORRUPT when another name has the index. */
int btrfs_link_add(struct btrfs_replay *r, uint64_t dir, uint64_t ino, const char *name, size_t len, uint64_t index,
		   bool reference, struct error *e) must_check;
/* A name in an item of references: 1 there (*at, *bytes its place in the item, *index), 0 not. */
int btrfs_ref_find(const uint8_t *p, uint32_t size, bool extended, uint64_t parent, const char *name, size_t len,
		   uint32_t *at, uint32_t *bytes, uint64_t *index);
/* The same in the log or subvolume, by inode. 1, 0, -1. */
int btrfs_ref_known(struct btrfs *fs, const struct btrfs_tree *t, uint64_t ino, uint64_t parent, const char *name,
		    size_t len, bool extended, struct error *e) must_check;
struct btrfs_key btrfs_extref_key(uint64_t ino, uint64_t parent, const char *name, size_t len);
int btrfs_replay_refs(struct btrfs_replay *r, const struct btrfs_cursor *item, struct error *e) must_check;
int btrfs_fixup(struct btrfs_replay *r, uint64_t ino, struct error *e) must_check;

/* btrfs_walk.c */
struct btrfs_view { /* what a struct fs holds: a file system seen from one subvolume */
	struct btrfs *fs;
	const struct btrfs_tree *top;
};
int btrfs_walk(void *self, const char *path, const struct budget *b, fs_visit_fn *visit, void *ctx,
	       struct error *e) must_check;
int btrfs_lookup(void *self, const char *path, bool follow, struct fs_entry *out, struct error *e) must_check;
int btrfs_lookup_inode(struct btrfs_view *v, const char *path, bool follow, struct btrfs_inode *out,
		       struct error *e) must_check;
char *btrfs_read_link(void *self, uint64_t id, struct error *e) must_check;
int btrfs_xattrs(void *self, uint64_t id, fs_xattr_fn *fn, void *ctx, struct error *e) must_check;

/* btrfs_verify.c, btrfs_check.c, btrfs_scrub.c */
int btrfs_verify(void *self, const char *subject, struct findings *f, const struct budget *b, int64_t now,
		 int64_t *newest, struct error *e) must_check;
int btrfs_scrub(void *self, const char *subject, struct findings *f, const struct budget *b,
		struct error *e) must_check;

#define btrfs_bad(e, at, ...) error_set(e, ERROR_CORRUPT, at, "btrfs: " __VA_ARGS__)
#define btrfs_finding fs_finding

#endif
