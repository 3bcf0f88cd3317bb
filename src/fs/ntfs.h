// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * NTFS 1.2 to 3.1: what its files share. Directories, attribute lists and compressed data are read by libntfs-3g
 * over a source; the boot sectors, the MFT, runs, index blocks and the log are parsed here as well, because the
 * library does not tell what it found wrong. There is no public specification: the names are those of libntfs-3g's
 * layout.h and of the Linux drivers.
 */
#ifndef FS_NTFS_H
#define FS_NTFS_H

#include "rows.h"
#include "say.h"

#define NTFS_ROOT 5u
/* Records below are the system's own. */
#define NTFS_FIRST_USER 24u
#define NTFS_NO_RUN (-1) /* lcn of a hole */

enum ntfs_attr_type {
	ATTR_STANDARD = 0x10,
	ATTR_LIST = 0x20,
	ATTR_NAME = 0x30,
	ATTR_LABEL = 0x60,
	ATTR_VOLUME = 0x70,
	ATTR_DATA = 0x80,
	ATTR_INDEX_ROOT = 0x90,
	ATTR_INDEX = 0xa0,
	ATTR_REPARSE = 0xc0,
};

struct ntfs_geometry {
	uint32_t sector, cluster, record, index; /* bytes */
	uint64_t sectors, clusters;
	uint64_t mft, mirror; /* clusters */
	uint64_t serial;
};

/* Reads and their last error: the library turns errors into errno. */
struct ntfs_disk {
	struct source *src; /* through a cache; owned */
	struct error error;
	bool failed;
};

struct _ntfs_attr;
struct _ntfs_inode;
struct _ntfs_volume;
struct ntfs_listing;
struct ntfs {
	struct source *src; /* borrowed */
	struct ntfs_disk disk;
	struct ntfs_geometry g;
	struct _ntfs_volume *vol;
	uint64_t records; /* of the MFT */
	bool clean;	  /* nothing is owed by the log, nobody marked it dirty */
	struct ntfs_listing *last; /* the directory looked up last */
};

/* ntfs_boot.c */
int ntfs_parse_boot(const uint8_t b[512], uint64_t bytes, struct ntfs_geometry *g,
		    struct error *e) must_check;
/* Size, backup boot sector and copy of the MFT. *bad counts what was BROKEN. */
int ntfs_judge_boot(struct ntfs *fs, const uint8_t b[512], const char *subject, struct findings *f,
		    unsigned *bad, struct error *e) must_check;

/* ntfs_record.c: one attribute of a record, all bounds checked. */
struct ntfs_attribute {
	uint32_t type;
	bool resident, compressed, encrypted, sparse;
	const uint8_t *name; /* UTF-16 */
	size_t name_units;
	const uint8_t *value; /* resident */
	size_t value_size;
	uint64_t first_vcn, last_vcn, allocated, size, initialized;
	const uint8_t *pairs; /* up to pairs_end */
	const uint8_t *pairs_end;
	const uint8_t *next; /* for ntfs_next_attribute */
};
/* Undoes the update sequence in place. NULL when it held, or what is wrong. */
const char *ntfs_fix(uint8_t *record, size_t size, const char magic[4]);
/* The header of an MFT record after ntfs_fix: NULL or what is wrong. */
const char *ntfs_check_record(const uint8_t *r, size_t size);
/* 1 an attribute, 0 the end, -1: *why tells. a->next is NULL before the first. */
int ntfs_next_attribute(const uint8_t *r, size_t size, struct ntfs_attribute *a, const char **why);
/* One run: 1, 0 at the end, -1 malformed. *lcn keeps the last value; hole when nothing is stored. */
int ntfs_next_run(const uint8_t **p, const uint8_t *end, int64_t *lcn, uint64_t *length, bool *hole);
bool ntfs_is_i30(const struct ntfs_attribute *a);
/* 100 ns since 1601 to seconds since 1970. */
int64_t ntfs_seconds(uint64_t t);

/* ntfs_lib.c */
int ntfs_lib_open(struct ntfs *fs, struct error *e) must_check;
void ntfs_lib_close(struct ntfs *fs);
/* What the library's last failure was; always -1. */
int ntfs_lib_error(struct ntfs *fs, struct error *e, const char *fmt, ...) printf_like(3, 4);
struct _ntfs_inode *ntfs_lib_inode(struct ntfs *fs, uint64_t ref, struct error *e) must_check;
/* A stream of an inode; name of units UTF-16, NULL for the unnamed. 1, 0 no such, -1. */
int ntfs_lib_attr(struct ntfs *fs, struct _ntfs_inode *ni, uint32_t type, const void *name,
		  size_t units, struct _ntfs_attr **out, struct error *e) must_check;
/* By the key of a person (EFS). */
bool ntfs_lib_is_encrypted(struct _ntfs_attr *na);
/* Fills len bytes from off by runs, without the library: zeros in holes and beyond what is initialised.
 * Not for compressed, encrypted or resident ones. */
int ntfs_lib_read(struct ntfs *fs, struct _ntfs_attr *na, uint64_t off, void *buf, size_t len,
		  struct error *e) must_check;
/* All of an attribute of at most max bytes. */
int ntfs_lib_whole(struct ntfs *fs, struct _ntfs_inode *ni, uint32_t type, const void *name, size_t units,
		   size_t max, uint8_t **data, size_t *len, struct error *e) must_check;
void ntfs_lib_put(struct _ntfs_inode **ni);
void ntfs_lib_put_attr(struct _ntfs_attr **na);

/* ntfs_dir.c */
struct ntfs_name {
	uint64_t ref;
	char *text; /* UTF-8 */
	bool dos;   /* only the short one of two */
};
struct ntfs_listing {
	uint64_t ref;
	VEC(struct ntfs_name) names;
};
struct ntfs_listing *ntfs_list(struct ntfs *fs, uint64_t ref, bool system, struct error *e) must_check;
void ntfs_listing_free(struct ntfs_listing *l);
DEFINE_AUTO(struct ntfs_listing, ntfs_listing_free)
bool ntfs_same_name(const struct ntfs *fs, const char *a, const char *b, size_t b_len);
int ntfs_show(struct ntfs *fs, uint64_t ref, struct fs_entry *out, struct error *e) must_check;
int ntfs_walk(void *self, const char *path, const struct budget *b, fs_visit_fn *visit, void *ctx,
	      struct error *e) must_check;

/* ntfs_find.c */
int ntfs_find(void *self, const char *path, bool follow, struct fs_entry *out,
	      struct error *e) must_check;

/* ntfs_file.c */
enum ntfs_reparse { REPARSE_NONE, REPARSE_LINK, REPARSE_SPECIAL, REPARSE_PLAIN, REPARSE_ELSEWHERE };
enum ntfs_reparse ntfs_reparse_kind(uint32_t tag);
struct stream *ntfs_open_stream(void *self, uint64_t id, struct error *e) must_check;
struct source *ntfs_open_source(void *self, uint64_t id, struct error *e) must_check;
int ntfs_streams(void *self, uint64_t id, fs_xattr_fn *fn, void *ctx, struct error *e) must_check;
/* ntfs_wof.c: files that Windows compressed by itself. */
#define NTFS_TAG_WOF 0x80000017u
#define NTFS_WOF_AT_ONCE (256 * KIB) /* whole chunks of any kind */
struct ntfs_wof;
/* size: of the unnamed stream. Borrows ni. UNSUPPORTED when it is kept elsewhere, or without libwim. */
struct ntfs_wof *ntfs_wof_open(struct ntfs *fs, struct _ntfs_inode *ni, uint64_t size, struct error *e) must_check;
void ntfs_wof_free(struct ntfs_wof *w);
DEFINE_AUTO(struct ntfs_wof, ntfs_wof_free)
/* The table of all chunks. */
int ntfs_wof_check(struct ntfs_wof *w, struct error *e) must_check;
/* The bytes from off (a multiple of NTFS_WOF_AT_ONCE) up to the next multiple, or the end of the file. */
ssize_t ntfs_wof_read(struct ntfs_wof *w, uint64_t off, uint8_t *out, struct error *e) must_check;
bool ntfs_wof_is_stream(const uint8_t *name, size_t units);
/* ntfs_link.c */
int ntfs_reparse_tag(struct ntfs *fs, struct _ntfs_inode *ni, uint32_t *tag, struct error *e) must_check;
char *ntfs_link_target(void *self, uint64_t id, struct error *e) must_check;

/* ntfs_log.c */
int ntfs_judge_log(struct ntfs *fs, const char *subject, struct findings *f, struct fs_info *info,
		   struct error *e) must_check;
/* ntfs_records.c: what a log in use holds. */
struct ntfs_log {
	uint8_t *data; /* fixed up, torn pages without their magic */
	uint64_t size; /* usable */
	uint32_t page, system_page, data_at, header;
	unsigned sequence_bits, major;
	uint64_t restart; /* LSN of the client's last restart record */
};
struct ntfs_owed {
	uint64_t changes, owed, open; /* log records; changes not on the disk; unfinished transactions */
	uint64_t last;		      /* the newest LSN that was followed */
	const char *why;	      /* the records can't be followed */
};
int ntfs_follow_log(struct ntfs *fs, const struct ntfs_log *l, struct ntfs_owed *o,
		    struct error *e) must_check;

/* ntfs_verify.c */
struct ntfs_verify;
int ntfs_verify(void *self, const char *subject, struct findings *f, const struct budget *b,
		int64_t now, int64_t *newest, struct error *e) must_check;

#define ntfs_finding fs_finding

#endif
