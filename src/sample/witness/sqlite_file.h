// SPDX-License-Identifier: GPL-3.0-or-later
#ifndef WITNESS_SQLITE_FILE_H
#define WITNESS_SQLITE_FILE_H

#include "backproof/base.h"

struct sqlite3;

/*
 * Opens the database in fd (borrowed) for reading, through a VFS of our own: no path is opened, nothing
 * is written, no journal looked for. 0 or an SQLite code. *db is set either way: close it.
 */
int sqlite_open_fd(int fd, struct sqlite3 **db) must_check;
/* Takes from an open database what a hostile one could use; queries end at *deadline (monotonic_ns). */
void sqlite_harden(struct sqlite3 *db, int64_t *deadline);
/* An SQLite code as an error: -1. db may be NULL. */
int sqlite_error(struct sqlite3 *db, int code, struct error *e) must_check;
/* A read of the file failed: what SQLite then finds wrong (quick_check makes a row of it) is not the content. */
bool sqlite_read_failed(struct sqlite3 *db);

#endif
