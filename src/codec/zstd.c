// SPDX-License-Identifier: GPL-3.0-or-later
/* Zstandard (RFC 8878): frames and skippable frames, by libzstd. */
#include "member.h"
#include "random.h"
#include "rows.h"

#define MAGIC 0xfd2fb528u
/* Formats of libzstd before 0.8: 0.1 has a magic of its own, 0.2 to 0.7 count up. */
#define MAGIC_V01 0xfd2fb51eu
#define MAGIC_V02 0xfd2fb522u
#define MAGIC_V07 0xfd2fb527u

/* RFC 8878, 3.1.1.1: Frame_Header_Descriptor. Bit 4 is unused and to be ignored. */
#define FHD_DICTIONARY 0x03
#define FHD_CHECKSUM 0x04
#define FHD_RESERVED 0x08
#define FHD_SINGLE_SEGMENT 0x20
#define HEADER_MAX 18 /* with the magic */

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
	return get_le32(h) == MAGIC && !(h[4] & FHD_RESERVED) ? 90 : 0;
}

#ifdef HAVE_LIBZSTD
#include <zstd.h>
#include <zstd_errors.h>

struct header {
	size_t length; /* with the magic */
	uint64_t window, content;
	uint32_t dictionary;
	bool sized, checksum; /* sized: content is set */
};

static uint64_t get_le(const uint8_t *p, size_t len)
{
	uint64_t v = 0;
	while (len)
		v = v << 8 | p[--len];
	return v;
}

/* The magic is there already. false: len bytes do not hold all of the header. */
static bool parse_header(const uint8_t *p, size_t len, struct header *h)
{
	static const uint8_t id_sizes[] = {0, 1, 2, 4}, content_sizes[] = {0, 2, 4, 8};
	if (len < 5)
		return false;
	uint8_t fhd = p[4];
	bool single = fhd & FHD_SINGLE_SEGMENT;
	size_t id_size = id_sizes[fhd & FHD_DICTIONARY], content_size = content_sizes[fhd >> 6];
	if (single && !content_size)
		content_size = 1;
	h->length = 5 + !single + id_size + content_size;
	if (len < h->length)
		return false;
	p += 5;
	if (!single) {
		h->window = UINT64_C(1) << (10 + (*p >> 3));
		h->window += h->window / 8 * (*p & 7);
		p++;
	}
	h->dictionary = (uint32_t)get_le(p, id_size);
	h->sized = content_size > 0;
	h->content = get_le(p + id_size, content_size) + (content_size == 2 ? 256 : 0);
	if (single)
		h->window = h->content;
	h->checksum = fhd & FHD_CHECKSUM;
	return true;
}

struct zstd {
	ZSTD_DCtx *dctx;
	struct header header; /* of the present frame */
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
	struct header h = {0};
	(void)first;
	if (feed_fill(f, HEADER_MAX, e) < 0)
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
	if (get_le32(p) != MAGIC)
		return BEGUN_FOREIGN;
	if (!parse_header(p, left, &h))
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

/* RFC 8878, 3.1.1.2: a header of three bytes says how long a block is; the last one says that it is. */
#define BLOCK_MAX (128 * KIB)
#define CHECKSUM_SIZE 4
enum block { BLOCK_RAW, BLOCK_RLE, BLOCK_COMPRESSED, BLOCK_RESERVED };

static enum split zstd_split(void *self, bool inside, const uint8_t *p, size_t len, bool ended, struct unit *u)
{
	struct header h = {0};
	(void)self;
	if (inside)
		return SPLIT_NONE;
	if (len < HEADER_MAX && !ended)
		return SPLIT_MORE;
	if (len >= 8 && is_skippable(p)) {
		u->length = 8 + (size_t)get_le32(p + 4);
		return u->length > MIB ? SPLIT_NONE : u->length > len ? SPLIT_MORE : SPLIT_UNIT;
	}
	if (len < 4 || get_le32(p) != MAGIC || !parse_header(p, len, &h) || h.dictionary ||
	    h.window > CODEC_WINDOW_MAX || (h.sized && h.content > UNIT_ROOM))
		return SPLIT_NONE;
	u->room = u->length = 0;
	size_t at = h.length, block_max = h.window < BLOCK_MAX ? (size_t)h.window : BLOCK_MAX;
	for (bool last = false; !last;) {
		if (len < at + 3)
			return SPLIT_MORE;
		uint32_t header = p[at] | (uint32_t)p[at + 1] << 8 | (uint32_t)p[at + 2] << 16;
		enum block type = header >> 1 & 3;
		size_t size = header >> 3;
		last = header & 1;
		if (type == BLOCK_RESERVED || size > block_max)
			return SPLIT_NONE;
		u->room += type == BLOCK_COMPRESSED ? block_max : size;
		if (u->room > UNIT_ROOM)
			return SPLIT_NONE;
		at += 3 + (type == BLOCK_RLE ? 1 : size);
	}
	u->length = at + (h.checksum ? CHECKSUM_SIZE : 0);
	if (u->length > len)
		return SPLIT_MORE;
	if (h.sized && h.content < u->room)
		u->room = (size_t)h.content;
	/* The library keeps a window, and some blocks. */
	u->work = (h.window < u->room ? (size_t)h.window : u->room) + 3 * BLOCK_MAX;
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
