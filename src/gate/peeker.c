// SPDX-License-Identifier: GPL-3.0-or-later
#include "peeker.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>

#include "backproof/peek.h"
#include "reader.h"

#define PATIENCE_NS (INT64_C(10) * 1000000000) /* for one file, of which some MiB are looked at */
#define LOOK_MS 100
#define ANSWER_MOST (16 * MIB)
/* Processes that came to no good end in one run: whoever has written so many files that end them is not served. */
#define ENDS_MOST 64

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pid_t pid;
static int line = -1; /* to the process; -1: there is none */
static unsigned ends;

/* Under lock. How it ended by itself; 0: it was there still. */
static int end(void)
{
	int status = 0;
	if (line < 0)
		return 0;
	close_auto(&line);
	line = -1;
	kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL ? 0 : status;
}

/* It broke off: whatever it was, it is not known what the file says. */
static int broke_off(struct error *e)
{
	int status = end();
	ends++;
	if (WIFSIGNALED(status))
		return error_set(e, ERROR_IO, ERROR_NO_OFFSET, "the process that looks into it was ended by %s%s",
				 strsignal(WTERMSIG(status)),
				 WTERMSIG(status) == SIGSYS ? ": it asked for what it has no reason to" : "");
	if (WEXITSTATUS(status))
		return error_set(e, ERROR_IO, ERROR_NO_OFFSET, "the process that looks into it ended (exit %d)",
				 WEXITSTATUS(status));
	e->cls = ERROR_IO;
	return error_prefix(e, "the process that looks into it");
}

void peeker_end(void)
{
	pthread_mutex_lock(&lock);
	(void)end();
	pthread_mutex_unlock(&lock);
}

static int send_request(struct error *e)
{
	struct confine_account account = {.uid = 0};
	struct wire_out w = {0};
	bool root = geteuid() == 0;
	if (root && confine_account(&account, e) < 0)
		return -1;
	wire_put_u8(&w, root);
	reader_account_put(&w, &account);
	int rc = w.failed ? error_nomem(e) : reader_send(line, READER_REQUEST, w.data, w.length, -1, e);
	wire_out_free(&w);
	return rc;
}

/* Exactly length bytes, before the time is up: one that dribbles is not waited for. -1: *e. */
static int receive_all(void *to, size_t length, int64_t until, struct error *e)
{
	for (size_t done = 0; done < length;) {
		int64_t left = until - monotonic_ns();
		struct pollfd p = {.fd = line, .events = POLLIN};
		if (left <= 0 || stop_signal)
			return error_set(e, ERROR_IO, ERROR_NO_OFFSET, "it did not answer");
		if (poll(&p, 1, LOOK_MS) <= 0)
			continue;
		ssize_t n = recv(line, (uint8_t *)to + done, length - done, MSG_DONTWAIT);
		if (n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN))
			return error_set(e, ERROR_IO, ERROR_NO_OFFSET, "it ended");
		done += n > 0 ? (size_t)n : 0;
	}
	return 0;
}

/* The body of the one message that may come now. NULL: *e. */
static void *receive(enum reader_message wanted, size_t *length, struct error *e)
{
	uint8_t head[READER_HEAD];
	enum reader_message kind;
	int64_t until = monotonic_ns() + PATIENCE_NS;
	if (receive_all(head, sizeof head, until, e) < 0)
		return NULL;
	if (reader_head(head, &kind, length, e) < 0 || kind != wanted || *length > ANSWER_MOST) {
		(void)!error_set(e, ERROR_IO, ERROR_NO_OFFSET, "it said what is no answer");
		return NULL;
	}
	autofree void *data = malloc(*length + 1);
	if (!data) {
		(void)!error_nomem(e);
		return NULL;
	}
	return receive_all(data, *length, until, e) < 0 ? NULL : take(data);
}

static int begin(struct error *e)
{
	const struct timeval patience = {.tv_sec = PATIENCE_NS / 1000000000};
	struct confinement state;
	struct wire_in in;
	size_t length;
	int pair[2];
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return error_sys(e, "starting a reader");
	autoclose int theirs = pair[1];
	(void)setsockopt(pair[0], SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
	if (reader_spawn("peeker", &theirs, 1, &pid, e) < 0) {
		close(pair[0]);
		return -1;
	}
	line = pair[0];
	/* It would be waited for where it is gone. */
	close_auto(&theirs);
	theirs = -1;
	if (send_request(e) < 0)
		return -1;
	/* No byte is looked at before that. */
	autofree void *data = receive(READER_CONFINED, &length, e);
	if (!data)
		return -1;
	wire_in_init(&in, data, length);
	reader_confined_get(&in, &state);
	return wire_in_done(&in) && state.reader
		       ? 0
		       : error_set(e, ERROR_IO, ERROR_NO_OFFSET, "a confinement that is none");
}

/* 0, or what it says is wrong with the file: -1. 1: it is no answer, *e. */
static int take_answer(const void *data, size_t length, struct strings *out, struct error *e)
{
	struct wire_in in;
	wire_in_init(&in, data, length);
	enum error_class cls = (enum error_class)wire_get_enum(&in, ERROR_INTERNAL + 1);
	autofree char *why = cls ? wire_get_string(&in, sizeof e->text) : NULL;
	if (!cls)
		wire_get_strings(&in, out, PEEK_COUNT_MOST, PEEK_NAME_MOST);
	if (!wire_in_done(&in) || (cls && !why)) {
		(void)!error_set(e, ERROR_IO, ERROR_NO_OFFSET, "it said what is no answer");
		return 1;
	}
	/* That its memory is out is no word on ours. */
	return cls ? error_set(e, cls == ERROR_INTERNAL ? ERROR_LIMIT : cls, ERROR_NO_OFFSET, "%s", why) : 0;
}

/* Under lock. 1: it could not be asked, *e. */
static int ask_once(enum peek_kind kind, int fd, struct strings *out, struct error *e)
{
	const uint8_t question = (uint8_t)kind;
	size_t length;
	if (line < 0 && begin(e) < 0)
		return 1;
	if (reader_send(line, READER_PEEK, &question, sizeof question, fd, e) < 0)
		return 1;
	autofree void *data = receive(READER_PEEKED, &length, e);
	return data ? take_answer(data, length, out, e) : 1;
}

static int ask(enum peek_kind kind, int fd, struct strings *out, struct error *e)
{
	pthread_mutex_lock(&lock);
	int rc = ends < ENDS_MOST ? ask_once(kind, fd, out, e)
				  : error_set(e, ERROR_IO, ERROR_NO_OFFSET, "too many files have ended it");
	if (rc > 0)
		rc = broke_off(e);
	pthread_mutex_unlock(&lock);
	return rc;
}

void peeker_use(bool yes)
{
	peek_by(yes ? ask : NULL);
}
