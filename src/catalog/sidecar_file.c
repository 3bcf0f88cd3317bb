// SPDX-License-Identifier: GPL-3.0-or-later
/* Paths of sidecars and their bytes: opened without following surprises, read with a bound. */
#include "backproof/door.h"
#include "sidecar_names.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "backproof/footprint.h"
#include "backproof/text.h"

void sidecar_normalise(char *s)
{
	char *to = s, *from = s;
	bool rooted = *s == '/';
	if (rooted)
		to++;
	while (*from) {
		from += strspn(from, "/");
		size_t n = strcspn(from, "/");
		if (n && !(n == 1 && *from == '.')) {
			if (to > s + rooted)
				*to++ = '/';
			memmove(to, from, n);
			to += n;
		}
		from += n;
	}
	*to = 0;
}

static bool has_dotdot(const char *s)
{
	for (const char *p = strstr(s, ".."); p; p = strstr(p + 1, ".."))
		if ((p == s || p[-1] == '/') && (!p[2] || p[2] == '/'))
			return true;
	return false;
}

char *sidecar_absolute(const char *path)
{
	autofree char *cwd = NULL;
	autofree char *joined = NULL;
	if (*path != '/') {
		cwd = door_realpath(".");
		joined = cwd ? text_format("%s/%s", cwd, path) : NULL;
	} else {
		joined = strdup(path);
	}
	if (!joined)
		return NULL;
	char *slash = strrchr(joined, '/');
	if (has_dotdot(joined)) {
		/* ".." after a symbolic link is not what it looks like: ask the kernel. */
		*slash = 0;
		autofree char *dir = door_realpath(*joined ? joined : "/");
		*slash = '/';
		if (dir)
			return text_format("%s%s", strcmp(dir, "/") ? dir : "", slash);
	}
	sidecar_normalise(joined);
	return take(joined);
}

int sidecar_open(const char *path, int *out, struct stat *st, struct error *e)
{
	autoclose int fd = door_open(path, DOOR_READ);
	if (fd < 0) {
		int sys = errno;
		if (sys == ENOTDIR || sys == EISDIR || sys == ENAMETOOLONG)
			return 0;
		if (sys == ENOENT && door_stat(path, false, st) < 0 && errno == ENOENT)
			return 0;
		errno = sys;
		return error_sys(e, "can't open the sidecar");
	}
	if (fstat(fd, st) < 0)
		return error_sys(e, "can't read the sidecar");
	if (S_ISDIR(st->st_mode))
		return 0;
	if (!S_ISREG(st->st_mode))
		return error_set(e, ERROR_IO, ERROR_NO_OFFSET, "the sidecar is no regular file");
	*out = fd;
	fd = -1;
	return 1;
}

int sidecar_read(int fd, size_t expected, char **data, size_t *len, struct error *e)
{
	/* One byte more than allowed shows that it is too large; more is not read. */
	size_t cap = expected < SIDECAR_MAX ? expected + 4096 : SIDECAR_MAX + 1;
	autofree char *buf = malloc(cap);
	autodestroy(footprint_close_auto) struct footprint *print = NULL;
	struct stat st;
	size_t at = 0;
	if (!buf)
		return error_nomem(e);
	if (fstat(fd, &st) < 0)
		return error_sys(e, "can't read the sidecar");
	if (footprint_open(fd, &st, &print, e) < 0)
		return -1;
	footprint_before(print, 0, cap);
	for (;;) {
		ssize_t n = read(fd, buf + at, cap - at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_sys(e, "can't read the sidecar");
		at += (size_t)n;
		if (!n || at > SIDECAR_MAX)
			break;
		if (at == cap)
			return error_set(e, ERROR_BUSY, ERROR_NO_OFFSET,
					 "the sidecar grew while it was read");
	}
	*data = take(buf);
	*len = at;
	return 0;
}
