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

#endif
