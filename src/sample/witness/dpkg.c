// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * dpkg: MD5 of each packaged file in info/PACKAGE.md5sums, of configuration files in status (dpkg(1),
 * deb-md5sums(5)). The time a package was installed is the mtime of its .list, written as it is unpacked.
 */
#include "package.h"

static const char *const wants[] = {"var/lib/dpkg/info/", "var/lib/dpkg/status",
				    "var/lib/dpkg/status.d/", "var/lib/dpkg/diversions", NULL};

struct diversion {
	const char *from, *to, *by; /* into the file's text; paths without the leading slash */
};

struct dpkg {
	const struct tree_reader *t;
	struct vouchers *v;
	struct strings names; /* in info/, sorted */
	char *diversions_text;
	VEC(struct diversion) diversions;
};

static void dpkg_free(struct dpkg *d)
{
	strings_free(&d->names);
	free(d->diversions.items);
	free(d->diversions_text);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int by_from(const void *a, const void *b)
{
	return strcmp(((const struct diversion *)a)->from, ((const struct diversion *)b)->from);
}

/* Three lines each: the path, where it went, and the package that keeps the path (":" for none). */
static int read_diversions(struct dpkg *d, struct error *e)
{
	size_t len;
	int64_t mtime;
	int rc = package_read(d->t, PACKAGE_LIST_MAX, &d->diversions_text, &len, &mtime, e,
			      "var/lib/dpkg/diversions");
	char *at = rc > 0 ? d->diversions_text : NULL;
	char *from, *to, *by;
	while ((from = package_line(&at)) && (to = package_line(&at)) && (by = package_line(&at))) {
		struct diversion *x = vec_push(&d->diversions);
		if (!x)
			return error_nomem(e);
		*x = (struct diversion){from + strspn(from, "/"), to + strspn(to, "/"), by};
	}
	if (d->diversions.count)
		qsort(d->diversions.items, d->diversions.count, sizeof *d->diversions.items, by_from);
	return rc < 0 ? -1 : 0;
}

static const char *diverted(const struct dpkg *d, const char *package, const char *path)
{
	struct diversion key = {.from = path};
	const struct diversion *x =
		d->diversions.count ? bsearch(&key, d->diversions.items, d->diversions.count,
					      sizeof key, by_from)
				    : NULL;
	return x && strcmp(x->by, package) ? x->to : path;
}

static bool has_name(const struct dpkg *d, const char *name)
{
	return d->names.count &&
	       bsearch(&name, d->names.items, d->names.count, sizeof *d->names.items, by_text);
}

/* The lines of a .list, sorted: what the package owns now. */
struct owned {
	char *text;
	VEC(char *) lines;
};

static void owned_free(struct owned *o)
{
	free(o->text);
	free(o->lines.items);
}

static int read_owned(struct owned *o, const char *name, size_t len, struct error *e)
{
	char *at = o->text, *line;
	if (memchr(o->text, 0, len))
		return error_set(e, ERROR_CORRUPT, (int64_t)strlen(o->text),
				 "var/lib/dpkg/info/%s.list holds NUL bytes", name);
	while ((line = package_line(&at))) {
		if (*line && *line != '/')
			return error_set(e, ERROR_CORRUPT, line - o->text,
					 "var/lib/dpkg/info/%s.list is no list of paths", name);
		char **to = vec_push(&o->lines);
		if (!to)
			return error_nomem(e);
		*to = line + strspn(line, "/");
	}
	if (o->lines.count)
		qsort(o->lines.items, o->lines.count, sizeof *o->lines.items, by_text);
	return 0;
}

static bool owns(const struct owned *o, const char *path)
{
	return o->lines.count &&
	       bsearch(&path, o->lines.items, o->lines.count, sizeof *o->lines.items, by_text);
}

/* Some packers date all control files back to an epoch: that tells nothing. */
#define EPOCH_1980 315532800

/*
 * "HEX  path" lines. owned NULL: there is no list to ask. The md5sums keep the date at which the package was
 * built, and packers date nothing later than that.
 */
static int read_md5sums(struct dpkg *d, const char *package, char *text, const struct owned *owned,
			int64_t installed, int64_t built, struct error *e)
{
	for (char *line; (line = package_line(&text));) {
		struct vouched x = {.kind = DIGEST_MD5, .installed = installed, .mtime = INT64_MIN,
				    .size = -1, .built = built > EPOCH_1980 ? built : 0};
		if (strlen(line) < 35 || line[32] != ' ')
			continue;
		const char *path = line + 33;
		line[32] = 0;
		path += *path == ' ' || *path == '*';
		path += !strncmp(path, "./", 2) ? 2 : 0;
		path += strspn(path, "/");
		/* A file that another package took over stays in the md5sums, not in the list. */
		if (hex_decode(line, x.digest, 16) < 0 || (owned && !owns(owned, path)))
			continue;
		if (vouchers_add(d->v, diverted(d, package, path), &x, e) < 0)
			return -1;
	}
	return 0;
}

struct stanza {
	const char *package, *arch, *status;
	char *conffiles; /* lines after the field, each with its newline replaced by NUL */
	size_t conffile_lines;
};

/* " /path md5 [obsolete] [remove-on-upgrade]" */
static int read_conffile(struct dpkg *d, const char *package, char *line, int64_t installed,
			 struct error *e)
{
	struct vouched x = {.kind = DIGEST_MD5, .conffile = true, .installed = installed,
			    .mtime = INT64_MIN, .size = -1};
	char *last = strrchr(line, ' ');
	/* An obsolete one is no longer the package's; one called newconffile has no digest yet. */
	if (!last || last == line || hex_decode(last + 1, x.digest, 16) < 0)
		return 0;
	*last = 0;
	line += strspn(line, " ");
	line += strspn(line, "/");
	return vouchers_add(d->v, diverted(d, package, line), &x, e);
}

static int add_package(struct dpkg *d, const struct stanza *s, struct error *e)
{
	char name[512], key[640];
	if (!s->package || !s->status || strchr(s->package, '/'))
		return 0;
	const char *state = strrchr(s->status, ' ');
	if (!state || !strstr(s->status, " ok ") ||
	    (strcmp(state, " installed") && strcmp(state, " triggers-pending") &&
	     strcmp(state, " triggers-awaited")))
		return 0; /* removed, or in the middle of an upgrade */
	snprintf(name, sizeof name, "%s:%s", s->package, s->arch ? s->arch : "");
	snprintf(key, sizeof key, "%s.list", name);
	if (!has_name(d, key))
		snprintf(name, sizeof name, "%s", s->package);

	struct owned owned __attribute__((cleanup(owned_free))) = {.text = NULL};
	autofree char *sums = NULL;
	size_t len;
	int64_t installed = 0, built = 0;
	int rc = package_read(d->t, PACKAGE_LIST_MAX, &owned.text, &len, &installed, e,
			      "var/lib/dpkg/info/%s.list", name);
	if (rc <= 0)
		return rc;
	if (read_owned(&owned, name, len, e) < 0)
		return -1;
	snprintf(key, sizeof key, "%s.md5sums", name);
	rc = has_name(d, key) ? package_read(d->t, PACKAGE_LIST_MAX, &sums, &len, &built, e,
					     "var/lib/dpkg/info/%s", key)
			      : 0;
	if (rc < 0 || (rc > 0 && read_md5sums(d, s->package, sums, &owned, installed, built, e) < 0))
		return -1;
	char *line = s->conffiles;
	for (size_t i = 0; i < s->conffile_lines; i++) {
		char *next = line + strlen(line) + 1;
		if (read_conffile(d, s->package, line, installed, e) < 0)
			return -1;
		line = next;
	}
	return 0;
}

static const char *field(const char *line, const char *name)
{
	size_t n = strlen(name);
	return !strncmp(line, name, n) ? line + n + strspn(line + n, " ") : NULL;
}

static int read_status(struct dpkg *d, char *text, struct error *e)
{
	struct stanza s = {.package = NULL};
	bool in_conffiles = false;
	size_t stanzas = 0;
	for (char *line; (line = package_line(&text));) {
		const char *value;
		if (!*line) {
			if (add_package(d, &s, e) < 0)
				return -1;
			s = (struct stanza){.package = NULL};
			in_conffiles = false;
			continue;
		}
		if (*line == ' ' || *line == '\t') {
			s.conffile_lines += in_conffiles;
			continue;
		}
		in_conffiles = false;
		if ((value = field(line, "Package:"))) {
			s.package = value;
			stanzas++;
		} else if ((value = field(line, "Status:"))) {
			s.status = value;
		} else if ((value = field(line, "Architecture:"))) {
			s.arch = value;
		} else if (field(line, "Conffiles:") && !s.conffiles) {
			s.conffiles = line + strlen(line) + 1;
			in_conffiles = true;
		}
	}
	if (add_package(d, &s, e) < 0)
		return -1;
	return stanzas ? 0 : error_set(e, ERROR_CORRUPT, 0, "var/lib/dpkg/status holds no package");
}

/* Images without a package manager keep one stanza and one md5sums a package in status.d. */
static int read_status_d(struct dpkg *d, struct error *e)
{
	struct strings names __attribute__((cleanup(strings_free))) = {.items = NULL};
	int rc = d->t->list(d->t->ctx, "var/lib/dpkg/status.d", &names, e), found = 0;
	for (size_t i = 0; rc > 0 && i < names.count; i++) {
		const char *dot = strrchr(names.items[i], '.');
		autofree char *text = NULL;
		size_t len;
		int64_t mtime = 0;
		if (!dot || strcmp(dot, ".md5sums"))
			continue;
		int got = package_read(d->t, PACKAGE_LIST_MAX, &text, &len, &mtime, e,
				       "var/lib/dpkg/status.d/%s", names.items[i]);
		if (got < 0 || (got > 0 && read_md5sums(d, "", text, NULL, mtime, 0, e) < 0))
			return -1;
		found = 1;
	}
	return rc < 0 ? -1 : found;
}

static int load(const struct tree_reader *t, struct vouchers *v, struct error *e)
{
	struct dpkg d __attribute__((cleanup(dpkg_free))) = {.t = t, .v = v};
	autofree char *status = NULL;
	size_t len = 0;
	int64_t mtime;
	int rc = package_read(t, PACKAGE_STATUS_MAX, &status, &len, &mtime, e,
			      "var/lib/dpkg/status");
	if (rc < 0)
		return -1;
	bool whole = rc > 0 && len;
	if (whole && memchr(status, 0, len))
		return error_set(e, ERROR_CORRUPT, (int64_t)strlen(status),
				 "var/lib/dpkg/status holds NUL bytes");
	if (whole) {
		rc = t->list(t->ctx, "var/lib/dpkg/info", &d.names, e);
		if (rc < 0 || read_diversions(&d, e) < 0)
			return -1;
		if (d.names.count)
			qsort(d.names.items, d.names.count, sizeof *d.names.items, by_text);
		if (read_status(&d, status, e) < 0)
			return -1;
	}
	int more = read_status_d(&d, e);
	if (more < 0)
		return -1;
	if (!whole && !more)
		return 0;
	v->database = "dpkg";
	vouchers_settle(v);
	return 1;
}

const struct package_database package_dpkg = {"dpkg", load, wants};
