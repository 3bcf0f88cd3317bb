// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Files of lzop by liblzo2: a header with a checksum of its own, then blocks, each with the Adler-32 or CRC-32 of what
 * it holds and of what it was made from, then a length of zero. All numbers are big-endian. Nothing covers a file as a
 * whole: a block that is gone or has changed its place is not noticed, so a member counts as unchecked.
 */
#include "member.h"
#include "rows.h"

#define MAGIC "\x89LZO\0\x0d\x0a\x1a\x0a"
#define MAGIC_SIZE 9u
#define HEADER_MAX 300u /* with the longest name */
#define BLOCK_MAX (64 * MIB)

#define FLAG_ADLER_PLAIN 0x1u
#define FLAG_ADLER_PACKED 0x2u
#define FLAG_EXTRA 0x40u
#define FLAG_CRC_PLAIN 0x100u
#define FLAG_CRC_PACKED 0x200u
#define FLAG_MULTIPART 0x400u
#define FLAG_FILTER 0x800u
#define FLAG_HEADER_CRC 0x1000u

static int bid(const struct probe *p)
{
	return p->head_length > MAGIC_SIZE && !memcmp(p->head, MAGIC, MAGIC_SIZE) ? 95 : 0;
}

#ifdef HAVE_LZO2
#include <lzo/lzo1x.h>

struct lzo {
	uint32_t flags;
	uint8_t *plain, *packed;
	size_t plain_room, packed_room;
	size_t plain_size, packed_size, packed_have; /* of the present block */
	size_t given;				     /* of plain */
	uint32_t sums[4];			     /* plain: Adler, CRC; packed: Adler, CRC */
	bool in_block, cut;
};

static int lzo_begin_all(void *self, struct error *e)
{
	(void)self;
	return lzo_init() == LZO_E_OK ? 0 : error_set(e, ERROR_INTERNAL, ERROR_NO_OFFSET, "liblzo2 does not fit");
}

static void lzo_end(void *self)
{
	struct lzo *z = self;
	free(z->plain);
	free(z->packed);
}

static enum begun fail(struct error *e, enum error_class cls, const char *what)
{
	error_set(e, cls, ERROR_NO_OFFSET, "%s", what);
	return BEGUN_FAILED;
}

static enum begun lzo_begin(void *self, struct feed *f, bool first, struct error *e)
{
	struct lzo *z = self;
	(void)first;
	if (feed_fill(f, HEADER_MAX, e) < 0)
		return BEGUN_FAILED;
	const uint8_t *h = feed_at(f);
	size_t left = feed_left(f), at = MAGIC_SIZE;
	if (memcmp(h, MAGIC, left < MAGIC_SIZE ? left : MAGIC_SIZE))
		return BEGUN_FOREIGN;
	if (left < at + 4)
		return BEGUN_CUT;
	uint32_t version = get_be16(h + at);
	bool newer = version >= 0x940;
	at += newer ? 6 : 4; /* of program, library, and what is needed */
	if (left < at + 6)
		return BEGUN_CUT;
	unsigned method = h[at];
	at += newer ? 2 : 1; /* and level */
	z->flags = get_be32(h + at);
	at += 4 + (z->flags & FLAG_FILTER ? 4 : 0) + (newer ? 12 : 8); /* mode and times */
	if (left < at + 1)
		return BEGUN_CUT;
	at += 1 + (size_t)h[at]; /* name */
	if (left < at + 4)
		return BEGUN_CUT;
	const uint8_t *from = h + MAGIC_SIZE;
	lzo_uint32_t sum = z->flags & FLAG_HEADER_CRC ? lzo_crc32(0, from, at - MAGIC_SIZE)
						      : lzo_adler32(1, from, at - MAGIC_SIZE);
	if (sum != get_be32(h + at))
		return fail(e, ERROR_CORRUPT, "the header's checksum does not match");
	if (method < 1 || method > 3)
		return fail(e, ERROR_UNSUPPORTED, "a method that is not LZO1X");
	if (z->flags & (FLAG_FILTER | FLAG_MULTIPART | FLAG_EXTRA))
		return fail(e, ERROR_UNSUPPORTED, "a filter, several parts, or an extra field");
	feed_take(f, at + 4);
	z->in_block = z->cut = false;
	z->plain_size = z->given = 0;
	return BEGUN_UNCHECKED;
}

static int corrupt(struct error *e, const char *what)
{
	return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "%s", what);
}

/* What is left is not enough: taken, so that the walk sees the end. */
static int cut_short(struct lzo *z, struct feed *f)
{
	feed_take(f, feed_left(f));
	z->cut = true;
	return 0;
}

static int room_for(uint8_t **buf, size_t *room, size_t size, struct error *e)
{
	if (*room >= size)
		return 0;
	free(*buf);
	*room = 0;
	*buf = malloc(size);
	if (!*buf)
		return error_nomem(e);
	*room = size;
	return 0;
}

/* 1: inside a block, 0: the end of the member, or cut. */
static int block_begin(struct lzo *z, struct feed *f, bool *done, struct error *e)
{
	if (feed_fill(f, 24, e) < 0)
		return -1;
	const uint8_t *p = feed_at(f);
	size_t left = feed_left(f), at = 8;
	if (left < 4)
		return cut_short(z, f);
	uint32_t size = get_be32(p);
	if (!size) {
		feed_take(f, 4);
		*done = true;
		return 0;
	}
	if (left < 8)
		return cut_short(z, f);
	z->plain_size = size;
	z->packed_size = get_be32(p + 4);
	if (z->plain_size > BLOCK_MAX)
		return corrupt(e, "a block of an impossible size");
	if (!z->packed_size || z->packed_size > z->plain_size)
		return corrupt(e, "a block that is larger than its content");
	static const uint32_t flags[] = {FLAG_ADLER_PLAIN, FLAG_CRC_PLAIN, FLAG_ADLER_PACKED, FLAG_CRC_PACKED};
	for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
		/* What was stored as it is has one set of checksums. */
		if (!(z->flags & flags[i]) || (i >= 2 && z->packed_size == z->plain_size))
			continue;
		if (left < at + 4)
			return cut_short(z, f);
		z->sums[i] = get_be32(p + at);
		at += 4;
	}
	feed_take(f, at);
	z->packed_have = z->given = 0;
	z->in_block = true;
	if (room_for(&z->packed, &z->packed_room, z->packed_size, e) < 0 ||
	    room_for(&z->plain, &z->plain_room, z->plain_size, e) < 0)
		return -1;
	return 1;
}

static bool sums_hold(const struct lzo *z, size_t first, uint32_t adler, uint32_t crc, const uint8_t *p, size_t len)
{
	return (!(z->flags & adler) || lzo_adler32(1, p, len) == z->sums[first]) &&
	       (!(z->flags & crc) || lzo_crc32(0, p, len) == z->sums[first + 1]);
}

static int block_end(struct lzo *z, struct error *e)
{
	lzo_uint n = z->plain_size;
	if (z->packed_size == z->plain_size) {
		memcpy(z->plain, z->packed, z->plain_size);
	} else {
		if (!sums_hold(z, 2, FLAG_ADLER_PACKED, FLAG_CRC_PACKED, z->packed, z->packed_size))
			return corrupt(e, "the checksum of a compressed block does not match");
		if (lzo1x_decompress_safe(z->packed, z->packed_size, z->plain, &n, NULL) != LZO_E_OK ||
		    n != z->plain_size)
			return corrupt(e, "a block can't be decompressed");
	}
	if (!sums_hold(z, 0, FLAG_ADLER_PLAIN, FLAG_CRC_PLAIN, z->plain, z->plain_size))
		return corrupt(e, "the checksum of a block does not match");
	return 0;
}

static ssize_t lzo_decode(void *self, struct feed *f, void *buf, size_t cap, bool *done, struct error *e)
{
	struct lzo *z = self;
	if (z->cut)
		return 0;
	if (!z->in_block) {
		int rc = block_begin(z, f, done, e);
		if (rc <= 0)
			return rc;
	}
	while (z->packed_have < z->packed_size) {
		if (feed_fill(f, 1, e) < 0)
			return -1;
		size_t n = feed_left(f), want = z->packed_size - z->packed_have;
		if (!n)
			return cut_short(z, f);
		n = n < want ? n : want;
		memcpy(z->packed + z->packed_have, feed_at(f), n);
		feed_take(f, n);
		z->packed_have += n;
		if (z->packed_have == z->packed_size && block_end(z, e) < 0)
			return -1;
	}
	size_t n = z->plain_size - z->given;
	n = n < cap ? n : cap;
	memcpy(buf, z->plain + z->given, n);
	z->given += n;
	z->in_block = z->given < z->plain_size;
	return (ssize_t)n;
}

MEMBER_DECODE(lzo_stream, .codec = "lzop", .unit = "member", .size = sizeof(struct lzo),
	      .init = lzo_begin_all, .begin = lzo_begin,
	      .decode = lzo_decode, .destroy = lzo_end)
#define DECODE lzo_stream
#else
#define DECODE NULL
#endif

const struct format codec_lzop = MEMBER_ROW("lzop", bid, DECODE, NULL, ".lzo");
