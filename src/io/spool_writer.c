// SPDX-License-Identifier: GPL-3.0-or-later
#include "spool_writer.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>

#include "backproof/budget.h"
#include "system.h"

/*
 * Two ways to the same file: through the page cache, or past it. What memory nobody uses may hold the beginning: with
 * luck it is read back and given up before a disk has seen any of it. Beyond that, which way is faster depends on the
 * machine and changes while it runs (fresh memory can cost more than the disk), so each is timed piece by piece and
 * left when the other did better. Writing past the cache leaves the processors to the decoder and the server's cache
 * as it was: it is left only where it is many times slower.
 */
enum way { CACHED, DIRECT, WAYS };
#define PIECE (64 * MIB)
#define SLOW_NS 4.0 /* a byte: memory that is not worth having */

#define BLOCKS 12
#define THREADS 2 /* a disk does more when more than one write is waiting for it */
#define BLOCK_SIZE (1 * MIB)
#define ROOM_MIN (64 * KIB)
#define ROOM_AHEAD (32 * MIB)

struct spool_tuning spool_tuning;

struct block {
	uint8_t *data; /* aligned, so that it can go past the page cache */
	size_t length;
	uint64_t off;
	bool done; /* written, or not worth it any more */
};

struct spool_writer {
	const char *path;
	pthread_t threads[THREADS];
	unsigned thread_count;
	int fd[WAYS]; /* DIRECT: -1 where the file system can't */
	pthread_mutex_t lock;
	pthread_cond_t filled, emptied;
	/* All of this under lock: */
	unsigned first, count, taken; /* blocks to be written; of these, at the beginning, those that a thread has */
	bool ended, no_direct;
	struct error failure; /* cls: NONE until something failed */
	struct block blocks[BLOCKS];
	enum way way;
	uint64_t written;  /* of the present piece, */
	int64_t ns;	   /* and the time it took */
	double cost[WAYS]; /* of the last piece that way, per byte; 0: not tried */
	uint64_t share, cached; /* bytes: that may be in memory, and that have gone there */
	uint64_t used, room;	/* of what was asked for ahead: written up to here, and its end */
	uint64_t ahead;		/* how much that was */
};

/*
 * As much again stays free: what is taken is taken from nobody, however many spools there are. Nor may all that waits
 * to be written, ours and others', come to more than a share: the kernel would begin to slow down who writes backups.
 */
static bool has_memory(const struct spool_writer *w)
{
	uint64_t free_kib, dirty_kib;
	return w->cached + PIECE <= w->share && w->cost[CACHED] < SLOW_NS &&
	       system_number("/proc/meminfo", "MemFree:", &free_kib) == 0 && free_kib * KIB >= w->share + PIECE &&
	       system_number("/proc/meminfo", "Dirty:", &dirty_kib) == 0 && dirty_kib * KIB + PIECE <= w->share;
}

/* Under lock. At the end of a piece: on with the way that did better, or has not been tried. */
static void choose_way(struct spool_writer *w)
{
	if (spool_tuning.cached) {
		uint64_t each = w->way == CACHED ? spool_tuning.cached : spool_tuning.direct;
		if (w->written >= each && !w->no_direct) {
			w->way = w->way == CACHED ? DIRECT : CACHED;
			w->written = 0;
		}
		return;
	}
	if (w->written < PIECE || w->no_direct)
		return;
	w->cost[w->way] = (double)w->ns / (double)w->written * (w->way == DIRECT ? 0.1 : 1);
	w->cached += w->way == CACHED ? w->written : 0;
	w->written = 0;
	w->ns = 0;
	if (w->way == CACHED && has_memory(w))
		return;
	enum way other = w->way == CACHED ? DIRECT : CACHED;
	if (w->cost[other] < w->cost[w->way])
		w->way = other;
}

static ssize_t write_some(struct spool_writer *w, enum way wanted, const uint8_t *p, size_t len, uint64_t off)
{
	enum way way = wanted == DIRECT && ((uintptr_t)p | len | off) % SPOOL_GRAIN == 0 ? DIRECT : CACHED;
	int64_t started = monotonic_ns();
	ssize_t n = pwrite(w->fd[way], p, len, (off_t)off);
	int64_t took = monotonic_ns() - started;
	if (n < 0 && errno == EINVAL && way == DIRECT) {
		/* This disk has larger sectors than our grains. */
		pthread_mutex_lock(&w->lock);
		w->way = CACHED;
		w->no_direct = true;
		pthread_mutex_unlock(&w->lock);
		return pwrite(w->fd[CACHED], p, len, (off_t)off);
	}
	if (n > 0) {
		pthread_mutex_lock(&w->lock);
		w->ns += took;
		w->written += (uint64_t)n;
		choose_way(w);
		pthread_mutex_unlock(&w->lock);
	}
	return n;
}

/*
 * Under lock. Past the cache, a write that has its room already is faster by a third. As long as blocks follow each
 * other, more is asked for each time; what zeros leave unused is given back.
 */
static void room_ahead(struct spool_writer *w, const struct block *b)
{
	uint64_t end = b->off + b->length;
	int fd = w->fd[CACHED];
	if (end > w->room || b->off < w->used) {
		bool on = b->off == w->used;
		if (!on && w->used < w->room)
			(void)!fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)w->used,
					 (off_t)(w->room - w->used));
		w->ahead = !on || !w->ahead ? BLOCK_SIZE : w->ahead < ROOM_AHEAD ? w->ahead * 2 : w->ahead;
		w->room = b->off + (b->length > w->ahead ? b->length : w->ahead);
		if (fallocate(fd, 0, (off_t)b->off, (off_t)(w->room - b->off)) < 0)
			w->room = end;
	}
	w->used = end;
}

static int write_block(struct spool_writer *w, enum way way, const struct block *b, struct error *e)
{
	/*
	 * Room for it in one piece, before the pages come one by one: that halves what the page cache costs on ext4.
	 * Where it can't be had, the write itself will say so.
	 */
	if (way == CACHED && b->length >= ROOM_MIN)
		(void)!fallocate(w->fd[CACHED], 0, (off_t)b->off, (off_t)b->length);
	for (size_t done = 0; done < b->length;) {
		ssize_t n = write_some(w, way, b->data + done, b->length - done, b->off + done);
		if (n < 0 && errno != EINTR)
			return error_sys(e, "write to scratch %s", w->path);
		if (n == 0)
			return error_set(e, ERROR_IO, ERROR_NO_OFFSET, "scratch %s takes no more", w->path);
		if (n > 0)
			done += (size_t)n;
	}
	return 0;
}

/* Through the cache more than one would only wait for each other. */
static bool may_take(const struct spool_writer *w)
{
	return w->taken < w->count && (!w->taken || w->way == DIRECT);
}

static void *run(void *arg)
{
	struct spool_writer *w = arg;
	pthread_mutex_lock(&w->lock);
	for (;;) {
		while (!may_take(w) && !(w->ended && w->taken == w->count))
			pthread_cond_wait(&w->filled, &w->lock);
		if (w->taken == w->count)
			break;
		struct block *b = &w->blocks[(w->first + w->taken++) % BLOCKS];
		enum way way = w->way;
		bool failed = w->failure.cls != ERROR_NONE;
		struct error e = {0};
		if (way == DIRECT && !failed)
			room_ahead(w, b);
		else
			w->used = w->room = 0; /* what was asked for ahead gets filled now: it can't be given back */
		pthread_mutex_unlock(&w->lock);
		if (!failed && write_block(w, way, b, &e) == 0)
			e.cls = ERROR_NONE;
		pthread_mutex_lock(&w->lock);
		if (w->failure.cls == ERROR_NONE)
			w->failure = e;
		b->done = true;
		for (; w->taken && w->blocks[w->first].done; w->first = (w->first + 1) % BLOCKS) {
			w->blocks[w->first].done = false;
			w->count--;
			w->taken--;
		}
		pthread_cond_signal(&w->emptied);
		pthread_cond_broadcast(&w->filled);
	}
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

/* The same file again, without a name to open it by. */
static int open_direct(int fd)
{
	char path[64];
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	return open(path, O_WRONLY | O_DIRECT | O_CLOEXEC);
}

static void destroy(struct spool_writer *w)
{
	if (w->fd[DIRECT] >= 0)
		close(w->fd[DIRECT]);
	pthread_mutex_destroy(&w->lock);
	pthread_cond_destroy(&w->filled);
	pthread_cond_destroy(&w->emptied);
	for (size_t i = 0; i < BLOCKS; i++)
		free(w->blocks[i].data);
	free(w);
}

struct spool_writer *spool_writer_open(int fd, const char *path, uint64_t share, struct error *e)
{
	struct spool_writer *w = calloc(1, sizeof *w);
	if (!w) {
		error_nomem(e);
		return NULL;
	}
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->filled, NULL);
	pthread_cond_init(&w->emptied, NULL);
	w->path = path;
	w->share = share;
	w->fd[CACHED] = fd;
	w->fd[DIRECT] = open_direct(fd);
	w->no_direct = w->fd[DIRECT] < 0;
	/* What comes first on a disk is mostly metadata, and read again soon. */
	w->way = CACHED;
	bool ready = true;
	for (size_t i = 0; i < BLOCKS; i++)
		ready = posix_memalign((void **)&w->blocks[i].data, SPOOL_GRAIN, BLOCK_SIZE) == 0 && ready;
	if (!ready)
		error_nomem(e);
	while (ready && w->thread_count < THREADS && pthread_create(&w->threads[w->thread_count], NULL, run, w) == 0)
		w->thread_count++;
	if (w->thread_count)
		return w;
	if (ready)
		error_set(e, ERROR_INTERNAL, ERROR_NO_OFFSET, "no thread to write to scratch %s", path);
	destroy(w);
	return NULL;
}

/* The block that is being filled is the one behind those to be written: no thread looks at it. */
static struct block *present(struct spool_writer *w)
{
	return &w->blocks[(w->first + w->count) % BLOCKS];
}

/* Hands the present block over, and waits for an empty one. */
static struct block *next_block(struct spool_writer *w)
{
	pthread_mutex_lock(&w->lock);
	w->count++;
	pthread_cond_signal(&w->filled);
	while (w->count == BLOCKS)
		pthread_cond_wait(&w->emptied, &w->lock);
	struct block *b = present(w);
	pthread_mutex_unlock(&w->lock);
	b->length = 0;
	return b;
}

void spool_writer_put(struct spool_writer *w, const uint8_t *p, size_t len, uint64_t off)
{
	pthread_mutex_lock(&w->lock);
	struct block *b = present(w);
	pthread_mutex_unlock(&w->lock);
	while (len) {
		if (b->length && (b->length == BLOCK_SIZE || b->off + b->length != off))
			b = next_block(w);
		if (!b->length)
			b->off = off;
		size_t n = BLOCK_SIZE - b->length < len ? BLOCK_SIZE - b->length : len;
		memcpy(b->data + b->length, p, n);
		b->length += n;
		p += n;
		off += n;
		len -= n;
	}
}

int spool_writer_close(struct spool_writer *w, struct error *e)
{
	if (!w)
		return 0;
	pthread_mutex_lock(&w->lock);
	if (present(w)->length)
		w->count++;
	w->ended = true;
	pthread_cond_broadcast(&w->filled);
	pthread_mutex_unlock(&w->lock);
	for (unsigned i = 0; i < w->thread_count; i++)
		pthread_join(w->threads[i], NULL);
	int rc = 0;
	if (w->failure.cls != ERROR_NONE) {
		*e = w->failure;
		rc = -1;
	}
	destroy(w);
	return rc;
}
