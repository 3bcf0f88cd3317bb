// SPDX-License-Identifier: GPL-3.0-or-later
/* Names as archives store them, made comparable: "./etc//passwd" and "/etc/passwd" are
 * "etc/passwd". */
#ifndef ARCHIVE_MEMBER_PATH_H
#define ARCHIVE_MEMBER_PATH_H

#include "backproof/base.h"

#define MEMBER_PATH_MAX (64 * KIB)

/*
 * A new string: without leading slashes, empty parts, "." parts and a slash at the end; ".." parts
 * stay. *escapes is set (never cleared) when the name is absolute or has a ".." part. LIMIT when it
 * is longer than MEMBER_PATH_MAX, CORRUPT when it is empty.
 */
char *member_path(const char *stored, bool *escapes, struct error *e) must_check;

#endif
