// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Reads at random what was compressed in pieces. Decoded pieces are kept as long as there is room, the ones used last;
 * several threads decode several pieces, and of two that want the same one the second waits for the first.
 */
#include <pthread.h>

#include "backproof/frames.h"
#include "backproof/pool.h"
#include "source_self.h"

#define SLOTS 1024
#define FAILURES 64
#define DECODERS 64
/* Pieces that one call of extent_at looks at. */
#define EXTENT_PIECES 4096

enum piece_state { HELD = 1, ZERO = 2 };

struct slot {
	uint8_t *data;
	size_t charge; /* bytes of the cache: while it is loaded those of the stored piece too; 0: a free slot */
	uint64_t used;
	uint32_t piece;
	unsigned users; /* one of them loads it, if it is not loaded */
	bool loaded;
};

struct failure {
	size_t piece;
	struct error error;
};

struct framed {
	struct source *stored;
	struct frames x;
	pthread_mutex_t lock; /* of all below */
	pthread_cond_t changed;
	uint8_t *state;	   /* of each piece */
	uint16_t *slot_of; /* number + 1; 0: none */
	struct slot slots[SLOTS];
	size_t charged;
	uint64_t clock;
	unsigned waiting;
	struct failure failures[FAILURES];
	size_t failure_count;
	void *decoders[DECODERS]; /* that nobody uses now */
	size_t decoder_count;
	uint64_t held, bytes, work;
};

static void leave_slot(struct framed *f, struct slot *s)
{
	f->slot_of[s->piece] = 0;
	f->charged -= s->charge;
	free(s->data);
	memset(s, 0, sizeof *s);
}

/* With the lock held. A free slot, and room for so many bytes; NULL: what is there is in use. */
static struct slot *make_room(struct framed *f, size_t want)
{
	for (;;) {
		struct slot *empty = NULL, *oldest = NULL;
		for (struct slot *s = f->slots; s < f->slots + SLOTS; s++) {
			if (!s->charge)
				empty = s;
			else if (!s->users && (!oldest || s->used < oldest->used))
				oldest = s;
		}
		if (empty && f->charged + want <= FRAMES_CACHE)
			return empty;
		if (!oldest)
			return NULL;
		leave_slot(f, oldest);
	}
}

/* Says where, unless it was the stored bytes that could not be read: that has been said. */
static int located(const struct framed *f, const struct frames_piece *p, struct error *e)
{
	e->offset = (int64_t)(p->stored + (e->offset > 0 ? (uint64_t)e->offset : 0));
	return error_prefix(e, "%s, compressed byte %lld (%s from byte %llu)", f->x.ops->codec, (long long)e->offset,
			    f->x.ops->unit, (unsigned long long)p->stored);
}

static int decode(struct framed *f, void *decoder, const struct frames_piece *p, uint8_t *out, struct error *e)
{
	autofree uint8_t *in = malloc(p->stored_length);
	if (!in)
		return error_nomem(e);
	if (source_read_at(f->stored, p->stored, in, p->stored_length, e) < 0)
		return -1;
	e->offset = ERROR_NO_OFFSET;
	return f->x.ops->decode(decoder, p, in, out, e) < 0 ? located(f, p, e) : 0;
}

/* Without the lock. */
static uint8_t *load(struct framed *f, size_t i, void **decoder, struct error *e)
{
	const struct frames_piece *p = &f->x.items[i];
	autofree uint8_t *out = malloc(p->length);
	if (!out) {
		error_nomem(e);
		return NULL;
	}
	if (!*decoder)
		*decoder = f->x.ops->open(e);
	if (!*decoder || decode(f, *decoder, p, out, e) < 0)
		return NULL;
	return take(out);
}

/* With the lock held. What is broken stays so: it is not decoded again and again to hear it. */
static void note_failure(struct framed *f, size_t i, const struct error *e)
{
	struct failure *last = f->failures;
	if (e->cls == ERROR_INTERNAL)
		return;
	if (f->failure_count < FAILURES) {
		f->failures[f->failure_count++] = (struct failure){i, *e};
		return;
	}
	/* The first ones of the file are kept, in whatever order they were met. */
	for (size_t k = 1; k < FAILURES; k++)
		if (f->failures[k].piece > last->piece)
			last = &f->failures[k];
	if (i < last->piece)
		*last = (struct failure){i, *e};
}

static bool has_failed(const struct framed *f, size_t i, struct error *e)
{
	for (size_t k = 0; k < f->failure_count; k++)
		if (f->failures[k].piece == i) {
			*e = f->failures[k].error;
			return true;
		}
	return false;
}

/* With the lock held, which is let go meanwhile. */
static int fill(struct framed *f, size_t i, struct slot *s, struct error *e)
{
	const struct frames_piece *p = &f->x.items[i];
	void *decoder = f->decoder_count ? f->decoders[--f->decoder_count] : NULL;
	*s = (struct slot){.charge = (size_t)p->length + p->stored_length, .piece = (uint32_t)i, .users = 1};
	f->charged += s->charge;
	f->slot_of[i] = (uint16_t)(s - f->slots + 1);
	pthread_mutex_unlock(&f->lock);
	uint8_t *data = load(f, i, &decoder, e);
	bool zero = data && is_zero(data, p->length);
	pthread_mutex_lock(&f->lock);
	if (decoder && f->decoder_count < DECODERS)
		f->decoders[f->decoder_count++] = decoder;
	else if (decoder)
		f->x.ops->close(decoder);
	pthread_cond_broadcast(&f->changed);
	s->data = data;
	if (!data) {
		note_failure(f, i, e);
		leave_slot(f, s);
		return -1;
	}
	f->held += !(f->state[i] & HELD);
	f->bytes += f->state[i] & HELD ? 0 : p->length;
	f->work += p->length;
	f->state[i] |= zero ? HELD | ZERO : HELD;
	if (zero) {
		leave_slot(f, s);
		return 0;
	}
	f->charged -= p->stored_length;
	s->charge -= p->stored_length;
	s->loaded = true;
	return 0;
}

/* With the lock held. *out is in use until it is let go; NULL: the piece is all zeros. */
static int hold(struct framed *f, size_t i, struct slot **out, struct error *e)
{
	const struct frames_piece *p = &f->x.items[i];
	for (;;) {
		struct slot *s = f->slot_of[i] ? &f->slots[f->slot_of[i] - 1] : NULL;
		*out = NULL;
		if (f->state[i] & ZERO)
			return 0;
		if (s && s->loaded) {
			s->users++;
			s->used = ++f->clock;
			*out = s;
			return 0;
		}
		if (has_failed(f, i, e))
			return -1;
		s = s ? NULL : make_room(f, (size_t)p->length + p->stored_length);
		if (s) {
			if (fill(f, i, s, e) < 0)
				return -1;
			if (!s->loaded || s->piece != i) /* zeros: see above */
				continue;
			s->used = ++f->clock;
			*out = s;
			return 0;
		}
		f->waiting++;
		pthread_cond_wait(&f->changed, &f->lock);
		f->waiting--;
	}
}

/* With the lock held. */
static void let_go(struct framed *f, struct slot *s)
{
	s->users--;
	if (f->waiting)
		pthread_cond_broadcast(&f->changed);
}

static size_t find(const struct framed *f, uint64_t off)
{
	return last_at_most(f->x.items, f->x.count, .decoded, off);
}

static int frames_read_at(void *self, uint64_t off, void *buf, size_t len, struct error *e)
{
	struct framed *f = self;
	uint8_t *to = buf;
	for (size_t i = find(f, off); len; i++) {
		const struct frames_piece *p = &f->x.items[i];
		size_t in = (size_t)(off - p->decoded), n = p->length - in < len ? p->length - in : len;
		struct slot *s;
		pthread_mutex_lock(&f->lock);
		int rc = hold(f, i, &s, e);
		pthread_mutex_unlock(&f->lock);
		if (rc < 0)
			return -1;
		if (s) {
			memcpy(to, s->data + in, n);
			pthread_mutex_lock(&f->lock);
			let_go(f, s);
			pthread_mutex_unlock(&f->lock);
		} else {
			memset(to, 0, n);
		}
		to += n;
		off += n;
		len -= n;
	}
	return 0;
}

/* Only what was decoded is known to be zero. */
static int frames_extent_at(void *self, uint64_t off, struct extent *out, struct error *e)
{
	struct framed *f = self;
	size_t i = find(f, off), end = i + 1;
	(void)e;
	pthread_mutex_lock(&f->lock);
	out->zero = f->state[i] & ZERO;
	while (end < f->x.count && end - i < EXTENT_PIECES && !(f->state[end] & ZERO) == !out->zero)
		end++;
	pthread_mutex_unlock(&f->lock);
	out->length = f->x.items[end - 1].decoded + f->x.items[end - 1].length - off;
	return 0;
}

static void frames_destroy(void *self)
{
	struct framed *f = self;
	for (size_t i = 0; i < SLOTS; i++)
		free(f->slots[i].data);
	while (f->decoder_count)
		f->x.ops->close(f->decoders[--f->decoder_count]);
	pthread_cond_destroy(&f->changed);
	pthread_mutex_destroy(&f->lock);
	free(f->state);
	free(f->slot_of);
	frames_free(&f->x);
	free(f);
}

static const struct source_ops frames_source_ops = {"frames", frames_read_at, frames_extent_at, frames_destroy};

struct source *source_frames(struct source *stored, struct frames *x, struct error *e)
{
	struct framed *f = calloc(1, sizeof *f);
	struct source *s = NULL;
	if (!f) {
		error_nomem(e);
		return NULL;
	}
	pthread_mutex_init(&f->lock, NULL);
	pthread_cond_init(&f->changed, NULL);
	f->stored = stored;
	f->state = calloc(x->count ? x->count : 1, sizeof *f->state);
	f->slot_of = calloc(x->count ? x->count : 1, sizeof *f->slot_of);
	if (f->state && f->slot_of)
		s = source_new(&frames_source_ops, f, x->size, source_name(stored), e);
	else
		error_nomem(e);
	if (!s) {
		frames_destroy(f);
		return NULL;
	}
	f->x = *x;
	memset(x, 0, sizeof *x);
	return s;
}

struct verification {
	struct framed *f;
	const struct budget *b;
	size_t first; /* of the pieces that failed; under the lock of f, as the error is */
	struct error error;
};

static void verify_piece(void *ctx, size_t i)
{
	struct verification *v = ctx;
	struct framed *f = v->f;
	struct slot *s = NULL;
	struct error e = {0};
	int rc = budget_check(v->b, &e);
	pthread_mutex_lock(&f->lock);
	if (rc == 0)
		rc = hold(f, i, &s, &e);
	if (s)
		let_go(f, s);
	if (rc < 0 && i < v->first) {
		v->first = i;
		v->error = e;
	}
	pthread_mutex_unlock(&f->lock);
}

int source_frames_verify(struct source *s, const struct budget *b, struct error *e)
{
	struct verification v = {.f = source_self(s, &frames_source_ops), .b = b, .first = SIZE_MAX};
	if (!v.f)
		return error_set(e, ERROR_INTERNAL, ERROR_NO_OFFSET, "%s is not in pieces", source_name(s));
	pool_each(v.f->x.count, verify_piece, &v);
	if (v.first == SIZE_MAX)
		return 0;
	*e = v.error;
	return -1;
}

bool source_frames_told(const struct source *s, struct frames_told *out)
{
	struct framed *f = source_self(s, &frames_source_ops);
	if (!f)
		return false;
	pthread_mutex_lock(&f->lock);
	*out = (struct frames_told){
		.codec = f->x.ops->codec,
		.unit = f->x.ops->unit,
		.pieces = f->x.count,
		.units = f->x.units,
		.unchecked = f->x.unchecked,
		.held = f->held,
		.bytes = f->bytes,
		.work = f->work,
	};
	size_t first = SIZE_MAX;
	for (size_t i = 0; i < f->failure_count; i++)
		if (f->failures[i].piece < first) {
			first = f->failures[i].piece;
			out->failure = f->failures[i].error;
		}
	pthread_mutex_unlock(&f->lock);
	return true;
}
