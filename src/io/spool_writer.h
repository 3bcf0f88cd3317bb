// SPDX-License-Identifier: GPL-3.0-or-later
/* Writes runs of bytes to a file in a thread of its own, so that who finds them need not wait for the disk. */
#ifndef IO_SPOOL_WRITER_H
#define IO_SPOOL_WRITER_H

#include "backproof/base.h"

#define SPOOL_GRAIN (4 * KIB)

struct spool_writer;
/*
 * fd is borrowed, and open until spool_writer_close. path: for messages. share: bytes that may stay in memory, as long
 * as there is that nobody uses.
 */
struct spool_writer *spool_writer_open(int fd, const char *path, uint64_t share, struct error *e) must_check;
/* Copies len bytes, to be written at off. Runs come in the order of the file. After a failure they are dropped. */
void spool_writer_put(struct spool_writer *w, const uint8_t *p, size_t len, uint64_t off);
/* Waits until all is written, and frees w. -1: something could not be written. NULL is fine: 0. */
int spool_writer_close(struct spool_writer *w, struct error *e) must_check;

/* For tests: so many bytes go the one way, so many the other, and so on, whatever each costs. 0: as it should be. */
struct spool_tuning {
	uint64_t cached, direct;
};
extern struct spool_tuning spool_tuning;

#endif
