// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The page cache is left as it was found: what reading a file brought into it is dropped, what was there stays. A
 * granule of 2 MiB counts as a whole: one of which anything was there is left alone. All footprints of a process
 * together hold no more than an eighth of the memory that was available: beyond that, what was read first goes first.
 */
#ifndef BACKPROOF_FOOTPRINT_H
#define BACKPROOF_FOOTPRINT_H

#include <sys/stat.h>

#include "backproof/base.h"

struct footprint;

/*
 * fd is borrowed until footprint_close. *out NULL: there is nothing to look after (no regular file, or an empty one);
 * the others take NULL for that. -1: memory.
 */
int footprint_open(int fd, const struct stat *st, struct footprint **out, struct error *e) must_check;
/* To be called before off .. off+len of the file are read. By several threads at once. */
void footprint_before(struct footprint *f, uint64_t off, uint64_t len);
/* Drops what was brought in. */
void footprint_close(struct footprint *f);
DEFINE_AUTO(struct footprint, footprint_close)
/* How many bytes may be read ahead of a file on that device, at most. */
uint64_t footprint_ahead(dev_t device);
/* Of all devices, from now on: for a process that can't ask any more. Before there are other threads. 0: it can. */
void footprint_assume_ahead(uint64_t bytes);
/* Instead of an eighth of the memory (for tests). */
void footprint_limit(uint64_t bytes);

#endif
