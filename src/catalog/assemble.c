// SPDX-License-Identifier: GPL-3.0-or-later
/* From files to restore points. */
#include <fcntl.h>

#include "candidate.h"
#include "label.h"
#include "late_piece.h"

static int compare_text(const char *a, const char *b)
{
	if (!a || !b)
		return !!a - !!b;
	return strcmp(a, b);
}

static int compare_role(const struct candidate *a, const struct candidate *b)
{
	int r = compare_text(a->disk, b->disk);
	r = r ? r : compare_text(a->part, b->part);
	return r ? r : compare_text(a->segment, b->segment);
}

static int by_key(const void *x, const void *y)
{
	const struct candidate *a = x, *b = y;
	int r = compare_text(a->key, b->key);
	r = r ? r : compare_role(a, b);
	return r ? r : compare_text(a->path, b->path);
}

static const char *fine_key(const struct candidate *c)
{
	return c->fine_key ? c->fine_key : c->key;
}

static int by_fine_key(const void *x, const void *y)
{
	const struct candidate *a = x, *b = y;
	int r = compare_text(fine_key(a), fine_key(b));
	r = r ? r : compare_role(a, b);
	return r ? r : compare_text(a->path, b->path);
}

/* The same file together, its true name before links to it. */
static int by_inode(const void *x, const void *y)
{
	const struct candidate *a = x, *b = y;
	if (a->partial != b->partial)
		return a->partial - b->partial;
	if (a->device != b->device)
		return a->device < b->device ? -1 : 1;
	if (a->inode != b->inode)
		return a->inode < b->inode ? -1 : 1;
	return a->link != b->link ? a->link - b->link : compare_text(a->path, b->path);
}

static bool has_links(const struct candidates *cs)
{
	vec_each(cs, c)
		if (c->link && !c->partial)
			return true;
	return false;
}

/* Those that were not looked at yet; what is gone meanwhile is left out. */
static int look_at_all(struct candidates *cs, struct error *e)
{
	size_t kept = 0;
	for (size_t i = 0; i < cs->count; i++) {
		struct candidate *c = &cs->items[i];
		int found = c->looked ? 1 : candidate_look(AT_FDCWD, c->path, c->path, c, e);
		if (found < 0)
			return -1;
		if (found)
			cs->items[kept++] = *c;
	}
	cs->count = kept;
	return 0;
}

/* A link to a file that is there under its own name is no second backup. Returns how many are whole: they are first. */
static size_t drop_links(struct candidates *cs)
{
	size_t kept = 0;
	if (!cs->count)
		return 0;
	qsort(cs->items, cs->count, sizeof *cs->items, by_inode);
	for (size_t i = 0; i < cs->count; i++) {
		struct candidate *c = &cs->items[i], *last = kept ? &cs->items[kept - 1] : NULL;
		if (last && c->link && !c->partial && !last->partial && last->device == c->device &&
		    last->inode == c->inode)
			continue;
		cs->items[kept++] = *c;
	}
	cs->count = kept;
	for (kept = 0; kept < cs->count && !cs->items[kept].partial; kept++)
		;
	return kept;
}

/* Where there are no links, inodes tell nothing. Returns how many are whole: they go first. */
static size_t whole_first(struct candidates *cs)
{
	size_t whole = 0;
	for (size_t i = 0; i < cs->count; i++) {
		if (cs->items[i].partial)
			continue;
		if (i != whole) {
			struct candidate c = cs->items[whole];
			cs->items[whole] = cs->items[i];
			cs->items[i] = c;
		}
		whole++;
	}
	return whole;
}

static int add_file(struct restore_point *p, const struct candidate *c)
{
	struct point_file *f = vec_push(p);
	if (!f || string_copy(&f->path, c->path) < 0 || string_copy(&f->disk, c->disk) < 0 ||
	    string_copy(&f->part, c->part) < 0)
		return -1;
	f->size = c->size;
	f->mtime = c->mtime;
	p->todo |= c->looked ? 0 : POINT_LOOK;
	p->todo |= c->lost ? POINT_LOST : 0;
	return 0;
}

int64_t point_newest(const struct restore_point *p)
{
	int64_t newest = INT64_MIN;
	for (size_t i = 0; i < p->count; i++)
		if (p->items[i].mtime > newest)
			newest = p->items[i].mtime;
	return newest;
}

static int make_point(const struct candidate *c, size_t count, const char *label, struct catalog *out)
{
	struct restore_point *p = vec_push(out);
	if (!p || !(p->label = strdup(label)))
		return -1;
	p->todo = POINT_PIECES;
	/* Where the names disagree, the oldest counts. */
	for (size_t i = 0; i < count; i++)
		if (c[i].named_to && (!p->named_to || c[i].named_from < p->named_from)) {
			p->named_from = c[i].named_from;
			p->named_to = c[i].named_to;
			p->named_zone = c[i].named_zone;
		}
	size_t lost = 0;
	for (size_t i = 0; i < count; i++) {
		if (add_file(p, &c[i]) < 0)
			return -1;
		lost += c[i].lost;
	}
	p->todo |= lost == count ? POINT_HOLLOW : 0;
	point_set_order(p);
	return 0;
}

void point_set_order(struct restore_point *p)
{
	p->order = p->named_to ? p->named_from : point_newest(p);
}

/* Does one restore point hold the same disk twice? c is sorted by role. */
static bool collides(const struct candidate *c, size_t count)
{
	for (size_t i = 1; i < count; i++) {
		bool unnamed = !c[i].disk && !c[i].part;
		if (!compare_role(&c[i - 1], &c[i]) && !(unnamed && c[i].loose))
			return true;
	}
	return false;
}

static int make_fine_points(struct candidate *c, size_t count, struct catalog *out)
{
	qsort(c, count, sizeof *c, by_fine_key);
	for (size_t i = 0, n; i < count; i += n) {
		for (n = 1; i + n < count && !strcmp(fine_key(&c[i]), fine_key(&c[i + n])); n++)
			;
		bool again = collides(c + i, n);
		for (size_t k = i; k < i + (again ? n : 1); k++) {
			const char *label = c[k].fine_label ? c[k].fine_label : c[k].label;
			if (make_point(c + k, again ? 1 : n, label, out) < 0)
				return -1;
		}
	}
	return 0;
}

static int64_t newest_note(const struct restore_point *p)
{
	int64_t newest = INT64_MIN;
	vec_each (p, f)
		newest = f->note && f->mtime > newest ? f->mtime : newest;
	return newest;
}

static int newest_first(const void *x, const void *y)
{
	const struct restore_point *a = x, *b = y;
	if (a->order != b->order)
		return a->order < b->order ? 1 : -1;
	int64_t m = point_newest(a), n = point_newest(b);
	/* Two lists of one disk. */
	if (m == n) {
		m = newest_note(a);
		n = newest_note(b);
	}
	return m != n ? (m < n ? 1 : -1) : compare_text(a->label, b->label);
}

/* Its name leaves open which of them is the newer: another is of a time within that of its name. Sorted. */
static bool is_open(const struct catalog *out, size_t i)
{
	const struct restore_point *p = &out->items[i];
	return i && p->named_to > p->named_from && p[-1].order > p->order && p[-1].order <= p->named_to;
}

void points_sort(struct catalog *out)
{
	bool again = false;
	if (!out->count)
		return;
	qsort(out->items, out->count, sizeof *out->items, newest_first);
	/* Then its files say when in that time it was. */
	for (size_t i = out->count; i-- > 1;) {
		struct restore_point *p = &out->items[i];
		int64_t written = point_newest(p);
		if (!is_open(out, i) || (p->todo & POINT_LOOK))
			continue;
		p->order = written > p->named_to ? p->named_to : written > p->named_from ? written : p->named_from;
		again = true;
	}
	if (again)
		qsort(out->items, out->count, sizeof *out->items, newest_first);
}

static int compare_strings(const void *x, const void *y)
{
	return strcmp(*(char *const *)x, *(char *const *)y);
}

/* What was left behind before the newest backup is history; what came after it may be the next one. */
static int add_partials(const struct candidates *cs, struct catalog *out)
{
	int64_t newest = out->count ? point_newest(&out->items[0]) : INT64_MIN;
	for (size_t i = 0; i < cs->count; i++)
		if (cs->items[i].partial && cs->items[i].mtime >= newest &&
		    strings_add(&out->partial, cs->items[i].path) < 0)
			return -1;
	if (out->partial.count)
		qsort(out->partial.items, out->partial.count, sizeof(char *), compare_strings);
	return 0;
}

/* Times of files decide only between points that are of the same time by their names. 1: files are gone. */
static int sort_points(struct catalog *out, struct error *e)
{
	bool again = false;
	points_sort(out);
	for (size_t i = 0; i < out->count; i++) {
		struct restore_point *p = &out->items[i];
		bool tied = is_open(out, i) || (i && p[-1].order == p->order) ||
			    (i + 1 < out->count && p[1].order == p->order);
		if (!tied || !(p->todo & POINT_LOOK))
			continue;
		int rc = point_look(p, e);
		if (rc <= 0)
			return rc < 0 ? -1 : 1;
		again = true;
	}
	if (again)
		points_sort(out);
	return 0;
}

/* Sorts them and looks at the newest. */
static int finish(const struct candidates *cs, struct catalog *out, struct error *e)
{
	int rc = sort_points(out, e), found = 1;
	if (!rc && cs->host)
		points_drop_neighbours(out, cs->host);
	if (!rc)
		rc = points_join_disks(out, e);
	if (!rc && cs->lost)
		rc = points_judge_lost(out, e);
	if (!rc && out->count)
		found = point_gather(&out->items[0], e);
	if (rc || found <= 0)
		return rc ? rc : found < 0 ? -1 : 1;
	return add_partials(cs, out) < 0 ? error_nomem(e) : 0;
}

/* Of a dated directory's files, those of a host with a longer name go to the end. Returns how many are left. */
static size_t neighbours_last(struct candidate *c, size_t count, const char *host)
{
	size_t own = 0;
	for (size_t i = 0; host && i < count; i++) {
		const char *label = c[i].fine_label;
		if (!c[i].loose || !label || label_has_neighbour(label, host))
			continue;
		struct candidate one = c[i];
		memmove(c + own + 1, c + own, (i - own) * sizeof *c);
		c[own++] = one;
	}
	return own ? own : count;
}

int candidates_assemble(struct candidates *cs, struct catalog *out, struct error *e)
{
	memset(out, 0, sizeof *out);
	bool links = has_links(cs);
	if (candidates_drop_pieces(cs, e) < 0 || (links && look_at_all(cs, e) < 0))
		return -1;
	size_t whole = links ? drop_links(cs) : whole_first(cs), n;
	if (whole)
		qsort(cs->items, whole, sizeof *cs->items, by_key);
	int rc = 0;
	for (size_t i = 0; i < whole && !rc; i += n) {
		struct candidate *c = &cs->items[i];
		for (n = 1; i + n < whole && !strcmp(c->key, c[n].key); n++)
			;
		size_t own = neighbours_last(c, n, cs->host);
		rc = collides(c, own) ? make_fine_points(c, own, out) : make_point(c, own, c->label, out);
	}
	rc = rc ? error_nomem(e) : finish(cs, out, e);
	if (rc)
		catalog_free(out);
	return rc;
}

int candidates_join(struct candidates *cs, const char *label, struct catalog *out, struct error *e)
{
	memset(out, 0, sizeof *out);
	size_t whole = drop_links(cs);
	int rc = whole && make_point(cs->items, whole, label, out) < 0 ? error_nomem(e) : finish(cs, out, e);
	if (rc)
		catalog_free(out);
	return rc;
}
