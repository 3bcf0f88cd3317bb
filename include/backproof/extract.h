// SPDX-License-Identifier: GPL-3.0-or-later
/* Files out of an image onto a disk of the user's, for good: not the trial restore into scratch. */
#ifndef BACKPROOF_EXTRACT_H
#define BACKPROOF_EXTRACT_H

#include "backproof/entry.h"
#include "backproof/error.h"

struct extractor;

/*
 * Below an existing directory. Until it is destroyed it is the working directory of the process, so that names from
 * an image are only ever used relative to it.
 */
struct extractor *extractor_open(const char *directory, struct error *e) must_check;
void extractor_destroy(struct extractor *x);
DEFINE_AUTO(struct extractor, extractor_destroy)

/* Gives data of the file: 1..cap bytes, 0 the proved end, -1 failed. */
typedef ssize_t extract_read_fn(void *ctx, void *buf, size_t cap, struct error *e);

/*
 * Writes one file, directory or symbolic link (link: its target) under its path, and the directories above it.
 * What is there already is not replaced: BUSY. A file that does not come out whole is removed again. Set-id bits
 * and owners are not kept; devices and sockets are UNSUPPORTED; CORRUPT: a name that leads out of the directory.
 */
int extract_entry(struct extractor *x, const struct fs_entry *entry, const char *link, extract_read_fn *read,
		  void *ctx, struct error *e) must_check;
/* The times and modes of directories, which wait for the end. */
int extract_end(struct extractor *x, struct error *e) must_check;

#endif
