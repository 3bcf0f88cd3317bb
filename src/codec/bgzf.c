// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * BGZF (SAM/BAM format specification, 4.1) at random: gzip members of at most 64 KiB, each with its own length in the
 * field "BC" of its header. What it decodes to is in its trailer, as in every gzip file.
 */
#include "gzip.h"
#include "random.h"

#ifdef HAVE_LIBDEFLATE
#include <libdeflate.h>
#define HAVE_INFLATE
#elif defined(HAVE_ZLIB)
#include <zlib.h>
#define HAVE_INFLATE
#endif

#ifdef HAVE_INFLATE
#define FIXED_HEADER 12 /* with XLEN */
#define TRAILER 8
#define FEXTRA 0x04
#define EXTRA_MAX 256
#define CONTENT_MAX (64 * KIB)

/* The end of the member that marks the end of a file: an empty deflate block, its CRC-32 and its size. */
#define EMPTY 10
#define EMPTY_LENGTH 28
static const uint8_t empty[EMPTY] = {3};

/* The length of a whole member by its header; 0: another kind of member. */
static uint32_t member_length(const uint8_t *p, size_t got)
{
	/* With a name or a comment it is none of BGZF's. */
	if (got < FIXED_HEADER || p[0] != 0x1f || p[1] != 0x8b || p[2] != 8 || p[3] != FEXTRA)
		return 0;
	size_t end = FIXED_HEADER + (size_t)get_le16(p + 10);
	if (end > got)
		return 0;
	size_t length = bgzf_length(p + FIXED_HEADER, end - FIXED_HEADER);
	return length < end + 2 + TRAILER ? 0 : (uint32_t)length;
}

/* 1, 0, -1 as in random.h. */
static int walk_members(struct look *l, struct frames *x, struct error *e)
{
	uint64_t size = source_size(l->src), at = 0;
	size_t got;
	while (at < size) {
		const uint8_t *p = look_at(l, at, FIXED_HEADER + 6, &got, e);
		if (p && got >= FIXED_HEADER && get_le16(p + 10) > 6 && get_le16(p + 10) <= EXTRA_MAX)
			p = look_at(l, at, FIXED_HEADER + EXTRA_MAX, &got, e);
		if (!p)
			return -1;
		if (got < 2 || p[0] != 0x1f || p[1] != 0x8b) {
			if (!at)
				return 0;
			return error_set(e, ERROR_CORRUPT, (int64_t)at,
					 "gzip: no member begins at byte %llu: the one before it ends there",
					 (unsigned long long)at);
		}
		uint32_t length = member_length(p, got);
		if (!length)
			return 0;
		if (length > size - at)
			return error_set(e, ERROR_CORRUPT, (int64_t)at,
					 "gzip: the data ends inside the member from byte %llu",
					 (unsigned long long)at);
		/* What follows the trailer is wanted next. */
		p = look_at(l, at + length - EMPTY, EMPTY, &got, e);
		if (!p)
			return -1;
		struct frames_piece piece = {.stored = at, .stored_length = length, .length = get_le32(p + EMPTY - 4)};
		/* Nobody reads what is empty: so it has to be the one empty member that there is. */
		if (piece.length ? piece.length > CONTENT_MAX : memcmp(p, empty, EMPTY) || length != EMPTY_LENGTH)
			return 0;
		int rc = frames_add(x, &piece, e);
		if (rc <= 0)
			return rc;
		x->units++;
		at += length;
	}
	return 1;
}

/* Decodes one member at the beginning of `in`: *taken of it, *made bytes. NULL, or what is wrong. */
#ifdef HAVE_LIBDEFLATE
static void *inflate_open(struct error *e)
{
	struct libdeflate_decompressor *d = libdeflate_alloc_decompressor();
	if (!d)
		error_nomem(e);
	return d;
}

static void inflate_close(void *decoder)
{
	libdeflate_free_decompressor(decoder);
}

static const char *inflate_member(void *decoder, const uint8_t *in, size_t length, uint8_t *out, size_t room,
				  size_t *taken, size_t *made)
{
	static const char *const words[] = {
		[LIBDEFLATE_BAD_DATA] = "the data, or its CRC-32, is damaged",
		[LIBDEFLATE_SHORT_OUTPUT] = "the content is shorter than the trailer says",
		[LIBDEFLATE_INSUFFICIENT_SPACE] = "the content is longer than the trailer says",
	};
	return words[libdeflate_gzip_decompress_ex(decoder, in, length, out, room, taken, made)];
}
#else
static void *inflate_open(struct error *e)
{
	z_stream *z = calloc(1, sizeof *z);
	if (z && inflateInit2(z, 16 + 15) == Z_OK)
		return z;
	free(z);
	error_nomem(e);
	return NULL;
}

static void inflate_close(void *decoder)
{
	inflateEnd(decoder);
	free(decoder);
}

static const char *inflate_member(void *decoder, const uint8_t *in, size_t length, uint8_t *out, size_t room,
				  size_t *taken, size_t *made)
{
	z_stream *z = decoder;
	uint8_t none;
	inflateReset(z);
	z->next_in = (uint8_t *)in;
	z->avail_in = (unsigned)length;
	z->next_out = room ? out : &none;
	z->avail_out = (unsigned)room;
	int rc = inflate(z, Z_FINISH);
	*taken = length - z->avail_in;
	*made = room - z->avail_out;
	return rc == Z_STREAM_END ? NULL : rc == Z_BUF_ERROR ? "the content is longer than the trailer says"
							      : "the data, or its CRC-32, is damaged";
}
#endif

static int bgzf_decode(void *decoder, const struct frames_piece *p, const uint8_t *in, uint8_t *out, struct error *e)
{
	size_t at = 0, done = 0, taken = 0, made = 0;
	while (at < p->stored_length) {
		size_t left = p->stored_length - at;
		uint32_t length = member_length(in + at, left);
		const char *wrong = "this member is another than when it was looked at first";
		if (length && length <= left)
			wrong = inflate_member(decoder, in + at, length, out + done, p->length - done, &taken, &made);
		if (wrong)
			return error_set(e, ERROR_CORRUPT, (int64_t)at, "%s", wrong);
		if (taken != length)
			return error_set(e, ERROR_CORRUPT, (int64_t)at, "the member is %zu bytes, its header says %u",
					 taken, length);
		at += taken;
		done += made;
	}
	if (done != p->length)
		return error_set(e, ERROR_CORRUPT, 0, "the content is %zu bytes, the trailers say %u", done, p->length);
	return 0;
}

static const struct frames_ops ops = {"gzip", "member", inflate_open, bgzf_decode, inflate_close};

int bgzf_open_random(struct source *stored, struct source **out, struct error *e)
{
	struct look l = {.src = stored};
	autoframes struct frames x = {.ops = &ops, .merge = true};
	int rc = walk_members(&l, &x, e);
	return rc > 0 ? random_open(stored, &x, out, e) : rc;
}
#else
int bgzf_open_random(struct source *stored, struct source **out, struct error *e)
{
	(void)stored, (void)out, (void)e;
	return 0;
}
#endif
