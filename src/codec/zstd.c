// SPDX-License-Identifier: GPL-3.0-or-later
/* Zstandard (RFC 8878): frames and skippable frames, by libzstd. */
#include "member.h"
#include "random.h"
#include "rows.h"
#include "zstd_frame.h"

/* Formats of libzstd before 0.8: 0.1 has a magic of its own, 0.2 to 0.7 count up. */
#define MAGIC_V01 0xfd2fb51eu
#define MAGIC_V02 0xfd2fb522u
#define MAGIC_V07 0xfd2fb527u


static bool is_legacy(uint32_t magic)
{
	return magic == MAGIC_V01 || (magic >= MAGIC_V02 && magic <= MAGIC_V07);
}

static int bid(const struct probe *p)
{
	size_t at = member_after_skippables(p);
	if (at == SIZE_MAX) /* lz4 says the same: it takes the name to tell */
		return p->head_length >= 8 && is_skippable(p->head) ? 10 : 0;
	const uint8_t *h = p->head + at;
	size_t left = p->head_length - at;
	if (left < 5)
		return 0;
	if (is_legacy(get_le32(h)))
		return 50;
	return get_le32(h) == ZSTD_FRAME_MAGIC && !(h[4] & FHD_RESERVED) ? 90 : 0;
}

#ifdef HAVE_LIBZSTD
#include <zstd.h>
#include <zstd_errors.h>

struct zstd {
	ZSTD_DCtx *dctx;
	struct zstd_header header; /* of the present frame */
	uint64_t written;     /* of its content */
};

static int zstd_init(void *self, struct error *e)
{
	struct zstd *z = self;
	z->dctx = ZSTD_createDCtx();
	if (!z->dctx)
		return error_nomem(e);
	size_t r = ZSTD_DCtx_setParameter(z->dctx, ZSTD_d_windowLogMax, 28);
	if (ZSTD_isError(r))
		return error_set(e, ERROR_INTERNAL, ERROR_NO_OFFSET, "zstd: %s",
				 ZSTD_getErrorName(r));
	return 0;
}

static void zstd_destroy(void *self)
{
	struct zstd *z = self;
	ZSTD_freeDCtx(z->dctx);
}

static enum error_class class_of(size_t r)
{
	switch (ZSTD_getErrorCode(r)) {
	case ZSTD_error_memory_allocation:
		return ERROR_INTERNAL;
	case ZSTD_error_frameParameter_windowTooLarge:
		return ERROR_LIMIT;
	case ZSTD_error_frameParameter_unsupported:
	case ZSTD_error_dictionary_wrong:
		return ERROR_UNSUPPORTED;
	default:
		return ERROR_CORRUPT;
	}
}

static int zstd_failed(size_t r, struct error *e)
{
	return error_set(e, class_of(r), ERROR_NO_OFFSET, "%s", ZSTD_getErrorName(r));
}

static enum begun zstd_begin(void *self, struct feed *f, bool first, struct error *e)
{
	static const uint8_t magic_bytes[4] = {0x28, 0xb5, 0x2f, 0xfd};
	struct zstd *z = self;
	struct zstd_header h = {0};
	(void)first;
	if (feed_fill(f, ZSTD_HEADER_MAX, e) < 0)
		return BEGUN_FAILED;
	const uint8_t *p = feed_at(f);
	size_t left = feed_left(f);
	if (left < 4)
		return memcmp(p, magic_bytes, left) ? BEGUN_FOREIGN : BEGUN_CUT;
	if (is_skippable(p))
		return member_skippable(f, e);
	if (is_legacy(get_le32(p))) {
		error_set(e, ERROR_UNSUPPORTED, ERROR_NO_OFFSET, "a frame of a zstd before 0.8");
		return BEGUN_FAILED;
	}
	if (get_le32(p) != ZSTD_FRAME_MAGIC)
		return BEGUN_FOREIGN;
	if (!zstd_header_parse(p, left, &h))
		return BEGUN_CUT;
	if (h.dictionary) {
		error_set(e, ERROR_UNSUPPORTED, ERROR_NO_OFFSET, "needs the dictionary with id %u",
			  h.dictionary);
		return BEGUN_FAILED;
	}
	/* The library looks at this only where it streams: said here, it does not depend on
	 * buffers. */
	if (h.window > CODEC_WINDOW_MAX) {
		error_set(e, ERROR_LIMIT, ERROR_NO_OFFSET,
			  "wants a window of %llu MiB, more than %llu",
			  (unsigned long long)(h.window / MIB),
			  (unsigned long long)(CODEC_WINDOW_MAX / MIB));
		return BEGUN_FAILED;
	}
	z->header = h;
	z->written = 0;
	ZSTD_DCtx_reset(z->dctx, ZSTD_reset_session_only);
	/*
	 * The header goes in by itself. With all of a frame at hand the library would decode it in one go, where
	 * a window that is said too small goes unnoticed: zstd itself would not restore such a frame.
	 */
	ZSTD_inBuffer in = {p, h.length, 0};
	ZSTD_outBuffer out = {NULL, 0, 0};
	size_t r = ZSTD_decompressStream(z->dctx, &out, &in);
	if (ZSTD_isError(r)) {
		zstd_failed(r, e);
		return BEGUN_FAILED;
	}
	feed_take(f, in.pos);
	return h.checksum ? BEGUN_CONTENT : BEGUN_UNCHECKED;
}

/*
 * Only a return of 0 ends a frame. Called again after it, the library would return a hint for the
 * next one: begin stands between, and is reached with data only.
 */
static ssize_t zstd_decode(void *self, struct feed *f, void *buf, size_t cap, bool *done,
			   struct error *e)
{
	struct zstd *z = self;
	ZSTD_inBuffer in = {feed_at(f), feed_left(f), 0};
	ZSTD_outBuffer out = {buf, cap, 0};
	size_t r = ZSTD_decompressStream(z->dctx, &out, &in);
	feed_take(f, in.pos);
	if (ZSTD_isError(r))
		return zstd_failed(r, e);
	z->written += out.pos;
	*done = r == 0;
	/* libzstd 1.5.4 compares only where the last block is not empty. */
	if (*done && z->header.sized && z->written != z->header.content)
		return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET,
				 "the content is %llu bytes, the header says %llu",
				 (unsigned long long)z->written,
				 (unsigned long long)z->header.content);
	return (ssize_t)out.pos;
}

#define CHECKSUM_SIZE 4

static enum split zstd_split(void *self, bool inside, const uint8_t *p, size_t len, bool ended, struct unit *u)
{
	struct zstd_header h = {0};
	(void)self;
	if (inside)
		return SPLIT_NONE;
	if (len < ZSTD_HEADER_MAX && !ended)
		return SPLIT_MORE;
	if (len >= 8 && is_skippable(p)) {
		u->length = 8 + (size_t)get_le32(p + 4);
		return u->length > MIB ? SPLIT_NONE : u->length > len ? SPLIT_MORE : SPLIT_UNIT;
	}
	if (len < 4 || get_le32(p) != ZSTD_FRAME_MAGIC || !zstd_header_parse(p, len, &h) || h.dictionary ||
	    h.window > CODEC_WINDOW_MAX || (h.sized && h.content > UNIT_ROOM))
		return SPLIT_NONE;
	u->room = u->length = 0;
	size_t at = h.length, block_max = h.window < ZSTD_BLOCK_MAX ? (size_t)h.window : ZSTD_BLOCK_MAX;
	for (bool last = false; !last;) {
		if (len < at + 3)
			return SPLIT_MORE;
		struct zstd_block b = zstd_block_parse(p + at);
		last = b.last;
		if (b.type == BLOCK_RESERVED || b.size > block_max)
			return SPLIT_NONE;
		u->room += b.type == BLOCK_COMPRESSED ? block_max : b.size;
		if (u->room > UNIT_ROOM)
			return SPLIT_NONE;
		at += b.stored;
	}
	u->length = at + (h.checksum ? CHECKSUM_SIZE : 0);
	if (u->length > len)
		return SPLIT_MORE;
	if (h.sized && h.content < u->room)
		u->room = (size_t)h.content;
	/* The library keeps a window, and some blocks. */
	u->work = (h.window < u->room ? (size_t)h.window : u->room) + 3 * ZSTD_BLOCK_MAX;
	return SPLIT_UNIT;
}

MEMBER_DECODE(zstd_stream, .codec = "zstd", .unit = "frame", .size = sizeof(struct zstd),
	      .init = zstd_init, .begin = zstd_begin,
	      .decode = zstd_decode, .destroy = zstd_destroy, .split = zstd_split)
#define DECODE zstd_stream
#else
#define DECODE NULL
#endif

/* .tzst hides a tar: the stem has no .tar, so its content must be asked. */
const struct format codec_zstd = MEMBER_ROW("zstd", bid, DECODE, zstd_open_random, ".zst", ".zstd", ".tzst");
