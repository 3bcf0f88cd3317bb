// SPDX-License-Identifier: GPL-3.0-or-later
/* Two runs beside each other: are they of the same restore point, of one kind, of one machine; is one a copy? */
#include <ctype.h>
#include <strings.h>

#include "backproof/text.h"
#include "past.h"

/* Smaller files (logs, tables, lists) need not be alike for an image to be a copy. */
#define LARGE MIB

static bool is_linked(const struct history_file *a, const struct history_file *b)
{
	return a->inode && a->inode == b->inode && a->device == b->device;
}

bool past_is_same(const struct history_record *now, const struct history_record *then)
{
	if (!now->files.count || now->files.count != then->files.count)
		return false;
	vec_each(&now->files, a)
	{
		bool found = false;
		vec_each(&then->files, b)
		{
			bool named = a->path && b->path && !strcmp(a->path, b->path);
			found |= (named || is_linked(a, b)) && a->size == b->size && a->mtime_ns == b->mtime_ns;
		}
		if (!found)
			return false;
	}
	return true;
}

/* The same but for figures: "web01/2026-11-20/web01.img.zst" and that of the next day. */
static bool same_form(const char *a, const char *b)
{
	for (;;) {
		bool digits = isdigit((unsigned char)*a) && isdigit((unsigned char)*b);
		if (!digits && *a != *b)
			return false;
		if (!*a)
			return true;
		if (!digits) {
			a++;
			b++;
			continue;
		}
		a += strspn(a, "0123456789");
		b += strspn(b, "0123456789");
	}
}

/* What follows the first dot with no figure behind it: ".img.zst", whatever the date before it. */
static const char *suffixes_of(const char *path)
{
	const char *slash = strrchr(path, '/'), *p = slash ? slash + 1 : path, *end = p + strlen(p);
	for (const char *dot = strchr(p, '.'); dot; dot = strchr(dot + 1, '.'))
		if (!isdigit((unsigned char)dot[1]))
			return dot;
	return end;
}

bool past_is_alike(const struct history_record *now, const struct history_record *then)
{
	bool forms = true, suffixes = true;
	if (!now->files.count || now->files.count != then->files.count)
		return false;
	for (size_t i = 0; i < now->files.count; i++) {
		const char *a = now->files.items[i].path, *b = then->files.items[i].path;
		if (!a || !b)
			return false;
		forms = forms && same_form(a, b);
		suffixes = suffixes && !strcmp(suffixes_of(a), suffixes_of(b));
	}
	return forms || suffixes;
}

static bool is_machine_id(const char *id)
{
	return id && strlen(id) == 32 && strspn(id, "0123456789abcdefABCDEF") == 32 && strspn(id, "0") != 32;
}

bool past_is_other_machine(const struct history_record *now, const struct history_record *then)
{
	if (is_machine_id(now->machine_id) && is_machine_id(then->machine_id))
		return strcasecmp(now->machine_id, then->machine_id) != 0;
	return now->hostname && then->hostname && *now->hostname && *then->hostname &&
	       !same_host(now->hostname, then->hostname);
}

void past_identity(const struct history_record *now, const struct history_record *then,
		   const struct check_parameters *p, struct findings *f)
{
	char when[32];
	const char *subject = now->label ? now->label : now->host;
	bool ids = is_machine_id(now->machine_id) && is_machine_id(then->machine_id);
	const char *what = ids ? "machine id" : "host name", *is = ids ? now->machine_id : now->hostname,
		   *was = ids ? then->machine_id : then->hostname;
	if (!past_is_other_machine(now, then))
		return;
	format_rfc3339(then->checked_at, when);
	/* A person has said which machine it is now. */
	bool told = ids ? p->machine_id && !strcasecmp(p->machine_id, is)
			: p->hostname_given && p->hostname && same_host(p->hostname, is);
	struct finding_text more = {.expected = was, .measured = is};
	if (told)
		finding_add(f, PROOF_IDENTITY, "history.identity", subject, OUTCOME_SKIPPED, &more,
			    "another %s than at the last safe check (%s), and the one that is asked for", what, when);
	else
		finding_add(f, PROOF_IDENTITY, "history.identity", subject, OUTCOME_BROKEN, &more,
			    "the %s inside is \"%s\", and was \"%s\" at the last safe check (%s, checked %s): "
			    "another machine (if it was set up anew, configure its %s)",
			    what, is, was, then->label ? then->label : "", when, ids ? "machine_id" : "hostname");
}

/* 1 the same bytes, 0 other bytes, -1 nobody knows: no digest of one kind is known of both. */
static int same_bytes(const struct history_file *a, const struct history_file *b)
{
	if (a->size != b->size)
		return 0;
	if (a->has_fsverity && b->has_fsverity)
		return !memcmp(a->fsverity, b->fsverity, sizeof a->fsverity);
	if (a->has_sha256 && b->has_sha256)
		return !memcmp(a->sha256, b->sha256, sizeof a->sha256);
	return -1;
}

bool past_differs(const struct history_file *a, const struct history_file *b)
{
	return same_bytes(a, b) == 0;
}

/* "web01/2026-11-20" and that of the next day: the name alone says that it is newer, or older. */
static bool is_of_series(const struct history_record *now, const struct history_record *then)
{
	return now->label && then->label && strcmp(now->label, then->label) && same_form(now->label, then->label);
}

#define DATE_DIGITS 6

/* Paths of the same form, which differ in a component with a date: not those of "nas1" and "nas2". */
static bool is_of_other_date(const char *a, const char *b)
{
	if (!a || !b || !same_form(a, b))
		return false;
	while (*a && *b) {
		size_t n = strcspn(a, "/"), m = strcspn(b, "/"), digits = 0;
		for (size_t i = 0; i < n; i++)
			digits += isdigit((unsigned char)a[i]) != 0;
		if (digits >= DATE_DIGITS && (n != m || strncmp(a, b, n)))
			return true;
		a += n + (a[n] == '/');
		b += m + (b[m] == '/');
	}
	return false;
}

uint64_t past_large(const struct history_record *now)
{
	uint64_t most = 0;
	vec_each(&now->files, a) most = a->size > most ? a->size : most;
	return most < LARGE ? most : LARGE;
}

/* What was written on top of a large disk since, however little it was: it is called as that one is, and more. */
static bool is_overlay(const struct history_record *now, const struct history_file *f, uint64_t large)
{
	static const char *const endings[] = {".qcow2", ".qed", ".vhd", ".vhdx", ".avhdx", ".vdi", NULL};
	if (!f->path || !text_ends_in(f->path, endings))
		return false;
	vec_each (&now->files, a) {
		const char *base = a->path ? path_base(a->path) : "", *own = path_base(f->path);
		size_t n = strcspn(base, ".");
		if (a->size >= large && n && !strncmp(own, base, n) && !isalnum((unsigned char)own[n]))
			return true;
	}
	return false;
}

static bool has_same(const struct history_record *then, const struct history_file *a)
{
	vec_each (&then->files, b)
		if (same_bytes(a, b))
			return true;
	return false;
}

/*
 * Every large file (all, where none is) was there before, and says that it is newer now: by its time, or by its name
 * alone. *newest is the youngest time of those. *moved: a file that was somewhere else then, or NULL; *next: and its
 * name is that of another night, not only of another place.
 */
static bool is_copy(const struct history_record *now, const struct history_record *then,
		    const struct history_file **moved, bool *next, int64_t *newest)
{
	uint64_t large = past_large(now);
	*newest = INT64_MIN;
	*moved = NULL;
	*next = false;
	if (!large)
		return false;
	vec_each(&now->files, a)
	{
		bool found = false;
		if (a->size < large && is_overlay(now, a, large) && !has_same(then, a))
			return false;
		if (a->size < large)
			continue;
		vec_each(&then->files, b)
		{
			if (same_bytes(a, b) != 1 || b->mtime_ns > a->mtime_ns)
				continue;
			/* A link, or one that was renamed, is no copy; one that was moved kept its name. */
			if (b->mtime_ns == a->mtime_ns && (!is_of_series(now, then) || is_linked(a, b)))
				continue;
			found = true;
			if (a->path && b->path && strcmp(a->path, b->path)) {
				*moved = b;
				*next |= is_of_series(now, then) || is_of_other_date(a->path, b->path);
			}
			*newest = b->mtime_ns > *newest ? b->mtime_ns : *newest;
		}
		if (!found)
			return false;
	}
	return true;
}

bool past_copy(const struct history_record *now, const struct history_record *then, const struct check_parameters *p,
	       struct findings *f)
{
	const char *subject = now->label ? now->label : now->host;
	char when[32], age[32], limit[32];
	const struct history_file *moved;
	int64_t newest;
	bool next;
	if (!is_copy(now, then, &moved, &next, &newest))
		return false;
	int64_t written = newest / 1000000000;
	bool old = p->now - written > p->policy->max_age;
	format_rfc3339(written, when);
	/* A second copy of a backup is as old as the first: only a name that promises a newer one speaks for itself. */
	if (moved && next)
		finding_add(f, PROOF_FRESHNESS, "history.copy", subject, OUTCOME_BROKEN, NULL,
			    "byte for byte the same as %s, which was written %s: an older backup under a newer name",
			    moved->path, when);
	else if (moved && old)
		finding_add(f, PROOF_FRESHNESS, "history.copy", subject, OUTCOME_BROKEN, NULL,
			    "byte for byte the same as %s, which was written %s: %s ago, more than %s", moved->path,
			    when, format_duration(p->now - written, age), format_duration(p->policy->max_age, limit));
	else if (old)
		finding_add(f, PROOF_FRESHNESS, "history.copy", subject, OUTCOME_BROKEN, NULL,
			    "the same bytes were there already, written %s: %s ago, more than %s. Only the time of the "
			    "file is newer",
			    when, format_duration(p->now - written, age), format_duration(p->policy->max_age, limit));
	return next || old;
}

void past_first_digest(const struct history_file *now, const struct history_file *then, int64_t checked_at,
		       struct findings *f)
{
	char was[65], is[65], when[32];
	const char *base = now->path ? strrchr(now->path, '/') : NULL;
	base = base ? base + 1 : now->path;
	bool tree = now->has_fsverity && then->has_fsverity;
	int same = same_bytes(now, then);
	if (same < 0 || now->mtime_ns != then->mtime_ns)
		return;
	struct finding_text more = {.expected = hex_encode(tree ? then->fsverity : then->sha256, 32, was),
				    .measured = hex_encode(tree ? now->fsverity : now->sha256, 32, is)};
	format_rfc3339(checked_at, when);
	if (same) {
		finding_add(f, PROOF_INTEGRITY, "history.digest", base, OUTCOME_SKIPPED, &more,
			    "its %s is the one that was seen first (%s)", tree ? "fs-verity digest" : "SHA-256", when);
		return;
	}
	more.error = ERROR_CORRUPT;
	finding_add(f, PROOF_INTEGRITY, "history.digest", base, OUTCOME_BROKEN, &more,
		    "%s not those that were there when it was first read (%s), though neither its size nor its time "
		    "has changed: it was altered since",
		    now->read_whole ? "its bytes are" : "the bytes that a sample of it was held against are", when);
}
