// SPDX-License-Identifier: GPL-3.0-or-later
#include "vzdump_index.h"

#include <fcntl.h>

#include "backproof/pool.h"
#include "scan.h"

#define NIGHT 86400
#define NIGHT_LEAST 64 /* points that are worth a table of their own */

void vzdump_index_free(struct vzdump_index *v)
{
	if (!v)
		return;
	vec_each (&v->nights, n)
		names_free(&n->guests);
	vec_each (&v->points, p) {
		free(p->told.guest);
		free(p->told.unread);
	}
	vec_free(&v->nights);
	vec_free(&v->points);
	vec_free(&v->files);
	text_free(&v->text);
	free(v->slots);
	free(v->path);
	close_auto(&v->fd);
	pthread_mutex_destroy(&v->lock);
	free(v);
}

const char *vzdump_text(const struct vzdump_index *v, uint32_t at)
{
	return v->text.data + at;
}

static int grow_slots(struct vzdump_index *v)
{
	size_t count = v->slot_count ? v->slot_count * 2 : 1024;
	uint32_t *slots = calloc(count, sizeof *slots);
	if (!slots)
		return -1;
	for (size_t i = 0; i < v->points.count; i++) {
		size_t at = v->points.items[i].hash & (count - 1);
		while (slots[at])
			at = (at + 1) & (count - 1);
		slots[at] = (uint32_t)i + 1;
	}
	free(v->slots);
	v->slots = slots;
	v->slot_count = count;
	return 0;
}

/* The point of this stem; a new one has no label yet. */
static struct vzdump_point *point_of(struct vzdump_index *v, const char *name, size_t stem)
{
	uint32_t hash = (uint32_t)hash_bytes(name, stem);
	if (v->points.count * 2 >= v->slot_count && grow_slots(v) < 0)
		return NULL;
	size_t at = hash & (v->slot_count - 1);
	for (; v->slots[at]; at = (at + 1) & (v->slot_count - 1)) {
		struct vzdump_point *p = &v->points.items[v->slots[at] - 1];
		if (p->hash == hash && p->stem == stem && !memcmp(vzdump_text(v, p->label), name, stem))
			return p;
	}
	struct vzdump_point *p = vec_push(&v->points);
	if (!p)
		return NULL;
	v->slots[at] = (uint32_t)v->points.count;
	p->hash = hash;
	p->stem = (uint8_t)stem;
	return p;
}

static int collect(void *ctx, int dir, const char *name, enum scan_type type, struct error *e)
{
	struct vzdump_index *v = ctx;
	size_t stem, at = v->text.length, len = strlen(name);
	struct span number;
	struct civil civil;
	int64_t to;
	(void)dir;
	(void)type;
	/*
	 * vzdump's own directories (NAME.tmp) say that a job runs, or broke off. What is no file where one should be is
	 * not passed over: nobody knows what it was.
	 */
	enum vzdump_kind kind = len > NAME_LIMIT ? VZDUMP_NONE : vzdump_name(name, &stem, &number, &civil);
	if (kind == VZDUMP_NONE)
		return 0;
	if (at > UINT32_MAX - NAME_LIMIT - 1)
		return error_set(e, ERROR_LIMIT, ERROR_NO_OFFSET, "too many files in one repository");
	struct vzdump_point *p = point_of(v, name, stem);
	struct vzdump_file *f = p ? vec_push(&v->files) : NULL;
	text_put_bytes(&v->text, name, len + 1);
	if (!f || v->text.failed)
		return error_nomem(e);
	if (!p->files) {
		p->label = (uint32_t)at;
		p->number_from = (uint8_t)number.from;
		p->number_to = (uint8_t)number.to;
		civil_range(&civil, &p->time, &to);
	}
	*f = (struct vzdump_file){(uint32_t)at, p->files, (uint8_t)kind};
	p->files = (uint32_t)v->files.count;
	return 0;
}

static int newest_first(const void *x, const void *y)
{
	const struct vzdump_point *a = x, *b = y;
	return a->time < b->time ? 1 : a->time > b->time ? -1 : 0;
}

/* Points of the same time are never in two nights: which of them is the newest, their files say. */
static int divide(struct vzdump_index *v)
{
	for (size_t i = 0, n; i < v->points.count; i += n) {
		const struct vzdump_point *p = &v->points.items[i];
		for (n = 1; i + n < v->points.count; n++)
			if (p[n].time != p[n - 1].time && n >= NIGHT_LEAST && p[n].time <= p->time - NIGHT)
				break;
		struct vzdump_night *night = vec_push(&v->nights);
		if (!night)
			return -1;
		night->first = i;
		night->count = n;
	}
	return 0;
}

struct vzdump_index *vzdump_index_read(int fd, const char *path, bool *any, struct error *e)
{
	bool unreadable = false;
	autodestroy(vzdump_index_free_auto) struct vzdump_index *v = calloc(1, sizeof *v);
	if (!v) {
		error_nomem(e);
		return NULL;
	}
	pthread_mutex_init(&v->lock, NULL);
	civil_zone();
	v->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	v->path = strdup(path);
	if (v->fd < 0 || !v->path) {
		error_sys(e, "%s", path);
		return NULL;
	}
	if (scan_dir(v->fd, path, collect, v, &unreadable, e) < 0)
		return NULL;
	free(take(v->slots));
	if (v->points.count)
		qsort(v->points.items, v->points.count, sizeof *v->points.items, newest_first);
	if (divide(v) < 0) {
		error_nomem(e);
		return NULL;
	}
	*any = v->points.count;
	return take(v);
}

size_t vzdump_files(const struct vzdump_index *v, const struct vzdump_point *p,
		    const struct vzdump_file *out[VZDUMP_FILES])
{
	size_t n = 0;
	for (uint32_t i = p->files; i && n < VZDUMP_FILES; i = v->files.items[i - 1].next, n++) {
		size_t at = n;
		const struct vzdump_file *f = &v->files.items[i - 1];
		for (; at && strcmp(vzdump_text(v, out[at - 1]->name), vzdump_text(v, f->name)) > 0; at--)
			out[at] = out[at - 1];
		out[at] = f;
	}
	return n;
}

bool vzdump_is_image(const struct vzdump_file *f)
{
	return f->kind == VZDUMP_ARCHIVE || f->kind == VZDUMP_UNFINISHED;
}

struct reading {
	struct vzdump_index *v;
	const struct vzdump_night *night;
};

static void tell_point(void *ctx, size_t i)
{
	const struct reading *r = ctx;
	struct vzdump_index *v = r->v;
	struct vzdump_point *p = &v->points.items[r->night->first + i];
	const struct vzdump_file *files[VZDUMP_FILES];
	size_t n = vzdump_files(v, p, files);
	bool image = false;
	for (size_t k = 0; k < n; k++) {
		image = image || vzdump_is_image(files[k]);
		struct error e = {0};
		if (vzdump_tell(&p->told, v->fd, vzdump_text(v, files[k]->name), files[k]->kind, &e) < 0 &&
		    !atomic_exchange(&v->failed, true))
			v->why = e;
	}
	/* A log alone: of a job that failed before it wrote anything, or whose backup was removed since. */
	if (!image && !p->told.unfinished)
		p->told.unfinished = vzdump_only_log;
}

static int index_guests(struct vzdump_index *v, struct vzdump_night *n, struct error *e)
{
	for (size_t i = n->first; i < n->first + n->count; i++) {
		const struct vzdump_point *p = &v->points.items[i];
		const char *guest = p->told.guest, *label = vzdump_text(v, p->label);
		char number[NAME_LIMIT + 1];
		size_t len = p->number_to - (size_t)p->number_from;
		memcpy(number, label + p->number_from, len);
		number[len] = 0;
		const char *dot = guest ? strchr(guest, '.') : NULL;
		autofree char *bare = dot ? strndup(guest, (size_t)(dot - guest)) : NULL;
		if (dot && !bare)
			return error_nomem(e);
		if (names_add(&n->guests, (uint32_t)i, number, SCAN_FILE, NAMES_WHOLE, e) < 0 ||
		    (guest && names_add(&n->guests, (uint32_t)i, guest, SCAN_FILE, NAMES_WHOLE, e) < 0) ||
		    (bare && names_add(&n->guests, (uint32_t)i, bare, SCAN_FILE, NAMES_WHOLE, e) < 0))
			return -1;
	}
	return names_build(&n->guests, e);
}

int vzdump_read_night(struct vzdump_index *v, struct vzdump_night *n, struct error *e)
{
	int rc = 0;
	if (n->ready)
		return 0;
	pthread_mutex_lock(&v->lock);
	if (!n->ready) {
		struct reading r = {v, n};
		if (!v->failed)
			pool_each(n->count, tell_point, &r);
		if (!v->failed && index_guests(v, n, &v->why) < 0)
			v->failed = true;
		if (v->failed) {
			*e = v->why;
			rc = -1;
		}
		n->ready = rc == 0;
	}
	pthread_mutex_unlock(&v->lock);
	return rc;
}
