// SPDX-License-Identifier: GPL-3.0-or-later
#include "feed.h"

#include <sys/mman.h>

/* Enough for what decoders ask for at once; more is made when more is wanted. */
#define ARENA_SMALL (FEED_BACK + 2 * FEED_STEP)

void *pages_new(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return p == MAP_FAILED ? NULL : p;
}

void pages_free(void *p, size_t size)
{
	if (p)
		munmap(p, size);
}

static void arena_free(struct feed *f, struct arena *a)
{
	if (!a)
		return;
	f->memory -= a->size;
	pages_free(a, sizeof *a + a->size);
}

static struct arena *arena_new(struct feed *f, size_t size)
{
	struct arena *a = NULL;
	for (size_t i = 0; i < FEED_SPARES && !a; i++)
		if (f->spares[i] && f->spares[i]->size >= size)
			a = take(f->spares[i]);
	if (!a) {
		a = pages_new(sizeof *a + size);
		if (!a)
			return NULL;
		a->size = size;
		f->memory += size;
	}
	a->holders = 1;
	return a;
}

struct arena *feed_hold(struct feed *f)
{
	f->arena->holders++;
	return f->arena;
}

void feed_let_go(struct feed *f, struct arena *a)
{
	if (--a->holders)
		return;
	for (size_t i = 0; i < FEED_SPARES && a->size >= FEED_ARENA; i++)
		if (!f->spares[i]) {
			f->spares[i] = a;
			return;
		}
	arena_free(f, a);
}

void feed_shrink(struct feed *f)
{
	for (size_t i = 0; i < FEED_SPARES; i++) {
		arena_free(f, f->spares[i]);
		f->spares[i] = NULL;
	}
}

int feed_init(struct feed *f, struct error *e)
{
	memset(f, 0, sizeof *f);
	f->arena = arena_new(f, ARENA_SMALL);
	if (!f->arena)
		return error_nomem(e);
	f->data = f->arena->data;
	return 0;
}

void feed_over(struct feed *f, const uint8_t *p, size_t len)
{
	*f = (struct feed){.data = (uint8_t *)p, .end = len, .filled = len, .ended = true, .upstream_ended = true};
}

void feed_release(struct feed *f)
{
	stream_destroy(f->upstream);
	arena_free(f, f->arena);
	feed_shrink(f);
	memset(f, 0, sizeof *f);
}

/* Goes on with another arena, or the front of this one: behind the last bytes taken there, need bytes fit. */
static int make_room(struct feed *f, size_t need)
{
	size_t back = f->start < FEED_BACK ? f->start : FEED_BACK;
	size_t from = f->start - back, keep = f->filled - from, size = back + need;
	struct arena *a = f->arena;
	if (a->holders > 1 || a->size < size) {
		size_t usual = f->roomy ? FEED_ARENA : ARENA_SMALL;
		/* More may be asked for soon, as long as it is not seen how long a unit is. */
		while (usual < size)
			usual += usual / 2;
		a = arena_new(f, usual);
		if (!a)
			return -1;
		memcpy(a->data, f->data + from, keep);
		feed_let_go(f, f->arena);
		f->arena = a;
		f->data = a->data;
	} else {
		memmove(f->data, f->data + from, keep);
	}
	f->end = back + (f->end - f->start);
	f->start = back;
	f->filled = keep;
	return 0;
}

int feed_read(struct feed *f, size_t want)
{
	while (feed_ahead(f) < want && !f->upstream_ended && !f->upstream_failed) {
		bool spent = f->start == f->filled && f->start > FEED_BACK && f->arena->holders == 1;
		if ((spent || f->start + want > f->arena->size) && make_room(f, want) < 0)
			return -1;
		ssize_t n = stream_read(f->upstream, f->data + f->filled, want - feed_ahead(f), &f->failure);
		f->upstream_ended = n == 0;
		f->upstream_failed = n < 0;
		f->filled += n > 0 ? (size_t)n : 0;
	}
	return 0;
}

int feed_fill(struct feed *f, size_t want, struct error *e)
{
	if (feed_left(f) >= want || f->ended)
		return 0;
	uint64_t past = f->offset + want + FEED_STEP - 1;
	size_t need = (size_t)(past - past % FEED_STEP - f->offset);
	if (feed_read(f, need) < 0)
		return error_nomem(e);
	size_t have = feed_ahead(f);
	f->end = f->start + (have < need ? have : need);
	if (have >= need)
		return 0;
	f->ended = f->upstream_ended;
	if (f->ended || have >= want)
		return 0;
	f->told = true;
	*e = f->failure;
	return -1;
}

void feed_hide(struct feed *f)
{
	f->end = f->start;
	f->ended = false;
}

void feed_pass(struct feed *f, size_t n)
{
	f->start += n;
	f->offset += n;
	feed_hide(f);
}

int feed_rewind(struct feed *f, const struct span *spans, size_t count, struct error *e)
{
	size_t all = 0, rest = feed_ahead(f);
	for (size_t i = 0; i < count; i++)
		all += spans[i].length;
	struct arena *a = arena_new(f, all + rest);
	if (!a)
		return error_nomem(e);
	uint8_t *to = a->data;
	for (size_t i = 0; i < count; to += spans[i++].length)
		memcpy(to, spans[i].data, spans[i].length);
	memcpy(to, feed_at(f), rest);
	feed_let_go(f, f->arena);
	f->arena = a;
	f->data = a->data;
	f->start = 0;
	f->filled = all + rest;
	f->offset -= all;
	feed_hide(f);
	return 0;
}

int feed_skip(struct feed *f, uint64_t n, struct error *e)
{
	while (n) {
		if (feed_fill(f, 1, e) < 0)
			return -1;
		size_t left = feed_left(f);
		if (!left)
			return 0;
		size_t step = left < n ? left : (size_t)n;
		feed_take(f, step);
		n -= step;
	}
	return 1;
}
