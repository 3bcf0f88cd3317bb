// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * A sample of chunks of the files whose chunks are known. What is certain to be looked at is left out of the lot: both
 * ends of each file, all that formats, walks and restored files have read, and holes, which are known without reading.
 * Were a share of all chunks damaged, then either one of those would show it, or all the damage lies among the others.
 */
#include "chunk_draw.h"

#include "backproof/chances.h"
#include "backproof/text.h"
#include "parts.h"

/* Of the time that is left, this is kept for the end of the check. */
#define MARGIN_NS INT64_C(1000000000)
/* With a deadline chunks are drawn in rounds: only a round that was finished counts. */
#define ROUND_LEAST 16
#define ROUND_SHARE 4 /* of what has been drawn already */
/* Without one, in rounds as large as memory allows: the larger, the less a disk has to move about. */
#define ROUND_MOST (UINT64_C(1) << 20)

struct drawing {
	struct subject *s;
	const struct check_parameters *p;
	struct findings *f;
	struct chunk_work w;
	struct population *left;
	uint64_t total;
	uint64_t damaged;
};

static const char *check_of(const struct part *pt)
{
	return !strcmp(pt->known_from, "seal") ? "seal.chunk" : "history.chunk";
}

static uint64_t count_of(const struct part *pt)
{
	uint64_t size = source_size(pt->source);
	return size <= MERKLE_BLOCK ? 1 : chunks_of_size(size);
}

/* 1: it takes part. 0: nothing is known of it, or it was read to its end, or a finding says that its size differs. */
static int takes_part(const struct drawing *d, struct part *pt, struct error *e)
{
	uint8_t digest[MERKLE_HASH];
	if (!pt->source || !pt->known_from || pt->read_whole || !source_size(pt->source))
		return 0;
	if (source_size(pt->source) <= MERKLE_BLOCK)
		return 1;
	if (!pt->known_chunks)
		return 0;
	/* Who gave them should have seen to this; a sample against anything else would prove nothing. */
	if (chunks_digest(pt->known_chunks, source_size(pt->source), digest, e) < 0) {
		if (e->cls != ERROR_CORRUPT)
			return -1;
		finding_add(d->f, PROOF_INTEGRITY, check_of(pt), pt->name, OUTCOME_BROKEN,
			    &(struct finding_text){.error = ERROR_CORRUPT}, "it has another size than the %s says",
			    pt->known_from);
		return 0;
	}
	if (memcmp(digest, pt->known_digest, MERKLE_HASH))
		return error_set(e, ERROR_INTERNAL, ERROR_NO_OFFSET,
				 "%s: the hashes of the %s are not those of its digest", pt->name,
				 pt->known_from);
	return 1;
}

static int gather(struct drawing *d, struct error *e)
{
	struct subject *s = d->s;
	d->w.parts = calloc(s->part_count ? s->part_count : 1, sizeof *d->w.parts);
	if (!d->w.parts)
		return error_nomem(e);
	for (size_t i = 0; i < s->part_count; i++) {
		struct part *pt = &s->parts[i];
		struct known_part *k = &d->w.parts[d->w.count];
		int rc = takes_part(d, pt, e);
		if (rc < 0)
			return -1;
		if (!rc)
			continue;
		k->part = pt;
		k->first = d->total;
		k->count = count_of(pt);
		d->total += k->count;
		d->w.count++;
		s->chunk_sample.bytes_total += source_size(pt->source);
		if (!s->chunk_sample.from || !strcmp(pt->known_from, "seal"))
			s->chunk_sample.from = pt->known_from;
	}
	if (!d->total)
		return 0;
	d->left = population_new(d->total, e);
	return d->left ? 0 : -1;
}

/* Whole chunks that are a hole: known to be zero, if that is what they were. */
static int hole(struct drawing *d, struct known_part *k, uint64_t first, uint64_t count, struct error *e)
{
	uint8_t zero[MERKLE_HASH];
	if (chunks_zero(zero, e) < 0)
		return -1;
	for (uint64_t n; count; first += n, count -= n) {
		struct bad_chunk b = {.index = k->first + first};
		chunks_get(k->part->known_chunks, first, b.expected, &n);
		n = n < count ? n : count;
		uint64_t taken = population_take(d->left, k->first + first, n);
		if (!memcmp(b.expected, zero, MERKLE_HASH)) {
			k->good += taken;
			k->holes += n * MERKLE_CHUNK;
			continue;
		}
		memcpy(b.measured, zero, MERKLE_HASH);
		for (uint64_t i = 0; i < n; i++, b.index++)
			chunk_bad(&d->w, &b);
	}
	return 0;
}

static int find_holes(struct drawing *d, struct known_part *k, struct error *e)
{
	uint64_t size = source_size(k->part->source), whole = size / MERKLE_CHUNK;
	struct error ended;
	for (uint64_t off = 0, asked = 0; off < size && size > MERKLE_BLOCK;) {
		struct extent x;
		if (asked++ % 1024 == 0 && budget_check(&d->w.budget, &ended) < 0)
			return 0; /* the first read sees it too */
		if (source_extent_at(k->part->source, off, &x, e) < 0)
			return -1;
		uint64_t first = (off + MERKLE_CHUNK - 1) / MERKLE_CHUNK, end = (off + x.length) / MERKLE_CHUNK;
		end = end < whole ? end : whole;
		if (x.zero && first < end && hole(d, k, first, end - first, e) < 0)
			return -1;
		off += x.length;
	}
	return 0;
}

typedef VEC(uint64_t) list;

static int always(struct drawing *d, struct known_part *k, uint64_t chunk, void *to, struct error *e)
{
	list *l = to;
	if (chunk >= k->count || !population_take(d->left, k->first + chunk, 1))
		return 0; /* a hole, or taken before */
	uint64_t *item = vec_push(l);
	if (!item)
		return error_nomem(e);
	*item = k->first + chunk;
	return 0;
}

/* What is looked at in any case, in the order of offsets. */
static int list_always(struct drawing *d, void *to, struct error *e)
{
	for (size_t i = 0; i < d->w.count; i++) {
		struct known_part *k = &d->w.parts[i];
		uint64_t chunk;
		if (find_holes(d, k, e) < 0 || always(d, k, 0, to, e) < 0)
			return -1;
		for (uint64_t from = 0; source_touched(k->part->source, from, &chunk); from = chunk + 1)
			if (always(d, k, chunk, to, e) < 0)
				return -1;
		if (always(d, k, k->count - 1, to, e) < 0)
			return -1;
	}
	return 0;
}

/* Progress is of what will be read. */
static void announce(struct drawing *d, uint64_t chunks)
{
	struct budget *b = d->p->budget;
	b->bytes_total = b->bytes_read + chunks * MERKLE_CHUNK;
}

/*
 * How many chunks that share of the bytes takes at the least. Many small files are many chunks with little in them: the
 * damage need not be there.
 */
static uint64_t damaged_least(const struct drawing *d, uint32_t share)
{
	uint64_t bytes = d->s->chunk_sample.bytes_total, full = bytes / MERKLE_CHUNK + (bytes % MERKLE_CHUNK != 0);
	return chances_damaged(full < d->total ? full : d->total, share);
}

/* Draws and reads until it is enough. 0 also when it was stopped. */
static int draw(struct drawing *d, struct error *e)
{
	struct chunk_sample *c = &d->s->chunk_sample;
	struct rng r = {d->p->seed ^ UINT64_C(0x6368756e6b73)}; /* not the numbers that chose the files */
	autofree uint64_t *round = NULL;
	while (c->drawn < c->needed) {
		uint64_t n = c->needed - c->drawn, some = c->drawn / ROUND_SHARE;
		some = some < ROUND_LEAST ? ROUND_LEAST : some;
		if (d->p->budget->deadline_ns && some < n)
			n = some;
		n = n < ROUND_MOST ? n : ROUND_MOST;
		uint64_t *more = realloc(round, (size_t)n * sizeof *round);
		if (!more)
			return error_nomem(e);
		round = more;
		if (population_draw(d->left, &r, n, round, e) < 0)
			return -1;
		if (!chunks_compare(&d->w, round, (size_t)n)) {
			c->stopped = true;
			return d->w.failed ? error_nomem(e) : 0;
		}
		c->drawn += n;
	}
	return 0;
}

static int take_sample(struct drawing *d, struct error *e)
{
	struct chunk_sample *c = &d->s->chunk_sample;
	const struct policy *policy = d->p->policy;
	list sure = {0};
	int rc = list_always(d, &sure, e);
	uint64_t left = population_left(d->left);
	c->total = d->total;
	c->known = d->total - left;
	c->damage = policy->damage;
	c->wanted = policy->confidence;
	d->damaged = damaged_least(d, policy->damage);
	/* More than are left can't be hidden among them. */
	c->needed = d->damaged > left ? 0 : chances_needed(left, d->damaged, policy->confidence);
	if (rc == 0) {
		announce(d, sure.count + c->needed);
		c->stopped = !chunks_compare(&d->w, sure.items, sure.count);
		if (c->stopped)
			c->known -= sure.count - d->w.good;
		rc = d->w.failed ? error_nomem(e) : c->stopped ? 0 : draw(d, e);
	}
	vec_free(&sure);
	/* Before all that is certain has been looked at, nothing follows from the rest. */
	if (rc == 0 && !d->w.bad_count && (c->drawn || !c->stopped))
		c->confidence = d->damaged > left ? SHARE_ONE : chances_reached(left, d->damaged, c->drawn);
	return rc;
}

static int by_index(const void *a, const void *b)
{
	const struct bad_chunk *x = a, *y = b;
	return x->index < y->index ? -1 : x->index > y->index;
}

/* Threads come upon them in any order. */
static void say_bad(struct drawing *d)
{
	struct chunk_work *w = &d->w;
	char expected[2 * MERKLE_HASH + 1], measured[2 * MERKLE_HASH + 1];
	if (w->bad.count)
		qsort(w->bad.items, w->bad.count, sizeof *w->bad.items, by_index);
	vec_each(&w->bad, b)
	{
		const struct known_part *k = chunk_part(w, b->index);
		struct part *pt = k->part;
		struct finding_text more = {.expected = hex_encode(b->expected, MERKLE_HASH, expected),
					    .measured = hex_encode(b->measured, MERKLE_HASH, measured),
					    .offset = (int64_t)((b->index - k->first) * MERKLE_CHUNK),
					    .has_offset = true,
					    .error = ERROR_CORRUPT};
		if (b->error.cls != ERROR_NONE)
			finding_error(d->f, b->error.cls == ERROR_BUSY ? PROOF_PRESENCE : PROOF_INTEGRITY, check_of(pt),
				      pt->name, &b->error);
		else
			finding_add(d->f, PROOF_INTEGRITY, check_of(pt), pt->name, OUTCOME_BROKEN, &more,
				    "%zu bytes from offset %lld on are not what %s", chunk_length(k, b->index),
				    (long long)more.offset,
				    !strcmp(pt->known_from, "seal") ? "was sealed" : "an earlier full check read");
	}
	d->s->chunk_sample.bad = w->bad_count;
}

/* A file of which each chunk was right has been read to its end. */
static void mark_parts(struct drawing *d)
{
	for (size_t i = 0; i < d->w.count; i++) {
		const struct known_part *k = &d->w.parts[i];
		struct part *pt = k->part;
		pt->sampled = true;
		if (k->good != k->count)
			continue;
		memcpy(pt->digests[DIGEST_FSVERITY], pt->known_digest, MERKLE_HASH);
		pt->digest_mask |= 1u << DIGEST_FSVERITY;
		pt->hole_bytes = k->holes;
		pt->read_whole = true;
	}
}

void subject_draw_chunks(struct subject *s, const struct check_parameters *p, struct findings *f)
{
	struct drawing d = {.s = s, .p = p, .f = f};
	struct error e = {0};
	if (budget_check(p->budget, &e) < 0)
		return; /* the end of the run says so */
	s->settled_in_time = true;
	p->budget->stage = "sampling";
	budget_init(&d.w.budget);
	d.w.budget.pace = p->budget->pace;
	d.w.progress = &p->budget->bytes_read;
	if (p->budget->deadline_ns) {
		int64_t now = monotonic_ns(), share = (p->budget->deadline_ns - now) / 10;
		d.w.budget.deadline_ns = p->budget->deadline_ns - (share < MARGIN_NS ? share : MARGIN_NS);
	}
	int rc = gather(&d, &e);
	if (rc == 0 && d.total) {
		rc = take_sample(&d, &e);
		say_bad(&d);
		if (rc == 0)
			mark_parts(&d);
	}
	s->chunk_sample.bytes_read = d.w.bytes_read;
	subject_measure(s);
	if (rc < 0)
		finding_error(f, PROOF_INTEGRITY, "integrity.sample", s->point->label, &e);
	population_destroy(d.left);
	vec_free(&d.w.bad);
	free(d.w.parts);
}
