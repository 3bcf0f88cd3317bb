// SPDX-License-Identifier: GPL-3.0-or-later
/* Contents of a WIM as streams: what comes out is held against the SHA-1 that stands beside it. */
#include "wim.h"

struct file {
	struct wim *w;
	struct wim_blob blob;
	struct wim_chunks own, *chunks; /* NULL: not compressed */
	struct wim_codec codec;
	struct digest *digest;
	uint8_t *buf;
	uint64_t at, buffered; /* which chunk is in buf, or UINT64_MAX */
};

static void file_destroy(void *self)
{
	struct file *f = self;
	if (!f)
		return;
	wim_chunks_free(&f->own);
	wim_codec_free(&f->codec);
	digest_destroy(f->digest);
	free(f->buf);
	free(f);
}

uint64_t wim_blob_place(const struct wim *w, const struct wim_blob *blob)
{
	if (!blob->solid)
		return blob->offset;
	const struct wim_chunks *c = &w->solid.items[blob->solid - 1];
	uint64_t i = blob->offset / c->chunk;
	return c->starts[i] + blob->offset % c->chunk * (c->starts[i + 1] - c->starts[i]) / c->chunk;
}

/* From a solid resource: its chunks are large and shared by many files, so one is kept for all. */
static ssize_t read_solid(struct file *f, uint8_t *out, size_t cap, struct error *e)
{
	struct wim *w = f->w;
	struct wim_chunks *c = f->chunks;
	uint64_t at = f->blob.offset + f->at, i = at / c->chunk;
	size_t skip = (size_t)(at % c->chunk), n = wim_chunk_size(c, i) - skip;
	int rc = 0;
	n = n < cap ? n : cap;
	pthread_mutex_lock(&w->lock);
	if (w->cached != i || w->cached_solid != f->blob.solid) {
		if (w->cached_solid != f->blob.solid || !w->cache) {
			free(w->cache);
			w->cache = malloc(c->chunk);
		}
		w->cached = UINT64_MAX;
		w->cached_solid = f->blob.solid;
		rc = w->cache ? wim_chunk_read(w, c, &w->codec, i, w->cache, e) : error_nomem(e);
		if (!rc)
			w->cached = i;
	}
	if (!rc)
		memcpy(out, w->cache + skip, n);
	pthread_mutex_unlock(&w->lock);
	return rc < 0 ? -1 : (ssize_t)n;
}

static ssize_t read_chunk(struct file *f, uint8_t *out, size_t cap, struct error *e)
{
	struct wim_chunks *c = f->chunks;
	uint64_t i = f->at / c->chunk;
	size_t skip = (size_t)(f->at % c->chunk), n = wim_chunk_size(c, i) - skip;
	if (!skip && cap >= n)
		return wim_chunk_read(f->w, c, &f->codec, i, out, e) < 0 ? -1 : (ssize_t)n;
	if (!f->buf && !(f->buf = malloc(c->chunk)))
		return error_nomem(e);
	if (f->buffered != i) {
		f->buffered = UINT64_MAX;
		if (wim_chunk_read(f->w, c, &f->codec, i, f->buf, e) < 0)
			return -1;
		f->buffered = i;
	}
	n = n < cap ? n : cap;
	memcpy(out, f->buf + skip, n);
	return (ssize_t)n;
}

static ssize_t file_read(void *self, void *buf, size_t cap, struct error *e)
{
	struct file *f = self;
	uint64_t left = f->blob.size - f->at;
	ssize_t n;
	if (!left)
		return 0;
	cap = left < cap ? (size_t)left : cap;
	if (f->blob.solid)
		n = read_solid(f, buf, cap, e);
	else if (f->chunks)
		n = read_chunk(f, buf, cap, e);
	else
		n = source_read_at(f->w->src, f->blob.offset + f->at, buf, cap, e) < 0 ? -1 : (ssize_t)cap;
	if (n <= 0)
		return n;
	f->at += (uint64_t)n;
	if (f->digest)
		digest_update(f->digest, buf, (size_t)n);
	return n;
}

static int file_finish(void *self, struct error *e)
{
	struct file *f = self;
	uint8_t got[DIGEST_MAX];
	if (!f->digest)
		return 0;
	if (digest_final(f->digest, got, e) < 0)
		return -1;
	if (memcmp(got, f->blob.sha1, WIM_SHA1))
		return error_set(e, ERROR_CORRUPT, (int64_t)wim_blob_place(f->w, &f->blob),
				 "WIM: the SHA-1 of a content is not the one that the file says");
	return 0;
}

static const struct stream_ops file_ops = {
	.kind = "wim file", .read = file_read, .finish = file_finish, .destroy = file_destroy};

static void file_auto(struct file **p)
{
	file_destroy(*p);
}

static struct stream *open_content(struct wim *w, const struct wim_blob *blob, bool digested, struct error *e)
{
	autodestroy(file_auto) struct file *f = calloc(1, sizeof *f);
	if (!f || (digested && !(f->digest = digest_new(DIGEST_SHA1, e)))) {
		if (!f)
			error_nomem(e);
		return NULL;
	}
	f->w = w;
	f->blob = *blob;
	f->buffered = UINT64_MAX;
	if (blob->solid) {
		f->chunks = &w->solid.items[blob->solid - 1];
	} else if (blob->flags & WIM_COMPRESSED && blob->size) {
		f->chunks = &f->own;
		f->own = (struct wim_chunks){.res = {blob->offset, blob->stored, blob->size, blob->flags},
					     .kind = w->header.compression, .chunk = w->header.chunk};
		if (wim_chunks_load(w, &f->own, false, e) < 0)
			return NULL;
	}
	struct stream *s = stream_new(&file_ops, f, source_name(w->src), e);
	if (s)
		f = NULL;
	return s;
}

struct stream *wim_open_blob(struct wim *w, const struct wim_blob *blob, struct error *e)
{
	return open_content(w, blob, true, e);
}

struct stream *wim_open_empty(struct wim *w, struct error *e)
{
	return open_content(w, &(struct wim_blob){.size = 0}, false, e);
}

static uint8_t *read_all(struct wim *w, const struct wim_blob *blob, bool digested, uint64_t max, struct error *e)
{
	if (blob->size > max) {
		error_set(e, ERROR_LIMIT, (int64_t)blob->offset, "WIM: %llu bytes of metadata are too much",
			  (unsigned long long)blob->size);
		return NULL;
	}
	autostream struct stream *s = open_content(w, blob, digested, e);
	if (!s)
		return NULL;
	autofree uint8_t *p = malloc((size_t)blob->size + 2);
	if (!p) {
		error_nomem(e);
		return NULL;
	}
	ssize_t n = stream_read_full(s, p, (size_t)blob->size + 1, e);
	if (n < 0 || stream_finish(s, e) < 0)
		return NULL;
	p[n] = p[n + 1] = 0;
	return take(p);
}

uint8_t *wim_read_blob(struct wim *w, const struct wim_blob *blob, uint64_t max, struct error *e)
{
	return read_all(w, blob, true, max, e);
}

uint8_t *wim_read_plain(struct wim *w, const struct wim_resource *res, uint64_t max, struct error *e)
{
	struct wim_blob b = {.offset = res->offset, .stored = res->stored, .size = res->size, .flags = res->flags};
	return read_all(w, &b, false, max, e);
}
