// SPDX-License-Identifier: GPL-3.0-or-later
#include "files.h"

#include <errno.h>
#include <fcntl.h>

#include "backproof/text.h"

void place_free(struct place *p)
{
	free(p->rel);
	free(p->key);
	memset(p, 0, sizeof *p);
}

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

static char *join(const char *dir, const char *name)
{
	return text_format("%s%s%s", dir, *dir ? "/" : "", name);
}

/* dir/name without the spans. NULL: memory. */
static char *cut_join(const char *dir, const char *name, const struct span *cuts, size_t count,
		      bool tidy)
{
	struct text t = {0};
	text_put(&t, dir);
	text_put(&t, *dir ? "/" : "");
	name_cut(&t, name, strlen(name), cuts, count, tidy);
	if (t.failed) {
		text_free(&t);
		return NULL;
	}
	return t.data;
}

static char *copy_value(const char *name, struct span s)
{
	return s.to ? strndup(name + s.from, s.to - s.from) : NULL;
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

/* All files of a dated directory are one backup, but for the clocks in their names. */
static char *dated_key(const struct place *in, const char *name, const struct reading *r)
{
	struct span where;
	struct text t = {0};
	const struct span none = {0, 0};
	text_put(&t, "d:");
	text_put_bytes(&t, in->key, in->dated);
	text_printf(&t, "@%d%02d%02d", r->civil.hour, r->civil.minute, r->civil.second);
	for (const char *s = in->key + in->dated; *s; s += strcspn(s, "/")) {
		s++;
		if (name_bare_clock(s, strcspn(s, "/"), &none, &where))
			text_printf(&t, "@%.*s", (int)(where.to - where.from), s + where.from);
	}
	if (!r->info.time.to && name_bare_clock(name, r->info.stem, &r->info.disk, &where))
		text_printf(&t, "@%.*s", (int)(where.to - where.from), name + where.from);
	if (t.failed) {
		text_free(&t);
		return NULL;
	}
	return t.data;
}

/* 1: done. 0: a sidecar or a log, no part of a restore point. */
static int describe(struct candidate *c, const struct pattern *p, const struct place *in,
		    const char *name, const struct pattern_match *m, struct error *e)
{
	struct reading r;
	read_name(p, name, in, m, &r);
	if (r.info.kind == NAME_BESIDE)
		return 0;
	civil_range(&r.civil, &c->named_from, &c->named_to);
	const struct span cuts[] = {r.disk, r.part, r.segment};
	char *key = cut_join(in->key, name, cuts, ARRAY_SIZE(cuts), false);
	char *label = cut_join(in->key, name, cuts, ARRAY_SIZE(cuts), true);
	bool cut = key && label;
	c->loose = in->dated && !pattern_has_disk(p);
	*(c->loose ? &c->fine_key : &c->key) = key;
	*(c->loose ? &c->fine_label : &c->label) = label;
	if (c->loose) {
		c->key = dated_key(in, name, &r);
		c->label = strndup(in->key, in->dated);
	}
	if (pattern_has_disk(p)) {
		c->disk = *m->captures.disk ? strdup(m->captures.disk) : NULL;
		c->part = *m->captures.part ? strdup(m->captures.part) : NULL;
	} else {
		c->disk = copy_value(name, r.disk_value);
		c->part = copy_value(name, r.part_value);
	}
	c->segment = copy_value(name, r.segment);
	return cut && c->key && c->label ? 1 : error_nomem(e);
}

static int add_file(struct files_walk *w, int fd, const struct place *in, const char *name,
		    const struct pattern_match *m, bool partial, struct error *e)
{
	struct candidate c = {.partial = partial};
	size_t top = strlen(w->path), dir = strlen(in->rel), base = strlen(name) + 1;
	char *s = c.path = malloc(top + dir + base + 2);
	if (!s)
		return error_nomem(e);
	/* Not text_format: this is done for every file of a fleet. */
	s = mempcpy(s, w->path, top);
	*s++ = '/';
	s = mempcpy(s, in->rel, dir);
	if (dir)
		*s++ = '/';
	memcpy(s, name, base);
	int rc = partial ? 1 : describe(&c, w->pattern, in, name, m, e);
	if (rc > 0)
		rc = candidate_look(fd, name, c.path, &c, e);
	struct candidate *to = rc > 0 ? vec_push(&w->found) : NULL;
	if (to) {
		*to = c;
		return 0;
	}
	candidate_free(&c);
	return rc > 0 ? error_nomem(e) : rc;
}

static int enter(struct files_walk *w, int fd, const struct place *in, size_t level,
		 const char *name, const struct pattern_match *m, struct error *e)
{
	autoclose int below = scan_open(fd, name, false);
	struct place at = {.captures = m->captures};
	struct stat st;
	bool failed = below < 0, link = failed && (errno == ENOTDIR || errno == ELOOP);
	/* A link to a directory is not entered, but known of; one to a file is none of ours. */
	if ((failed && errno == ENOENT) ||
	    (link && (fstatat(fd, name, &st, 0) < 0 || !S_ISDIR(st.st_mode))))
		return 0;
	const struct span cuts[] = {m->disk, m->part};
	at.rel = join(in->rel, name);
	at.key = cut_join(in->key, name, cuts, ARRAY_SIZE(cuts), false);
	int rc = at.rel && at.key ? 0 : error_nomem(e);
	/* A date that no {date} asked for counts as well. */
	struct span where;
	struct civil c;
	bool dated = m->captures.civil.has_date && !in->captures.civil.has_date;
	if (!rc && !dated && !pattern_has_date(w->pattern) &&
	    name_time_find(name, strlen(name), &c, &where) && glob_covers(m, where)) {
		at.captures.civil = c;
		dated = true;
	}
	at.dated = rc ? 0 : dated ? strlen(at.key) : in->dated;
	if (!rc && failed)
		rc = strings_add(link ? &w->links : &w->unreadable, at.rel) < 0 ? error_nomem(e) : 0;
	else if (!rc)
		rc = files_walk_below(w, below, &at, level + 1, e);
	place_free(&at);
	return rc;
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
			return add_file(w, fd, in, name, &m, true, e);
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
	return add_file(w, fd, in, name, &m, false, e);
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
