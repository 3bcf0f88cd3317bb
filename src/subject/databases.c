// SPDX-License-Identifier: GPL-3.0-or-later
#include "databases.h"

#include <ctype.h>
#include <strings.h>

#include "../sample/witness/ese.h"
#include "../sample/witness/rows.h"
#include "backproof/text.h"

#define CHUNK (256 * KIB)
#define FILES_MAX 10000u
#define NUMBERS_MAX 4000000u

void databases_free(struct databases *d)
{
	vec_each(&d->files, it) free(it->path);
	vec_each(&d->logs, g)
	{
		free(g->directory);
		free(g->numbers.items);
	}
	free(d->files.items);
	free(d->logs.items);
	memset(d, 0, sizeof *d);
}

/* Asked of every file. */
static bool is_database(const char *name)
{
	size_t n = strlen(name);
	const char *suffix = n >= 4 ? name + n - 4 : "";
	if (!strcasecmp(suffix, ".edb") || !strcasecmp(suffix, ".dit") || !strcasecmp(suffix, ".mdb"))
		return true;
	return !strcasecmp(name, "srudb.dat") || !strcasecmp(name, "qmgr.db") ||
	       (!strncasecmp(name, "webcachev", 9) && n >= 13 && !strcasecmp(suffix, ".dat"));
}

/* "VOLUME:/DIRECTORY" */
static char *directory_of(const struct subject_volume *v, const char *path)
{
	const char *base = path_base(path);
	return text_format("%s:/%.*s", v->name, (int)(base - path), path);
}

/* Three letters, then nothing or a number of 5 or 8 hexadecimal digits. */
static bool read_log(const char *name, char prefix[4], bool *current, uint32_t *number)
{
	size_t n = strlen(name);
	if (n < 7 || (strcasecmp(name + n - 4, ".log") && strcasecmp(name + n - 4, ".jtx")))
		return false;
	size_t digits = n - 4 - 3;
	for (int i = 0; i < 3; i++) {
		if (!isalnum((unsigned char)name[i]))
			return false;
		prefix[i] = (char)tolower((unsigned char)name[i]);
	}
	prefix[3] = 0;
	*current = !digits;
	if (!digits)
		return true;
	if ((digits != 5 && digits != 8) || strspn(name + 3, "0123456789abcdefABCDEF") != digits)
		return false;
	*number = (uint32_t)strtoul(name + 3, NULL, 16);
	return true;
}

static int add_log(struct databases *d, const struct subject_volume *v, const char *path, const char *prefix,
		   bool current, uint32_t number, struct error *e)
{
	autofree char *directory = directory_of(v, path);
	struct log_group *group = NULL;
	if (!directory)
		return error_nomem(e);
	/* Logs follow each other in a directory. */
	for (size_t i = d->logs.count; i-- > 0 && !group;)
		if (!strcmp(d->logs.items[i].prefix, prefix) && !strcmp(d->logs.items[i].directory, directory))
			group = &d->logs.items[i];
	if (d->numbers >= NUMBERS_MAX || d->logs.count >= FILES_MAX) {
		d->incomplete = true;
		return 0;
	}
	if (!group) {
		group = vec_push(&d->logs);
		if (!group)
			return error_nomem(e);
		group->directory = take(directory);
		memcpy(group->prefix, prefix, sizeof group->prefix);
	}
	group->current |= current;
	if (current)
		return 0;
	uint32_t *to = vec_push(&group->numbers);
	if (!to)
		return error_nomem(e);
	*to = number;
	d->numbers++;
	return 0;
}

int databases_note(struct databases *d, struct subject_volume *v, const struct fs_entry *entry, struct error *e)
{
	const char *base = path_base(entry->path);
	char prefix[4];
	bool current;
	uint32_t number = 0;
	if (read_log(base, prefix, &current, &number))
		return add_log(d, v, entry->path, prefix, current, number, e);
	if (entry->size < ESE_HEADER || !is_database(base))
		return 0;
	if (d->files.count >= FILES_MAX) {
		d->incomplete = true;
		return 0;
	}
	struct database *to = vec_push(&d->files);
	if (!to || !(to->path = strdup(entry->path)))
		return error_nomem(e);
	to->volume = v;
	to->entry = *entry;
	to->entry.path = to->path;
	return 0;
}

static int by_number(const void *x, const void *y)
{
	uint32_t a = *(const uint32_t *)x, b = *(const uint32_t *)y;
	return a < b ? -1 : a > b;
}

/* The newest may still be without its number. */
static bool has_all(const struct log_group *g, uint32_t low, uint32_t high)
{
	if (high - low > g->numbers.count)
		return false;
	for (uint64_t n = low; n <= high; n++) {
		uint32_t key = (uint32_t)n;
		bool there = g->numbers.count &&
			     bsearch(&key, g->numbers.items, g->numbers.count, sizeof key, by_number);
		if (!there && !(n == high && g->current))
			return false;
	}
	return true;
}

const struct log_group *databases_logs(const struct databases *d, const char *directory, uint32_t low, uint32_t high)
{
	const struct log_group *found = NULL;
	vec_each(&d->logs, g)
	{
		if (!has_all(g, low, high))
			continue;
		if (!strcmp(g->directory, directory))
			return g;
		/* A lone current log may be anybody's: elsewhere a number has to agree. */
		found = found || !g->numbers.count ? found : g;
	}
	return found;
}

/* Windows makes these anew. */
static bool is_cache(const char *path)
{
	static const char *const parts[] = {"/SoftwareDistribution/", "/sru/", "/WebCache/", "/catroot2/",
					    "/Search/Data/", "/INetCache/", "/Temp/"};
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		if (strcasestr(path, parts[i]))
			return true;
	return false;
}

static bool is_closed(const struct subject *s)
{
	vec_each(&s->volumes, v) if (v->needed && !v->fs && !v->member) return true;
	for (size_t i = 0; i < s->part_count; i++)
		if (s->parts[i].kind == PART_UNKNOWN)
			return true;
	return false;
}

static void check_logs(const struct databases *d, const struct subject *s, const struct database *db, const char *where,
		       const struct ese_header *h, struct findings *f)
{
	autofree char *directory = directory_of(db->volume, db->path);
	const struct log_group *g = directory ? databases_logs(d, directory, h->log_low, h->log_high) : NULL;
	if (g) {
		finding_add(f, PROOF_RESTORE, "ese.logs", where, OUTCOME_HELD, NULL,
			    "logs %u to %u, which bring it up to date, are in %s", h->log_low, h->log_high,
			    g->directory);
		return;
	}
	bool unclear = d->incomplete || is_closed(s) || !directory;
	struct finding_text more = {.blame = unclear ? BLAME_DEFAULT : BLAME_INCOMPLETE};
	finding_add(f, PROOF_RESTORE, "ese.logs", where,
		    is_cache(db->path) ? OUTCOME_SKIPPED : unclear ? OUTCOME_UNPROVEN : OUTCOME_BROKEN, &more,
		    "it was in use: to be usable it needs logs %u to %u, and %s in the restore point", h->log_low,
		    h->log_high, unclear ? "they were not found" : "no directory has them all");
}

/* Reads a database up to most bytes. 1: it is one, 0: it is none, -1. */
static int scan(struct fs *fs, const struct database *db, uint64_t most, const struct check_parameters *p,
		struct ese_scan *x, struct error *e)
{
	autofree uint8_t *buf = malloc(CHUNK);
	struct stream *in = buf ? fs_open_file(fs, &db->entry, e) : NULL;
	uint64_t at = 0;
	int rc = in ? 1 : buf ? -1 : error_nomem(e);
	while (rc > 0 && at < most) {
		ssize_t n = stream_read_full(in, buf, CHUNK, e);
		if (n < 0 || budget_check(p->budget, e) < 0)
			rc = -1;
		else if (at == 0 && !ese_is_header(buf, (size_t)n) && !witness_lost_head(buf, (size_t)n))
			rc = 0;
		else if (n == 0)
			rc = stream_finish(in, e) < 0 ? -1 : 2;
		else if (ese_scan_add(x, buf, (size_t)n, e) < 0)
			rc = -1;
		if (rc != 1)
			break;
		at += (uint64_t)n;
	}
	if (rc > 0 && ese_scan_end(x, rc == 2, e) < 0)
		rc = -1;
	stream_destroy(in);
	return rc > 0 ? 1 : rc;
}

static void check_one(const struct databases *d, struct subject *s, const struct check_parameters *p, struct fs *fs,
		      const struct database *db, struct findings *f)
{
	struct error e = {.offset = ERROR_NO_OFFSET};
	uint64_t most = p->depth == DEPTH_FULL ? UINT64_MAX : p->policy->sample_bytes / 8;
	autofree char *where = text_format("%s:/%s", db->volume->name, db->path);
	autodestroy(ese_scan_free_auto) struct ese_scan *x = ese_scan_new(db->entry.size, &e);
	struct ese_sample lot = {.pages = 0};
	bool large = most < db->entry.size;
	int rc = !x || !where ? -1 : large ? ese_sample(fs, db, most, p, x, &lot, &e) : 0;
	/* Where it can't be read at random, from its beginning. */
	if (x && where && (!large || (rc < 0 && e.cls == ERROR_UNSUPPORTED)))
		rc = scan(fs, db, most, p, x, &e);
	const struct ese_header *h = x ? ese_scan_header(x) : NULL;
	if (rc == 0)
		return;
	if (rc < 0 && witness_failed(db->path, &e) == OUTCOME_SKIPPED)
		finding_add(f, PROOF_RESTORE, "ese.pages", where, OUTCOME_SKIPPED, NULL, "%s", e.text);
	else if (rc < 0)
		finding_error(f, PROOF_RESTORE, "ese.pages", where ? where : db->volume->name, &e);
	else if (lot.pages)
		finding_add(f, PROOF_RESTORE, "ese.pages", where, OUTCOME_HELD, NULL,
			    "header and %llu of %llu pages, taken by lot, hold (%llu of them written); the rest is "
			    "looked at by a full check",
			    (unsigned long long)lot.checked, (unsigned long long)lot.pages,
			    (unsigned long long)lot.held);
	else
		finding_add(f, PROOF_RESTORE, "ese.pages", where, OUTCOME_HELD, NULL,
			    "header and %llu pages hold%s", (unsigned long long)ese_scan_pages(x),
			    most < db->entry.size ? "; the rest is looked at by a full check" : "");
	if (!h || h->state != ESE_DIRTY || !where)
		return;
	finding_add(f, PROOF_RESTORE, "ese.state", where, OUTCOME_SKIPPED, NULL,
		    "it was in use when it was copied (dirty shutdown): its logs are replayed when it is next opened");
	if (h->log_high && h->log_low <= h->log_high)
		check_logs(d, s, db, where, h, f);
}

void databases_check(struct databases *d, struct subject *s, const struct check_parameters *p, struct findings *f)
{
	vec_each(&d->logs, g) if (g->numbers.count)
		qsort(g->numbers.items, g->numbers.count, sizeof *g->numbers.items, by_number);
	vec_each(&s->volumes, v)
	{
		struct fs *fs = NULL;
		struct error e = {0};
		vec_each(&d->files, db)
		{
			if (db->volume != v)
				continue;
			if (!fs && !(fs = subject_reopen(v, f, &e))) {
				finding_error(f, PROOF_RESTORE, "ese.open", v->name, &e);
				break;
			}
			check_one(d, s, p, fs, db, f);
		}
		fs_destroy(fs);
	}
}
