// SPDX-License-Identifier: GPL-3.0-or-later
/* An archive is seen once: everything that is wanted of it is taken in passing. */
#include "archive_tree.h"
#include "backproof/text.h"
#include "facts.h"
#include "parts.h"
#include "traits.h"
#include "trial.h"

#define CHUNK (256 * KIB)
#define KEPT_FILE (64 * MIB)
#define HOLES_DIGESTED (4 * GIB) /* of all members: no package has such files, and an archive may claim exabytes */

struct pass {
	struct subject *s;
	struct part *pt;
	const struct check_parameters *p;
	struct findings *f;
	struct archive_reader *reader;
	struct trial trial;
	struct digest *md5, *sha1, *sha256;
	unsigned mask; /* digests that the package databases of this tree need */
	uint8_t *buf;
	struct traits_walk traits;
	uint64_t members, files, bytes, escapes;
	uint64_t holes; /* bytes of those that were digested */
	bool root;	/* what tells when the system was last alive is in this archive: /etc, or /var */
	int64_t newest; /* newest mtime that is not in the future */
	char *newest_path;
	/* of the present member */
	bool digesting, undigested; /* ... and not all of it, for its holes */
	char *kept;
	size_t kept_length, kept_size;
};

/* Where package managers put files; what they don't own is not worth a digest each. */
static bool is_package_path(const char *path)
{
	static const char *const roots[] = {"usr/", "bin/", "sbin/", "lib", "boot/", "opt/"};
	for (size_t i = 0; i < ARRAY_SIZE(roots); i++)
		if (!strncmp(path, roots[i], strlen(roots[i])))
			return true;
	return false;
}

static void digest_data(struct pass *x, const void *data, size_t n)
{
	if (x->mask & 1u << DIGEST_MD5)
		digest_update(x->md5, data, n);
	if (x->mask & 1u << DIGEST_SHA1)
		digest_update(x->sha1, data, n);
	if (x->mask & 1u << DIGEST_SHA256)
		digest_update(x->sha256, data, n);
}

static ssize_t member_read(void *ctx, void *buf, size_t cap, struct error *e)
{
	struct pass *x = ctx;
	ssize_t n = archive_reader_data(x->reader, buf, cap, e);
	if (n <= 0)
		return n;
	if (x->digesting)
		digest_data(x, buf, (size_t)n);
	if (x->kept && x->kept_length + (size_t)n <= x->kept_size) {
		memcpy(x->kept + x->kept_length, buf, (size_t)n);
		x->kept_length += (size_t)n;
	}
	x->bytes += (uint64_t)n;
	if (x->p->budget)
		x->p->budget->bytes_decoded += (uint64_t)n;
	return n;
}

static int restore_member(struct pass *x, const struct archive_member *m, struct restored *it,
			  struct error *e)
{
	struct restore_input in = {.entry = &m->entry,
				   .link = m->link,
				   .read = member_read,
				   .ctx = x,
				   .native = m->native};
	struct error why = {0};
	x->s->sample.chosen++;
	if (restore_entry(x->trial.restorer, &in, it, &why) == 0)
		return 0;
	x->trial.failed++;
	finding_error(x->f, PROOF_RESTORE, "restore.write", x->pt->name, &why);
	/* Scratch failing ends nothing; the archive failing ends the pass. */
	if (why.cls == ERROR_CORRUPT || why.cls == ERROR_INTERNAL) {
		*e = why;
		return -1;
	}
	return 0;
}

/* A hole that nobody has to see is not made into zeros first. */
static int pass_hole(struct pass *x, struct error *e)
{
	uint64_t hole;
	if (x->kept)
		return 0;
	if (archive_reader_skip_hole(x->reader, &hole, e) < 0)
		return -1;
	x->bytes += hole;
	if (x->p->budget)
		x->p->budget->bytes_decoded += hole;
	x->undigested |= hole > HOLES_DIGESTED - x->holes;
	if (!x->digesting || x->undigested)
		return 0;
	x->holes += hole;
	memset(x->buf, 0, hole < CHUNK ? (size_t)hole : CHUNK);
	for (size_t n; hole; hole -= n) {
		n = hole < CHUNK ? (size_t)hole : CHUNK;
		digest_data(x, x->buf, n);
	}
	return 0;
}

/* Reads the data of a regular file once, for all who want it. */
static int take_data(struct pass *x, const struct archive_member *m, struct error *e)
{
	struct restored *slot = NULL;
	bool critical = trial_is_critical(&x->trial, x->p->policy, m->entry.path);
	if (critical)
		slot = vec_push(&x->trial.critical);
	else if (!m->escapes)
		slot = trial_draw(&x->trial, m->entry.size);
	if (critical && !slot)
		return error_nomem(e);
	if (slot && restore_member(x, m, slot, e) < 0)
		return -1;
	for (;;) {
		if (pass_hole(x, e) < 0)
			return -1;
		ssize_t n = member_read(x, x->buf, CHUNK, e);
		if (n <= 0)
			return (int)n;
		if (budget_check(x->p->budget, e) < 0)
			return -1;
	}
}

static int start_digests(struct pass *x, struct error *e)
{
	return digest_reset(x->md5, e) < 0 || digest_reset(x->sha1, e) < 0 ||
			       digest_reset(x->sha256, e) < 0
		       ? -1
		       : 0;
}

static int add_seen(struct pass *x, const struct archive_member *m, struct error *e)
{
	uint8_t out[DIGEST_MAX];
	struct seen_file *seen = vec_push(&x->s->tree->seen);
	if (!seen || !(seen->path = strdup(m->entry.path)))
		return error_nomem(e);
	seen->order = x->s->tree->next_order++;
	seen->mtime = m->entry.mtime;
	seen->size = m->entry.size;
	if (m->hardlink) {
		seen->alias = strdup(m->hardlink);
		return seen->alias ? 0 : error_nomem(e);
	}
	seen->mask = x->undigested ? 0 : x->mask;
	if (digest_final(x->md5, out, e) < 0)
		return -1;
	memcpy(seen->md5, out, sizeof seen->md5);
	if (digest_final(x->sha1, out, e) < 0)
		return -1;
	memcpy(seen->sha1, out, sizeof seen->sha1);
	if (digest_final(x->sha256, out, e) < 0)
		return -1;
	memcpy(seen->sha256, out, sizeof seen->sha256);
	return 0;
}

static int take_file(struct pass *x, const struct archive_member *m, bool want_data, struct error *e)
{
	const struct fs_entry *entry = &m->entry;
	x->digesting = !m->hardlink && is_package_path(entry->path);
	x->undigested = false;
	x->kept = NULL;
	x->kept_length = 0;
	if (x->digesting && start_digests(x, e) < 0)
		return -1;
	if (want_data && !m->hardlink && entry->size <= KEPT_FILE) {
		x->kept_size = (size_t)entry->size;
		x->kept = malloc(x->kept_size + 1);
		if (!x->kept)
			return error_nomem(e);
	}
	x->files++;
	traits_see(&x->traits, entry->path);
	if (!m->hardlink && take_data(x, m, e) < 0) {
		free(take(x->kept));
		return -1;
	}
	if (x->kept) {
		x->kept[x->kept_length] = 0;
		if (archive_tree_keep(x->s->tree, entry, take(x->kept), x->kept_length, e) < 0)
			return -1;
	}
	return x->digesting || (m->hardlink && is_package_path(entry->path)) ? add_seen(x, m, e) : 0;
}

/* Members by which an archive is known for the system itself: another one beside it must not lend it its age. */
static bool is_system_path(const char *path)
{
	static const char *const files[] = {"etc/fstab", "etc/hostname", "etc/os-release", "etc/passwd"};
	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		if (!strcmp(path, files[i]))
			return true;
	return !strncmp(path, "var/log/", 8) || !strncmp(path, "var/lib/", 8);
}

/* The newest member of all archives of the system; of the others only where there is none of it. */
static void settle_newest(struct pass *x)
{
	struct subject *s = x->s;
	if (x->root == s->newest_is_system ? x->newest > s->newest_member : x->root) {
		free(s->newest_member_path);
		s->newest_member_path = take(x->newest_path);
		s->newest_member = x->newest;
	}
	s->newest_is_system |= x->root;
}

/* Whose the archive says it is. */
static int note_host(struct pass *x, size_t first, struct error *e)
{
	const struct kept_entry *last = NULL;
	for (size_t i = first; i < x->s->tree->kept.count; i++) {
		const struct kept_entry *k = &x->s->tree->kept.items[i];
		if (k->data && !strcmp(k->path, "etc/hostname"))
			last = k;
	}
	autofree char *name = NULL;
	int rc = last ? facts_first_line(last->data, &name, e) : 0;
	return rc > 0 && strings_add(&x->s->tree->hosts, name) < 0 ? error_nomem(e) : rc < 0 ? -1 : 0;
}

/* Remembers the newer of two: *newest and *path. */
static int note_newer(int64_t *newest, char **path, const struct fs_entry *entry, struct error *e)
{
	if (entry->mtime <= *newest)
		return 0;
	char *copy = strdup(entry->path);
	if (!copy)
		return error_nomem(e);
	free(*path);
	*path = copy;
	*newest = entry->mtime;
	return 0;
}

static int note_times(struct pass *x, const struct fs_entry *entry, struct error *e)
{
	struct facts *facts = &x->s->facts;
	x->root |= is_system_path(entry->path);
	if (entry->mtime > x->p->now + x->p->policy->clock_skew)
		return 0; /* a member dated in the future tells nothing about when the archive was made */
	if (note_newer(&x->newest, &x->newest_path, entry, e) < 0)
		return -1;
	return entry->type == ENTRY_FILE && !strncmp(entry->path, "var/log/", 8)
		       ? note_newer(&facts->newest_log, &facts->newest_log_path, entry, e)
		       : 0;
}

static int take_member(struct pass *x, const struct archive_member *m, struct error *e)
{
	const struct fs_entry *entry = &m->entry;
	bool data, wanted = archive_tree_wants(entry->path, &data);
	if (m->escapes)
		x->escapes++;
	if (note_times(x, entry, e) < 0 || archive_tree_fill(x->s->tree, entry->path, e) < 0)
		return -1;
	if (!strncmp(entry->path, "lib/apk/", 8) || !strncmp(entry->path, "etc/apk", 7) ||
	    !strncmp(entry->path, "etc/alpine-", 11))
		x->mask |= 1u << DIGEST_SHA1;
	if (!strcmp(entry->path, "etc/arch-release") || !strncmp(entry->path, "etc/pacman", 10))
		x->mask |= 1u << DIGEST_SHA256;
	/* What is too large to be kept must not count as absent. */
	x->s->tree->incomplete |= entry->type == ENTRY_FILE && wanted && data && entry->size > KEPT_FILE;
	if (entry->type == ENTRY_FILE) {
		struct fs_entry linked = *entry;
		if (m->hardlink && !linked.size)
			linked.size = 1; /* tar leaves it out; the data is at the first of the names */
		return take_file(x, m, wanted && data, e) < 0 ? -1
		       : wanted && (!data || m->hardlink)
			       ? archive_tree_keep(x->s->tree, &linked, NULL, 0, e)
			       : 0;
	}
	return wanted ? archive_tree_keep(x->s->tree, entry, NULL, 0, e) : 0;
}

static int depth_fits(const struct pass *x, const char *path, struct error *e)
{
	size_t depth = 0;
	for (const char *s = path; (s = strchr(s, '/')); s++)
		depth++;
	return budget_depth(x->p->budget, depth, e);
}

static int run(struct pass *x, struct stream *in, struct error *e)
{
	struct archive_member m;
	int rc;
	x->reader = archive_reader_open(in, e);
	if (!x->reader)
		return -1;
	while ((rc = archive_reader_next(x->reader, &m, e)) == 1) {
		if (budget_entry(x->p->budget, &x->members, e) < 0 || depth_fits(x, m.entry.path, e) < 0)
			return -1;
		if (x->p->archive_visit ? x->p->archive_visit(x->p->archive_ctx, &m, x->reader, e) < 0
					: take_member(x, &m, e) < 0)
			return -1;
	}
	return rc < 0 ? -1 : archive_reader_finish(x->reader, e);
}

static void report(struct pass *x)
{
	finding_add(x->f, PROOF_STRUCTURE, "archive.end", x->pt->name, OUTCOME_HELD, NULL,
		    "%llu members to the end mark, nothing behind it", (unsigned long long)x->members);
	if (!x->files && !x->p->archive_visit) {
		struct finding_text more = {.error = ERROR_CORRUPT};
		finding_add(x->f, PROOF_STRUCTURE, "archive.content", x->pt->name, OUTCOME_BROKEN, &more,
			    "the archive holds no file at all");
	}
	if (x->escapes)
		finding_add(x->f, PROOF_STRUCTURE, "archive.names", x->pt->name, OUTCOME_SKIPPED, NULL,
			    "%llu members have absolute or \"..\" names", (unsigned long long)x->escapes);
	trial_prove(&x->trial, &x->s->sample, x->pt->name, x->f);
	trial_note(&x->trial, "", &x->s->manifest, x->f);
}

int archive_pass(struct subject *s, struct part *pt, struct stream *in, const struct check_parameters *p,
		 struct findings *f, struct error *e)
{
	struct pass x = {.s = s, .pt = pt, .p = p, .f = f, .mask = 1u << DIGEST_MD5};
	s->archive = true;
	if (!s->tree && !(s->tree = calloc(1, sizeof *s->tree)))
		return error_nomem(e);
	size_t first_kept = s->tree->kept.count;
	x.buf = malloc(CHUNK);
	x.md5 = digest_new(DIGEST_MD5, e);
	x.sha1 = digest_new(DIGEST_SHA1, e);
	x.sha256 = digest_new(DIGEST_SHA256, e);
	int rc = x.buf && x.md5 && x.sha1 && x.sha256 ? 0 : error_nomem(e);
	if (rc == 0)
		rc = trial_open(&x.trial, p, p->policy->sample_files, hash_bytes(pt->name, strlen(pt->name)), e);
	x.trial.subject = s;
	x.trial.mount = "";
	x.trial.repeats = true;
	if (rc == 0)
		rc = run(&x, in, e);
	if (rc == 0)
		rc = note_host(&x, first_kept, e);
	s->tree->cut |= rc < 0;
	settle_newest(&x);
	s->tree->sorted = false;
	s->measures.image_data += x.bytes;
	if (rc == 0)
		report(&x);
	for (size_t i = 0; i < p->policy->critical.count && x.trial.pattern_met; i++)
		if (rc == 0 && !x.trial.pattern_met[i] && p->policy->critical_given)
			s->sample.critical_missing = true;
	if (rc == 0)
		x.f->lost |= traits_add(&s->traits, &x.traits) < 0;
	else
		traits_spoil(&s->traits);
	traits_walk_free(&x.traits);
	trial_close(&x.trial);
	archive_reader_destroy(x.reader);
	digest_destroy(x.md5);
	digest_destroy(x.sha1);
	digest_destroy(x.sha256);
	free(x.newest_path);
	free(x.buf);
	return rc;
}
