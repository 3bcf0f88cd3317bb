// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The frame of a tar file, checked on its own: it is fed every byte of the decoded stream and
 * follows headers, sizes and sparse maps to the end mark. libarchive ends cleanly at a cut and
 * never looks behind the end mark; this does not. What it learns of each member is kept until
 * taken, so that the reader can hold libarchive's view against it.
 */
#ifndef ARCHIVE_TAR_FRAME_H
#define ARCHIVE_TAR_FRAME_H

#include "tar_header.h"

struct tar_frame;

struct tar_member {
	uint64_t offset; /* of its first block: an extended header, or the header itself */
	uint64_t stored; /* bytes of data behind the header */
	char type;	 /* typeflag */
	bool sparse;
};

struct tar_frame *tar_frame_new(struct error *e) must_check;
void tar_frame_destroy(struct tar_frame *f);
DEFINE_AUTO(struct tar_frame, tar_frame_destroy)
/* The next bytes of the stream. A fault sticks: what follows it is not looked at. */
void tar_frame_feed(struct tar_frame *f, const void *data, size_t len);
/* -1 with the fault (CORRUPT, UNSUPPORTED, LIMIT or INTERNAL) that was met, 0 when all is well so
 * far. */
int tar_frame_check(const struct tar_frame *f, struct error *e) must_check;
/* The oldest member not taken yet. */
bool tar_frame_take(struct tar_frame *f, struct tar_member *out);
/* Both blocks of the end mark have been seen. */
bool tar_frame_ended(const struct tar_frame *f);
/* After the last byte: -1 when the archive is cut or has a fault. */
int tar_frame_finish(struct tar_frame *f, struct error *e) must_check;

#endif
