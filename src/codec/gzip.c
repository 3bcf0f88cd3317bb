// SPDX-License-Identifier: GPL-3.0-or-later
/* gzip (RFC 1952): members with a CRC-32 each. Deflate itself is a library's (gzip.h). */
#include "gzip.h"
#include "member.h"
#include "random.h"
#include "rows.h"

#define HEADER_SIZE 10
#define TRAILER_SIZE 8
#define METHOD_DEFLATE 8
/* Members that say nothing of their length are decoded apart when they are no longer. */
#define GUESS_MAX (8 * MIB)

enum flags { FHCRC = 0x02, FEXTRA = 0x04, FNAME = 0x08, FCOMMENT = 0x10, FRESERVED = 0xe0 };

static int bid(const struct probe *p)
{
	const uint8_t *h = p->head;
	if (p->head_length < HEADER_SIZE + 1 || h[0] != 0x1f || h[1] != 0x8b ||
	    h[2] != METHOD_DEFLATE || h[3] & FRESERVED)
		return 0;
	/* Operating systems known to the RFC, and "unknown"; without options a block type follows.
	 */
	if ((h[9] > 13 && h[9] != 255) ||
	    (!(h[3] & (FHCRC | FEXTRA | FNAME | FCOMMENT)) && (h[10] >> 1 & 3) == 3))
		return 30;
	return 80;
}

#if defined(HAVE_LIBISAL) || defined(HAVE_ZLIB)
struct gzip {
	const struct inflater *inflater;
	void *state;
	uint32_t header_crc;
	uint32_t crc, size; /* of the content so far; the size modulo 2^32, as the trailer has it */
	bool in_trailer;
};

static int init_with(struct gzip *g, const struct inflater *inflater, struct error *e)
{
	g->inflater = inflater;
	g->state = inflater->new ();
	return g->state ? 0 : error_nomem(e);
}

static void gzip_destroy(void *self)
{
	struct gzip *g = self;
	if (g->inflater)
		g->inflater->free(g->state);
}

static void take_header(struct gzip *g, struct feed *f, size_t n)
{
	g->header_crc = g->inflater->crc32(g->header_crc, feed_at(f), n);
	feed_take(f, n);
}

/* Two bytes, not counted in the header's checksum. 1, 0 when cut, -1. */
static int peek_le16(struct feed *f, uint16_t *out, struct error *e)
{
	if (feed_fill(f, 2, e) < 0)
		return -1;
	if (feed_left(f) < 2)
		return 0;
	*out = get_le16(feed_at(f));
	return 1;
}

static int take_extra(struct gzip *g, struct feed *f, struct error *e)
{
	uint16_t len = 0;
	int rc = peek_le16(f, &len, e);
	if (rc <= 0)
		return rc;
	size_t all = (size_t)len + 2;
	if (feed_fill(f, all, e) < 0)
		return -1;
	if (feed_left(f) < all)
		return 0;
	take_header(g, f, all);
	return 1;
}

/* A name or comment: of any length, ended by a NUL. */
static int take_string(struct gzip *g, struct feed *f, struct error *e)
{
	for (;;) {
		if (feed_fill(f, 1, e) < 0)
			return -1;
		size_t left = feed_left(f);
		if (!left)
			return 0;
		const uint8_t *nul = memchr(feed_at(f), 0, left);
		take_header(g, f, nul ? (size_t)(nul - feed_at(f)) + 1 : left);
		if (nul)
			return 1;
	}
}

static int take_header_crc(struct gzip *g, struct feed *f, struct error *e)
{
	uint16_t stored = 0;
	int rc = peek_le16(f, &stored, e);
	if (rc <= 0)
		return rc;
	if (stored != (g->header_crc & 0xffff))
		return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET,
				 "the header's CRC is %04x, %04x is stored", g->header_crc & 0xffff,
				 stored);
	feed_take(f, 2);
	return 1;
}

static int take_options(struct gzip *g, struct feed *f, uint8_t flags, struct error *e)
{
	int rc = 1;
	if (flags & FEXTRA)
		rc = take_extra(g, f, e);
	if (rc == 1 && flags & FNAME)
		rc = take_string(g, f, e);
	if (rc == 1 && flags & FCOMMENT)
		rc = take_string(g, f, e);
	if (rc == 1 && flags & FHCRC)
		rc = take_header_crc(g, f, e);
	return rc;
}

static enum begun gzip_begin(void *self, struct feed *f, bool first, struct error *e)
{
	static const uint8_t magic[2] = {0x1f, 0x8b};
	struct gzip *g = self;
	(void)first;
	if (feed_fill(f, HEADER_SIZE, e) < 0)
		return BEGUN_FAILED;
	const uint8_t *p = feed_at(f);
	size_t left = feed_left(f);
	if (memcmp(p, magic, left < 2 ? left : 2))
		return BEGUN_FOREIGN;
	if (left < HEADER_SIZE)
		return BEGUN_CUT;
	if (p[2] != METHOD_DEFLATE) {
		error_set(e, ERROR_UNSUPPORTED, ERROR_NO_OFFSET, "compression method %u", p[2]);
		return BEGUN_FAILED;
	}
	uint8_t flags = p[3];
	if (flags & FRESERVED) {
		error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "reserved flags are set: %02x", flags);
		return BEGUN_FAILED;
	}
	g->header_crc = g->crc = g->size = 0;
	g->in_trailer = false;
	if (g->inflater->reset(g->state, e) < 0)
		return BEGUN_FAILED;
	take_header(g, f, HEADER_SIZE);
	switch (take_options(g, f, flags, e)) {
	case 1:
		return BEGUN_CONTENT;
	case 0:
		return BEGUN_CUT;
	default:
		return BEGUN_FAILED;
	}
}

static int take_trailer(struct gzip *g, struct feed *f, bool *done, struct error *e)
{
	if (feed_fill(f, TRAILER_SIZE, e) < 0)
		return -1;
	if (feed_left(f) < TRAILER_SIZE)
		return error_set(e, ERROR_CORRUPT, (int64_t)(f->offset + feed_left(f)),
				 "cut: the data ends inside the trailer");
	uint32_t crc = get_le32(feed_at(f)), size = get_le32(feed_at(f) + 4);
	if (crc != g->crc)
		return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET,
				 "the content's CRC-32 is %08x, the trailer says %08x", g->crc,
				 crc);
	if (size != g->size)
		return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET,
				 "the content's size modulo 2^32 is %u, the trailer says %u",
				 g->size, size);
	feed_take(f, TRAILER_SIZE);
	*done = true;
	return 0;
}

static ssize_t gzip_decode(void *self, struct feed *f, void *buf, size_t cap, bool *done,
			   struct error *e)
{
	struct gzip *g = self;
	size_t n = 0;
	if (!g->in_trailer) {
		int rc = g->inflater->run(g->state, f, buf, cap, &n, e);
		if (rc < 0)
			return -1;
		g->crc = g->inflater->crc32(g->crc, buf, n);
		g->size += (uint32_t)n;
		g->in_trailer = rc == 1;
	}
	/* Content first: what the trailer says comes with the next call. */
	if (g->in_trailer && n == 0 && take_trailer(g, f, done, e) < 0)
		return -1;
	return (ssize_t)n;
}

/* 0: the header does not say how long the member is. SIZE_MAX: it is not all there. */
static size_t told_length(const uint8_t *p, size_t len)
{
	if (!(p[3] & FEXTRA))
		return 0;
	if (len < HEADER_SIZE + 2)
		return SIZE_MAX;
	size_t extra = get_le16(p + HEADER_SIZE);
	return len < HEADER_SIZE + 2 + extra ? SIZE_MAX : bgzf_length(p + HEADER_SIZE + 2, extra);
}

/* What compressors write as a header: chance makes one in 2^37 bytes. */
static bool begins_member(const uint8_t *p)
{
	return p[0] == 0x1f && p[1] == 0x8b && p[2] == METHOD_DEFLATE && !(p[3] & FRESERVED) &&
	       (p[8] == 0 || p[8] == 2 || p[8] == 4) && (p[9] <= 13 || p[9] == 255);
}

/* Deflate's best is 1032 bytes from one. */
static bool ends_member(const uint8_t *p, size_t len, struct unit *u)
{
	if (len < HEADER_SIZE + TRAILER_SIZE + 2)
		return false;
	u->length = len;
	u->room = get_le32(p + len - 4);
	u->work = GUESS_MAX / 16; /* the state of a decoder */
	return u->room <= UNIT_ROOM - GUESS_MAX && u->room / 1032 <= len;
}

/* Where the next member begins is a guess, but for BGZF; where this one ends is seen when it has been decoded. */
static enum split gzip_split(void *self, bool inside, const uint8_t *p, size_t len, bool ended, struct unit *u)
{
	(void)self;
	if (inside || (len >= HEADER_SIZE && !begins_member(p)))
		return SPLIT_NONE;
	size_t told = len < HEADER_SIZE ? SIZE_MAX : told_length(p, len);
	if (told)
		return told > len ? SPLIT_MORE : ends_member(p, told, u) ? SPLIT_UNIT : SPLIT_NONE;
	size_t at = u->looked < HEADER_SIZE + TRAILER_SIZE ? HEADER_SIZE + TRAILER_SIZE : u->looked;
	while (at + HEADER_SIZE <= len && at <= GUESS_MAX) {
		const uint8_t *next = memchr(p + at, 0x1f, len - at - HEADER_SIZE + 1);
		at = next ? (size_t)(next - p) : len - HEADER_SIZE + 1;
		if (next && begins_member(next) && ends_member(p, at, u))
			return SPLIT_UNIT;
		at += next != NULL;
	}
	u->looked = at;
	if (at > GUESS_MAX)
		return SPLIT_NONE;
	return !ended ? SPLIT_MORE : ends_member(p, len, u) ? SPLIT_UNIT : SPLIT_NONE;
}

#define GZIP_DECODE(fn, init_fn)                                                                   \
	MEMBER_DECODE(fn, .codec = "gzip", .unit = "member", .size = sizeof(struct gzip), .init = (init_fn), \
		      .begin = gzip_begin, .decode = gzip_decode, .destroy = gzip_destroy, .split = gzip_split)
#endif

/* .tgz and .taz hide a tar: the stem has no .tar, so its content must be asked. */
#define GZIP_ROW(decode_fn) MEMBER_ROW("gzip", bid, decode_fn, bgzf_open_random, ".gz", ".tgz", ".taz")

#ifdef HAVE_ZLIB
static int init_zlib(void *self, struct error *e)
{
	return init_with(self, &inflate_zlib, e);
}
GZIP_DECODE(decode_zlib, init_zlib)
const struct format codec_gzip_zlib = GZIP_ROW(decode_zlib);
#define BEST decode_zlib
#endif

#ifdef HAVE_LIBISAL
static int init_isal(void *self, struct error *e)
{
	return init_with(self, &inflate_isal, e);
}
GZIP_DECODE(decode_isal, init_isal)
const struct format codec_gzip_isal = GZIP_ROW(decode_isal);
#undef BEST
#define BEST decode_isal
#endif

#ifndef BEST
#define BEST NULL
#endif
const struct format codec_gzip = GZIP_ROW(BEST);
