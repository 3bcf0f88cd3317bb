// SPDX-License-Identifier: GPL-3.0-or-later
/* The history: what is put in comes out, in order, for whom it is; what is not ours stays as it was. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "backproof/history.h"
#include "backproof/policy.h"
#include "backproof/text.h"
#include "backproof/verdict.h"
#include "history_help.h"
#include "../../src/history/queries.h"

static struct chunks *some_chunks(uint8_t fill, uint64_t size, uint8_t digest[32])
{
	uint8_t hash[MERKLE_HASH];
	struct chunks *c = chunks_new(&e);
	NEED(c);
	for (uint64_t i = 0; i < chunks_of_size(size); i++) {
		memset(hash, fill, sizeof hash);
		hash[0] = (uint8_t)i;
		NEED(chunks_add(c, 1, hash, &e) == 0);
	}
	NEED(chunks_digest(c, size, digest, &e) == 0);
	return c;
}

/* A safe, full verdict of a host with one file. */
static struct history_record *make(const char *host, int64_t at, uint8_t fill)
{
	struct history_record *r = calloc(1, sizeof *r);
	NEED(r);
	r->host = strdup(host);
	r->label = text_format("%s-%d", host, fill);
	r->policy = strdup("default");
	r->checked_at = at;
	r->taken_at = at - 3600;
	r->depth = DEPTH_FULL;
	r->seed = UINT64_MAX - 5;
	memset(r->proofs, OUTCOME_HELD, sizeof r->proofs);
	r->bytes = 3 * MIB;
	r->bytes_read = 1, r->bytes_decoded = 2, r->image_data = 3, r->files_sampled = 4, r->files_restored = 5;
	r->files_witnessed = 6, r->bytes_restored = 7, r->restore_seconds = 1.5, r->duration_seconds = 2.5;
	r->hostname = strdup("in\x01side\xff");
	r->entries = 12;
	r->evidence = EVIDENCE_DIGEST;
	r->opaque = 250000;
	r->opaque_known = true;
	NEED(strings_add(&r->reasons, "first") == 0 && strings_add(&r->reasons, "second") == 0);
	r->sketch = malloc(2 * sizeof *r->sketch);
	r->sketch[0] = fill;
	r->sketch[1] = UINT64_MAX;
	r->sketch_count = 2;
	struct history_file *f = vec_push(&r->files);
	NEED(f);
	f->path = text_format("/b/%s.img", host);
	f->size = 3 * MIB;
	f->device = UINT64_MAX;
	f->inode = 77;
	f->mtime_ns = 1000 + fill;
	f->ctime_ns = 2000 + fill;
	f->has_fsverity = f->read_whole = true;
	f->chunks = some_chunks(fill, f->size, f->fsverity);
	return r;
}

static void done(struct history_record *r)
{
	history_record_free(r);
	free(r);
}

static void add(struct history *h, struct history_record *r)
{
	if (history_add(h, r, &e) < 0)
		fprintf(stderr, "%s\n", e.text);
	CHECK(r->id > 0);
	done(r);
}

struct seen {
	int count;
	int64_t ids[4096];
	char hosts[4096][24];
};

static int visit(void *ctx, const struct history_record *r, struct error *err)
{
	struct seen *s = ctx;
	(void)err;
	s->ids[s->count] = r->id;
	snprintf(s->hosts[s->count++], sizeof s->hosts[0], "%s", r->host);
	return 0;
}

static int same_as(void *ctx, const struct history_record *r, struct error *err)
{
	const struct history_record *w = ctx;
	(void)err;
	CHECK_STR(r->host, w->host);
	CHECK_STR(r->label, w->label);
	CHECK_STR(r->policy, w->policy);
	CHECK_STR(r->hostname, w->hostname);
	CHECK(!r->machine_id && !r->system);
	CHECK(r->checked_at == w->checked_at && r->taken_at == w->taken_at && r->seed == w->seed);
	CHECK(r->code == w->code && r->depth == w->depth && !memcmp(r->proofs, w->proofs, sizeof r->proofs));
	CHECK(r->bytes == w->bytes && r->bytes_read == 1 && r->bytes_decoded == 2 && r->image_data == 3);
	CHECK(r->files_sampled == 4 && r->files_restored == 5 && r->files_witnessed == 6 && r->bytes_restored == 7);
	CHECK(r->restore_seconds == 1.5 && r->duration_seconds == 2.5 && r->entries == 12);
	CHECK_INT(r->evidence, EVIDENCE_DIGEST);
	CHECK(r->opaque_known && r->opaque == 250000);
	CHECK(r->reasons.count == 2 && !strcmp(r->reasons.items[1], "second"));
	CHECK(r->sketch_count == 2 && r->sketch[1] == UINT64_MAX);
	CHECK(r->files.count == 1 && r->files.items[0].device == UINT64_MAX && r->files.items[0].inode == 77);
	CHECK(r->files.items[0].has_fsverity && !r->files.items[0].has_sha256 && !r->files.items[0].chunks);
	return 1;
}

static void round_trip(void)
{
	start();
	struct stat st;
	struct history *h = opened(HISTORY_WRITE);
	CHECK(stat(path, &st) == 0 && (st.st_mode & 07777) == 0640);
	struct history_record *r = make("web01", 1000000, 1);
	CHECK_INT(history_add(h, r, &e), 0);
	CHECK_INT(history_each(h, "web01", 0, same_as, r, &e), 0);
	history_destroy(h);
	h = opened(HISTORY_READ);
	CHECK_INT(history_each(h, NULL, 0, same_as, r, &e), 0);
	CHECK_INT(history_add(h, r, &e), -1);
	history_destroy(h);
	done(r);
	CHECK_INT(number("PRAGMA application_id"), 0x42507266);
	CHECK_INT(number("PRAGMA user_version"), 4);
}

static void order_and_hosts(void)
{
	start();
	struct seen *s = calloc(1, sizeof *s);
	struct history *h = opened(HISTORY_WRITE);
	for (uint8_t i = 0; i < 10; i++)
		add(h, make(i % 2 ? "a" : "b", 1000000 - i, i));
	CHECK_INT(history_each(h, NULL, 0, visit, s, &e), 0);
	CHECK_INT(s->count, 10);
	for (int i = 1; i < s->count; i++)
		CHECK(s->ids[i] < s->ids[i - 1]);
	s->count = 0;
	CHECK_INT(history_each(h, "a", 3, visit, s, &e), 0);
	CHECK_INT(s->count, 3);
	CHECK_STR(s->hosts[2], "a");
	s->count = 0;
	CHECK_INT(history_each(h, "c", 0, visit, s, &e), 0);
	CHECK_INT(s->count, 0);
	char *name = NULL, *next = NULL;
	CHECK_INT(history_next_host(h, NULL, &name, &e), 1);
	CHECK_STR(name, "a");
	CHECK_INT(history_next_host(h, name, &next, &e), 1);
	CHECK_STR(next, "b");
	free(name);
	CHECK_INT(history_next_host(h, next, &name, &e), 0);
	free(next);
	history_destroy(h);
	free(s);
}

static void full_proofs(void)
{
	start();
	struct history_file out;
	int64_t at = 0;
	struct history *h = opened(HISTORY_WRITE);
	struct history_record *r = make("web01", 1000000, 1), *now = make("web01", 2000000, 1);
	struct history_file *f = &now->files.items[0];
	CHECK_INT(history_full_proof(h, "web01", f, &out, &at, &e), 0);
	add(h, r);
	CHECK_INT(history_full_proof(h, "web01", f, &out, &at, &e), 1);
	CHECK_INT(at, 1000000);
	CHECK(out.chunks && chunks_count(out.chunks) == 6 && !memcmp(out.fsverity, f->fsverity, 32));
	history_file_free(&out);
	CHECK_INT(history_full_proof(h, "web02", f, &out, &at, &e), 0);
#define OTHER(field)                                                                                                   \
	do {                                                                                                           \
		f->field++;                                                                                            \
		CHECK_INT(history_full_proof(h, "web01", f, &out, &at, &e), 0);                                        \
		f->field--;                                                                                            \
	} while (0)
	OTHER(size);
	OTHER(device);
	OTHER(inode);
	OTHER(mtime_ns);
	OTHER(ctime_ns);
	f->path[3] = 'x';
	CHECK_INT(history_full_proof(h, "web01", f, &out, &at, &e), 0);
	f->path[3] = 'w';
	/* Whatever is less than a full proof does not count, and hides none. */
	for (int i = 0; i < 6; i++) {
		struct history_record *less = make("web01", 1500000 + i, 1);
		if (i == 0)
			less->code = CODE_DAMAGED;
		if (i == 1)
			less->depth = DEPTH_SAMPLE;
		if (i == 2)
			less->proofs[PROOF_INTEGRITY] = OUTCOME_UNPROVEN;
		if (i == 3)
			less->files.items[0].read_whole = false;
		if (i == 4)
			less->proofs[PROOF_PRESENCE] = OUTCOME_BROKEN;
		if (i == 5)
			less->code = CODE_STALE;
		add(h, less);
		CHECK_INT(history_full_proof(h, "web01", f, &out, &at, &e), 1);
		CHECK_INT(at, 1000000);
		history_file_free(&out);
	}
	add(h, make("web01", 1600000, 1));
	CHECK_INT(history_full_proof(h, "web01", f, &out, &at, &e), 1);
	CHECK_INT(at, 1600000);
	history_file_free(&out);
	CHECK_INT(number("SELECT count(*) FROM chunks"), 1);
	/* Chunks that do not give the digest are no help at all. */
	raw("UPDATE chunks SET data = zeroblob(length(data))");
	CHECK_INT(history_full_proof(h, "web01", f, &out, &at, &e), -1);
	CHECK_INT(e.cls, ERROR_CORRUPT);
	history_destroy(h);
	done(now);
}

static void first_and_same(void)
{
	start();
	struct history_file out;
	int64_t at = 0;
	char *label = NULL;
	struct history *h = opened(HISTORY_WRITE);
	struct history_record *r = make("web01", 900000, 9), *now = make("web01", 2000000, 1);
	struct history_file *f = &now->files.items[0];
	f->mtime_ns = r->files.items[0].mtime_ns;
	r->proofs[PROOF_PRESENCE] = OUTCOME_BROKEN; /* it changed while it was read */
	add(h, r);
	CHECK_INT(history_first_seen(h, "web01", f, &out, &at, &e), 0);
	r = make("web01", 1000000, 1);
	r->code = CODE_STALE;
	add(h, r);
	f->mtime_ns = 1001;
	CHECK_INT(history_first_seen(h, "web01", f, &out, &at, &e), 1);
	CHECK_INT(at, 1000000);
	CHECK(!memcmp(out.fsverity, f->fsverity, 32) && !out.chunks);
	history_file_free(&out);
	add(h, make("web01", 1100000, 1));
	CHECK_INT(history_first_seen(h, "web01", f, &out, &at, &e), 1);
	CHECK_INT(at, 1000000);
	history_file_free(&out);
	/* Itself is no other; nor is another host's. */
	CHECK_INT(history_same_content(h, "web01", f, &label, &at, &e), 0);
	f->mtime_ns = 5;
	CHECK_INT(history_same_content(h, "web02", f, &label, &at, &e), 0);
	CHECK_INT(history_same_content(h, "web01", f, &label, &at, &e), 1);
	CHECK_STR(label, "web01-1");
	CHECK_INT(at, 1100000);
	free(take(label));
	f->fsverity[5] ^= 1;
	CHECK_INT(history_same_content(h, "web01", f, &label, &at, &e), 0);
	history_destroy(h);
	done(now);
}

/* What was found of WEB01 is asked of web01, and held against it; the names stay as they were written. */
static void spellings(void)
{
	start();
	struct history_file out;
	int64_t at = 0, id = 0;
	char *label = NULL, *name = NULL;
	struct seen *s = calloc(1, sizeof *s);
	struct history *h = opened(HISTORY_WRITE);
	struct history_record *r = make("WEB01", 1000000, 1), *now = make("web01", 2000000, 1);
	struct history_file *f = &now->files.items[0];
	memcpy(strstr(r->files.items[0].path, "WEB01"), "web01", 5);
	add(h, make("db01", 1000000, 3));
	add(h, make("xml01", 1000000, 4));
	add(h, r);
	CHECK_INT(history_each(h, "web01", 0, visit, s, &e), 0);
	CHECK_INT(s->count, 1);
	CHECK_STR(s->hosts[0], "WEB01");
	CHECK_INT(history_telling(h, "Web01", 2000000, &id, &e), 1);
	CHECK_INT(id, s->ids[0]);
	CHECK_INT(history_first_seen(h, "web01", f, &out, &at, &e), 1);
	history_file_free(&out);
	CHECK_INT(history_full_proof(h, "web01", f, &out, &at, &e), 1);
	CHECK(out.chunks);
	history_file_free(&out);
	f->mtime_ns = 5;
	CHECK_INT(history_same_content(h, "wEB01", f, &label, &at, &e), 1);
	CHECK_STR(label, "WEB01-1");
	free(label);
	CHECK_INT(history_same_content(h, "web01.example.org", f, &label, &at, &e), 0);
	/* One of them in the list, as it was first written, and once its chunks. */
	add(h, make("web01", 3000000, 1));
	CHECK_INT(number("SELECT count(*) FROM chunks WHERE host LIKE 'web01'"), 1);
	s->count = 0;
	CHECK_INT(history_each(h, "WEB01", 0, visit, s, &e), 0);
	CHECK_INT(s->count, 2);
	CHECK_STR(s->hosts[0], "web01");
	CHECK_INT(history_next_host(h, "DB01", &name, &e), 1);
	CHECK_STR(name, "WEB01");
	free(name);
	CHECK_INT(history_next_host(h, "web01", &name, &e), 1);
	CHECK_STR(name, "xml01");
	free(name);
	/* What is kept, is kept of both together. */
	for (int i = 0; i < 40; i++)
		add(h, make(i % 2 ? "web01" : "WEB01", 3000001 + i, (uint8_t)(10 + i)));
	CHECK_INT(number("SELECT count(*) FROM chunks WHERE host LIKE 'web01'"), HISTORY_KEEP_CHUNKS);
	CHECK_INT(number("SELECT count(*) FROM sketch WHERE host LIKE 'web01'"), HISTORY_KEEP_SKETCHES);
	history_destroy(h);
	done(now);
	free(s);
}

/* Statements that ask for a host find it by an index: 5000 hosts have millions of rows. */
static void by_index(void)
{
	sqlite3 *db;
	int asked = 0;
	start();
	history_destroy(opened(HISTORY_WRITE));
	NEED(sqlite3_open(path, &db) == SQLITE_OK);
	for (int i = 0; i < SQL_COUNT; i++) {
		sqlite3_stmt *s;
		if (!strstr(queries[i], "host = ") && !strstr(queries[i], "host > "))
			continue;
		asked++;
		char *line = text_format("EXPLAIN QUERY PLAN %s", queries[i]);
		NEED(line && sqlite3_prepare_v2(db, line, -1, &s, NULL) == SQLITE_OK);
		while (sqlite3_step(s) == SQLITE_ROW) {
			const char *step = (const char *)sqlite3_column_text(s, 3);
			if (!strncmp(step, "SCAN", 4))
				fprintf(stderr, "%s: %s\n", queries[i], step);
			CHECK(strncmp(step, "SCAN", 4));
		}
		sqlite3_finalize(s);
		free(line);
	}
	CHECK(asked >= 15);
	sqlite3_close(db);
}

static void pruning(void)
{
	start();
	struct history *h = opened(HISTORY_WRITE);
	for (int i = 0; i < 50; i++)
		add(h, make("web01", 1000000 + i, (uint8_t)i));
	add(h, make("web02", 1000000, 200));
	CHECK_INT(number("SELECT count(*) FROM chunks WHERE host = 'web01'"), HISTORY_KEEP_CHUNKS);
	CHECK_INT(number("SELECT min(run) FROM chunks WHERE host = 'web01'"), 48);
	CHECK_INT(number("SELECT count(*) FROM sketch WHERE host = 'web01'"), HISTORY_KEEP_SKETCHES);
	CHECK_INT(number("SELECT count(*) FROM chunks"), HISTORY_KEEP_CHUNKS + 1);
	/* Old ones go, but never those of the newest HISTORY_KEEP_RUNS: a clock that is wrong costs nothing. */
	add(h, make("web01", 5000000000, 60));
	CHECK_INT(number("SELECT count(*) FROM run WHERE host = 'web01'"), 51);
	raw("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500) INSERT INTO run(host, "
	    "checked_at, taken_at, code, depth, seed, proofs, bytes, bytes_read, bytes_decoded, image_data, "
	    "files_sampled, files_restored, files_witnessed, bytes_restored, restore_seconds, duration_seconds) "
	    "SELECT 'web01', 5000000000 + i, 0, 0, 2, 0, x'01010101010101',0,0,0,0,0,0,0,0,0,0 FROM n");
	add(h, make("web01", 5000000600, 61));
	CHECK_INT(number("SELECT count(*) FROM run WHERE host = 'web01' AND checked_at < 2000000"), 0);
	CHECK_INT(number("SELECT count(*) FROM run WHERE host = 'web01'"), 502);
	CHECK_INT(number("SELECT count(*) FROM file WHERE run NOT IN (SELECT id FROM run)"), 0);
	CHECK_INT(number("SELECT count(*) FROM run WHERE host = 'web02'"), 1);
	history_destroy(h);
}

static void *post_many(void *h)
{
	for (int i = 0; i < 50; i++)
		history_post(h, make("web01", 1000000 + i, (uint8_t)i));
	return NULL;
}

static void threads(void)
{
	start();
	pthread_t t[4];
	size_t lost = 1;
	struct history *h = opened(HISTORY_WRITE), *other = opened(HISTORY_WRITE);
	for (int i = 0; i < 4; i++)
		NEED(pthread_create(&t[i], NULL, post_many, i % 2 ? h : other) == 0);
	add(h, make("web02", 1, 1));
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	CHECK_INT(history_flush(h, &lost, &e), 0);
	CHECK_INT(lost, 0);
	CHECK_INT(history_flush(other, &lost, &e), 0);
	CHECK_INT(number("SELECT count(*) FROM run"), 201);
	post_many(h);
	history_destroy(h); /* what was posted is written */
	history_destroy(other);
	CHECK_INT(number("SELECT count(*) FROM run"), 251);
}

static void processes(void)
{
	start();
	pid_t pids[3];
	for (int i = 0; i < 3; i++) {
		pids[i] = fork();
		if (!pids[i]) {
			struct history *h = opened(HISTORY_WRITE); /* all three make it */
			for (int k = 0; k < 20; k++)
				add(h, make("web01", 1000000 + k, (uint8_t)k));
			history_destroy(h);
			_exit(test_bad_here);
		}
	}
	for (int i = 0; i < 3; i++) {
		int status = 1;
		waitpid(pids[i], &status, 0);
		CHECK_INT(status, 0);
	}
	CHECK_INT(number("SELECT count(*) FROM run"), 60);
}

static void add_once(void)
{
	struct history *h = opened(HISTORY_WRITE);
	add(h, make("web01", 100000, 1));
	history_destroy(h);
}

/* Killed whenever it happens: what was said to be written is there. */
static void killed(void)
{
	start();
	struct rng rng = {1};
	history_destroy(opened(HISTORY_WRITE));
	for (int i = 0; i < 25; i++) {
		int ends[2], n = 0;
		char c;
		NEED(pipe(ends) == 0);
		long long before = number("SELECT count(*) FROM run");
		pid_t pid = fork();
		if (!pid) {
			struct history *h = history_open(path, HISTORY_WRITE, &e);
			for (int k = 0; h; k++) {
				struct history_record *r = make("web01", 1000000 + k, (uint8_t)k);
				if (history_add(h, r, &e) < 0)
					break;
				done(r);
				if (write(ends[1], "x", 1) != 1)
					break;
			}
			_exit(1);
		}
		close(ends[1]);
		usleep((unsigned)rng_below(&rng, 40000));
		kill(pid, SIGKILL);
		while (read(ends[0], &c, 1) == 1)
			n++;
		close(ends[0]);
		int status = 0;
		waitpid(pid, &status, 0);
		CHECK(WIFSIGNALED(status));
		long long after = number("SELECT count(*) FROM run");
		CHECK(after == before + n || after == before + n + 1);
	}
	CHECK_INT(number("SELECT count(*) = 1 AND integrity_check = 'ok' FROM pragma_integrity_check"), 1);
	CHECK_INT(number("SELECT count(*) FROM pragma_foreign_key_check"), 0);
	add_once();
	/* While it is made. */
	for (int i = 0; i < 25; i++) {
		start();
		pid_t pid = fork();
		if (!pid) {
			add_once();
			_exit(0);
		}
		usleep((unsigned)rng_below(&rng, 50000));
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		add_once();
		CHECK(number("SELECT count(*) FROM run") <= 2);
	}
}

static void post_what_fails(void)
{
	start();
	size_t lost = 0;
	struct history *h = opened(HISTORY_WRITE);
	struct history_record *r = make("web01", 1, 1);
	free(r->host);
	r->host = NULL; /* the database refuses it */
	history_post(h, make("web01", 2, 2));
	history_post(h, r);
	history_post(h, make("web01", 3, 3));
	CHECK_INT(history_flush(h, &lost, &e), -1);
	CHECK_INT(lost, 1);
	CHECK(strstr(e.text, "NOT NULL"));
	CHECK_INT(history_flush(h, &lost, &e), 0);
	history_destroy(h);
	CHECK_INT(number("SELECT count(*) FROM run"), 2);
}

static enum error_class fails(enum history_mode mode)
{
	memset(&e, 0, sizeof e);
	struct history *h = history_open(path, mode, &e);
	if (h) {
		history_destroy(h);
		return ERROR_NONE;
	}
	CHECK(strstr(e.text, top));
	return e.cls;
}

static char *content(size_t *len)
{
	FILE *f = fopen(path, "r");
	char *p = malloc(1 << 20);
	NEED(f && p);
	*len = fread(p, 1, 1 << 20, f);
	fclose(f);
	return p;
}

/* Refused by both modes, and not touched. */
static void refused(enum error_class cls)
{
	size_t before, after;
	char *a = content(&before);
	CHECK_INT(fails(HISTORY_WRITE), cls);
	CHECK_INT(fails(HISTORY_READ), cls);
	char *b = content(&after);
	CHECK(before == after && !memcmp(a, b, before));
	free(a);
	free(b);
	char beside[320];
	snprintf(beside, sizeof beside, "%s-wal", path);
	CHECK(access(beside, F_OK) < 0);
	snprintf(beside, sizeof beside, "%s-shm", path);
	CHECK(access(beside, F_OK) < 0);
}

static void put(const char *text, size_t len)
{
	FILE *f = fopen(path, "w");
	NEED(f && fwrite(text, 1, len, f) == len && fclose(f) == 0);
}

static void not_ours(void)
{
	start();
	CHECK_INT(fails(HISTORY_READ), ERROR_MISSING);
	put("hello\n", 6);
	refused(ERROR_CORRUPT);
	start();
	put("SQLite format 3", 16); /* and no more */
	refused(ERROR_CORRUPT);
	start();
	raw("CREATE TABLE run(id INTEGER)");
	refused(ERROR_CORRUPT);
	start();
	raw("PRAGMA journal_mode=WAL; CREATE TABLE run(id INTEGER)");
	refused(ERROR_CORRUPT);
	start();
	raw("PRAGMA application_id=1; CREATE TABLE run(id INTEGER)");
	refused(ERROR_CORRUPT);
	start(); /* it says that it is ours, and has other tables */
	raw("PRAGMA application_id=0x42507266; PRAGMA user_version=4; CREATE TABLE run(id INTEGER)");
	refused(ERROR_CORRUPT);
	start();
	raw("PRAGMA application_id=0x42507266; CREATE TABLE run(id INTEGER)");
	CHECK_INT(fails(HISTORY_WRITE), ERROR_CORRUPT);
	start();
	NEED(mkdir(path, 0755) == 0);
	CHECK_INT(fails(HISTORY_WRITE), ERROR_CORRUPT);
	rmdir(path);
	NEED(mkfifo(path, 0644) == 0);
	CHECK_INT(fails(HISTORY_WRITE), ERROR_CORRUPT);
	CHECK_INT(fails(HISTORY_READ), ERROR_CORRUPT);
	start();
	strcat(path, "/none/h.db");
	CHECK_INT(fails(HISTORY_WRITE), ERROR_MISSING);
	/* An empty file was made by one who was killed. */
	start();
	put("", 0);
	CHECK_INT(fails(HISTORY_READ), ERROR_MISSING);
	CHECK_INT(fails(HISTORY_WRITE), ERROR_NONE);
	CHECK_INT(fails(HISTORY_READ), ERROR_NONE);
}

static void schemas(void)
{
	static const char *const extras[] = {
		"CREATE TABLE more(x)", "CREATE VIEW v AS SELECT 1", "DROP INDEX run_host",
		"CREATE TRIGGER t AFTER INSERT ON run BEGIN DELETE FROM run; END",
		"ALTER TABLE run ADD COLUMN more TEXT",
	};
	for (size_t i = 0; i < ARRAY_SIZE(extras); i++) {
		start();
		history_destroy(opened(HISTORY_WRITE));
		raw(extras[i]);
		refused(ERROR_CORRUPT);
	}
	start();
	history_destroy(opened(HISTORY_WRITE));
	raw("ANALYZE");
	CHECK_INT(fails(HISTORY_WRITE), ERROR_NONE);
	raw("PRAGMA user_version=5");
	refused(ERROR_UNSUPPORTED);
}

/* As version 1 was; its rows are still there when it has become the present one. */
static void migration(void)
{
	static const char v1[] =
		"CREATE TABLE run(id INTEGER PRIMARY KEY, host TEXT NOT NULL, label TEXT, policy TEXT, "
		"checked_at INTEGER NOT NULL, taken_at INTEGER NOT NULL, code INTEGER NOT NULL, depth INTEGER NOT NULL, "
		"seed INTEGER NOT NULL, proofs BLOB NOT NULL, bytes INTEGER NOT NULL, bytes_read INTEGER NOT NULL, "
		"bytes_decoded INTEGER NOT NULL, image_data INTEGER NOT NULL, files_sampled INTEGER NOT NULL, "
		"files_restored INTEGER NOT NULL, files_witnessed INTEGER NOT NULL, bytes_restored INTEGER NOT NULL, "
		"restore_seconds REAL NOT NULL, duration_seconds REAL NOT NULL, hostname TEXT, machine_id TEXT, system TEXT);"
		"CREATE INDEX run_host ON run(host, id);"
		"CREATE TABLE reason(run INTEGER NOT NULL REFERENCES run(id) ON DELETE CASCADE, line INTEGER NOT NULL, "
		"text TEXT NOT NULL, PRIMARY KEY(run, line)) WITHOUT ROWID;"
		"CREATE TABLE file(run INTEGER NOT NULL REFERENCES run(id) ON DELETE CASCADE, position INTEGER NOT NULL, "
		"path TEXT NOT NULL, size INTEGER NOT NULL, device INTEGER NOT NULL, inode INTEGER NOT NULL, "
		"mtime_ns INTEGER NOT NULL, ctime_ns INTEGER NOT NULL, sha256 BLOB, fsverity BLOB, "
		"read_whole INTEGER NOT NULL, PRIMARY KEY(run, position)) WITHOUT ROWID;"
		"CREATE INDEX file_path ON file(path, run);"
		"CREATE INDEX file_sha256 ON file(sha256, run) WHERE sha256 IS NOT NULL;"
		"CREATE INDEX file_fsverity ON file(fsverity, run) WHERE fsverity IS NOT NULL;"
		"PRAGMA application_id=0x42507266; PRAGMA user_version=1;"
		"INSERT INTO run VALUES (7, 'web01', 'old', 'default', 5, 4, 0, 2, 1, x'01010101010101', 1, 2, 3, 4, 5, 6, "
		"7, 8, 1.0, 2.0, 'web01', NULL, NULL);"
		"INSERT INTO reason VALUES (7, 0, 'why');"
		"INSERT INTO file VALUES (7, 0, '/b/x', 1, 2, 3, 4, 5, zeroblob(32), NULL, 1);";
	struct seen *s = calloc(1, sizeof *s);
	for (int mode = HISTORY_READ; mode <= HISTORY_WRITE; mode++) {
		start();
		raw(v1);
		struct history *h = opened((enum history_mode)mode);
		s->count = 0;
		CHECK_INT(history_each(h, NULL, 0, visit, s, &e), 0);
		CHECK_INT(s->count, 1);
		CHECK_INT(s->ids[0], 7);
		add(h, make("web01", 10, 1));
		history_destroy(h);
		CHECK_INT(number("PRAGMA user_version"), 4);
		CHECK_INT(number("SELECT count(*) FROM run"), 2);
		CHECK_INT(number("SELECT count(*) FROM file"), 2);
	}
	free(s);
}

/* As version 3 was, which took capitals for another host: both are one now, and nothing of either is lost. */
static void migration_of_spellings(void)
{
	static const char back[] =
		"DROP INDEX run_host; DROP INDEX sketch_host; DROP INDEX chunks_host; DROP INDEX patch_host; "
		"DROP INDEX waiver_host; DROP INDEX suspect_host;"
		"CREATE INDEX run_host ON run(host, id); CREATE INDEX sketch_host ON sketch(host, run);"
		"CREATE INDEX patch_host ON patch(host, id); CREATE INDEX waiver_host ON waiver(host, ends_at);"
		"INSERT INTO chunks(run, host, fsverity, size, data) SELECT run, 'WEB01', fsverity, size, data FROM chunks;"
		"UPDATE run SET host = 'WEB01' WHERE id = 1; UPDATE sketch SET host = 'WEB01' WHERE run = 1;"
		"PRAGMA user_version=3";
	struct seen *s = calloc(1, sizeof *s);
	for (int mode = HISTORY_READ; mode <= HISTORY_WRITE; mode++) {
		struct history_file out;
		int64_t at = 0;
		start();
		struct history *h = opened(HISTORY_WRITE);
		add(h, make("web01", 10, 1));
		add(h, make("web01", 20, 1));
		history_destroy(h);
		raw(back);
		CHECK_INT(number("SELECT count(*) FROM chunks"), 2);
		h = opened((enum history_mode)mode);
		CHECK_INT(number("PRAGMA user_version"), 4);
		s->count = 0;
		CHECK_INT(history_each(h, "web01", 0, visit, s, &e), 0);
		CHECK_INT(s->count, 2);
		CHECK_STR(s->hosts[1], "WEB01");
		struct history_record *r = make("web01", 30, 1);
		CHECK_INT(history_first_seen(h, "Web01", &r->files.items[0], &out, &at, &e), 1);
		CHECK_INT(at, 10);
		history_file_free(&out);
		CHECK_INT(history_full_proof(h, "Web01", &r->files.items[0], &out, &at, &e), 1);
		CHECK(at == 20 && out.chunks);
		history_file_free(&out);
		done(r);
		add(h, make("web01", 40, 1));
		CHECK_INT(number("SELECT count(*) FROM chunks WHERE run = 3"), 2);
		history_destroy(h);
	}
	free(s);
}

static void *unlock(void *db)
{
	usleep(300000);
	sqlite3_exec(db, "COMMIT", 0, 0, 0);
	sqlite3_close(db);
	return NULL;
}

static void locked(void)
{
	start();
	struct seen *s = calloc(1, sizeof *s);
	struct history *h = opened(HISTORY_WRITE);
	add(h, make("web01", 1, 1));
	sqlite3 *db;
	NEED(sqlite3_open(path, &db) == SQLITE_OK && sqlite3_exec(db, "BEGIN EXCLUSIVE", 0, 0, 0) == SQLITE_OK);
	/* Who reads does not wait. */
	if (history_each(h, NULL, 0, visit, s, &e) < 0)
		fprintf(stderr, "%s\n", e.text);
	CHECK_INT(s->count, 1);
	/* Who writes does, while others are only slow (tests/cli/history.sh has one that is slower). */
	pthread_t t;
	NEED(pthread_create(&t, NULL, unlock, db) == 0);
	struct history_record *r = make("web01", 2, 2);
	CHECK_INT(history_add(h, r, &e), 0);
	done(r);
	pthread_join(t, NULL);
	history_destroy(h);
	free(s);
}

static void trust(void)
{
	struct stat st;
	start();
	history_destroy(opened(HISTORY_WRITE));
	chmod(path, 0666);
	refused(ERROR_IO);
	chmod(path, 0640);
	char dir[64], link[64];
	snprintf(dir, sizeof dir, "%s/open", top);
	snprintf(link, sizeof link, "%s/link.db", top);
	NEED(mkdir(dir, 0755) == 0 && chmod(dir, 0777) == 0);
	NEED(symlink(path, link) == 0);
	CHECK_INT(fails(HISTORY_WRITE), ERROR_NONE);
	snprintf(path, sizeof path, "%s/h.db", dir);
	CHECK_INT(fails(HISTORY_WRITE), ERROR_IO);
	CHECK(stat(path, &st) < 0);
	chmod(dir, 01777);
	CHECK_INT(fails(HISTORY_WRITE), ERROR_NONE);
	/* Links: ours are followed to what is there, and nothing is made through them. */
	snprintf(path, sizeof path, "%s", link);
	CHECK_INT(fails(HISTORY_WRITE), ERROR_NONE);
	unlink(link);
	NEED(symlink("nowhere.db", link) == 0);
	CHECK_INT(fails(HISTORY_WRITE), ERROR_MISSING);
	unlink(link);
	if (geteuid() == 0) {
		/* A shared directory: what another user has put there is not believed. */
		snprintf(path, sizeof path, "%s/h.db", dir);
		NEED(chown(path, 12345, 12345) == 0);
		refused(ERROR_IO);
		chmod(dir, 0755);
		refused(ERROR_IO);
		/* Its own directory: the configuration has named it. */
		NEED(chown(dir, 12345, 12345) == 0);
		CHECK_INT(fails(HISTORY_WRITE), ERROR_NONE);
		NEED(chown(path, 0, 0) == 0 && chown(dir, 0, 0) == 0 && chmod(dir, 01777) == 0);
		snprintf(path, sizeof path, "%s/l.db", dir);
		NEED(symlink("h.db", path) == 0);
		CHECK_INT(fails(HISTORY_WRITE), ERROR_NONE);
		NEED(lchown(path, 12345, 12345) == 0);
		CHECK_INT(fails(HISTORY_WRITE), ERROR_IO);
	}
}

int main(void)
{
	snprintf(top, sizeof top, "/tmp/history-XXXXXX");
	NEED(mkdtemp(top));
	RUN(round_trip);
	RUN(order_and_hosts);
	RUN(full_proofs);
	RUN(first_and_same);
	RUN(spellings);
	RUN(by_index);
	RUN(pruning);
	RUN(threads);
	RUN(processes);
	RUN(killed);
	RUN(post_what_fails);
	RUN(not_ours);
	RUN(schemas);
	RUN(migration);
	RUN(migration_of_spellings);
	RUN(locked);
	RUN(trust);
	char *line = text_format("rm -rf %s", top);
	NEED(line && system(line) == 0);
	free(line);
	return test_done();
}
