// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * A stage boundary: upstream runs in its own thread and fills a ring of slots. What upstream found at
 * its end (finish) is carried across, so that an overlapped pipeline proves the same as a plain one.
 */
#include <pthread.h>

#include "backproof/stream.h"

struct slot {
	uint8_t *data;
	size_t length;
};

struct ahead {
	struct stream *upstream;
	pthread_t thread;
	bool started;
	pthread_mutex_t lock;
	pthread_cond_t filled, drained;
	unsigned slots, first, count; /* ring of filled slots, under lock */
	size_t slot_size, taken;      /* taken: of the first slot, the reader's alone */
	bool ended, stop;
	int result; /* of upstream: 0 finished, -1 failed; valid when ended */
	struct error failure;
	struct slot ring[];
};

/* One slot from upstream. 1 filled, 0 at the end (finished), -1 failed. */
static int fill(struct ahead *a, struct slot *s)
{
	ssize_t n = stream_read_full(a->upstream, s->data, a->slot_size, &a->failure);
	if (n > 0) {
		s->length = (size_t)n;
		return 1;
	}
	if (n < 0 && stream_state(a->upstream) == STREAM_FAILED && a->failure.cls == ERROR_NONE)
		a->failure.cls = ERROR_INTERNAL;
	return n < 0 ? -1 : stream_finish(a->upstream, &a->failure);
}

static void *run(void *arg)
{
	struct ahead *a = arg;
	for (;;) {
		pthread_mutex_lock(&a->lock);
		while (a->count == a->slots && !a->stop)
			pthread_cond_wait(&a->drained, &a->lock);
		struct slot *s = &a->ring[(a->first + a->count) % a->slots];
		bool stop = a->stop;
		pthread_mutex_unlock(&a->lock);
		int rc = stop ? -1 : fill(a, s);
		pthread_mutex_lock(&a->lock);
		if (rc > 0) {
			a->count++;
		} else {
			a->ended = true;
			a->result = rc;
		}
		pthread_cond_signal(&a->filled);
		pthread_mutex_unlock(&a->lock);
		if (rc <= 0)
			return NULL;
	}
}

static ssize_t ahead_read(void *self, void *buf, size_t cap, struct error *e)
{
	struct ahead *a = self;
	pthread_mutex_lock(&a->lock);
	while (!a->count && !a->ended)
		pthread_cond_wait(&a->filled, &a->lock);
	bool have = a->count > 0;
	unsigned first = a->first;
	pthread_mutex_unlock(&a->lock);
	if (!have) {
		if (a->result == 0)
			return 0;
		*e = a->failure;
		return -1;
	}
	struct slot *s = &a->ring[first];
	size_t left = s->length - a->taken, n = left < cap ? left : cap;
	memcpy(buf, s->data + a->taken, n);
	a->taken += n;
	if (a->taken == s->length) {
		a->taken = 0;
		pthread_mutex_lock(&a->lock);
		a->first = (a->first + 1) % a->slots;
		a->count--;
		pthread_cond_signal(&a->drained);
		pthread_mutex_unlock(&a->lock);
	}
	return (ssize_t)n;
}

static int ahead_finish(void *self, struct error *e)
{
	struct ahead *a = self;
	if (a->started) {
		pthread_join(a->thread, NULL);
		a->started = false;
	}
	if (a->result < 0)
		*e = a->failure;
	return a->result;
}

static void ahead_destroy(void *self)
{
	struct ahead *a = self;
	if (a->started) {
		pthread_mutex_lock(&a->lock);
		a->stop = true;
		pthread_cond_signal(&a->drained);
		pthread_mutex_unlock(&a->lock);
		pthread_join(a->thread, NULL);
	}
	stream_destroy(a->upstream);
	pthread_mutex_destroy(&a->lock);
	pthread_cond_destroy(&a->filled);
	pthread_cond_destroy(&a->drained);
	for (unsigned i = 0; i < a->slots; i++)
		free(a->ring[i].data);
	free(a);
}

static const struct stream_ops ahead_ops = {"ahead", ahead_read, ahead_finish, ahead_destroy};

struct stream *stream_ahead(struct stream *upstream, unsigned slots, size_t slot_size,
			    struct error *e)
{
	struct ahead *a = calloc(1, sizeof *a + slots * sizeof a->ring[0]);
	if (!a) {
		error_nomem(e);
		return NULL;
	}
	pthread_mutex_init(&a->lock, NULL);
	pthread_cond_init(&a->filled, NULL);
	pthread_cond_init(&a->drained, NULL);
	a->slots = slots;
	a->slot_size = slot_size;
	struct stream *s = NULL;
	bool ready = true;
	for (unsigned i = 0; i < slots; i++)
		if (!(a->ring[i].data = malloc(slot_size)))
			ready = false;
	if (ready)
		s = stream_new(&ahead_ops, a, stream_name(upstream), e);
	else
		error_nomem(e);
	if (!s) {
		ahead_destroy(a);
		return NULL;
	}
	a->upstream = upstream;
	if (pthread_create(&a->thread, NULL, run, a) != 0) {
		error_set(e, ERROR_INTERNAL, ERROR_NO_OFFSET, "no thread for %s", stream_name(upstream));
		a->upstream = NULL; /* stays the caller's */
		stream_destroy(s);
		return NULL;
	}
	a->started = true;
	return s;
}
