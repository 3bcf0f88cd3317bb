// SPDX-License-Identifier: GPL-3.0-or-later
#include "backproof/peek.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "peek_rows.h"

static peek_fn *other;

void peek_by(peek_fn *fn)
{
	other = fn;
}

/* No such file, or a link, a socket or a directory that is in the way. */
static bool is_absence(int sys)
{
	return sys == ENOENT || sys == ENOTDIR || sys == ELOOP || sys == ENXIO;
}

bool peek_forbidden(const struct error *e)
{
	return e->sys == EACCES || e->sys == EPERM;
}

int peek_open(int dir, const char *path, int *fd, struct error *e)
{
	struct stat st;
	*fd = -1;
	autoclose int own = openat(dir, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (own < 0 ? !is_absence(errno) : fstat(own, &st) < 0)
		return error_sys(e, "%s", path);
	if (own >= 0 && S_ISREG(st.st_mode)) {
		*fd = own;
		own = -1;
	}
	return 0;
}

char *peek_text(int fd, size_t most, size_t *length, struct error *e)
{
	struct stat st;
	bool told = fstat(fd, &st) == 0;
	size_t want = told && (uint64_t)st.st_size < most ? (size_t)st.st_size : most;
	autofree char *text = malloc(want + 1);
	if (!text) {
		(void)!error_nomem(e);
		return NULL;
	}
	ssize_t n = read_whole_at(fd, text, want, 0);
	if (n < 0) {
		(void)!error_sys(e, "a file beside a backup");
		return NULL;
	}
	*length = (size_t)n;
	text[n] = '\0';
	return take(text);
}

bool peek_guid(const char *s)
{
	for (size_t i = 0; i < PEEK_GUID; i++)
		if (i == 8 || i == 13 || i == 18 || i == 23 ? s[i] != '-' : !isxdigit((unsigned char)s[i]))
			return false;
	return true;
}

bool peek_plain(const char *s)
{
	return *s && !strchr(s, '/') && strcmp(s, ".") && strcmp(s, "..");
}

static bool is_sound(enum peek_kind kind, const struct strings *out)
{
	if (out->count > PEEK_COUNT_MOST)
		return false;
	for (size_t i = 0; i < out->count; i++) {
		const char *s = out->items[i];
		if (strlen(s) > PEEK_NAME_MOST)
			return false;
		if ((kind == PEEK_BACKING && !peek_plain(s)) || (kind == PEEK_DOMAIN && i && !peek_plain(s)) ||
		    (kind == PEEK_VOLUMES && (!peek_guid(s) || s[PEEK_GUID])) ||
		    (kind == PEEK_EXPORT && ((*s != 'd' && *s != 'o') || !peek_plain(s + 1))))
			return false;
	}
	if (kind == PEEK_LOG)
		return out->count == 2 && strlen(out->items[1]) == 1 &&
		       strchr((const char[]){PEEK_FINISHED, PEEK_FAILED, PEEK_NO_END, 0}, *out->items[1]);
	return out->count <= (kind == PEEK_NOTES     ? 1
			      : kind == PEEK_BACKING ? PEEK_BACKING_MOST
			      : kind == PEEK_DOMAIN  ? PEEK_DISKS_MOST + 1
						     : PEEK_COUNT_MOST);
}

int peek_here(enum peek_kind kind, int fd, struct strings *out, struct error *e)
{
	static int (*const rows[PEEK_KINDS])(int, struct strings *, struct error *) = {
		[PEEK_BACKING] = peek_backing, [PEEK_DOMAIN] = peek_domain, [PEEK_VOLUMES] = peek_volumes,
		[PEEK_EXPORT] = peek_export,   [PEEK_LOG] = peek_log,	    [PEEK_NOTES] = peek_notes,
	};
	return rows[kind](fd, out, e);
}

int peek(enum peek_kind kind, int fd, struct strings *out, struct error *e)
{
	int rc = (other ? other : peek_here)(kind, fd, out, e);
	if (rc == 0 && !is_sound(kind, out))
		rc = error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "it holds names that no such file has");
	if (rc < 0)
		strings_free(out);
	return rc;
}

int peek_file(enum peek_kind kind, int dir, const char *path, struct strings *out, struct error *e)
{
	autoclose int fd = -1;
	if (peek_open(dir, path, &fd, e) < 0)
		return -1;
	return fd < 0 ? 0 : peek(kind, fd, out, e) < 0 ? error_prefix(e, "%s", path) : 1;
}
