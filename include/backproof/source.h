// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Source: random access to immutable bytes. read_at fills exactly what was asked or fails. A source
 * may be read by several threads at once. Layers above a source borrow it: the source outlives them.
 */
#ifndef BACKPROOF_SOURCE_H
#define BACKPROOF_SOURCE_H

#include <sys/stat.h>

#include "backproof/base.h"

struct source;
struct budget;

/* A run of bytes from an offset on: data, or known to read as zeros without being read. */
struct extent {
	uint64_t length; /* > 0 inside the source */
	bool zero;
};

struct source_ops {
	const char *kind;
	/* Fills len bytes from off; off + len <= size is guaranteed by the dispatcher. */
	int (*read_at)(void *self, uint64_t off, void *buf, size_t len, struct error *e);
	/* NULL: all data. off < size is guaranteed; the length may be cut short. */
	int (*extent_at)(void *self, uint64_t off, struct extent *out, struct error *e);
	void (*destroy)(void *self);
	/* As read_at, without a trace in the page cache: see source_read_aside. NULL: read_at does. */
	int (*read_aside)(void *self, uint64_t off, void *buf, size_t len, const struct budget *b, struct error *e);
	/* See source_expect; the bytes are inside. NULL: nothing comes of it. */
	void (*expect)(void *self, uint64_t off, uint64_t len);
};

/* Takes self on success only. name is copied, for messages. NULL when memory is out. */
struct source *source_new(const struct source_ops *ops, void *self, uint64_t size, const char *name,
			  struct error *e) must_check;
void source_destroy(struct source *s);
DEFINE_AUTO(struct source, source_destroy)
#define autosource autodestroy(source_destroy_auto)

uint64_t source_size(const struct source *s);
const char *source_name(const struct source *s);
int source_read_at(struct source *s, uint64_t off, void *buf, size_t len,
		   struct error *e) must_check;
/*
 * Soon to be read: where reads have had to wait for a disk, it is fetched meanwhile. No more than a hint: the range may
 * be wrong, or beyond the end, and a failure shows when it is read.
 */
void source_expect(struct source *s, uint64_t off, uint64_t len);
/* Never crosses the end; LIMIT error when off >= size. */
int source_extent_at(struct source *s, uint64_t off, struct extent *out,
		     struct error *e) must_check;
/* The first error that any read met, or NULL. libblkid and libext2fs turn errors into "not found". */
const struct error *source_sticky(const struct source *s);
/* Bytes read so far through this source. */
uint64_t source_bytes_read(const struct source *s);

/*
 * From here on it is noted which pieces (of `piece` bytes, a power of two) reads have touched. Before readers have
 * started. Of what has more than 2^29 pieces nothing is noted.
 */
int source_note_reads(struct source *s, uint64_t piece, struct error *e) must_check;
/* The first touched piece from `from` on; false: there is none. */
bool source_touched(const struct source *s, uint64_t from, uint64_t *piece);
/* What source_read_aside wants its buffers aligned to, off to be a multiple of, and room for len rounded up to. */
#define SOURCE_ASIDE_ALIGN 4096
/*
 * As source_read_at, for large pieces here and there: the page cache is passed by where that can be, at the pace and
 * until the end of this budget instead of the source's own (LIMIT). Is not noted.
 */
int source_read_aside(struct source *s, uint64_t off, void *buf, size_t len, const struct budget *b,
		      struct error *e) must_check;

/*
 * A regular file or block device. Identity is taken from the open descriptor. What is read of a file leaves the page
 * cache when the source goes (see footprint.h).
 */
struct source *source_open_file(const char *path, struct error *e) must_check;
/* From here on, reads of a file source keep to the pace of a budget (borrowed). Before readers have started. */
void source_pace(struct source *s, const struct budget *b);
/* Takes fd on success. The page cache is left alone. */
struct source *source_open_fd(int fd, const char *name, struct error *e) must_check;
/* The descriptor of a file source, -1 for another kind. Borrowed. */
int source_fd(const struct source *s);
/*
 * The content of a file source in scratch is dropped, and its room is free: all later reads fail (INTERNAL). Any
 * thread; for other kinds nothing is done.
 */
void source_give_up(struct source *s);
/* What fstat said at open; NULL for another kind. */
const struct stat *source_stat(const struct source *s);
/*
 * BUSY when the file under a file source is no longer what was opened: device, inode, size, mtime or
 * ctime differ, or its path names another file now. 0 for other kinds.
 */
int source_same(const struct source *s, struct error *e) must_check;
/* The same of a file that was this one when it was opened: BUSY when its path names another now, or it was changed. */
int source_still_at(const char *path, const struct stat *opened, struct error *e) must_check;

/* Bytes off .. off+len of parent, which is borrowed. CORRUPT when they are not all inside. */
struct source *source_window(struct source *parent, uint64_t off, uint64_t len, const char *name,
			     struct error *e) must_check;

/* The sources (borrowed, at least one) one after the other. LIMIT when they are too large together. */
struct source *source_concat(struct source *const *items, size_t count, const char *name,
			     struct error *e) must_check;

/* A source over memory, borrowed (tests, small decoded files). */
struct source *source_memory(const void *data, size_t len, const char *name,
			     struct error *e) must_check;

/*
 * Parent (borrowed) with some blocks replaced, for journal replay: nothing is written to the parent.
 * block_size is a power of two. overlay_put copies block_size bytes; the newest put wins. Not to be
 * called once readers have started.
 */
struct source *source_overlay(struct source *parent, uint32_t block_size,
			      struct error *e) must_check;
int overlay_put(struct source *overlay, uint64_t block, const void *data,
		struct error *e) must_check;
uint64_t overlay_count(const struct source *overlay);

/* Parent (borrowed) through a cache of clusters read ahead: for readers that ask for 4 KiB at a time. */
struct source *source_cached(struct source *parent, uint32_t cluster_size, uint32_t clusters,
			     struct error *e) must_check;

#endif
