// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * All compressed pieces of a file, decoded once: in the order of the file, with long reads, on all cores. What comes
 * out is the same however many there are.
 */
#include "packed.h"

#include <pthread.h>

#include "backproof/pool.h"

#define BATCH 65536u		/* pieces: 2 MiB of memory */
#define SPAN (1 * MIB)		/* read at once, unless a single piece is longer */
#define GAP (64 * KIB)		/* read along with what is around it */
#define MEMORY_MAX (48 * MIB)	/* of all threads */

struct span {
	size_t first, count; /* pieces, among them such as are known */
	uint64_t at, length;
};

struct batch {
	struct packed_pass *pass;
	VEC(struct span) spans;
	size_t room; /* the longest span */
	_Atomic size_t next;
	pthread_mutex_t lock; /* for what follows */
	size_t failed;	      /* the first span that ended the pass, */
	size_t pieces;	      /* and the pieces before it: all of them, unless it did */
	struct error error;
};

static int by_place(const void *a, const void *b)
{
	const struct packed *x = a, *y = b;
	if (x->at != y->at)
		return x->at < y->at ? -1 : 1;
	return (x->guest > y->guest) - (x->guest < y->guest);
}

static int make_spans(struct batch *x, struct error *e)
{
	struct packed_pass *pass = x->pass;
	struct span *s = NULL;
	for (size_t i = 0; i < pass->pieces.count; i++) {
		const struct packed *p = &pass->pieces.items[i];
		uint64_t end = p->at + p->room;
		if (p->used)
			continue;
		if (!s || p->at > s->at + s->length + GAP || end > s->at + SPAN) {
			if (!(s = vec_push(&x->spans)))
				return error_nomem(e);
			*s = (struct span){.first = i, .at = p->at};
		}
		s->count = i - s->first + 1;
		if (end > s->at + s->length)
			s->length = end - s->at;
		if (s->length > x->room)
			x->room = (size_t)s->length;
	}
	return 0;
}

static void fail(struct batch *x, size_t at, const struct error *e)
{
	pthread_mutex_lock(&x->lock);
	if (at < x->failed) {
		x->failed = at;
		x->pieces = x->spans.items[at].first;
		x->error = *e;
	}
	pthread_mutex_unlock(&x->lock);
	/* Spans are taken in order, so all before this one are being looked at, and no more need be. */
	x->next = x->spans.count;
}

static int do_span(struct batch *x, const struct span *s, void *tool, uint8_t *in, struct error *e)
{
	struct packed_pass *pass = x->pass;
	if ((pass->budget && budget_check(pass->budget, e) < 0) ||
	    source_read_at(pass->src, s->at, in, (size_t)s->length, e) < 0)
		return -1;
	for (size_t i = s->first; i < s->first + s->count; i++) {
		struct packed *p = &pass->pieces.items[i];
		if (!p->used && pass->ops->decode(pass, tool, p, in + (p->at - s->at), e) < 0)
			return -1;
	}
	return 0;
}

static void work(void *ctx, size_t unused)
{
	struct batch *x = ctx;
	struct error e = {0};
	(void)unused;
	autofree uint8_t *in = malloc(x->room);
	void *tool = in ? x->pass->ops->open(x->pass, &e) : NULL;
	if (!tool) {
		error_nomem(&e);
		fail(x, 0, &e);
		return;
	}
	for (size_t i; (i = x->next++) < x->spans.count;)
		if (do_span(x, &x->spans.items[i], tool, in, &e) < 0)
			fail(x, i, &e);
	x->pass->ops->close(x->pass, tool);
}

/* Pieces that lie in each other: at most one of them is what was written there. */
static void find_overlaps(struct packed_pass *pass, size_t count)
{
	uint64_t end = 0;
	for (size_t i = 0; i < count; i++) {
		struct packed *p = &pass->pieces.items[i];
		if (p->wrong)
			continue;
		if (p->at < end)
			p->wrong = "it lies in what another one uses";
		if (p->at + p->used > end)
			end = p->at + p->used;
	}
}

static int run(struct packed_pass *pass, struct error *e)
{
	struct batch x = {.pass = pass, .failed = SIZE_MAX, .pieces = pass->pieces.count};
	if (!pass->pieces.count)
		return 0;
	qsort(pass->pieces.items, pass->pieces.count, sizeof *pass->pieces.items, by_place);
	if (make_spans(&x, e) < 0) {
		vec_free(&x.spans);
		return -1;
	}
	size_t threads = MEMORY_MAX / (x.room + pass->tool_bytes + 1);
	threads = threads < pool_width() ? threads : pool_width();
	threads = threads < x.spans.count ? threads : x.spans.count;
	pthread_mutex_init(&x.lock, NULL);
	if (x.spans.count)
		pool_each(threads ? threads : 1, work, &x);
	pthread_mutex_destroy(&x.lock);
	vec_free(&x.spans);
	if (pass->ops->apart)
		find_overlaps(pass, x.pieces);
	for (size_t i = 0; i < x.pieces; i++) {
		const struct packed *p = &pass->pieces.items[i];
		pass->good += !p->wrong;
		pass->bad += p->wrong != NULL;
		if (p->wrong)
			pass->ops->tell(pass, p);
	}
	pass->pieces.count = 0;
	if (x.failed != SIZE_MAX)
		*e = x.error;
	return x.failed != SIZE_MAX ? -1 : 0;
}

int packed_add(struct packed_pass *pass, const struct packed *p, struct error *e)
{
	struct packed *to = vec_push(&pass->pieces);
	if (!to)
		return error_nomem(e);
	*to = *p;
	return pass->pieces.count < BATCH ? 0 : run(pass, e);
}

int packed_finish(struct packed_pass *pass, struct error *e)
{
	return run(pass, e);
}

void packed_free(struct packed_pass *pass)
{
	vec_free(&pass->pieces);
}
