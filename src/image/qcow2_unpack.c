// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Compressed clusters: raw deflate or one zstd frame, that make one cluster exactly. They carry no checksum: what
 * can be decompressed may still be wrong. Small reads keep what they decompressed for the next ones.
 */
#ifdef HAVE_LIBDEFLATE
#include <libdeflate.h>
#elif defined(HAVE_ZLIB)
#include <zlib.h>
#endif
#include <zstd.h>

#include "qcow2.h"

#define KEPT_BYTES (4 * MIB)
#define KEPT_MAX 64

struct qcow2_decoder {
	struct qcow2_decoder *next;
#ifdef HAVE_LIBDEFLATE
	struct libdeflate_decompressor *inflate;
#elif defined(HAVE_ZLIB)
	z_stream inflate;
	bool ready;
#endif
	ZSTD_DCtx *zstd;
	size_t capacity;
	uint8_t *in, *out; /* out: for what is kept */
};

struct qcow2_unpacked {
	struct kept {
		uint64_t host, used; /* host 0: nothing */
		uint8_t *data;
	} kept[KEPT_MAX];
	size_t count;
};

static void free_decoder(struct qcow2_decoder *d)
{
#ifdef HAVE_LIBDEFLATE
	if (d->inflate)
		libdeflate_free_decompressor(d->inflate);
#elif defined(HAVE_ZLIB)
	if (d->ready)
		inflateEnd(&d->inflate);
#endif
	ZSTD_freeDCtx(d->zstd);
	free(d->in);
	free(d->out);
	free(d);
}

void qcow2_unpack_close(struct qcow2 *q)
{
	for (struct qcow2_decoder *d = q->idle, *next; d; d = next) {
		next = d->next;
		free_decoder(d);
	}
	if (q->unpacked)
		for (size_t i = 0; i < KEPT_MAX; i++)
			free(q->unpacked->kept[i].data);
	free(q->unpacked);
}

static struct qcow2_decoder *new_decoder(const struct qcow2 *q, struct error *e)
{
	struct qcow2_decoder *d = calloc(1, sizeof *d);
	bool ok = d;
	if (ok && q->h.compression)
		ok = (d->zstd = ZSTD_createDCtx());
#ifdef HAVE_LIBDEFLATE
	else if (ok)
		ok = (d->inflate = libdeflate_alloc_decompressor());
#elif defined(HAVE_ZLIB)
	else if (ok)
		ok = d->ready = inflateInit2(&d->inflate, -MAX_WBITS) == Z_OK;
#endif
	/* A compressed cluster is smaller than the cluster, but for an odd sector at each end. */
	if (ok) {
		d->capacity = 2 * q->cluster + 1024;
		ok = (d->in = malloc(d->capacity)) && (d->out = malloc(q->cluster));
	}
	if (!ok) {
		if (d)
			free_decoder(d);
		error_nomem(e);
		return NULL;
	}
	return d;
}

struct qcow2_decoder *qcow2_decoder_borrow(struct qcow2 *q, struct error *e)
{
	pthread_mutex_lock(&q->lock);
	struct qcow2_decoder *d = q->idle;
	if (d)
		q->idle = d->next;
	pthread_mutex_unlock(&q->lock);
	return d ? d : new_decoder(q, e);
}

void qcow2_decoder_return(struct qcow2 *q, struct qcow2_decoder *d)
{
	pthread_mutex_lock(&q->lock);
	d->next = q->idle;
	q->idle = d;
	pthread_mutex_unlock(&q->lock);
}

/* Both: true when exactly one cluster came out of it. What follows in the last sector belongs to others. */
static bool decode_zstd(struct qcow2_decoder *d, const uint8_t *in, size_t len, uint8_t *to, size_t want, size_t *used)
{
	*used = ZSTD_findFrameCompressedSize(in, len);
	return !ZSTD_isError(*used) && ZSTD_decompressDCtx(d->zstd, to, want, in, *used) == want;
}

static int decode_deflate(struct qcow2_decoder *d, const uint8_t *in, size_t len, uint8_t *to, size_t want,
			  size_t *used)
{
#ifdef HAVE_LIBDEFLATE
	size_t made;
	return libdeflate_deflate_decompress_ex(d->inflate, in, len, to, want, used, &made) == LIBDEFLATE_SUCCESS &&
	       made == want;
#elif defined(HAVE_ZLIB)
	inflateReset(&d->inflate);
	d->inflate.next_in = (uint8_t *)in;
	d->inflate.avail_in = (uInt)len;
	d->inflate.next_out = to;
	d->inflate.avail_out = (uInt)want;
	bool ended = inflate(&d->inflate, Z_FINISH) == Z_STREAM_END;
	*used = len - d->inflate.avail_in;
	return ended && !d->inflate.avail_out;
#else
	(void)d, (void)in, (void)len, (void)to, (void)want, (void)used;
	return -1;
#endif
}

int qcow2_decode(struct qcow2 *q, struct qcow2_decoder *d, const uint8_t *in, size_t len, uint8_t *to, size_t *used,
		 struct error *e)
{
	if (!to)
		to = d->out;
	int good = q->h.compression ? decode_zstd(d, in, len, to, q->cluster, used)
				    : decode_deflate(d, in, len, to, q->cluster, used);
	if (good < 0)
		return error_set(e, ERROR_UNSUPPORTED, ERROR_NO_OFFSET, "this build has no library for deflate");
	if (!good)
		*used = 0;
	return good;
}

static int decode(struct qcow2 *q, struct qcow2_decoder *d, const struct qcow2_run *run, uint8_t *to, struct error *e)
{
	size_t used;
	if (run->bytes > d->capacity)
		return error_set(e, ERROR_CORRUPT, (int64_t)run->host,
				 "qcow2: the compressed cluster at %llu is too long", (unsigned long long)run->host);
	if (source_read_at(q->file, run->host, d->in, run->bytes, e) < 0)
		return -1;
	int good = qcow2_decode(q, d, d->in, run->bytes, to, &used, e);
	if (!good)
		return error_set(e, ERROR_CORRUPT, (int64_t)run->host,
				 "qcow2: the compressed cluster at %llu does not decompress to a cluster",
				 (unsigned long long)run->host);
	if (good < 0)
		return -1;
	if (q->decoded && run->bytes - used < QCOW2_SECTOR)
		q->decoded[run->cluster / 64] |= UINT64_C(1) << run->cluster % 64;
	return 0;
}

static bool from_kept(struct qcow2 *q, uint64_t host, size_t from, uint8_t *to, size_t len)
{
	bool found = false;
	pthread_mutex_lock(&q->lock);
	for (size_t i = 0; q->unpacked && i < q->unpacked->count && !found; i++) {
		struct kept *k = &q->unpacked->kept[i];
		if (k->host != host)
			continue;
		memcpy(to, k->data + from, len);
		k->used = ++q->clock;
		found = true;
	}
	pthread_mutex_unlock(&q->lock);
	return found;
}

/* Keeps what d decompressed, by changing buffers with the cluster that was not used for longest. */
static int keep(struct qcow2 *q, struct qcow2_decoder *d, uint64_t host, struct error *e)
{
	int rc = 0;
	pthread_mutex_lock(&q->lock);
	if (!q->unpacked)
		q->unpacked = calloc(1, sizeof *q->unpacked);
	struct qcow2_unpacked *u = q->unpacked;
	size_t max = KEPT_BYTES / q->cluster < KEPT_MAX ? (size_t)(KEPT_BYTES / q->cluster) : KEPT_MAX;
	struct kept *k = u ? &u->kept[0] : NULL;
	if (u && u->count < max) {
		k = &u->kept[u->count];
		k->data = malloc(q->cluster);
		u->count += k->data != NULL;
	} else if (u) {
		for (size_t i = 1; i < u->count; i++)
			if (u->kept[i].used < k->used)
				k = &u->kept[i];
	}
	if (k && k->data) {
		uint8_t *data = k->data;
		*k = (struct kept){host, ++q->clock, d->out};
		d->out = data;
	} else {
		rc = error_nomem(e);
	}
	pthread_mutex_unlock(&q->lock);
	return rc;
}

int qcow2_unpack(struct qcow2 *q, const struct qcow2_run *run, size_t from, uint8_t *to, size_t len, struct error *e)
{
	bool whole = len == q->cluster;
	if (!whole && from_kept(q, run->host, from, to, len))
		return 0;
	struct qcow2_decoder *d = qcow2_decoder_borrow(q, e);
	if (!d)
		return -1;
	int rc = decode(q, d, run, whole ? to : d->out, e);
	if (!rc && !whole) {
		memcpy(to, d->out + from, len);
		rc = keep(q, d, run->host, e);
	}
	qcow2_decoder_return(q, d);
	return rc;
}
