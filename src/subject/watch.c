// SPDX-License-Identifier: GPL-3.0-or-later
#include "watch.h"

#include <pthread.h>

#include "backproof/sweep.h"
#include "parts.h"
#include "stored.h"

/* The background digest of stored bytes: of a part, and of its pieces. */
struct reading {
	pthread_t thread;
	bool started;
	struct part *part;
	struct sweep *sweeps; /* the part's own, then one a piece */
	struct watch whole;   /* of all together, where somebody speaks of that */
	size_t count;
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
	chunks_destroy(w->chunks);
	memset(w, 0, sizeof *w);
}

int watch_open(struct watch *w, unsigned mask, struct error *e)
{
	for (int k = 0; k < DIGEST_KINDS; k++)
		if ((mask & 1u << k) && !(w->digests[k] = digest_new((enum digest_kind)k, e)))
			return -1;
	return 0;
}

int watch_chunks(struct watch *w, struct error *e)
{
	if (!(w->chunks = chunks_new(e)))
		return -1;
	digest_observe(w->digests[DIGEST_FSVERITY], chunks_observe, w->chunks);
	return 0;
}

struct chunks *watch_take_chunks(struct chunks **c, const struct part *pt)
{
	/* Too many of them for keeping is no fault of what was read. */
	if (!*c || !pt->read_whole || chunks_state(*c, NULL) < 0 ||
	    chunks_count(*c) != chunks_of_size(source_size(pt->source)))
		return NULL;
	return take(*c);
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
	for (size_t i = 0; i < r->count && r->result == 0; i++)
		r->result = sweep_source(stored_file(r->part, i)->source, &r->sweeps[i], &r->error);
	/* A file that grew after it was opened is not the file that was read. */
	for (size_t i = 0; i < r->count && r->result == 0; i++)
		r->result = source_same(stored_file(r->part, i)->source, &r->error);
	return NULL;
}

static int open_sweep(struct sweep *w, const struct subject *s, const struct part *file,
		      const struct check_parameters *p, struct error *e)
{
	*w = (struct sweep){.mask = stored_digests_at_random(s, p, file->index),
			    .budget = p->budget,
			    .progress = &p->budget->bytes_read};
	if (!stored_wants_chunks(file, p))
		return 0;
	w->observer = chunks_observe;
	w->ctx = chunks_new(e);
	return w->ctx ? 0 : -1;
}

int reading_start(const struct subject *s, struct part *pt, const struct check_parameters *p, struct error *e)
{
	struct reading *r = calloc(1, sizeof *r);
	if (!r)
		return error_nomem(e);
	pt->reading = r;
	r->part = pt;
	r->count = 1 + pt->pieces.count;
	r->sweeps = calloc(r->count, sizeof *r->sweeps);
	if (!r->sweeps)
		return error_nomem(e);
	if (watch_open(&r->whole, stored_digests_joined(s, pt), e) < 0)
		return -1;
	for (size_t i = 0; i < r->count; i++) {
		if (open_sweep(&r->sweeps[i], s, stored_file(pt, i), p, e) < 0)
			return -1;
		r->sweeps[i].beside = r->whole.digests;
	}
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
	for (size_t i = 0; i < r->count && r->sweeps; i++)
		chunks_destroy(r->sweeps[i].ctx);
	free(r->sweeps);
	watch_free(&r->whole);
	free(r);
}

/* What was read of each file counts only now that all of it was. */
static int reading_end(struct reading *r, struct error *e)
{
	for (size_t i = 0; i < r->count; i++) {
		struct part *pt = stored_file(r->part, i);
		struct sweep *w = &r->sweeps[i];
		struct chunks *seen = w->ctx;
		memcpy(pt->digests, w->digests, sizeof pt->digests);
		pt->digest_mask = w->mask;
		pt->hole_bytes = w->zero;
		pt->read_whole = w->read + w->zero == source_size(pt->source);
		pt->clean_end = true;
		pt->chunks = watch_take_chunks(&seen, pt);
		w->ctx = seen;
	}
	return watch_end(&r->whole, r->part->joined_digests, &r->part->joined_mask, e);
}

void part_join(struct part *pt, const struct check_parameters *p, struct findings *f)
{
	struct reading *r = pt->reading;
	seek_join(pt, p, f);
	if (!r || !r->started)
		return;
	pthread_join(r->thread, NULL);
	r->started = false;
	if (r->result < 0 || reading_end(r, &r->error) < 0) {
		enum proof proof = r->error.cls == ERROR_BUSY ? PROOF_PRESENCE : PROOF_INTEGRITY;
		finding_error(f, proof, "part.read", pt->name, &r->error);
		return;
	}
	if (!pt->content_size)
		pt->content_size = source_size(pt->joined ? pt->joined : pt->source);
}
