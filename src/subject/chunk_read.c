// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Chunks here and there, in the order of their offsets. Each core reads one and hashes it, by itself: with two of them
 * the disk has work while one computes, and more gained nothing.
 */
#include <pthread.h>

#include "chunk_draw.h"
#include "backproof/pool.h"

struct lanes {
	struct chunk_work *w;
	const uint64_t *list;
	size_t count;
	_Atomic size_t next, done;
	_Atomic bool stop;
	pthread_mutex_t lock; /* for what w says of bad chunks */
};

const struct known_part *chunk_part(const struct chunk_work *w, uint64_t index)
{
	return &w->parts[last_at_most(w->parts, w->count, .first, index)];
}

size_t chunk_length(const struct known_part *k, uint64_t index)
{
	uint64_t left = source_size(k->part->source) - (index - k->first) * MERKLE_CHUNK;
	return left < MERKLE_CHUNK ? (size_t)left : MERKLE_CHUNK;
}

void chunk_bad(struct chunk_work *w, const struct bad_chunk *b)
{
	struct bad_chunk *to;
	w->bad_count++;
	if (w->bad.count >= BAD_KEPT)
		return;
	if ((to = vec_push(&w->bad)))
		*to = *b;
	else
		w->failed = true;
}

/* Of a file of one block there are no chunks: its digest stands for it. */
static int measure(const struct known_part *k, const void *data, size_t len, uint8_t out[MERKLE_HASH], struct error *e)
{
	if (k->part->known_chunks && source_size(k->part->source) > MERKLE_BLOCK)
		return merkle_hash_chunks(data, len, (uint8_t(*)[MERKLE_HASH])out, e);
	autodestroy(merkle_destroy_auto) struct merkle *m = merkle_new(e);
	if (!m)
		return -1;
	merkle_update(m, data, len);
	return merkle_final(m, out, e);
}

static void compare_one(struct lanes *x, uint64_t index, uint8_t *buf)
{
	struct chunk_work *w = x->w;
	struct known_part *k = &w->parts[last_at_most(w->parts, w->count, .first, index)];
	struct bad_chunk b = {.index = index};
	size_t len = chunk_length(k, index);
	uint64_t at = index - k->first;
	struct error ended;
	int rc = source_read_aside(k->part->source, at * MERKLE_CHUNK, buf, len, &w->budget, &b.error);
	if (rc < 0 && b.error.cls == ERROR_LIMIT && budget_check(&w->budget, &ended) < 0) {
		x->stop = true;
		return;
	}
	if (rc == 0) {
		w->bytes_read += len;
		*w->progress += len;
		rc = measure(k, buf, len, b.measured, &b.error);
	}
	if (k->part->known_chunks && source_size(k->part->source) > MERKLE_BLOCK)
		chunks_get(k->part->known_chunks, at, b.expected, NULL);
	else
		memcpy(b.expected, k->part->known_digest, MERKLE_HASH);
	if (rc == 0 && !memcmp(b.expected, b.measured, MERKLE_HASH)) {
		k->good++;
		w->good++;
	} else {
		pthread_mutex_lock(&x->lock);
		chunk_bad(w, &b);
		pthread_mutex_unlock(&x->lock);
	}
	x->done++;
}

static void run_lane(void *ctx, size_t number)
{
	struct lanes *x = ctx;
	struct error e;
	void *buf = NULL;
	size_t i;
	(void)number;
	if (posix_memalign(&buf, SOURCE_ASIDE_ALIGN, MERKLE_CHUNK) != 0) {
		x->stop = x->w->failed = true;
		return;
	}
	while (!x->stop && (i = x->next++) < x->count)
		if (budget_check(&x->w->budget, &e) < 0)
			x->stop = true;
		else
			compare_one(x, x->list[i], buf);
	free(buf);
}

bool chunks_compare(struct chunk_work *w, const uint64_t *list, size_t count)
{
	struct lanes x = {.w = w, .list = list, .count = count};
	pthread_mutex_init(&x.lock, NULL);
	pool_each(pool_width(), run_lane, &x);
	pthread_mutex_destroy(&x.lock);
	return x.done == count && !w->failed;
}
