// SPDX-License-Identifier: GPL-3.0-or-later
/* Names of files that people ask for. */
#include "browse_names.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

char *browse_bare(const char *path)
{
	path += !strncmp(path, "./", 2) ? 2 : 0;
	path += strspn(path, "/");
	char *copy = strdup(!strcmp(path, ".") ? "" : path);
	for (size_t n = copy ? strlen(copy) : 0; n && copy[n - 1] == '/'; n--)
		copy[n - 1] = '\0';
	return copy;
}

static bool is_glob(const char *s)
{
	return strpbrk(s, "*?[") != NULL;
}

bool browse_is(const char *pattern, const char *path)
{
	return !strcmp(path, pattern) || (is_glob(pattern) && !fnmatch(pattern, path, FNM_PATHNAME));
}

bool browse_fits(const char *pattern, const char *path)
{
	char part[8192];
	if (!*pattern)
		return true;
	for (size_t n = 0; path[n]; n++) {
		n += strcspn(path + n, "/");
		if (n >= sizeof part)
			return false;
		memcpy(part, path, n);
		part[n] = '\0';
		if (browse_is(pattern, part))
			return true;
		if (!path[n])
			return false;
	}
	return false;
}

char *browse_start(const char *pattern)
{
	const char *glob = strpbrk(pattern, "*?[");
	if (!glob)
		return strdup(pattern);
	while (glob > pattern && glob[-1] != '/')
		glob--;
	return strndup(pattern, glob > pattern ? (size_t)(glob - pattern) - 1 : 0);
}
