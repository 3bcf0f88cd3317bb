// SPDX-License-Identifier: GPL-3.0-or-later
#include <pthread.h>

#include "backproof/pool.h"
#include "packed.h"

#define SLICE (256 * KIB)

struct slices {
	int (*read_at)(void *ctx, uint64_t off, void *buf, size_t len, struct error *e);
	void *ctx;
	uint64_t off, end, first, length; /* slices begin at first + n * length, but for the first one */
	uint8_t *to;
	pthread_mutex_t lock; /* for what follows */
	size_t failed;
	struct error error;
};

static void read_slice(void *ctx, size_t i)
{
	struct slices *x = ctx;
	struct error e = {0};
	uint64_t from = i ? x->first + i * x->length : x->off, to = x->first + (i + 1) * x->length;
	if (to > x->end)
		to = x->end;
	if (x->read_at(x->ctx, from, x->to + (from - x->off), (size_t)(to - from), &e) == 0)
		return;
	pthread_mutex_lock(&x->lock);
	if (i < x->failed) {
		x->failed = i;
		x->error = e;
	}
	pthread_mutex_unlock(&x->lock);
}

int slices_read(int (*read_at)(void *ctx, uint64_t off, void *buf, size_t len, struct error *e), void *ctx,
		uint64_t off, void *buf, size_t len, uint64_t align, struct error *e)
{
	struct slices x = {.read_at = read_at, .ctx = ctx, .off = off, .end = off + len, .to = buf, .failed = SIZE_MAX};
	x.length = align > SLICE ? align : SLICE / align * align;
	x.first = off / align * align;
	size_t count = (size_t)((x.end - x.first + x.length - 1) / x.length);
	if (count < 2 || pool_width() < 2)
		return read_at(ctx, off, buf, len, e);
	pthread_mutex_init(&x.lock, NULL);
	pool_each(count, read_slice, &x);
	pthread_mutex_destroy(&x.lock);
	if (x.failed == SIZE_MAX)
		return 0;
	if (e)
		*e = x.error;
	return -1;
}
