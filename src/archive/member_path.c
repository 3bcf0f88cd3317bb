// SPDX-License-Identifier: GPL-3.0-or-later
#include "member_path.h"

char *member_path(const char *stored, bool *escapes, struct error *e)
{
	size_t len = strlen(stored), n = 0;
	if (!len) {
		error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "a member has no name");
		return NULL;
	}
	if (len > MEMBER_PATH_MAX) {
		error_set(e, ERROR_LIMIT, ERROR_NO_OFFSET, "a member's name has %zu bytes", len);
		return NULL;
	}
	char *path = malloc(len + 1);
	if (!path) {
		error_nomem(e);
		return NULL;
	}
	if (stored[0] == '/')
		*escapes = true;
	for (const char *p = stored; *p;) {
		size_t part = strcspn(p, "/");
		if (part == 2 && p[0] == '.' && p[1] == '.')
			*escapes = true;
		if (part && !(part == 1 && p[0] == '.')) {
			if (n)
				path[n++] = '/';
			memcpy(path + n, p, part);
			n += part;
		}
		p += part;
		while (*p == '/')
			p++;
	}
	path[n] = 0;
	return path;
}
