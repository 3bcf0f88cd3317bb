// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * .xz (The .xz File Format 1.1.0) by liblzma. Streams are told apart here rather than by the
 * library's LZMA_CONCATENATED, so that each one's check type is known and trailing bytes have an
 * exact offset.
 */
#include "member.h"
#include "random.h"
#include "rows.h"
#include "xz_blocks.h"

static const uint8_t magic[6] = {0xfd, '7', 'z', 'X', 'Z', 0};

static int bid(const struct probe *p)
{
	if (p->head_length < XZ_HEADER_SIZE || memcmp(p->head, magic, sizeof magic))
		return 0;
	return p->head[6] == 0 && p->head[7] < 16 ? 95 : 40;
}

#ifdef HAVE_LIBLZMA
/* Two threads for the blocks of 24 MiB that xz -6 makes, and more where they are smaller. */
#define MEMORY_THREADS (160 * MIB)
#define THREADS_MAX 64
/* What blocks on all cores may take where it is not the library that decodes them. */
#define BLOCKS_MEMORY (48 * MIB)

struct xz {
	lzma_stream lzma;
	bool by_blocks; /* of the present stream: not lzma, but */
	struct xz_blocks blocks;
};

static int xz_init(void *self, struct error *e)
{
	struct xz *x = self;
	(void)e;
	x->lzma = (lzma_stream)LZMA_STREAM_INIT;
	x->blocks.lzma = (lzma_stream)LZMA_STREAM_INIT;
	return 0;
}

static void xz_destroy(void *self)
{
	struct xz *x = self;
	lzma_end(&x->lzma);
	xz_blocks_free(&x->blocks);
}

static const char *lzma_text(lzma_ret rc)
{
	switch (rc) {
	case LZMA_DATA_ERROR:
		return "compressed data is corrupt";
	case LZMA_FORMAT_ERROR:
		return "file format not recognized";
	case LZMA_OPTIONS_ERROR:
		return "unsupported options in a header";
	case LZMA_UNSUPPORTED_CHECK:
		return "unsupported type of integrity check";
	case LZMA_BUF_ERROR:
		return "no progress is possible";
	case LZMA_MEM_ERROR:
		return "out of memory";
	default:
		return "unexpected answer of the decoder";
	}
}

int xz_failed(lzma_ret rc, struct error *e)
{
	enum error_class cls = ERROR_INTERNAL;
	switch (rc) {
	case LZMA_OPTIONS_ERROR:
	case LZMA_UNSUPPORTED_CHECK:
		cls = ERROR_UNSUPPORTED;
		break;
	case LZMA_DATA_ERROR:
	case LZMA_FORMAT_ERROR:
	case LZMA_BUF_ERROR:
		cls = ERROR_CORRUPT;
		break;
	default:
		break;
	}
	return error_set(e, cls, ERROR_NO_OFFSET, "%s (lzma %d)", lzma_text(rc), (int)rc);
}

static int failed(struct xz *x, lzma_ret rc, struct error *e)
{
	if (rc != LZMA_MEMLIMIT_ERROR)
		return xz_failed(rc, e);
	return error_set(e, ERROR_LIMIT, ERROR_NO_OFFSET, "wants %llu MiB of memory, more than %llu",
			 (unsigned long long)(lzma_memusage(&x->lzma) / MIB),
			 (unsigned long long)(XZ_MEMORY_MAX / MIB));
}

static lzma_ret start_decoder(lzma_stream *s)
{
#if LZMA_VERSION >= UINT32_C(50040002) /* 5.4.0: the first stable one with the threaded decoder */
	unsigned width = codec_width();
	lzma_mt mt = {
	    .threads = width < THREADS_MAX ? width : THREADS_MAX,
	    .memlimit_threading = MEMORY_THREADS,
	    .memlimit_stop = XZ_MEMORY_MAX,
	};
	return lzma_stream_decoder_mt(s, &mt);
#else
	return lzma_stream_decoder(s, XZ_MEMORY_MAX, 0);
#endif
}

/* Stream padding: zeros, a multiple of four of them. */
static enum begun take_padding(struct feed *f, struct error *e)
{
	do {
		size_t n = feed_left(f) & ~(size_t)3;
		if (!is_zero(feed_at(f), n))
			for (n = 0; get_le32(feed_at(f) + n) == 0;)
				n += 4;
		if (!n)
			return *feed_at(f) ? BEGUN_PADDING : BEGUN_FOREIGN;
		feed_take(f, n);
		if (feed_fill(f, 4, e) < 0)
			return BEGUN_FAILED;
	} while (feed_left(f));
	return BEGUN_PADDING;
}

/*
 * Blocks that tell their sizes, small enough for one on each core, are decoded apart from each other. What is larger
 * the library does better: it may take more memory, and needs no whole block in it.
 */
static int begin_blocks(struct xz *x, struct feed *f, const lzma_stream_flags *flags, struct error *e)
{
	struct unit u = {0};
	x->by_blocks = false;
	if (feed_fill(f, XZ_HEADER_SIZE + LZMA_BLOCK_HEADER_SIZE_MAX, e) < 0)
		return -1;
	size_t left = feed_left(f) - XZ_HEADER_SIZE;
	enum split s = xz_block_look(flags->check, feed_at(f) + XZ_HEADER_SIZE, left, &u);
	/* More than the header is not asked for: it has told. */
	if ((s != SPLIT_UNIT && (s != SPLIT_MORE || !u.room)) || u.length + u.room + u.work > UNIT_ROOM ||
	    (u.length + u.room + u.work) * codec_width() > BLOCKS_MEMORY)
		return 0;
	x->by_blocks = true;
	feed_take(f, XZ_HEADER_SIZE);
	return xz_blocks_begin(&x->blocks, flags, e);
}

static enum begun xz_begin(void *self, struct feed *f, bool first, struct error *e)
{
	struct xz *x = self;
	lzma_stream_flags flags;
	if (feed_fill(f, XZ_HEADER_SIZE, e) < 0)
		return BEGUN_FAILED;
	const uint8_t *p = feed_at(f);
	size_t left = feed_left(f);
	if (*p == 0 && !first)
		return take_padding(f, e);
	if (memcmp(p, magic, left < sizeof magic ? left : sizeof magic))
		return BEGUN_FOREIGN;
	if (left < XZ_HEADER_SIZE)
		return BEGUN_CUT;
	lzma_ret rc = lzma_stream_header_decode(&flags, p);
	if (rc == LZMA_OK && !lzma_check_is_supported(flags.check))
		rc = LZMA_UNSUPPORTED_CHECK;
	if (rc == LZMA_OK && begin_blocks(x, f, &flags, e) < 0)
		return BEGUN_FAILED;
	if (rc == LZMA_OK && !x->by_blocks)
		rc = start_decoder(&x->lzma);
	if (rc != LZMA_OK) {
		failed(x, rc, e);
		return BEGUN_FAILED;
	}
	return flags.check == LZMA_CHECK_NONE ? BEGUN_UNCHECKED : BEGUN_CONTENT;
}

lzma_ret xz_step(lzma_stream *s, struct feed *f, void *buf, size_t cap, size_t *made)
{
	lzma_ret rc;
	s->next_in = feed_at(f);
	s->avail_in = feed_left(f);
	s->next_out = buf;
	s->avail_out = cap;
	/* The library answers a second call without progress with LZMA_BUF_ERROR. */
	do
		rc = lzma_code(s, f->ended ? LZMA_FINISH : LZMA_RUN);
	while (rc == LZMA_OK && s->avail_out == cap && s->avail_in == feed_left(f));
	feed_take(f, feed_left(f) - s->avail_in);
	*made = cap - s->avail_out;
	return rc;
}

static ssize_t xz_decode(void *self, struct feed *f, void *buf, size_t cap, bool *done,
			 struct error *e)
{
	struct xz *x = self;
	size_t made;
	if (x->by_blocks)
		return xz_blocks_decode(&x->blocks, f, buf, cap, done, e);
	lzma_ret rc = xz_step(&x->lzma, f, buf, cap, &made);
	ssize_t n = (ssize_t)made;
	*done = rc == LZMA_STREAM_END;
	if (rc == LZMA_OK || rc == LZMA_STREAM_END)
		return n;
	if (rc == LZMA_BUF_ERROR && !feed_left(f) && f->ended)
		return n; /* member.c says that it is cut */
	return failed(x, rc, e);
}

static enum split xz_split(void *self, bool inside, const uint8_t *p, size_t len, bool ended, struct unit *u)
{
	const struct xz *x = self;
	(void)ended;
	return inside && x->by_blocks ? xz_blocks_split(&x->blocks, p, len, u) : SPLIT_NONE;
}

static void xz_joined(void *self, const struct unit *units, size_t count, const uint8_t *out, size_t len)
{
	struct xz *x = self;
	(void)out, (void)len;
	xz_blocks_joined(&x->blocks, units, count);
}

MEMBER_DECODE(xz_stream, .codec = "xz", .unit = "stream", .size = sizeof(struct xz),
	      .init = xz_init, .begin = xz_begin,
	      .decode = xz_decode, .destroy = xz_destroy, .split = xz_split, .part = xz_blocks_part,
	      .joined = xz_joined)
#define DECODE xz_stream
#else
#define DECODE NULL
#endif

/* .txz hides a tar: the stem has no .tar, so its content must be asked. */
const struct format codec_xz = MEMBER_ROW("xz", bid, DECODE, xz_open_random, ".xz", ".txz");
