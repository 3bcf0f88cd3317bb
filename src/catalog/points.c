// SPDX-License-Identifier: GPL-3.0-or-later
#include "points.h"

#include <errno.h>
#include <fcntl.h>
#include <strings.h>
#include <sys/stat.h>

#include "backproof/text.h"
#include "label.h"

void found_free(struct found_points *l)
{
	vec_each (&l->points, p) {
		free(p->label);
		free(p->guest);
		free(p->number);
		free(p->unfinished);
		free(p->missing);
		strings_free(&p->files);
		strings_free(&p->notes);
	}
	vec_free(&l->points);
	vec_each (&l->unread, u) {
		free(u->label);
		free(u->why);
	}
	vec_free(&l->unread);
	links_free(&l->links);
}

static bool fits_match(const struct asked *a, const char *name)
{
	static const struct captures none;
	struct pattern_match m;
	return pattern_match(a->match, 0, name, a->host, &none, &m);
}

/* By its name, or by its first file's. */
static bool is_meant(const struct found_point *p, const struct asked *a)
{
	if (a->list && strcmp(p->label, a->list))
		return false;
	return !a->match || fits_match(a, p->label) ||
	       (p->files.count && fits_match(a, path_base(p->files.items[0])));
}

/* The pattern names the number of this guest: another's would not fit it. */
static bool match_has_number(const struct found_point *p, const struct asked *a)
{
	char label[NAME_LIMIT + 1], file[NAME_LIMIT + 1];
	const char *at = strstr(p->label, p->number), *base = p->files.count ? path_base(p->files.items[0]) : p->label;
	size_t n = strlen(p->label), m = strlen(base);
	if (!at || !is_meant(p, a) || m > NAME_LIMIT || m < n || memcmp(base, p->label, n))
		return false;
	memcpy(file, base, m + 1);
	for (size_t i = (size_t)(at - p->label), end = i + strlen(p->number); i < end; i++)
		file[i] = file[i] == '9' ? '8' : '9';
	memcpy(label, file, n);
	label[n] = 0;
	return !fits_match(a, label) && !fits_match(a, file);
}

int found_rank(const struct found_point *p, const struct asked *a)
{
	if (p->number && (!strcmp(p->number, a->host) || (a->own && a->match && match_has_number(p, a))))
		return FOUND_EXACT;
	/* What its own files say is all that counts: a label of numbers may hold any word. */
	if (!p->guest && a->here && !p->number)
		return 3;
	if (!p->guest)
		return p->number ? 0 : name_host_rank(p->label, strlen(p->label), a->host);
	if (!strcasecmp(p->guest, a->host))
		return FOUND_EXACT;
	/* It is the machine's own name: with a word more it is another machine, that may be a copy of the host. */
	if (!name_is_hosts(p->guest, a->host))
		return 0;
	int rank = strchr(a->host, '.') ? 2 : !a->strangers && name_has_domain(p->guest);
	return rank && a->kin ? FOUND_EXACT : rank;
}

int found_add_missing(struct found_point *p, const char *file)
{
	return p->missing || (p->missing = strdup(file)) ? 0 : -1;
}

bool found_list_is_elsewhere(const char *list)
{
	struct stat st;
	return lstat(list, &st) == 0 && S_ISLNK(st.st_mode) && stat(list, &st) == 0;
}

static int set_missing(struct restore_point *to, const char *file, const char *why)
{
	return to->missing || (to->missing = text_format("%s names the file %s, %s", to->label, file, why)) ? 0 : -1;
}

/* Of what is listed, some may be no file (any more). */
static int add_files(struct restore_point *to, const struct strings *paths, bool note, struct error *e)
{
	for (size_t i = 0; i < paths->count; i++) {
		struct candidate c = {.partial = false};
		int found = candidate_look(AT_FDCWD, paths->items[i], paths->items[i], &c, e);
		if (found < 0)
			return -1;
		/* Nothing is restored from a note. */
		if (!found && !note && set_missing(to, path_base(paths->items[i]), "and there is no such file") < 0)
			return error_nomem(e);
		if (!found)
			continue;
		struct point_file *f = vec_push(to);
		if (!f)
			return error_nomem(e);
		*f = (struct point_file){
			.path = strdup(paths->items[i]), .size = c.size, .mtime = c.mtime, .note = note};
		if (!f->path)
			return error_nomem(e);
	}
	return 0;
}

/* Links that lead nowhere, say: something is wrong with them, which is not that they are gone. */
static bool is_there(const struct strings *paths)
{
	struct stat st;
	for (size_t i = 0; i < paths->count; i++)
		if (lstat(paths->items[i], &st) == 0)
			return true;
	return false;
}

static int add_point(const struct found_point *p, const struct asked *a, struct catalog *out, struct error *e)
{
	struct restore_point *to = vec_push(out);
	if (!to || !(to->label = strdup(p->label)))
		return error_nomem(e);
	to->todo |= (p->guest || p->number || a->here ? POINT_TOLD : 0U) | (p->bare ? POINT_BARE : 0U);
	if (p->missing && set_missing(to, p->missing, "which is not beside it") < 0)
		return error_nomem(e);
	if (add_files(to, &p->files, false, e) < 0)
		return -1;
	if (!to->count && !is_there(&p->files)) { /* retention took it away meanwhile */
		point_free(to);
		out->count--;
		return 0;
	}
	int rc = add_files(to, &p->notes, true, e);
	civil_range(&p->civil, &to->named_from, &to->named_to);
	to->named_zone = p->civil.has_zone;
	point_set_order(to);
	return rc;
}

/* Of which nothing but names is left: that is said only of the newest. */
static void drop_hollow(struct catalog *out)
{
	size_t kept = 0;
	for (size_t i = 0; i < out->count; i++) {
		struct restore_point *it = &out->items[i];
		bool whole = false;
		vec_each(it, f)
			whole = whole || !f->note;
		if (whole || (!i && it->missing))
			out->items[kept++] = *it;
		else
			point_free(it);
	}
	out->count = kept;
}

/* Of an unfinished one, what there is of it; a log where nothing else is left. */
static int add_unfinished(const struct found_point *p, struct catalog *out, struct error *e)
{
	const struct strings *from = p->files.count ? &p->files : &p->notes;
	int64_t newest = out->count ? point_newest(&out->items[0]) : INT64_MIN;
	for (size_t i = 0; i < from->count; i++) {
		struct candidate c = {.partial = true};
		int found = candidate_look(AT_FDCWD, from->items[i], from->items[i], &c, e);
		if (found < 0)
			return -1;
		if (found && c.mtime >= newest && strings_add(&out->partial, from->items[i]) < 0)
			return error_nomem(e);
	}
	return 0;
}

/* Only labels say whose they are. */
static bool only_labels(const struct found_points *l)
{
	vec_each (&l->points, p)
		if (p->guest || p->number)
			return false;
	return true;
}

int found_choose(const struct found_points *l, const struct asked *a, int least, struct catalog *out, struct error *e)
{
	bool labels = only_labels(l);
	int rc = 0;
	vec_each (&l->points, p)
		if (!rc && !p->unfinished && found_rank(p, a) >= least && is_meant(p, a))
			rc = add_point(p, a, out, e);
	points_sort(out);
	if (!rc && labels)
		points_drop_neighbours(out, a->host);
	drop_hollow(out);
	vec_each (&l->points, p) {
		if (rc || !p->unfinished || found_rank(p, a) < least)
			continue;
		if (!labels || a->here || !out->count || !label_has_neighbour(p->label, a->host))
			rc = add_unfinished(p, out, e);
	}
	if (rc < 0)
		catalog_free(out);
	return rc;
}

/* The files that are said to be another's, and each directory of theirs. */
static int add_others(const struct found_points *l, const struct asked *a, struct error *e)
{
	struct strings *to = a->others;
	vec_each (&l->points, p)
		for (size_t i = 0; p->guest && !p->bare && !found_rank(p, a) && i < p->files.count; i++) {
			const char *path = p->files.items[i];
			autofree char *directory = strndup(path, (size_t)(path_base(path) - path));
			if (!directory || strings_add(to, directory) < 0 || strings_add(to, path) < 0)
				return error_nomem(e);
		}
	return 0;
}

bool found_same_short(const char *a, const char *b)
{
	size_t n = strcspn(a, ".");
	return n == strcspn(b, ".") && !strncasecmp(a, b, n);
}

bool found_is_of_short(const char *guest, const char *host)
{
	return guest && name_has_domain(guest) && found_same_short(guest, host);
}

bool found_is_kin(const struct found_points *l, const struct asked *a)
{
	const char *full = strchr(a->host, '.') ? a->host : NULL;
	vec_each (&l->points, p) {
		if (!found_is_of_short(p->guest, a->host))
			continue;
		if (full && strcasecmp(full, p->guest))
			return false;
		full = p->guest;
	}
	return true;
}

static int answer(const struct found_points *l, const struct asked *a, struct catalog *out, struct error *e)
{
	int best = 0;
	bool told = false, by_guest = false, exactly = !strchr(a->host, '.');
	vec_each (&l->points, p) {
		int r = found_rank(p, a);
		if ((r <= best && (told || !p->guest)) || !is_meant(p, a))
			continue;
		best = r > best ? r : best;
		told = told || p->guest;
		by_guest = by_guest || (p->guest && r);
		exactly = exactly || !p->guest || !strcasecmp(p->guest, a->host);
	}
	/* The guest of this name is the host, with a domain too; without the host's it is as much so as a name is. */
	if (a->rank)
		*a->rank = by_guest && !exactly ? 2 : by_guest || best > 3 ? 3 : best;
	if (a->others && told && *a->host && add_others(l, a, e) < 0)
		return -1;
	/* Where a file says whose each backup is, one that says nothing of this host is not its own. */
	if (!a->own)
		return best >= 3 ? found_choose(l, a, best, out, e) : 0;
	if (best || !told || !*a->host || a->list)
		return found_choose(l, a, best, out, e);
	return 0;
}

int found_answer(const struct found_points *l, const struct asked *a, struct catalog *out, struct error *e)
{
	struct asked b = *a;
	b.kin = a->own && !a->strangers && found_is_kin(l, a);
	b.strangers = a->own && !b.kin;
	vec_each (&l->points, p)
		if (a->domains && found_is_of_short(p->guest, a->host) && strings_add(a->domains, p->guest) < 0)
			return error_nomem(e);
	return answer(l, &b, out, e);
}
