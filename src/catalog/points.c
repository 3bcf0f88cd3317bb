// SPDX-License-Identifier: GPL-3.0-or-later
#include "points.h"

#include <fcntl.h>
#include <strings.h>

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

static int add_files(struct restore_point *to, const struct strings *paths, bool note, struct error *e)
{
	for (size_t i = 0; i < paths->count; i++) {
		struct candidate c = {.partial = false};
		int found = candidate_look(AT_FDCWD, paths->items[i], paths->items[i], &c, e);
		if (found < 0)
			return -1;
		struct point_file *f = found ? vec_push(to) : NULL;
		if (found && !f)
			return error_nomem(e);
		if (!found)
			continue;
		*f = (struct point_file){
			.path = strdup(paths->items[i]), .size = c.size, .mtime = c.mtime, .note = note};
		if (!f->path)
			return error_nomem(e);
	}
	return 0;
}

static int add_point(const struct found_point *p, struct catalog *out, struct error *e)
{
	struct restore_point *to = vec_push(out);
	if (!to || !(to->label = strdup(p->label)))
		return error_nomem(e);
	if (add_files(to, &p->files, false, e) < 0)
		return -1;
	bool gone = !to->count; /* retention took it away meanwhile */
	if (!gone && add_files(to, &p->notes, true, e) < 0)
		return -1;
	if (gone) {
		point_free(to);
		out->count--;
		return 0;
	}
	civil_range(&p->civil, &to->named_from, &to->named_to);
	point_set_order(to);
	return 0;
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

int found_choose(const struct found_points *l, const char *host, int least, struct catalog *out, struct error *e)
{
	int rc = 0;
	vec_each (&l->points, p)
		if (!rc && !p->unfinished && found_rank(p, host) >= least)
			rc = add_point(p, out, e);
	points_sort(out);
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
