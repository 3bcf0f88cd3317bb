// SPDX-License-Identifier: GPL-3.0-or-later
/* Patches: what stops them right before they begin, their places in groups, and what is kept of them. */
#include "test.h"

#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <time.h>

#include "backproof/budget.h"
#include "../../src/gate/patch.h"

static char root[64], file[100], db[100], conf[100];
static struct config config;
static struct gate_overrides overrides;
static struct gate_request gate;
static struct strings command;
static struct patch_request request;
static char said[1000];
static int times_said;

static void say(const char *text)
{
	snprintf(said, sizeof said, "%s", text);
	times_said++;
}

static void write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	NEED(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	close(fd);
}

static void configure(const char *text)
{
	struct error e;
	write_text(conf, text);
	config_free(&config);
	if (config_load(conf, NULL, &config, &e) < 0) {
		fprintf(stderr, "%s\n", e.text);
		NEED(!"a configuration");
	}
}

#define GROUPS                                                                                     \
	"[host \"web01\"]\ngroup = web mail\n[host \"web02\"]\ngroup = mail\n[host \"web03\"]\ngroup = free\n" \
	"[group \"web\"]\nmax_parallel_patching = 2\n[group \"mail\"]\nmax_parallel_patching = 1\n[group \"free\"]\n"

static struct patch *opened(const char *host)
{
	enum code code;
	struct error e = {0};
	gate = (struct gate_request){.host = host, .config = &config, .overrides = &overrides};
	request = (struct patch_request){&gate, &command, NULL, say};
	struct patch *p = patch_open(&request, &code, &e);
	if (!p)
		fprintf(stderr, "%s\n", e.text);
	NEED(p);
	return p;
}

static enum code refused(const char *host)
{
	enum code code;
	struct error e = {0};
	gate = (struct gate_request){.host = host, .config = &config, .overrides = &overrides};
	request = (struct patch_request){&gate, &command, NULL, say};
	struct patch *p = patch_open(&request, &code, &e);
	CHECK(!p);
	patch_destroy(p);
	return code;
}

static bool is_fresh;

/* A safe host, whose backup is one file. */
static struct host_result *judged(enum code code)
{
	struct host_result *r = calloc(1, sizeof *r);
	NEED(r && findings_init(&r->findings) == 0);
	r->host = strdup("web01");
	r->policy = strdup("default");
	r->point_label = strdup("web01.img");
	r->checked_at = r->taken_at = 1763755200;
	r->verdict.code = code;
	if (!is_fresh) /* of two results at a time it is the same file */
		write_text(file, "a backup");
	is_fresh = true;
	struct proved_file *f = vec_push(&r->files);
	NEED(f && (f->path = strdup(file)) && stat(file, &f->opened) == 0);
	f->is_opened = true;
	f->size = 8;
	return r;
}

static void done(struct host_result *r)
{
	host_result_free(r);
	free(r);
}

static long long number(const char *sql)
{
	sqlite3 *s;
	sqlite3_stmt *q;
	NEED(sqlite3_open(db, &s) == SQLITE_OK && sqlite3_prepare_v2(s, sql, -1, &q, NULL) == SQLITE_OK);
	long long n = sqlite3_step(q) == SQLITE_ROW ? sqlite3_column_int64(q, 0) : -1;
	sqlite3_finalize(q);
	sqlite3_close(s);
	return n;
}

static void groups(void)
{
	struct strings s = {0};
	configure(GROUPS);
	NEED(patch_groups(&config, "web01", &s) == 0);
	CHECK_INT(s.count, 2);
	CHECK_STR(s.items[0], "mail"); /* by name: so nobody waits in a circle */
	CHECK_STR(s.items[1], "web");
	strings_free(&s);
	NEED(patch_groups(&config, "web03", &s) == 0 && patch_groups(&config, "other", &s) == 0);
	CHECK_INT(s.count, 0);
	strings_free(&s);
}

static void no_history(void)
{
	configure(GROUPS);
	overrides.history = "none";
	CHECK_INT(refused("web01"), CODE_CONFIG);
	patch_destroy(opened("web03"));
	overrides.history = "/nowhere/at/all.db";
	CHECK_INT(refused("web02"), CODE_CONFIG);
	struct patch *p = opened("web03");
	struct host_result *r = judged(CODE_SAFE);
	CHECK(patch_admit(p, r));
	CHECK_INT(r->notes.count, 1); /* it is told that nothing is remembered */
	done(r);
	patch_destroy(p);
	overrides.history = db;
	overrides.policy = "none";
	CHECK_INT(refused("web01"), CODE_CONFIG);
	overrides.policy = NULL;
}

static void only_what_may(void)
{
	static const enum code codes[] = {CODE_NO_BACKUP,   CODE_STALE, CODE_DAMAGED,  CODE_INCOMPLETE, CODE_CANNOT_TELL,
					  CODE_BUSY,	    CODE_USAGE, CODE_INTERNAL, CODE_CONFIG,	(enum code)1,
					  (enum code)(-1)};
	configure(GROUPS);
	for (size_t i = 0; i < ARRAY_SIZE(codes); i++) {
		struct patch *p = opened("web01");
		struct host_result *r = judged(codes[i]);
		CHECK(!patch_admit(p, r));
		CHECK_INT(r->verdict.code, codes[i]);
		CHECK_INT(r->patch->state, PROGRAM_NONE);
		done(r);
		patch_destroy(p);
	}
	CHECK(access(db, F_OK) < 0 || number("SELECT count(*) FROM lease") == 0);
}

static void change(int kind)
{
	char other[120];
	is_fresh = false;
	snprintf(other, sizeof other, "%s.new", file);
	if (kind == 0)
		write_text(file, "another!");
	else if (kind == 1)
		NEED(unlink(file) == 0);
	else if (kind == 2)
		NEED(truncate(file, 3) == 0);
	else {
		write_text(other, "a backup");
		NEED(rename(other, file) == 0);
	}
}

static void files_that_changed(void)
{
	configure(GROUPS);
	for (int kind = 0; kind < 4; kind++) {
		struct patch *p = opened("web01");
		struct host_result *r = judged(CODE_SAFE);
		NEED(!strings_add(&r->verdict.reasons, "was there before"));
		change(kind);
		CHECK(!patch_admit(p, r));
		CHECK_INT(r->verdict.code, CODE_BUSY);
		CHECK(!strncmp(r->verdict.reasons.items[0], "busy: this is not what was checked any more", 43));
		CHECK_STR(r->verdict.reasons.items[1], "was there before");
		done(r);
		patch_destroy(p);
		/* ... and between that and the command. */
		p = opened("web01");
		r = judged(CODE_SAFE);
		CHECK(patch_admit(p, r));
		patch_begin(p, r);
		CHECK_INT(r->patch->state, PROGRAM_RUNNING);
		change(kind);
		CHECK(!patch_run(p, r));
		CHECK_INT(r->verdict.code, CODE_BUSY);
		CHECK_INT(r->patch->state, PROGRAM_NONE);
		patch_end(p, r);
		CHECK_INT(number("SELECT state FROM patch ORDER BY id DESC"), PROGRAM_NONE);
		CHECK_INT(number("SELECT count(*) FROM lease"), 0);
		done(r);
		patch_destroy(p);
	}
	/* A person has said that it is patched, whatever becomes of the backup. */
	struct patch *p = opened("web01");
	struct host_result *r = judged(CODE_WAIVED);
	r->verdict.waived = CODE_BUSY;
	change(0);
	CHECK(patch_admit(p, r));
	done(r);
	patch_destroy(p);
}

static void whole_patch(void)
{
	configure(GROUPS);
	struct patch *p = opened("web01");
	struct host_result *r = judged(CODE_SAFE);
	CHECK(patch_admit(p, r));
	CHECK_INT(number("SELECT count(*) FROM lease"), 3);
	patch_begin(p, r);
	CHECK_INT(number("SELECT count(*) FROM patch_file"), number("SELECT count(*) FROM patch"));
	CHECK(patch_run(p, r));
	CHECK_INT(r->patch->state, PROGRAM_EXITED);
	CHECK_INT(r->patch->status, 0);
	CHECK(!patch_post_failed(r->patch));
	patch_end(p, r);
	CHECK_INT(number("SELECT state FROM patch ORDER BY id DESC"), PROGRAM_EXITED);
	CHECK_INT(number("SELECT count(*) FROM lease"), 0);
	done(r);
	patch_destroy(p);
	/* Told to stop before it began: nothing is started. */
	p = opened("web01");
	r = judged(CODE_SAFE);
	CHECK(patch_admit(p, r));
	patch_begin(p, r);
	stop_signal = SIGTERM;
	CHECK(patch_run(p, r));
	stop_signal = 0;
	CHECK_INT(r->patch->state, PROGRAM_NONE);
	patch_end(p, r);
	CHECK_INT(number("SELECT state FROM patch ORDER BY id DESC"), PROGRAM_NONE);
	done(r);
	patch_destroy(p);
}

static void places(void)
{
	configure(GROUPS);
	struct patch *first = opened("web01");
	struct host_result *r = judged(CODE_SAFE), *other = judged(CODE_SAFE);
	CHECK(patch_admit(first, r));
	CHECK_INT(number("SELECT count(*) FROM lease"), 3);
	struct patch *second = opened("web02");
	CHECK(!patch_admit(second, other));
	CHECK_INT(other->verdict.code, CODE_BUSY);
	CHECK(strstr(other->verdict.reasons.items[0], "group mail: being patched by web01 by ") != NULL);
	CHECK_INT(number("SELECT count(*) FROM lease"), 3); /* all or none */
	patch_destroy(second);
	patch_destroy(first);
	CHECK_INT(number("SELECT count(*) FROM lease"), 0);
	done(r);
	done(other);
}

static void heartbeat(void)
{
	configure(GROUPS);
	struct patch *p = opened("web01");
	struct host_result *r = judged(CODE_SAFE);
	CHECK(patch_admit(p, r));
	number("UPDATE lease SET expires_at = expires_at - 60");
	long long before = number("SELECT min(expires_at) FROM lease");
	patch_renew_leases(p); /* it is not time */
	CHECK_INT(number("SELECT min(expires_at) FROM lease"), before);
	p->renew_at = 0;
	patch_renew_leases(p);
	CHECK(number("SELECT min(expires_at) FROM lease") >= before + 60);
	CHECK(p->renew_at > monotonic_ns());
	/* Gone: told once, and not taken from whoever has it now. */
	times_said = 0;
	number("DELETE FROM lease WHERE name = 'group mail'");
	struct patch *second = opened("web02");
	struct host_result *other = judged(CODE_SAFE);
	CHECK(patch_admit(second, other));
	for (int i = 0; i < 3; i++) {
		p->renew_at = 0;
		patch_renew_leases(p);
	}
	CHECK_INT(times_said, 1);
	CHECK(strstr(said, "(group mail) was lost") != NULL);
	patch_destroy(p);
	CHECK_INT(number("SELECT count(*) FROM lease"), 2); /* of the second */
	patch_destroy(second);
	CHECK_INT(number("SELECT count(*) FROM lease"), 0);
	done(r);
	done(other);
}

static void post_checks(void)
{
	static const struct {
		enum program_state state;
		int status;
		bool failed;
	} cases[] = {{PROGRAM_NONE, 0, false},	   {PROGRAM_EXITED, 0, false}, {PROGRAM_EXITED, 1, true},
		     {PROGRAM_SIGNALLED, 9, true}, {PROGRAM_FAILED, 2, true},  {PROGRAM_RUNNING, 0, true}};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct patch_record r = {.post_state = cases[i].state, .post_status = cases[i].status};
		CHECK_INT(patch_post_failed(&r), cases[i].failed);
	}
}

int main(void)
{
	snprintf(root, sizeof root, "%s", "/tmp/backproof-patch-XXXXXX");
	NEED(mkdtemp(root) && strings_add(&command, "true") == 0);
	snprintf(file, sizeof file, "%s/web01.img", root);
	snprintf(db, sizeof db, "%s/history.db", root);
	snprintf(conf, sizeof conf, "%s/c.conf", root);
	overrides = (struct gate_overrides){.depth = -1, .max_age = -1, .sample_files = -1, .sample_bytes = -1,
					    .scratch_limit = -1, .history = db};
	RUN(groups);
	RUN(no_history);
	RUN(only_what_may);
	RUN(files_that_changed);
	RUN(whole_patch);
	RUN(places);
	RUN(heartbeat);
	RUN(post_checks);
	config_free(&config);
	strings_free(&command);
	char remove[100];
	snprintf(remove, sizeof remove, "rm -rf %s", root);
	NEED(system(remove) == 0);
	return test_done();
}
