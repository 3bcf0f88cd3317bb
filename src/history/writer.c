// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Verdicts of many hosts: one transaction, and one wait for the disk, for all that came in while the last was written.
 * What a killed run had not written yet is the work of some milliseconds.
 */
#include "store.h"

/* Beyond these the chunks of a record are not kept, or the record is not: nobody waits for a history. */
#define MOST_CHUNKS (256 * MIB)
#define MOST_RECORDS 20000
/* How often a locked file is waited for when all else is done. */
#define LAST_TRIES 2

static void discard(struct history_record *r)
{
	history_record_free(r);
	free(r);
}

static uint64_t chunk_bytes(const struct history_record *r)
{
	uint64_t sum = 0;
	for (size_t i = 0; i < r->files.count; i++)
		if (r->files.items[i].chunks)
			sum += chunks_count(r->files.items[i].chunks) * MERKLE_HASH;
	return sum;
}

/* With the lock held. */
static void lose(struct history *h, size_t count, const struct error *e)
{
	if (count && !h->lost)
		h->first = *e;
	h->lost += count;
}

/* How many could not be written. That others have locked the file is no fault of any record: it is tried again. */
static size_t write_batch(struct history *h, const struct record_list *batch, struct error *e)
{
	for (unsigned tries = 0; add_records(h, batch->items, batch->count, e) < 0;) {
		size_t lost = 0;
		if (e->cls == ERROR_BUSY) {
			pthread_mutex_lock(&h->lock);
			tries += h->flushing;
			pthread_mutex_unlock(&h->lock);
			if (tries >= LAST_TRIES)
				return batch->count;
			continue;
		}
		/* One of them can't be written, or none can. */
		for (size_t i = 0; i < batch->count; i++)
			if (batch->count == 1 || add_records(h, &batch->items[i], 1, e) < 0)
				lost++;
		return lost;
	}
	return 0;
}

static void *work(void *arg)
{
	struct history *h = arg;
	pthread_mutex_lock(&h->lock);
	for (;;) {
		while (!h->queue.count && !h->closing)
			pthread_cond_wait(&h->changed, &h->lock);
		if (!h->queue.count)
			break;
		struct error e = {0};
		struct record_list batch = h->queue;
		uint64_t bytes = h->chunks_waiting;
		memset(&h->queue, 0, sizeof h->queue);
		h->writing = true;
		pthread_mutex_unlock(&h->lock);
		size_t lost = write_batch(h, &batch, &e);
		for (size_t i = 0; i < batch.count; i++)
			discard(batch.items[i]);
		free(batch.items);
		pthread_mutex_lock(&h->lock);
		lose(h, lost, &e);
		h->chunks_waiting -= bytes;
		h->writing = false;
		pthread_cond_broadcast(&h->changed);
	}
	pthread_mutex_unlock(&h->lock);
	return NULL;
}

static void forget_chunks(struct history_record *r)
{
	for (size_t i = 0; i < r->files.count; i++) {
		chunks_destroy(r->files.items[i].chunks);
		r->files.items[i].chunks = NULL;
	}
}

/* With the lock held. */
static int enqueue(struct history *h, struct history_record *r, struct error *e)
{
	if (h->queue.count >= MOST_RECORDS)
		return error_set(e, ERROR_LIMIT, ERROR_NO_OFFSET, "%s: too many verdicts wait to be written",
				 h->writer.path);
	uint64_t bytes = chunk_bytes(r);
	if (bytes && h->chunks_waiting + bytes > MOST_CHUNKS) {
		forget_chunks(r);
		bytes = 0;
	}
	struct history_record **to = vec_push(&h->queue);
	if (!to)
		return error_nomem(e);
	*to = r;
	h->chunks_waiting += bytes;
	return 0;
}

void history_post(struct history *h, struct history_record *r)
{
	struct error e = {0};
	pthread_mutex_lock(&h->lock);
	if (!h->started)
		h->started = pthread_create(&h->thread, NULL, work, h) == 0;
	bool alone = !h->started;
	int rc = alone ? 0 : enqueue(h, r, &e);
	if (rc < 0)
		lose(h, 1, &e);
	pthread_cond_broadcast(&h->changed);
	pthread_mutex_unlock(&h->lock);
	if (alone) {
		rc = history_add(h, r, &e);
		pthread_mutex_lock(&h->lock);
		lose(h, rc < 0, &e);
		pthread_mutex_unlock(&h->lock);
	}
	if (alone || rc < 0)
		discard(r);
}

int history_flush(struct history *h, size_t *lost, struct error *e)
{
	pthread_mutex_lock(&h->lock);
	h->flushing = true;
	while (h->queue.count || h->writing)
		pthread_cond_wait(&h->changed, &h->lock);
	h->flushing = false;
	*lost = h->lost;
	if (h->lost && e)
		*e = h->first;
	h->lost = 0;
	pthread_mutex_unlock(&h->lock);
	return *lost ? -1 : 0;
}

void writer_stop(struct history *h)
{
	if (!h->started)
		return;
	pthread_mutex_lock(&h->lock);
	h->flushing = h->closing = true;
	pthread_cond_broadcast(&h->changed);
	pthread_mutex_unlock(&h->lock);
	pthread_join(h->thread, NULL);
	h->started = false;
}
