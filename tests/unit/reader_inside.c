// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The reader, with a gate that breaks off, answers nonsense or asks for what can't be, and with calls that fail: it ends
 * without a result, and never goes on with what it was not told. The test is the gate; each reader is a fork of it.
 */
#include "reader_help.h"

#include "../../src/gate/sealing.h"

static struct error e;
static struct restore_point point;
static struct policy policy;
static struct reader_keeper *keeper;

struct child {
	pid_t pid;
	int fd;
};

static void (*inside)(void);

static void in_child(void)
{
	inside();
}

/* A fork with what a reader has; `gate` is ours. */
static struct child start(void (*fn)(void))
{
	struct child c;
	int pair[2];
	NEED(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
	fflush(NULL);
	c.pid = fork();
	NEED(c.pid >= 0);
	if (c.pid == 0) {
		int theirs = fcntl(pair[1], F_DUPFD, 10);
		int scratch = open(at("scratch"), O_RDONLY | O_DIRECTORY), high = fcntl(scratch, F_DUPFD, 10);
		close(pair[0]);
		if (dup2(theirs, READER_SOCKET) < 0 || dup2(high, READER_SCRATCH) < 0 || dup2(high, READER_TARGET) < 0)
			_exit(99);
		close(theirs);
		close(high);
		alarm(60);
		inside = fn;
		in_child();
		_exit(0);
	}
	close(pair[1]);
	c.fd = pair[0];
	return c;
}

/* Its exit status, or minus the signal. */
static int ended(struct child *c)
{
	int status;
	close_auto(&c->fd);
	NEED(__real_waitpid(c->pid, &status, 0) == c->pid);
	return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

/* --- answers that are none --- */

static void opens(void)
{
	reader_door_open(READER_SOCKET);
	int fd = door_open("/x", DOOR_READ);
	_exit(fd >= 0 ? 10 : errno);
}
static void looks(void)
{
	struct stat st;
	reader_door_open(READER_SOCKET);
	_exit(door_stat("/x", true, &st) == 0 ? 10 : errno);
}
static void resolves(void)
{
	reader_door_open(READER_SOCKET);
	char *real = door_realpath("/x");
	_exit(real ? 10 : errno);
}
static void lists(void)
{
	struct strings names = {0};
	reader_door_open(READER_SOCKET);
	_exit(door_names("/x", NULL, 10, &names) == 0 ? 10 + (int)names.count : errno);
}
static void asks_who_writes(void)
{
	reader_door_open(READER_SOCKET);
	_exit(10 + door_written(-1) + door_written(1 << 20));
}
static void paces(void)
{
	reader_door_open(READER_SOCKET);
	_exit(reader_door_pace(5) ? 10 : 11);
}
/* Its descriptors have run out, or have numbers that are not kept. */
static void has_none_left(void)
{
	const struct rlimit few = {READER_TARGET + 1, READER_TARGET + 1};
	setrlimit(RLIMIT_NOFILE, &few);
	opens();
}
static void has_many(void)
{
	struct rlimit many = {5000, 5000};
	int fd = 0;
	if (setrlimit(RLIMIT_NOFILE, &many) < 0)
		_exit(98);
	while (fd >= 0 && fd < 4096)
		fd = dup(0);
	reader_door_open(READER_SOCKET);
	fd = door_open("/x", DOOR_READ);
	uint8_t cached = 0;
	/* Of one whose number is not kept nothing is asked, and nothing is taken away. */
	door_cached(fd, 0, 1, 1, &cached);
	_exit(fd > 4096 && cached == 1 ? 10 : 97);
}
static void opens_again(void)
{
	reader_door_open(READER_SOCKET);
	int fd = door_open("/x", DOOR_READ), again = door_again(fd);
	uint8_t cached[READER_CACHED_MOST + 1] = {0};
	if (again < 0)
		_exit(96);
	door_cached(fd, 0, 1, sizeof cached, cached);
	_exit(10 + cached[0] + cached[READER_CACHED_MOST]);
}

/* Answers the questions of a child, one after the other. */
struct answer {
	const char *body;
	size_t length;
	bool with_fd;
	enum reader_message kind; /* 0: READER_ANSWER */
	const char *raw; /* these bytes instead, and no more: then the gate is gone */
	size_t raw_length;
};

static int answered(void (*fn)(void), const struct answer *answers, size_t count)
{
	struct child c = start(fn);
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	for (size_t i = 0; i < count; i++) {
		uint8_t head[READER_HEAD], body[8192];
		enum reader_message kind;
		size_t length;
		const struct answer *a = &answers[i];
		if (reader_receive(c.fd, head, sizeof head, NULL, &e) <= 0 || reader_head(head, &kind, &length, &e) < 0 ||
		    length > sizeof body || (length && reader_receive(c.fd, body, length, NULL, &e) <= 0))
			break;
		if (a->raw) {
			NEED(write(c.fd, a->raw, a->raw_length) == (ssize_t)a->raw_length);
			break;
		}
		/* It may have gone. */
		(void)!reader_send(c.fd, a->kind ? a->kind : READER_ANSWER, a->body, a->length, a->with_fd ? null : -1, &e);
	}
	close(null);
	return ended(&c);
}
#define ANSWERED(fn, ...)                                                                          \
	answered(fn, (const struct answer[]){__VA_ARGS__},                                         \
		 sizeof((const struct answer[]){__VA_ARGS__}) / sizeof(struct answer))
#define BODY(text) .body = text, .length = sizeof text - 1
#define RAW(text) .raw = text, .raw_length = sizeof text - 1
#define YES "\0\0\0\0"
#define GONE EXIT_FAILURE

static void answers_that_are_none(void)
{
	CHECK_INT(ANSWERED(opens, {BODY(YES "\5\0\0\0"), true}), 10);
	CHECK_INT(ANSWERED(opens, {BODY("\2\0\0\0" YES)}), ENOENT);
	/* Nothing came along, or something that should not have. */
	CHECK_INT(ANSWERED(opens, {BODY(YES YES)}), EMFILE);
	CHECK_INT(ANSWERED(opens, {BODY("\2\0\0\0" YES), true}), ENOENT);
	CHECK_INT(ANSWERED(has_none_left, {BODY(YES "\5\0\0\0"), true}), EMFILE);
	CHECK_INT(ANSWERED(has_many, {BODY(YES "\5\0\0\0"), true}), 10);
	/* The gate breaks off, says what no gate says, or too much. */
	CHECK_INT(ANSWERED(opens, {RAW("")}), GONE);
	CHECK_INT(ANSWERED(opens, {RAW("\2\0\0")}), GONE);
	CHECK_INT(ANSWERED(opens, {RAW("\2\1\0\0\0\0\0\0")}), GONE);
	CHECK_INT(ANSWERED(opens, {RAW("\2\0\0\0\7\0\0\0abc")}), GONE);
	CHECK_INT(ANSWERED(opens, {RAW("\2\0\0\0\1\0\0\20")}), GONE);
	CHECK_INT(ANSWERED(opens, {BODY(YES YES), .kind = READER_DONE}), GONE);
	CHECK_INT(ANSWERED(opens, {BODY("")}), GONE);
	CHECK_INT(ANSWERED(opens, {BODY("\0\0\0")}), GONE);
	/* Half an answer. */
	CHECK_INT(ANSWERED(looks, {BODY(YES "half")}), GONE);
	CHECK_INT(ANSWERED(looks, {BODY("\15\0\0\0")}), EACCES);
	CHECK_INT(ANSWERED(resolves, {BODY(YES "\1\0\0\0/")}), 10);
	CHECK_INT(ANSWERED(resolves, {BODY(YES "\7\0\0\0/")}), ENOMEM);
	CHECK_INT(ANSWERED(resolves, {BODY("\15\0\0\0\377\377\377\377")}), EACCES);
	CHECK_INT(ANSWERED(lists, {BODY(YES "\1\0\0\0\0\0\0\0" "\1\0\0\0x")}), 11);
	CHECK_INT(ANSWERED(lists, {BODY(YES "\2\0\0\0\0\0\0\0" "\1\0\0\0x")}), ENOMEM);
	CHECK_INT(ANSWERED(lists, {BODY("\15\0\0\0" "\0\0\0\0\0\0\0\0")}), EACCES);
	CHECK_INT(ANSWERED(asks_who_writes, {BODY("\1")}, {BODY("\0")}), 11);
	CHECK_INT(ANSWERED(asks_who_writes, {BODY("\7")}, {BODY("")}), 10);
	CHECK_INT(ANSWERED(paces, {BODY("\1")}), 10);
	CHECK_INT(ANSWERED(paces, {BODY("\0")}), 11);
	CHECK_INT(ANSWERED(paces, {BODY("")}), 11);
	/* In the page cache: of what is not told nothing is taken away. */
#define MANY "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
	CHECK_INT(ANSWERED(opens_again, {BODY(YES "\5\0\0\0"), true}, {BODY(YES YES), true}, {BODY(MANY MANY MANY MANY)},
			   {BODY("\1")}), 11);
	CHECK_INT(ANSWERED(opens_again, {BODY(YES "\5\0\0\0"), true}, {BODY(YES YES), true}, {BODY("\0")}, {BODY("\0")}),
		  11);
	CHECK_INT(ANSWERED(opens_again, {BODY(YES "\5\0\0\0"), true}, {BODY("\2\0\0\0" YES)}), 96);
}

static unsigned failing_at;
static void opens_without_memory(void)
{
	reader_door_open(READER_SOCKET);
	fail_at("memory", failing_at, ENOMEM);
	int fd = door_open("/x", DOOR_READ);
	_exit(rule.hits ? 95 : fd >= 0 ? 10 : 94);
}
static void talks_without_memory(void)
{
	struct budget b;
	budget_init(&b);
	reader_door_open(READER_SOCKET);
	fail_at("memory", failing_at, ENOMEM);
	reader_door_progress(&b);
	_exit(rule.hits ? 95 : 10);
}
static void talks_to_nobody(void)
{
	struct wire_out w = {0};
	reader_door_open(-1);
	reader_door_say(READER_PROGRESS, &w);
}
static void asks_nobody(void)
{
	reader_door_open(-1);
	(void)!door_open("/x", DOOR_READ);
}

static void nothing_can_be_said(void)
{
	for (failing_at = 1;; failing_at++) {
		int status = ANSWERED(opens_without_memory, {BODY(YES "\5\0\0\0"), true});
		if (status == 10)
			break;
		CHECK_INT(status, GONE);
	}
	CHECK(failing_at > 2);
	for (failing_at = 1;; failing_at++) {
		int status = ANSWERED(talks_without_memory, {BODY("")});
		if (status == 10)
			break;
		CHECK_INT(status, GONE);
	}
	CHECK(failing_at > 1);
	CHECK_INT(ANSWERED(talks_to_nobody, {BODY("")}), GONE);
	CHECK_INT(ANSWERED(asks_nobody, {BODY("")}), GONE);
}

/* --- from the request to the result --- */

static void reads(void)
{
	_exit(gate_reader());
}

static const char *fails; /* a call, in the child, and which one */
static int fails_at;
static bool told_to_stop;
static void reads_badly(void)
{
	if (told_to_stop)
		stop_signal = SIGTERM;
	if (fails)
		fail_at(fails, (unsigned)fails_at, EAGAIN);
	_exit(gate_reader());
}

static int requested(const void *data, size_t length)
{
	struct child c = start(reads);
	NEED(write(c.fd, data, length) == (ssize_t)length);
	shutdown(c.fd, SHUT_WR);
	return ended(&c);
}

static void requests_that_are_none(void)
{
#define REQUESTED(text) requested(text, sizeof text - 1)
	CHECK_INT(REQUESTED(""), CODE_USAGE);
	CHECK_INT(REQUESTED("\1\0\0"), CODE_USAGE);
	CHECK_INT(REQUESTED("\1\1\0\0\0\0\0\0"), CODE_USAGE);
	CHECK_INT(REQUESTED("\2\0\0\0\0\0\0\0"), CODE_USAGE);
	CHECK_INT(REQUESTED("\1\0\0\0\0\0\0\0"), CODE_USAGE);
	CHECK_INT(REQUESTED("\1\0\0\0\1\0\0\40"), CODE_USAGE);
	CHECK_INT(REQUESTED("\1\0\0\0\7\0\0\0abc"), CODE_USAGE);
	CHECK_INT(REQUESTED("\1\0\0\0\7\0\0\0abcdefg"), CODE_USAGE);
	fails = "memory";
	fails_at = 1;
	struct child c = start(reads_badly);
	NEED(write(c.fd, "\1\0\0\0\7\0\0\0abcdefg", 15) == 15);
	CHECK_INT(ended(&c), CODE_USAGE);
	fails = NULL;
}

static struct reader_request request;

static void fresh(enum reader_task task)
{
	request = (struct reader_request){.task = task, .parent = getpid(), .width = 1, .point = point};
	request.p = (struct check_parameters){.policy = &policy, .host = "web01", .now = 1800000000,
					      .depth = DEPTH_FULL};
	fails = arm_after = NULL;
	told_to_stop = false;
}

static size_t result_length, confined_at, results;
static enum outcome integrity; /* of the result, of READER_CHECK */

/* Answers it as the gate does. The exit status. */
static int run(void)
{
	struct wire_out w = {0};
	struct child c = start(reads_badly);
	int rc = 0;
	result_length = confined_at = results = 0;
	reader_request_put(&w, &request);
	NEED(!w.failed && reader_send(c.fd, READER_REQUEST, w.data, w.length, -1, &e) == 0);
	wire_out_free(&w);
	while (rc == 0) {
		static uint8_t body[1 << 20];
		uint8_t head[READER_HEAD];
		enum reader_message kind;
		size_t length;
		struct wire_in in;
		int fd = -1;
		if (reader_receive(c.fd, head, sizeof head, NULL, &e) <= 0)
			break;
		NEED(reader_head(head, &kind, &length, &e) == 0 && length <= sizeof body);
		if (length && reader_receive(c.fd, body, length, NULL, &e) <= 0)
			break;
		if (kind == READER_CONFINED)
			confined_at++;
		if (kind == READER_RESULT) {
			results++;
			result_length = length;
			rc = reader_send(c.fd, READER_DONE, NULL, 0, -1, &e) < 0 ? -1 : 1;
			if (request.task == READER_CHECK) {
				struct host_result out = {0};
				struct reader_file files[4];
				NEED(findings_init(&out.findings) == 0);
				CHECK_INT(reader_result_get(body, length, &point, &request.p, &out, files, &e), 0);
				integrity = findings_proof(&out.findings, PROOF_INTEGRITY);
				host_result_free(&out);
			}
		}
		if (kind == READER_PACE) {
			wire_put_u8(&w, 1);
		} else if (kind >= READER_OPEN && kind < READER_PACE) {
			wire_in_init(&in, body, length);
			NEED(reader_keeper_answer(keeper, kind, &in, &w, &fd, &e) == 0);
		}
		if (kind < READER_PROGRESS && reader_send(c.fd, READER_ANSWER, w.data, w.length, fd, &e) < 0)
			rc = -1;
		close_auto(&fd);
		wire_out_free(&w);
	}
	return ended(&c);
}

static void each_task(void)
{
	static const enum reader_task tasks[] = {READER_CHECK, READER_INSPECT, READER_LIST, READER_CAT, READER_EXTRACT,
						 READER_SEAL, READER_CHUNKS};
	for (size_t i = 0; i < ARRAY_SIZE(tasks); i++) {
		fresh(tasks[i]);
		request.paced = i % 2;
		request.piece = 64 * KIB;
		request.memory = i == 1 ? 2 * GIB : 0;
		NEED(strings_add(&request.files, "/x") == 0);
		CHECK_INT(run(), 0);
		CHECK(results == 1 && confined_at == 1);
		strings_free(&request.files);
	}
	/* As somebody else, where it may. */
	if (__real_geteuid() == 0) {
		fresh(READER_CHECK);
		request.has_account = true;
		NEED(confine_account(&request.account, &e) == 0);
		CHECK_INT(run(), 0);
		CHECK_INT(results, 1);
	}
	/* A policy without a name has one that is empty. */
	fresh(READER_CHECK);
	char *name = take(policy.name);
	CHECK_INT(run(), 0);
	CHECK_INT(results, 1);
	policy.name = name;
}

static void nobody_waits(void)
{
	/* Whoever asked is not who started it. */
	fresh(READER_CHECK);
	request.parent++;
	CHECK_INT(run(), EXIT_FAILURE);
	CHECK(!results && !confined_at);
	fresh(READER_CHECK);
	fails = "prctl";
	fails_at = 1;
	CHECK_INT(run(), EXIT_FAILURE);
	CHECK(!results && !confined_at);
	/* It was told to stop: among the findings, or by going. */
	fresh(READER_CHECK);
	told_to_stop = true;
	CHECK_INT(run(), 0);
	CHECK(results == 1 && integrity != OUTCOME_HELD);
	fresh(READER_CHUNKS);
	told_to_stop = true;
	CHECK_INT(run(), EXIT_FAILURE);
	CHECK_INT(results, 0);
	/* Without the thread that tells how far it is, it goes on. */
	fresh(READER_CHECK);
	fails = "pthread_create";
	fails_at = 0;
	CHECK_INT(run(), 0);
	CHECK_INT(results, 1);
}

static void can_not_begin(void)
{
	static const char *const calls[] = {"fchdir", "confine_process"};
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
		fresh(READER_CHECK);
		fails = calls[i];
		fails_at = 1;
		CHECK_INT(run(), CODE_INTERNAL);
		CHECK(!results && !confined_at);
	}
	/* Memory ends before it is confined, and behind that: never with a result that holds anything. */
	unsigned unsaid = 0;
	for (int i = 0; i < 2; i++)
		for (unsigned n = 1; n <= 14; n++) {
			fresh(READER_CHECK);
			request.paced = true;
			request.piece = 64 * KIB;
			arm_after = i ? "confine_process" : "fchdir";
			arm_at = n;
			int status = run();
			CHECK(status != 0 || integrity != OUTCOME_HELD);
			CHECK_INT(results, status == 0);
			unsaid += status != 0;
		}
	CHECK(unsaid >= 8);
	arm_after = NULL;
}

int main(void)
{
	set_up_top();
	NEED(mkdir(at("scratch"), 0777) == 0 && chmod(at("scratch"), 0777) == 0);
	add_to_point(&point, "web01.img", READER_BYTES);
	NEED((point.label = strdup("web01")) && policy_defaults(&policy, "default") == 0);
	NEED((keeper = reader_keeper_new(&point, &policy, NULL, &e)));
	signal(SIGPIPE, SIG_IGN);
	RUN(answers_that_are_none);
	RUN(nothing_can_be_said);
	RUN(requests_that_are_none);
	RUN(each_task);
	RUN(nobody_waits);
	RUN(can_not_begin);
	reader_keeper_destroy(keeper);
	free_point(&point);
	policy_free(&policy);
	remove_top();
	return test_done();
}
