// SPDX-License-Identifier: GPL-3.0-or-later
#include "watch.h"

#include <pthread.h>

#include "parts.h"
#include "stored.h"

/* The background digest of stored bytes. */
struct reading {
	pthread_t thread;
	bool started;
	struct stored stored;
	const struct budget *budget;
	int result;
	struct error error;
};

void watch_bytes(struct watch *w, const void *data, size_t len)
{
	for (size_t k = 0; k < DIGEST_KINDS; k++)
		if (w->digests[k])
			digest_update(w->digests[k], data, len);
	w->bytes += len;
	if (w->counter)
		*w->counter += len;
}

static void tap(void *ctx, const void *data, size_t len)
{
	watch_bytes(ctx, data, len);
}

void watch_free(struct watch *w)
{
	for (size_t k = 0; k < DIGEST_KINDS; k++)
		digest_destroy(w->digests[k]);
	memset(w, 0, sizeof *w);
}

int watch_open(struct watch *w, unsigned mask, struct error *e)
{
	for (int k = 0; k < DIGEST_KINDS; k++)
		if ((mask & 1u << k) && !(w->digests[k] = digest_new((enum digest_kind)k, e)))
			return -1;
	return 0;
}

int watch_start(struct watch *w, struct stream *s, unsigned mask, struct error *e)
{
	return watch_open(w, mask, e) < 0 ? -1 : stream_tap(s, tap, w, e);
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
	struct stream *in = r->stored.stream;
	const uint8_t *data;
	while (r->result == 0) {
		ssize_t n = stream_lend(in, &data, &r->error);
		if (n == 0)
			break;
		if (n < 0 || budget_check(r->budget, &r->error) < 0)
			r->result = -1;
	}
	if (r->result == 0)
		r->result = stream_finish(in, &r->error);
	return NULL;
}

int reading_start(const struct subject *s, struct part *pt, struct budget *b, struct error *e)
{
	struct reading *r = calloc(1, sizeof *r);
	if (!r)
		return error_nomem(e);
	pt->reading = r;
	r->budget = b;
	if (stored_open(&r->stored, s, pt, b, e) < 0)
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
	stored_free(&r->stored);
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
	if (r->result < 0 || stored_end(&r->stored, &e) < 0) {
		finding_error(f, e.cls == ERROR_BUSY ? PROOF_PRESENCE : PROOF_INTEGRITY, "part.read", pt->name, &e);
		return;
	}
	if (!pt->content_size)
		pt->content_size = source_size(pt->joined ? pt->joined : pt->source);
}
