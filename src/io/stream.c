// SPDX-License-Identifier: GPL-3.0-or-later
/* The stream dispatcher: states, taps and the peek buffer live here, so that no stage can forget them. */
#include "backproof/stream.h"

struct tap {
	stream_tap_fn *fn;
	void *ctx;
};

struct stream {
	const struct stream_ops *ops;
	void *self;
	char *name;
	enum stream_state state;
	struct error failure;
	uint64_t offset; /* delivered to the reader */
	VEC(struct tap) taps;
	uint8_t *peeked; /* bytes read ahead by stream_peek */
	size_t peek_start, peek_end;
	bool upstream_ended;
	uint8_t *lent; /* for stages that can't lend */
};

#define LEND_CHUNK (256 * KIB)

struct stream *stream_new(const struct stream_ops *ops, void *self, const char *name,
			  struct error *e)
{
	struct stream *s = calloc(1, sizeof *s);
	char *copy = strdup(name);
	if (!s || !copy) {
		free(s);
		free(copy);
		error_nomem(e);
		return NULL;
	}
	s->ops = ops;
	s->self = self;
	s->name = copy;
	return s;
}

void stream_destroy(struct stream *s)
{
	if (!s)
		return;
	s->ops->destroy(s->self);
	free(s->taps.items);
	free(s->peeked);
	free(s->lent);
	free(s->name);
	free(s);
}

static int fail(struct stream *s, struct error *e)
{
	s->state = STREAM_FAILED;
	if (e)
		*e = s->failure;
	return -1;
}

/* One read of the stage below, checked. 0 is the end. */
static ssize_t pull(struct stream *s, void *buf, size_t cap)
{
	if (s->upstream_ended)
		return 0;
	ssize_t n = s->ops->read(s->self, buf, cap, &s->failure);
	if (n > (ssize_t)cap)
		n = error_set(&s->failure, ERROR_INTERNAL, ERROR_NO_OFFSET, "%s: %s overran its buffer",
			      s->name, s->ops->kind);
	if (n == 0)
		s->upstream_ended = true;
	return n;
}

ssize_t stream_read(struct stream *s, void *buf, size_t cap, struct error *e)
{
	ssize_t n;
	switch (s->state) {
	case STREAM_FAILED:
		return fail(s, e);
	case STREAM_DRAINED:
	case STREAM_FINISHED:
		return 0;
	case STREAM_OPEN:
		break;
	}
	if (s->peek_start < s->peek_end) {
		size_t have = s->peek_end - s->peek_start;
		n = (ssize_t)(have < cap ? have : cap);
		memcpy(buf, s->peeked + s->peek_start, (size_t)n);
		s->peek_start += (size_t)n;
	} else {
		n = pull(s, buf, cap);
	}
	if (n < 0)
		return fail(s, e);
	if (n == 0) {
		s->state = STREAM_DRAINED;
		return 0;
	}
	s->offset += (uint64_t)n;
	vec_each(&s->taps, t) t->fn(t->ctx, buf, (size_t)n);
	return n;
}

/* What the stage below lends, or a copy of our own. */
static ssize_t borrow(struct stream *s, const uint8_t **data)
{
	if (s->peek_start < s->peek_end) {
		*data = s->peeked + s->peek_start;
		size_t n = s->peek_end - s->peek_start;
		s->peek_start = s->peek_end;
		return (ssize_t)n;
	}
	if (s->upstream_ended)
		return 0;
	if (s->ops->lend) {
		ssize_t n = s->ops->lend(s->self, data, &s->failure);
		s->upstream_ended = n == 0;
		return n;
	}
	if (!s->lent && !(s->lent = malloc(LEND_CHUNK)))
		return error_nomem(&s->failure);
	*data = s->lent;
	return pull(s, s->lent, LEND_CHUNK);
}

ssize_t stream_lend(struct stream *s, const uint8_t **data, struct error *e)
{
	if (s->state == STREAM_FAILED)
		return fail(s, e);
	if (s->state != STREAM_OPEN)
		return 0;
	ssize_t n = borrow(s, data);
	if (n < 0)
		return fail(s, e);
	if (n == 0) {
		s->state = STREAM_DRAINED;
		return 0;
	}
	s->offset += (uint64_t)n;
	vec_each(&s->taps, t) t->fn(t->ctx, *data, (size_t)n);
	return n;
}

ssize_t stream_read_full(struct stream *s, void *buf, size_t cap, struct error *e)
{
	size_t got = 0;
	while (got < cap) {
		ssize_t n = stream_read(s, (uint8_t *)buf + got, cap - got, e);
		if (n < 0)
			return -1;
		if (n == 0)
			break;
		got += (size_t)n;
	}
	return (ssize_t)got;
}

int stream_finish(struct stream *s, struct error *e)
{
	switch (s->state) {
	case STREAM_FINISHED:
		return 0;
	case STREAM_FAILED:
		return fail(s, e);
	case STREAM_OPEN:
		return error_set(e, ERROR_INTERNAL, ERROR_NO_OFFSET,
				 "%s: finished before it was drained", s->name);
	case STREAM_DRAINED:
		break;
	}
	if (s->ops->finish(s->self, &s->failure) < 0)
		return fail(s, e);
	s->state = STREAM_FINISHED;
	return 0;
}

int stream_drain(struct stream *s, struct error *e)
{
	const uint8_t *data;
	ssize_t n;
	do {
		n = stream_lend(s, &data, e);
		if (n < 0)
			return -1;
	} while (n > 0);
	return stream_finish(s, e);
}

ssize_t stream_peek(struct stream *s, void *buf, size_t cap, struct error *e)
{
	if (s->state == STREAM_FAILED)
		return fail(s, e);
	if (cap > STREAM_PEEK)
		return error_set(e, ERROR_INTERNAL, ERROR_NO_OFFSET, "peek of %zu bytes", cap);
	if (!s->peeked && !(s->peeked = malloc(STREAM_PEEK)))
		return error_nomem(e);
	if (s->peek_start) {
		memmove(s->peeked, s->peeked + s->peek_start, s->peek_end - s->peek_start);
		s->peek_end -= s->peek_start;
		s->peek_start = 0;
	}
	while (s->peek_end < cap) {
		ssize_t n = pull(s, s->peeked + s->peek_end, STREAM_PEEK - s->peek_end);
		if (n < 0)
			return fail(s, e);
		if (n == 0)
			break;
		s->peek_end += (size_t)n;
	}
	size_t n = s->peek_end < cap ? s->peek_end : cap;
	memcpy(buf, s->peeked, n);
	return (ssize_t)n;
}

int stream_tap(struct stream *s, stream_tap_fn *fn, void *ctx, struct error *e)
{
	struct tap *t = vec_push(&s->taps);
	if (!t)
		return error_nomem(e);
	t->fn = fn;
	t->ctx = ctx;
	return 0;
}

bool stream_is_ahead(const struct stream *s)
{
	return s->ops->is_ahead && s->ops->is_ahead(s->self);
}

enum stream_state stream_state(const struct stream *s)
{
	return s->state;
}

const char *stream_name(const struct stream *s)
{
	return s->name;
}

uint64_t stream_offset(const struct stream *s)
{
	return s->offset;
}
