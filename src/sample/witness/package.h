// SPDX-License-Identifier: GPL-3.0-or-later
/* What the readers of package databases share. */
#ifndef WITNESS_PACKAGE_H
#define WITNESS_PACKAGE_H

#include "backproof/witness.h"

#define PACKAGE_STATUS_MAX (256 * MIB)
#define PACKAGE_LIST_MAX (64 * MIB)
#define PACKAGE_FILES_MAX 5000000

extern const struct package_database package_dpkg, package_pacman, package_apk, package_rpm;

/* Adds a file. A leading "/" or "./" is dropped; an empty or ".." path gives 0 and *out NULL. */
int vouchers_add(struct vouchers *v, const char *path, const struct vouched *values,
		 struct error *e) must_check;
/*
 * Sorts by path and keeps one of each. A path for which two packages give different digests is
 * dropped: the database doesn't say which of them won. bin/x and usr/bin/x are one path here, as they
 * are where /bin is a link.
 */
void vouchers_settle(struct vouchers *v);

/* Cuts the next line off *at: NUL-terminated in place, without its end. NULL at the end. */
char *package_line(char **at);
/* read of the tree_reader, of a path put together. */
int package_read(const struct tree_reader *t, size_t max, char **data, size_t *len, int64_t *mtime,
		 struct error *e, const char *fmt, ...) printf_like(7, 8) must_check;

#endif
