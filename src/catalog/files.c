// SPDX-License-Identifier: GPL-3.0-or-later
#include "files.h"

#include <errno.h>
#include <fcntl.h>

void files_walk_free(struct files_walk *w)
{
	candidates_free(&w->found);
	strings_free(&w->unreadable);
	strings_free(&w->links);
}

static bool glob_covers(const struct pattern_match *m, struct span s)
{
	for (size_t i = s.from; i < s.to; i++)
		if (!(m->glob[i / 64] >> i % 64 & 1))
			return false;
	return s.to > s.from;
}

/* dir/name without the spans, into out. Returns its length. */
static size_t join(char *out, const char *dir, const char *name, const struct span *cuts, size_t count, bool tidy)
{
	size_t n = strlen(dir);
	memcpy(out, dir, n);
	if (n)
		out[n++] = '/';
	n += name_cut(out + n, name, strlen(name), cuts, count, tidy);
	out[n] = 0;
	return n;
}

/* NULL: none, or no memory. */
static const char *copy_value(struct arena *a, const char *name, struct span s)
{
	return s.to ? arena_text(a, name + s.from, s.to - s.from) : NULL;
}

/* What the user's pattern leaves to globs is read as a name without pattern would be. */
struct reading {
	struct span disk, part, segment, disk_value, part_value; /* to be cut, and their values */
	struct civil civil;
	struct name_info info;
};

static void read_name(const struct pattern *p, const char *name, const struct place *in,
		      const struct pattern_match *m, struct reading *r)
{
	struct name_info *info = &r->info;
	memset(r, 0, sizeof *r);
	name_read(name, strlen(name), info);
	r->civil = m->captures.civil;
	if (glob_covers(m, info->segment))
		r->segment = info->segment;
	if (pattern_has_disk(p)) {
		r->disk = r->disk_value = m->disk;
		r->part = r->part_value = m->part;
	} else {
		if (glob_covers(m, info->disk)) {
			r->disk = info->disk;
			r->disk_value = info->disk_value;
		}
		if (glob_covers(m, info->part)) {
			r->part = info->part;
			r->part_value = info->part_value;
		}
	}
	if (!glob_covers(m, info->time) || r->civil.has_clock)
		return;
	const struct civil *c = &info->civil, *d = &r->civil;
	bool same = d->has_date && c->year == d->year && c->month == d->month && c->day == d->day;
	if (same || (!pattern_has_date(p) && !in->dated))
		r->civil = *c;
}

static char *put_clock(char *to, const char *from, struct span where)
{
	*to++ = '@';
	return mempcpy(to, from + where.from, where.to - where.from);
}

/* All files of a dated directory are one backup, but for the clocks in their names. out: twice the limits. */
static size_t dated_key(char *out, const struct place *in, const char *name, const struct reading *r)
{
	struct span where;
	const struct span none = {0, 0};
	const int clock[] = {r->civil.hour, r->civil.minute, r->civil.second};
	char *to = mempcpy(out, "d:", 2);
	to = mempcpy(to, in->key, in->dated);
	*to++ = '@';
	for (size_t i = 0; i < ARRAY_SIZE(clock); i++) {
		*to++ = (char)('0' + clock[i] / 10);
		*to++ = (char)('0' + clock[i] % 10);
	}
	for (const char *s = in->key + in->dated; *s; s += strcspn(s, "/")) {
		s++;
		if (name_bare_clock(s, strcspn(s, "/"), &none, &where))
			to = put_clock(to, s, where);
	}
	if (!r->info.time.to && name_bare_clock(name, r->info.stem, &r->info.disk, &where))
		to = put_clock(to, name, where);
	return (size_t)(to - out);
}

/* 1: done. 0: a sidecar or a log, no part of a restore point. */
static int describe(struct candidate *c, struct arena *a, const struct pattern *p, const struct place *in,
		    const char *name, const struct pattern_match *m, struct error *e)
{
	struct reading r;
	char text[2 * PLACE_LIMIT];
	read_name(p, name, in, m, &r);
	if (r.info.kind == NAME_BESIDE)
		return 0;
	civil_range(&r.civil, &c->named_from, &c->named_to);
	c->named_zone = r.civil.has_zone;
	const struct span cuts[] = {r.disk, r.part, r.segment};
	const char *key = arena_text(a, text, join(text, in->key, name, cuts, ARRAY_SIZE(cuts), false));
	const char *label = arena_text(a, text, join(text, in->key, name, cuts, ARRAY_SIZE(cuts), true));
	bool cut = key && label;
	c->loose = in->dated && !pattern_has_disk(p);
	*(c->loose ? &c->fine_key : &c->key) = key;
	*(c->loose ? &c->fine_label : &c->label) = label;
	if (c->loose) {
		c->key = arena_text(a, text, dated_key(text, in, name, &r));
		c->label = arena_text(a, in->key, in->dated);
	}
	const char *disk = m->captures.disk, *part = m->captures.part;
	bool given = pattern_has_disk(p);
	c->disk = given ? arena_text(a, disk, strlen(disk)) : copy_value(a, name, r.disk_value);
	c->part = given ? arena_text(a, part, strlen(part)) : copy_value(a, name, r.part_value);
	c->segment = copy_value(a, name, r.segment);
	bool copied = (c->disk || !(given || r.disk_value.to)) && (c->part || !(given || r.part_value.to)) &&
		      (c->segment || !r.segment.to);
	/* "": the pattern has it elsewhere. */
	c->disk = c->disk && *c->disk ? c->disk : NULL;
	c->part = c->part && *c->part ? c->part : NULL;
	return cut && c->key && c->label && copied ? 1 : error_nomem(e);
}

static const char *full_path(struct files_walk *w, const struct place *in, const char *name)
{
	size_t top = strlen(w->path), dir = strlen(in->rel), base = strlen(name) + 1;
	char *path = arena_bytes(&w->found.texts, top + dir + base + 2), *s = path;
	if (!path)
		return NULL;
	/* Not text_format: this is done for every file of a fleet. */
	s = mempcpy(s, w->path, top);
	*s++ = '/';
	s = mempcpy(s, in->rel, dir);
	if (dir)
		*s++ = '/';
	memcpy(s, name, base);
	return path;
}

static int add_file(struct files_walk *w, int fd, const struct place *in, const char *name, enum scan_type type,
		    const struct pattern_match *m, bool partial, struct error *e)
{
	struct candidate c = {.partial = partial};
	int rc = partial ? 1 : describe(&c, &w->found.texts, w->pattern, in, name, m, e);
	if (rc <= 0)
		return rc;
	if (!(c.path = full_path(w, in, name)))
		return error_nomem(e);
	/* A file whose name tells its time need not be looked at before it is known to be wanted. */
	if (w->found.eager || partial || type != SCAN_FILE || !c.named_to)
		rc = candidate_look(fd, name, c.path, &c, e);
	if (rc == 0 && c.lost && !partial)
		return candidates_add_lost(&w->found, &c) ? 0 : error_nomem(e);
	struct candidate *to = rc > 0 ? vec_push(&w->found) : NULL;
	if (to)
		*to = c;
	return rc > 0 && !to ? error_nomem(e) : rc < 0 ? -1 : 0;
}

static int enter(struct files_walk *w, int fd, const struct place *in, size_t level,
		 const char *name, const struct pattern_match *m, struct error *e)
{
	autoclose int below = scan_open(fd, name, false);
	char rel[PLACE_LIMIT], key[PLACE_LIMIT];
	struct place at = {.rel = rel, .key = key, .captures = m->captures};
	struct stat st;
	bool failed = below < 0, link = failed && (errno == ENOTDIR || errno == ELOOP);
	/*
	 * A link to a directory is not entered, but known of; so is one that leads nowhere, as to a store that is not
	 * mounted. One to a file is none of ours.
	 */
	if ((failed && errno == ENOENT) || (link && fstatat(fd, name, &st, 0) == 0 && !S_ISDIR(st.st_mode)))
		return 0;
	const struct span cuts[] = {m->disk, m->part};
	join(rel, in->rel, name, NULL, 0, false);
	join(key, in->key, name, cuts, ARRAY_SIZE(cuts), false);
	/* A date that no {date} asked for counts as well. */
	struct span where;
	struct civil c;
	bool dated = m->captures.civil.has_date && !in->captures.civil.has_date;
	const struct span whole = {0, strlen(name)};
	if (!dated && !pattern_has_date(w->pattern) &&
	    ((name_time_find(name, whole.to, &c, &where) && glob_covers(m, where)) ||
	     (name_ends_in_pieces(rel, &c) && glob_covers(m, whole)))) {
		at.captures.civil = c;
		dated = true;
	}
	at.dated = dated ? strlen(key) : in->dated;
	if (failed)
		return strings_add(link ? &w->links : &w->unreadable, rel) < 0 ? error_nomem(e) : 0;
	return files_walk_below(w, below, &at, level + 1, e);
}

int files_walk_entry(struct files_walk *w, int fd, const struct place *in, size_t level,
		     const char *name, enum scan_type type, struct error *e)
{
	struct pattern_match m;
	char finished[NAME_LIMIT + 1];
	bool last = level + 1 == pattern_depth(w->pattern);
	bool wanted = last ? type == SCAN_FILE || type == SCAN_LINK : type == SCAN_DIR || type == SCAN_LINK;
	if (!wanted)
		return 0;
	bool literal = !last && pattern_literal(w->pattern, level);
	if (!literal && is_partial_name(name)) {
		if (w->host && partial_finished_name(name, finished) &&
		    pattern_match(w->pattern, level, finished, w->host, &in->captures, &m))
			return add_file(w, fd, in, name, type, &m, true, e);
		return 0;
	}
	if (!last) {
		if (!pattern_match(w->pattern, level, name, w->host, &in->captures, &m) ||
		    (!literal && scan_is_system_dir(name)))
			return 0;
		/* Opening says whether it is a link: O_NOFOLLOW. */
		return enter(w, fd, in, level, name, &m, e);
	}
	if (!pattern_match(w->pattern, level, name, w->host, &in->captures, &m))
		return 0;
	return add_file(w, fd, in, name, type, &m, false, e);
}

struct visit {
	struct files_walk *w;
	const struct place *in;
	size_t level;
};

static int visit(void *ctx, int dir, const char *name, enum scan_type type, struct error *e)
{
	struct visit *v = ctx;
	bool host_here = (int)v->level == pattern_host_level(v->w->pattern);
	if (!v->w->host && host_here)
		return v->w->entry(v->w->ctx, v->in, name, type, e);
	return files_walk_entry(v->w, dir, v->in, v->level, name, type, e);
}

int files_walk_below(struct files_walk *w, int fd, const struct place *in, size_t level,
		     struct error *e)
{
	const char *literal = pattern_literal(w->pattern, level);
	if (literal && level + 1 < pattern_depth(w->pattern))
		return files_walk_entry(w, fd, in, level, literal, SCAN_DIR, e);
	struct visit v = {w, in, level};
	bool unreadable = false;
	struct error why;
	if (scan_dir(fd, *in->rel ? in->rel : w->path, visit, &v, &unreadable, &why) == 0)
		return 0;
	if (unreadable && *in->rel)
		return strings_add(&w->unreadable, in->rel) < 0 ? error_nomem(e) : 0;
	if (e)
		*e = why;
	return -1;
}
