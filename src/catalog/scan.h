// SPDX-License-Identifier: GPL-3.0-or-later
/* Reads directories: one system call for hundreds of names, no stat. */
#ifndef CATALOG_SCAN_H
#define CATALOG_SCAN_H

#include "backproof/base.h"

enum scan_type { SCAN_OTHER, SCAN_FILE, SCAN_DIR, SCAN_LINK };

/* name is NUL-terminated and neither "." nor "..". -1 ends the scan. */
typedef int scan_fn(void *ctx, int dir, const char *name, enum scan_type type, struct error *e);

/* Opens a directory; links are followed only when asked. -1 with errno. */
int scan_open(int dir, const char *name, bool follow) must_check;
/* For who looks around: *fd is -1 where there is no directory. -1: it can't be told, or not to us (EACCES). */
int scan_enter(const char *path, bool follow, int *fd, struct error *e) must_check;
/* All entries of an open directory. -1: what fn said, or the directory can't be read (*unreadable is then set). */
int scan_dir(int fd, const char *shown, scan_fn *fn, void *ctx, bool *unreadable,
	     struct error *e) must_check;
/* Directories that never hold backups and often can't be read. */
bool scan_is_system_dir(const char *name);

#endif
