// SPDX-License-Identifier: GPL-3.0-or-later
#include "package.h"

#include <fnmatch.h>
#include <stdarg.h>

static const struct package_database *const databases[] = {&package_dpkg, &package_pacman,
							   &package_apk, &package_rpm};

const struct package_database *const *package_databases(size_t *count)
{
	*count = ARRAY_SIZE(databases);
	return databases;
}

void vouchers_free(struct vouchers *v)
{
	vec_each(v, it) free(it->path);
	free(v->items);
	memset(v, 0, sizeof *v);
}

int vouchers_add(struct vouchers *v, const char *path, const struct vouched *values,
		 struct error *e)
{
	if (path[0] == '.' && path[1] == '/')
		path += 2;
	path += strspn(path, "/");
	if (!*path || !strncmp(path, "../", 3) || strstr(path, "/../"))
		return 0;
	if (v->count >= PACKAGE_FILES_MAX)
		return error_set(e, ERROR_LIMIT, ERROR_NO_OFFSET,
				 "the package database lists more than %d files", PACKAGE_FILES_MAX);
	char *copy = strdup(path);
	struct vouched *to = copy ? vec_push(v) : NULL;
	if (!to) {
		free(copy);
		return error_nomem(e);
	}
	*to = *values;
	to->path = copy;
	return 0;
}

/* The path without the "usr/" that a merged system adds or drops. */
static const char *merged(const char *path)
{
	const char *p = path + 4;
	bool moved = !strncmp(path, "usr/", 4) &&
		     (!strncmp(p, "bin/", 4) || !strncmp(p, "sbin/", 5) || !strncmp(p, "lib", 3));
	return moved ? p : path;
}

static int by_path(const void *a, const void *b)
{
	const struct vouched *x = a, *y = b;
	int r = strcmp(merged(x->path), merged(y->path));
	return r ? r : strcmp(x->path, y->path);
}

static bool agree(const struct vouched *a, const struct vouched *b)
{
	return a->kind == b->kind && !memcmp(a->digest, b->digest, digest_size(a->kind));
}

void vouchers_settle(struct vouchers *v)
{
	size_t kept = 0;
	if (v->count)
		qsort(v->items, v->count, sizeof *v->items, by_path);
	for (size_t i = 0, end; i < v->count; i = end) {
		bool same = true;
		for (end = i + 1; end < v->count; end++) {
			if (strcmp(merged(v->items[i].path), merged(v->items[end].path)))
				break;
			same = same && agree(&v->items[i], &v->items[end]);
		}
		size_t first = kept;
		for (size_t k = i; k < end; k++) {
			struct vouched *it = &v->items[k], *last = &v->items[kept - (kept > first)];
			if (!same) {
				free(it->path);
			} else if (kept > first && !strcmp(last->path, it->path)) {
				/* Two packages share it: the later one wrote it last. */
				if (it->installed > last->installed)
					last->installed = it->installed;
				if (!it->built || (last->built && it->built > last->built))
					last->built = it->built;
				last->conffile |= it->conffile;
				free(it->path);
			} else {
				v->items[kept++] = *it;
			}
		}
	}
	v->count = kept;
}

char *package_line(char **at)
{
	char *line = *at;
	if (!line || !*line)
		return NULL;
	char *end = strchr(line, '\n');
	*at = end ? end + 1 : NULL;
	if (end)
		*end = 0;
	return line;
}

int package_read(const struct tree_reader *t, size_t max, char **data, size_t *len, int64_t *mtime,
		 struct error *e, const char *fmt, ...)
{
	char path[4096];
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(path, sizeof path, fmt, ap);
	va_end(ap);
	*data = NULL;
	if (n < 0 || (size_t)n >= sizeof path)
		return 0;
	return t->read(t->ctx, path, max, data, len, mtime, e);
}

/*
 * Files that programs rewrite on a healthy system although a package brought them: caches that triggers
 * rebuild, state, configuration. A mismatch in them is never damage.
 */
static bool system_writes(const char *path)
{
	static const char *const patterns[] = {
		"etc/*",
		"var/*",
		"run/*",
		"tmp/*",
		"dev/*",
		"proc/*",
		"sys/*",
		"boot/grub*",
		"boot/efi/*",
		"efi/*",
		"*.pyc",
		"*.pyo",
		"usr/share/mime/*",
		"usr/share/applications/mimeinfo.cache",
		"usr/share/icons/*/icon-theme.cache",
		"usr/share/glib-2.0/schemas/gschemas.compiled",
		"usr/share/info/dir",
		"usr/share/fonts/*/fonts.dir",
		"usr/share/fonts/*/fonts.scale",
		"usr/share/vim/*/tags",
		"*/ls-R",
		"*gconv/gconv-modules.cache",
		"*/loaders.cache",
		"*/immodules.cache",
		"*/giomodule.cache",
		"*/package.cache",
		"usr/lib/locale/locale-archive",
		"*lib/modules/*/modules.*",
		"*lib/udev/hwdb.bin",
		"*.jsa",
	};
	for (size_t i = 0; i < ARRAY_SIZE(patterns); i++)
		if (fnmatch(patterns[i], path, 0) == 0)
			return true;
	return false;
}

enum outcome vouched_mismatch(const struct vouched *v, int64_t mtime, int64_t ctime, bool use_ctime)
{
	if (v->conffile || system_writes(v->path))
		return OUTCOME_SKIPPED;
	if (v->mtime != INT64_MIN)
		return mtime == v->mtime ? OUTCOME_BROKEN : OUTCOME_SKIPPED;
	/* Without any time there is no telling damage from change. */
	if (!v->installed || mtime > v->installed)
		return OUTCOME_SKIPPED;
	/* Edited before dpkg wrote its list anew, as it does when another package takes a file over. */
	if (v->built && mtime > v->built)
		return OUTCOME_SKIPPED;
	/* Unpacked with an old mtime (tar, cp -p) over the package's file: only the ctime tells. */
	if (use_ctime && v->installed < INT64_MAX - 3600 && ctime > v->installed + 3600)
		return OUTCOME_SKIPPED;
	return OUTCOME_BROKEN;
}
