// SPDX-License-Identifier: GPL-3.0-or-later
#ifndef SAMPLE_PLAIN_PATH_H
#define SAMPLE_PLAIN_PATH_H

#include <string.h>

#include "backproof/base.h"

/* No empty, "." or ".." parts, none too long for a directory entry. */
static inline bool is_plain_path(const char *p)
{
	if (*p == '/' || !*p)
		return false;
	while (*p) {
		size_t n = strcspn(p, "/");
		if (!n || n > 255 || (n == 1 && p[0] == '.') || (n == 2 && p[0] == '.' && p[1] == '.'))
			return false;
		p += n;
		if (*p == '/' && !*++p)
			return false;
	}
	return true;
}

#endif
