// SPDX-License-Identifier: GPL-3.0-or-later
/* What is odd about a backup beside an earlier one, and what is not; and that the past never makes one safer. */
#include "../../src/gate/past.h"

#include "../../src/report/common.h"
#include "backproof/text.h"
#include "../test.h"

#define NOW INT64_C(1795305600) /* 2026-11-22 */
#define DAY INT64_C(86400)
#define NS INT64_C(1000000000)

static struct policy policy;
static struct check_parameters parameters;
static struct findings f;

static void begin(void)
{
	NEED(policy_defaults(&policy, "default") == 0);
	parameters = (struct check_parameters){.policy = &policy, .host = "web01", .now = NOW};
	NEED(findings_init(&f) == 0);
}

static void end(void)
{
	findings_free(&f);
	policy_free(&policy);
}

/* The outcome of the findings of a check; -1: there is none. */
static int outcome_of(const char *check)
{
	int found = -1;
	for (size_t i = 0; i < f.count; i++)
		if (!strcmp(f.items[i].check, check))
			found = (int)f.items[i].outcome;
	return found;
}

static const struct finding *finding_of(const char *check)
{
	for (size_t i = 0; i < f.count; i++)
		if (!strcmp(f.items[i].check, check))
			return &f.items[i];
	return NULL;
}

static void forget(void)
{
	findings_free(&f);
	NEED(findings_init(&f) == 0);
}

static struct history_file file(const char *path, uint64_t size, int64_t mtime, uint8_t digest)
{
	struct history_file it = {.path = strdup(path), .size = size, .mtime_ns = mtime * NS, .read_whole = true,
				  .has_fsverity = true, .inode = 100 + digest, .device = 1};
	memset(it.fsverity, digest, sizeof it.fsverity);
	return it;
}

static uint64_t hash_of(uint64_t i)
{
	return (i * UINT64_C(0x9e3779b97f4a7c15)) ^ i << 40;
}

static int by_value(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;
	return *x < *y ? -1 : *x > *y;
}

/* A night's run: paths first..first+entries. */
static struct history_record night(int day, uint64_t first, uint64_t entries, uint8_t digest)
{
	char path[128], label[64];
	struct history_record r = {.host = strdup("web01"), .machine_id = strdup("0123456789abcdef0123456789abcdef"),
				   .hostname = strdup("web01"), .checked_at = NOW - (20 - day) * DAY,
				   .taken_at = NOW - (20 - day) * DAY - 3600, .entries = entries, .image_data = entries * MIB,
				   .bytes = entries * 100 * KIB, .opaque = 50000, .opaque_known = true,
				   .bytes_restored = 20 * MIB, .restore_seconds = 1};
	snprintf(path, sizeof path, "/srv/backup/web01/2026-11-%02d/web01.img.zst", day);
	snprintf(label, sizeof label, "web01/2026-11-%02d", day);
	r.label = strdup(label);
	struct history_file *it = vec_push(&r.files);
	NEED(it);
	*it = file(path, r.bytes, r.taken_at, digest);
	uint64_t *all = malloc((entries + 1) * sizeof *all);
	NEED(all);
	for (uint64_t i = 0; i < entries; i++)
		all[i] = hash_of(first + i);
	qsort(all, entries, sizeof *all, by_value);
	r.sketch = all;
	r.sketch_count = entries < SKETCH_SIZE ? entries : SKETCH_SIZE;
	return r;
}

static void drop(struct history_record *r)
{
	free(r->host);
	free(r->label);
	free(r->hostname);
	free(r->machine_id);
	free(r->sketch);
	vec_each(&r->files, it) free(it->path);
	vec_free(&r->files);
}

static void compare(const struct history_record *now, const struct history_record *then)
{
	forget();
	past_identity(now, then, &parameters, &f);
	past_figures(now, then, &policy, &f);
	(void)past_copy(now, then, &parameters, &f);
}

/* Nothing that is said may ever be HELD: then it could make up for a proof that is lacking. */
static bool none_held(void)
{
	for (size_t i = 0; i < f.count; i++)
		if (f.items[i].outcome == OUTCOME_HELD)
			return false;
	return !f.lost;
}

static size_t against(void)
{
	size_t n = 0;
	for (size_t i = 0; i < f.count; i++)
		n += f.items[i].outcome != OUTCOME_HELD && f.items[i].outcome != OUTCOME_SKIPPED;
	return n;
}

static void test_ordinary(void)
{
	static const struct {
		uint64_t first, entries;
	} nights[] = {{0, 10000}, {0, 10300}, {200, 10000}, {2000, 9000}, {0, 40000}, {4000, 6000}, {0, 5001}};
	begin();
	struct history_record then = night(19, 0, 10000, 1);
	for (size_t i = 0; i < ARRAY_SIZE(nights); i++) {
		struct history_record now = night(20, nights[i].first, nights[i].entries, 2);
		compare(&now, &then);
		CHECK_INT(against(), 0);
		CHECK(f.count >= 4); /* they are told, and looked at */
		CHECK(none_held());
		drop(&now);
	}
	drop(&then);
	end();
}

static void test_shrunk(void)
{
	begin();
	struct history_record then = night(19, 0, 10000, 1), now = night(20, 0, 4900, 2);
	compare(&now, &then);
	CHECK_INT(outcome_of("history.files"), OUTCOME_BROKEN);
	CHECK_INT(outcome_of("history.size"), OUTCOME_BROKEN);
	const struct finding *it = finding_of("history.files");
	NEED(it);
	CHECK_INT(it->proof, PROOF_COVERAGE);
	CHECK_INT(it->blame, BLAME_INCOMPLETE);
	CHECK(strstr(it->detail, "4900") && strstr(it->detail, "10000") && strstr(it->detail, "51%") &&
	      strstr(it->detail, "max_shrink"));
	/* How well it is packed is no sign. */
	now.entries = then.entries;
	now.image_data = then.image_data;
	compare(&now, &then);
	CHECK_INT(outcome_of("history.files"), OUTCOME_SKIPPED);
	CHECK_INT(outcome_of("history.size"), OUTCOME_SKIPPED);
	/* Unless nothing else is known. */
	now.entries = then.entries = now.image_data = then.image_data = 0;
	now.bytes = then.bytes / 3;
	compare(&now, &then);
	CHECK_INT(outcome_of("history.size"), OUTCOME_BROKEN);
	/* A walk that broke off counts for nothing. */
	then.image_data = 100 * MIB;
	now.image_data = 10 * MIB;
	compare(&now, &then);
	CHECK_INT(outcome_of("history.size"), -1);
	now.entries = 10;
	then.entries = 100;
	policy.max_shrink = 0;
	compare(&now, &then);
	CHECK_INT(outcome_of("history.size"), -1);
	CHECK_INT(outcome_of("history.files"), -1);
	drop(&then);
	drop(&now);
	end();
}

static void test_renamed(void)
{
	static const struct {
		uint64_t then, now, kept; /* entries, and how many of then's are in now */
		int expect;
	} rows[] = {
		{10000, 10000, 10000, 0}, {10000, 10000, 7000, 0}, {10000, 10000, 3000, 1}, {10000, 10000, 0, 1},
		{10000, 40000, 10000, 0}, {10000, 40000, 1000, 1}, {300, 300, 200, 0},	    {300, 300, 20, 1},
		{300, 400, 300, 0},	  {40000, 20000, 0, 1},	   {19, 19, 0, -1},
		/* Deleted only: that is another matter. */
		{40000, 10000, 10000, 2}, {300, 30, 30, 2},
	};
	begin();
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct history_record then = night(19, 0, rows[i].then, 1);
		struct history_record now = night(20, rows[i].then - rows[i].kept, rows[i].now, 2);
		uint32_t share;
		bool known = past_renamed(&now, &then, &share);
		CHECK_INT(known, rows[i].expect >= 0);
		if (known && rows[i].expect < 2) {
			double gone = (double)(rows[i].then - rows[i].kept) / (double)rows[i].then;
			double off = gone - (double)share / 1e6;
			CHECK(off < 0.15 && off > -0.15);
		}
		compare(&now, &then);
		CHECK_INT(outcome_of("history.renamed"),
			  rows[i].expect < 0 ? -1 : rows[i].expect == 1 ? OUTCOME_BROKEN : OUTCOME_SKIPPED);
		if (rows[i].expect == 1) {
			const struct finding *it = finding_of("history.renamed");
			CHECK(it && it->proof == PROOF_RESTORE && it->blame == BLAME_DAMAGED &&
			      strstr(it->detail, "as if encrypted"));
		}
		policy.max_renamed = 0;
		compare(&now, &then);
		CHECK_INT(outcome_of("history.renamed"), -1);
		policy.max_renamed = 500000;
		drop(&then);
		drop(&now);
	}
	end();
}

static void test_opaque_and_rate(void)
{
	begin();
	struct history_record then = night(19, 0, 1000, 1), now = night(20, 0, 1000, 2);
	now.opaque = 560000;
	compare(&now, &then);
	CHECK_INT(outcome_of("history.opaque"), OUTCOME_BROKEN);
	CHECK_INT(finding_of("history.opaque")->blame, BLAME_DAMAGED);
	now.opaque = 540000;
	compare(&now, &then);
	CHECK_INT(outcome_of("history.opaque"), OUTCOME_SKIPPED);
	/* Less of it is no sign. */
	now.opaque = 0;
	then.opaque = 1000000;
	compare(&now, &then);
	CHECK_INT(outcome_of("history.opaque"), OUTCOME_SKIPPED);
	now.opaque = 1000000;
	then.opaque = 0;
	then.opaque_known = false;
	compare(&now, &then);
	CHECK_INT(outcome_of("history.opaque"), -1);
	then.opaque_known = true;
	policy.max_opaque = 0;
	compare(&now, &then);
	CHECK_INT(outcome_of("history.opaque"), -1);
	now.restore_seconds = 100;
	compare(&now, &then);
	CHECK_INT(outcome_of("history.rate"), -1);
	policy.max_slowdown = 900000;
	compare(&now, &then);
	CHECK_INT(outcome_of("history.rate"), OUTCOME_UNPROVEN);
	now.restore_seconds = 9;
	compare(&now, &then);
	CHECK_INT(outcome_of("history.rate"), OUTCOME_SKIPPED);
	/* Some kilobytes tell nothing. */
	now.restore_seconds = 1000;
	now.bytes_restored = 100;
	compare(&now, &then);
	CHECK_INT(outcome_of("history.rate"), -1);
	drop(&then);
	drop(&now);
	end();
}

static void set(char **field, const char *value)
{
	free(*field);
	*field = value ? strdup(value) : NULL;
}

static void test_identity(void)
{
	static const char *const other = "ffffffffffffffffffffffffffffffff";
	begin();
	struct history_record then = night(19, 0, 1000, 1), now = night(20, 0, 1000, 2);
	compare(&now, &then);
	CHECK_INT(outcome_of("history.identity"), -1);
	set(&now.machine_id, "0123456789ABCDEF0123456789ABCDEF");
	set(&now.hostname, "web01.example.org");
	compare(&now, &then);
	CHECK_INT(outcome_of("history.identity"), -1);
	set(&now.machine_id, other);
	compare(&now, &then);
	CHECK_INT(outcome_of("history.identity"), OUTCOME_BROKEN);
	CHECK_INT(finding_of("history.identity")->proof, PROOF_IDENTITY);
	/* A name that was configured says nothing of the id; the id does. */
	parameters.hostname = "web01";
	parameters.hostname_given = true;
	compare(&now, &then);
	CHECK_INT(outcome_of("history.identity"), OUTCOME_BROKEN);
	parameters.machine_id = "0123456789abcdef0123456789abcdef";
	compare(&now, &then);
	CHECK_INT(outcome_of("history.identity"), OUTCOME_BROKEN);
	parameters.machine_id = other;
	compare(&now, &then);
	CHECK_INT(outcome_of("history.identity"), OUTCOME_SKIPPED);
	/* No ids: names. Nonsense is no id. */
	set(&now.machine_id, "uninitialized");
	set(&now.hostname, "db01");
	parameters.hostname_given = false;
	compare(&now, &then);
	CHECK_INT(outcome_of("history.identity"), OUTCOME_BROKEN);
	parameters.hostname_given = true;
	compare(&now, &then);
	CHECK_INT(outcome_of("history.identity"), OUTCOME_BROKEN);
	parameters.hostname = "db01";
	compare(&now, &then);
	CHECK_INT(outcome_of("history.identity"), OUTCOME_SKIPPED);
	set(&now.hostname, NULL);
	compare(&now, &then);
	CHECK_INT(outcome_of("history.identity"), -1);
	drop(&then);
	drop(&now);
	end();
}

static void test_same_and_alike(void)
{
	struct history_record a = night(19, 0, 100, 1), b = night(20, 0, 100, 2), c = night(19, 0, 100, 1);
	CHECK(past_is_same(&a, &c));
	CHECK(!past_is_same(&a, &b));
	CHECK(past_is_alike(&a, &b));
	/* Moved: the same file. Copied: another one. */
	set(&c.files.items[0].path, "/elsewhere/x.img");
	CHECK(past_is_same(&a, &c));
	c.files.items[0].inode++;
	CHECK(!past_is_same(&a, &c));
	CHECK(!past_is_alike(&a, &c));
	set(&c.files.items[0].path, "/srv/backup/web01/weekly/web01.tar.gz");
	CHECK(!past_is_alike(&a, &c));
	set(&c.files.items[0].path, "/srv/new/8f3a/web01-2026-11-01T02.img.zst");
	CHECK(past_is_alike(&a, &c));
	struct history_record none = {0};
	CHECK(!past_is_same(&none, &none));
	CHECK(!past_is_alike(&none, &none));
	*(struct history_file *)vec_push(&b.files) = file("/srv/backup/web01/2026-11-20/sdb.img.zst", 5, NOW, 3);
	CHECK(!past_is_alike(&a, &b));
	CHECK(!past_is_same(&a, &b));
	drop(&a);
	drop(&b);
	drop(&c);
}

static void test_copy(void)
{
	begin();
	struct history_record then = night(18, 0, 1000, 7), now = night(20, 0, 1000, 7);
	compare(&now, &then);
	CHECK_INT(outcome_of("history.copy"), OUTCOME_BROKEN);
	CHECK_INT(finding_of("history.copy")->proof, PROOF_FRESHNESS);
	CHECK(strstr(finding_of("history.copy")->detail, "/2026-11-18/") != NULL);
	/* Other bytes. */
	now.files.items[0].fsverity[31]++;
	compare(&now, &then);
	CHECK_INT(outcome_of("history.copy"), -1);
	now.files.items[0].fsverity[31]--;
	/* No digest of the same kind: nobody knows. */
	now.files.items[0].has_fsverity = false;
	now.files.items[0].has_sha256 = true;
	compare(&now, &then);
	CHECK_INT(outcome_of("history.copy"), -1);
	now.files.items[0].has_fsverity = true;
	/* Renamed or linked: its time says how old it is. Copied with its time, the next in the series. */
	uint64_t inode = now.files.items[0].inode = then.files.items[0].inode;
	now.files.items[0].mtime_ns = then.files.items[0].mtime_ns;
	compare(&now, &then);
	CHECK_INT(outcome_of("history.copy"), -1);
	now.files.items[0].inode++;
	compare(&now, &then);
	CHECK_INT(outcome_of("history.copy"), OUTCOME_BROKEN);
	set(&now.label, "monthly/2026-11");
	compare(&now, &then);
	CHECK_INT(outcome_of("history.copy"), -1);
	set(&now.label, then.label);
	compare(&now, &then);
	CHECK_INT(outcome_of("history.copy"), -1);
	set(&now.label, "web01/2026-11-20");
	now.files.items[0].inode = inode;
	/* The older of the two was looked at later. */
	now.files.items[0].mtime_ns--;
	compare(&now, &then);
	CHECK_INT(outcome_of("history.copy"), -1);
	/* Under its own name: its bytes are as old as they were. */
	now.files.items[0].mtime_ns = NOW * NS;
	set(&now.files.items[0].path, then.files.items[0].path);
	compare(&now, &then);
	CHECK_INT(outcome_of("history.copy"), OUTCOME_BROKEN);
	then.files.items[0].mtime_ns = (NOW - 3600) * NS;
	compare(&now, &then);
	CHECK_INT(outcome_of("history.copy"), -1);
	/* A second copy, in another place: it is as old as the first. */
	set(&now.label, then.label);
	set(&now.files.items[0].path, "/srv/nas2/web01/2026-11-18/web01.img.zst");
	set(&then.files.items[0].path, "/srv/nas1/web01/2026-11-18/web01.img.zst");
	compare(&now, &then);
	CHECK_INT(outcome_of("history.copy"), -1);
	then.files.items[0].mtime_ns = (NOW - 3 * DAY) * NS;
	compare(&now, &then);
	CHECK_INT(outcome_of("history.copy"), OUTCOME_BROKEN);
	CHECK(strstr(finding_of("history.copy")->detail, "ago, more than") != NULL);
	/* ... of which the date in its path says that it is newer. */
	then.files.items[0].mtime_ns = (NOW - 3600) * NS;
	set(&now.files.items[0].path, "/srv/nas1/web01/2026-11-19/web01.img.zst");
	compare(&now, &then);
	CHECK_INT(outcome_of("history.copy"), OUTCOME_BROKEN);
	set(&now.label, "web01/2026-11-20");
	set(&now.files.items[0].path, "/a/20/sda1.img");
	/* A partition that nobody wrote to is like it was; the others are not. */
	*(struct history_file *)vec_push(&then.files) = file("/a/18/sda2.img", 5 * MIB, NOW - DAY, 8);
	*(struct history_file *)vec_push(&now.files) = file("/a/20/sda2.img", 5 * MIB, NOW, 9);
	compare(&now, &then);
	CHECK_INT(outcome_of("history.copy"), -1);
	/* A log that is new makes it no new backup. */
	now.files.items[1].size = then.files.items[1].size = 1000;
	compare(&now, &then);
	CHECK_INT(outcome_of("history.copy"), OUTCOME_BROKEN);
	/* Nor does another small disk; what little was written on top of this one does. */
	set(&then.files.items[1].path, "/a/18/sdb.qcow2");
	set(&now.files.items[1].path, "/a/20/sdb.qcow2");
	compare(&now, &then);
	CHECK_INT(outcome_of("history.copy"), OUTCOME_BROKEN);
	set(&then.files.items[1].path, "/a/18/sda1.snap.qcow2");
	set(&now.files.items[1].path, "/a/20/sda1.snap.qcow2");
	compare(&now, &then);
	CHECK_INT(outcome_of("history.copy"), -1);
	memcpy(now.files.items[1].fsverity, then.files.items[1].fsverity, sizeof now.files.items[1].fsverity);
	compare(&now, &then);
	CHECK_INT(outcome_of("history.copy"), OUTCOME_BROKEN);
	drop(&then);
	drop(&now);
	end();
}

static void test_first_digest(void)
{
	begin();
	struct history_file then = file("/srv/web01.img", 1000, NOW, 1), now = file("/srv/web01.img", 1000, NOW, 1);
	past_first_digest(&now, &then, NOW - DAY, &f);
	CHECK_INT(outcome_of("history.digest"), OUTCOME_SKIPPED);
	now.fsverity[0] ^= 1;
	forget();
	past_first_digest(&now, &then, NOW - DAY, &f);
	CHECK_INT(outcome_of("history.digest"), OUTCOME_BROKEN);
	CHECK_INT(finding_of("history.digest")->proof, PROOF_INTEGRITY);
	CHECK(finding_of("history.digest")->expected && finding_of("history.digest")->measured);
	/* Written again a nanosecond later: another file. */
	now.mtime_ns++;
	forget();
	past_first_digest(&now, &then, NOW - DAY, &f);
	CHECK_INT(outcome_of("history.digest"), -1);
	now.mtime_ns--;
	/* Digests of two kinds can't be compared. */
	now.has_fsverity = false;
	now.has_sha256 = true;
	forget();
	past_first_digest(&now, &then, NOW - DAY, &f);
	CHECK_INT(outcome_of("history.digest"), -1);
	then.has_sha256 = true;
	memset(then.sha256, 5, 32);
	forget();
	past_first_digest(&now, &then, NOW - DAY, &f);
	CHECK_INT(outcome_of("history.digest"), OUTCOME_BROKEN);
	free(then.path);
	free(now.path);
	end();
}

/* Whatever the figures, and whatever else was found: nobody becomes safe by them. */
static void test_never_safer(void)
{
	static const enum outcome outcomes[] = {OUTCOME_HELD, OUTCOME_UNPROVEN, OUTCOME_BROKEN, OUTCOME_SKIPPED};
	begin();
	uint64_t seed = 42;
	policy.max_slowdown = 500000;
	for (int round = 0; round < 2000; round++) {
		struct verdict without, with;
		struct measures m = {.bytes_read = 1, .files_restored = 1};
		struct findings own;
		NEED(findings_init(&own) == 0);
		struct history_record then = night(18, 0, 30, 1), now = night(20, (uint64_t)round % 30, 30, (uint8_t)(1 + round % 2));
		now.entries = (seed >> 7) % 60;
		now.image_data = (seed >> 17) % (60 * MIB);
		now.opaque = (uint32_t)((seed >> 27) % 1000000);
		now.restore_seconds = (double)((seed >> 37) % 5);
		forget();
		for (int p = 0; p < PROOF_COUNT; p++) {
			seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
			/* Most proofs hold; some are not spoken of at all. */
			enum outcome o = seed >> 60 ? OUTCOME_HELD : outcomes[seed >> 50 & 3];
			if (seed >> 56 & 15) {
				finding_add(&f, (enum proof)p, "test", "x", o, NULL, "x");
				finding_add(&own, (enum proof)p, "test", "x", o, NULL, "x");
			}
		}
		past_identity(&now, &then, &parameters, &f);
		past_figures(&now, &then, &policy, &f);
		(void)past_copy(&now, &then, &parameters, &f);
		past_first_digest(&now.files.items[0], &then.files.items[0], NOW, &f);
		findings_seal(&f);
		findings_seal(&own);
		verdict_decide(&own, &policy, &m, &without);
		verdict_decide(&f, &policy, &m, &with);
		CHECK(with.code != CODE_SAFE || without.code == CODE_SAFE);
		for (int p = 0; p < PROOF_COUNT; p++)
			CHECK(with.proofs[p] != OUTCOME_HELD || without.proofs[p] == OUTCOME_HELD);
		verdict_free(&without);
		verdict_free(&with);
		findings_free(&own);
		drop(&then);
		drop(&now);
	}
	end();
}

static void test_advice(void)
{
	static const struct {
		const char *check, *word;
	} rows[] = {{"history.opaque", "max_opaque"}, {"history.renamed", "max_renamed"}, {"history.digest", "changed"},
		    {"history.files", "max_shrink"},  {"history.size", "max_shrink"},	  {"history.seal", "contradict"},
		    {"history.identity", "--machine-id"}, {"history.rate", "max_slowdown"}};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct host_result r = {0};
		NEED(findings_init(&r.findings) == 0);
		finding_add(&r.findings, PROOF_COVERAGE, "coverage.root", "x", OUTCOME_HELD, NULL, "x");
		finding_add(&r.findings, PROOF_COVERAGE, rows[i].check, "x", OUTCOME_SKIPPED, NULL, "x");
		CHECK(!report_advice_past(&r));
		finding_add(&r.findings, PROOF_COVERAGE, rows[i].check, "x", OUTCOME_BROKEN, NULL, "x");
		const char *advice = report_advice_past(&r);
		CHECK(advice && strstr(advice, rows[i].word));
		/* Where something else is wrong as well, that has its own. */
		finding_add(&r.findings, PROOF_INTEGRITY, "part.read", "x", OUTCOME_BROKEN, NULL, "x");
		CHECK(!report_advice_past(&r));
		findings_free(&r.findings);
	}
}

int main(void)
{
	RUN(test_ordinary);
	RUN(test_shrunk);
	RUN(test_renamed);
	RUN(test_opaque_and_rate);
	RUN(test_identity);
	RUN(test_same_and_alike);
	RUN(test_copy);
	RUN(test_first_digest);
	RUN(test_never_safer);
	RUN(test_advice);
	return test_done();
}
