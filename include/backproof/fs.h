// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * File systems, read in user space from a source. A file system is a constant row: no mount, no loop
 * device, no root. Paths are relative to its root, without a leading slash; "" is the root. They are
 * bytes from the image: untrusted.
 */
#ifndef BACKPROOF_FS_H
#define BACKPROOF_FS_H

#include "backproof/budget.h"
#include "backproof/entry.h"
#include "backproof/finding.h"
#include "backproof/stream.h"

struct fs_info {
	char type[16]; /* "ext4" */
	char uuid[64], label[256];
	uint64_t size, free; /* bytes, as the file system says */
	uint32_t block_size;
	int64_t made, mounted, written; /* times kept in the superblock; 0 when there is none */
	int64_t journal;  /* newest commit in the log; 0 when there is none */
	bool clean;	  /* unmounted or frozen cleanly: the superblock was written last */
	bool replayed;	  /* the log was dirty and has been replayed in an overlay */
	bool stale_view;  /* the log is dirty and could not be replayed: what is seen is older */
	bool checksums;	  /* all metadata carries checksums (ext4 metadata_csum) */
	bool unlogged;	  /* it was mounted when it was copied and has no log: only fs_verify can tell */
	bool errors;	  /* the kernel marked the file system as having errors */
};

struct fs;

/* Returning non-zero stops the walk: < 0 with e filled fails it, > 0 ends it early without error. */
typedef int fs_visit_fn(void *ctx, const struct fs_entry *entry, struct error *e);
typedef int fs_xattr_fn(void *ctx, const char *name, const void *value, size_t len, struct error *e);

/* A tree of its own inside a file system (btrfs), which can be mounted by itself. */
struct fs_subvolume {
	const char *path; /* from the top level on, "" is the top level; valid during the call */
	uint64_t id;
	bool is_default; /* what a mount without options shows, and what fs_open gives as "" */
	bool read_only;
	int64_t changed; /* time of its newest change */
};
typedef int fs_subvolume_fn(void *ctx, const struct fs_subvolume *s, struct error *e);

struct fs_ops {
	const char *name;
	const char *const *types; /* libblkid types served, NULL-terminated */
	/*
	 * Opens the file system on src (borrowed). Superblock checks (checksum, copies, geometry, log
	 * state) become PROOF_STRUCTURE findings under subject. -1 when it can't be opened at all;
	 * the caller makes that a finding.
	 */
	int (*open)(struct source *src, const char *subject, struct findings *f, void **self,
		    struct fs_info *info, struct error *e);
	/*
	 * The walk of all metadata (see fs_verify). *newest gets the newest inode change time seen that
	 * is not after `now`.
	 */
	int (*verify)(void *self, const char *subject, struct findings *f, const struct budget *b,
		      int64_t now, int64_t *newest, struct error *e);
	/* Every entry below the directory once, parents before children; "." and ".." are not shown. */
	int (*walk)(void *self, const char *path, const struct budget *b, fs_visit_fn *visit,
		    void *ctx, struct error *e);
	/* 1 found, 0 no such entry, -1 error. Symbolic links in the middle are followed inside this
	 * file system (an absolute target starts at its root; at most 40); the last is when follow. */
	int (*lookup)(void *self, const char *path, bool follow, struct fs_entry *out,
		      struct error *e);
	struct stream *(*open_file)(void *self, uint64_t id, struct error *e);
	/* NUL-terminated, owned by the caller. NULL on error. */
	char *(*read_link)(void *self, uint64_t id, struct error *e);
	/* NULL: the file system has none. */
	int (*xattrs)(void *self, uint64_t id, fs_xattr_fn *fn, void *ctx, struct error *e);
	void (*destroy)(void *self);
	/* NULL for each of these: the file system has no such thing. See fs_scrub and fs_open_subvolume. */
	int (*scrub)(void *self, const char *subject, struct findings *f, const struct budget *b, struct error *e);
	int (*subvolumes)(void *self, fs_subvolume_fn *fn, void *ctx, struct error *e);
	int (*subvolume)(void *self, const char *path, uint64_t id, void **out, struct error *e);
	/* See fs_open_source. */
	struct source *(*open_source)(void *self, uint64_t id, struct error *e);
	/* See fs_used_at. */
	int (*used_at)(void *self, uint64_t off, struct extent *out, struct error *e);
	bool shared; /* several threads may call all of these at once, but for open and destroy: see fs_share */
};

/* The row that serves a libblkid type, or NULL. */
const struct fs_ops *fs_for_type(const char *type);

/* src is borrowed. An unknown type is UNSUPPORTED. */
struct fs *fs_open(const char *type, struct source *src, const char *subject, struct findings *f,
		   struct error *e) must_check;
void fs_destroy(struct fs *fs);
DEFINE_AUTO(struct fs, fs_destroy)
/*
 * The same open file system once more, for another thread; each is destroyed by itself, in any order. NULL where
 * its readers can't be shared: then it has to be opened again.
 */
struct fs *fs_share(struct fs *fs) must_check;
const struct fs_info *fs_info(const struct fs *fs);
const char *fs_subject(const struct fs *fs);

/*
 * Reads all metadata: checksums, bounds, blocks claimed twice, directory structure. What is broken is
 * BROKEN with path or inode and offset; what was sound is HELD, with counts. Returns -1 only when it
 * could not be carried out (IO, LIMIT, memory).
 */
int fs_verify(struct fs *fs, struct findings *f, const struct budget *b, int64_t now,
	      int64_t *newest, struct error *e) must_check;
int fs_walk(struct fs *fs, const char *path, const struct budget *b, fs_visit_fn *visit, void *ctx,
	    struct error *e) must_check;
int fs_lookup(struct fs *fs, const char *path, bool follow, struct fs_entry *out,
	      struct error *e) must_check;
struct stream *fs_open_file(struct fs *fs, const struct fs_entry *entry,
			    struct error *e) must_check;
/*
 * A file at random, for those that are too large to be read whole: of fs's thread, and destroyed before it.
 * UNSUPPORTED when the file system has no such way to this file; as a stream it may open all the same.
 */
struct source *fs_open_source(struct fs *fs, const struct fs_entry *entry, struct error *e) must_check;
char *fs_read_link(struct fs *fs, const struct fs_entry *entry, struct error *e) must_check;
int fs_xattrs(struct fs *fs, const struct fs_entry *entry, fs_xattr_fn *fn, void *ctx,
	      struct error *e) must_check;
/*
 * Reads all data that carries checksums, in disk order, all copies, and verifies it: PROOF_STRUCTURE
 * findings, HELD with counts or BROKEN with offset. 1 done, 0 this file system has none, -1.
 */
int fs_scrub(struct fs *fs, struct findings *f, const struct budget *b, struct error *e) must_check;
/*
 * Whether the byte at an offset of its source lies in what is in use, by its own account, and how many behind it are
 * alike (which may be beyond the end): out->zero says that they are free. 1 told, 0 no account is read here, -1.
 */
int fs_used_at(struct fs *fs, uint64_t off, struct extent *out, struct error *e) must_check;
bool fs_has_subvolumes(const struct fs *fs);
/* Every subvolume that is linked somewhere. Non-zero from fn ends it, as with fs_walk. */
int fs_subvolumes(struct fs *fs, fs_subvolume_fn *fn, void *ctx, struct error *e) must_check;
/*
 * The same open file system with a subvolume as its root: what mount's subvol=PATH (from the top level on;
 * NULL: by id alone) or subvolid=ID (0: by path alone, or the top level) gives. Shares all state and may outlive
 * the first. MISSING when there is no such subvolume, UNSUPPORTED when the file system has none.
 */
struct fs *fs_open_subvolume(struct fs *fs, const char *path, uint64_t id, struct error *e) must_check;
/* A whole small file into memory, NUL-terminated. 1 read, 0 no such regular file, -1 error (LIMIT
 * when larger than max). */
int fs_read_file(struct fs *fs, const char *path, size_t max, char **data, size_t *len,
		 struct error *e) must_check;

#endif
