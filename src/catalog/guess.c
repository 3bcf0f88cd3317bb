// SPDX-License-Identifier: GPL-3.0-or-later
#include "guess.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>

#include "backproof/text.h"
#include "below.h"
#include "label.h"

/* A file that names no kind is a backup only if it is large. */
#define UNNAMED_MIN MIB
/* How many levels of host and date, web01/2026/11/23 say, are followed below the last one that is of any name. */
#define NAMED_LEVELS 4

void guess_init(struct guess *g, const char *host)
{
	memset(g, 0, sizeof *g);
	g->host = host;
	g->told = -1;
}

void guess_free(struct guess *g)
{
	below_free(g);
	links_free(&g->links); /* before vec_free, which clears all of *g */
	vec_each (&g->unread, u)
		free(u->rel);
	vec_free(&g->unread);
	vec_each(g, it)
		free(it->path);
	vec_free(g);
}

int guess_add(struct guess *g, const char *top, const char *top_name, const char *rel,
	      enum scan_type type, struct error *e)
{
	char finished[NAME_LIMIT + 1];
	const char *base = path_base(rel);
	if (strlen(base) > NAME_LIMIT)
		return 0;
	bool partial = partial_finished_name(base, finished);
	const char *look = partial ? finished : base;
	size_t stem;
	struct span segment;
	struct civil c;
	enum name_kind kind = name_kind(look, strlen(look), &stem, &segment);
	/* Of directories, only the unfinished ones of a dated backup are of interest as such. */
	bool dated = partial && type == SCAN_DIR && name_time_find(look, strlen(look), &c, &segment);
	if (type == SCAN_DIR ? !dated : kind == NAME_BESIDE || (partial && kind != NAME_IMAGE))
		return 0;
	struct guess_item *it = vec_push(g);
	if (!it)
		return error_nomem(e);
	it->path = text_format("%s%s%s", top, *top && top[strlen(top) - 1] == '/' ? "" : "/", rel);
	if (!it->path)
		return error_nomem(e);
	it->rel = strlen(it->path) - strlen(rel);
	it->top_name = top_name;
	it->rank = label_rank_as(rel, look, g->host);
	it->kind = kind;
	it->type = type;
	it->partial = partial;
	return 0;
}

struct walk {
	struct guess *g;
	const char *top, *top_name, *rel;
	int depth;
};

int guess_note_unread(struct guess *g, const char *rel, int rank, bool list, const struct error *why,
		      struct error *e)
{
	struct guess_unread *u = vec_push(&g->unread);
	if (!u || !(u->rel = strdup(rel)))
		return error_nomem(e);
	/* The newest of all hosts may be in there: what is older must not be taken for it. */
	u->rank = rank || !(name_is_time(rel) || name_is_piece(rel)) ? rank : 1;
	u->why = *why;
	u->list = list;
	return 0;
}

/* Further down only what is called by the host, or by a date or a piece of one, holds backups rather than files. */
static bool leads_on(const struct walk *w, const char *name)
{
	if (w->depth > 0)
		return true;
	bool date = isdigit((unsigned char)*name) && !name[strspn(name, "0123456789-_.:TZ")];
	return w->depth > -NAMED_LEVELS && (date || name_host_rank(name, strlen(name), w->g->host));
}

static int walk_directory(struct walk *w, int dir, const char *name, const char *rel,
			  struct error *e)
{
	/* Hidden directories belong to snapshots, tools and unfinished transfers. */
	if (is_partial_name(name))
		return guess_add(w->g, w->top, w->top_name, rel, SCAN_DIR, e);
	if (!leads_on(w, name) || scan_is_system_dir(name))
		return 0;
	autoclose int fd = scan_open(dir, name, false);
	if (fd < 0) {
		struct error why;
		if (errno == ENOENT || errno == ENOTDIR || errno == ELOOP)
			return 0;
		error_sys(&why, "%s/%s: directory can't be read", w->top, rel);
		return guess_note_unread(w->g, rel, label_rank(rel, w->g->host), false, &why, e);
	}
	return guess_walk(w->g, fd, w->top, w->top_name, rel, w->depth - 1, e);
}

static int add_link(struct walk *w, int dir, const char *name, const char *rel, struct error *e)
{
	if (!leads_on(w, name) || is_partial_name(name) || scan_is_system_dir(name))
		return 0;
	autofree char *path = text_format("%s/%s", w->top, rel);
	return path ? links_add(&w->g->links, dir, name, path, rel, e) : error_nomem(e);
}

static int visit(void *ctx, int dir, const char *name, enum scan_type type, struct error *e)
{
	struct walk *w = ctx;
	if (type == SCAN_OTHER)
		return 0;
	autofree char *rel = text_format("%s%s%s", w->rel, *w->rel ? "/" : "", name);
	if (!rel)
		return error_nomem(e);
	const struct finder *row = w->g->below ? finder_hinted(name, type == SCAN_DIR) : NULL;
	if (w->g->below && !row && type == SCAN_LINK)
		row = finder_hinted(name, true);
	bool within = row && row->levels < 0 && type != SCAN_DIR && type != SCAN_LINK;
	if (row && below_add(w->g, row, w->top, w->rel, within ? "" : name, e) < 0)
		return -1;
	if (type == SCAN_DIR)
		return walk_directory(w, dir, name, rel, e);
	if (type == SCAN_LINK && add_link(w, dir, name, rel, e) < 0)
		return -1;
	return guess_add(w->g, w->top, w->top_name, rel, type, e);
}

int guess_walk(struct guess *g, int fd, const char *top, const char *top_name, const char *rel,
	       int depth, struct error *e)
{
	struct walk w = {g, top, top_name, rel, depth};
	bool unreadable = false;
	autofree char *shown = text_format("%s%s%s", top, *rel ? "/" : "", rel);
	if (!shown)
		return error_nomem(e);
	struct error why;
	if (links_entered(&g->links, fd) < 0)
		return error_nomem(e);
	if (scan_dir(fd, shown, visit, &w, &unreadable, &why) == 0)
		return 0;
	if (unreadable && *rel)
		return guess_note_unread(g, rel, label_rank(rel, g->host), false, &why, e);
	if (e)
		*e = why;
	return -1;
}

/* -1 memory, 0 not a file (any more), 1 added to cs. */
static int select_item(const struct guess *g, const struct guess_item *it, uint64_t least, struct candidates *cs,
		       struct error *e)
{
	struct candidate c = {.partial = it->partial, .path = it->path};
	if (!it->partial && guess_describe(&c, &cs->texts, it->top_name, it->path, it->rel, e) < 0)
		return -1;
	/* A regular file that names its time need not be looked at before it is known to be wanted. */
	bool later = !g->eager && !it->partial && !least && it->type == SCAN_FILE && c.named_to;
	int found = later ? 1 : candidate_look(AT_FDCWD, it->path, it->path, &c, e);
	if (found == 0 && c.lost && !it->partial && !least)
		return candidates_add_lost(cs, &c) ? 1 : error_nomem(e);
	if (found <= 0 || c.size < least)
		return found < 0 ? -1 : 0;
	struct candidate *to = vec_push(cs);
	if (!to)
		return error_nomem(e);
	*to = c;
	return 1;
}

/* Of one tier: the items that fit the host best. */
static int select_tier(struct guess *g, bool images, struct candidates *cs, int *best,
		       struct error *e)
{
	*best = 0;
	vec_each(g, it)
		if (!it->partial && (it->kind == NAME_IMAGE) == images && it->rank > *best)
			*best = it->rank;
	vec_each(g, it) {
		if (it->partial || (it->kind == NAME_IMAGE) != images ||
		    (!g->own && it->rank < *best))
			continue;
		if (select_item(g, it, images ? 0 : UNNAMED_MIN, cs, e) < 0)
			return -1;
	}
	return 0;
}

/* Of another host nothing is needed, unless it may be this one's after all; nor a list older than what is there. */
static int check_unread(const struct guess *g, int best, bool none, const struct catalog *out, struct error *e)
{
	const struct guess_unread *worst = NULL;
	vec_each (&g->unread, u)
		if ((g->own || u->rank > 0 || none || best == 0) && (!worst || u->rank > worst->rank) &&
		    !(u->list && out->count && label_is_older(u->rel, out->items[0].order)))
			worst = u;
	if (worst && e)
		*e = worst->why;
	return worst ? -1 : 0;
}

static int finish(struct guess *g, struct catalog *out, struct error *e)
{
	struct candidates cs = {.eager = g->eager, .host = g->host};
	/* Nobody else's is in a directory of the host's own. */
	vec_each(g, it) {
		if (it > g->items && it->rel == it[-1].rel && !memcmp(it->path, it[-1].path, it->rel))
			continue;
		autofree char *top = strndup(it->path, it->rel);
		if (!top)
			return error_nomem(e);
		if (label_rank(top, g->host) == 3 && !label_has_neighbour(top, g->host))
			cs.host = NULL;
	}
	int best = 0, rc = select_tier(g, true, &cs, &best, e);
	if (!rc && cs.count == cs.lost && g->told < 0)
		rc = select_tier(g, false, &cs, &best, e);
	bool none = cs.count == cs.lost && g->told < 0;
	best = best < g->told ? g->told : best;
	vec_each(g, it)
		if (!rc && it->partial && (g->own || it->rank >= best) &&
		    select_item(g, it, 0, &cs, e) < 0)
			rc = -1;
	if (!rc)
		rc = candidates_assemble(&cs, out, e);
	if (!rc && g->told >= 0)
		rc = below_merge(g, out, e);
	if (!rc && g->told >= 0 && cs.host)
		points_drop_neighbours(out, g->host);
	if (!rc)
		rc = check_unread(g, best, none, out, e);
	/* Where no name says whose they are, all count. */
	if (!rc)
		rc = links_check(&g->links, g->host, g->own || best == 0, out, e);
	candidates_free(&cs);
	if (rc < 0)
		catalog_free(out);
	return rc;
}

int guess_finish(struct guess *g, struct catalog *out, struct error *e)
{
	int rc = finish(g, out, e);
	if (rc <= 0)
		return rc;
	g->eager = true;
	return finish(g, out, e);
}
