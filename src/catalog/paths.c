// SPDX-License-Identifier: GPL-3.0-or-later
/* --from PATH: restore points where no configuration says how backups are kept. */
#include <errno.h>
#include <fcntl.h>
#include <time.h>

#include "backproof/seal.h"
#include "finder.h"
#include "guess.h"
#include "label.h"

int path_last_name(const char *path, char **out)
{
	*out = NULL;
	size_t len = strlen(path);
	while (len > 1 && path[len - 1] == '/')
		len--;
	size_t from = len;
	while (from && path[from - 1] != '/')
		from--;
	size_t n = len - from;
	const char *s = path + from;
	if ((n == 1 && s[0] == '.') || (n == 2 && s[0] == '.' && s[1] == '.')) {
		autofree char *real = realpath(path, NULL);
		const char *slash = real ? strrchr(real, '/') : NULL;
		return slash && slash[1] && !(*out = strdup(slash + 1)) ? -1 : 0;
	}
	return n && n <= NAME_LIMIT && s[0] != '/' && !(*out = strndup(s, n)) ? -1 : 0;
}

static int add_directory(struct guess *g, const char *path, const char *name, struct error *e)
{
	autoclose int fd = scan_open(AT_FDCWD, path, true);
	if (fd < 0)
		return error_sys(e, "%s", path);
	/* A directory that is the host's alone. */
	g->own = g->own || (name && name_is_hosts(name, g->host));
	return guess_walk(g, fd, path, name, "", 2, e);
}

static int by_text(const void *x, const void *y)
{
	return strcmp(*(char *const *)x, *(char *const *)y);
}

/* Has one of the sorted texts, from `skip` on, these n bytes and no more? */
static bool has_sorted(const struct strings *sorted, size_t skip, const char *s, size_t n)
{
	size_t from = 0, to = sorted->count;
	while (from < to) {
		size_t at = from + (to - from) / 2;
		const char *it = sorted->items[at] + skip;
		int order = strncmp(it, s, n);
		if (!order && !it[n])
			return true;
		if (order < 0)
			from = at + 1;
		else
			to = at;
	}
	return false;
}

/*
 * others: what is below top, as top is written, and said to be another's. It is not looked at by its name then; nor is
 * what lies beside it, the base of its disk say, unless the host's name is on it.
 */
static void drop_others(struct guess *g, const char *top, struct strings *others)
{
	size_t kept = 0, skip = strlen(top);
	if (!others->count)
		return;
	skip += strspn(others->items[0] + skip, "/");
	qsort(others->items, others->count, sizeof *others->items, by_text);
	vec_each (g, it) {
		const char *rel = it->path + it->rel;
		size_t n = (size_t)(path_base(rel) - rel);
		bool beside = has_sorted(others, skip, rel, n) &&
			      (!it->rank || label_has_neighbour(rel, g->host));
		if (beside || has_sorted(others, skip, rel, strlen(rel)))
			free(it->path);
		else
			g->items[kept++] = *it;
	}
	g->count = kept;
}

static int from_directories(const struct strings *paths, const char *host, struct strings *others, struct catalog *out,
			    struct error *e)
{
	struct guess g;
	struct strings names = {0};
	guess_init(&g, host);
	int rc = 0;
	for (size_t i = 0; i < paths->count && !rc; i++) {
		bool again = false;
		for (size_t k = 0; k < i; k++)
			again = again || !strcmp(paths->items[k], paths->items[i]);
		if (again)
			continue;
		autofree char *name = NULL;
		if (path_last_name(paths->items[i], &name) < 0 || strings_add(&names, name ? name : "") < 0)
			rc = error_nomem(e);
		else
			rc = add_directory(&g, paths->items[i], name ? names.items[names.count - 1] : NULL,
					   e);
	}
	if (!rc) {
		drop_others(&g, paths->items[0], others);
		rc = guess_finish(&g, out, e);
	}
	guess_free(&g);
	strings_free(&names);
	return rc;
}

static int add_given_file(struct candidates *cs, const char *path, struct error *e)
{
	const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
	struct candidate *c = vec_push(cs);
	if (!c)
		return error_nomem(e);
	c->partial = is_partial_name(base);
	int found = candidate_look(AT_FDCWD, path, path, c, e);
	if (found < 0)
		return -1;
	if (!found)
		return error_set(e, ERROR_IO, ERROR_NO_OFFSET, "%s: not a regular file", path);
	c->path = path;
	return c->partial ? 0 : guess_describe(c, &cs->texts, NULL, path, (size_t)(base - path), e);
}

/* Given twice, it is still one file. */
static void drop_repeated(struct candidates *cs)
{
	size_t kept = 0;
	for (size_t i = 0; i < cs->count; i++) {
		bool again = false;
		for (size_t k = 0; k < kept; k++)
			again = again || (cs->items[k].device == cs->items[i].device &&
					  cs->items[k].inode == cs->items[i].inode);
		if (!again)
			cs->items[kept++] = cs->items[i];
	}
	cs->count = kept;
}

/* PATH* also gives sidecars and logs. They are no parts, but where there is nothing else the user means them. */
static bool is_beside(const char *path)
{
	const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
	size_t stem;
	struct span segment;
	return name_kind(base, strlen(base), &stem, &segment) == NAME_BESIDE;
}

/* These hold nothing of their own, whatever is beside them. */
static bool is_seal(const char *path)
{
	const char *slash = strrchr(path, '/');
	return seal_is_name(slash ? slash + 1 : path);
}

static int from_files(const struct strings *paths, struct catalog *out, struct error *e)
{
	struct candidates cs = {0};
	bool only_beside = true;
	for (size_t i = 0; i < paths->count; i++)
		only_beside = only_beside && is_beside(paths->items[i]);
	int rc = 0;
	for (size_t i = 0; i < paths->count && !rc; i++)
		if (!is_seal(paths->items[i]) && (only_beside || !is_beside(paths->items[i])))
			rc = add_given_file(&cs, paths->items[i], e);
	drop_repeated(&cs);
	const char *label = NULL;
	for (size_t i = 0; i < cs.count && !label; i++)
		label = cs.items[i].partial ? NULL : cs.items[i].label;
	if (!rc)
		rc = candidates_join(&cs, label ? label : "", out, e);
	candidates_free(&cs);
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
		return from_files(paths, out, e);
	struct strings others = {0};
	const struct asked a = {.host = host, .own = true, .others = &others};
	const struct finder *finder = NULL;
	int rc = paths->count == 1 ? finder_of(paths->items[0], &finder, e) : 0;
	if (!rc && finder)
		rc = finder->find(paths->items[0], &a, out, e);
	if (!rc && !out->count && !out->partial.count) {
		catalog_free(out); /* what was there, and is gone again */
		rc = from_directories(paths, host, &others, out, e);
	}
	strings_free(&others);
	return rc < 0 ? -1 : chains_complete(out, e);
}
