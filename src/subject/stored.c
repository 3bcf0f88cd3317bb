// SPDX-License-Identifier: GPL-3.0-or-later
#include "stored.h"

bool stored_wants_chunks(const struct part *pt, const struct check_parameters *p)
{
	return p->keep_chunks || p->sealing || pt->known_chunks;
}

/* Of a file that is the only piece there is, it is the file's own. */
static bool is_of_pieces(const struct subject *s, const struct sidecar_line *l)
{
	return l->joined && s->parts[l->file].pieces.count;
}

unsigned stored_digests_wanted(const struct subject *s, const struct check_parameters *p, size_t index, bool content)
{
	const struct part *pt = &s->parts[index];
	/* One of the two is enough, and what it is held against is of fs-verity. */
	unsigned flat = pt->known_from && !p->sealing ? 0 : 1u << DIGEST_SHA256;
	unsigned tree = pt->known_from || stored_wants_chunks(pt, p) ? 1u << DIGEST_FSVERITY : 0;
	unsigned mask = content ? 0 : flat | tree;
	vec_each(&s->sidecars, l)
		if (l->file == index && l->content == content && !is_of_pieces(s, l))
			mask |= 1u << l->kind;
	return mask;
}

unsigned stored_digests_joined(const struct subject *s, const struct part *pt)
{
	unsigned mask = 0;
	vec_each(&s->sidecars, l)
		if (l->file == pt->index && is_of_pieces(s, l))
			mask |= 1u << l->kind;
	return mask;
}

unsigned stored_digests_at_random(const struct subject *s, const struct check_parameters *p, size_t index)
{
	const struct part *pt = &s->parts[index];
	bool tree = pt->known_from || stored_wants_chunks(pt, p);
	unsigned mask = (unsigned)p->sealing << DIGEST_SHA256 | (unsigned)tree << DIGEST_FSVERITY;
	vec_each(&s->sidecars, l)
		if (l->file == index && !l->content && !is_of_pieces(s, l))
			mask |= 1u << l->kind;
	/* What is as strong, and need not go through all bytes one after the other. */
	return mask & 1u << DIGEST_SHA256 ? mask : mask | 1u << DIGEST_FSVERITY;
}

struct part *stored_file(struct part *pt, size_t i)
{
	return i ? pt->pieces.items[i - 1] : pt;
}

/* Each file gets the bytes that lie in it. */
static void share_out(void *ctx, const void *data, size_t len)
{
	struct stored *x = ctx;
	const uint8_t *p = data;
	watch_bytes(&x->whole, data, len);
	while (len) {
		while (!x->left && x->at + 1 < x->count)
			x->left = source_size(stored_file(x->part, ++x->at)->source);
		size_t n = x->at + 1 < x->count && x->left < len ? (size_t)x->left : len;
		watch_bytes(&x->watches[x->at], p, n);
		x->left -= n;
		p += n;
		len -= n;
	}
}

int stored_open(struct stored *x, const struct subject *s, struct part *pt, const struct check_parameters *p,
		struct error *e)
{
	x->part = pt;
	x->count = 1 + pt->pieces.count;
	x->watches = calloc(x->count, sizeof *x->watches);
	if (!x->watches)
		return error_nomem(e);
	x->left = source_size(pt->source);
	if (watch_open(&x->whole, stored_digests_joined(s, pt), e) < 0)
		return -1;
	for (size_t i = 0; i < x->count; i++) {
		struct watch *w = &x->watches[i];
		w->counter = &p->budget->bytes_read;
		if (watch_open(w, stored_digests_wanted(s, p, stored_file(x->part, i)->index, false), e) < 0 ||
		    (stored_wants_chunks(stored_file(x->part, i), p) && watch_chunks(w, e) < 0))
			return -1;
	}
	x->stream = stream_from_source(pt->joined ? pt->joined : pt->source, e);
	return x->stream ? stream_tap(x->stream, share_out, x, e) : -1;
}

int stored_end(struct stored *x, struct error *e)
{
	for (size_t i = 0; i < x->count; i++) {
		struct part *pt = stored_file(x->part, i);
		if (watch_end(&x->watches[i], pt->digests, &pt->digest_mask, e) < 0)
			return -1;
		pt->read_whole = x->watches[i].bytes == source_size(pt->source);
		pt->clean_end = true;
		pt->chunks = watch_take_chunks(&x->watches[i].chunks, pt);
	}
	return watch_end(&x->whole, x->part->joined_digests, &x->part->joined_mask, e);
}

void stored_free(struct stored *x)
{
	stream_destroy(x->stream);
	for (size_t i = 0; i < x->count && x->watches; i++)
		watch_free(&x->watches[i]);
	free(x->watches);
	watch_free(&x->whole);
	memset(x, 0, sizeof *x);
}
