// SPDX-License-Identifier: GPL-3.0-or-later
#include "points.h"

#include <errno.h>
#include <fcntl.h>
#include <strings.h>
#include <sys/stat.h>

#include "backproof/text.h"

void found_free(struct found_points *l)
{
	vec_each (&l->points, p) {
		free(p->label);
		free(p->guest);
		free(p->number);
		free(p->unfinished);
		strings_free(&p->files);
		strings_free(&p->notes);
	}
	vec_free(&l->points);
	strings_free(&l->missing);
	vec_each (&l->unread, u) {
		free(u->label);
		free(u->why);
	}
	vec_free(&l->unread);
	links_free(&l->links);
}

int found_rank(const struct found_point *p, const char *host)
{
	if (p->number && !strcmp(p->number, host))
		return 3;
	/* What its own files say is all that counts: a label of numbers may hold any word. */
	const char *name = p->guest ? p->guest : p->number ? "" : p->label;
	if (p->guest && !strcasecmp(p->guest, host))
		return 3;
	return name_host_rank(name, strlen(name), host);
}

/* gone: gets "LABEL\nFILE" of what is listed, and is no file (any more). */
static int add_files(struct restore_point *to, const struct strings *paths, bool note, struct strings *gone,
		     struct error *e)
{
	for (size_t i = 0; i < paths->count; i++) {
		struct candidate c = {.partial = false};
		int found = candidate_look(AT_FDCWD, paths->items[i], paths->items[i], &c, e);
		if (found < 0)
			return -1;
		if (!found) {
			autofree char *line = text_format("%s\n%s", to->label, path_base(paths->items[i]));
			if (!line || strings_add(gone, line) < 0)
				return error_nomem(e);
			continue;
		}
		struct point_file *f = vec_push(to);
		if (!f)
			return error_nomem(e);
		*f = (struct point_file){
			.path = strdup(paths->items[i]), .size = c.size, .mtime = c.mtime, .note = note};
		if (!f->path)
			return error_nomem(e);
	}
	return 0;
}

/* Links that lead nowhere, say: something is wrong with them, which is not that they are gone. */
static bool is_there(const struct strings *paths)
{
	struct stat st;
	for (size_t i = 0; i < paths->count; i++)
		if (lstat(paths->items[i], &st) == 0)
			return true;
	return false;
}

static int add_point(const struct found_point *p, struct strings *gone, struct catalog *out, struct error *e)
{
	struct strings notes = {0}; /* nothing is restored from these */
	struct restore_point *to = vec_push(out);
	if (!to || !(to->label = strdup(p->label)))
		return error_nomem(e);
	if (add_files(to, &p->files, false, gone, e) < 0)
		return -1;
	if (!to->count && !is_there(&p->files)) { /* retention took it away meanwhile */
		point_free(to);
		out->count--;
		return 0;
	}
	int rc = add_files(to, &p->notes, true, &notes, e);
	strings_free(&notes);
	civil_range(&p->civil, &to->named_from, &to->named_to);
	to->named_zone = p->civil.has_zone;
	point_set_order(to);
	return rc;
}

/* Of which nothing but names is left: that is said only of the newest. */
static void drop_hollow(struct catalog *out)
{
	size_t kept = 0;
	for (size_t i = 0; i < out->count; i++) {
		struct restore_point *it = &out->items[i];
		bool whole = false;
		vec_each(it, f)
			whole = whole || !f->note;
		if (whole)
			out->items[kept++] = *it;
		else
			point_free(it);
	}
	out->count = kept;
}

/* Of an unfinished one, what there is of it; a log where nothing else is left. */
static int add_unfinished(const struct found_point *p, struct catalog *out, struct error *e)
{
	const struct strings *from = p->files.count ? &p->files : &p->notes;
	int64_t newest = out->count ? point_newest(&out->items[0]) : INT64_MIN;
	for (size_t i = 0; i < from->count; i++) {
		struct candidate c = {.partial = true};
		int found = candidate_look(AT_FDCWD, from->items[i], from->items[i], &c, e);
		if (found < 0)
			return -1;
		if (found && c.mtime >= newest && strings_add(&out->partial, from->items[i]) < 0)
			return error_nomem(e);
	}
	return 0;
}

/* Only the newest counts: what was incomplete long ago is history. */
static int check_newest(const struct strings *missing, const char *why, const struct catalog *out, struct error *e)
{
	for (size_t i = 0; i < missing->count && out->count; i++) {
		const char *line = missing->items[i], *name = strrchr(line, '\n'), *label = out->items[0].label;
		if (strlen(label) != (size_t)(name - line) || strncmp(label, line, strlen(label)))
			continue;
		error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "%s names the file %s, %s", label, name + 1, why);
		e->sys = ENOENT;
		return -1;
	}
	return 0;
}

int found_choose(const struct found_points *l, const char *host, int least, struct catalog *out, struct error *e)
{
	struct strings gone = {0};
	int rc = 0;
	vec_each (&l->points, p)
		if (!rc && !p->unfinished && found_rank(p, host) >= least)
			rc = add_point(p, &gone, out, e);
	points_sort(out);
	rc = rc ? rc : check_newest(&l->missing, "which is not beside it", out, e);
	rc = rc ? rc : check_newest(&gone, "and there is no such file", out, e);
	strings_free(&gone);
	drop_hollow(out);
	vec_each (&l->points, p)
		if (!rc && p->unfinished && found_rank(p, host) >= least)
			rc = add_unfinished(p, out, e);
	if (rc < 0)
		catalog_free(out);
	return rc;
}

int found_answer(const struct found_points *l, const char *host, bool own, struct catalog *out, struct error *e)
{
	int best = 0;
	bool told = false;
	vec_each (&l->points, p) {
		int r = found_rank(p, host);
		best = r > best ? r : best;
		told = told || p->guest;
	}
	/* Where a file says whose each backup is, one that says nothing of this host is not its own. */
	if (!own)
		return best == 3 ? found_choose(l, host, 3, out, e) : 0;
	if (best || !told)
		return found_choose(l, host, best, out, e);
	return 0;
}
