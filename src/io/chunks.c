// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * A list of spans: each is a string of hashes, or one hash for a run of chunks. Holes of terabytes cost nothing, and
 * what was written costs its hashes.
 */
#include "backproof/chunks.h"

#include <pthread.h>

/* So many of one hash in a row become a run. */
#define RUN_MIN 4
/* Runs of zeros may be as long as a file can be; of anything else, as what can be read: 1 PiB. */
#define RUN_MAX (UINT64_C(1) << 31)
#define COUNT_MAX (INT64_MAX / MERKLE_CHUNK + 1)

struct span {
	uint64_t start; /* first chunk */
	size_t at;	/* first hash */
	bool run;	/* all have that hash */
};

struct chunks {
	VEC(struct span) spans;
	uint8_t (*hashes)[MERKLE_HASH];
	size_t hash_count, capacity;
	uint64_t count;
	struct error failure;
};

struct chunks *chunks_new(struct error *e)
{
	struct chunks *c = calloc(1, sizeof *c);
	if (!c)
		error_nomem(e);
	return c;
}

void chunks_destroy(struct chunks *c)
{
	if (!c)
		return;
	vec_free(&c->spans);
	free(c->hashes);
	free(c);
}

static uint8_t zero_chunk[MERKLE_HASH];
static struct error zero_failure;

static void make_zero_chunk(void)
{
	uint8_t *data = calloc(1, MERKLE_CHUNK);
	if (!data)
		error_nomem(&zero_failure);
	else if (merkle_hash_chunks(data, MERKLE_CHUNK, &zero_chunk, &zero_failure) < 0)
		memset(zero_chunk, 0, MERKLE_HASH);
	free(data);
}

int chunks_zero(uint8_t hash[MERKLE_HASH], struct error *e)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, make_zero_chunk);
	if (zero_failure.cls != ERROR_NONE)
		return error_set(e, zero_failure.cls, zero_failure.offset, "%s", zero_failure.text);
	memcpy(hash, zero_chunk, MERKLE_HASH);
	return 0;
}

static struct span *last_span(const struct chunks *c)
{
	return c->spans.count ? &c->spans.items[c->spans.count - 1] : NULL;
}

static int new_span(struct chunks *c, uint64_t start, size_t at, bool run, struct error *e)
{
	struct span *s = vec_push(&c->spans);
	if (!s)
		return error_nomem(e);
	*s = (struct span){start, at, run};
	return 0;
}

static int push_hash(struct chunks *c, const uint8_t hash[MERKLE_HASH], struct error *e)
{
	if (c->hash_count == CHUNKS_MAX)
		return error_set(e, ERROR_LIMIT, ERROR_NO_OFFSET, "more than %u different chunks in one file",
				 (unsigned)CHUNKS_MAX);
	if (vec_grow((void **)&c->hashes, &c->capacity, c->hash_count, MERKLE_HASH) < 0)
		return error_nomem(e);
	memcpy(c->hashes[c->hash_count++], hash, MERKLE_HASH);
	return 0;
}

/* How many hashes at the end of the last span, which is no run, are this one; no more than RUN_MIN are looked at. */
static size_t alike_at_end(const struct chunks *c, const uint8_t hash[MERKLE_HASH])
{
	const struct span *s = last_span(c);
	size_t n = 0;
	while (s && !s->run && n < RUN_MIN && c->hash_count - n > s->at &&
	       !memcmp(c->hashes[c->hash_count - n - 1], hash, MERKLE_HASH))
		n++;
	return n;
}

/* count chunks as a run, with so many like it at the end of what is there. */
static int add_run(struct chunks *c, uint64_t count, size_t before, const uint8_t hash[MERKLE_HASH], struct error *e)
{
	c->hash_count -= before;
	if (before && last_span(c)->at == c->hash_count)
		c->spans.count--;
	if (new_span(c, c->count - before, c->hash_count, true, e) < 0 || push_hash(c, hash, e) < 0)
		return -1;
	c->count += count;
	return 0;
}

static int add(struct chunks *c, uint64_t count, const uint8_t hash[MERKLE_HASH], struct error *e)
{
	const struct span *s = last_span(c);
	uint8_t zero[MERKLE_HASH];
	uint64_t run = count;
	if (!count)
		return 0;
	if (count > COUNT_MAX - c->count)
		return error_set(e, ERROR_LIMIT, ERROR_NO_OFFSET, "more than 8 EiB");
	bool longer = s && s->run && !memcmp(c->hashes[s->at], hash, MERKLE_HASH);
	if (longer)
		run += c->count - s->start;
	if (chunks_zero(zero, e) < 0)
		return -1;
	if (run > RUN_MAX && memcmp(hash, zero, MERKLE_HASH))
		return error_set(e, ERROR_LIMIT, ERROR_NO_OFFSET, "more than 1 PiB of one chunk");
	if (longer) {
		c->count += count;
		return 0;
	}
	size_t before = alike_at_end(c, hash);
	if (count >= RUN_MIN || before + count >= RUN_MIN)
		return add_run(c, count, before, hash, e);
	if ((!s || s->run) && new_span(c, c->count, c->hash_count, false, e) < 0)
		return -1;
	for (; count; count--) {
		if (push_hash(c, hash, e) < 0)
			return -1;
		c->count++;
	}
	return 0;
}

int chunks_add(struct chunks *c, uint64_t count, const uint8_t hash[MERKLE_HASH], struct error *e)
{
	if (c->failure.cls == ERROR_NONE && add(c, count, hash, &c->failure) == 0)
		return 0;
	return chunks_state(c, e);
}

void chunks_observe(void *chunks, uint64_t first, uint64_t count, const uint8_t hash[MERKLE_HASH])
{
	struct chunks *c = chunks;
	if (c->failure.cls != ERROR_NONE)
		return;
	if (first != c->count)
		error_set(&c->failure, ERROR_INTERNAL, ERROR_NO_OFFSET, "chunks in another order than the file's");
	else if (add(c, count, hash, &c->failure) < 0)
		return; /* kept for chunks_state */
}

int chunks_state(const struct chunks *c, struct error *e)
{
	if (c->failure.cls == ERROR_NONE)
		return 0;
	if (e)
		*e = c->failure;
	return -1;
}

uint64_t chunks_count(const struct chunks *c)
{
	return c->count;
}

void chunks_get(const struct chunks *c, uint64_t index, uint8_t hash[MERKLE_HASH], uint64_t *run)
{
	size_t i = last_at_most(c->spans.items, c->spans.count, .start, index);
	const struct span *s = &c->spans.items[i];
	uint64_t end = i + 1 < c->spans.count ? s[1].start : c->count;
	memcpy(hash, c->hashes[s->run ? s->at : s->at + (size_t)(index - s->start)], MERKLE_HASH);
	if (run)
		*run = s->run ? end - index : 1;
}

uint64_t chunks_of_size(uint64_t size)
{
	return size <= MERKLE_BLOCK ? 0 : size / MERKLE_CHUNK + (size % MERKLE_CHUNK != 0);
}

/* count chunks of one hash from the place where m is. */
static void put(struct merkle *m, const uint8_t hash[MERKLE_HASH], uint64_t count, uint64_t *left)
{
	uint8_t many[128][MERKLE_HASH];
	for (size_t i = 0; i < ARRAY_SIZE(many) && i < count; i++)
		memcpy(many[i], hash, MERKLE_HASH);
	while (count) {
		uint64_t n = count < ARRAY_SIZE(many) ? count : ARRAY_SIZE(many);
		uint64_t bytes = n * MERKLE_CHUNK < *left ? n * MERKLE_CHUNK : *left;
		merkle_chunks(m, (const uint8_t(*)[MERKLE_HASH])many, bytes);
		*left -= bytes;
		count -= n;
	}
}

int chunks_digest(const struct chunks *c, uint64_t size, uint8_t digest[MERKLE_HASH], struct error *e)
{
	autodestroy(merkle_destroy_auto) struct merkle *m = NULL;
	uint8_t hash[MERKLE_HASH], zero[MERKLE_HASH];
	uint64_t left = size, n;
	if (chunks_state(c, e) < 0)
		return -1;
	if (!c->count || size > INT64_MAX || chunks_of_size(size) != c->count)
		return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "hashes of %llu chunks for a file of %llu bytes",
				 (unsigned long long)c->count, (unsigned long long)size);
	if (!(m = merkle_new(e)) || chunks_zero(zero, e) < 0)
		return -1;
	for (uint64_t i = 0; i < c->count; i += n) {
		chunks_get(c, i, hash, &n);
		/* Where the file ends inside a chunk, the hash of a whole one says nothing of zeros. */
		uint64_t whole = n < left / MERKLE_CHUNK ? n : left / MERKLE_CHUNK;
		if (!memcmp(hash, zero, MERKLE_HASH) && whole) {
			merkle_zeros(m, whole * MERKLE_CHUNK);
			left -= whole * MERKLE_CHUNK;
			put(m, hash, n - whole, &left);
		} else {
			put(m, hash, n, &left);
		}
	}
	return merkle_final(m, digest, e);
}
