// SPDX-License-Identifier: GPL-3.0-or-later
/* Patches, waivers, leases and suspects: what is put in comes out; never more leases than places, whoever is killed. */
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "backproof/ledger.h"
#include "backproof/text.h"
#include "history_help.h"

#define T0 INT64_C(1800000000)

static const char *const command[] = {"apt-get", "", " a  b\t", "it's", "\"$(x)\"", "back\\slash", "new\nline",
				      "\xff\x01#;", "--"};

static void make_patch(struct patch_record *r, const char *host)
{
	memset(r, 0, sizeof *r);
	r->host = strdup(host);
	r->policy = strdup("default");
	r->label = strdup("web01/2026-11-22.img");
	r->suspect = strdup("made after the alarm");
	r->code = 11;
	r->waiver = 5;
	r->checked_at = T0;
	r->taken_at = T0 - 3600;
	r->started_at = T0 + 1;
	r->state = PROGRAM_RUNNING;
	r->post = strdup("systemctl is-active nginx");
	r->user = strdup("root");
	NEED(strings_add(&r->formats, "zstd") == 0 && strings_add(&r->formats, "raw") == 0);
	for (size_t i = 0; i < ARRAY_SIZE(command); i++)
		NEED(strings_add(&r->command, command[i]) == 0);
	for (uint8_t i = 0; i < 2; i++) {
		struct history_file *f = vec_push(&r->files);
		NEED(f);
		f->path = text_format("/b/it's \n%d.img", i);
		f->size = UINT64_MAX - i;
		f->device = 3, f->inode = 4, f->mtime_ns = -5, f->ctime_ns = 6;
		f->has_sha256 = i == 0;
		f->has_fsverity = i == 1;
		memset(i ? f->fsverity : f->sha256, 0xa0 + i, 32);
		f->read_whole = i;
	}
}

/* Of which only what must be there is. */
static void make_least(struct patch_record *r, const char *host)
{
	memset(r, 0, sizeof *r);
	r->host = strdup(host);
	NEED(strings_add(&r->command, "true") == 0);
}

static void same_patch(const struct patch_record *r, const struct patch_record *w)
{
	CHECK(r->id == w->id && r->id > 0);
	CHECK_STR(r->host, w->host);
	CHECK_STR(r->policy, w->policy);
	CHECK_STR(r->label, w->label);
	CHECK_STR(r->suspect, w->suspect);
	CHECK_STR(r->post, w->post);
	CHECK_STR(r->user, w->user);
	CHECK(r->code == w->code && r->waiver == w->waiver);
	CHECK(r->checked_at == w->checked_at && r->taken_at == w->taken_at && r->started_at == w->started_at);
	CHECK(r->ended_at == w->ended_at && r->post_ended_at == w->post_ended_at);
	CHECK(r->state == w->state && r->status == w->status);
	CHECK(r->post_state == w->post_state && r->post_status == w->post_status);
	CHECK(r->formats.count == 2 && !strcmp(r->formats.items[1], "raw"));
	CHECK_INT(r->command.count, ARRAY_SIZE(command));
	for (size_t i = 0; i < r->command.count && i < ARRAY_SIZE(command); i++)
		CHECK_STR(r->command.items[i], command[i]);
	CHECK_INT(r->files.count, 2);
	for (size_t i = 0; i < r->files.count; i++) {
		const struct history_file *f = &r->files.items[i], *g = &w->files.items[i];
		CHECK_STR(f->path, g->path);
		CHECK(f->size == g->size && f->device == 3 && f->inode == 4 && f->mtime_ns == -5 && f->ctime_ns == 6);
		CHECK(f->has_sha256 == g->has_sha256 && f->has_fsverity == g->has_fsverity);
		CHECK(!memcmp(f->sha256, g->sha256, 32) && !memcmp(f->fsverity, g->fsverity, 32));
		CHECK(f->read_whole == g->read_whole && !f->chunks);
	}
}

static int see_same(void *ctx, const struct patch_record *r, struct error *err)
{
	(void)err;
	same_patch(r, ctx);
	return 0;
}

static void patch_round_trip(void)
{
	start();
	struct patch_record r, out;
	struct history *h = opened(HISTORY_WRITE);
	make_patch(&r, "web01");
	CHECK_INT(history_patch_begin(h, &r, &e), 0);
	CHECK_INT(history_patch(h, r.id, &out, &e), 1);
	same_patch(&out, &r);
	patch_record_free(&out);
	r.state = PROGRAM_EXITED, r.status = 100, r.ended_at = T0 + 9;
	r.post_state = PROGRAM_SIGNALLED, r.post_status = 15, r.post_ended_at = T0 + 10;
	CHECK_INT(history_patch_update(h, &r, &e), 0);
	history_destroy(h);
	h = opened(HISTORY_READ);
	CHECK_INT(history_patches(h, "web01", 0, see_same, &r, &e), 0);
	CHECK_INT(history_patches(h, NULL, 1, see_same, &r, &e), 0);
	CHECK_INT(history_patch(h, r.id + 1, &out, &e), 0);
	CHECK(!out.host);
	history_destroy(h);
	patch_record_free(&r);
}

static void patch_of_little(void)
{
	start();
	struct patch_record r, out;
	struct history *h = opened(HISTORY_WRITE);
	make_least(&r, "web01");
	CHECK_INT(history_patch_begin(h, &r, &e), 0);
	CHECK_INT(history_patch(h, r.id, &out, &e), 1);
	CHECK(!out.policy && !out.label && !out.suspect && !out.post && !out.user);
	CHECK(!out.formats.count && !out.files.count && out.command.count == 1 && out.state == PROGRAM_NONE);
	patch_record_free(&out);
	/* A command line without end: as much as anybody reads. */
	char *word = malloc(100001);
	NEED(word);
	memset(word, '"', 100000);
	word[100000] = 0;
	for (int i = 0; i < 20; i++)
		NEED(strings_add(&r.command, word) == 0);
	CHECK_INT(history_patch_begin(h, &r, &e), 0);
	CHECK_INT(history_patch(h, r.id, &out, &e), 1);
	CHECK(out.command.count == 4 && !strcmp(out.command.items[3], "..."));
	patch_record_free(&out);
	free(word);
	r.id = 99;
	CHECK_INT(history_patch_update(h, &r, &e), -1);
	CHECK_INT(e.cls, ERROR_MISSING);
	r.id = 1;
	r.host[0] = 'x';
	CHECK_INT(history_patch_update(h, &r, &e), -1);
	CHECK_INT(e.cls, ERROR_MISSING);
	patch_record_free(&r);
	history_destroy(h);
}

struct ids {
	int64_t ids[2000];
	size_t count;
};

static int see_id(void *ctx, const struct patch_record *r, struct error *err)
{
	struct ids *s = ctx;
	(void)err;
	s->ids[s->count++] = r->id;
	return 0;
}

static void patch_order(void)
{
	start();
	struct ids *s = calloc(1, sizeof *s);
	struct history *h = opened(HISTORY_WRITE);
	static const char *const hosts[] = {"web01", "web02", "Web01", "web01 ", "web01"};
	for (size_t i = 0; i < ARRAY_SIZE(hosts); i++) {
		struct patch_record r;
		make_least(&r, hosts[i]);
		r.started_at = T0 - (int64_t)i; /* whatever the clock said: the later is the newer */
		CHECK_INT(history_patch_begin(h, &r, &e), 0);
		patch_record_free(&r);
	}
	CHECK_INT(history_patches(h, NULL, 0, see_id, s, &e), 0);
	CHECK(s->count == 5 && s->ids[0] == 5 && s->ids[4] == 1);
	s->count = 0;
	CHECK_INT(history_patches(h, "web01", 0, see_id, s, &e), 0);
	CHECK(s->count == 3 && s->ids[0] == 5 && s->ids[1] == 3 && s->ids[2] == 1); /* capitals say nothing */
	s->count = 0;
	CHECK_INT(history_patches(h, NULL, 3, see_id, s, &e), 0);
	CHECK(s->count == 3 && s->ids[2] == 3);
	history_destroy(h);
	free(s);
}

/* One that can't have been is not written: it could not be read again. */
static void patch_refused(void)
{
	start();
	struct history *h = opened(HISTORY_WRITE);
	for (int i = 0; i < 13; i++) {
		struct patch_record r;
		make_patch(&r, i == 0 ? "" : "web01");
		if (i == 1)
			r.code = 87;
		if (i == 2)
			r.code = 70;
		if (i == 3)
			r.waiver = 0; /* not safe, and nobody has waived it */
		if (i == 4)
			r.code = 0;
		if (i == 5)
			r.waiver = -1;
		if (i == 6)
			r.taken_at = -1;
		if (i == 7)
			r.ended_at = INT64_MAX;
		if (i == 8)
			strings_free(&r.command);
		if (i == 9)
			r.state = (enum program_state)5;
		if (i == 10)
			r.state = PROGRAM_EXITED, r.status = 256;
		if (i == 11)
			r.post_state = PROGRAM_SIGNALLED, r.post_status = 0;
		if (i == 12)
			r.status = 3; /* of what has not ended */
		CHECK_INT(history_patch_begin(h, &r, &e), -1);
		CHECK_INT(e.cls, ERROR_INTERNAL);
		CHECK_INT(r.id, 0);
		patch_record_free(&r);
	}
	CHECK_INT(number("SELECT count(*) FROM patch"), 0);
	history_destroy(h);
}

static void patch_pruning(void)
{
	start();
	struct patch_record r;
	struct history *h = opened(HISTORY_WRITE);
	make_patch(&r, "web01");
	CHECK_INT(history_patch_begin(h, &r, &e), 0);
	/* Old ones by the dozen, of this host and of another. */
	raw("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 450) INSERT INTO patch "
	    "SELECT NULL, host, policy, code, waiver, label, suspect, checked_at, taken_at, formats, command, state, "
	    "status, 5, ended_at, post, post_state, post_status, post_ended_at, user FROM patch, n WHERE id = 1");
	raw("UPDATE patch SET host = 'web02' WHERE id > 441; UPDATE patch SET started_at = 5;"
	    "INSERT INTO patch_file SELECT 2, position, path, size, device, inode, mtime_ns, ctime_ns, sha256, fsverity, "
	    "read_whole FROM patch_file");
	/* A clock that says 1970 takes nothing away. */
	int64_t was = r.started_at;
	r.started_at = 1000;
	CHECK_INT(history_patch_begin(h, &r, &e), 0);
	CHECK_INT(number("SELECT count(*) FROM patch WHERE host = 'web01'"), 442);
	r.started_at = was;
	CHECK_INT(history_patch_begin(h, &r, &e), 0);
	CHECK_INT(number("SELECT count(*) FROM patch WHERE host = 'web01'"), HISTORY_KEEP_RUNS);
	CHECK_INT(number("SELECT count(*) FROM patch WHERE host = 'web02'"), 10);
	CHECK_INT(number("SELECT count(*) FROM patch_file WHERE patch IN (1, 2)"), 0);
	CHECK_INT(number("SELECT count(*) FROM patch_file"), 4);
	/* None that is young goes, however many there are. */
	raw("UPDATE patch SET started_at = 1799000000");
	CHECK_INT(history_patch_begin(h, &r, &e), 0);
	CHECK_INT(number("SELECT count(*) FROM patch WHERE host = 'web01'"), HISTORY_KEEP_RUNS + 1);
	patch_record_free(&r);
	history_destroy(h);
}

static int ignore_patch(void *ctx, const struct patch_record *r, struct error *err)
{
	(void)ctx;
	(void)r;
	(void)err;
	return 0;
}

static int ignore_waiver(void *ctx, const struct waiver *w, struct error *err)
{
	(void)ctx;
	(void)w;
	(void)err;
	return 0;
}

static void make_waiver(struct waiver *w, const char *host, int64_t from, int64_t to)
{
	memset(w, 0, sizeof *w);
	w->host = strdup(host);
	w->reason = strdup("it burns\n");
	w->user = strdup("root");
	w->recorded_at = from;
	w->ends_at = to;
}

static void hostile(void)
{
	static const char *const patches[] = {
		"host = ''", "host = x'77006231'", "host = CAST(zeroblob(2000000) AS TEXT)", "code = 1", "code = 87",
		"code = 4294967296",
		"code = 4294967296, waiver = 0", "code = 0", "code = 64, waiver = 1", "waiver = 0", "waiver = -1",
		"waiver = 'web01'", "checked_at = -1", "started_at = 253402300800", "taken_at = 9e18",
		"post_ended_at = -1", "formats = '\"'", "command = ''", "command = 'a \\'", "state = 5", "state = -1",
		"state = 4294967298", "status = 1", "state = 2, status = 256", "state = 3, status = 0",
		"post_state = 3, post_status = 4294967311", "id = -3", "id = 0",
	};
	static const char *const waivers[] = {
		"host = ''", "reason = ''", "user = ''", "host = CAST(x'7700' AS TEXT)", "uid = -1", "uid = 4294967296",
		"recorded_at = 0", "recorded_at = -5", "ends_at = recorded_at", "ends_at = 253402300800", "ended_at = -1",
		"ends_at = 9.3e18", "id = -1",
	};
	static const char *const runs[] = {"waiver = -1", "waiver = 1", "waiver = 1, code = 70"};
	char sql[300];
	for (size_t i = 0; i < ARRAY_SIZE(patches) + ARRAY_SIZE(waivers) + ARRAY_SIZE(runs); i++) {
		start();
		struct patch_record r;
		struct waiver w;
		struct history_record run = {.host = strdup("web01"), .depth = 2};
		struct history *h = opened(HISTORY_WRITE);
		make_patch(&r, "web01");
		make_waiver(&w, "web01", T0, T0 + 5);
		NEED(history_patch_begin(h, &r, &e) == 0 && history_waiver_add(h, &w, &e) == 0 &&
		     history_add(h, &run, &e) == 0);
		size_t j = i - ARRAY_SIZE(patches), k = j - ARRAY_SIZE(waivers);
		if (i < ARRAY_SIZE(patches))
			snprintf(sql, sizeof sql, "PRAGMA foreign_keys=OFF; UPDATE patch SET %s", patches[i]);
		else if (j < ARRAY_SIZE(waivers))
			snprintf(sql, sizeof sql, "UPDATE waiver SET %s", waivers[j]);
		else
			snprintf(sql, sizeof sql, "UPDATE run SET %s", runs[k]);
		raw(sql);
		int rc = i < ARRAY_SIZE(patches) ? history_patches(h, NULL, 0, ignore_patch, NULL, &e)
			 : j < ARRAY_SIZE(waivers) ? history_waivers(h, NULL, 0, ignore_waiver, NULL, &e)
						   : history_each(h, NULL, 0, NULL, NULL, &e);
		if (rc != -1 || e.cls != ERROR_CORRUPT)
			fprintf(stderr, "%s: %d, %s\n", sql, rc, e.text);
		CHECK(rc == -1 && e.cls == ERROR_CORRUPT);
		patch_record_free(&r);
		waiver_free(&w);
		history_record_free(&run);
		history_destroy(h);
	}
}

static int see_waiver(void *ctx, const struct waiver *w, struct error *err)
{
	struct ids *s = ctx;
	(void)err;
	s->ids[s->count++] = w->id;
	return 0;
}

static size_t waivers_at(struct history *h, const char *host, int64_t now)
{
	struct ids *s = calloc(1, sizeof *s);
	CHECK_INT(history_waivers(h, host, now, see_waiver, s, &e), 0);
	size_t n = s->count;
	for (size_t i = 1; i < n; i++)
		CHECK(s->ids[i] < s->ids[i - 1]);
	free(s);
	return n;
}

static int keep_waiver(void *ctx, const struct waiver *w, struct error *err)
{
	struct waiver *k = ctx;
	(void)err;
	const char *const text[] = {w->host, w->reason, w->ticket, w->user, w->login, w->terminal, w->origin, w->ended_by,
				    w->envelope};
	char **const to[] = {&k->host, &k->reason, &k->ticket, &k->user, &k->login, &k->terminal, &k->origin,
			     &k->ended_by, &k->envelope};
	waiver_free(k);
	*k = *w;
	for (size_t i = 0; i < ARRAY_SIZE(text); i++)
		*to[i] = text[i] ? strdup(text[i]) : NULL;
	return 1;
}

static void waiver_round_trip(void)
{
	start();
	struct waiver w, out = {0};
	struct history *h = opened(HISTORY_WRITE);
	make_waiver(&w, "web01", T0, T0 + 7200);
	CHECK_INT(history_waiver_add(h, &w, &e), 0);
	CHECK_INT(history_waivers(h, "web01", T0, keep_waiver, &out, &e), 0);
	CHECK(!out.ticket && !out.login && !out.terminal && !out.origin && !out.ended_by && !out.envelope);
	CHECK(out.recorded_at == T0 && out.ends_at == T0 + 7200 && !out.ended_at && out.id == w.id && !out.uid);
	w.ticket = strdup("T-1"), w.login = strdup("ann"), w.terminal = strdup("pts/3"), w.origin = strdup("::1");
	w.envelope = strdup("{}");
	w.uid = UINT32_MAX;
	CHECK_INT(history_waiver_add(h, &w, &e), 0);
	CHECK_INT(history_waiver_sign(h, w.id, "{\"x\":1}", &e), 1);
	CHECK_INT(history_waiver_sign(h, 99, "{}", &e), 0);
	CHECK_INT(history_waivers(h, "web01", T0, keep_waiver, &out, &e), 0);
	CHECK_STR(out.reason, "it burns\n");
	CHECK_STR(out.ticket, "T-1");
	CHECK_STR(out.user, "root");
	CHECK_STR(out.login, "ann");
	CHECK_STR(out.terminal, "pts/3");
	CHECK_STR(out.origin, "::1");
	CHECK_STR(out.envelope, "{\"x\":1}");
	CHECK(out.uid == UINT32_MAX && out.id == 2);
	waiver_free(&out);
	waiver_free(&w);
	history_destroy(h);
}

static void waivers_in_force(void)
{
	start();
	size_t ended;
	struct waiver w, out = {0};
	struct history *h = opened(HISTORY_WRITE);
	static const struct {
		const char *host;
		int64_t from, to;
	} all[] = {{"web01", T0, T0 + 100}, {"web02", T0, T0 + 100}, {"Web01", T0, T0 + 100}, {"web01", T0 + 50, T0 + 60}};
	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		make_waiver(&w, all[i].host, all[i].from, all[i].to);
		CHECK_INT(history_waiver_add(h, &w, &e), 0);
		waiver_free(&w);
	}
	CHECK_INT(waivers_at(h, "web01", T0 - 1), 0);
	CHECK_INT(waivers_at(h, "web01", T0), 2);
	CHECK_INT(waivers_at(h, "web01", T0 + 49), 2);
	CHECK_INT(waivers_at(h, "web01", T0 + 50), 3);
	CHECK_INT(waivers_at(h, "web01", T0 + 60), 2);
	CHECK_INT(waivers_at(h, "web01", T0 + 99), 2);
	CHECK_INT(waivers_at(h, "web01", T0 + 100), 0);
	CHECK_INT(waivers_at(h, NULL, T0), 3);
	CHECK_INT(waivers_at(h, NULL, 0), 4);
	CHECK_INT(waivers_at(h, "web01", 0), 3);
	CHECK_INT(waivers_at(h, "web03", T0), 0);
	CHECK_INT(history_waivers(h, NULL, -1, ignore_waiver, NULL, &e), -1);
	/* All end: those in force, however the host was written, and the one that will come to be; nobody else's. */
	CHECK_INT(history_waivers_end(h, "web01", T0 + 10, "ann", &ended, &e), 0);
	CHECK_INT(ended, 3);
	CHECK_INT(waivers_at(h, "web01", T0 + 55), 0);
	CHECK_INT(waivers_at(h, "web02", T0 + 55), 1);
	CHECK_INT(waivers_at(h, "Web01", T0 + 55), 0);
	CHECK_INT(waivers_at(h, "web01", 0), 3);
	CHECK_INT(history_waivers(h, "web01", 0, keep_waiver, &out, &e), 0);
	CHECK(out.ended_at == T0 + 10);
	CHECK_STR(out.ended_by, "ann");
	waiver_free(&out);
	/* Not again, and not what has ended by itself. */
	CHECK_INT(history_waivers_end(h, "web01", T0 + 11, "bob", &ended, &e), 0);
	CHECK_INT(ended, 0);
	CHECK_INT(history_waivers_end(h, "web02", T0 + 100, "bob", &ended, &e), 0);
	CHECK_INT(ended, 0);
	/* At no time at all they would not end. */
	CHECK_INT(history_waivers_end(h, "web02", 0, "bob", &ended, &e), -1);
	CHECK_INT(waivers_at(h, "web02", T0), 1);
	history_destroy(h);
}

static void waiver_refused(void)
{
	start();
	struct history *h = opened(HISTORY_WRITE);
	for (int i = 0; i < 8; i++) {
		struct waiver w;
		make_waiver(&w, i == 0 ? "" : "web01", T0, T0 + 5);
		if (i == 1)
			free(take(w.reason));
		if (i == 2)
			w.reason[0] = 0;
		if (i == 3)
			free(take(w.user));
		if (i == 4)
			w.ends_at = T0;
		if (i == 5)
			w.recorded_at = 0;
		if (i == 6)
			w.ends_at = INT64_MAX;
		if (i == 7)
			w.recorded_at = -1;
		CHECK_INT(history_waiver_add(h, &w, &e), -1);
		CHECK_INT(e.cls, ERROR_INTERNAL);
		CHECK_INT(w.id, 0);
		waiver_free(&w);
	}
	CHECK_INT(number("SELECT count(*) FROM waiver"), 0);
	history_destroy(h);
}

static void waiver_pruning(void)
{
	start();
	struct waiver w;
	struct patch_record r;
	struct history_record run = {.host = strdup("web01"), .depth = 2, .code = 11, .waiver = 2, .checked_at = T0};
	struct history *h = opened(HISTORY_WRITE);
	make_waiver(&w, "web01", 5, 9);
	CHECK_INT(history_waiver_add(h, &w, &e), 0);
	raw("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 450) INSERT INTO waiver "
	    "SELECT NULL, host, reason, ticket, user, login, terminal, origin, uid, recorded_at, ends_at, ended_at, "
	    "ended_by, envelope FROM waiver, n; UPDATE waiver SET ends_at = 1800000000 WHERE id = 1");
	/* A verdict names the second and a patch the third: both stay. The first ended a moment ago. */
	CHECK_INT(history_add(h, &run, &e), 0);
	make_patch(&r, "web01");
	r.waiver = 3;
	CHECK_INT(history_patch_begin(h, &r, &e), 0);
	w.recorded_at = T0, w.ends_at = T0 + 5;
	CHECK_INT(history_waiver_add(h, &w, &e), 0);
	CHECK_INT(number("SELECT count(*) FROM waiver"), HISTORY_KEEP_RUNS + 3);
	CHECK_INT(number("SELECT count(*) FROM waiver WHERE id < 4"), 3);
	CHECK_INT(number("SELECT waiver FROM run"), 2);
	waiver_free(&w);
	patch_record_free(&r);
	history_record_free(&run);
	history_destroy(h);
}

/* An index that says that a row is another host's. */
static void lying_indexes(void)
{
	static const char *const lies[] = {
		"DROP INDEX waiver_host; CREATE INDEX waiver_host ON waiver(reason COLLATE NOCASE, ends_at);"
		"PRAGMA writable_schema=ON; UPDATE sqlite_schema SET sql = 'CREATE INDEX waiver_host ON waiver(host COLLATE NOCASE, ends_at)' "
		"WHERE name = 'waiver_host'",
		"DROP INDEX patch_host; CREATE INDEX patch_host ON patch(label COLLATE NOCASE, id);"
		"PRAGMA writable_schema=ON; UPDATE sqlite_schema SET sql = 'CREATE INDEX patch_host ON patch(host COLLATE NOCASE, id)' "
		"WHERE name = 'patch_host'",
	};
	for (size_t i = 0; i < ARRAY_SIZE(lies); i++) {
		start();
		struct waiver w;
		struct patch_record r;
		struct ids *s = calloc(1, sizeof *s);
		struct history *h = opened(HISTORY_WRITE);
		make_waiver(&w, "web01", T0, T0 + 5);
		make_patch(&r, "web01");
		CHECK_INT(history_waiver_add(h, &w, &e), 0);
		CHECK_INT(history_patch_begin(h, &r, &e), 0);
		history_destroy(h);
		raw(lies[i]);
		h = opened(HISTORY_READ);
		if (i == 0)
			CHECK_INT(history_waivers(h, w.reason, T0, see_waiver, s, &e), -1);
		else
			CHECK_INT(history_patches(h, r.label, 0, see_id, s, &e), -1);
		CHECK(!s->count && e.cls == ERROR_CORRUPT);
		history_destroy(h);
		waiver_free(&w);
		patch_record_free(&r);
		free(s);
	}
}

static void leases(void)
{
	start();
	struct lease a, b, c, other;
	struct history *h = opened(HISTORY_WRITE);
	CHECK_INT(history_lease_take(h, "group mail", 2, "a", T0, &a, &e), 1);
	CHECK(a.id > 0 && a.taken_at == T0 && a.expires_at == T0 + LEASE_SECONDS);
	CHECK_INT(history_lease_take(h, "group mail", 2, "b", T0 + 10, &b, &e), 1);
	CHECK_INT(history_lease_take(h, "group mail", 2, "c", T0 + 20, &c, &e), 0);
	CHECK_STR(c.holder, "a");
	CHECK_STR(c.name, "group mail");
	CHECK(c.id == a.id && c.expires_at == a.expires_at);
	lease_free(&c);
	CHECK_INT(history_lease_take(h, "group Mail", 1, "c", T0 + 20, &other, &e), 1);
	/* Renewed: the other is the first to end now. */
	CHECK_INT(history_lease_renew(h, &a, T0 + 30, &e), 1);
	CHECK_INT(a.expires_at, T0 + 30 + LEASE_SECONDS);
	CHECK_INT(history_lease_take(h, "group mail", 2, "c", T0 + 30, &c, &e), 0);
	CHECK_STR(c.holder, "b");
	lease_free(&c);
	/* The last second is still b's; then the place is free. */
	CHECK_INT(history_lease_take(h, "group mail", 2, "c", T0 + 9 + LEASE_SECONDS, &c, &e), 0);
	lease_free(&c);
	CHECK_INT(history_lease_take(h, "group mail", 2, "c", T0 + 10 + LEASE_SECONDS, &c, &e), 1);
	CHECK_INT(history_lease_renew(h, &b, T0 + 11 + LEASE_SECONDS, &e), 0);
	CHECK_INT(history_lease_drop(h, &b, &e), 0);
	CHECK_INT(number("SELECT count(*) FROM lease WHERE name = 'group mail'"), 2);
	CHECK_INT(history_lease_drop(h, &c, &e), 0);
	CHECK_INT(number("SELECT count(*) FROM lease WHERE name = 'group mail'"), 1);
	lease_free(&c);
	CHECK_INT(history_lease_take(h, "group mail", 2, "c", T0 + 140, &c, &e), 1);
	CHECK(c.id > b.id);
	/* Expired, and nobody wanted it: it was not lost. */
	CHECK_INT(history_lease_renew(h, &c, T0 + 5000, &e), 1);
	lease_free(&a);
	lease_free(&b);
	CHECK_INT(history_lease_take(h, "x", 0, "c", T0, &b, &e), -1);
	CHECK_INT(history_lease_take(h, "x", 1, "c", 0, &a, &e), -1);
	CHECK_INT(history_lease_take(h, "x", 1, "c", INT64_MAX, &a, &e), -1);
	CHECK_INT(history_lease_renew(h, &c, INT64_MAX, &e), -1);
	lease_free(&c);
	lease_free(&other);
	history_destroy(h);
}

/* An id is of one lease only: who comes back late has none of another's. */
static void lease_ids(void)
{
	start();
	struct lease a, b;
	struct history *h = opened(HISTORY_WRITE);
	CHECK_INT(history_lease_take(h, "x", 1, "same", T0, &a, &e), 1);
	CHECK_INT(history_lease_take(h, "x", 1, "same", T0 + LEASE_SECONDS, &b, &e), 1);
	CHECK(b.id > a.id);
	CHECK_INT(history_lease_renew(h, &a, T0 + LEASE_SECONDS + 1, &e), 0);
	CHECK_INT(history_lease_drop(h, &a, &e), 0);
	CHECK_INT(history_lease_renew(h, &b, T0 + LEASE_SECONDS + 1, &e), 1);
	lease_free(&a);
	lease_free(&b);
	history_destroy(h);
}

static void clocks(void)
{
	start();
	struct lease a, b;
	struct history *h = opened(HISTORY_WRITE);
	CHECK_INT(history_lease_take(h, "x", 1, "a", T0, &a, &e), 1);
	/* A clock that differs a little takes nobody's place. */
	CHECK_INT(history_lease_take(h, "x", 1, "b", T0 - 1, &b, &e), 0);
	lease_free(&b);
	CHECK_INT(history_lease_take(h, "x", 1, "b", T0 - LEASE_SECONDS, &b, &e), 0);
	lease_free(&b);
	/* One that was far ahead has left no lease for years. */
	CHECK_INT(history_lease_take(h, "x", 1, "b", T0 - LEASE_SECONDS - 1, &b, &e), 1);
	CHECK_INT(history_lease_renew(h, &a, T0 - LEASE_SECONDS, &e), 0);
	lease_free(&a);
	lease_free(&b);
	history_destroy(h);
	/* Rows that nobody of us has written. */
	raw("DELETE FROM lease; INSERT INTO lease(name, holder, taken_at, expires_at) VALUES "
	    "('x', 'a', 0, 9223372036854775807), ('x', 'a', 0, -5), ('x', 'a', 0, 'never'), ('x', 'a', 0, x'00')");
	h = opened(HISTORY_WRITE);
	CHECK_INT(history_lease_take(h, "x", 1, "b", T0, &b, &e), 1);
	CHECK_INT(number("SELECT count(*) FROM lease"), 1);
	lease_free(&b);
	raw("UPDATE lease SET taken_at = -1");
	CHECK_INT(history_lease_take(h, "x", 1, "b", T0, &b, &e), -1);
	CHECK_INT(e.cls, ERROR_CORRUPT);
	history_destroy(h);
}

/* Each takes and gives back as fast as it can; never are more inside than there are places. */
static void race(void)
{
	enum { PROCESSES = 5, ROUNDS = 12, PLACES = 2 };
	static const int64_t now = T0;
	start();
	struct shared {
		atomic_int inside, taken, too_many, failed;
	} *s = mmap(NULL, sizeof *s, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	NEED(s != MAP_FAILED);
	history_destroy(opened(HISTORY_WRITE));
	pid_t pids[PROCESSES];
	for (int p = 0; p < PROCESSES; p++) {
		pids[p] = fork();
		NEED(pids[p] >= 0);
		if (pids[p])
			continue;
		struct history *h = opened(HISTORY_WRITE);
		for (int i = 0; i < ROUNDS; i++) {
			struct lease l;
			int rc = history_lease_take(h, "x", PLACES, "p", now, &l, &e);
			s->failed += rc < 0;
			if (rc == 1) {
				s->taken++;
				s->too_many += ++s->inside > PLACES;
				usleep(2000);
				s->inside--;
				s->failed += history_lease_drop(h, &l, &e) < 0;
			}
			if (rc >= 0)
				lease_free(&l);
		}
		history_destroy(h);
		_exit(0);
	}
	for (int p = 0; p < PROCESSES; p++) {
		int status = 1;
		CHECK(waitpid(pids[p], &status, 0) == pids[p] && status == 0);
	}
	CHECK(s->taken >= ROUNDS && !s->too_many && !s->failed);
	CHECK_INT(number("SELECT count(*) FROM lease"), 0);
	munmap(s, sizeof *s);
}

/* Who was killed holds its place until it has expired, and no longer. */
static void killed(void)
{
	start();
	history_destroy(opened(HISTORY_WRITE));
	pid_t pid = fork();
	NEED(pid >= 0);
	if (!pid) {
		struct lease l;
		struct history *h = opened(HISTORY_WRITE);
		NEED(history_lease_take(h, "x", 1, "dead", T0, &l, &e) == 1);
		raise(SIGKILL);
	}
	int status = 0;
	CHECK(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status));
	struct lease l;
	struct history *h = opened(HISTORY_WRITE);
	CHECK_INT(history_lease_take(h, "x", 1, "alive", T0 + LEASE_SECONDS - 1, &l, &e), 0);
	CHECK_STR(l.holder, "dead");
	lease_free(&l);
	CHECK_INT(history_lease_take(h, "x", 1, "alive", T0 + LEASE_SECONDS, &l, &e), 1);
	lease_free(&l);
	history_destroy(h);
}

static void suspects(void)
{
	start();
	char *why = NULL;
	struct history *h = opened(HISTORY_WRITE);
	CHECK_INT(history_suspect(h, "web01", "a.img", T0, &why, &e), 0);
	CHECK(!why);
	CHECK_INT(history_suspect_add(h, "web01", "a.img", "first", "root", T0, &e), 0);
	CHECK_INT(history_suspect_add(h, "web01", NULL, "no label", NULL, -1, &e), 0);
	CHECK_INT(history_suspect_add(h, "web01", "a.img", "second", NULL, T0 + 1, &e), 0);
	CHECK_INT(history_suspect(h, "web01", "a.img", T0, &why, &e), 1);
	CHECK_STR(why, "second");
	free(why);
	CHECK_INT(history_suspect(h, "web01", NULL, T0, &why, &e), 1);
	CHECK_STR(why, "no label");
	free(why);
	CHECK_INT(history_suspect(h, "web02", "a.img", T0, &why, &e), 0);
	CHECK_INT(history_suspect(h, "web01", "A.img", T0, &why, &e), 0);
	CHECK_INT(history_suspect(h, "WEB01", "a.img", T0, &why, &e), 1); /* as a host is written says nothing */
	CHECK_STR(why, "second");
	free(why);
	CHECK_INT(history_suspect_add(h, "web01", "b.img", NULL, NULL, T0, &e), -1);
	/* The next backup under the same name. */
	CHECK_INT(history_suspect(h, "web01", "a.img", T0 + 1 + SUSPECT_SLACK, &why, &e), 1);
	free(why);
	CHECK_INT(history_suspect(h, "web01", "a.img", T0 + 2 + SUSPECT_SLACK, &why, &e), 0);
	CHECK(!why);
	CHECK_INT(history_suspect(h, "web01", "a.img", 0, &why, &e), 1);
	free(why);
	raw("UPDATE suspect SET recorded_at = -1 WHERE label = 'a.img'");
	CHECK_INT(history_suspect(h, "web01", "a.img", T0, &why, &e), -1);
	raw("UPDATE suspect SET recorded_at = 0 WHERE label = 'a.img'");
	CHECK_INT(history_suspect(h, "web01", "a.img", T0 + 2 + SUSPECT_SLACK, &why, &e), 1);
	free(why);
	raw("UPDATE suspect SET reason = CAST(x'610062' AS TEXT) WHERE label = 'a.img'");
	CHECK_INT(history_suspect(h, "web01", "a.img", T0, &why, &e), -1);
	CHECK(e.cls == ERROR_CORRUPT && !why);
	history_destroy(h);
}

/* Nothing is written by who only reads, and it is said so. */
static void only_read(void)
{
	start();
	size_t ended = 5;
	struct patch_record r;
	struct waiver w;
	struct lease l;
	struct history *h = opened(HISTORY_WRITE);
	make_patch(&r, "web01");
	make_waiver(&w, "web01", T0, T0 + 5);
	CHECK_INT(history_patch_begin(h, &r, &e), 0);
	CHECK_INT(history_lease_take(h, "x", 1, "a", T0, &l, &e), 1);
	CHECK_INT(history_waiver_add(h, &w, &e), 0);
	history_destroy(h);
	h = opened(HISTORY_READ);
	struct lease none;
#define REFUSED(call)                                                                                                  \
	do {                                                                                                           \
		memset(&e, 0, sizeof e);                                                                               \
		CHECK_INT(call, -1);                                                                                   \
		CHECK(strstr(e.text, "only read") != NULL);                                                            \
	} while (0)
	REFUSED(history_patch_update(h, &r, &e));
	REFUSED(history_waivers_end(h, "web01", T0, "x", &ended, &e));
	REFUSED(history_waiver_sign(h, w.id, "{}", &e));
	REFUSED(history_lease_take(h, "x", 5, "a", T0, &none, &e));
	REFUSED(history_lease_renew(h, &l, T0, &e));
	REFUSED(history_lease_drop(h, &l, &e));
	REFUSED(history_suspect_add(h, "web01", "a", "b", "c", T0, &e));
	REFUSED(history_patch_begin(h, &r, &e));
	REFUSED(history_waiver_add(h, &w, &e));
	CHECK(!ended && !r.id && !w.id);
	history_destroy(h);
	patch_record_free(&r);
	waiver_free(&w);
	lease_free(&l);
}

static int see_waived(void *ctx, const struct history_record *r, struct error *err)
{
	int64_t *waiver = ctx;
	(void)err;
	*waiver = r->waiver;
	return 0;
}

/* A verdict names its waiver only where there was something to waive. */
static void waived_verdicts(void)
{
	static const struct {
		int code;
		int64_t waiver, kept;
	} cases[] = {{11, 7, 7}, {0, 7, 0}, {70, 7, 0}, {21, 1, 1}, {12, 0, 0}};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		start();
		int64_t waiver = -1;
		struct history *h = opened(HISTORY_WRITE);
		struct history_record r = {.host = strdup("web01"), .depth = 2, .code = cases[i].code,
					   .waiver = cases[i].waiver};
		CHECK_INT(history_add(h, &r, &e), 0);
		CHECK_INT(history_each(h, NULL, 0, see_waived, &waiver, &e), 0);
		CHECK_INT(waiver, cases[i].kept);
		history_record_free(&r);
		history_destroy(h);
	}
}

/* As version 2 was. */
static void migration(void)
{
	static const char back[] =
		"DROP TABLE patch_file; DROP TABLE patch; DROP TABLE waiver; DROP TABLE lease; DROP TABLE suspect;"
		"ALTER TABLE run DROP COLUMN waiver; DROP INDEX run_host; CREATE INDEX run_host ON run(host, id);"
		"DROP INDEX sketch_host; CREATE INDEX sketch_host ON sketch(host, run); DROP INDEX chunks_host;"
		"PRAGMA user_version=2";
	start();
	int64_t waiver = -1;
	struct history_record r = {.host = strdup("web01"), .depth = 2, .code = 11, .waiver = 4};
	struct history *h = opened(HISTORY_WRITE);
	CHECK_INT(history_add(h, &r, &e), 0);
	history_destroy(h);
	raw(back);
	CHECK_INT(number("SELECT count(*) FROM pragma_table_info('run') WHERE name = 'waiver'"), 0);
	h = opened(HISTORY_READ);
	CHECK_INT(history_each(h, NULL, 0, see_waived, &waiver, &e), 0);
	CHECK_INT(waiver, 0);
	CHECK_INT(history_patches(h, NULL, 0, ignore_patch, NULL, &e), 0);
	CHECK_INT(history_waivers(h, NULL, 0, ignore_waiver, NULL, &e), 0);
	history_destroy(h);
	CHECK_INT(number("PRAGMA user_version"), 4);
	history_record_free(&r);
	/* Of no history of ours nothing is made. */
	raw(back);
	raw("CREATE TABLE extra(x)");
	CHECK(!history_open(path, HISTORY_WRITE, &e) && e.cls == ERROR_CORRUPT);
	CHECK_INT(number("PRAGMA user_version"), 2);
}

int main(void)
{
	snprintf(top, sizeof top, "/tmp/ledger-XXXXXX");
	NEED(mkdtemp(top));
	RUN(patch_round_trip);
	RUN(patch_of_little);
	RUN(patch_order);
	RUN(patch_refused);
	RUN(patch_pruning);
	RUN(hostile);
	RUN(waiver_round_trip);
	RUN(waivers_in_force);
	RUN(waiver_refused);
	RUN(waiver_pruning);
	RUN(lying_indexes);
	RUN(leases);
	RUN(lease_ids);
	RUN(clocks);
	RUN(race);
	RUN(killed);
	RUN(suspects);
	RUN(only_read);
	RUN(waived_verdicts);
	RUN(migration);
	char line[64];
	snprintf(line, sizeof line, "rm -rf %s", top);
	NEED(system(line) == 0);
	return test_done();
}
