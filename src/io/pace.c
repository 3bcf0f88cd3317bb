// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * A bucket of tokens, kept as the time at which it will be full again: each reader takes the next stretch of time
 * and sleeps until it begins, so the readers go in the order in which they came.
 */
#include "backproof/pace.h"

#include <pthread.h>
#include <time.h>

#define BURST_NS INT64_C(100000000) /* what was not used in this time may be made up for */
#define STEP_NS INT64_C(50000000)   /* a sleeper looks up this often: a signal, a deadline */

struct pace {
	bool (*ask)(uint64_t bytes); /* NULL: it is kept here */
	double ns_per_byte;
	size_t piece;
	pthread_mutex_t lock;
	int64_t next; /* the beginning of the next stretch, under lock */
};

struct pace *pace_new(uint64_t bytes_per_second, struct error *e)
{
	struct pace *p = calloc(1, sizeof *p);
	if (!p) {
		error_nomem(e);
		return NULL;
	}
	uint64_t piece = bytes_per_second / 32;
	p->piece = piece < 64 * KIB ? 64 * KIB : piece > MIB ? MIB : (size_t)piece;
	p->ns_per_byte = 1e9 / (double)bytes_per_second;
	pthread_mutex_init(&p->lock, NULL);
	return p;
}

struct pace *pace_asking(size_t piece, bool (*ask)(uint64_t bytes), struct error *e)
{
	struct pace *p = pace_new(GIB, e);
	if (p) {
		p->ask = ask;
		p->piece = piece;
	}
	return p;
}

void pace_destroy(struct pace *p)
{
	if (!p)
		return;
	pthread_mutex_destroy(&p->lock);
	free(p);
}

size_t pace_piece(const struct pace *p)
{
	return p->piece;
}

int pace_take(struct pace *p, size_t len, const struct budget *b, struct error *e)
{
	if (p->ask) {
		if (budget_check(b, e) < 0)
			return -1;
		return p->ask(len) ? 0 : error_set(e, ERROR_LIMIT, ERROR_NO_OFFSET, "stopped");
	}
	int64_t now = monotonic_ns();
	pthread_mutex_lock(&p->lock);
	if (p->next < now - BURST_NS)
		p->next = now - BURST_NS;
	int64_t start = p->next;
	p->next += (int64_t)((double)len * p->ns_per_byte);
	pthread_mutex_unlock(&p->lock);
	for (; now < start; now = monotonic_ns()) {
		int64_t step = start - now < STEP_NS ? start - now : STEP_NS;
		struct timespec t = {0, step};
		if (budget_check(b, e) < 0)
			return -1;
		/* Woken by a signal, it is looked at at once. */
		(void)nanosleep(&t, NULL);
	}
	return 0;
}
