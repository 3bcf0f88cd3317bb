// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Partclone images, format 0002: a header, a bitmap of the blocks of one volume that are in use, those blocks with a
 * checksum behind every so many. Specification: IMAGE_FORMATS.md of partclone; checksum mode CRC-32 is written as 32,
 * and its value lacks the final inversion. Blocks that are not stored read as zeros, as partclone.restore leaves them
 * on an empty disk.
 */
#include "partclone.h"

#include <inttypes.h>

#include "known.h"

#define HEADER 110u
#define BITMAP_MAX (512 * MIB) /* 16 TiB of 4 KiB blocks */
#define BLOCK_MAX (64 * MIB)
#define SMALL_STRIP (128 * KIB)

static void destroy(void *self)
{
	struct partclone *p = self;
	free(p->bits);
	free(p->ranks);
	free(p);
}

static const struct image_ops ops = {.verify = partclone_verify, .destroy = destroy};

static bool bit_at(const struct partclone *p, uint64_t block)
{
	return p->bits[block / 64] >> block % 64 & 1;
}

/* Blocks from block on, up to limit, that are all stored or all not. */
static uint64_t run_length(const struct partclone *p, uint64_t block, uint64_t limit)
{
	uint64_t flip = bit_at(p, block) ? ~UINT64_C(0) : 0, at = block, end = block + limit;
	if (end > p->blocks)
		end = p->blocks;
	while (at < end) {
		uint64_t differ = (p->bits[at / 64] ^ flip) >> at % 64;
		if (differ) {
			at += (uint64_t)__builtin_ctzll(differ);
			break;
		}
		at += 64 - at % 64;
	}
	return (at < end ? at : end) - block;
}

/* Blocks stored before block. */
static uint64_t rank_of(const struct partclone *p, uint64_t block)
{
	uint64_t word = block / PARTCLONE_RANK * (PARTCLONE_RANK / 64), n = p->ranks[block / PARTCLONE_RANK];
	for (; word < block / 64; word++)
		n += (uint64_t)__builtin_popcountll(p->bits[word]);
	if (block % 64)
		n += (uint64_t)__builtin_popcountll(p->bits[word] & ((UINT64_C(1) << block % 64) - 1));
	return n;
}

/* Stored bytes from at on, counted without checksums. */
static int read_stored(const struct partclone *p, uint64_t at, uint8_t *to, size_t len, struct error *e)
{
	if (!p->strip)
		return source_read_at(p->src, p->data + at, to, len, e);
	uint64_t strip = (uint64_t)p->strip * p->block;
	if (strip >= SMALL_STRIP || at % strip + len <= strip) {
		for (size_t n; len; at += n, to += n, len -= n) {
			n = strip - at % strip < len ? (size_t)(strip - at % strip) : len;
			if (source_read_at(p->src, p->data + at + at / strip * PARTCLONE_SUM, to, n, e) < 0)
				return -1;
		}
		return 0;
	}
	/* Many small strips: read them with their checksums and leave those out. */
	autofree uint8_t *raw = malloc(2 * SMALL_STRIP);
	if (!raw)
		return error_nomem(e);
	while (len) {
		/* A sum follows at least one block of at least 512 bytes, so it fits. */
		size_t want = len < SMALL_STRIP ? len : SMALL_STRIP;
		uint64_t from = at + at / strip * PARTCLONE_SUM;
		uint64_t last = at + want - 1, to_end = last + last / strip * PARTCLONE_SUM + 1;
		if (source_read_at(p->src, p->data + from, raw, (size_t)(to_end - from), e) < 0)
			return -1;
		for (size_t n; want; at += n, to += n, len -= n, want -= n) {
			n = strip - at % strip < want ? (size_t)(strip - at % strip) : want;
			memcpy(to, raw + (at + at / strip * PARTCLONE_SUM - from), n);
		}
	}
	return 0;
}

static int volume_read_at(void *self, uint64_t off, void *buf, size_t len, struct error *e)
{
	const struct partclone *p = self;
	uint8_t *to = buf;
	for (size_t n; len; off += n, to += n, len -= n) {
		uint64_t block = off / p->block, in = off % p->block;
		n = len;
		if (block >= p->blocks) {
			memset(to, 0, n);
			continue;
		}
		uint64_t run = run_length(p, block, (in + len - 1) / p->block + 1) * p->block - in;
		n = run < n ? (size_t)run : n;
		if (!bit_at(p, block))
			memset(to, 0, n);
		else if (read_stored(p, rank_of(p, block) * p->block + in, to, n, e) < 0)
			return -1;
	}
	return 0;
}

static int volume_extent_at(void *self, uint64_t off, struct extent *out, struct error *e)
{
	const struct partclone *p = self;
	uint64_t block = off / p->block;
	(void)e;
	if (block >= p->blocks) {
		out->zero = true;
		return 0;
	}
	out->zero = !bit_at(p, block);
	out->length = run_length(p, block, p->blocks - block) * p->block - off % p->block;
	return 0;
}

static const struct source_ops volume_ops = {"partclone", volume_read_at, volume_extent_at, NULL};

static int bad(struct error *e, size_t at, const char *what)
{
	return error_set(e, ERROR_CORRUPT, (int64_t)at, "partclone header: %s", what);
}

static int unsupported(struct error *e, size_t at, const char *what, unsigned value)
{
	return error_set(e, ERROR_UNSUPPORTED, (int64_t)at, "partclone image with %s %u", what, value);
}

static int read_header(struct partclone *p, const uint8_t h[HEADER], uint64_t *size, struct error *e)
{
	uint64_t all;
	if (memcmp(h, "partclone-image", 15))
		return bad(e, 0, "no magic");
	/* The older format has its version at the same place. */
	if (!memcmp(h + 30, "0001", 4))
		return error_set(e, ERROR_UNSUPPORTED, 30, "partclone image of format 0001 (partclone before 0.3)");
	if (memcmp(h + 30, "0002", 4))
		return error_set(e, ERROR_UNSUPPORTED, 30, "partclone image of an unknown format");
	if (get_le16(h + 34) == 0xdec0)
		return error_set(e, ERROR_UNSUPPORTED, 34, "partclone image made on a big-endian machine");
	if (partclone_crc(PARTCLONE_SEED, h, HEADER - 4) != get_le32(h + HEADER - 4))
		return bad(e, HEADER - 4, "its CRC-32 does not match");
	if (get_le16(h + 34) != 0xc0de)
		return bad(e, 34, "no byte order");
	if (get_le16(h + 92) != 2)
		return unsupported(e, 92, "binary version", get_le16(h + 92));
	if (get_le32(h + 88) != 18)
		return unsupported(e, 88, "a feature section of another size:", get_le32(h + 88));
	if (h[105] != 1)
		return unsupported(e, 105, "bitmap mode", h[105]);
	unsigned mode = get_le16(h + 96), sum = get_le16(h + 98);
	p->strip = get_le32(h + 100);
	if (mode == 0)
		p->strip = 0;
	else if (mode != 32 || sum != PARTCLONE_SUM)
		return unsupported(e, 96, "checksum mode", mode);
	else if (!p->strip)
		return bad(e, 100, "checksums over no block");
	p->reseed = h[104];
	p->blocks = get_le64(h + 60);
	p->block = get_le32(h + 84);
	if (!p->blocks || p->block < 512 || p->block > BLOCK_MAX || p->block & (p->block - 1))
		return bad(e, 84, "the number or the size of the blocks is impossible");
	if (mul_overflows(p->blocks, (uint64_t)p->block, &all) || all > INT64_MAX)
		return bad(e, 60, "the size of the volume is impossible");
	/* The device may be a little larger than the file system on it. */
	*size = get_le64(h + 52) > all ? get_le64(h + 52) : all;
	if (*size > INT64_MAX)
		return bad(e, 52, "the size of the volume is impossible");
	return 0;
}

static int read_bitmap(struct partclone *p, struct error *e)
{
	uint64_t bytes = (p->blocks + 7) / 8, words = (p->blocks + 63) / 64;
	uint8_t sum[4];
	if (bytes > BITMAP_MAX)
		return error_set(e, ERROR_LIMIT, HEADER, "partclone: a bitmap of %" PRIu64 " bytes", bytes);
	if (source_size(p->src) < HEADER + bytes + sizeof sum)
		return error_set(e, ERROR_CORRUPT, HEADER, "partclone: the file is cut in its bitmap");
	p->bits = calloc((size_t)words, 8);
	p->ranks = calloc((size_t)(p->blocks / PARTCLONE_RANK + 1), sizeof *p->ranks);
	if (!p->bits || !p->ranks)
		return error_nomem(e);
	if (source_read_at(p->src, HEADER, p->bits, (size_t)bytes, e) < 0 ||
	    source_read_at(p->src, HEADER + bytes, sum, sizeof sum, e) < 0)
		return -1;
	if (partclone_crc(PARTCLONE_SEED, p->bits, (size_t)bytes) != get_le32(sum))
		return error_set(e, ERROR_CORRUPT, (int64_t)(HEADER + bytes),
				 "partclone: the CRC-32 of the bitmap does not match");
	for (uint64_t w = 0; w < words; w++)
		p->bits[w] = get_le64(&p->bits[w]);
	if (p->blocks % 64)
		p->bits[words - 1] &= (UINT64_C(1) << p->blocks % 64) - 1;
	for (uint64_t w = 0; w < words; w++) {
		if (w % (PARTCLONE_RANK / 64) == 0)
			p->ranks[w / (PARTCLONE_RANK / 64)] = p->used;
		p->used += (uint64_t)__builtin_popcountll(p->bits[w]);
	}
	p->data = HEADER + bytes + sizeof sum;
	return 0;
}

/* The file must end where its last checksum does. */
static int check_length(const struct partclone *p, struct error *e)
{
	uint64_t sums = p->strip ? (p->used + p->strip - 1) / p->strip : 0;
	uint64_t want = p->data + p->used * p->block + sums * PARTCLONE_SUM, have = source_size(p->src);
	if (have < want)
		return error_set(e, ERROR_CORRUPT, (int64_t)have,
				 "partclone: the file is cut: %" PRIu64 " of %" PRIu64 " bytes are there", have,
				 want);
	if (have > want)
		return error_set(e, ERROR_CORRUPT, (int64_t)want,
				 "partclone: %" PRIu64 " bytes follow the end of the image", have - want);
	return 0;
}

static int open_partclone(struct source *src, const struct image_context *c, struct image *out, struct error *e)
{
	uint8_t h[HEADER];
	uint64_t size = 0;
	char fs[17] = "", version[15] = "";
	struct partclone *p = calloc(1, sizeof *p);
	if (!p)
		return error_nomem(e);
	out->ops = &ops;
	out->self = p;
	p->src = src;
	if (source_size(src) < HEADER)
		return bad(e, 0, "the file is too short for one");
	if (source_read_at(src, 0, h, sizeof h, e) < 0 || read_header(p, h, &size, e) < 0 || read_bitmap(p, e) < 0 ||
	    check_length(p, e) < 0)
		return -1;
	struct source *s = source_new(&volume_ops, p, size, source_name(src), e);
	if (!s || image_add_disk(out, NULL, s, e) < 0)
		return -1;
	memcpy(fs, h + 36, 16);
	memcpy(version, h + 16, 14);
	finding_add(c->f, PROOF_STRUCTURE, "partclone.header", c->subject, OUTCOME_HELD, NULL,
		    "%s volume by partclone %s: CRC-32 of header and bitmap match, %" PRIu64 " of %" PRIu64
		    " blocks are stored, and the file has the length that takes",
		    fs, version, p->used, p->blocks);
	return 0;
}

static int bid(const struct probe *p)
{
	return HEAD_HAS(p, 0, "partclone-image") ? 95 : 0;
}

const struct format image_partclone = {
	.name = "partclone",
	.kind = FORMAT_IMAGE,
	.suffixes = SUFFIXES("-ptcl-img", ".partclone"),
	.bid = bid,
	.checksums = CHECKSUMS_DATA,
	.product = "partclone image",
	.open_image = open_partclone,
};
