// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * For every codec: what is cut, followed by something, too large or not readable to its end never
 * finishes, and the error says which it was and where.
 */
#include "codec_make.h"

/* For each codec: two members of different make, for what is done to them below. */
static const struct pair {
	const struct format *codec;
	const char *first, *second;
} pairs[] = {
    {&codec_zstd, "zstd -qc", "zstd -qc <"},
    {&codec_gzip, "gzip -c", "gzip -nc"},
    {&codec_xz, "xz -c", "xz -T2 --block-size=100 -c"},
    {&codec_lz4, "lz4 -qc", "lz4 -qc -B4 -BX --no-frame-crc"},
    {&codec_bzip2, "bzip2 -c", "bzip2 -1c"},
    {&codec_lzop, "lzop -c", "lzop -9 -C -c <"},
};

static void make_pair(const struct pair *p, struct bytes *first, struct bytes *both)
{
	char command[128];
	autobytes struct bytes second = {0};
	both->length = 0;
	snprintf(command, sizeof command, "%s $A", p->first);
	make(command, "tiny", first);
	snprintf(command, sizeof command, "%s $B", p->second);
	make(command, "tiny", &second);
	bytes_put(both, first->data, first->length);
	bytes_put(both, second.data, second.length);
}

#define EACH_PAIR(p, row)                                                                          \
	const struct format *rows_[3];                                                             \
	for (const struct pair *p = pairs; p < pairs + ARRAY_SIZE(pairs); p++)                     \
		for (size_t v_ = 0, n_ = variants(p->codec, rows_); v_ < n_; v_++)                 \
			for (const struct format *row = rows_[v_]; row; row = NULL)

/* The one cut that no codec can see is that between two members. */
static void every_cut(void)
{
	autobytes struct bytes first = {0}, both = {0}, half = {0};
	load("tiny.a", &half);
	EACH_PAIR(p, row)
	{
		make_pair(p, &first, &both);
		size_t finished = 0;
		for (size_t cut = 0; cut < both.length; cut++)
			for (size_t i = 0; i < 2; i++) {
				struct run r = {row, i ? 1 : MIB, i ? 5 : MIB, false, 0, false, 0};
				struct result got;
				decode_run(&r, both.data, cut, &got);
				if (got.finished) {
					finished++;
					CHECK_INT(cut, first.length);
					CHECK(same_bytes(&got.out, &half));
				} else {
					CHECK(
					    says(&got, ERROR_CORRUPT, cut ? "cut" : "in 0 bytes"));
					CHECK_INT(got.error.offset, cut);
				}
				bytes_free(&got.out);
			}
		CHECK_INT(finished, 2);
	}
}

static void trailing_bytes(void)
{
	static const char junk[] = "\0\0\0\0\0\0\0\0with text behind zeros";
	autobytes struct bytes first = {0}, both = {0}, file = {0}, plain = {0};
	autofree uint8_t *many = calloc(1, 300001);
	NEED(many);
	load("tiny", &plain);
	EACH_PAIR(p, row)
	{
		bool pads = row == &codec_xz;
		const struct tail {
			const void *data;
			size_t length;
			bool padding;
		} tails[] = {
		    {"x", 1, false},	   {"\n", 1, false},	       {"\0", 1, false},
		    {"\0\0\0\0", 4, true}, {many, 512, true},	       {many, 300000, true},
		    {many, 300001, false}, {junk, sizeof junk, false}, {"not a member", 12, false}};
		make_pair(p, &first, &both);
		for (size_t i = 0; i < ARRAY_SIZE(tails); i++)
			for (size_t s = 0; s < ARRAY_SIZE(sizes); s += 2) {
				struct run r = {row, sizes[s], 4096, false, 0, false, 0};
				struct result got;
				file.length = 0;
				bytes_put(&file, both.data, both.length);
				bytes_put(&file, tails[i].data, tails[i].length);
				decode_run(&r, file.data, file.length, &got);
				CHECK(same_bytes(&got.out, &plain));
				if (pads && tails[i].padding) {
					CHECK(got.finished);
				} else {
					CHECK(says(&got, ERROR_CORRUPT, "trailing"));
					/* Padding is allowed in xz: what is wrong begins behind it.
					 */
					if (!pads)
						CHECK_INT(got.error.offset, both.length);
				}
				bytes_free(&got.out);
			}
	}
}

/* Members of another codec are trailing bytes too. */
static void mixed_codecs(void)
{
	autobytes struct bytes first = {0}, both = {0}, file = {0};
	EACH_PAIR(p, row)
	{
		const struct pair *other = p + 1 < pairs + ARRAY_SIZE(pairs) ? p + 1 : pairs;
		struct run r = {row, 0, 0, false, 0, false, 0};
		struct result got;
		file.length = 0;
		make_pair(p, &first, &both);
		bytes_put(&file, both.data, both.length);
		size_t end = both.length;
		if (!other->codec->decode)
			continue;
		make_pair(other, &first, &both);
		bytes_put(&file, both.data, both.length);
		decode_run(&r, file.data, file.length, &got);
		CHECK(says(&got, ERROR_CORRUPT, "trailing"));
		CHECK_INT(got.error.offset, end);
		bytes_free(&got.out);
		decode_run(&r, both.data, both.length, &got);
		CHECK(says(&got, ERROR_CORRUPT, "begins with no"));
		bytes_free(&got.out);
	}
}

static void upstream_failures(void)
{
	autobytes struct bytes first = {0}, both = {0};
	EACH_PAIR(p, row)
	{
		make_pair(p, &first, &both);
		for (size_t at = 1; at <= both.length; at++) {
			struct run r = {row, 13, 64, at % 16 == 0, at, false, 0};
			struct result got;
			decode_run(&r, both.data, both.length, &got);
			CHECK(says(&got, ERROR_IO, "made to fail"));
			CHECK_INT(got.error.offset, at);
			bytes_free(&got.out);
		}
		struct run r = {row, 0, 0, false, 0, true, 0};
		struct result got;
		decode_run(&r, both.data, both.length, &got);
		CHECK(says(&got, ERROR_BUSY, "made to change"));
		bytes_free(&got.out);
	}
}

/* A reader that leaves in the middle leaves nothing behind (sanitizers look), and no proof. */
static void left_early(void)
{
	autobytes struct bytes first = {0}, both = {0};
	EACH_PAIR(p, row)
	{
		make_pair(p, &first, &both);
		for (size_t limit = 1; limit < 200; limit += 33) {
			struct run r = {row, 11, 3, limit % 2 == 0, 0, false, limit};
			struct result got;
			decode_run(&r, both.data, both.length, &got);
			CHECK(!got.finished);
			if (!r.ahead) /* else the codec has finished in its thread */
				CHECK_INT(got.info.members, 0);
			bytes_free(&got.out);
		}
	}
}

/* A frame that says 16 bytes and ends with an empty block: libzstd 1.5.4 sees it in one of its two
 * ways of decoding. Once with the checksum of nothing, once without any. */
static void zstd_content_size(void)
{
	static const uint8_t frames[][13] = {
	    {0x28, 0xb5, 0x2f, 0xfd, 0x24, 16, 1, 0, 0, 0x99, 0xe9, 0xd8, 0x51},
	    {0x28, 0xb5, 0x2f, 0xfd, 0x20, 16, 1, 0, 0},
	};
	for (size_t i = 0; i < 2; i++)
		for (size_t s = 0; s < ARRAY_SIZE(sizes); s++)
			for (size_t c = 0; c < ARRAY_SIZE(sizes); c++) {
				struct run r = {&codec_zstd, sizes[s], sizes[c], false,
						0,	     false,    0};
				struct result got;
				decode_run(&r, frames[i], i ? 9 : 13, &got);
				CHECK(says(&got, ERROR_CORRUPT, ""));
				bytes_free(&got.out);
			}
}

static void wide_windows(void)
{
	autobytes struct bytes file = {0};
	struct run r = {&codec_zstd, 0, 0, false, 0, false, 0};
	struct result got;
	make("zstd -qc --long=30 <$P", "small", &file);
	decode_run(&r, file.data, file.length, &got);
	CHECK(says(&got, ERROR_LIMIT, "window of 1024 MiB"));
	bytes_free(&got.out);
	make("zstd -qc --long=28 <$P", "small", &file);
	decode_run(&r, file.data, file.length, &got);
	CHECK(got.finished);
	bytes_free(&got.out);
	if (!codec_xz.decode)
		return;
	r.codec = &codec_xz;
	make("xz -c --lzma2=dict=257MiB $P", "small", &file);
	decode_run(&r, file.data, file.length, &got);
	CHECK(!got.finished);
	make("xz -c --lzma2=dict=768MiB $P", "small", &file);
	bytes_free(&got.out);
	decode_run(&r, file.data, file.length, &got);
	CHECK(says(&got, ERROR_LIMIT, "of memory"));
	bytes_free(&got.out);
	make("xz -c --lzma2=dict=256MiB $P", "small", &file);
	decode_run(&r, file.data, file.length, &got);
	CHECK(got.finished);
	bytes_free(&got.out);
}

int main(void)
{
	work_begin();
	RUN(every_cut);
	RUN(trailing_bytes);
	RUN(mixed_codecs);
	RUN(upstream_failures);
	RUN(left_early);
	RUN(zstd_content_size);
	RUN(wide_windows);
	work_end();
	return test_done();
}
