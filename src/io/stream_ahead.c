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
	bool lent;		      /* the rest of the first slot is with the reader */
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

/* Gives the first slot back to the thread. */
static void release(struct ahead *a)
{
	a->taken = 0;
	pthread_mutex_lock(&a->lock);
	a->first = (a->first + 1) % a->slots;
	a->count--;
	pthread_cond_signal(&a->drained);
	pthread_mutex_unlock(&a->lock);
}

/* What is left of the first slot: 0 at the end, -1 when upstream failed. */
static ssize_t first_slot(struct ahead *a, uint8_t **data, struct error *e)
{
	if (a->lent)
		release(a);
	a->lent = false;
	pthread_mutex_lock(&a->lock);
	while (!a->count && !a->ended)
		pthread_cond_wait(&a->filled, &a->lock);
	bool have = a->count > 0;
	struct slot *s = &a->ring[a->first];
	pthread_mutex_unlock(&a->lock);
	if (have) {
		*data = s->data + a->taken;
		return (ssize_t)(s->length - a->taken);
	}
	if (a->result < 0)
		*e = a->failure;
	return a->result;
}

static ssize_t ahead_read(void *self, void *buf, size_t cap, struct error *e)
{
	struct ahead *a = self;
	uint8_t *data;
	ssize_t left = first_slot(a, &data, e);
	if (left <= 0)
		return left;
	size_t n = (size_t)left < cap ? (size_t)left : cap;
	memcpy(buf, data, n);
	a->taken += n;
	if (n == (size_t)left)
		release(a);
	return (ssize_t)n;
}

static ssize_t ahead_lend(void *self, const uint8_t **data, struct error *e)
{
	struct ahead *a = self;
	uint8_t *mine;
	ssize_t n = first_slot(a, &mine, e);
	if (n > 0) {
		*data = mine;
		a->lent = true;
	}
	return n;
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

static bool ahead_is_ahead(const void *self)
{
	const struct ahead *a = self;
	return a->started;
}

static const struct stream_ops ahead_ops = {
	.kind = "ahead",
	.read = ahead_read,
	.lend = ahead_lend,
	.finish = ahead_finish,
	.destroy = ahead_destroy,
	.is_ahead = ahead_is_ahead,
};

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
		/* Aligned, so that what is lent can be written past the page cache. */
		if (posix_memalign((void **)&a->ring[i].data, 4096, slot_size) != 0)
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
