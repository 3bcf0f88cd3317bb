// SPDX-License-Identifier: GPL-3.0-or-later
/* The checksums that follow the blocks of a partclone image. */
#include <inttypes.h>

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

#define CHUNK (4 * MIB)

struct check {
	const struct partclone *p;
	const char *subject;
	struct findings *f;
	uint64_t stored; /* block, counted in the file */
	uint64_t in;	 /* bytes of the present strip that were seen */
	uint64_t length; /* of the present strip */
	uint32_t crc;
	uint8_t sum[PARTCLONE_SUM];
	size_t have; /* bytes of sum */
	uint64_t broken;
};

static void strip_begin(struct check *c)
{
	const struct partclone *p = c->p;
	uint64_t left = p->used - c->stored;
	c->length = (left < p->strip ? left : p->strip) * p->block;
	c->in = 0;
	c->have = 0;
	if (p->reseed)
		c->crc = PARTCLONE_SEED;
}

/* off: of the strip's end in the file */
static void strip_end(struct check *c, uint64_t off)
{
	uint64_t blocks = c->length / c->p->block;
	uint32_t told = get_le32(c->sum);
	if (told != c->crc) {
		char want[16], got[16];
		snprintf(want, sizeof want, "%08x", told);
		snprintf(got, sizeof got, "%08x", c->crc);
		struct finding_text more = {.expected = want,
					    .measured = got,
					    .offset = (int64_t)(off - PARTCLONE_SUM - c->length),
					    .has_offset = true,
					    .error = ERROR_CORRUPT};
		finding_add(c->f, PROOF_INTEGRITY, "partclone.blocks", c->subject, OUTCOME_BROKEN, &more,
			    "the checksum of %" PRIu64 " blocks does not match", blocks);
		c->broken++;
		c->crc = told; /* where sums go on from each other, what follows may still be whole */
	}
	c->stored += blocks;
	if (c->stored < c->p->used)
		strip_begin(c);
}

static void take_bytes(struct check *c, const uint8_t *p, size_t len, uint64_t off)
{
	while (len) {
		size_t n = len;
		if (c->in < c->length) {
			if (n > c->length - c->in)
				n = (size_t)(c->length - c->in);
			c->crc = partclone_crc(c->crc, p, n);
			c->in += n;
		} else {
			if (n > PARTCLONE_SUM - c->have)
				n = PARTCLONE_SUM - c->have;
			memcpy(c->sum + c->have, p, n);
			c->have += n;
		}
		p += n;
		len -= n;
		off += n;
		if (c->have == PARTCLONE_SUM)
			strip_end(c, off);
	}
}

int partclone_verify(struct image *im, const char *subject, struct findings *f, const struct budget *b, bool *covered,
		     struct error *e)
{
	const struct partclone *p = im->self;
	struct check c = {.p = p, .subject = subject, .f = f, .crc = PARTCLONE_SEED};
	uint64_t off = p->data, end = source_size(p->src);
	*covered = false;
	if (!p->strip) {
		finding_add(f, PROOF_INTEGRITY, "partclone.blocks", subject, OUTCOME_SKIPPED, NULL,
			    "the image was made without checksums over its blocks");
		return 0;
	}
	autofree uint8_t *chunk = malloc(CHUNK);
	if (!chunk)
		return error_nomem(e);
	if (p->used)
		strip_begin(&c);
	for (size_t n; off < end; off += n) {
		n = end - off < CHUNK ? (size_t)(end - off) : CHUNK;
		if ((b && budget_check(b, e) < 0) || source_read_at(p->src, off, chunk, n, e) < 0)
			return -1;
		take_bytes(&c, chunk, n, off);
	}
	if (c.stored != p->used) /* open has checked the length */
		return error_set(e, ERROR_INTERNAL, (int64_t)off,
				 "partclone: %" PRIu64 " of %" PRIu64 " blocks were checked", c.stored, p->used);
	*covered = !c.broken;
	if (!c.broken)
		finding_add(f, PROOF_INTEGRITY, "partclone.blocks", subject, OUTCOME_HELD, NULL,
			    "CRC-32 of all %" PRIu64 " blocks that are stored", p->used);
	return 0;
}
