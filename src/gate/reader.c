// SPDX-License-Identifier: GPL-3.0-or-later
/* Starts a reader, answers it, and takes its result: or says what became of it. */
#include "reader_life.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "backproof/footprint.h"
#include "backproof/pace.h"
#include "backproof/pool.h"
#include "remember.h"

#define LOOK_MS 100			     /* how often a signal and the deadline are looked at */
#define STAGE_MOST 40

static int start(struct reader_life *r, int theirs, struct error *e)
{
	/* Opened once more: the lock on it is ours alone, so that it goes when we do. */
	autoclose int scratch = openat(scratch_fd(r->p->scratch), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const int fds[] = {theirs, scratch, r->target};
	if (scratch < 0)
		return error_sys(e, "scratch");
	return reader_spawn("reader", fds, r->target < 0 ? 2 : 3, &r->pid, e);
}

/* The most of the devices that its files are on. */
static uint64_t ahead_of(const struct restore_point *point)
{
	uint64_t most = 0;
	struct stat st;
	for (size_t i = 0; i < point->count; i++) {
		uint64_t n = stat(point->items[i].path, &st) == 0 ? footprint_ahead(st.st_dev) : 0;
		most = n > most ? n : most;
	}
	return most;
}

static int send_request(struct reader_life *r, struct error *e)
{
	const struct check_parameters *p = r->p;
	struct wire_out w = {0};
	struct reader_request *q = &r->request;
	q->p = *p;
	q->point = *r->point;
	q->remember = p->history != NULL;
	q->width = p->budget->width ? p->budget->width : pool_width();
	q->deadline_ns = p->budget->deadline_ns;
	q->memory = p->policy->memory_limit;
	q->parent = getpid();
	q->ahead = ahead_of(r->point);
	q->paced = p->budget->pace != NULL;
	q->piece = p->budget->pace ? pace_piece(p->budget->pace) : 0;
	/* What is restored for people is theirs. */
	if (geteuid() == 0 && q->task != READER_EXTRACT) {
		if (confine_account(&q->account, e) < 0 ||
		    scratch_give(p->scratch, q->account.uid, q->account.gid, e) < 0)
			return -1;
		q->has_account = true;
	}
	reader_request_put(&w, q);
	int rc = w.failed ? error_nomem(e) : reader_send(r->fd, READER_REQUEST, w.data, w.length, -1, e);
	wire_out_free(&w);
	return rc;
}

static int broke(struct reader_life *r, const char *what)
{
	return error_set(&r->why, ERROR_CORRUPT, ERROR_NO_OFFSET, "it said what no reader says: %s", what);
}

static int take_progress(struct reader_life *r, struct wire_in *w)
{
	static const char *const stages[] = {"reading", "restoring", "checking", "sampling", "comparing"};
	struct budget *b = r->p->budget;
	uint64_t read = wire_get_u64(w), total = wire_get_u64(w), decoded = wire_get_u64(w);
	autofree char *stage = wire_get_string(w, STAGE_MOST);
	if (!wire_in_done(w))
		return broke(r, w->why ? w->why : "a word on its progress that is none");
	b->bytes_read = read;
	b->bytes_total = total;
	b->bytes_decoded = decoded;
	for (size_t i = 0; stage && i < ARRAY_SIZE(stages); i++)
		if (!strcmp(stage, stages[i]))
			b->stage = stages[i];
	return 0;
}

static int answer_pace(struct reader_life *r, struct wire_in *q, struct wire_out *answer)
{
	struct error e;
	uint64_t bytes = wire_get_u64(q);
	if (!wire_in_done(q) || !r->p->budget->pace || bytes > GIB)
		return broke(r, "a pace that nobody keeps");
	wire_put_u8(answer, pace_take(r->p->budget->pace, (size_t)bytes, r->p->budget, &e) == 0);
	return 0;
}

static int take_confined(struct reader_life *r, struct wire_in *w)
{
	if (r->confinement.reader)
		return broke(r, "a second word on what confines it");
	reader_confined_get(w, &r->confinement);
	return wire_in_done(w) && r->confinement.reader ? 0 : broke(r, "a confinement that is none");
}

static int take_output(struct reader_life *r, struct wire_in *w)
{
	bool bytes = wire_get_bool(w);
	if (w->bad || !r->take_output)
		return broke(r, "something to show that nobody wants to see");
	return r->take_output(r, bytes, (const char *)w->at, (size_t)(w->end - w->at), &r->why);
}

/* 0: go on, 1: it has ended well, -1: r->why. */
static int take_message(struct reader_life *r, enum reader_message kind, const void *data, size_t length)
{
	struct wire_in in;
	struct wire_out answer = {0};
	struct error e = {0};
	int fd = -1, rc;
	wire_in_init(&in, data, length);
	if (kind == READER_PROGRESS)
		return take_progress(r, &in);
	if (kind == READER_CONFINED)
		return take_confined(r, &in);
	/* No byte of a backup has been looked at before that. */
	if (!r->confinement.reader)
		return broke(r, "anything before it was confined");
	if (kind == READER_OUTPUT)
		return take_output(r, &in);
	if (kind == READER_RESULT) {
		reader_life_count(r);
		if (r->take_result(r, data, length, &e) < 0)
			return broke(r, e.text);
		r->has_result = true;
		return reader_send(r->fd, READER_DONE, NULL, 0, -1, &r->why) < 0 ? -1 : 1;
	}
	if (kind == READER_PACE)
		rc = answer_pace(r, &in, &answer);
	else if ((rc = reader_keeper_answer(r->keeper, kind, &in, &answer, &fd, &e)) < 0)
		broke(r, e.text);
	if (rc == 0)
		rc = reader_send(r->fd, READER_ANSWER, answer.data, answer.length, fd, &r->why);
	/* It is gone: how it ended says more. */
	if (rc < 0 && (r->why.sys == EPIPE || r->why.sys == ECONNRESET))
		r->why = (struct error){0};
	close_auto(&fd);
	wire_out_free(&answer);
	return rc;
}

/* A signal and the deadline are the reader's too; one that goes beyond both is ended. -1: r->why. */
static int look_at_time(struct reader_life *r)
{
	int64_t now = monotonic_ns();
	struct error ended = {0};
	if (stop_signal && !r->told_to_stop) {
		r->told_to_stop = true;
		kill(r->pid, SIGTERM);
		r->kill_at = now + GRACE_NS;
	}
	if (!r->kill_at && budget_check(r->p->budget, &ended) < 0)
		r->kill_at = now + GRACE_NS;
	if (!r->kill_at || now < r->kill_at)
		return reader_life_watch(r, now);
	error_set(&r->why, ERROR_LIMIT, ERROR_NO_OFFSET, "it did not stop when it was told to");
	if (!r->told_to_stop)
		(void)!budget_check(r->p->budget, &r->why);
	return error_prefix(&r->why, "it did not end when it had to");
}

/* 1: something is there to be read, 0: the other end closed. -1: r->why. */
static int wait_for_word(struct reader_life *r)
{
	for (;;) {
		struct pollfd p = {.fd = r->fd, .events = POLLIN};
		if (look_at_time(r) < 0)
			return -1;
		int n = poll(&p, 1, LOOK_MS);
		if (n > 0)
			return 1;
		if (n < 0 && errno != EINTR)
			return error_sys(&r->why, "listening to a reader");
	}
}

/* As reader_receive, and never longer than the reader may live: time is looked at whenever it is waited for. */
static int receive(struct reader_life *r, void *to, size_t length)
{
	size_t done = 0;
	while (done < length) {
		ssize_t n = recv(r->fd, (uint8_t *)to + done, length - done, MSG_DONTWAIT);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN) {
			int rc = wait_for_word(r);
			if (rc <= 0)
				return rc;
			continue;
		}
		if (n < 0 && errno != ECONNRESET)
			return error_sys(&r->why, "listening to a reader");
		if (n <= 0)
			return 0;
		done += (size_t)n;
	}
	return 1;
}

static void serve(struct reader_life *r)
{
	for (int rc = 0; rc == 0;) {
		uint8_t head[READER_HEAD];
		enum reader_message kind;
		struct error e;
		size_t length;
		/* One that never stops talking is never waited for. */
		if (look_at_time(r) < 0 || receive(r, head, sizeof head) <= 0)
			return;
		if (reader_head(head, &kind, &length, &e) < 0) {
			broke(r, e.text);
			return;
		}
		size_t most = kind == READER_RESULT ? READER_RESULT_MOST : READER_QUESTION_MOST;
		if (kind < READER_OPEN || length > most) {
			broke(r, "a message too long");
			return;
		}
		autofree void *data = malloc(length + 1);
		if (!data) {
			error_nomem(&r->why);
			return;
		}
		if (receive(r, data, length) <= 0)
			return;
		rc = take_message(r, kind, data, length);
	}
}

static int open_life(struct reader_life *r, int *theirs, struct error *e)
{
	int pair[2];
	r->files = calloc(r->point->count + 1, sizeof *r->files);
	if (!r->files)
		return error_nomem(e);
	r->keeper = reader_keeper_new(r->point, r->p->policy, r->request.against, e);
	if (!r->keeper)
		return -1;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return error_sys(e, "starting a reader");
	/* See send_all: readers take their answers at once. */
	const struct timeval patience = {.tv_sec = GRACE_NS / 1000000000};
	(void)setsockopt(pair[0], SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
	r->fd = pair[0];
	*theirs = pair[1];
	return 0;
}

void reader_life_run(struct reader_life *r)
{
	int theirs = -1;
	r->fd = -1;
	int rc = open_life(r, &theirs, &r->why);
	if (rc == 0)
		rc = start(r, theirs, &r->why);
	close_auto(&theirs);
	if (rc < 0)
		return;
	if (send_request(r, &r->why) == 0)
		serve(r);
	reader_life_reap(r);
}

void reader_life_free(struct reader_life *r)
{
	close_auto(&r->fd);
	reader_keeper_destroy(r->keeper);
	free(r->files);
}

static int take_check(struct reader_life *r, const void *data, size_t length, struct error *e)
{
	return reader_result_get(data, length, r->point, r->p, r->ctx, r->files, e);
}

bool reader_run(const struct restore_point *point, struct check_parameters *p, struct host_result *out)
{
	struct reader_life r = {.point = point, .p = p, .target = -1, .take_result = take_check, .ctx = out};
	p->budget->stage = "reading";
	reader_life_run(&r);
	reader_life_judge(&r, &out->findings, &out->sample);
	out->confinement = r.confinement;
	if (r.keeper)
		reader_keeper_note(r.keeper, out);
	bool ended = r.why.cls == ERROR_NONE;
	/* Digests of what is no more, or that nobody believes: held against the file, they would speak against it. */
	if (out->record && (!ended || r.moved))
		remember_no_digests(out->record);
	reader_life_free(&r);
	return ended;
}
