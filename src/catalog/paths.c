// SPDX-License-Identifier: GPL-3.0-or-later
/* --from PATH: restore points where no configuration says how backups are kept. */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <time.h>

#include "below.h"
#include "label.h"

/* Of a path without slashes at its end, len bytes. */
static size_t last_name(const char *path, size_t len)
{
	while (len && path[len - 1] != '/')
		len--;
	return len;
}

/* It may be the middle or the end of a date in pieces, whose beginning is the name of what it lies in. */
static bool may_be_piece(const char *name)
{
	return isdigit((unsigned char)name[0]) && isdigit((unsigned char)name[1]) && !isdigit((unsigned char)name[2]);
}

int path_last_names(const char *path, char **out)
{
	*out = NULL;
	size_t len = strlen(path);
	while (len > 1 && path[len - 1] == '/')
		len--;
	autofree char *real = NULL;
	size_t from = last_name(path, len);
	const char *s = path + from;
	const bool dots = (len - from == 1 && s[0] == '.') || (len - from == 2 && s[0] == '.' && s[1] == '.');
	if (dots || may_be_piece(s)) {
		real = realpath(path, NULL);
		if (!real && (dots || errno == ENOMEM))
			return errno == ENOMEM ? -1 : 0;
	}
	if (real && (dots || may_be_piece(path_base(real)))) {
		path = real;
		len = strlen(path);
		from = last_name(path, len);
	}
	/* Back to the year: /srv/2026/11/23 is 2026/11/23. */
	size_t parent = from, first = from;
	for (int i = 0; i < 2 && first == from && parent > 1 && may_be_piece(path + from); i++) {
		parent = last_name(path, parent - 1);
		autofree char *pieces = strndup(path + parent, len - parent);
		if (!pieces)
			return -1;
		first = name_is_piece(pieces) ? parent : first;
	}
	size_t n = len - first;
	return n && len - from <= NAME_LIMIT && path[first] != '/' && !(*out = strndup(path + first, n)) ? -1 : 0;
}

static int add_directory(struct guess *g, const char *path, const char *name, struct error *e)
{
	const struct finder *row = finder_by_name("windows-image");
	autoclose int fd = scan_open(AT_FDCWD, path, true);
	if (fd < 0)
		return error_sys(e, "%s", path);
	/* A directory that is the host's alone. */
	g->own = g->own || (name && name_is_hosts(name, g->host));
	/* Names below it hint at any other layout; but it may be a part of what this one lays out. */
	if (below_add(g, row, path, "", "", e) < 0)
		return -1;
	return guess_walk(g, fd, path, name, "", 2, e);
}

static int from_directories(const struct strings *paths, const char *host, struct catalog *out, struct error *e)
{
	struct guess g;
	struct strings names = {0};
	guess_init(&g, host);
	g.below = true;
	int rc = 0;
	for (size_t i = 0; i < paths->count && !rc; i++) {
		autofree char *name = NULL;
		if (path_last_names(paths->items[i], &name) < 0 || strings_add(&names, name ? name : "") < 0)
			rc = error_nomem(e);
		else
			rc = add_directory(&g, paths->items[i], name ? names.items[names.count - 1] : NULL, e);
	}
	if (!rc)
		rc = below_find(&g, e);
	if (!rc)
		rc = guess_finish(&g, out, e);
	guess_free(&g);
	strings_free(&names);
	return rc;
}

/* The name is missing in a directory that is there and can be read. errno stays as stat left it. */
static bool is_absent(const char *path)
{
	int sys = errno;
	autofree char *parent = strdup(path);
	if (sys != ENOENT || !parent)
		return false;
	size_t len = strlen(parent);
	while (len > 1 && parent[len - 1] == '/')
		parent[--len] = 0;
	char *slash = strrchr(parent, '/');
	if (slash)
		slash[slash == parent] = 0;
	struct stat st;
	/* A link that leads nowhere, to a store that is not mounted say, is not absent. */
	bool absent = lstat(path, &st) < 0 && errno == ENOENT && access(slash ? parent : ".", R_OK | X_OK) == 0;
	errno = sys;
	return absent;
}

static bool is_same(const char *a, const char *b)
{
	struct stat x, y;
	return !strcmp(a, b) ||
	       (stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino);
}

/* Each once, without slashes at its end. */
static int add_tops(const struct strings *paths, struct strings *to, struct error *e)
{
	for (size_t i = 0; i < paths->count; i++) {
		size_t n = strlen(paths->items[i]);
		while (n > 1 && paths->items[i][n - 1] == '/')
			n--;
		autofree char *top = strndup(paths->items[i], n);
		if (!top)
			return error_nomem(e);
		bool again = false;
		for (size_t k = 0; k < to->count; k++)
			again = again || is_same(to->items[k], top);
		if (!again && strings_add(to, top) < 0)
			return error_nomem(e);
	}
	return 0;
}

int catalog_from_paths(const struct strings *paths, const char *host, struct catalog *out,
		       struct error *e)
{
	size_t directories = 0, absent = 0;
	const char *missing = NULL;
	civil_zone();
	memset(out, 0, sizeof *out);
	for (size_t i = 0; i < paths->count; i++) {
		struct stat st;
		if (stat(paths->items[i], &st) == 0)
			directories += S_ISDIR(st.st_mode);
		else if (is_absent(paths->items[i])) {
			missing = missing ? missing : paths->items[i];
			absent++;
		} else
			return error_sys(e, "%s", paths->items[i]);
	}
	/* Nothing has ever been put there: that is no backup, not a place that can't be reached. */
	if (absent && absent == paths->count)
		return 0;
	if (absent) {
		error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "%s: a part that is named is not there", missing);
		e->sys = ENOENT;
		return -1;
	}
	if (directories && directories < paths->count)
		return error_set(e, ERROR_AMBIGUOUS, ERROR_NO_OFFSET,
				 "files and directories together: give the files of one restore point, or "
				 "directories to look in");
	if (!directories)
		return given_files(paths, host, out, e);
	struct strings tops = {0};
	int rc = add_tops(paths, &tops, e);
	rc = rc ? rc : from_directories(&tops, host, out, e);
	strings_free(&tops);
	return rc < 0 || chains_complete(out, e) < 0 ? -1 : 0;
}
