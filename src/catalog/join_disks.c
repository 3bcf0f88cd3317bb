// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * A script that images one disk after the other, and asks for the time in its loop, gives each a minute of its own:
 * web01-sda-20261121-2200.img, web01-sdb-20261121-2217.img. They are one backup. What must not happen is that a disk
 * of the last run stands in for one that this run has lost. So the next one must have been begun when the one before
 * was written to its end (or at once, side by side), and be nearer to it than to the run before.
 */
#include "backproof/text.h"
#include "candidate.h"

#define AT_ONCE 120   /* seconds from the end of one to the begin of the next, or from begin to begin */
#define MINUTE 60     /* a name may leave the seconds out */
#define RUNS_APART 2  /* so many times as far as the disks of one run are its disks from those of the last */
#define FILES_MOST 64 /* of one restore point: more are not looked for */

/* Where value stands as a word of its own in name. to == 0: nowhere. */
static struct span word_in(const char *name, const char *value)
{
	const size_t n = value ? strlen(value) : 0;
	for (const char *s = name; n && (s = strstr(s, value)); s++)
		if ((s == name || name_is_separator(s[-1])) && name_is_separator(s[n]))
			return (struct span){(size_t)(s - name), (size_t)(s - name) + n};
	return (struct span){0, 0};
}

/* The name of f without disk, partition, piece and time into out, of NAME_LIMIT + 1 bytes. false: it has no such. */
static bool bare_name(const struct point_file *f, char *out)
{
	struct name_info info;
	const char *base = path_base(f->path);
	size_t len = strlen(base);
	if (!(f->disk || f->part) || len > NAME_LIMIT)
		return false;
	name_read(base, len, &info);
	/* What a pattern says is a disk need not look like one. */
	if (!info.disk.to && !info.part.to) {
		info.disk = word_in(base, f->disk);
		info.part = word_in(base, f->part);
	}
	if (!info.time.to || !info.civil.has_clock || !(info.disk.to || info.part.to))
		return false;
	const struct span cuts[] = {info.disk, info.part, info.segment, info.time};
	out[name_cut(out, base, len, cuts, ARRAY_SIZE(cuts), false)] = 0;
	return true;
}

static size_t directory_length(const char *path)
{
	return (size_t)(path_base(path) - path);
}

/* All of p's files are called name, and lie in the directory of path. */
static bool is_called(const struct restore_point *p, const char *path, const char *name)
{
	char own[NAME_LIMIT + 1];
	size_t dir = directory_length(path);
	vec_each (p, f)
		if (directory_length(f->path) != dir || memcmp(f->path, path, dir) || !bare_name(f, own) ||
		    strcmp(own, name))
			return false;
	return p->count > 0;
}

static bool same_text(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

static bool has_one_of(const struct restore_point *a, const struct restore_point *b)
{
	vec_each (a, f)
		for (size_t i = 0; i < b->count; i++)
			if (same_text(f->disk, b->items[i].disk) && same_text(f->part, b->items[i].part))
				return true;
	return false;
}

/* When p was taken is a moment, not a day. */
static bool has_moment(const struct restore_point *p)
{
	return p->named_to && p->named_from == p->named_to;
}

/* The first of items[from ..) that is of the same name. NULL: none. */
static struct restore_point *next_called(struct catalog *c, size_t from, const char *path, const char *name)
{
	for (size_t i = from; i < c->count; i++)
		if (has_moment(&c->items[i]) && is_called(&c->items[i], path, name))
			return &c->items[i];
	return NULL;
}

/* Is `last` of the run that newest is of? begun: when the disk of that run that comes after it was. */
static bool is_same_run(struct catalog *c, const struct restore_point *last, int64_t begun, const char *name)
{
	const struct restore_point *newest = &c->items[0], *before = last;
	const int64_t apart = begun - last->named_from, pause = begun - point_newest(last);
	if ((apart > AT_ONCE && (pause > AT_ONCE || pause < -MINUTE)) || has_one_of(newest, last))
		return false;
	while ((before = next_called(c, (size_t)(before - c->items) + 1, newest->items[0].path, name)))
		if (has_one_of(newest, before) || has_one_of(last, before))
			return last->named_from - before->named_from > RUNS_APART * apart;
	return true;
}

int points_join_disks(struct catalog *c, struct error *e)
{
	char name[NAME_LIMIT + 1];
	struct restore_point *newest = c->items, *last;
	if (c->count < 2 || !newest->count || !has_moment(newest) || !bare_name(&newest->items[0], name) ||
	    !is_called(newest, newest->items[0].path, name))
		return 0;
	/* What is of another name, and of a time between theirs, keeps them apart. */
	while (newest->count < FILES_MOST && (last = next_called(c, 1, newest->items[0].path, name)) == newest + 1) {
		int found = (last->todo & POINT_LOST) ? 1 : point_gather(last, e);
		if (found <= 0)
			return found < 0 ? -1 : 1;
		if (!is_same_run(c, last, newest->named_from, name))
			break;
		vec_each (last, f) {
			struct point_file *to = vec_push(newest);
			if (!to)
				return error_nomem(e);
			*to = *f;
			*f = (struct point_file){.path = NULL};
		}
		/* The oldest counts. */
		newest->named_from = newest->named_to = last->named_from;
		newest->named_zone = last->named_zone;
		const unsigned hollow = newest->todo & last->todo & POINT_HOLLOW;
		newest->todo = ((newest->todo | last->todo) & ~(unsigned)POINT_HOLLOW) | hollow;
		point_free(last);
		memmove(last, last + 1, (size_t)(c->items + --c->count - last) * sizeof *last);
	}
	point_set_order(newest);
	return 0;
}
