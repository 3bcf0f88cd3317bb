// SPDX-License-Identifier: GPL-3.0-or-later
/* LZ4 frames (LZ4 Frame Format 1.6.x) by liblz4. */
#include "lz4.h"
#include "rows.h"

#define MAGIC_LEGACY 0x184c2102u
#define LEGACY_BLOCK_MAX (8 * MIB + 8 * MIB / 255 + 16) /* what 8 MiB can grow to */

/* Frame descriptor: the FLG byte, then BD. */
#define FLG_VERSION(flg) ((flg) >> 6)
#define FLG_CONTENT_CHECKSUM 0x04
#define FLG_RESERVED 0x02
#define FLG_DICTIONARY 0x01
#define BD_RESERVED 0x8f
#define HEADER_MAX 19 /* with the magic */

static int bid(const struct probe *p)
{
	size_t at = member_after_skippables(p);
	if (at == SIZE_MAX) /* zstd says the same: it takes the name to tell */
		return p->head_length >= 8 && is_skippable(p->head) ? 10 : 0;
	const uint8_t *h = p->head + at;
	if (p->head_length - at < 8)
		return 0;
	if (get_le32(h) == MAGIC_LEGACY)
		return get_le32(h + 4) <= LEGACY_BLOCK_MAX ? 60 : 0;
	if (get_le32(h) != LZ4_MAGIC)
		return 0;
	bool sane = FLG_VERSION(h[4]) == 1 && !(h[4] & FLG_RESERVED) && !(h[5] & BD_RESERVED) &&
		    h[5] >> 4 >= 4;
	return sane ? 95 : 30;
}

#ifdef HAVE_LIBLZ4
#include <lz4frame.h>

struct lz4 {
	LZ4F_dctx *dctx;
	struct lz4_blocks blocks;
	bool by_blocks; /* the present frame */
};

static int lz4_init(void *self, struct error *e)
{
	struct lz4 *z = self;
	size_t r = LZ4F_createDecompressionContext(&z->dctx, LZ4F_VERSION);
	return LZ4F_isError(r) ? error_nomem(e) : 0;
}

static void lz4_destroy(void *self)
{
	struct lz4 *z = self;
	LZ4F_freeDecompressionContext(z->dctx);
	lz4_blocks_free(&z->blocks);
}

static enum begun unsupported(struct error *e, const char *what)
{
	error_set(e, ERROR_UNSUPPORTED, ERROR_NO_OFFSET, "%s", what);
	return BEGUN_FAILED;
}

static enum begun lz4_begin(void *self, struct feed *f, bool first, struct error *e)
{
	static const uint8_t magic_bytes[4] = {0x04, 0x22, 0x4d, 0x18};
	struct lz4 *z = self;
	(void)first;
	if (feed_fill(f, HEADER_MAX, e) < 0)
		return BEGUN_FAILED;
	const uint8_t *p = feed_at(f);
	size_t left = feed_left(f);
	if (left < 4)
		return memcmp(p, magic_bytes, left) ? BEGUN_FOREIGN : BEGUN_CUT;
	if (is_skippable(p))
		return member_skippable(f, e);
	if (get_le32(p) == MAGIC_LEGACY)
		return unsupported(e,
				   "the legacy lz4 format, which has no checksum and no end mark");
	if (get_le32(p) != LZ4_MAGIC)
		return BEGUN_FOREIGN;
	if (left < 7)
		return BEGUN_CUT;
	if (FLG_VERSION(p[4]) == 1 && p[4] & FLG_DICTIONARY)
		return unsupported(e, "needs a dictionary");
	struct lz4_header h;
	z->by_blocks = lz4_parse(p, left, &h) && h.independent;
	if (z->by_blocks) {
		feed_take(f, h.length);
		lz4_blocks_begin(&z->blocks, &h);
		return h.content_sum ? BEGUN_CONTENT : BEGUN_UNCHECKED;
	}
	LZ4F_resetDecompressionContext(z->dctx);
	/* Checksums of blocks alone do not notice a block that is gone or has changed its place. */
	return p[4] & FLG_CONTENT_CHECKSUM ? BEGUN_CONTENT : BEGUN_UNCHECKED;
}

/* The library asks for more at the end of cut data, as in the middle: only 0 ends a frame. */
static ssize_t lz4_decode(void *self, struct feed *f, void *buf, size_t cap, bool *done,
			  struct error *e)
{
	struct lz4 *z = self;
	if (z->by_blocks)
		return lz4_blocks_decode(&z->blocks, f, buf, cap, done, e);
	size_t taken = feed_left(f), n = cap;
	size_t r = LZ4F_decompress(z->dctx, buf, &n, feed_at(f), &taken, NULL);
	if (LZ4F_isError(r)) {
		const char *name = LZ4F_getErrorName(r);
		if (!strcmp(name, "ERROR_allocation_failed"))
			return error_nomem(e);
		return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "%s", name);
	}
	feed_take(f, taken);
	*done = r == 0;
	return (ssize_t)n;
}

static enum split lz4_split(void *self, bool inside, const uint8_t *p, size_t len, bool ended, struct unit *u)
{
	struct lz4 *z = self;
	if (!inside)
		return lz4_frame_split(p, len, ended, u);
	return z->by_blocks ? lz4_blocks_split(&z->blocks, p, len, u) : SPLIT_NONE;
}

static void lz4_joined(void *self, const struct unit *units, size_t count, const uint8_t *out, size_t len)
{
	(void)units, (void)count;
	lz4_blocks_joined(&((struct lz4 *)self)->blocks, out, len);
}

MEMBER_DECODE(lz4_stream, .codec = "lz4", .unit = "frame", .size = sizeof(struct lz4),
	      .init = lz4_init, .begin = lz4_begin,
	      .decode = lz4_decode, .destroy = lz4_destroy,
	      .split = lz4_split, .part = lz4_blocks_part, .joined = lz4_joined)
#define DECODE lz4_stream
#else
#define DECODE NULL
#endif

const struct format codec_lz4 = MEMBER_ROW("lz4", bid, DECODE, NULL, ".lz4");
