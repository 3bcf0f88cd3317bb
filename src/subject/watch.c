// SPDX-License-Identifier: GPL-3.0-or-later
#include "watch.h"

#include <pthread.h>

#include "parts.h"

/* The background digest of a raw disk. */
struct reading {
	pthread_t thread;
	bool started;
	struct stream *stream;
	struct watch watch;
	const struct budget *budget;
	int result;
	struct error error;
};

static void watch_bytes(void *ctx, const void *data, size_t len)
{
	struct watch *w = ctx;
	for (size_t k = 0; k < DIGEST_KINDS; k++)
		if (w->digests[k])
			digest_update(w->digests[k], data, len);
	w->bytes += len;
	if (w->counter)
		*w->counter += len;
}

void watch_free(struct watch *w)
{
	for (size_t k = 0; k < DIGEST_KINDS; k++)
		digest_destroy(w->digests[k]);
	memset(w, 0, sizeof *w);
}

int watch_start(struct watch *w, struct stream *s, unsigned mask, struct error *e)
{
	for (int k = 0; k < DIGEST_KINDS; k++)
		if ((mask & 1u << k) && !(w->digests[k] = digest_new((enum digest_kind)k, e)))
			return -1;
	return stream_tap(s, watch_bytes, w, e);
}

int watch_end(struct watch *w, uint8_t out[DIGEST_KINDS][DIGEST_MAX], unsigned *mask,
		     struct error *e)
{
	for (int k = 0; k < DIGEST_KINDS; k++) {
		if (!w->digests[k])
			continue;
		if (digest_final(w->digests[k], out[k], e) < 0)
			return -1;
		*mask |= 1u << k;
	}
	return 0;
}

static void *read_in_background(void *arg)
{
	struct reading *r = arg;
	const uint8_t *data;
	while (r->result == 0) {
		ssize_t n = stream_lend(r->stream, &data, &r->error);
		if (n == 0)
			break;
		if (n < 0 || budget_check(r->budget, &r->error) < 0)
			r->result = -1;
	}
	if (r->result == 0)
		r->result = stream_finish(r->stream, &r->error);
	return NULL;
}

int reading_start(struct part *pt, unsigned mask, struct budget *b, struct error *e)
{
	struct reading *r = calloc(1, sizeof *r);
	if (!r)
		return error_nomem(e);
	pt->reading = r;
	r->budget = b;
	r->stream = stream_from_source(pt->source, e);
	r->watch.counter = &b->bytes_read;
	if (!r->stream || watch_start(&r->watch, r->stream, mask, e) < 0)
		return -1;
	if (pthread_create(&r->thread, NULL, read_in_background, r) != 0)
		return error_set(e, ERROR_INTERNAL, ERROR_NO_OFFSET, "no thread to be had");
	r->started = true;
	return 0;
}

void reading_free(struct reading *r)
{
	if (!r)
		return;
	if (r->started)
		pthread_join(r->thread, NULL);
	stream_destroy(r->stream);
	watch_free(&r->watch);
	free(r);
}

void part_join(struct part *pt, const struct check_parameters *p, struct findings *f)
{
	struct reading *r = pt->reading;
	if (!r || !r->started)
		return;
	(void)p;
	pthread_join(r->thread, NULL);
	r->started = false;
	struct error e = r->error;
	if (r->result < 0 || watch_end(&r->watch, pt->digests, &pt->digest_mask, &e) < 0) {
		finding_error(f, e.cls == ERROR_BUSY ? PROOF_PRESENCE : PROOF_INTEGRITY, "part.read", pt->name, &e);
		return;
	}
	pt->read_whole = r->watch.bytes == source_size(pt->source);
	pt->clean_end = true;
	pt->content_size = r->watch.bytes;
}
