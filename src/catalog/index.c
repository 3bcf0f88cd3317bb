// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * One pass over a repository, down to where the names tell the hosts apart; what lies below is read when a host is
 * asked for, by whoever asks. After open nothing changes, so finding needs no locks.
 */
#include <errno.h>
#include <fcntl.h>
#include <strings.h>
#include <time.h>

#include "files.h"
#include "finder.h"
#include "guess.h"
#include "names.h"

struct catalog_index {
	char *title, *path, *owner; /* owner: all is this host's; NULL: ask the names */
	int fd;
	struct pattern *pattern; /* NULL: by guessing */
	const struct finder *finder; /* NULL: "files" */
	void *opened;		     /* the finder's, or NULL */
	const char *only;	 /* while opening */
	VEC(struct place) places;
	struct arena texts; /* of places */
	struct names names;
	struct strings unreadable, links;
};

void catalog_index_destroy(struct catalog_index *x)
{
	if (!x)
		return;
	if (x->opened)
		x->finder->close(x->opened);
	vec_free(&x->places);
	arena_free(&x->texts);
	names_free(&x->names);
	strings_free(&x->unreadable);
	strings_free(&x->links);
	pattern_free(x->pattern);
	close_auto(&x->fd);
	free(x->title);
	free(x->path);
	free(x->owner);
	free(x);
}

static int add_place(struct catalog_index *x, const struct place *in)
{
	size_t n = x->places.count;
	if (n && !strcmp(x->places.items[n - 1].rel, in->rel))
		return 0;
	struct place *p = vec_push(&x->places);
	if (!p)
		return -1;
	*p = *in;
	p->rel = arena_text(&x->texts, in->rel, strlen(in->rel));
	p->key = arena_text(&x->texts, in->key, strlen(in->key));
	return p->rel && p->key ? 0 : -1;
}

/* An entry at the level of {host}. */
static int pattern_entry(void *ctx, const struct place *in, const char *name, enum scan_type type, struct error *e)
{
	struct catalog_index *x = ctx;
	struct pattern_match m;
	char finished[NAME_LIMIT + 1];
	const char *look = partial_finished_name(name, finished) ? finished : name;
	size_t level = (size_t)pattern_host_level(x->pattern);
	if (type == SCAN_OTHER || !pattern_match(x->pattern, level, look, x->only, &in->captures, &m))
		return 0;
	enum names_key key = pattern_host_is_whole(x->pattern)	 ? NAMES_WHOLE
			     : pattern_host_is_apart(x->pattern) ? NAMES_WORDS
								 : NAMES_ANY;
	if (add_place(x, in) < 0)
		return error_nomem(e);
	return names_add(&x->names, (uint32_t)x->places.count - 1, name, type, key, e);
}

/* Without a pattern: HOST/... and files, at the top and in a directory for each day. */
struct top {
	struct catalog_index *x;
	uint32_t place; /* 0: the top; else x->places, from 1 */
};

static int top_entry(void *ctx, int dir, const char *name, enum scan_type type, struct error *e);

static int add_day(struct catalog_index *x, int dir, const char *name, struct error *e)
{
	bool unreadable = false;
	autoclose int fd = scan_open(dir, name, false);
	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR || errno == ELOOP))
		return 0;
	if (fd >= 0 && add_place(x, &(struct place){.rel = name, .key = name}) < 0)
		return error_nomem(e);
	struct top below = {x, (uint32_t)x->places.count};
	if (fd >= 0 && scan_dir(fd, name, top_entry, &below, &unreadable, e) == 0)
		return 0;
	if (fd >= 0 && !unreadable)
		return -1;
	return strings_add(&x->unreadable, name) < 0 ? error_nomem(e) : 0;
}

static int top_entry(void *ctx, int dir, const char *name, enum scan_type type, struct error *e)
{
	const struct top *t = ctx;
	struct catalog_index *x = t->x;
	if (type == SCAN_OTHER)
		return 0;
	if (!t->place && type == SCAN_DIR && name_is_time(name))
		return add_day(x, dir, name, e);
	if (type != SCAN_FILE && !(x->only && strcasecmp(x->only, name)) &&
	    names_add(&x->names, t->place, name, type, NAMES_WHOLE, e) < 0)
		return -1;
	size_t stem;
	struct span segment;
	if (type == SCAN_DIR || name_kind(name, strlen(name), &stem, &segment) == NAME_BESIDE ||
	    (x->only && name_host_rank(name, strlen(name), x->only) < 3))
		return 0;
	return names_add(&x->names, t->place, name, type, NAMES_WORDS, e);
}

static int read_all(struct catalog_index *x, struct error *e)
{
	struct place root = {.rel = "", .key = ""};
	bool unreadable = false;
	struct top top = {x, 0};
	if (!x->pattern)
		return scan_dir(x->fd, x->path, top_entry, &top, &unreadable, e);
	if (pattern_host_level(x->pattern) < 0)
		return 0;
	struct files_walk w = {.pattern = x->pattern, .path = x->path, .entry = pattern_entry, .ctx = x};
	int rc = files_walk_below(&w, x->fd, &root, 0, e);
	x->unreadable = w.unreadable;
	x->links = w.links;
	memset(&w.unreadable, 0, sizeof w.unreadable);
	memset(&w.links, 0, sizeof w.links);
	files_walk_free(&w);
	return rc;
}

struct catalog_index *catalog_index_open(const struct repository *r, const char *only_host, struct error *e)
{
	const struct finder *finder = r->layout ? finder_by_name(r->layout) : NULL;
	if (r->layout && !finder && strcmp(r->layout, "files")) {
		error_set(e, ERROR_UNSUPPORTED, ERROR_NO_OFFSET,
			  "repository %s: layout \"%s\" is not supported by this build", r->name,
			  r->layout);
		return NULL;
	}
	struct catalog_index *x = calloc(1, sizeof *x);
	if (!x) {
		error_nomem(e);
		return NULL;
	}
	autodestroy(catalog_index_destroy_auto) struct catalog_index *guard = x;
	x->fd = -1;
	x->only = only_host;
	x->finder = finder;
	x->title = strdup(r->name ? r->name : r->path);
	x->path = strdup(r->path);
	x->owner = r->host ? strdup(r->host) : NULL;
	if (!x->title || !x->path || (r->host && !x->owner)) {
		error_nomem(e);
		return NULL;
	}
	if (r->match && !(x->pattern = pattern_new(r->match, e))) {
		error_prefix(e, "repository %s", x->title);
		return NULL;
	}
	if (finder && x->pattern && pattern_depth(x->pattern) > 1) {
		error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET,
			  "repository %s: with layout \"%s\", match is of one name, without \"/\"", x->title,
			  r->layout);
		return NULL;
	}
	x->fd = scan_open(AT_FDCWD, x->path, true);
	if (x->fd < 0) {
		error_sys(e, "repository %s: %s", x->title, x->path);
		return NULL;
	}
	bool once = finder && finder->open;
	if ((once && !(x->opened = finder->open(x->path, e))) || (!finder && read_all(x, e) < 0) ||
	    names_build(&x->names, e) < 0) {
		error_prefix(e, "repository %s", x->title);
		return NULL;
	}
	x->only = NULL;
	return take(guard);
}

/* One search for one host. */
struct search {
	struct catalog_index *x;
	struct files_walk walk;
	struct guess guess;
	int fd; /* of the place that was used last */
	uint32_t place;
	bool any; /* name of this host is in the index */
};

static int pattern_hit(void *ctx, const struct names_entry *it, struct error *e)
{
	struct search *s = ctx;
	const struct place *in = &s->x->places.items[it->place];
	s->any = true;
	/* The repository's own descriptor is only looked up in: its position is of no use. */
	int fd = *in->rel ? s->fd : s->x->fd;
	if (*in->rel && (fd < 0 || s->place != it->place)) {
		close_auto(&s->fd);
		s->place = it->place;
		fd = s->fd = scan_open(s->x->fd, in->rel, false);
		if (fd < 0) {
			if (errno == ENOENT) /* removed since the repository was read */
				return 0;
			return error_sys(e, "%s/%s", s->x->path, in->rel);
		}
	}
	return files_walk_entry(&s->walk, fd, in, (size_t)pattern_host_level(s->x->pattern),
				names_text(&s->x->names, it), it->type, e);
}

static int guess_hit(void *ctx, const struct names_entry *it, struct error *e)
{
	struct search *s = ctx;
	const char *name = names_text(&s->x->names, it), *host = s->guess.host;
	const char *day = it->place ? s->x->places.items[it->place - 1].rel : "";
	autofree char *rel = text_format("%s%s%s", day, *day ? "/" : "", name);
	if (!rel)
		return error_nomem(e);
	if (it->key == NAMES_WORDS) {
		char finished[NAME_LIMIT + 1];
		const char *look = partial_finished_name(name, finished) ? finished : name;
		if (name_host_rank(look, strlen(look), host) < 3)
			return 0;
		s->any = true;
		return guess_add(&s->guess, s->x->path, NULL, rel, SCAN_FILE, e);
	}
	if (strcasecmp(name, host))
		return 0;
	s->any = true;
	autoclose int fd = scan_open(s->x->fd, rel, false);
	if (fd >= 0)
		return guess_walk(&s->guess, fd, s->x->path, NULL, rel, 2, e);
	if (errno == ENOENT)
		return 0;
	if (errno == ENOTDIR || errno == ELOOP) {
		autofree char *path = text_format("%s/%s", s->x->path, rel);
		return path ? links_add(&s->guess.links, s->x->fd, rel, path, rel, e) : error_nomem(e);
	}
	return error_sys(e, "%s/%s: directory can't be read", s->x->path, rel);
}

static int tell_unreadable(const struct catalog_index *x, const struct strings *dirs, const char *host, struct error *e)
{
	char more[48] = "";
	if (dirs->count > 1)
		snprintf(more, sizeof more, " (and %zu more)", dirs->count - 1);
	return error_set(e, ERROR_IO, ERROR_NO_OFFSET,
			 "repository %s: can't read the directory %s/%s%s: backups of %s may be there",
			 x->title, x->path, dirs->items[0], more, host);
}

/* Links to directories, as far as the newest may be in one of them: all where there is none, else by its date. */
static const char *link_in_the_way(const struct strings *links, const struct catalog *out)
{
	for (size_t i = 0; i < links->count; i++) {
		const char *name = path_base(links->items[i]);
		struct civil c;
		struct span where;
		int64_t from, to;
		if (!out->count)
			return links->items[i];
		if (!name_is_time(name) || !name_time_find(name, strlen(name), &c, &where))
			continue;
		civil_range(&c, &from, &to);
		if (from > out->items[0].order)
			return links->items[i];
	}
	return NULL;
}

/* Nothing found is an answer only where everything could be looked at. 1: it changed meanwhile. */
static int answer(struct search *s, const char *host, struct catalog *out, struct error *e)
{
	const struct catalog_index *x = s->x;
	if (s->walk.unreadable.count)
		return tell_unreadable(x, &s->walk.unreadable, host, e);
	/* {date}/{host}: what is older must not be taken for the newest, which may be in there. */
	for (size_t i = 0; i < x->unreadable.count; i++)
		if (name_is_time(x->unreadable.items[i]))
			return tell_unreadable(x, &x->unreadable, host, e);
	int rc = x->pattern ? candidates_assemble(&s->walk.found, out, e) : guess_finish(&s->guess, out, e);
	if (rc < 0 && !x->pattern)
		error_prefix(e, "repository %s", x->title);
	if (rc)
		return rc;
	const char *link = link_in_the_way(&s->walk.links, out);
	link = link ? link : link_in_the_way(&x->links, out);
	if (!out->count && x->unreadable.count)
		rc = tell_unreadable(x, &x->unreadable, host, e);
	else if (link)
		rc = error_set(e, ERROR_UNSUPPORTED, ERROR_NO_OFFSET,
			       "repository %s: %s/%s is a link to a directory, and those are not followed: "
			       "make its target a repository", x->title, x->path, link);
	if (rc < 0)
		catalog_free(out);
	return rc;
}

static int search(struct search *s, struct error *e)
{
	struct catalog_index *x = s->x;
	if (!x->pattern)
		return names_find(&x->names, s->guess.host, guess_hit, s, e);
	if (pattern_host_level(x->pattern) >= 0)
		return names_find(&x->names, s->walk.host, pattern_hit, s, e);
	/* Its own descriptor: x->fd's position is shared. */
	struct place root = {.rel = "", .key = ""};
	autoclose int fd = scan_open(x->fd, ".", false);
	if (fd < 0)
		return error_sys(e, "repository %s: %s", x->title, x->path);
	return files_walk_below(&s->walk, fd, &root, 0, e);
}

/* Of what a program has laid out, a pattern says which are meant: by the point's name, or by its first file's. */
static void keep_matching(const struct pattern *p, const char *host, struct catalog *out)
{
	static const struct captures none;
	struct pattern_match m;
	size_t kept = 0;
	for (size_t i = 0; i < out->count; i++) {
		struct restore_point *it = &out->items[i];
		const char *path = it->count ? it->items[0].path : "", *slash = strrchr(path, '/');
		if (pattern_match(p, 0, it->label, host, &none, &m) ||
		    (slash && pattern_match(p, 0, slash + 1, host, &none, &m)))
			out->items[kept++] = *it;
		else
			point_free(it);
	}
	out->count = kept;
}

/* *any: there are names of this host, whatever became of the files. */
static int find_files(struct catalog_index *x, const char *host, bool eager, struct catalog *out, bool *any,
		      struct error *e)
{
	struct search s = {.x = x, .fd = -1, .walk = {.pattern = x->pattern, .path = x->path, .host = host,
						      .found = {.eager = eager, .host = host}}};
	guess_init(&s.guess, host);
	s.guess.own = true;
	int rc = search(&s, e);
	if (!rc)
		rc = answer(&s, host, out, e);
	*any = s.any;
	close_auto(&s.fd);
	files_walk_free(&s.walk);
	guess_free(&s.guess);
	return rc;
}

/* known: what is not there any more does not matter. */
static int newest_of(struct catalog_index *x, const char *host, size_t newest, bool known, struct catalog *out,
		     struct error *e)
{
	memset(out, 0, sizeof *out);
	if (x->owner && strcasecmp(x->owner, host))
		return 0;
	civil_zone();
	if (x->finder) {
		/* A pattern may leave out any of them. */
		const struct asked a = {.host = host, .own = x->owner || x->pattern, .match = x->pattern};
		int found = x->opened ? x->finder->find_in(x->opened, &a, x->pattern ? SIZE_MAX : newest, out, e)
				      : x->finder->find(x->path, &a, out, e);
		if (!found && x->pattern)
			keep_matching(x->pattern, host, out);
		if (found < 0)
			error_prefix(e, "repository %s", x->title);
		return found < 0 ? -1 : chains_complete(out, e);
	}
	/* What went away while names alone were looked at is gone when all of them are. */
	bool any;
	int rc = find_files(x, host, false, out, &any, e);
	if (!known && (rc > 0 || (rc == 0 && any && !out->count)))
		return catalog_free(out), 1;
	if (rc > 0)
		rc = find_files(x, host, true, out, &any, e);
	return rc < 0 ? -1 : chains_complete(out, e);
}

int catalog_index_find(struct catalog_index *x, const char *host, struct catalog *out, struct error *e)
{
	int rc = newest_of(x, host, SIZE_MAX, true, out, e);
	return rc < 0 || catalog_settle(out, 0, e) < 0 ? (catalog_free(out), -1) : 0;
}

int catalog_index_newest(struct catalog_index *x, const char *host, size_t newest, struct catalog *out, struct error *e)
{
	return newest_of(x, host, newest, x->owner != NULL, out, e);
}
