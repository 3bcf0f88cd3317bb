// SPDX-License-Identifier: GPL-3.0-or-later
#include "feed.h"

int feed_init(struct feed *f, struct error *e)
{
	memset(f, 0, sizeof *f);
	f->data = malloc(FEED_BACK + FEED_SIZE);
	return f->data ? 0 : error_nomem(e);
}

void feed_release(struct feed *f)
{
	stream_destroy(f->upstream);
	free(f->data);
	memset(f, 0, sizeof *f);
}

/* Moves what is left to the front, with the last bytes taken before it. */
static void compact(struct feed *f)
{
	size_t back = f->start < FEED_BACK ? f->start : FEED_BACK;
	size_t from = f->start - back;
	memmove(f->data, f->data + from, f->end - from);
	f->start = back;
	f->end -= from;
}

int feed_fill(struct feed *f, size_t want, struct error *e)
{
	while (feed_left(f) < want && !f->ended) {
		if (f->start > FEED_BACK && (f->start == f->end || f->start + want > FEED_SIZE))
			compact(f);
		ssize_t n =
		    stream_read(f->upstream, f->data + f->end, FEED_BACK + FEED_SIZE - f->end, e);
		if (n < 0)
			return -1;
		f->end += (size_t)n;
		f->ended = n == 0;
	}
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
