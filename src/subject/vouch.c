// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * What the package database inside the image vouches for is compared with the files inside the image:
 * the proof that nobody had to prepare. Files are read in the order in which they lie on the disk.
 */
#include <pthread.h>

#include "archive_tree.h"
#include "backproof/text.h"
#include "parts.h"

#define CHUNK (1 * MIB)
#define MAX_READERS 4
/* A root with this share of its package files missing was not backed up whole. */
#define MISSING_PERCENT 30

struct target {
	const struct vouched *vouched;
	struct subject_volume *volume;
	uint64_t id, place, size;
	int64_t mtime, ctime;
	enum outcome result; /* HELD, BROKEN (mismatch), UNREADABLE */
};

struct vouch {
	struct subject *s;
	const struct check_parameters *p;
	struct findings *f;
	struct vouchers vouchers;
	VEC(struct target) targets;
	uint64_t documents_missing;
};

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

/* At depth SAMPLE a seeded choice stays, in the same order. */
static void thin_out(struct vouch *x)
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

/* A run of the targets, read by one thread through file systems of its own: readers share no state. */
struct reader {
	struct vouch *x;
	struct target *from, *end;
	struct subject_volume *volume; /* the one that fs was opened on */
	struct fs *fs;
	struct findings opened; /* what opening it again says was said before */
	struct digest *digests[DIGEST_KINDS];
	uint8_t *buf;
	pthread_t thread;
	int result;
	struct error error;
};

static int digest_file(struct reader *r, struct target *t, struct digest *d, uint8_t out[DIGEST_MAX],
		       struct error *e)
{
	struct fs_entry entry = {.path = t->vouched->path, .id = t->id, .type = ENTRY_FILE, .size = t->size};
	autostream struct stream *in = fs_open_file(r->fs, &entry, e);
	if (!in || digest_reset(d, e) < 0)
		return -1;
	for (;;) {
		ssize_t n = stream_read(in, r->buf, CHUNK, e);
		if (n < 0 || budget_check(r->x->p->budget, e) < 0)
			return -1;
		if (n == 0)
			break;
		digest_update(d, r->buf, (size_t)n);
	}
	return stream_finish(in, e) < 0 ? -1 : digest_final(d, out, e);
}

static int use_volume(struct reader *r, struct subject_volume *v, struct error *e)
{
	if (r->volume == v)
		return 0;
	fs_destroy(r->fs);
	r->volume = v;
	r->fs = fs_open(v->volume->content.type, v->volume->window, v->name, &r->opened, e);
	return r->fs ? 0 : -1;
}

static int read_target(struct reader *r, struct target *t)
{
	enum digest_kind k = t->vouched->kind;
	uint8_t got[DIGEST_MAX];
	struct error why = {0};
	if (!r->digests[k] && !(r->digests[k] = digest_new(k, &r->error)))
		return -1;
	if (use_volume(r, t->volume, &why) == 0 && digest_file(r, t, r->digests[k], got, &why) == 0) {
		t->result = memcmp(got, t->vouched->digest, digest_size(k)) ? OUTCOME_BROKEN : OUTCOME_HELD;
		return 0;
	}
	if (why.cls == ERROR_LIMIT || why.cls == ERROR_INTERNAL || !r->fs) {
		r->error = why;
		return -1;
	}
	t->result = OUTCOME_UNREADABLE;
	autofree char *where = text_format("%s:/%s", t->volume->name, t->vouched->path);
	finding_error(r->x->f, PROOF_RESTORE, "package.read", where ? where : t->volume->name, &why);
	return 0;
}

static void *read_run(void *arg)
{
	struct reader *r = arg;
	for (struct target *t = r->from; t < r->end && r->result == 0; t++)
		r->result = read_target(r, t);
	return NULL;
}

static int reader_open(struct reader *r, struct vouch *x, struct target *from, size_t count)
{
	*r = (struct reader){.x = x, .from = from, .end = from + count, .buf = malloc(CHUNK)};
	if (r->buf && findings_init(&r->opened) == 0)
		return 0;
	return r->result = error_nomem(&r->error);
}

static bool said(const struct findings *f, const struct finding *it)
{
	vec_each(f, x) if (x->outcome == it->outcome && !strcmp(x->check, it->check) && x->subject &&
			   !strcmp(x->subject, it->subject)) return true;
	return false;
}

/* What went wrong when a file system was opened again, and not the first time, counts too. */
static void tell_news(struct vouch *x, const struct findings *opened)
{
	x->f->lost |= opened->lost;
	vec_each(opened, it)
	{
		struct finding_text more = {it->expected, it->measured, it->offset,
					    it->offset != ERROR_NO_OFFSET, it->blame, it->error};
		if (it->outcome == OUTCOME_HELD || it->outcome == OUTCOME_SKIPPED || !it->subject ||
		    said(x->f, it))
			continue;
		finding_add(x->f, it->proof, it->check, it->subject, it->outcome, &more, "%s",
			    it->detail ? it->detail : "");
	}
}

static void reader_close(struct reader *r)
{
	fs_destroy(r->fs);
	tell_news(r->x, &r->opened);
	findings_free(&r->opened);
	for (size_t k = 0; k < DIGEST_KINDS; k++)
		digest_destroy(r->digests[k]);
	free(r->buf);
}

/* The targets are cut into runs, one a core; a run stays in the order of the disk. */
static int read_targets(struct vouch *x, struct error *e)
{
	struct reader readers[MAX_READERS];
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	size_t wanted = cores < 1 ? 1 : cores > MAX_READERS ? MAX_READERS : (size_t)cores, started = 0;
	size_t count = x->targets.count, each = count / wanted + 1;
	int rc = 0;
	for (size_t i = 0; i * each < count; i++, started++) {
		struct reader *r = &readers[i];
		size_t n = count - i * each < each ? count - i * each : each;
		if (reader_open(r, x, x->targets.items + i * each, n) < 0)
			continue;
		/* Without a thread the run is read here and now. */
		if (pthread_create(&r->thread, NULL, read_run, r) != 0) {
			r->thread = pthread_self();
			read_run(r);
		}
	}
	for (size_t i = 0; i < started; i++) {
		struct reader *r = &readers[i];
		if (r->thread && !pthread_equal(r->thread, pthread_self()))
			pthread_join(r->thread, NULL);
		if (r->result < 0) {
			*e = r->error;
			rc = -1;
		}
	}
	/* Findings are looked at once no thread adds any. */
	for (size_t i = 0; i < started; i++)
		reader_close(&readers[i]);
	return rc;
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

static void mismatch(struct vouch *x, const struct vouched *v, const char *where, int64_t mtime,
		     int64_t ctime, bool use_ctime)
{
	if (vouched_mismatch(v, mtime, ctime, use_ctime) != OUTCOME_BROKEN) {
		x->s->vouched.changed++;
		return;
	}
	x->s->vouched.broken++;
	char hex[2 * DIGEST_MAX + 1];
	struct finding_text more = {.error = ERROR_CORRUPT,
				    .expected = hex_encode(v->digest, digest_size(v->kind), hex)};
	autofree char *subject = text_format("%s:/%s", where, v->path);
	finding_add(x->f, PROOF_RESTORE, "package.digest", subject ? subject : where, OUTCOME_BROKEN, &more,
		    "its content is not what its package installed (%s), and nobody wrote it since",
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
			mismatch(x, t->vouched, t->volume->name, t->mtime, t->ctime, use_ctime);
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
			mismatch(x, v, x->s->facts.root ? x->s->facts.root : "archive", f->mtime, 0, false);
		else
			x->s->vouched.held++;
	}
}

static void report(struct vouch *x)
{
	struct vouch_result *r = &x->s->vouched;
	uint64_t counted = r->held + r->broken + r->changed + r->missing - x->documents_missing;
	uint64_t gone = r->missing - x->documents_missing;
	const char *root = x->s->facts.root ? x->s->facts.root : "";
	if (r->held)
		finding_add(x->f, PROOF_RESTORE, "package.digest", root, OUTCOME_HELD, NULL,
			    "%llu files are as their packages installed them (%s)",
			    (unsigned long long)r->held, r->database);
	if (r->changed)
		finding_add(x->f, PROOF_RESTORE, "package.changed", root, OUTCOME_SKIPPED, NULL,
			    "%llu files were changed since their package was installed",
			    (unsigned long long)r->changed);
	if (gone && gone * 100 > counted * MISSING_PERCENT && gone > 20) {
		struct finding_text more = {.error = ERROR_CORRUPT};
		finding_add(x->f, PROOF_COVERAGE, "package.missing", root, OUTCOME_BROKEN, &more,
			    "%llu of %llu files that its packages installed are not there",
			    (unsigned long long)gone, (unsigned long long)counted);
	}
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
	thin_out(x);
	if (read_targets(x, e) < 0)
		return -1;
	count_targets(x);
	return 0;
}

void subject_vouch(struct subject *s, const struct check_parameters *p, struct findings *f)
{
	struct vouch x = {.s = s, .p = p, .f = f};
	struct error e = {0};
	if (run(&x, &e) < 0)
		finding_error(f, PROOF_RESTORE, "package.database", s->facts.root, &e);
	report(&x);
	vouchers_free(&x.vouchers);
	free(x.targets.items);
}
