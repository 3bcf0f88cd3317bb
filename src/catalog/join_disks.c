// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * A script that images one disk after the other, and asks for the time in its loop, gives each a minute of its own:
 * web01-sda-20261121-2200.img, web01-sdb-20261121-2217.img. They are one backup. What must not happen is that a disk
 * of the last run stands in for one that this run has lost. So the next one must have been begun when the one before
 * was written to its end (or at once, side by side), and be nearer to it than to the run before; and where runs follow
 * each other without a pause, nothing is joined.
 */
#include "backproof/text.h"
#include "candidate.h"

#define AT_ONCE 120    /* seconds from the end of one to the begin of the next, or from begin to begin */
#define MINUTE 60      /* a name may leave the seconds out */
#define RUNS_APART 2   /* so many times as far as the disks of one run are its disks from those of the last */
#define POINTS_MOST 64 /* that are looked at */

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

/* All of p's files are called name, and lie in the directory of path; and when it was taken is a moment, not a day. */
static bool is_called(const struct restore_point *p, const char *path, const char *name)
{
	char own[NAME_LIMIT + 1];
	size_t dir = (size_t)(path_base(path) - path);
	vec_each (p, f)
		if ((size_t)(path_base(f->path) - f->path) != dir || memcmp(f->path, path, dir) || !bare_name(f, own) ||
		    strcmp(own, name))
			return false;
	return p->count > 0 && p->named_to && p->named_from == p->named_to;
}

static bool has_one_of(const struct restore_point *a, const struct restore_point *b)
{
	vec_each (a, f)
		for (size_t i = 0; i < b->count; i++)
			if (string_same(f->disk, b->items[i].disk) && string_same(f->part, b->items[i].part))
				return true;
	return false;
}

/* One of the first n points has one of p's disks. */
static bool is_there_twice(const struct catalog *c, size_t n, const struct restore_point *p)
{
	for (size_t i = 0; i < n; i++)
		if (has_one_of(&c->items[i], p))
			return true;
	return false;
}

static int gather(struct restore_point *p, struct error *e)
{
	return p->todo & POINT_LOST ? 1 : point_gather(p, e);
}

/* Was `next` begun when p, which comes before it, was written to its end, or together with it? */
static bool follows(const struct restore_point *next, const struct restore_point *p)
{
	const int64_t apart = next->named_from - p->named_from, pause = next->named_from - point_newest(p);
	return apart <= AT_ONCE || (pause <= AT_ONCE && pause >= -MINUTE);
}

/*
 * *n: so many points, of those from the newest on that are called name, follow each other: each disk once. What is of
 * another name, and of a time between theirs, ends it. Where the run before follows just as closely, nobody knows
 * where this one begins: *n is 1. Returns as point_gather.
 */
static int count_following(struct catalog *c, const char *name, size_t *n, struct error *e)
{
	const char *path = c->items[0].items[0].path;
	for (*n = 1; *n < c->count; ++*n) {
		struct restore_point *p = &c->items[*n];
		bool twice = is_there_twice(c, *n, p);
		/* Most hosts have one disk: nothing of an older one is looked at. */
		if (!is_called(p, path, name) || (twice && *n == 1))
			return 1;
		int found = *n == 1 ? gather(&c->items[0], e) : 1;
		found = found > 0 ? gather(p, e) : found;
		if (found <= 0)
			return found;
		if (!follows(p - 1, p))
			return 1;
		if (twice || *n == POINTS_MOST) {
			*n = 1;
			return 1;
		}
	}
	return 1;
}

/* Of n points that follow each other: how many are nearer to each other than to the run before. */
static size_t count_near(const struct catalog *c, const char *name, size_t n)
{
	const struct restore_point *p = c->items;
	for (size_t i = 1; i < n; i++)
		for (size_t k = n; k < c->count; k++) {
			if (!is_called(&p[k], p->items[0].path, name) || !is_there_twice(c, i + 1, &p[k]))
				continue;
			if (p[i].named_from - p[k].named_from <= RUNS_APART * (p[i - 1].named_from - p[i].named_from))
				return i;
			break;
		}
	return n;
}

/* p's files become to's, which is as old as p then. */
static int take_files(struct restore_point *to, struct restore_point *p, struct error *e)
{
	vec_each (p, f) {
		struct point_file *file = vec_push(to);
		if (!file)
			return error_nomem(e);
		*file = *f;
		*f = (struct point_file){.path = NULL};
	}
	to->named_from = to->named_to = p->named_from;
	to->named_zone = p->named_zone;
	/* It is hollow when both are. */
	to->todo = ((to->todo | p->todo) & ~(unsigned)POINT_HOLLOW) | (to->todo & p->todo & POINT_HOLLOW);
	return 0;
}

int points_join_disks(struct catalog *c, struct error *e)
{
	char name[NAME_LIMIT + 1];
	struct restore_point *newest = c->items;
	size_t n;
	if (c->count < 2 || !newest->count || !bare_name(&newest->items[0], name) ||
	    !is_called(newest, newest->items[0].path, name))
		return 0;
	int found = count_following(c, name, &n, e);
	if (found <= 0)
		return found < 0 ? -1 : 1;
	n = count_near(c, name, n);
	for (size_t i = 1; i < n; i++)
		if (take_files(newest, &newest[i], e) < 0)
			return -1;
	for (size_t i = 1; i < n; i++)
		point_free(&newest[i]);
	memmove(newest + 1, newest + n, (c->count - n) * sizeof *newest);
	c->count -= n - 1;
	point_set_order(newest);
	return 0;
}
