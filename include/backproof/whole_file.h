// SPDX-License-Identifier: GPL-3.0-or-later
/* Small files that are there whole or not at all. */
#ifndef BACKPROOF_WHOLE_FILE_H
#define BACKPROOF_WHOLE_FILE_H

#include "backproof/base.h"

/*
 * Writes a file beside its place, and puts it there when it is on the disk; the directory is flushed too. A crash at
 * any moment leaves what was there before, or all of the new one (and at times a temporary file beside it).
 * replace: what is there gives way, also a symbolic link; else there must be nothing. e->sys is EEXIST then.
 */
int whole_file_write(const char *path, const void *data, size_t length, mode_t mode, bool replace,
		     struct error *e) must_check;
/*
 * All of a regular file of at most most bytes, with a NUL behind. Allocated. NULL: IO (e->sys is ENOENT for one that
 * is not there), or LIMIT for one that is larger.
 */
char *whole_file_read(const char *path, size_t most, size_t *length, struct error *e) must_check;
/* The same of a file that is open (fd is borrowed), from its beginning. path: for messages. */
char *whole_file_take(int fd, const char *path, size_t most, size_t *length, struct error *e) must_check;
/* Flushes the directory that a path is in; one that can't be flushed is none of anybody's fault. */
int directory_sync(const char *path, struct error *e) must_check;

#endif
