// SPDX-License-Identifier: GPL-3.0-or-later
#ifndef GATE_BROWSE_NAMES_H
#define GATE_BROWSE_NAMES_H

#include "backproof/base.h"

/* Without slashes around and "./" before; "" is everything. NULL: no memory. */
char *browse_bare(const char *path);
/* The path, or a directory above it, is what the pattern means. */
bool browse_fits(const char *pattern, const char *path);
/* The path itself is. */
bool browse_is(const char *pattern, const char *path);
/* Where the walk for a pattern begins: the directory before its first glob character. NULL: no memory. */
char *browse_start(const char *pattern);

#endif
