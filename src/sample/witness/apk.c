// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * apk (apk-package(5), "installed" database): P: starts a package, F: a directory, R: a file in it, Z:
 * its digest (Q1 SHA-1, Q2 SHA-256, base64), a: owner and mode. The only time is t:, when the package
 * was built; its files are older than that, and what is written later is newer.
 */
#include "package.h"

static const char *const wants[] = {"lib/apk/db/installed", "usr/lib/apk/db/installed", NULL};

struct record {
	int64_t built;
	const char *dir, *file; /* NULL: none begun */
	bool link, has_digest;
	struct vouched x;
};

static int base64(const char *s, uint8_t *out, size_t len)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	uint32_t bits = 0;
	unsigned have = 0;
	size_t n = 0;
	for (; *s && *s != '='; s++) {
		const char *d = strchr(digits, *s);
		if (!d)
			return -1;
		bits = bits << 6 | (uint32_t)(d - digits);
		have += 6;
		if (have < 8)
			continue;
		have -= 8;
		if (n == len)
			return -1;
		out[n++] = (uint8_t)(bits >> have);
	}
	return n == len ? 0 : -1;
}

static int flush(struct vouchers *v, struct record *r, struct error *e)
{
	char path[4096];
	const char *dir = r->dir, *file = r->file;
	r->file = NULL;
	if (!file || !r->has_digest || r->link)
		return 0;
	int n = snprintf(path, sizeof path, "%s%s%s", dir ? dir : "", dir && *dir ? "/" : "", file);
	if (n < 0 || (size_t)n >= sizeof path)
		return 0;
	r->x.conffile = !strncmp(path, "etc/", 4);
	r->x.installed = r->built;
	return vouchers_add(v, path, &r->x, e);
}

static int read_entry(struct vouchers *v, struct record *r, const char *line, struct error *e)
{
	const char *value = line + 2;
	switch (*line) {
	case 'P':
	case 'F':
	case 'R':
		if (flush(v, r, e) < 0)
			return -1;
		if (*line == 'P')
			*r = (struct record){.built = 0};
		else if (*line == 'F')
			r->dir = value;
		else {
			r->file = value;
			r->link = r->has_digest = false;
			r->x = (struct vouched){.mtime = INT64_MIN, .size = -1};
		}
		break;
	case 't':
		if (!r->dir)
			r->built = strtoll(value, NULL, 10);
		break;
	case 'a':
		/* A link's digest is of its target's name. Its mode is 777, and hardly any file's is. */
		r->link = strlen(value) >= 4 && !strcmp(value + strlen(value) - 4, ":777");
		break;
	case 'Z':
		r->x.kind = !strncmp(value, "Q2", 2) ? DIGEST_SHA256 : DIGEST_SHA1;
		r->has_digest = *value == 'Q' && (value[1] == '1' || value[1] == '2') &&
				base64(value + 2, r->x.digest, digest_size(r->x.kind)) == 0;
		break;
	}
	return 0;
}

static int load(const struct tree_reader *t, struct vouchers *v, struct error *e)
{
	autofree char *text = NULL;
	size_t len = 0, packages = 0;
	int64_t mtime;
	int rc = 0;
	for (size_t i = 0; wants[i] && rc == 0; i++)
		rc = package_read(t, PACKAGE_STATUS_MAX, &text, &len, &mtime, e, "%s", wants[i]);
	if (rc <= 0)
		return rc;
	if (memchr(text, 0, len))
		return error_set(e, ERROR_CORRUPT, (int64_t)strlen(text),
				 "apk/db/installed holds NUL bytes");
	struct record r = {.built = 0};
	char *at = text;
	for (char *line; (line = package_line(&at));) {
		if (!*line) {
			if (flush(v, &r, e) < 0)
				return -1;
			r = (struct record){.built = 0};
			continue;
		}
		packages += *line == 'P' && line[1] == ':';
		if (line[1] == ':' && read_entry(v, &r, line, e) < 0)
			return -1;
	}
	if (flush(v, &r, e) < 0)
		return -1;
	if (len && !packages)
		return error_set(e, ERROR_CORRUPT, 0, "apk/db/installed holds no package");
	v->database = "apk";
	vouchers_settle(v);
	return 1;
}

const struct package_database package_apk = {"apk", load, wants};
