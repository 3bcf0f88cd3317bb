// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Whoever asks waits for an answer, and a disk on a network may never give one: so a child does all of it, and this
 * only waits, for so long and no longer. A process that hangs in the kernel can't be ended, but left behind. What
 * counts is an answer that is whole, of a child that then ended as it should.
 */
#include "hook.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "backproof/budget.h"

#define FIRST_SECONDS 30 /* until the configuration has said how long */
#define LOOK_MS 50	 /* how often that is looked at */
#define ANSWER_MAX (64 * KIB)
#define SECOND INT64_C(1000000000)

struct answer_head {
	char magic[8];
	int32_t code;
	uint32_t length; /* of the text behind it */
};
static const char magic[8] = "hook\r\n\032";

void hook_doing(struct hook_shared *s, const char *what, const char *path)
{
	snprintf(s->doing, sizeof s->doing, "%s%s", what, path ? path : "");
}

static int write_all(int fd, const void *p, size_t length)
{
	for (size_t at = 0; at < length;) {
		ssize_t n = write(fd, (const char *)p + at, length - at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -1;
		at += (size_t)n;
	}
	return 0;
}

/* 0: it has said all it had to say. */
static int child(const struct hook_request *r, struct hook_shared *shared, int fd)
{
	struct hook_answer a = {.code = CODE_CANNOT_TELL};
	hook_work(r, shared, &a);
	struct answer_head head = {.code = (int32_t)a.code, .length = (uint32_t)a.says.length};
	memcpy(head.magic, magic, sizeof head.magic);
	bool good = !a.says.failed && a.says.length <= ANSWER_MAX - sizeof head &&
		    write_all(fd, &head, sizeof head) == 0 && write_all(fd, text_str(&a.says), a.says.length) == 0;
	text_free(&a.says);
	return good ? 0 : 1;
}

static void refuse(struct hook_answer *out, enum code code, const char *why)
{
	text_free(&out->says);
	out->code = code;
	text_printf(&out->says, "backproof: NOT upgraded: %s: ", code_name(code));
	text_put_safe(&out->says, why);
	text_put(&out->says, "\n");
}

/* Waits for what the child has to say, until it has no more. 1: that is all; 0: its time is over, or ours. */
static int listen(int fd, const struct hook_shared *shared, int64_t start, struct text *said)
{
	char buf[4096];
	for (;;) {
		int64_t seconds = shared->timeout > 0 ? shared->timeout : FIRST_SECONDS;
		int64_t spent = monotonic_ns() - start;
		struct pollfd p = {.fd = fd, .events = POLLIN};
		if (stop_signal || spent / SECOND >= seconds)
			return 0;
		int rc = poll(&p, 1, LOOK_MS);
		if (rc <= 0)
			continue;
		ssize_t n = read(fd, buf, sizeof buf);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0 || said->length + (size_t)n > ANSWER_MAX)
			return 1;
		text_put_bytes(said, buf, (size_t)n);
	}
}

/* The status of a child that has closed its end, and so is about to end. -1: it does not. */
static int status_of(pid_t pid)
{
	for (int waited = 0; waited < 2000; waited++) {
		int status;
		pid_t is = waitpid(pid, &status, WNOHANG);
		if (is == pid)
			return status;
		if (is < 0 && errno != EINTR)
			return -1;
		usleep(1000);
	}
	return -1;
}

/* What it has started is ended with it, if it can still do that. */
static void end(pid_t pid)
{
	kill(pid, SIGTERM);
	for (int waited = 0; waited < 1000; waited++) {
		if (waitpid(pid, NULL, WNOHANG) != 0)
			return;
		usleep(1000);
	}
	kill(pid, SIGKILL);
}

static void understand(const struct text *said, int status, struct hook_answer *out)
{
	struct answer_head head;
	if (status < 0 || !WIFEXITED(status) || WEXITSTATUS(status)) {
		autofree char *line = status >= 0 && WIFSIGNALED(status)
					      ? text_format("it was ended by signal %d", WTERMSIG(status))
					      : strdup("it failed");
		refuse(out, CODE_INTERNAL, line ? line : "it failed");
		return;
	}
	if (said->failed || said->length < sizeof head) {
		refuse(out, CODE_INTERNAL, "it gave no answer");
		return;
	}
	memcpy(&head, said->data, sizeof head);
	if (memcmp(head.magic, magic, sizeof magic) || head.length != said->length - sizeof head) {
		refuse(out, CODE_INTERNAL, "it gave no answer that can be understood");
		return;
	}
	text_put_bytes(&out->says, said->data + sizeof head, head.length);
	out->code = (enum code)head.code;
	if (out->says.failed)
		refuse(out, CODE_INTERNAL, "out of memory");
}

/* A waiver says: whatever is found out. That nothing could be found out in time is no exception. */
static void too_late(const struct hook_shared *shared, struct hook_answer *out)
{
	struct hook_shared s = *shared;
	s.doing[sizeof s.doing - 1] = s.waived[sizeof s.waived - 1] = '\0';
	if (!stop_signal && *s.waived) {
		out->code = CODE_WAIVED;
		text_put(&out->says, "backproof: WAIVED, though there was no answer in time: ");
		text_put_safe(&out->says, s.waived);
		text_put(&out->says, "\n");
		return;
	}
	refuse(out, CODE_CANNOT_TELL, stop_signal ? "it was told to stop" : "it took too long");
	if (stop_signal)
		return;
	text_printf(&out->says, "  after %llds it was still ",
		    (long long)(s.timeout > 0 ? s.timeout : FIRST_SECONDS));
	text_put_safe(&out->says, *s.doing ? s.doing : "starting");
	text_put(&out->says, "\n  now: see what hangs, then again; `timeout` in [hook] says how long it may take\n");
}

static void ask(const struct hook_request *r, struct hook_shared *shared, struct hook_answer *out)
{
	autotext struct text said = {0};
	int64_t start = monotonic_ns();
	int ends[2];
	if (pipe2(ends, O_CLOEXEC) < 0) {
		refuse(out, CODE_INTERNAL, "there are no pipes");
		return;
	}
	autoclose int from = ends[0], to = ends[1];
	pid_t us = getpid(), pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL); /* nobody would hear it */
		_exit(getppid() == us ? child(r, shared, to) : 1);
	}
	close(to);
	to = -1;
	if (pid < 0) {
		refuse(out, CODE_INTERNAL, "no process can be started");
		return;
	}
	if (listen(from, shared, start, &said)) {
		int status = status_of(pid);
		if (status < 0)
			kill(pid, SIGKILL);
		understand(&said, status, out);
		return;
	}
	end(pid);
	too_late(shared, out);
}

void gate_hook(const struct hook_request *r, struct hook_answer *out)
{
	memset(out, 0, sizeof *out);
	out->code = CODE_CANNOT_TELL;
	struct hook_shared *shared =
		mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED) {
		refuse(out, CODE_INTERNAL, "out of memory");
		return;
	}
	ask(r, shared, out);
	munmap(shared, sizeof *shared);
}
