// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * What the package database inside the image vouches for is compared with the files inside the image:
 * the proof that nobody had to prepare. Files are read in the order in which they lie on the disk.
 */
#include "archive_tree.h"
#include "backproof/text.h"
#include "parts.h"
#include "vouch.h"

/* A root with this share of its package files missing was not backed up whole. */
#define MISSING_PERCENT 30
/* Copying a system takes that long at most, from one file of a package to another. */
#define COPY_SECONDS (6 * 3600)
/* Each is a walk over all: there are few on a system worth the question. */
#define LATE_ASKED_MAX 1000
/* Documents are trimmed, and libraries by some; nobody does without a tenth of the programs. */
#define PROGRAMS_MISSING_PERCENT 10

static int by_place(const void *a, const void *b)
{
	const struct target *x = a, *y = b;
	if (x->volume != y->volume)
		return x->volume < y->volume ? -1 : 1;
	return x->place < y->place ? -1 : x->place > y->place;
}

/* What systems are trimmed of on purpose. */
static bool is_document(const char *path)
{
	return !strncmp(path, "usr/share/doc/", 14) || !strncmp(path, "usr/share/man/", 14) ||
	       !strncmp(path, "usr/share/locale/", 17) || !strncmp(path, "usr/share/info/", 15) ||
	       !strncmp(path, "usr/share/lintian/", 18) || !strncmp(path, "usr/share/bug/", 14);
}

static bool is_program(const char *path)
{
	path += strncmp(path, "usr/", 4) ? 0 : 4;
	return !strncmp(path, "bin/", 4) || !strncmp(path, "sbin/", 5);
}

/* The path as it may be stored where /bin and its like are links into /usr, or the reverse. */
static const char *other_path(const char *path, char *buf, size_t cap)
{
	if (!strncmp(path, "usr/", 4))
		return path + 4;
	snprintf(buf, cap, "usr/%s", path);
	return buf;
}

static int find_file(struct vouch *x, const struct vouched *v, struct subject_volume **volume,
		     struct fs_entry *entry, struct error *e)
{
	char buf[4200];
	int rc = subject_lookup(x->s, v->path, true, volume, entry, e);
	if (rc == 0)
		rc = subject_lookup(x->s, other_path(v->path, buf, sizeof buf), true, volume, entry, e);
	return rc;
}

static void missing(struct vouch *x, const struct vouched *v)
{
	x->s->vouched.missing++;
	x->s->vouched.kernel_missing |= !strncmp(v->path, "boot/vmlinu", 11);
	x->documents_missing += is_document(v->path);
	x->programs_missing += is_program(v->path);
}

static int find_targets(struct vouch *x, struct error *e)
{
	vec_each(&x->vouchers, v)
	{
		struct subject_volume *volume = NULL;
		struct fs_entry entry;
		int rc = find_file(x, v, &volume, &entry, e);
		if (budget_check(x->p->budget, e) < 0)
			return -1;
		if (rc < 0) {
			autofree char *where = text_format("%s:/%s", x->s->facts.root, v->path);
			x->s->vouched.unreadable++;
			finding_error(x->f, PROOF_RESTORE, "package.lookup", where, e);
			continue;
		}
		if (rc == 0 || entry.type != ENTRY_FILE) {
			missing(x, v);
			continue;
		}
		struct target *t = vec_push(&x->targets);
		if (!t)
			return error_nomem(e);
		*t = (struct target){v, volume, entry.id, entry.place, entry.size, entry.mtime,
				     entry.ctime, OUTCOME_UNPROVEN};
	}
	if (x->targets.count)
		qsort(x->targets.items, x->targets.count, sizeof *x->targets.items, by_place);
	return 0;
}

void vouch_thin_out(struct vouch *x)
{
	size_t want = x->p->policy->sample_files, left = x->targets.count, kept = 0;
	struct rng r = {x->p->seed ^ UINT64_C(0x70ac6a6e)};
	if (x->p->depth == DEPTH_FULL)
		return;
	vec_each(&x->targets, t)
	{
		if (want && rng_below(&r, left) < want) {
			x->targets.items[kept++] = *t;
			want--;
		}
		left--;
	}
	x->targets.count = kept;
}

/* Where most intact files have change times long after their package, the tree was copied or restored
 * as a whole and change times tell nothing about a single file. */
static bool change_times_speak(const struct vouch *x)
{
	size_t intact = 0, late = 0;
	vec_each(&x->targets, t)
	{
		if (t->result != OUTCOME_HELD || !t->vouched->installed)
			continue;
		intact++;
		late += t->ctime > t->vouched->installed + 3600;
	}
	return intact && late * 2 < intact;
}

/*
 * In a copied tree, still: what was put in place long after all that its package brought along (those have
 * the same time of installation) is a later change. Damage leaves no change time.
 */
static bool placed_later(struct vouch *x, const struct target *t)
{
	int64_t latest = INT64_MIN;
	if (x->late_asked++ >= LATE_ASKED_MAX || !t->vouched->installed)
		return false;
	vec_each(&x->targets, o) if (o->result == OUTCOME_HELD && o->volume == t->volume &&
				     o->vouched->installed == t->vouched->installed && o->ctime > latest)
		latest = o->ctime;
	return latest != INT64_MIN && t->ctime - COPY_SECONDS > latest;
}

static void mismatch(struct vouch *x, const struct vouched *v, const char *where, int64_t mtime,
		     const struct target *t, bool use_ctime)
{
	int64_t ctime = t ? t->ctime : 0;
	if (vouched_mismatch(v, mtime, ctime, use_ctime) != OUTCOME_BROKEN || (t && placed_later(x, t))) {
		x->s->vouched.changed++;
		return;
	}
	x->s->vouched.broken++;
	char hex[2 * DIGEST_MAX + 1];
	struct finding_text more = {.error = ERROR_CORRUPT,
				    .expected = hex_encode(v->digest, digest_size(v->kind), hex)};
	autofree char *subject = text_format("%s:/%s", where, v->path);
	finding_add(x->f, PROOF_RESTORE, "package.digest", subject ? subject : where, OUTCOME_BROKEN, &more,
		    "its content is not what its package installed (%s), and nobody wrote it since "
		    "(if the host itself has it so: install the package anew, or divert the file)",
		    x->vouchers.database);
}

static void count_targets(struct vouch *x)
{
	bool use_ctime = change_times_speak(x);
	vec_each(&x->targets, t)
	{
		if (t->result == OUTCOME_HELD)
			x->s->vouched.held++;
		else if (t->result == OUTCOME_BROKEN)
			mismatch(x, t->vouched, t->volume->name, t->mtime, t, use_ctime);
		else
			x->s->vouched.unreadable++;
	}
}

static const uint8_t *seen_digest(const struct seen_file *f, enum digest_kind k)
{
	if (!(f->mask & 1u << k))
		return NULL;
	return k == DIGEST_MD5 ? f->md5 : k == DIGEST_SHA1 ? f->sha1 : k == DIGEST_SHA256 ? f->sha256 : NULL;
}

/* An archive's files were digested while they passed. */
static void compare_seen(struct vouch *x)
{
	vec_each(&x->vouchers, v)
	{
		char buf[4200];
		const struct seen_file *f = archive_tree_seen(x->s->tree, v->path);
		if (!f)
			f = archive_tree_seen(x->s->tree, other_path(v->path, buf, sizeof buf));
		const uint8_t *digest = f ? seen_digest(f, v->kind) : NULL;
		if (!f)
			missing(x, v);
		else if (!digest)
			x->s->vouched.changed++; /* outside of the package paths (/etc): nothing was digested */
		else if (memcmp(digest, v->digest, digest_size(v->kind)))
			mismatch(x, v, x->s->facts.root ? x->s->facts.root : "archive", f->mtime, NULL, false);
		else
			x->s->vouched.held++;
	}
}

static void report(struct vouch *x)
{
	struct vouch_result *r = &x->s->vouched;
	/* Also at depth sample all are looked for, if not read. */
	uint64_t counted = x->vouchers.count - x->documents_missing, gone = r->missing - x->documents_missing;
	uint64_t programs = 0;
	vec_each(&x->vouchers, v) programs += is_program(v->path);
	const char *root = x->s->facts.root ? x->s->facts.root : "";
	if (r->held)
		finding_add(x->f, PROOF_RESTORE, "package.digest", root, OUTCOME_HELD, NULL,
			    "%llu files are as their packages installed them (%s)",
			    (unsigned long long)r->held, r->database);
	if (r->changed)
		finding_add(x->f, PROOF_RESTORE, "package.changed", root, OUTCOME_SKIPPED, NULL,
			    "%llu files were changed since their package was installed",
			    (unsigned long long)r->changed);
	struct finding_text more = {.error = ERROR_CORRUPT};
	if (gone > 20 && gone * 100 > counted * MISSING_PERCENT)
		finding_add(x->f, PROOF_COVERAGE, "package.missing", root, OUTCOME_BROKEN, &more,
			    "%llu of %llu files that its packages installed are not there",
			    (unsigned long long)gone, (unsigned long long)counted);
	else if (x->programs_missing > 5 && x->programs_missing * 100 > programs * PROGRAMS_MISSING_PERCENT)
		finding_add(x->f, PROOF_COVERAGE, "package.missing", root, OUTCOME_BROKEN, &more,
			    "%llu of %llu programs that its packages installed are not there",
			    (unsigned long long)x->programs_missing, (unsigned long long)programs);
}

static int load(struct vouch *x, struct error *e)
{
	struct tree_reader tree = subject_tree(x->s);
	size_t count;
	const struct package_database *const *db = package_databases(&count);
	for (size_t i = 0; i < count && !x->vouchers.count; i++)
		if (db[i]->load(&tree, &x->vouchers, e) < 0)
			return error_prefix(e, "%s database", db[i]->name);
	x->s->vouched.known = x->vouchers.count;
	x->s->vouched.database = x->vouchers.database;
	return 0;
}

static int run(struct vouch *x, struct error *e)
{
	if (load(x, e) < 0)
		return -1;
	bool mounted = false;
	vec_each(&x->s->volumes, v) mounted |= v->mount && v->fs;
	if (!mounted) {
		if (x->s->tree && !x->s->tree->incomplete)
			compare_seen(x);
		return 0;
	}
	if (find_targets(x, e) < 0)
		return -1;
	vouch_thin_out(x);
	if (vouch_read(x, e) < 0)
		return -1;
	count_targets(x);
	return 0;
}

void subject_vouch(struct subject *s, const struct check_parameters *p, struct findings *f)
{
	struct vouch x = {.s = s, .p = p, .f = f};
	struct error e = {0};
	if (s->facts.windows) {
		if (vouch_programs(&x, &e) < 0)
			finding_error(f, PROOF_RESTORE, "pe.checksum", s->facts.root, &e);
	} else {
		if (run(&x, &e) < 0)
			finding_error(f, PROOF_RESTORE, "package.database", s->facts.root, &e);
		report(&x);
	}
	vouchers_free(&x.vouchers);
	free(x.targets.items);
	subject_done(s);
}
