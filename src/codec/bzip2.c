// SPDX-License-Identifier: GPL-3.0-or-later
/* bzip2: streams of blocks, each with a CRC, by libbz2. */
#include "member.h"
#include "rows.h"

#define HEADER_SIZE 4 /* "BZh" and the block size, 1 to 9 times 100,000 bytes */
#define MARK_SIZE 6   /* then a block, or the end of the stream at once */
static const uint8_t block[MARK_SIZE] = {0x31, 0x41, 0x59, 0x26, 0x53, 0x59};

static int bid(const struct probe *p)
{
	static const uint8_t end[MARK_SIZE] = {0x17, 0x72, 0x45, 0x38, 0x50, 0x90};
	const uint8_t *h = p->head;
	if (p->head_length < HEADER_SIZE + MARK_SIZE || memcmp(h, "BZh", 3) || h[3] < '1' ||
	    h[3] > '9')
		return 0;
	return memcmp(h + HEADER_SIZE, block, MARK_SIZE) && memcmp(h + HEADER_SIZE, end, MARK_SIZE)
		   ? 0
		   : 95;
}

#ifdef HAVE_BZ2
#include <bzlib.h>

struct bzip2 {
	bz_stream bz;
	bool started;
};

static int bzip2_init(void *self, struct error *e)
{
	(void)self;
	(void)e;
	return 0;
}

static void bzip2_destroy(void *self)
{
	struct bzip2 *b = self;
	if (b->started)
		BZ2_bzDecompressEnd(&b->bz);
	b->started = false;
}

static int failed(int rc, struct error *e)
{
	switch (rc) {
	case BZ_MEM_ERROR:
		return error_nomem(e);
	case BZ_DATA_ERROR:
		return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "data integrity error");
	case BZ_DATA_ERROR_MAGIC:
		return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "bad magic number");
	default:
		return error_set(e, ERROR_INTERNAL, ERROR_NO_OFFSET, "libbz2 says %d", rc);
	}
}

static enum begun bzip2_begin(void *self, struct feed *f, bool first, struct error *e)
{
	struct bzip2 *b = self;
	(void)first;
	if (feed_fill(f, HEADER_SIZE, e) < 0)
		return BEGUN_FAILED;
	const uint8_t *p = feed_at(f);
	size_t left = feed_left(f);
	if (memcmp(p, "BZh", left < 3 ? left : 3))
		return BEGUN_FOREIGN;
	if (left < HEADER_SIZE)
		return BEGUN_CUT;
	bzip2_destroy(b);
	memset(&b->bz, 0, sizeof b->bz);
	int rc = BZ2_bzDecompressInit(&b->bz, 0, 0);
	if (rc != BZ_OK) {
		failed(rc, e);
		return BEGUN_FAILED;
	}
	b->started = true;
	return BEGUN_CONTENT;
}

static ssize_t bzip2_decode(void *self, struct feed *f, void *buf, size_t cap, bool *done,
			    struct error *e)
{
	bz_stream *bz = &((struct bzip2 *)self)->bz;
	bz->next_in = (char *)feed_at(f);
	bz->avail_in = (unsigned)feed_left(f);
	bz->next_out = buf;
	bz->avail_out = (unsigned)cap;
	int rc = BZ2_bzDecompress(bz);
	feed_take(f, feed_left(f) - bz->avail_in);
	if (rc != BZ_OK && rc != BZ_STREAM_END)
		return failed(rc, e);
	*done = rc == BZ_STREAM_END;
	return (ssize_t)(cap - bz->avail_out);
}

static bool begins_stream(const uint8_t *p)
{
	return !memcmp(p, "BZh", 3) && p[3] >= '1' && p[3] <= '9' && !memcmp(p + HEADER_SIZE, block, MARK_SIZE);
}

/* Streams that are longer are decoded in passing. */
#define GUESS_MAX (4 * MIB)
/* A decoder's tables for blocks of 900,000 bytes. */
#define DECODER_SIZE (4 * MIB)

/*
 * Where the next stream begins is a guess (pbzip2 writes one for each 900,000 bytes or so): where this one ends is
 * seen when it has been decoded.
 */
static enum split bzip2_split(void *self, bool inside, const uint8_t *p, size_t len, bool ended, struct unit *u)
{
	const size_t magic = HEADER_SIZE + MARK_SIZE;
	(void)self;
	if (inside || (len >= magic && !begins_stream(p)))
		return SPLIT_NONE;
	size_t at = u->looked < magic ? magic : u->looked;
	bool found = false;
	while (!found && at + magic <= len && at <= GUESS_MAX) {
		const uint8_t *next = memchr(p + at, 'B', len - at - magic + 1);
		found = next && begins_stream(next);
		at = next ? (size_t)(next - p) + !found : len - magic + 1;
	}
	u->looked = at;
	if (!found && at > GUESS_MAX)
		return SPLIT_NONE;
	if (!found && !ended)
		return SPLIT_MORE;
	u->length = found ? at : len;
	/* Mostly it is one block, of so many bytes before the runs in them were shortened. */
	u->room = (size_t)(p[3] - '0') * 100000;
	u->room = 64 * KIB + (u->room > 4 * u->length ? u->room : 4 * u->length);
	u->work = DECODER_SIZE;
	return len < magic ? SPLIT_NONE : SPLIT_UNIT;
}

MEMBER_DECODE(bzip2_stream, .codec = "bzip2", .unit = "stream", .size = sizeof(struct bzip2),
	      .init = bzip2_init, .begin = bzip2_begin,
	      .decode = bzip2_decode, .destroy = bzip2_destroy, .split = bzip2_split)
#define DECODE bzip2_stream
#else
#define DECODE NULL
#endif

/* .tbz2 and .tbz hide a tar: the stem has no .tar, so its content must be asked. */
const struct format codec_bzip2 = MEMBER_ROW("bzip2", bid, DECODE, NULL, ".bz2", ".tbz2", ".tbz");
