// SPDX-License-Identifier: GPL-3.0-or-later
/* The digests of dpkg and of older pacman are MD5: many files are read side by side for it. */
#include "backproof/md5_lanes.h"
#include "vouch.h"

struct lane {
	struct target *target;
	struct stream *in;
	uint8_t *buf;
};

struct lanes {
	struct vouch_reader *reader;
	struct vouch_queue *queue;
	size_t chunk;
	struct lane lanes[MD5_LANES_MAX];
};

static bool next_file(void *ctx, unsigned lane)
{
	struct lanes *x = ctx;
	struct lane *l = &x->lanes[lane];
	stream_destroy(l->in);
	l->in = NULL;
	while (!l->in && (l->target = vouch_next(x->reader, x->queue)))
		l->in = vouch_open(x->reader, l->target);
	return l->in;
}

static ssize_t read_more(void *ctx, unsigned lane, const uint8_t **data)
{
	struct lanes *x = ctx;
	struct lane *l = &x->lanes[lane];
	struct error e = {0};
	ssize_t n = budget_check(x->reader->x->p->budget, &e) < 0 ? -1 : stream_read_full(l->in, l->buf, x->chunk, &e);
	if (n < 0 || (n == 0 && stream_finish(l->in, &e) < 0)) {
		vouch_unread(x->reader, l->target, &e);
		return -1;
	}
	*data = l->buf;
	return n;
}

static void compare(void *ctx, unsigned lane, const uint8_t digest[MD5_SIZE])
{
	struct lanes *x = ctx;
	vouch_compare(x->lanes[lane].target, digest);
}

void vouch_read_lanes(struct vouch_reader *r, struct vouch_queue *q, unsigned lanes, size_t chunk)
{
	static const struct md5_messages messages = {next_file, read_more, compare};
	struct lanes x = {.reader = r, .queue = q, .chunk = chunk};
	struct error e = {0};
	autofree uint8_t *buf = malloc(lanes * chunk);
	if (!buf) {
		(void)!error_nomem(&e);
		vouch_stop(r, &e);
		return;
	}
	for (unsigned i = 0; i < lanes; i++)
		x.lanes[i].buf = buf + i * chunk;
	md5_lanes_run(lanes, &messages, &x);
	for (unsigned i = 0; i < lanes; i++)
		stream_destroy(x.lanes[i].in);
}
