// SPDX-License-Identifier: GPL-3.0-or-later
/* From files to restore points. */
#include "candidate.h"
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

/* A link to a file that is there under its own name is not a second backup. */
static void drop_links(struct candidates *cs)
{
	size_t kept = 0;
	if (!cs->count)
		return;
	qsort(cs->items, cs->count, sizeof *cs->items, by_inode);
	for (size_t i = 0; i < cs->count; i++) {
		struct candidate *c = &cs->items[i], *last = kept ? &cs->items[kept - 1] : NULL;
		if (last && c->link && !c->partial && !last->partial && last->device == c->device &&
		    last->inode == c->inode)
			candidate_free(c);
		else
			cs->items[kept++] = *c;
	}
	cs->count = kept;
}

static int add_file(struct restore_point *p, struct candidate *c)
{
	struct point_file *f = vec_push(p);
	if (!f)
		return -1;
	f->path = take(c->path);
	f->disk = take(c->disk);
	f->part = take(c->part);
	f->size = c->size;
	f->mtime = c->mtime;
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

static int make_point(struct candidate *c, size_t count, char **label, struct catalog *out)
{
	struct restore_point *p = vec_push(out);
	if (!p)
		return -1;
	p->label = take(*label);
	/* Where the names disagree, the oldest counts. */
	for (size_t i = 0; i < count; i++)
		if (c[i].named_to && (!p->named_to || c[i].named_from < p->named_from)) {
			p->named_from = c[i].named_from;
			p->named_to = c[i].named_to;
		}
	for (size_t i = 0; i < count; i++)
		if (add_file(p, &c[i]) < 0)
			return -1;
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
			char **label = c[k].fine_label ? &c[k].fine_label : &c[k].label;
			if (make_point(c + k, again ? 1 : n, label, out) < 0)
				return -1;
		}
	}
	return 0;
}

static int newest_first(const void *x, const void *y)
{
	const struct restore_point *a = x, *b = y;
	if (a->order != b->order)
		return a->order < b->order ? 1 : -1;
	int64_t m = point_newest(a), n = point_newest(b);
	return m != n ? (m < n ? 1 : -1) : compare_text(a->label, b->label);
}

void points_sort(struct catalog *out)
{
	if (out->count)
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

static int add_late_pieces(struct catalog *out, struct error *e)
{
	vec_each(out, p)
		if (late_pieces_add(p, e) < 0) {
			catalog_free(out);
			return -1;
		}
	return 0;
}

int candidates_assemble(struct candidates *cs, struct catalog *out, struct error *e)
{
	memset(out, 0, sizeof *out);
	drop_links(cs);
	size_t whole = 0, n;
	while (whole < cs->count && !cs->items[whole].partial)
		whole++;
	if (whole)
		qsort(cs->items, whole, sizeof *cs->items, by_key);
	int rc = 0;
	for (size_t i = 0; i < whole && !rc; i += n) {
		struct candidate *c = &cs->items[i];
		for (n = 1; i + n < whole && !strcmp(c->key, c[n].key); n++)
			;
		rc = collides(c, n) ? make_fine_points(c, n, out) : make_point(c, n, &c->label, out);
	}
	points_sort(out);
	if (rc || add_partials(cs, out) < 0) {
		catalog_free(out);
		return error_nomem(e);
	}
	return add_late_pieces(out, e);
}

int candidates_join(struct candidates *cs, const char *label, struct catalog *out, struct error *e)
{
	memset(out, 0, sizeof *out);
	drop_links(cs);
	size_t whole = 0;
	while (whole < cs->count && !cs->items[whole].partial)
		whole++;
	autofree char *copy = strdup(label);
	if (!copy || (whole && make_point(cs->items, whole, &copy, out) < 0) ||
	    add_partials(cs, out) < 0) {
		catalog_free(out);
		return error_nomem(e);
	}
	return add_late_pieces(out, e);
}
