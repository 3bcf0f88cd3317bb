// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The gate, with readers that belong to somebody else: whatever one says, leaves out or does, and whatever call fails
 * meanwhile, all proofs are open then and the reason is told.
 */
#include "reader_help.h"

#include <sys/time.h>

#include "../../src/gate/reader_life.h"
#include "backproof/pace.h"

/* Descriptors that every reader gets by duplication. */
#if !defined __SANITIZE_ADDRESS__ && !defined __SANITIZE_THREAD__
#define DUPLICATED 4
#else
#define DUPLICATED 3
#endif

static struct restore_point point;
static struct policy policy;
static struct budget budget;
static struct check_parameters parameters;
static struct error e;

/* --- what a reader does; it runs in a process of its own --- */

static void say(enum reader_message kind, struct wire_out *w)
{
	struct error why;
	if (w->failed || reader_send(READER_SOCKET, kind, w->data, w->length, -1, &why) < 0)
		_exit(98);
	wire_out_free(w);
}

static enum reader_message hear(uint8_t *to, size_t most, size_t *length, int *fd)
{
	uint8_t head[READER_HEAD];
	enum reader_message kind;
	struct error why;
	if (reader_receive(READER_SOCKET, head, sizeof head, fd, &why) <= 0 ||
	    reader_head(head, &kind, length, &why) < 0 || *length > most ||
	    (*length && reader_receive(READER_SOCKET, to, *length, NULL, &why) <= 0))
		_exit(97);
	return kind;
}

static void begin(void)
{
	static uint8_t request[1 << 20];
	size_t length;
	if (hear(request, sizeof request, &length, NULL) != READER_REQUEST)
		_exit(96);
}

static struct confinement confinement;
static void confined(void)
{
	struct wire_out w = {0};
	reader_confined_put(&w, &confinement);
	say(READER_CONFINED, &w);
}

static void question(enum reader_message kind, const char *path)
{
	struct wire_out w = {0};
	if (kind == READER_OPEN)
		wire_put_u8(&w, DOOR_READ);
	wire_put_string(&w, path);
	say(kind, &w);
}

static struct chunk_sample sample; /* of the result */
static bool reads_whole, reads;
static enum outcome outcome;

static void put_result(struct wire_out *w)
{
	struct host_result r = {.hostname = (char *)"web01", .sample = sample};
	struct reader_file files[4] = {0};
	if (findings_init(&r.findings) < 0)
		_exit(95);
	for (int i = 0; i < PROOF_COUNT; i++)
		finding_add(&r.findings, (enum proof)i, "a.check", "web01", outcome, NULL, "all is well");
	r.measures = (struct measures){.bytes_read = READER_BYTES, .files_sampled = 1, .files_restored = 1};
	for (size_t i = 0; i < point.count; i++) {
		struct proved_file *f = vec_push(&r.files);
		if (!f)
			_exit(94);
		files[i].read_whole = reads_whole;
	}
	if (parameters.remember) {
		r.record = calloc(1, sizeof *r.record);
		if (!r.record)
			_exit(94);
	}
	reader_result_put(w, &r, files, point.count);
}

static void result(void)
{
	struct wire_out w = {0};
	put_result(&w);
	say(READER_RESULT, &w);
}

static void end(void)
{
	uint8_t none[8];
	size_t length;
	_exit(hear(none, sizeof none, &length, NULL) == READER_DONE && !length ? 0 : 93);
}

static void read_all(void)
{
	for (size_t i = 0; i < point.count; i++) {
		uint8_t answer[64], data[4096];
		size_t length;
		int fd;
		question(READER_OPEN, point.items[i].path);
		if (hear(answer, sizeof answer, &length, &fd) != READER_ANSWER || length != 8)
			_exit(92);
		while (reads && fd >= 0 && read(fd, data, sizeof data) > 0)
			;
	}
}

static void honest(void)
{
	struct wire_out w = {0};
	begin();
	for (int i = 0; i < 3; i++) {
		static const char *const stages[] = {"sampling", "dreaming", NULL};
		for (int k = 1; k < 4; k++)
			wire_put_u64(&w, (uint64_t)k);
		wire_put_string(&w, stages[i]);
		say(READER_PROGRESS, &w);
	}
	confined();
	read_all();
	result();
	end();
}

static void is_silent(void) { begin(); }
static void exits(void) { begin(), _exit(5); }
static void is_killed(void) { begin(), raise(SIGKILL); }
static void uses_time(void) { begin(), raise(SIGXCPU); }
static void asks_kernel(void) { begin(), raise(SIGSYS); }
static void crashes(void) { begin(), raise(SIGSEGV); }
/* A head, and what follows it, of which so much is sent. */
static void raw(enum reader_message kind, uint32_t length, size_t sent)
{
	uint8_t all[16] = {(uint8_t)kind, 0, 0, 0, (uint8_t)length, (uint8_t)(length >> 8), (uint8_t)(length >> 16)};
	(void)!write(READER_SOCKET, all, sent);
}
static void breaks_head(void) { begin(), raw(READER_OPEN, 0, 2); }
static void breaks_body(void) { begin(), raw(READER_OPEN, 8, 11); }
static void says_no_kind(void) { begin(), (void)!write(READER_SOCKET, "\377\0\0\0\0\0\0\0", 8); }
static void says_too_much(void) { begin(), raw(READER_OPEN, READER_QUESTION_MOST + 1, 8); }
static void says_request(void) { begin(), (void)!write(READER_SOCKET, "\1\0\0\0\0\0\0\0", 8); }
static void is_not_confined(void) { begin(), question(READER_OPEN, point.items[0].path); }

static void bytes(enum reader_message kind, size_t n, uint8_t value)
{
	struct wire_out w = {0};
	while (n--)
		wire_put_u8(&w, value);
	say(kind, &w);
}

static void confines_nothing(void) { begin(), confinement.reader = false, confined(); }
static void confines_half(void) { begin(), bytes(READER_CONFINED, 3, 1); }
static void confines_twice(void) { begin(), confined(), confined(); }
static void says_no_progress(void) { begin(), bytes(READER_PROGRESS, 3, 0); }
static void says_more_progress(void) { begin(), bytes(READER_PROGRESS, 40, 0); }
static void shows(void) { begin(), confined(), bytes(READER_OUTPUT, 3, 1); }
static void shows_what(void) { begin(), confined(), bytes(READER_OUTPUT, 3, 7); }
static void asks_nothing(void) { begin(), confined(), bytes(READER_STAT, 3, 7); }
static void says_no_result(void) { begin(), confined(), bytes(READER_RESULT, 500, 1); }
static void paces_half(void) { begin(), confined(), bytes(READER_PACE, 7, 0); }
static void paces_too_much(void) { begin(), confined(), bytes(READER_PACE, 8, 1); }
static void sleeps(void)
{
	sigset_t all;
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	begin();
	for (;;)
		pause();
}
static void never_stops(void)
{
	for (begin();;)
		bytes(READER_PROGRESS, 28, 0);
}
static void goes_on(void)
{
	(void)!write(READER_SOCKET, "\377\0\0\0\0\0\0\0", 8);
	sleeps();
}
static void hears_no_end(void) { begin(), confined(), read_all(), shutdown(READER_SOCKET, SHUT_RD), result(), sleeps(); }
static void hears_no_answer(void)
{
	begin();
	confined();
	shutdown(READER_SOCKET, SHUT_RD);
	question(READER_REAL, point.items[0].path);
	_exit(6);
}
/* What it was told it has not taken: the kernel says that the connection was reset. */
static void leaves_answers(void)
{
	begin();
	confined();
	question(READER_REAL, point.items[0].path);
	struct pollfd p = {.fd = READER_SOCKET, .events = POLLIN};
	poll(&p, 1, -1);
	_exit(7);
}
static void end_with(int sig)
{
	uint8_t none[8];
	size_t length;
	begin(), confined(), read_all(), result();
	hear(none, sizeof none, &length, NULL);
	raise(sig);
	_exit(3);
}
static void ends_badly(void) { end_with(SIGCHLD); }
static void dies_after(void) { end_with(SIGSEGV); }
static void stays(void)
{
	sigset_t all;
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	begin(), confined(), read_all(), result();
	for (;;)
		pause();
}
static void is_slow(void)
{
	begin();
	poll(NULL, 0, 250);
	confined();
	read_all();
	result();
	end();
}
static void gets_on(void)
{
	uint8_t on[4];
	size_t length;
	struct wire_out w = {0};
	begin();
	confined();
	for (int i = 0; i < 2; i++) {
		wire_put_u64(&w, MIB);
		say(READER_PACE, &w);
		if (hear(on, sizeof on, &length, NULL) != READER_ANSWER || length != 1)
			_exit(91);
		if (!on[0])
			_exit(55);
	}
	read_all();
	result();
	end();
}

/* --- what the gate makes of it --- */

static void fresh(void)
{
	confinement = (struct confinement){.reader = true, .seccomp = true, .no_new_privs = true, .landlock = 1};
	sample = (struct chunk_sample){0};
	reads = reads_whole = true;
	outcome = OUTCOME_HELD;
	budget_init(&budget);
	parameters = (struct check_parameters){.policy = &policy, .host = "web01", .now = 1800000000,
					       .depth = DEPTH_FULL, .budget = &budget, .scratch = parameters.scratch};
	time_ahead = 0;
	stop_signal = 0;
	policy.confine = CONFINE_AUTO;
}

/* What its end comes to, in words; "" where it ended well. */
static char said[600];
static enum code judged(void (*act)(void))
{
	struct host_result out = {.depth = parameters.depth};
	struct verdict v;
	const char *call = rule.call;
	rule.call = NULL; /* not here yet */
	NEED(findings_init(&out.findings) == 0);
	reader = act;
	passed_on_count = 0;
	fail_at(call, rule.at, rule.sys);
	bool ended = reader_run(&point, &parameters, &out);
	fail_no_more();
	said[0] = 0;
	size_t open = 0;
	vec_each(&out.findings, it) if (!strcmp(it->check, "reader.ended"))
	{
		open++;
		CHECK_INT(it->outcome, OUTCOME_UNPROVEN);
		CHECK(it->error != ERROR_NONE);
		snprintf(said, sizeof said, "%s", it->detail ? it->detail : "");
	}
	CHECK(ended ? !open : open == PROOF_COUNT || out.findings.lost);
	findings_seal(&out.findings);
	verdict_decide(&out.findings, &policy, &out.measures, &v);
	CHECK(ended || v.code != CODE_SAFE);
	enum code code = v.code;
	verdict_free(&v);
	host_result_free(&out);
	return code;
}

static void refused(const char *name, void (*act)(void), const char *words)
{
	enum code code = judged(act);
	if (code == CODE_SAFE || !strstr(said, words)) {
		fprintf(stderr, "%s: %s: \"%s\", not \"%s\"\n", name, code_name(code), said, words);
		CHECK(!"it is refused for that reason");
	}
}
#define REFUSED(act, words) (fresh(), refused(#act, act, words))

static void an_honest_one(void)
{
	fresh();
	CHECK_INT(judged(honest), CODE_SAFE);
	CHECK_INT(budget.bytes_read, 1);
	CHECK_INT(budget.bytes_decoded, 3);
	CHECK_STR(budget.stage, "sampling"); /* words that nobody knows are not taken over */
	fresh();
	budget.width = 2;
	CHECK_INT(judged(is_slow), CODE_SAFE);
	/* Its digests are what history gets. */
	fresh();
	parameters.remember = true;
	CHECK_INT(judged(honest), CODE_SAFE);
	/* Without the kernel's count. */
	fresh();
	fail_at("fopen64", 0, EACCES);
	CHECK_INT(judged(honest), CODE_SAFE);
}

static void words_that_are_none(void)
{
	REFUSED(is_silent, "without a result (exit 0)");
	REFUSED(exits, "without a result (exit 5)");
	REFUSED(is_killed, "killed");
	REFUSED(uses_time, "processor time");
	REFUSED(asks_kernel, "SIGSYS");
	REFUSED(crashes, "crashed (Segmentation fault)");
	REFUSED(breaks_head, "without a result");
	REFUSED(breaks_body, "without a result");
	REFUSED(says_no_kind, "a message of no kind");
	REFUSED(says_too_much, "a message too long");
	REFUSED(says_request, "a message too long");
	REFUSED(is_not_confined, "before it was confined");
	REFUSED(confines_nothing, "a confinement that is none");
	REFUSED(confines_half, "a confinement that is none");
	REFUSED(confines_twice, "a second word on what confines it");
	REFUSED(says_no_progress, "it ends in the middle");
	REFUSED(says_more_progress, "a word on its progress that is none");
	REFUSED(shows, "nobody wants to see");
	REFUSED(shows_what, "nobody wants to see");
	REFUSED(asks_nothing, "what no reader says");
	REFUSED(says_no_result, "what no reader says");
	REFUSED(paces_half, "a pace that nobody keeps");
	REFUSED(gets_on, "a pace that nobody keeps");
	REFUSED(hears_no_end, "talking to a reader");
	REFUSED(hears_no_answer, "without a result (exit 6)");
	REFUSED(leaves_answers, "without a result (exit 7)");
	REFUSED(ends_badly, "without a result (exit 3)");
	REFUSED(dies_after, "crashed");
}

static void what_it_says_against_what_is(void)
{
	fresh();
	reads = false;
	refused("unread", honest, "the kernel gave it");
	fresh();
	reads_whole = false;
	refused("half", honest, "has not read them");
	/* That nothing is proved is believed. */
	fresh();
	reads_whole = false;
	outcome = OUTCOME_UNPROVEN;
	CHECK_INT(judged(honest), CODE_CANNOT_TELL);
	/* A sample of chunks, each number of which counts. */
	static const struct {
		struct chunk_sample s;
		enum depth depth;
		bool counted, good;
	} samples[] = {
		{{.total = 9, .drawn = 1, .confidence = 2, .wanted = 2, .bytes_read = 9}, DEPTH_SAMPLE, true, true},
		{{.total = 9, .drawn = 1, .confidence = 2, .wanted = 2, .bytes_read = 9}, DEPTH_FULL, true, false},
		{{.total = 0, .drawn = 0, .confidence = 2, .wanted = 2}, DEPTH_SAMPLE, true, false},
		{{.total = 9, .drawn = 1, .confidence = 2, .wanted = 2, .bad = 1}, DEPTH_SAMPLE, true, false},
		{{.total = 9, .drawn = 1, .confidence = 1, .wanted = 2}, DEPTH_SAMPLE, true, false},
		{{.total = 9, .drawn = 1, .confidence = 2, .wanted = 2, .bytes_read = GIB}, DEPTH_SAMPLE, true, false},
		{{.total = 9, .drawn = 1, .confidence = 2, .wanted = 2, .bytes_read = GIB}, DEPTH_SAMPLE, false, true},
		{{.total = 9, .drawn = 9, .confidence = 2, .wanted = 2}, DEPTH_SAMPLE, true, false},
		{{.total = UINT64_MAX, .drawn = UINT64_MAX, .confidence = 2, .wanted = 2}, DEPTH_SAMPLE, true, false},
	};
	for (size_t i = 0; i < ARRAY_SIZE(samples); i++) {
		fresh();
		reads_whole = false;
		sample = samples[i].s;
		parameters.depth = samples[i].depth;
		if (!samples[i].counted)
			fail_at("fopen64", 0, EACCES);
		bool safe = judged(honest) == CODE_SAFE;
		if (safe != samples[i].good)
			fprintf(stderr, "sample %zu: %s\n", i, said);
		CHECK_INT(safe, samples[i].good);
	}
	/* An empty file has no bytes to be read. */
	fresh();
	reads_whole = false;
	point.items[0].size = 0;
	CHECK_INT(judged(honest), CODE_SAFE);
	point.items[0].size = READER_BYTES;
}

static void changes_the_file(void)
{
	begin();
	confined();
	read_all();
	put_file("web01.img", READER_BYTES + 1);
	result();
	end();
}

static size_t findings_of(void (*act)(void), const char *check)
{
	struct host_result out = {.depth = parameters.depth};
	size_t n = 0;
	NEED(findings_init(&out.findings) == 0);
	reader = act;
	passed_on_count = 0;
	(void)!reader_run(&point, &parameters, &out);
	vec_each(&out.findings, it) n += !strcmp(it->check, check);
	if (out.record)
		vec_each(&out.record->files, it) CHECK(!it->read_whole);
	host_result_free(&out);
	return n;
}

static void what_is_said_beside_it(void)
{
	fresh();
	parameters.remember = true;
	CHECK_INT(findings_of(changes_the_file, "part.same"), 1);
	put_file("web01.img", READER_BYTES);
	fresh();
	parameters.remember = true;
	CHECK_INT(findings_of(ends_badly, "reader.ended"), PROOF_COUNT);
	/* What confines it, and what was asked for. */
	for (int i = 0; i < 16; i++) {
		fresh();
		policy.confine = i & 8 ? CONFINE_REQUIRED : CONFINE_AUTO;
		confinement.seccomp = i & 1;
		confinement.no_new_privs = i & 2;
		confinement.landlock = i & 4;
		size_t least = (i & 8 && (i & 3) != 3) + !(i & 4);
		CHECK_INT(findings_of(honest, "reader.confinement"), least);
		bool safe = judged(honest) == CODE_SAFE;
		CHECK_INT(safe, !(i & 8) || (i & 3) == 3);
	}
	fresh();
	gate_readers(NULL);
	CHECK(!reader_wanted(&policy));
	gate_readers("/reader");
	CHECK(reader_wanted(&policy));
	policy.confine = CONFINE_NO;
	CHECK(!reader_wanted(&policy));
}

/* --- time --- */

static void an_hour_later(int sig)
{
	(void)sig;
	time_ahead = 3600 * INT64_C(1000000000);
}

static void later(int ms)
{
	struct sigaction a = {.sa_handler = an_hour_later};
	struct itimerval t = {.it_value = {0, ms * 1000}};
	sigaction(SIGALRM, &a, NULL);
	setitimer(ITIMER_REAL, &t, NULL);
}

static void time_is_over(void)
{
	fresh();
	stop_signal = SIGTERM;
	later(150);
	refused("stopped", sleeps, "it did not end when it had to: it did not stop when it was told to");
	fresh();
	budget.deadline_ns = __real_monotonic_ns() + 20000000;
	later(250);
	refused("late", sleeps, "it did not end when it had to: the deadline has passed");
	fresh();
	budget.deadline_ns = __real_monotonic_ns() + 20000000;
	later(250);
	refused("talks", never_stops, "it did not end when it had to: the deadline has passed");
	/* It has told all, and does not go. */
	fresh();
	later(150);
	refused("stays", stays, "it did not end");
	/* Pace: as long as there is time. */
	fresh();
	struct pace *pace = pace_new(GIB, &e);
	NEED(pace);
	budget.pace = pace;
	CHECK_INT(judged(gets_on), CODE_SAFE);
	fresh();
	budget.pace = pace;
	refused("pace", paces_half, "a pace that nobody keeps");
	refused("pace", paces_too_much, "a pace that nobody keeps");
	pace_destroy(pace);
	fresh();
	budget.deadline_ns = 1;
	NEED((budget.pace = pace = pace_new(1000, &e)));
	refused("no time", gets_on, "without a result (exit 55)");
	pace_destroy(pace);
}

/* --- calls that fail --- */

static void listening(void)
{
	static const struct {
		const char *call;
		unsigned at;
		int sys;
		const char *words; /* NULL: it makes no difference */
	} rows[] = {
		{"recv", 1, EINTR, NULL},		  {"recv", 2, EIO, "listening to a reader"},
		{"recv", 1, ECONNRESET, "it did not end"}, {"poll", 1, EINTR, NULL},
		{"poll", 1, EIO, "listening to a reader"}, {"sendmsg", 2, EPIPE, "it did not end"},
		{"sendmsg", 2, ECONNRESET, "it did not end"}, {"sendmsg", 2, EAGAIN, "does not listen"},
		{"sendmsg", 2, EIO, "talking to a reader"}, {"sendmsg", 1, EIO, "talking to a reader"},
		{"sendmsg", 2, EINTR, NULL},		  {"waitpid", 1, ECHILD, "how it ended is not known"},
		{"openat64", 1, EMFILE, "scratch"},	  {"posix_spawn", 1, EAGAIN, "starting a reader (/reader)"},
		{"socketpair", 1, EMFILE, "starting a reader"},
		{"posix_spawn_file_actions_init", 1, ENOMEM, "memory"},
		{"posix_spawn_file_actions_addopen", 1, ENOMEM, "starting a reader"},
		{"posix_spawn_file_actions_adddup2", 1, ENOMEM, "starting a reader"},
		{"posix_spawn_file_actions_adddup2", 2, ENOMEM, "starting a reader"},
		{"posix_spawn_file_actions_adddup2", 3, ENOMEM, "starting a reader"},
		{"posix_spawn_file_actions_adddup2", DUPLICATED, ENOMEM, "starting a reader"},
		{"fcntl64", 1, EMFILE, "starting a reader"}, {"fcntl64", 2, EMFILE, "starting a reader"},
		{"stat64", 1, EIO, NULL},
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		fresh();
		fail_at(rows[i].call, rows[i].at, rows[i].sys);
		if (rows[i].words && !strcmp(rows[i].words, "it did not end"))
			later(300);
		bool safe = judged(is_slow) == CODE_SAFE;
		bool good = rows[i].words ? !safe && strstr(said, rows[i].words) : safe;
		if (!good || !rule.hits)
			fprintf(stderr, "%s %u: %u, \"%s\"\n", rows[i].call, rows[i].at, rule.hits, said);
		CHECK(good && rule.hits);
	}
	/* It is waited for until it has gone, or is nobody's any more. */
	fresh();
	fail_at("waitpid", 2, EINTR);
	refused("interrupted", goes_on, "a message of no kind");
	fresh();
	fail_at("waitpid", 2, ECHILD);
	refused("nobody's", goes_on, "a message of no kind");
	while (__real_waitpid(-1, NULL, 0) > 0)
		;
	/* What root gives it. */
	if (__real_geteuid() == 0) {
		fresh();
		fail_at("confine_account", 1, 0);
		refused("account", honest, "memory");
		fresh();
		fail_at("scratch_give", 1, 0);
		refused("scratch", honest, "memory");
		fresh();
		fail_at("geteuid", 0, 0);
		CHECK_INT(judged(honest), CODE_SAFE);
	}
}

/* Each allocation in turn: told, or it made no difference. */
static void without_memory(void)
{
	unsigned told = 0;
	for (unsigned n = 1;; n++) {
		fresh();
		parameters.remember = n % 2;
		fail_at("memory", n, ENOMEM);
		enum code code = judged(honest);
		if (!rule.hits)
			break;
		told += code != CODE_SAFE;
	}
	CHECK(told > 30);
}

/* --- what is shown --- */

static int take_nothing(struct reader_life *r, const void *data, size_t length, struct error *why)
{
	(void)data;
	r->ctx = r;
	return length == 2 ? 0 : error_set(why, ERROR_CORRUPT, ERROR_NO_OFFSET, "no");
}

static size_t shown;
static int take_shown(struct reader_life *r, bool is_bytes, const char *data, size_t length, struct error *why)
{
	(void)r;
	shown += length;
	if (is_bytes)
		return error_set(why, ERROR_CORRUPT, ERROR_NO_OFFSET, "no bytes");
	CHECK(length == 2 && !data[0]);
	return 0;
}

static void shows_lines(void)
{
	uint8_t none[8];
	size_t length;
	begin(), confined(), bytes(READER_OUTPUT, 3, 0), bytes(READER_RESULT, 2, 0);
	hear(none, sizeof none, &length, NULL);
}

static void for_people(void)
{
	for (int i = 0; i < 6; i++) {
		fresh();
		int target = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		struct reader_life r = {.point = &point, .p = &parameters, .target = target,
					.take_result = take_nothing, .take_output = take_shown};
		r.request.task = READER_EXTRACT;
		reader = i == 1 ? shows : shows_lines;
		passed_on_count = 0;
		shown = 0;
		/* 2: of the three descriptors, 3: of the last; 4: its place among the others. */
		if (i == 2)
			fail_at("fcntl64", 3, EMFILE);
		if (i == 3)
			fail_at("posix_spawn_file_actions_adddup2", DUPLICATED + 1, ENOMEM);
		if (i == 4)
			fail_at("posix_spawn_file_actions_adddup2", DUPLICATED, ENOMEM);
		if (i == 5)
			gate_readers("/reader");
		reader_life_run(&r);
		fail_no_more();
		CHECK_INT(r.why.cls == ERROR_NONE, i == 0 || i == 5);
		CHECK_INT(shown, i == 0 || i == 1 || i == 5 ? 2 : 0);
		CHECK_INT(passed_on_count, i == 2 ? 0 : i == 3 || i == 4 ? i == 4 ? 1 : 2 : 3);
		reader_life_free(&r);
		close(target);
	}
	/* Nothing sampled of it: what it says of its reading is held against the kernel's count alone. */
	fresh();
	struct findings f;
	struct reader_life r = {.point = &point, .p = &parameters, .target = -1, .take_result = take_nothing};
	NEED(findings_init(&f) == 0);
	reader = shows_lines;
	passed_on_count = 0;
	r.take_output = take_shown;
	reader_life_run(&r);
	for (int p = 0; p < PROOF_COUNT; p++)
		finding_add(&f, (enum proof)p, "a.check", "x", OUTCOME_HELD, NULL, "held");
	reader_life_judge(&r, &f, NULL);
	CHECK_INT(r.why.cls, ERROR_CORRUPT);
	CHECK(strstr(r.why.text, "has not read them"));
	reader_life_free(&r);
	findings_free(&f);
}

int main(void)
{
	set_up_top();
	add_to_point(&point, "web01.img", READER_BYTES);
	NEED((point.label = strdup("web01")) && policy_defaults(&policy, "default") == 0);
	autodestroy(scratch_destroy_auto) struct scratch *scratch = scratch_open(at("scratch"), GIB, &e);
	NEED(scratch);
	parameters.scratch = scratch;
	signal(SIGPIPE, SIG_IGN);
	signal(SIGTERM, SIG_IGN); /* the readers have it from here */
	const struct rlimit none = {0, 0};
	setrlimit(RLIMIT_CORE, &none);
	gate_readers("/reader");
	RUN(an_honest_one);
	RUN(words_that_are_none);
	RUN(what_it_says_against_what_is);
	RUN(what_is_said_beside_it);
	RUN(time_is_over);
	RUN(listening);
	RUN(without_memory);
	RUN(for_people);
	fresh();
	scratch_destroy(take(scratch));
	free_point(&point);
	policy_free(&policy);
	remove_top();
	return test_done();
}
