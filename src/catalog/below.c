// SPDX-License-Identifier: GPL-3.0-or-later
#include "below.h"

#include <ctype.h>
#include <errno.h>
#include <strings.h>

#include "backproof/text.h"
#include "label.h"
#include "vzdump.h"

/* The directory that a hint in rel leads to. */
static struct guess_layout *layout_of(struct guess *g, const struct finder *row, const char *top, const char *rel)
{
	size_t n = strlen(rel);
	for (int up = 0; up < row->levels && n; up++)
		while (n && rel[--n] != '/')
			;
	autofree char *path = text_format("%s%s%.*s", top, n && top[strlen(top) - 1] != '/' ? "/" : "", (int)n, rel);
	for (size_t i = path ? g->layouts.count : 0; i-- > 0;)
		if (g->layouts.items[i].row == row && !strcmp(g->layouts.items[i].path, path))
			return &g->layouts.items[i];
	struct guess_layout *l = path ? vec_push(&g->layouts) : NULL;
	if (!l)
		return NULL;
	l->row = row;
	l->rel = strlen(path) - n;
	l->path = take(path);
	return l;
}

int below_add(struct guess *g, const struct finder *row, const char *top, const char *rel, const char *name,
	      struct error *e)
{
	struct guess_layout *l = layout_of(g, row, top, rel);
	bool root = top[strlen(top) - 1] == '/' && !*rel;
	autofree char *label = text_format("%s%s%s", rel, *rel ? "/" : "", name);
	autofree char *dir = text_format("%s%s%s%s%s", top, *rel && top[strlen(top) - 1] != '/' ? "/" : "", rel,
					 root ? "" : "/", row->levels < 0 ? name : "");
	autofree char *deep = dir && row->levels < 0 && *name ? text_format("%s/", dir) : NULL;
	const char *to = deep ? deep : dir;
	if (!l || !label || !to)
		return error_nomem(e);
	/* It is not all of top that is of it, then. */
	if (deep)
		strings_free(&l->dirs);
	bool again = l->dirs.count && !strcmp(l->dirs.items[l->dirs.count - 1], to);
	if (!again && strings_add(&l->dirs, to) < 0)
		return error_nomem(e);
	int rank = label_rank(label, g->host);
	l->rank = rank > l->rank ? rank : l->rank;
	return 0;
}

void below_free(struct guess *g)
{
	vec_each (&g->layouts, l) {
		free(l->path);
		strings_free(&l->dirs);
		catalog_free(&l->found);
	}
	vec_free(&g->layouts);
}

static bool any_found(const struct guess_layout *l)
{
	return l->found.count || l->found.partial.count;
}

/* Has one of the sorted texts these n bytes and no more? */
static bool has_sorted(const struct strings *sorted, const char *s, size_t n)
{
	size_t from = 0, to = sorted->count;
	while (from < to) {
		size_t at = from + (to - from) / 2;
		const char *it = sorted->items[at];
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

static bool has_file(const struct guess_layout *l, const char *path)
{
	vec_each (&l->found, p)
		vec_each (p, f)
			if (!strcmp(f->path, path))
				return true;
	return false;
}

/* It lies beside what a list of the host's names. */
static bool is_beside(const struct guess_layout *l, const char *path)
{
	size_t n = (size_t)(path_base(path) - path);
	vec_each (&l->found, p)
		vec_each (p, f)
			if ((size_t)(path_base(f->path) - f->path) == n && !memcmp(f->path, path, n))
				return true;
	return false;
}

/* It lies where the layout may tell what there is. */
static bool is_in(const struct guess_layout *l, const char *path)
{
	const char *base = path_base(path);
	if (l->row->levels >= 0)
		return has_sorted(&l->dirs, path, (size_t)(base - path));
	for (const char *s = path; s < base; s++)
		if (*s == '/' && has_sorted(&l->dirs, path, (size_t)(s + 1 - path)))
			return true;
	return false;
}

/* Its directory is the host's own, whatever is called how in it. */
static bool is_hosts(const struct guess *g, const struct guess_layout *l)
{
	const char *rel = l->path + l->rel;
	return g->own || (label_rank(rel, g->host) == 3 && !label_has_neighbour(rel, g->host));
}

/* Label and reason of each: none is there, or one may be as new as what was found. */
static int note_unread(struct guess *g, struct guess_layout *l, const struct strings *unread, struct error *e)
{
	const char *rel = l->path + l->rel;
	for (size_t i = 0; i + 1 < unread->count; i += 2) {
		autofree char *label = text_format("%s%s%s", rel, *rel ? "/" : "", unread->items[i]);
		struct error why;
		error_set(&why, ERROR_IO, ERROR_NO_OFFSET, "%s", unread->items[i + 1]);
		if (!label)
			return error_nomem(e);
		int rank = label_rank(label, g->host);
		if (any_found(l) && l->rank > rank)
			rank = l->rank;
		/* A list beside what is called by the host is not called by anybody. */
		if (!rank && !label_names_another(unread->items[i], "", g->host))
			rank = !*rel;
		if (guess_note_unread(g, label, rank, true, &why, e) < 0)
			return -1;
	}
	return 0;
}

/* others gets what is said to be another's. What is wrong with a directory is noted: it may be the host's. */
static int ask(struct guess *g, struct guess_layout *l, bool strangers, struct strings *others, struct strings *domains,
	       struct error *e)
{
	struct error why = {0};
	int rank = 0;
	autodestroy(strings_free) struct strings unread = {0};
	const struct asked a = {.host = g->host, .own = true, .walked = true, .strangers = strangers,
				.here = is_hosts(g, l), .rank = &rank, .domains = domains, .unread = &unread,
				.others = others};
	int rc = l->row->recognise(l->path, &a, &why);
	/* What we may not look at is others'. */
	if (rc < 0 && (why.sys == EACCES || why.sys == EPERM))
		rc = 0;
	if (rc > 0)
		rc = l->row->find(l->path, &a, &l->found, &why);
	if (rc == 0 ? any_found(l) : rank > l->rank)
		l->rank = rank > l->rank ? rank : l->rank;
	if (rc == 0)
		return note_unread(g, l, &unread, e);
	catalog_free(&l->found);
	if (why.cls == ERROR_INTERNAL) {
		*e = why;
		return -1;
	}
	/* What is wrong with what is given itself is told in any case; so where names are numbers, and nobody's. */
	bool anyones = !l->path[l->rel] || l->row == &finder_vzdump;
	return guess_note_unread(g, l->path + l->rel, anyones && !l->rank ? 1 : l->rank, false, &why, e);
}

static bool is_image(const struct guess_item *it)
{
	return !it->partial && it->kind == NAME_IMAGE;
}

/*
 * Files that are said to be another's are not looked at by their names; nor is what lies beside them, the base of a
 * disk say, unless the host's name is on it. Sorts others.
 */
static void drop_others(struct guess *g, struct strings *others)
{
	size_t kept = 0;
	strings_sort(others);
	vec_each (g, it) {
		size_t n = (size_t)(path_base(it->path) - it->path);
		bool beside = !g->own && has_sorted(others, it->path, n) &&
			      (!it->rank || label_has_neighbour(it->path + it->rel, g->host));
		if (others->count && (beside || has_sorted(others, it->path, strlen(it->path))))
			free(it->path);
		else
			g->items[kept++] = *it;
	}
	g->count = kept;
}

/* In a directory of a backup, "Backup 2026-11-21 190000", below top. */
static bool in_backup(const char *top, const char *path)
{
	for (const char *s = path + strlen(top); (s = strchr(s, '/')); s++)
		if (!strncasecmp(s + 1, "Backup ", 7) && strchr(s + 1, '/'))
			return true;
	return !strncasecmp(path_base(top), "Backup ", 7);
}

/*
 * A list says nothing of an image that is called by a later day than all that it and its like stand for; nor do dumps
 * of what is not called as they are.
 */
static bool is_apart(const struct guess_layout *l, const char *path)
{
	const char *base = path_base(path);
	struct civil c = {0};
	struct span where;
	size_t stem;
	int64_t from = 0, to;
	if (l->row == &finder_vzdump)
		return vzdump_name(base, &stem, &where, &c) == VZDUMP_NONE;
	if (l->row == &finder_windows_image)
		return !in_backup(l->path, path);
	if (!l->row->lists || !name_time_find(base, strlen(base), &c, &where))
		return false;
	civil_range(&c, &from, &to);
	vec_each (&l->found, p) {
		if (p->order >= from)
			return false;
		vec_each (p, f)
			if (!strcmp(f->path, path))
				return false;
	}
	return true;
}

/* What is in a directory that a program's files tell of. */
static void drop_told(struct guess *g)
{
	size_t kept = 0;
	vec_each (g, it) {
		bool told = false;
		vec_each (&g->layouts, l)
			told = told || (any_found(l) && !it->partial && l->rank >= it->rank &&
					(l->row->lists ? is_beside : is_in)(l, it->path) && !is_apart(l, it->path));
		if (told)
			free(it->path);
		else
			g->items[kept++] = *it;
	}
	g->count = kept;
}

/* Of the rest, what is as surely the host's as the best. */
static void keep_best(struct guess *g, int best)
{
	size_t kept = 0;
	vec_each (g, it)
		if (g->own || it->rank >= best)
			g->items[kept++] = *it;
		else
			free(it->path);
	g->count = kept;
	vec_each (&g->layouts, l)
		if (!g->own && l->rank < best)
			catalog_free(&l->found);
}

static bool is_bare(const struct restore_point *p)
{
	return p->todo & POINT_BARE;
}

/* The same path but for numbers: of another night. */
static bool same_form(const char *a, const char *b)
{
	while (*a && *b) {
		bool digits = isdigit((unsigned char)*a) && isdigit((unsigned char)*b);
		if (!digits && *a != *b)
			return false;
		do
			a++;
		while (digits && isdigit((unsigned char)*a));
		do
			b++;
		while (digits && isdigit((unsigned char)*b));
	}
	return *a == *b;
}

/* Another list of the host's is called so and has its disks: this one is of a night on which nothing was saved. */
static bool is_of_series(const struct guess *g, const struct restore_point *bare)
{
	const char *path = bare->count ? bare->items[0].path : "";
	vec_each (&g->layouts, l)
		vec_each (&l->found, p)
			vec_each (p, f)
				if (!is_bare(p) && f->note && l->row->lists && same_form(f->path, path))
					return true;
	return false;
}

/* Of other lists without a disk beside them: they are copies of a setting, and the images are elsewhere. */
static void drop_bare(struct guess *g)
{
	vec_each (&g->layouts, l) {
		size_t kept = 0;
		for (size_t i = 0; i < l->found.count; i++) {
			struct restore_point p = l->found.items[i];
			bool setting = is_bare(&p) && !is_of_series(g, &p);
			if (setting)
				point_free(&p);
			else
				l->found.items[kept++] = p;
			/* Nobody is to look at it twice. */
			if (setting || kept <= i)
				memset(&l->found.items[i], 0, sizeof p);
		}
		l->found.count = kept;
	}
}

/* Asks them all; what other machines have the host's name, and another domain, is added to domains. */
static int ask_all(struct guess *g, bool strangers, struct strings *others, struct strings *domains, struct error *e)
{
	vec_each (&g->layouts, l) {
		if (ask(g, l, strangers, others, domains, e) < 0)
			return -1;
		vec_each (g, it)
			l->rank = it->rank > l->rank && has_file(l, it->path) ? it->rank : l->rank;
	}
	return 0;
}

/* Two machines of the host's name, of different domains, in different directories. */
static bool are_strangers(const struct guess *g, const struct strings *domains)
{
	const char *full = strchr(g->host, '.') ? g->host : domains->count ? domains->items[0] : NULL;
	for (size_t i = 0; i < domains->count; i++)
		if (strcasecmp(full, domains->items[i]))
			return true;
	return false;
}

static void forget_found(struct guess *g, size_t unread)
{
	vec_each (&g->layouts, l) {
		catalog_free(&l->found);
		l->rank = l->hinted;
	}
	while (g->unread.count > unread)
		free(g->unread.items[--g->unread.count].rel);
}

int below_find(struct guess *g, struct error *e)
{
	struct strings others = {0}, domains = {0};
	int best = 0;
	bool any = false;
	vec_each (&g->layouts, l) {
		strings_sort(&l->dirs);
		l->hinted = l->rank;
	}
	const size_t unread = g->unread.count;
	int rc = ask_all(g, false, &others, &domains, e);
	if (!rc && are_strangers(g, &domains)) {
		forget_found(g, unread);
		rc = ask_all(g, true, &others, &domains, e);
	}
	strings_free(&domains);
	drop_bare(g);
	drop_others(g, &others);
	strings_free(&others);
	if (rc < 0)
		return -1;
	drop_told(g);
	vec_each (g, it)
		best = is_image(it) && it->rank > best ? it->rank : best;
	vec_each (&g->layouts, l)
		best = any_found(l) && l->rank > best ? l->rank : best;
	vec_each (&g->layouts, l)
		any = any || (any_found(l) && (g->own || l->rank == best));
	if (any) {
		g->told = best;
		keep_best(g, best);
	}
	return 0;
}
