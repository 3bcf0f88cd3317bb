// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * systemd.mount(5): file systems that a machine mounts without its fstab. Those count that something wants, by a link
 * in /etc/systemd/system/TARGET.wants or .requires; what distributions bring along is of no disk.
 */
#include <ctype.h>

#include "backproof/text.h"
#include "facts.h"

#define UNITS "etc/systemd/system"
#define UNIT_MAX (64 * KIB)

static bool ends(const char *s, const char *suffix)
{
	size_t n = strlen(s), m = strlen(suffix);
	return n > m && !strcmp(s + n - m, suffix);
}

/* The value of a line "KEY = VALUE", of which the last one counts. 1, 0: another line, -1 memory. */
static int take_value(const char *line, size_t n, const char *key, char **out)
{
	size_t k = strlen(key);
	if (n <= k || strncmp(line, key, k))
		return 0;
	for (line += k, n -= k; n && isblank((unsigned char)*line); line++)
		n--;
	if (!n || *line != '=')
		return 0;
	for (line++, n--; n && isspace((unsigned char)*line); line++)
		n--;
	while (n && isspace((unsigned char)line[n - 1]))
		n--;
	if (n >= 2 && *line == '"' && line[n - 1] == '"')
		line++, n -= 2;
	free(*out);
	*out = strndup(line, n);
	return *out ? 1 : -1;
}

/* A unit's text becomes a line of the fstab, with number 0. -1: memory. */
static int add_unit(const char *text, struct facts *x)
{
	struct fstab_line l = {NULL};
	const struct {
		const char *key;
		char **out;
	} keys[] = {{"What", &l.spec}, {"Where", &l.mount}, {"Type", &l.type}, {"Options", &l.options}};
	bool mount = false;
	int rc = 0;
	for (const char *p = text; *p && rc >= 0; p += strcspn(p, "\n"), p += *p == '\n') {
		p += strspn(p, " \t");
		size_t n = strcspn(p, "\n");
		if (*p == '[')
			mount = !strncmp(p, "[Mount]", 7);
		for (size_t i = 0; mount && i < ARRAY_SIZE(keys) && rc >= 0; i++)
			rc = take_value(p, n, keys[i].key, keys[i].out);
	}
	if (rc >= 0 && l.spec && *l.spec && l.mount && !l.type)
		rc = (l.type = strdup("auto")) ? 0 : -1;
	struct fstab_line *to = rc >= 0 && l.spec && *l.spec && l.mount ? vec_push(&x->fstab) : NULL;
	if (to) {
		*to = l;
		return 0;
	}
	bool lost = rc < 0 || (l.spec && *l.spec && l.mount);
	free(l.spec);
	free(l.mount);
	free(l.type);
	free(l.options);
	return lost ? -1 : 0;
}

/* "srv.mount", or "srv.automount" that mounts it. Wanted by several it counts once. */
static int read_unit(struct facts *x, const struct tree_reader *t, const char *name, struct strings *seen,
		     struct error *e)
{
	size_t n = strlen(name) - (ends(name, ".automount") ? strlen(".automount") : strlen(".mount"));
	autofree char *path = text_format(UNITS "/%.*s.mount", (int)n, name), *text = NULL;
	size_t len;
	if (!path)
		return error_nomem(e);
	if (strings_has(seen, path))
		return 0;
	int rc = strings_add(seen, path) < 0 ? error_nomem(e) : t->read(t->ctx, path, UNIT_MAX, &text, &len, NULL, e);
	if (rc <= 0)
		return rc;
	if (memchr(text, 0, len))
		return error_set(e, ERROR_CORRUPT, (int64_t)strlen(text), "%s holds NUL bytes", path);
	return add_unit(text, x) < 0 ? error_nomem(e) : 0;
}

static int read_wanted(struct facts *x, const struct tree_reader *t, const char *dir, struct strings *seen,
		       struct error *e)
{
	struct strings names __attribute__((cleanup(strings_free))) = {.items = NULL};
	autofree char *path = text_format(UNITS "/%s", dir);
	int rc = path ? t->list(t->ctx, path, &names, e) : error_nomem(e);
	for (size_t i = 0; rc >= 0 && i < names.count; i++)
		if (ends(names.items[i], ".mount") || ends(names.items[i], ".automount"))
			rc = read_unit(x, t, names.items[i], seen, e);
	return rc < 0 ? -1 : 0;
}

int mount_units_read(struct facts *x, const struct tree_reader *t, struct error *e)
{
	struct strings dirs __attribute__((cleanup(strings_free))) = {.items = NULL};
	struct strings seen __attribute__((cleanup(strings_free))) = {.items = NULL};
	int rc = t->list(t->ctx, UNITS, &dirs, e);
	for (size_t i = 0; rc >= 0 && i < dirs.count; i++)
		if (ends(dirs.items[i], ".wants") || ends(dirs.items[i], ".requires"))
			rc = read_wanted(x, t, dirs.items[i], &seen, e);
	return rc < 0 ? -1 : 0;
}
