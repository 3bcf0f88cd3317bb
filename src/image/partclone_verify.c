// SPDX-License-Identifier: GPL-3.0-or-later
/* The checksums that follow the blocks of a partclone image. */
#include <inttypes.h>
#include <pthread.h>

#include "backproof/pool.h"
#include "partclone.h"

#if defined(HAVE_LIBDEFLATE)
#include <libdeflate.h>
uint32_t partclone_crc(uint32_t crc, const void *p, size_t len)
{
	return ~libdeflate_crc32(~crc, p, len);
}
#elif defined(HAVE_ZLIB)
#include <zlib.h>
uint32_t partclone_crc(uint32_t crc, const void *p, size_t len)
{
	return ~(uint32_t)crc32_z(~crc, p, len);
}
#else
uint32_t partclone_crc(uint32_t crc, const void *p, size_t len)
{
	static const uint32_t nibble[16] = {
		0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c,
		0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c, 0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
	};
	for (const uint8_t *b = p; len--; b++) {
		crc ^= *b;
		crc = crc >> 4 ^ nibble[crc & 15];
		crc = crc >> 4 ^ nibble[crc & 15];
	}
	return crc;
}
#endif

#define CHUNK (1 * MIB)		/* read at once; whole strips where they fit */
#define BATCH (256 * MIB)	/* after so much is told what was found */
#define THREADS_MAX 48

struct broken {
	uint64_t strip;
	uint32_t told, got;
};

struct check {
	const struct partclone *p;
	const struct budget *b;
	uint64_t stride;	/* bytes from the beginning of a strip to that of the next */
	uint64_t first, end;	/* strips of this batch */
	uint64_t step;		/* strips that are taken at a time */
	_Atomic uint64_t next;	/* steps */
	_Atomic uint64_t stored; /* blocks that were looked at */
	pthread_mutex_t lock;	/* for what follows */
	VEC(struct broken) broken;
	uint64_t failed; /* the first strip at which the pass ended */
	struct error error;
};

static uint64_t strip_at(const struct check *c, uint64_t strip)
{
	return c->p->data + strip * c->stride;
}

static uint64_t strip_blocks(const struct check *c, uint64_t strip)
{
	uint64_t left = c->p->used - strip * c->p->strip;
	return left < c->p->strip ? left : c->p->strip;
}

static int judge(struct check *c, uint64_t strip, uint32_t got, const uint8_t *sum, struct error *e)
{
	uint32_t told = get_le32(sum);
	c->stored += strip_blocks(c, strip);
	if (told == got)
		return 0;
	pthread_mutex_lock(&c->lock);
	struct broken *to = vec_push(&c->broken);
	if (to)
		*to = (struct broken){strip, told, got};
	pthread_mutex_unlock(&c->lock);
	return to ? 0 : error_nomem(e);
}

/*
 * What a strip's checksum begins from: where sums go on from each other, the one before, as it is in the file; if
 * that was wrong, what follows may still be whole.
 */
static uint32_t seed(const struct check *c, uint64_t strip, const uint8_t *before)
{
	return c->p->reseed || !strip ? PARTCLONE_SEED : get_le32(before);
}

/* Strips that fit into the buffer, and the checksum before them. */
static int do_strips(struct check *c, uint64_t strip, uint64_t end, uint8_t *buf, struct error *e)
{
	uint64_t at = strip_at(c, strip), last = strip_blocks(c, end - 1) * c->p->block + PARTCLONE_SUM;
	uint64_t before = strip ? PARTCLONE_SUM : 0, len = before + (end - 1 - strip) * c->stride + last;
	if ((c->b && budget_check(c->b, e) < 0) || source_read_at(c->p->src, at - before, buf, (size_t)len, e) < 0)
		return -1;
	for (const uint8_t *p = buf + before; strip < end; strip++, p += c->stride) {
		size_t n = (size_t)(strip_blocks(c, strip) * c->p->block);
		uint32_t crc = partclone_crc(seed(c, strip, p - PARTCLONE_SUM), p, n);
		if (judge(c, strip, crc, p + n, e) < 0)
			return -1;
	}
	return 0;
}

/* One that is longer than the buffer. */
static int do_long_strip(struct check *c, uint64_t strip, uint8_t *buf, struct error *e)
{
	uint64_t at = strip_at(c, strip), left = strip_blocks(c, strip) * c->p->block;
	uint8_t sum[PARTCLONE_SUM] = {0};
	if (strip && source_read_at(c->p->src, at - sizeof sum, sum, sizeof sum, e) < 0)
		return -1;
	uint32_t crc = seed(c, strip, sum);
	for (size_t n; left; at += n, left -= n) {
		n = left < CHUNK ? (size_t)left : CHUNK;
		if ((c->b && budget_check(c->b, e) < 0) || source_read_at(c->p->src, at, buf, n, e) < 0)
			return -1;
		crc = partclone_crc(crc, buf, n);
	}
	if (source_read_at(c->p->src, at, sum, sizeof sum, e) < 0)
		return -1;
	return judge(c, strip, crc, sum, e);
}

static void fail(struct check *c, uint64_t strip, const struct error *e)
{
	pthread_mutex_lock(&c->lock);
	if (strip < c->failed) {
		c->failed = strip;
		c->error = *e;
	}
	pthread_mutex_unlock(&c->lock);
	/* Steps are taken in order: all before this one are being looked at, and no more need be. */
	c->next = (c->end - c->first) / c->step + 1;
}

static void work(void *ctx, size_t unused)
{
	struct check *c = ctx;
	struct error e = {0};
	(void)unused;
	autofree uint8_t *buf = malloc(CHUNK + PARTCLONE_SUM);
	if (!buf) {
		error_nomem(&e);
		fail(c, 0, &e);
		return;
	}
	for (uint64_t strip; (strip = c->first + c->next++ * c->step) < c->end;) {
		uint64_t end = c->end - strip < c->step ? c->end : strip + c->step;
		if ((c->stride > CHUNK ? do_long_strip(c, strip, buf, &e) : do_strips(c, strip, end, buf, &e)) < 0)
			fail(c, strip, &e);
	}
}

static int by_strip(const void *a, const void *b)
{
	const struct broken *x = a, *y = b;
	return (x->strip > y->strip) - (x->strip < y->strip);
}

static void tell(const struct check *c, const struct broken *x, const char *subject, struct findings *f)
{
	char want[16], got[16];
	snprintf(want, sizeof want, "%08x", x->told);
	snprintf(got, sizeof got, "%08x", x->got);
	struct finding_text more = {.expected = want,
				    .measured = got,
				    .offset = (int64_t)strip_at(c, x->strip),
				    .has_offset = true,
				    .error = ERROR_CORRUPT};
	finding_add(f, PROOF_INTEGRITY, "partclone.blocks", subject, OUTCOME_BROKEN, &more,
		    "the checksum of %" PRIu64 " blocks does not match", strip_blocks(c, x->strip));
}

/* All strips. *broken: how many did not match. */
static int check_strips(struct check *c, const char *subject, struct findings *f, uint64_t *broken, struct error *e)
{
	uint64_t strips = (c->p->used + c->p->strip - 1) / c->p->strip;
	uint64_t batch = BATCH / c->stride ? BATCH / c->stride : 1;
	unsigned threads = pool_width() < THREADS_MAX ? pool_width() : THREADS_MAX;
	/* Long strips: as many of them as there are threads. */
	if (batch < threads)
		batch = threads;
	for (; c->first < strips; c->first = c->end) {
		c->end = strips - c->first < batch ? strips : c->first + batch;
		c->next = 0;
		pool_each(threads, work, c);
		if (c->broken.count)
			qsort(c->broken.items, c->broken.count, sizeof *c->broken.items, by_strip);
		/* What others found behind the place where it ended depends on how they ran. */
		vec_each(&c->broken, x) if (x->strip < c->failed) tell(c, x, subject, f);
		*broken += c->broken.count;
		c->broken.count = 0;
		if (c->failed != UINT64_MAX) {
			*e = c->error;
			return -1;
		}
	}
	return 0;
}

int partclone_verify(struct image *im, const char *subject, struct findings *f, const struct budget *b, bool *covered,
		     struct error *e)
{
	const struct partclone *p = im->self;
	struct check c = {.p = p, .b = b, .failed = UINT64_MAX};
	uint64_t broken = 0;
	*covered = false;
	if (!p->strip) {
		finding_add(f, PROOF_INTEGRITY, "partclone.blocks", subject, OUTCOME_SKIPPED, NULL,
			    "the image was made without checksums over its blocks");
		return 0;
	}
	c.stride = (uint64_t)p->strip * p->block + PARTCLONE_SUM;
	c.step = c.stride > CHUNK ? 1 : CHUNK / c.stride;
	pthread_mutex_init(&c.lock, NULL);
	int rc = check_strips(&c, subject, f, &broken, e);
	pthread_mutex_destroy(&c.lock);
	vec_free(&c.broken);
	if (rc < 0)
		return -1;
	if (c.stored != p->used) /* open has checked the length */
		return error_set(e, ERROR_INTERNAL, ERROR_NO_OFFSET,
				 "partclone: %" PRIu64 " of %" PRIu64 " blocks were checked", c.stored, p->used);
	*covered = !broken;
	if (!broken)
		finding_add(f, PROOF_INTEGRITY, "partclone.blocks", subject, OUTCOME_HELD, NULL,
			    "CRC-32 of all %" PRIu64 " blocks that are stored", p->used);
	return 0;
}
