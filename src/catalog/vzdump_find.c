// SPDX-License-Identifier: GPL-3.0-or-later
/* Whose backups they are. From the newest night back, until there are enough of a host. */
#include <strings.h>

#include "points.h"
#include "vzdump_index.h"

static char *full_path(const struct vzdump_index *v, const struct vzdump_file *f)
{
	return text_format("%s/%s", v->path, vzdump_text(v, f->name));
}

static int copy_point(const struct vzdump_index *v, size_t index, struct found_points *to)
{
	const struct vzdump_point *p = &v->points.items[index];
	const struct vzdump_file *files[VZDUMP_FILES];
	const char *label = vzdump_text(v, p->label);
	struct span number;
	size_t stem, n = vzdump_files(v, p, files);
	bool image = false;
	struct found_point *f = vec_push(&to->points);
	if (!f || !(f->label = strndup(label, p->stem)) ||
	    !(f->number = strndup(label + p->number_from, (size_t)(p->number_to - p->number_from))) ||
	    (p->told.guest && !(f->guest = strdup(p->told.guest))) ||
	    (p->told.unfinished && !(f->unfinished = strdup(p->told.unfinished))))
		return -1;
	vzdump_name(label, &stem, &number, &f->civil);
	for (size_t i = 0; i < n; i++)
		image = image || vzdump_is_image(files[i]);
	/* Of a log alone nothing is left to be told of, but that its job failed. */
	bool nothing = !image && p->told.unfinished == vzdump_only_log;
	for (size_t i = 0; i < n && !nothing; i++) {
		autofree char *path = full_path(v, files[i]);
		if (!path || strings_add(vzdump_is_image(files[i]) ? &f->files : &f->notes, path) < 0)
			return -1;
	}
	return 0;
}

struct picking {
	const struct vzdump_index *v;
	const struct asked *a;
	VEC(size_t) picked; /* points */
	bool stranger;	    /* another machine has its name, in another domain */
};

/* An entry that may be the host's: is it, and is it a new one? */
static int pick(void *ctx, const struct names_entry *it, struct error *e)
{
	struct picking *s = ctx;
	const struct vzdump_point *p = &s->v->points.items[it->place];
	const char *label = vzdump_text(s->v, p->label);
	char number[NAME_LIMIT + 1];
	size_t len = (size_t)(p->number_to - p->number_from);
	memcpy(number, label + p->number_from, len);
	number[len] = 0;
	const struct found_point point = {.guest = p->told.guest, .number = number, .label = number};
	bool same = found_is_of_short(point.guest, s->a->host);
	if (same && s->a->domains && strings_add(s->a->domains, point.guest) < 0)
		return error_nomem(e);
	if (found_rank(&point, s->a) < FOUND_EXACT) {
		s->stranger = s->stranger || same;
		return 0;
	}
	for (size_t i = s->picked.count; i-- > 0;)
		if (s->picked.items[i] == it->place)
			return 0;
	size_t *to = vec_push(&s->picked);
	if (!to)
		return error_nomem(e);
	*to = it->place;
	return 0;
}

static int by_label(const void *x, const void *y)
{
	const struct found_point *a = x, *b = y;
	return strcmp(a->label, b->label);
}

static void sort(struct found_points *found)
{
	if (found->points.count)
		qsort(found->points.items, found->points.count, sizeof *found->points.items, by_label);
}

/*
 * a->kin may be taken back. found: what the nights up to there have of the host. More are looked at until as many as
 * asked for are there.
 */
static int find_nights(struct vzdump_index *v, struct asked *a, size_t newest, struct found_points *found,
		       struct catalog *out, struct error *e)
{
	const char *dot = a->kin ? strchr(a->host, '.') : NULL;
	autofree char *bare = dot ? strndup(a->host, (size_t)(dot - a->host)) : NULL;
	size_t finished = 0;
	if (dot && !bare)
		return error_nomem(e);
	vec_each (&v->nights, n) {
		struct picking s = {.v = v, .a = a};
		int rc = vzdump_read_night(v, n, e);
		if (!rc)
			rc = names_find(&n->guests, a->host, pick, &s, e);
		if (!rc && bare)
			rc = names_find(&n->guests, bare, pick, &s, e);
		for (size_t i = 0; i < s.picked.count && !rc; i++) {
			finished += !v->points.items[s.picked.items[i]].told.unfinished;
			rc = copy_point(v, s.picked.items[i], found) < 0 ? error_nomem(e) : 0;
		}
		bool more = s.picked.count;
		a->kin = a->kin && !s.stranger;
		vec_free(&s.picked);
		if (!rc && more && finished >= newest) {
			sort(found);
			rc = found_choose(found, a, FOUND_EXACT, out, e);
			if (!rc && out->count >= newest)
				return 0;
			/* Some are gone meanwhile. */
			catalog_free(out);
		}
		if (rc < 0)
			return -1;
	}
	sort(found);
	return found->points.count ? found_choose(found, a, FOUND_EXACT, out, e) : 0;
}

static bool same_guest(const struct vzdump_index *v, const struct vzdump_point *p, const char *label)
{
	struct span number;
	struct civil c;
	size_t stem, n = (size_t)(p->number_to - p->number_from);
	/* A label has no ending and is of no kind, but its number is told. */
	(void)vzdump_name(label, &stem, &number, &c);
	return number.to - number.from == n &&
	       !memcmp(label + number.from, vzdump_text(v, p->label) + p->number_from, n);
}

static bool has_image(const struct vzdump_index *v, const struct vzdump_point *p)
{
	const struct vzdump_file *files[VZDUMP_FILES];
	for (size_t i = 0, n = vzdump_files(v, p, files); i < n; i++)
		if (vzdump_is_image(files[i]))
			return true;
	return false;
}

/*
 * Of a point it is not known whose it is, since its notes can't be read or nothing tells. May it be the host's newest?
 * A guest keeps its number: what has another is another guest's, unless nothing of the host was found.
 */
static bool may_be_newest(const struct vzdump_index *v, const struct vzdump_point *p, const struct asked *a,
			  const struct catalog *out)
{
	bool own = a->here || (!out->count && p->told.unread);
	if (p->told.guest || p->told.unfinished || !has_image(v, p))
		return false;
	for (size_t i = 0; i < out->count; i++) {
		const char *label = out->items[i].label;
		if (strlen(label) == p->stem && !strncmp(label, vzdump_text(v, p->label), p->stem))
			return false;
		own = own || same_guest(v, p, label);
	}
	return own;
}

/* Nothing as new as the newest of them may be the host's, too. Those nights were read; all, where there is none. */
static int check_unread(const struct vzdump_index *v, const struct asked *a, const struct catalog *out, struct error *e)
{
	vec_each (&v->points, p) {
		if (out->count && p->time < out->items[0].order)
			break;
		if (!may_be_newest(v, p, a, out))
			continue;
		error_set(e, ERROR_IO, ERROR_NO_OFFSET, "%.*s may be of %s, and whose it is can't be told: %s", p->stem,
			  vzdump_text(v, p->label), a->host,
			  p->told.unread ? p->told.unread : "neither a log nor notes say so");
		if (!a->unread)
			return -1;
		autofree char *label = strndup(vzdump_text(v, p->label), p->stem);
		return label && strings_add(a->unread, label) == 0 && strings_add(a->unread, e->text) == 0
			       ? 0
			       : error_nomem(e);
	}
	return 0;
}

/* All that there is, whoever's it is. */
static int find_all(struct vzdump_index *v, const struct asked *a, struct found_points *found, struct catalog *out,
		    struct error *e)
{
	int rc = 0;
	vec_each (&v->nights, n)
		rc = rc ? rc : vzdump_read_night(v, n, e);
	for (size_t i = 0; i < v->points.count && !rc; i++)
		rc = copy_point(v, i, found) < 0 ? error_nomem(e) : 0;
	sort(found);
	return rc ? rc : found_answer(found, a, out, e);
}

/* Without the host's domain a guest is as much the host as a name is. */
static bool is_exact(const struct found_points *found, const char *host)
{
	vec_each (&found->points, p)
		if (!p->guest || !strcasecmp(p->guest, host))
			return true;
	return !strchr(host, '.');
}

int vzdump_index_find(struct vzdump_index *v, const struct asked *a, size_t newest, struct catalog *out,
		      struct error *e)
{
	struct found_points found = {{0}};
	memset(out, 0, sizeof *out);
	struct asked kin = *a;
	/* A pattern without a host may say whose they are by their numbers. */
	bool numbers = a->own && a->match && pattern_host_level(a->match) < 0;
	kin.kin = a->own && !a->strangers;
	int rc = numbers ? 0 : find_nights(v, &kin, newest, &found, out, e);
	if (!rc && a->own && !numbers && !(kin.kin && found_is_kin(&found, a))) {
		catalog_free(out);
		found_free(&found);
		kin.kin = false;
		rc = find_nights(v, &kin, newest, &found, out, e);
	}
	if (a->rank)
		*a->rank = is_exact(&found, a->host) ? 3 : 2;
	if (!rc && a->own && !found.points.count)
		rc = find_all(v, a, &found, out, e);
	if (!rc && check_unread(v, a, out, e) < 0) {
		catalog_free(out);
		rc = -1;
	}
	found_free(&found);
	return rc;
}
