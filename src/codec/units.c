// SPDX-License-Identifier: GPL-3.0-or-later
#include "units.h"

/* Compressed and decoded bytes in flight, and what decoders need, on however many cores; what is read of the next
 * piece comes on top. */
#define MEMORY_MAX (56 * MIB)
/* What is larger is decoded in passing. */
#define UNIT_MAX (UNIT_ROOM + 2 * MIB)
#define UNIT_LENGTH_MAX (16 * MIB)
#define GRAIN_MAX (4 * MIB)
#define PIECES_MAX 130
/* Some decoders want to write on to see that there is no more. */
#define SLACK 64
/* Guesses that may be wrong before no more are made: each costs the work on what follows. */
#define MISSES_MAX 16

struct codec_tuning codec_tuning;

unsigned codec_width(void)
{
	return codec_tuning.width ? codec_tuning.width : pool_width();
}

void units_init(struct units *u, const struct member_ops *ops, void *self, struct feed *f)
{
	unsigned width = codec_width();
	u->ops = ops;
	u->self = self;
	u->feed = f;
	if (width < 2 || !ops->split)
		return;
	/* On few cores whoever takes what is decoded keeps one of them busy. */
	u->most = width < 4 ? width : width + 1 < PIECES_MAX ? width + 1 : PIECES_MAX;
	u->grain = MEMORY_MAX / 3 / u->most;
	u->grain = u->grain < GRAIN_MAX ? u->grain : GRAIN_MAX;
	if (codec_tuning.grain)
		u->grain = codec_tuning.grain;
}

/* One member, by the codec's own ways, from exactly its bytes. */
static bool decode_member(struct piece *p, struct unit *u, const uint8_t *in, uint8_t *out)
{
	struct feed f;
	struct error e = {0};
	bool done = false;
	size_t n = 0;
	feed_over(&f, in, u->length);
	u->begun = p->ops->begin(p->self, &f, false, &e);
	if (u->begun != BEGUN_CONTENT && u->begun != BEGUN_UNCHECKED)
		return u->begun == BEGUN_SKIPPED && !feed_left(&f);
	while (!done) {
		size_t before = feed_left(&f);
		ssize_t got = p->ops->decode(p->self, &f, out + n, u->room + SLACK - n, &done, &e);
		if (got < 0 || (got == 0 && !done && feed_left(&f) == before))
			return false;
		n += (size_t)got;
		if (n > u->room)
			return false;
	}
	u->produced = n;
	return !feed_left(&f);
}

static bool decode_part(struct piece *p, struct unit *u, const uint8_t *in, uint8_t *out)
{
	ssize_t n = p->ops->part(u, in, out);
	if (n < 0 || (size_t)n > u->room)
		return false;
	u->produced = (size_t)n;
	return true;
}

/*
 * Zeros, and what else repeats itself, are compressed to the same bytes again: what they decode to is in out already.
 * Of a disk that is half empty that is half of the frames.
 */
static bool is_again(struct piece *p)
{
	if (p->last.count != p->count || p->last.length != p->length || p->last.inside != p->inside ||
	    memcmp(p->last.in, p->in, p->length))
		return false;
	/* What split has made of them depends on the member that they are in, too. */
	for (size_t i = 0; i < p->count; i++)
		if (p->units[i].length != p->last.units[i].length || p->units[i].room != p->last.units[i].room ||
		    p->units[i].mark != p->last.units[i].mark)
			return false;
	memcpy(p->units, p->last.units, p->count * sizeof *p->units);
	for (; p->good < p->count; p->good++)
		p->decoded += p->units[p->good].produced;
	return true;
}

static void remember(struct piece *p)
{
	if (p->good < p->count || p->length > AGAIN_LENGTH)
		return;
	memcpy(p->last.units, p->units, p->count * sizeof *p->units);
	memcpy(p->last.in, p->in, p->length);
	p->last.inside = p->inside;
	p->last.count = p->count;
	p->last.length = p->length;
}

static void run(struct task *t)
{
	struct piece *p = (struct piece *)t;
	const uint8_t *in = p->in;
	if (is_again(p))
		return;
	p->last.count = 0;
	for (size_t i = 0; i < p->count; i++) {
		struct unit *u = &p->units[i];
		u->produced = 0;
		if (!(p->inside ? decode_part : decode_member)(p, u, in, p->out + p->decoded))
			return;
		in += u->length;
		p->decoded += u->produced;
		p->good++;
	}
	remember(p);
}

static void drop_memory(struct units *u, struct piece *p)
{
	if (p->self)
		u->ops->destroy(p->self);
	free(p->self);
	pages_free(p->out, p->out_size);
	u->memory -= p->weight + p->out_size;
	p->last.count = 0;
	p->self = NULL;
	p->out = NULL;
	p->weight = p->out_size = 0;
}

/* One that is done: kept for another time. */
static void retire(struct units *u, struct piece *p)
{
	feed_let_go(u->feed, p->arena);
	u->flying--;
	p->next = u->idle;
	u->idle = p;
}

static struct piece *unlink_first(struct units *u)
{
	struct piece *p = u->first;
	u->first = p->next;
	if (!u->first)
		u->last = NULL;
	return p;
}

void units_release(struct units *u)
{
	while (u->first) {
		struct piece *p = unlink_first(u);
		task_wait(&p->task);
		retire(u, p);
	}
	while (u->idle) {
		struct piece *p = u->idle;
		u->idle = p->next;
		drop_memory(u, p);
		free(p);
	}
}

static struct piece *take_idle(struct units *u)
{
	struct piece *p = u->idle;
	if (p)
		u->idle = p->next;
	else
		p = calloc(1, sizeof *p);
	if (p) {
		p->count = p->good = p->length = p->room = p->work = p->decoded = p->given = 0;
		p->settled = false;
		p->ops = u->ops;
		p->next = NULL;
	}
	return p;
}

/* Asks what begins at bytes behind the feed's place. */
static enum split look(struct units *u, size_t at, bool inside, struct unit *unit)
{
	struct feed *f = u->feed;
	*unit = (struct unit){0};
	for (;;) {
		size_t len = feed_ahead(f) - at;
		enum split s = len ? u->ops->split(u->self, inside, feed_at(f) + at, len, f->upstream_ended, unit)
				   : SPLIT_MORE;
		if (s == SPLIT_UNIT && (unit->length > len || unit->length + unit->room + unit->work > UNIT_MAX))
			s = SPLIT_NONE;
		if (s != SPLIT_MORE)
			return s;
		if (f->upstream_ended || f->upstream_failed || len >= UNIT_LENGTH_MAX)
			return SPLIT_NONE;
		size_t want = len + (len < MIB ? FEED_STEP : MIB);
		if (feed_read(f, at + (unit->length > len ? unit->length : want)) < 0)
			return SPLIT_NONE;
	}
}

/* Units for one piece. False when there is nothing that is worth it. */
static bool collect(struct units *u, struct piece *p, bool inside)
{
	struct feed *f = u->feed;
	struct unit next = {0};
	while (p->count < PIECE_UNITS && p->length + p->room < u->grain) {
		if (look(u, p->length, inside, &next) != SPLIT_UNIT)
			break;
		/* A piece does not become much larger than it should be for what comes last, but for padding. */
		if (p->room && p->length + p->room + next.length + next.room > 2 * u->grain)
			break;
		f->roomy = true;
		p->units[p->count++] = next;
		p->length += next.length;
		p->room += next.room;
		p->work = next.work > p->work ? next.work : p->work;
	}
	/* Up to there was looked, and need not be looked again. What is no part now may be one later. */
	if (!p->count)
		u->not_before = f->offset + (next.looked ? next.looked : !inside);
	if (p->count != 1 || u->flying || inside)
		return p->count > 0;
	/* A single member that is all there is: no one is to be waited for. */
	if (feed_read(f, p->length + 1) == 0 && feed_ahead(f) > p->length)
		return true;
	u->not_before = f->offset + 1;
	return false;
}

/* The memory that p needs is there, or can be had. Whatever it is, one piece is allowed. */
static bool fits(struct units *u, const struct piece *p, size_t size)
{
	size_t more = (size > p->out_size ? size - p->out_size : 0) + (p->work > p->weight ? p->work - p->weight : 0);
	struct piece *i = u->idle;
	if (u->memory + u->feed->memory + more > MEMORY_MAX)
		feed_shrink(u->feed);
	for (; i && more && u->memory + u->feed->memory + more > MEMORY_MAX; i = i->next)
		drop_memory(u, i);
	return u->memory + u->feed->memory + more <= MEMORY_MAX || !u->flying;
}

/* 1 when p can be begun, 0 later, -1 when there is no memory. */
static int prepare(struct units *u, struct piece *p)
{
	struct error e;
	size_t size = (p->room + SLACK + 4095) & ~(size_t)4095;
	if (!fits(u, p, size))
		return 0;
	if (p->out_size < size) {
		pages_free(p->out, p->out_size);
		u->memory -= p->out_size;
		p->out_size = 0;
		p->last.count = 0;
		/* Aligned, so that what is lent can be written past the page cache. */
		p->out = pages_new(size);
		if (!p->out)
			return -1;
		p->out_size = size;
		u->memory += size;
	}
	u->memory += p->work > p->weight ? p->work - p->weight : 0;
	p->weight = p->work > p->weight ? p->work : p->weight;
	if (p->inside || p->self)
		return 1;
	p->self = calloc(1, u->ops->size);
	return p->self && u->ops->init(p->self, &e) == 0 ? 1 : -1;
}

static bool launch(struct units *u, bool inside)
{
	struct piece *p = take_idle(u);
	u->out_of_memory = !p;
	if (!p)
		return false;
	p->inside = inside;
	int ready = collect(u, p, inside) ? prepare(u, p) : 0;
	if (ready <= 0) {
		u->out_of_memory = ready < 0;
		p->next = u->idle;
		u->idle = p;
		return false;
	}
	p->arena = feed_hold(u->feed);
	p->in = feed_at(u->feed);
	feed_pass(u->feed, p->length);
	u->flying++;
	*(u->last ? &u->last->next : &u->first) = p;
	u->last = p;
	p->task.run = run;
	task_begin(&p->task);
	return true;
}

int units_plan(struct units *u, bool inside, struct error *e)
{
	if (inside && !u->ops->part)
		return 0;
	while (u->flying < u->most && u->feed->offset >= u->not_before && u->misses < MISSES_MAX && launch(u, inside))
		;
	return u->out_of_memory ? error_nomem(e) : 0;
}

struct piece *units_first(struct units *u)
{
	if (u->first)
		task_wait(&u->first->task);
	return u->first;
}

void units_next(struct units *u)
{
	retire(u, unlink_first(u));
}

int units_rewind(struct units *u, struct error *e)
{
	struct span spans[PIECES_MAX];
	size_t count = 0, skip = 0;
	for (size_t i = 0; i < u->first->good; i++)
		skip += u->first->units[i].length;
	for (struct piece *p = u->first; p; p = p->next) {
		task_wait(&p->task);
		spans[count++] = (struct span){p->in + skip, p->length - skip};
		skip = 0;
	}
	if (feed_rewind(u->feed, spans, count, e) < 0)
		return -1;
	while (u->first)
		units_next(u);
	u->not_before = u->feed->offset + 1;
	u->misses++;
	return 0;
}
