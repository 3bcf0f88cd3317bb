// SPDX-License-Identifier: GPL-3.0-or-later
/* --from FILE...: the parts of one restore point. */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backproof/peek.h"
#include "backproof/seal.h"
#include "below.h"
#include "points.h"
#include "vzdump.h"

/* The log beside a dump says that its job did not come to its end. */
static int is_failed_dump(const char *path, bool *is, struct error *e)
{
	size_t stem;
	struct span number;
	struct civil c;
	struct strings says = {0};
	struct error why = {0};
	const char *base = path_base(path);
	*is = false;
	if (vzdump_name(base, &stem, &number, &c) != VZDUMP_ARCHIVE)
		return 0;
	autofree char *log = text_format("%.*s.log", (int)((size_t)(base - path) + stem), path);
	if (!log)
		return error_nomem(e);
	int rc = peek_file(PEEK_LOG, AT_FDCWD, log, &says, &why);
	*is = rc > 0 && *says.items[1] != PEEK_FINISHED;
	strings_free(&says);
	if (rc >= 0 || peek_forbidden(&why))
		return 0;
	*e = why;
	return -1;
}

static int add_given_file(struct candidates *cs, const char *path, struct error *e)
{
	const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
	struct candidate *c = vec_push(cs);
	if (!c)
		return error_nomem(e);
	bool failed;
	if (is_failed_dump(path, &failed, e) < 0)
		return -1;
	c->partial = failed || is_partial_name(base);
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

/*
 * The restore point that a list of disks (an OVF descriptor, a domain's XML) stands for, as its directory's layout has
 * it. 1: *to is filled in. 0: it says nothing of the host, or is none.
 */
static int point_in(const char *path, const char *host, struct restore_point *to, struct error *e)
{
	const char *base = path_base(path);
	const struct finder *row = finder_hinted(base, false);
	const struct asked a = {.host = host, .own = true, .list = base};
	struct catalog c = {0};
	int found = 0;
	if (!row || !row->lists)
		return 0;
	size_t n = (size_t)(base - path);
	autofree char *directory = n ? strndup(path, n > 1 ? n - 1 : n) : strdup(".");
	autofree char *full = directory ? text_format("%s/%s", directory, base) : NULL;
	if (!full)
		return error_nomem(e);
	if (row->find(directory, &a, &c, e) < 0)
		return -1;
	vec_each (&c, p) {
		bool is = false;
		vec_each (p, f)
			is = is || !strcmp(f->path, full);
		if (!is || found)
			continue;
		*to = *p;
		memset(p, 0, sizeof *p);
		found = 1;
	}
	catalog_free(&c);
	return found;
}

static bool is_list(const char *path)
{
	const struct finder *row = finder_hinted(path_base(path), false);
	return row && row->lists;
}

/* As point_in; a link may lead to where its disks are. */
static int point_of_list(const char *path, const char *host, struct restore_point *to, struct error *e)
{
	if (is_list(path) && faccessat(AT_FDCWD, path, R_OK, AT_EACCESS) < 0)
		return error_sys(e, "%s", path);
	int found = point_in(path, host, to, e);
	autofree char *real = !found && found_list_is_elsewhere(path) ? realpath(path, NULL) : NULL;
	return real ? point_in(real, host, to, e) : found;
}

/* 1: it is one of them. 0: it is not. */
static int is_given(const struct candidates *cs, const char *path, struct error *e)
{
	struct stat st;
	if (stat(path, &st) < 0)
		return error_sys(e, "%s", path);
	vec_each (cs, c)
		if (c->device == st.st_dev && c->inode == st.st_ino)
			return 1;
	return 0;
}

/* Its disks may be given from elsewhere. *all: each that it names is among the given ones, by name. */
static int names_given(const char *list, const struct candidates *cs, bool *all, char **missing, struct error *e)
{
	const struct finder *row = finder_hinted(path_base(list), false);
	autodestroy(strings_free) struct strings names = {0};
	*all = false;
	*missing = NULL;
	vec_each (cs, c)
		if (strings_add(&names, path_base(c->path)) < 0)
			return error_nomem(e);
	strings_sort(&names);
	if (!row || !row->lists || row->lacks(list, &names, missing, e) < 0)
		return row && row->lists ? -1 : 0;
	*all = !*missing;
	return 0;
}

/* It is no younger than any list of it. */
static void take_date(struct restore_point *to, const struct restore_point *list)
{
	if (!list->named_to || (to->named_to && list->named_from >= to->named_from))
		return;
	to->named_from = list->named_from;
	to->named_to = list->named_to;
	to->named_zone = list->named_zone;
	point_set_order(to);
}

/* What the list names, and is not there, or not given; and its date, which is that of all of it. */
static int add_told(struct restore_point *to, const char *path, struct restore_point *list, bool found,
		    const struct candidates *cs, struct error *e)
{
	autofree char *lacking = NULL;
	bool all;
	take_date(to, list);
	if (to->missing)
		return 0;
	if (names_given(path, cs, &all, &lacking, e) < 0)
		return -1;
	if (all)
		return 0;
	/* What is not beside it may be given. */
	if (!lacking || (list->missing && strstr(list->missing, lacking)))
		to->missing = take(list->missing);
	vec_each (list, f) {
		int given = to->missing || f->note ? 1 : is_given(cs, f->path, e);
		if (given < 0)
			return -1;
		if (!given && !(to->missing = text_format("%s names the file %s, which is not given", list->label,
							  path_base(f->path))))
			return error_nomem(e);
	}
	if (lacking && !to->missing && (!found || list->missing) &&
	    !(to->missing = text_format("%s names the file %s, which is not given", path_base(path), lacking)))
		return error_nomem(e);
	return 0;
}

/* What a further list stands for is of the same restore point. */
static int add_list(struct restore_point *to, struct restore_point *list, struct error *e)
{
	take_date(to, list);
	if (!to->missing)
		to->missing = take(list->missing);
	vec_each (list, f) {
		bool there = false;
		vec_each (to, k)
			there = there || !strcmp(k->path, f->path);
		struct point_file *into = there ? NULL : vec_push(to);
		if (!there && !into)
			return error_nomem(e);
		if (into) {
			*into = *f;
			memset(f, 0, sizeof *f);
		}
	}
	return 0;
}

/* cs: what was joined, without lists; NULL: only lists are given, and they tell. */
static int add_lists(const struct strings *paths, const char *host, const struct candidates *cs, struct catalog *out,
		     struct error *e)
{
	for (size_t i = 0; i < paths->count; i++) {
		struct restore_point list = {0};
		int rc = point_of_list(paths->items[i], host, &list, e);
		if (rc >= 0 && cs && is_list(paths->items[i]))
			rc = add_told(&out->items[0], paths->items[i], &list, rc > 0, cs, e);
		else if (rc > 0 && out->count)
			rc = add_list(&out->items[0], &list, e);
		else if (rc > 0) {
			struct restore_point *to = vec_push(out);
			rc = to ? 0 : error_nomem(e);
			if (to) {
				*to = list;
				memset(&list, 0, sizeof list);
			}
		}
		point_free(&list);
		if (rc < 0)
			return -1;
	}
	return 0;
}

int given_files(const struct strings *paths, const char *host, struct catalog *out, struct error *e)
{
	struct candidates cs = {0};
	bool only_beside = true;
	for (size_t i = 0; i < paths->count; i++)
		only_beside = only_beside && is_beside(paths->items[i]);
	int rc = only_beside ? add_lists(paths, host, NULL, out, e) : 0;
	if (rc < 0 || out->count) {
		if (rc < 0)
			catalog_free(out);
		return rc < 0 ? -1 : chains_complete(out, e);
	}
	for (size_t i = 0; i < paths->count && !rc; i++)
		if (!is_seal(paths->items[i]) && (only_beside || !is_beside(paths->items[i])))
			rc = add_given_file(&cs, paths->items[i], e);
	drop_repeated(&cs);
	const char *label = NULL;
	for (size_t i = 0; i < cs.count && !label; i++)
		label = cs.items[i].partial ? NULL : cs.items[i].label;
	if (!rc)
		rc = candidates_join(&cs, label ? label : "", out, e);
	if (!rc && out->count && !only_beside)
		rc = add_lists(paths, host, &cs, out, e);
	/* What a list names is built on may lie beside it. */
	for (size_t i = 0; i < paths->count && !rc && out->count; i++)
		if (is_list(paths->items[i])) {
			rc = chains_complete(out, e);
			break;
		}
	if (rc < 0)
		catalog_free(out);
	candidates_free(&cs);
	return rc;
}
