// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * System archives, read once from front to back. libarchive parses members; we feed it, check the
 * frame around them ourselves (header checksums, end mark, nothing behind it) and drain the stream.
 */
#ifndef BACKPROOF_ARCHIVE_H
#define BACKPROOF_ARCHIVE_H

#include "backproof/entry.h"
#include "backproof/stream.h"

struct archive_reader;

struct archive_member {
	struct fs_entry entry;	 /* path normalised: no leading "/" or "./", no "." parts; id counts from 1 */
	const char *link;	 /* symbolic link's target, or NULL */
	const char *hardlink;	 /* normalised path of an earlier member, or NULL */
	bool escapes;		 /* the name as stored is absolute or has ".." parts */
	const void *native;	 /* struct archive_entry, for libarchive's disk writer */
};

/* upstream is borrowed: decoded bytes, positioned at their start. */
struct archive_reader *archive_reader_open(struct stream *upstream, struct error *e) must_check;
void archive_reader_destroy(struct archive_reader *r);
DEFINE_AUTO(struct archive_reader, archive_reader_destroy)
/* 1 a member (valid until the next call), 0 the end of the archive, -1 failed. What libarchive only
 * warns about is CORRUPT, except for character-set conversions of names. */
int archive_reader_next(struct archive_reader *r, struct archive_member *out,
			struct error *e) must_check;
/* Data of the present member: 1..cap bytes, 0 at its end. Holes of sparse members read as zeros. */
ssize_t archive_reader_data(struct archive_reader *r, void *buf, size_t cap,
			    struct error *e) must_check;
/* Passes over the hole that the data goes on with: its bytes, which count as read; 0 when there is none. */
int archive_reader_skip_hole(struct archive_reader *r, uint64_t *bytes, struct error *e) must_check;
/* After next gave 0: requires the end mark, zeros only behind it, a drained and finished upstream. */
int archive_reader_finish(struct archive_reader *r, struct error *e) must_check;

#endif
