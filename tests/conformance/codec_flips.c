// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Flips every bit of a small file of two or three members, one at a time. Each must make the codec
 * fail, but for the bits listed here: they say nothing of the content, and it comes out the same.
 */
#include "../../src/codec/gzip.h"
#include "../../src/codec/rows.h"
#include "codec_support.h"
#include "test.h"

struct free_bits {
	size_t first, last; /* bytes */
	uint8_t mask;
	bool perhaps; /* a newer library may refuse them */
	const char *why;
};

static const struct free_bits zstd_bits[] = {
    {4, 4, 0x10, false, "frame header descriptor: the unused bit, to be ignored (RFC 8878)"},
    {4, 4, 0x20, false, "single segment: off, the byte of the content size is one for a window"},
    {63, 63, 0x03, true, "sequences: two reserved bits of the compression modes"},
    {78, 78, 0x0f, false, "skippable frame: which of the sixteen magics"},
    {86, 89, 0xff, false, "skippable frame: the user's data"},
    {94, 94, 0x10, false, "second frame: the unused bit"},
    {95, 95, 0x7f, false, "second frame: a window of another size, large enough"},
    {0, 0, 0, false, NULL},
};
static const struct free_bits gzip_bits[] = {
    {3, 3, 0x01, false, "FTEXT, a hint"},
    {4, 9, 0xff, false, "MTIME, XFL and OS"},
    {10, 10, 0xff, false, "the name, \"a\" (no flip makes it NUL)"},
    {68, 68, 0xfe, false, "the bits between the last deflate block and the trailer"},
    {80, 80, 0x01, false, "second member: FTEXT"},
    {81, 86, 0xff, false, "second member: MTIME, XFL and OS"},
    {160, 160, 0xfe, false, "second member: the bits before the trailer"},
    {0, 0, 0, false, NULL},
};
/* FHCRC covers the whole header. */
static const struct free_bits gzip_options_bits[] = {
    {107, 107, 0xfe, false, "the bits between the last deflate block and the trailer"},
    {0, 0, 0, false, NULL},
};
static const struct free_bits xz_bits[] = {{0, 0, 0, false, NULL}};
static const struct free_bits lz4_bits[] = {
    {66, 66, 0x0f, false, "the last token's match length: a last sequence has no match"},
    {84, 84, 0x0f, false, "skippable frame: which of the sixteen magics"},
    {92, 95, 0xff, false, "skippable frame: the user's data"},
    {0, 0, 0, false, NULL},
};
static const struct free_bits bzip2_bits[] = {
    {3, 3, 0x09, false, "block size 8 or 1 for 9: the block is smaller than any"},
    {14, 14, 0x80, false, "\"randomised\": changes nothing in blocks of less than 618 bytes"},
    {91, 91, 0x1f, false, "the bits behind the stream's CRC"},
    {95, 95, 0x0e, false, "second stream: block size 3, 5 or 9 for 1"},
    {106, 106, 0x80, false, "second stream: \"randomised\""},
    {202, 202, 0x7f, false, "second stream: the bits behind its CRC"},
    {0, 0, 0, false, NULL},
};

static const struct free_bits lzop_bits[] = {
    {124, 124, 0x06, true, "how long the match is that ends a block: it has no distance"},
    {125, 125, 0x03, true, "the same"},
    {0, 0, 0, false, NULL},
};

static const struct free_bits *find(const struct free_bits *list, size_t byte, uint8_t bit)
{
	for (; list->why; list++)
		if (byte >= list->first && byte <= list->last && list->mask & bit)
			return list;
	return NULL;
}

static void flip_all(const struct format *codec, const char *file, const struct free_bits *list)
{
	autobytes struct bytes b = {0};
	struct run r = {codec, 0, 0, false, 0, false, 16 * MIB};
	struct result good, got;
	if (!codec->decode)
		return;
	NEED(bytes_load(&b, file) == 0);
	decode_run(&r, b.data, b.length, &good);
	CHECK(good.finished);
	for (size_t i = 0; i < b.length * 8; i++) {
		uint8_t bit = (uint8_t)(1u << (i % 8));
		const struct free_bits *f = find(list, i / 8, bit);
		b.data[i / 8] ^= bit;
		r.step = i % 3 ? 0 : 5;
		decode_run(&r, b.data, b.length, &got);
		b.data[i / 8] ^= bit;
		bool right = got.finished ? f && same_bytes(&got.out, &good.out) : !f || f->perhaps;
		if (got.finished && (got.info.members != good.info.members || got.info.unchecked != good.info.unchecked))
			right = false;
		/* Damage is never taken for a fault of the medium or of this program. */
		if (!got.finished && (got.error.cls == ERROR_IO || got.error.cls == ERROR_INTERNAL))
			right = false;
		if (!right)
			fprintf(stderr, "%s: byte %zu, bit %zu: %s\n", file, i / 8, i % 8,
				got.finished ? "finished" : got.error.text);
		CHECK(right);
		bytes_free(&got.out);
	}
	bytes_free(&good.out);
}

static void zstd_flips(void)
{
	flip_all(&codec_zstd, "fixtures/codec/members.zst", zstd_bits);
}

static void gzip_flips(void)
{
#ifdef HAVE_LIBISAL
	flip_all(&codec_gzip_isal, "fixtures/codec/members.gz", gzip_bits);
	flip_all(&codec_gzip_isal, "fixtures/codec/options.gz", gzip_options_bits);
#endif
#ifdef HAVE_ZLIB
	flip_all(&codec_gzip_zlib, "fixtures/codec/members.gz", gzip_bits);
	flip_all(&codec_gzip_zlib, "fixtures/codec/options.gz", gzip_options_bits);
#endif
	CHECK(gzip_bits[0].why && gzip_options_bits[0].why);
}

static void xz_flips(void)
{
	flip_all(&codec_xz, "fixtures/codec/members.xz", xz_bits);
}

static void lz4_flips(void)
{
	flip_all(&codec_lz4, "fixtures/codec/members.lz4", lz4_bits);
}

static void bzip2_flips(void)
{
	flip_all(&codec_bzip2, "fixtures/codec/members.bz2", bzip2_bits);
}

static void lzop_flips(void)
{
	flip_all(&codec_lzop, "fixtures/codec/members.lzo", lzop_bits);
}

int main(void)
{
	RUN(zstd_flips);
	RUN(gzip_flips);
	RUN(xz_flips);
	RUN(lz4_flips);
	RUN(bzip2_flips);
	RUN(lzop_flips);
	return test_done();
}
