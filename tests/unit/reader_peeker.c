// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Both ends of looking into files elsewhere: whatever the process that does it says, leaves out or does, and whatever call
 * fails meanwhile, it is never taken for a file that says nothing, nor for one that says something else.
 */
#include "reader_help.h"

#include <sys/mman.h>

#include "../../src/gate/peeker.h"
#include "backproof/gate.h"
#include "backproof/peek.h"

static struct strings said;
static struct error why;
static int file = -1;

static int ask(enum peek_kind kind)
{
	strings_free(&said);
	memset(&why, 0, sizeof why);
	int rc = peek(kind, file, &said, &why);
	CHECK(rc == 0 || (!said.count && why.cls != ERROR_NONE && *why.text));
	return rc;
}

/* It is not known what the file says, for this reason. */
static void unknown(const char *reason)
{
	CHECK_INT(ask(PEEK_NOTES), -1);
	CHECK_INT(why.cls, ERROR_IO);
	if (!strstr(why.text, reason))
		CHECK_STR(why.text, reason);
	peeker_end();
}

/* --- who is asked; in a process of his own --- */

static void honest(void)
{
	_exit(gate_peeker());
}

static void say(enum reader_message kind, const void *body, size_t length)
{
	struct error e;
	if (reader_send(READER_SOCKET, kind, body, length, -1, &e) < 0)
		_exit(98);
}

static enum reader_message hear(void)
{
	uint8_t head[READER_HEAD], body[4096];
	enum reader_message kind;
	struct error e;
	size_t length;
	int fd = -1;
	if (reader_receive(READER_SOCKET, head, sizeof head, &fd, &e) <= 0 || reader_head(head, &kind, &length, &e) < 0 ||
	    length > sizeof body || (length && reader_receive(READER_SOCKET, body, length, NULL, &e) <= 0))
		_exit(97);
	close_auto(&fd);
	return kind;
}

static void begin(bool reader_flag)
{
	struct confinement c = {.reader = reader_flag};
	struct wire_out w = {0};
	if (hear() != READER_REQUEST)
		_exit(96);
	reader_confined_put(&w, &c);
	say(READER_CONFINED, w.data, w.length);
	if (hear() != READER_PEEK)
		_exit(95);
}

static uint8_t answer[16];
static size_t answer_length;
static enum reader_message answer_kind = READER_PEEKED;

static void answers(void)
{
	begin(true);
	say(answer_kind, answer, answer_length);
	if (hear())
		_exit(94);
}

static void ends_at_once(void)
{
	(void)hear();
	_exit(7);
}
static void ends_well(void)
{
	begin(true);
	_exit(0);
}
static void dies(void)
{
	begin(true);
	raise(SIGSYS);
}
static void crashes(void)
{
	begin(true);
	raise(SIGSEGV);
}
static void is_not_confined(void)
{
	begin(false);
}
static void confines_badly(void)
{
	(void)hear();
	say(READER_CONFINED, "x", 1);
	(void)hear();
}
static void answers_first(void)
{
	(void)hear();
	say(READER_PEEKED, "\0\0\0\0\0", 5);
	(void)hear();
}
static void says_no_message(void)
{
	static const uint8_t none[READER_HEAD] = {0xff};
	begin(true);
	(void)!write(READER_SOCKET, none, sizeof none);
	(void)hear();
}
static void says_too_much(void)
{
	static const uint8_t head[READER_HEAD] = {READER_PEEKED, 0, 0, 0, 0xff, 0xff, 0xff, 0x7f};
	begin(true);
	(void)!write(READER_SOCKET, head, sizeof head);
	(void)hear();
}
static void says_half(void)
{
	static const uint8_t head[READER_HEAD] = {READER_PEEKED, 0, 0, 0, 200};
	begin(true);
	(void)!write(READER_SOCKET, head, sizeof head);
	_exit(0);
}
static void hangs(void)
{
	begin(true);
	pause();
}

/* --- */

static void told(void (*who)(void), const char *reason)
{
	reader = who;
	passed_on_count = 0;
	unknown(reason);
}

static void answered(const void *body, size_t length)
{
	memcpy(answer, body, length);
	answer_length = length;
	reader = answers;
	passed_on_count = 0;
}

static void test_honest(void)
{
	reader = honest;
	passed_on_count = 0;
	CHECK_INT(ask(PEEK_NOTES), 0);
	NEED(said.count == 1);
	CHECK_STR(said.items[0], "web01");
	/* The same one again, and after its end another. */
	CHECK_INT(ask(PEEK_LOG), 0);
	CHECK_INT(said.count, 2);
	peeker_end();
	passed_on_count = 0;
	CHECK_INT(ask(PEEK_BACKING), 0);
	CHECK_INT(said.count, 0);
	peeker_end();
	peeker_end();
}

static void test_broken_off(void)
{
	told(ends_at_once, "(exit 7)");
	told(ends_well, "ended");
	told(dies, "no reason to");
	told(crashes, "ended by");
	told(is_not_confined, "a confinement that is none");
	told(confines_badly, "a confinement that is none");
	told(answers_first, "no answer");
	told(says_no_message, "no answer");
	told(says_too_much, "no answer");
	told(says_half, "ended");
	/* Its time is up the second time that somebody looks. */
	fail_at("monotonic_ns", 3, 0);
	told(hangs, "did not answer");
	fail_no_more();
	stop_signal = SIGTERM;
	told(hangs, "did not answer");
	stop_signal = 0;
}

static void test_answers(void)
{
	answered("\0\0\0\0\0\0\0\0\0", 9);
	CHECK_INT(ask(PEEK_NOTES), 0);
	CHECK_INT(said.count, 0);
	peeker_end();
	answered("", 0);
	unknown("no answer");
	answered("\0x", 2);
	unknown("no answer");
	answered("\x0a", 1);
	unknown("no answer");
	answered("\2\0", 2);
	unknown("no answer");
	/* Something is wrong with the file, and it is not said what. */
	answered("\2\xff\xff\xff\xff", 5);
	unknown("no answer");
	answer_kind = READER_CONFINED;
	answered("\0\0\0\0\0\0\0\0\0", 9);
	unknown("no answer");
	answer_kind = READER_PEEKED;
	/* What it says is wrong with the file is passed on; that its own memory is out, is not ours. */
	struct wire_out w = {0};
	for (int cls = ERROR_IO; cls <= ERROR_INTERNAL; cls++) {
		w.length = 0;
		wire_put_u8(&w, (uint8_t)cls);
		wire_put_string(&w, "bad");
		answered(w.data, w.length);
		CHECK_INT(ask(PEEK_NOTES), -1);
		CHECK_INT(why.cls, cls == ERROR_INTERNAL ? ERROR_LIMIT : cls);
		CHECK_STR(why.text, "bad");
		peeker_end();
	}
	wire_out_free(&w);
}

/* What one that was not understood may say yet is nobody's answer. */
static void test_next(void)
{
	answered("\0x", 2);
	CHECK_INT(ask(PEEK_NOTES), -1);
	reader = honest;
	passed_on_count = 0;
	CHECK_INT(ask(PEEK_NOTES), 0);
	NEED(said.count == 1);
	CHECK_STR(said.items[0], "web01");
	peeker_end();
}

/* Each call fails once, in its turn: the next question is answered. */
static void test_calls(void)
{
	static const struct {
		const char *call;
		int sys;
	} calls[] = {{"socketpair", EMFILE}, {"posix_spawn", EAGAIN}, {"posix_spawn_file_actions_init", ENOMEM},
		     {"posix_spawn_file_actions_addopen", ENOMEM}, {"posix_spawn_file_actions_adddup2", ENOMEM},
		     {"fcntl64", EMFILE}, {"sendmsg", EPIPE}, {"recv", ECONNRESET}, {"confine_account", 0}};
	reader = honest;
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
		if (!strcmp(calls[i].call, "confine_account") && geteuid() != 0)
			continue;
		peeker_end();
		passed_on_count = 0;
		fail_at(calls[i].call, 1, calls[i].sys);
		CHECK_INT(ask(PEEK_NOTES), -1);
		CHECK_INT(why.cls, ERROR_IO);
		CHECK_INT(fail_no_more(), 1);
		passed_on_count = 0;
		CHECK_INT(ask(PEEK_NOTES), 0);
		CHECK_INT(said.count, 1);
	}
	/* Calls that are made again. */
	peeker_end();
	passed_on_count = 0;
	fail_at("recv", 1, EINTR);
	CHECK_INT(ask(PEEK_NOTES), 0);
	fail_no_more();
	fail_at("recv", 1, EAGAIN);
	CHECK_INT(ask(PEEK_NOTES), 0);
	CHECK_INT(fail_no_more(), 1);
	CHECK_INT(said.count, 1);
	fail_at("poll", 1, EINTR);
	CHECK_INT(ask(PEEK_NOTES), 0);
	fail_no_more();
	fail_at("waitpid", 1, EINTR);
	peeker_end();
	CHECK_INT(fail_no_more(), 1);
	/* The question does not get to it: nobody waits for an answer. */
	passed_on_count = 0;
	fail_at("sendmsg", 2, EPIPE);
	CHECK_INT(ask(PEEK_NOTES), -1);
	CHECK_INT(why.cls, ERROR_IO);
	CHECK_INT(fail_no_more(), 1);
	passed_on_count = 0;
	CHECK_INT(ask(PEEK_NOTES), 0);
	/* Somebody else has waited for it; and who is not root gives it no account. */
	fail_at("waitpid", 1, ECHILD);
	peeker_end();
	CHECK_INT(fail_no_more(), 1);
	passed_on_count = 0;
	fail_at("geteuid", 0, 0);
	CHECK_INT(ask(PEEK_NOTES), 0);
	CHECK(fail_no_more() > 0);
	CHECK_INT(said.count, 1);
	peeker_end();
	passed_on_count = 0;
	/* Memory, wherever it is wanted here. */
	for (unsigned n = 1, hit = 1; hit; n++) {
		peeker_end();
		passed_on_count = 0;
		fail_at("memory", n, ENOMEM);
		int rc = ask(PEEK_NOTES);
		hit = fail_no_more();
		CHECK(hit ? rc < 0 || said.count == 1 : rc == 0 && said.count == 1);
		NEED(n < 30);
	}
	peeker_end();
}

/* --- the process itself --- */

struct order {
	enum reader_message kind;
	const void *body;
	size_t length;
	bool fd;
};

/* How it ends when it hears these, and then nobody any more. */
static int end_of(const struct order *orders, size_t count)
{
	int pair[2], status;
	struct error e;
	NEED(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
	pid_t pid = fork();
	NEED(pid >= 0);
	if (pid == 0) {
		NEED(dup2(pair[1], READER_SOCKET) == READER_SOCKET);
		if (pair[0] != READER_SOCKET)
			close(pair[0]);
		alarm(60);
		_exit(gate_peeker());
	}
	close(pair[1]);
	for (size_t i = 0; i < count; i++)
		if (reader_send(pair[0], orders[i].kind, orders[i].body, orders[i].length, orders[i].fd ? file : -1, &e) < 0)
			break;
	NEED(shutdown(pair[0], SHUT_WR) == 0);
	NEED(waitpid(pid, &status, 0) == pid);
	close(pair[0]);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

#define END_OF(...) end_of((const struct order[]){__VA_ARGS__}, sizeof (const struct order[]){__VA_ARGS__} / sizeof(struct order))

static void test_process(void)
{
	static const uint8_t notes = PEEK_NOTES, none = PEEK_KINDS;
	struct confine_account nobody = {.uid = 0};
	struct wire_out w = {0};
	wire_put_u8(&w, 0);
	reader_account_put(&w, &nobody);
	struct order request = {READER_REQUEST, w.data, w.length, false};
	CHECK_INT(END_OF(request), 0);
	CHECK_INT(END_OF(request, {READER_PEEK, &notes, 1, true}, {READER_PEEK, &notes, 1, true}), 0);
	CHECK_INT(END_OF({READER_DONE, NULL, 0, false}), 1);
	CHECK_INT(END_OF({READER_REQUEST, "x", 1, false}), 1);
	CHECK_INT(END_OF({READER_REQUEST, w.data, w.length - 1, false}), 1);
	CHECK_INT(END_OF(request, {READER_PEEK, &notes, 1, false}), 1);
	CHECK_INT(END_OF(request, {READER_PEEK, &none, 1, true}), 1);
	CHECK_INT(END_OF(request, {READER_PEEK, "\5\5", 2, true}), 1);
	CHECK_INT(END_OF(request, {READER_PEEK, NULL, 0, true}), 1);
	/* Anything else ends it, as if nobody were there. */
	CHECK_INT(END_OF(request, {READER_DONE, NULL, 0, false}), 0);
	/* Memory, and what confines it. */
	fail_at("confine_process", 1, 0);
	CHECK_INT(END_OF(request), 1);
	fail_no_more();
	unsigned gave_up = 0;
	for (unsigned n = 1; n <= 12; n++) {
		arm_after = "confine_process";
		arm_at = n;
		int code = END_OF(request, {READER_PEEK, &notes, 1, true});
		arm_after = NULL;
		CHECK(code == 0 || code == 1);
		gave_up += code == 1;
	}
	/* How it is confined, and what is in the file: that is not said in part. */
	CHECK(gave_up > 1);
	wire_out_free(&w);
}

/* Whoever has written so many files that end it is not served any more. */
static void test_enough(void)
{
	for (int i = 0; i < 64; i++) {
		reader = ends_at_once;
		passed_on_count = 0;
		CHECK_INT(ask(PEEK_NOTES), -1);
	}
	reader = honest;
	passed_on_count = 0;
	CHECK_INT(ask(PEEK_NOTES), -1);
	CHECK(strstr(why.text, "too many files"));
	/* By this process, where that is asked for. */
	gate_readers(NULL);
	CHECK_INT(ask(PEEK_NOTES), 0);
	CHECK_INT(said.count, 1);
}

int main(void)
{
	file = memfd_create("peek", MFD_CLOEXEC);
	NEED(file >= 0 && write(file, "web01\n", 6) == 6);
	gate_readers("/proc/self/exe");
	RUN(test_honest);
	RUN(test_answers);
	RUN(test_broken_off);
	RUN(test_next);
	RUN(test_process);
	RUN(test_calls);
	RUN(test_enough);
	strings_free(&said);
	return test_done();
}
