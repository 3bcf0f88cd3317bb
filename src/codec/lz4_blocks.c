// SPDX-License-Identifier: GPL-3.0-or-later
#include "lz4.h"

#ifdef HAVE_LIBLZ4
#include <lz4.h>

/* The FLG byte, then BD. */
#define FLG_VERSION(flg) ((flg) >> 6)
#define FLG_INDEPENDENT 0x20
#define FLG_BLOCK_SUMS 0x10
#define FLG_CONTENT_SIZE 0x08
#define FLG_CONTENT_SUM 0x04
#define FLG_RESERVED 0x03 /* one bit of it tells of a dictionary */
#define BD_RESERVED 0x8f

/* A block begins with its size; the highest bit says that it is stored as it is; zero ends the frame. */
#define WORD 4
#define STORED 0x80000000u

/* What is decoded apart with all that is around it; larger frames are so by their blocks. */
#define SMALL_FRAME (4 * MIB)

bool lz4_parse(const uint8_t *p, size_t len, struct lz4_header *h)
{
	if (len < 7)
		return false;
	uint8_t flg = p[4], bd = p[5];
	size_t size = flg & FLG_CONTENT_SIZE ? 8 : 0;
	h->length = 7 + size;
	if (len < h->length || FLG_VERSION(flg) != 1 || flg & FLG_RESERVED || bd & BD_RESERVED || bd >> 4 < 4 ||
	    p[6 + size] != (uint8_t)(xxh32(p + 4, 2 + size) >> 8))
		return false;
	h->block_max = (size_t)1 << (8 + 2 * (bd >> 4));
	h->independent = flg & FLG_INDEPENDENT;
	h->block_sums = flg & FLG_BLOCK_SUMS;
	h->content_sum = flg & FLG_CONTENT_SUM;
	h->content = size ? get_le64(p + 6) : 0;
	return true;
}

void lz4_blocks_begin(struct lz4_blocks *b, const struct lz4_header *h)
{
	b->header = *h;
	b->written = 0;
	b->length = b->given = 0;
	xxh32_init(&b->sum, 0);
}

void lz4_blocks_free(struct lz4_blocks *b)
{
	free(b->block);
	b->block = NULL;
}

/* size: of the block, without its checksum. */
static void describe(const struct lz4_header *h, uint32_t word, struct unit *u)
{
	size_t size = word & ~STORED;
	u->length = WORD + size + (h->block_sums ? WORD : 0);
	u->room = word & STORED ? size : h->block_max;
	u->mark = (word & STORED) | h->block_sums;
}

enum fault { SUM_WRONG = -1, NO_BLOCK = -2 };

/* Decodes a block that is at hand: the bytes written, or what is wrong with it. */
static ssize_t decode_block(const struct unit *u, const uint8_t *p, uint8_t *out)
{
	size_t size = u->length - WORD;
	p += WORD;
	if (u->mark & 1) {
		size -= WORD;
		if (get_le32(p + size) != xxh32(p, size))
			return SUM_WRONG;
	}
	if (u->mark & STORED) {
		memcpy(out, p, size);
		return (ssize_t)size;
	}
	int n = LZ4_decompress_safe((const char *)p, (char *)out, (int)size, (int)u->room);
	return n < 0 ? NO_BLOCK : n;
}

ssize_t lz4_blocks_part(const struct unit *u, const uint8_t *p, uint8_t *out)
{
	return decode_block(u, p, out);
}

void lz4_blocks_joined(struct lz4_blocks *b, const uint8_t *out, size_t len)
{
	b->written += len;
	if (b->header.content_sum)
		xxh32_update(&b->sum, out, len);
}

enum split lz4_blocks_split(const struct lz4_blocks *b, const uint8_t *p, size_t len, struct unit *u)
{
	if (b->given < b->length)
		return SPLIT_NONE;
	if (len < WORD)
		return SPLIT_MORE;
	uint32_t word = get_le32(p);
	if (!word || (word & ~STORED) > b->header.block_max)
		return SPLIT_NONE;
	describe(&b->header, word, u);
	return u->length > len ? SPLIT_MORE : SPLIT_UNIT;
}

/* The end mark is there, and perhaps a checksum. */
static int end(struct lz4_blocks *b, struct feed *f, bool *done, struct error *e)
{
	size_t want = WORD + (b->header.content_sum ? WORD : 0);
	if (feed_fill(f, want, e) < 0)
		return -1;
	if (b->header.content && b->written != b->header.content)
		return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "ERROR_frameSize_wrong: the content is %llu bytes, "
				 "the header says %llu", (unsigned long long)b->written,
				 (unsigned long long)b->header.content);
	if (feed_left(f) < want)
		return 0;
	if (b->header.content_sum && get_le32(feed_at(f) + WORD) != xxh32_final(&b->sum))
		return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "ERROR_contentChecksum_invalid");
	feed_take(f, want);
	*done = true;
	return 0;
}

static ssize_t hand_out(struct lz4_blocks *b, void *buf, size_t cap)
{
	size_t n = b->length - b->given < cap ? b->length - b->given : cap;
	memcpy(buf, b->block + b->given, n);
	b->given += n;
	return (ssize_t)n;
}

/* Into buf where a whole block fits. */
static ssize_t next_block(struct lz4_blocks *b, struct feed *f, uint32_t word, void *buf, size_t cap, struct error *e)
{
	struct unit u = {0};
	describe(&b->header, word, &u);
	if (feed_fill(f, u.length, e) < 0)
		return -1;
	if (feed_left(f) < u.length)
		return 0;
	if (cap < u.room && b->size < u.room) {
		free(b->block);
		b->block = malloc(b->header.block_max);
		b->size = b->block ? b->header.block_max : 0;
		if (!b->block)
			return error_nomem(e);
	}
	uint8_t *out = cap < u.room ? b->block : buf;
	ssize_t n = decode_block(&u, feed_at(f), out);
	if (n < 0)
		return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET,
				 n == SUM_WRONG ? "ERROR_blockChecksum_invalid" : "ERROR_decompressionFailed");
	feed_take(f, u.length);
	lz4_blocks_joined(b, out, (size_t)n);
	if (out == buf)
		return n;
	b->length = (size_t)n;
	b->given = 0;
	return hand_out(b, buf, cap);
}

/* Takes whole blocks: one that is cut is left where it is. */
ssize_t lz4_blocks_decode(struct lz4_blocks *b, struct feed *f, void *buf, size_t cap, bool *done, struct error *e)
{
	if (b->given < b->length)
		return hand_out(b, buf, cap);
	if (feed_fill(f, WORD, e) < 0)
		return -1;
	if (feed_left(f) < WORD)
		return 0;
	uint32_t word = get_le32(feed_at(f));
	if (!word)
		return end(b, f, done, e);
	if ((word & ~STORED) > b->header.block_max)
		return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "ERROR_maxBlockSize_invalid");
	return next_block(b, f, word, buf, cap, e);
}

enum split lz4_frame_split(const uint8_t *p, size_t len, bool ended, struct unit *u)
{
	struct lz4_header h;
	struct unit block = {0};
	if (len < 19 && !ended)
		return SPLIT_MORE;
	if (len >= 8 && is_skippable(p)) {
		u->length = 8 + (size_t)get_le32(p + 4);
		return u->length > MIB ? SPLIT_NONE : u->length > len ? SPLIT_MORE : SPLIT_UNIT;
	}
	if (len < 7 || get_le32(p) != LZ4_MAGIC || !lz4_parse(p, len, &h) || h.content > SMALL_FRAME)
		return SPLIT_NONE;
	size_t at = h.length;
	u->room = 0;
	for (;;) {
		if (len < at + WORD)
			return SPLIT_MORE;
		uint32_t word = get_le32(p + at);
		if (!word)
			break;
		if ((word & ~STORED) > h.block_max)
			return SPLIT_NONE;
		describe(&h, word, &block);
		at += block.length;
		u->room += block.room;
		if (u->room > SMALL_FRAME)
			return SPLIT_NONE;
	}
	u->length = at + WORD + (h.content_sum ? WORD : 0);
	/* The library keeps a block of linked ones, and what they refer to. */
	u->work = h.independent ? 0 : h.block_max + MIB;
	return u->length > len ? SPLIT_MORE : SPLIT_UNIT;
}
#endif
