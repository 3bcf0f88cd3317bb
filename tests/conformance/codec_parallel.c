// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * What is decoded on many cores is what one thread decodes: bytes, members, and of damage the same words at the
 * same offset after the same content. For files of many members or blocks, whole, damaged, cut and followed by more.
 */
#include "codec_compare.h"
#include "codec_make.h"

struct many {
	const struct format *codec;
	const char *command;
	size_t least; /* members, blocks for lz4 and xz */
};

#define SKIPPABLE "printf 'Q*M\\030\\005\\000\\000\\000hello'; "
#define EACH(size, filter) "split -b " #size " --filter='" filter "' $P"
/* The same frames again, some behind skippable ones and all that is tried at a time, then others. */
#define AGAIN                                                                                      \
	"head -c 30000 /dev/zero | zstd -qc >z; head -c 99 $A | zstd -qc >a; "                     \
	"for i in 1 2 3 4 5 6 7 8 9 10; do cat z z; " SKIPPABLE "cat z; " SKIPPABLE "cat a a; done; cat a z"
/* A member of gzip as bgzip writes it: its own length is in the extra field "BC". */
#define BGZF                                                                                       \
	"python3 -c '\n"                                                                           \
	"import sys, zlib, struct\n"                                                               \
	"data = open(sys.argv[1], \"rb\").read()\n"                                               \
	"for at in [*range(0, len(data), 9000), len(data)]:\n"                                     \
	"    part = data[at:at + 9000]\n"                                                          \
	"    z = zlib.compressobj(6, zlib.DEFLATED, -15)\n"                                        \
	"    body = z.compress(part) + z.flush()\n"                                                \
	"    head = bytes([31, 139, 8, 4, 0, 0, 0, 0, 0, 255, 6, 0, 66, 67, 2, 0])\n"              \
	"    sys.stdout.buffer.write(head + struct.pack(\"<H\", len(body) + 25) + body +\n"        \
	"        struct.pack(\"<II\", zlib.crc32(part), len(part)))\n"                             \
	"' $P"

static const struct many files[] = {
	{&codec_zstd, EACH(20k, "zstd -qc"), 20},
	{&codec_zstd, EACH(20k, "zstd -qc --no-check"), 20},
	{&codec_zstd, "for i in 1 2 3 4 5 6 7; do " SKIPPABLE "zstd -qc $A; zstd -q19c <$B; done", 14},
	{&codec_zstd, AGAIN, 45},
	{&codec_zstd, "pzstd -qc -p4 -1 $P; pzstd -qc -p4 -9 $A", 2},
	{&codec_gzip, EACH(20k, "gzip -c"), 20},
	{&codec_gzip, EACH(33k, "gzip -1nc"), 12},
	{&codec_gzip, "for i in 1 2 3; do gzip -9Nc $A; gzip -c </dev/null; done; gzip -c $B", 7},
	{&codec_gzip, BGZF, 40},
	{&codec_lz4, "lz4 -qc -B4 $P", 1},
	{&codec_lz4, "lz4 -qc -B4 -BX --content-size $P; lz4 -qc -B5 --no-frame-crc $A", 2},
	{&codec_lz4, "for i in 1 2 3 4 5; do " SKIPPABLE "lz4 -qc -B4 -BD $A; lz4 -qc -B4 $P; lz4 -qc </dev/null; done", 15},
	{&codec_lz4, EACH(20k, "lz4 -qc -B4 -BX"), 20},
	{&codec_bzip2, EACH(20k, "bzip2 -c"), 20},
	{&codec_bzip2, "bzip2 -1c $P; bzip2 -c </dev/null; bzip2 -5c $A; bzip2 -1c $B", 4},
	{&codec_xz, "xz -T4 --block-size=20000 -c $P; xz -c $A", 2},
	{&codec_lzop, EACH(50k, "lzop -c"), 8},
};

static struct bytes loaded[ARRAY_SIZE(files)];

static void make_all(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		if (files[i].codec->decode)
			make(files[i].command, "large", &loaded[i]);
}

static bool is_slow(const struct many *m)
{
	return m->codec == &codec_bzip2 || m->codec == &codec_xz;
}

#define EACH_FILE(m, file)                                                                         \
	const struct format *rows_[3];                                                             \
	for (size_t i_ = 0; i_ < ARRAY_SIZE(files); i_++)                                          \
		for (const struct many *m = &files[i_]; m; m = NULL)                               \
			for (struct bytes *file = &loaded[i_]; file; file = NULL)                  \
				for (size_t v_ = 0, n_ = variants(m->codec, rows_); v_ < n_; v_++)

static void check_same(const struct run *r, const struct many *m, const struct bytes *file, size_t length,
		       struct result *alone)
{
	if (!compare_widths(r, file->data, length, alone)) {
		fprintf(stderr, "  of %s\n", m->command);
		CHECK(!"the same");
	}
}

static void whole(void)
{
	static const size_t caps[] = {311, MIB};
	EACH_FILE(m, file)
		for (size_t c = 0; c < ARRAY_SIZE(caps); c++)
			for (size_t s = 0; s < 2; s++) {
				struct result alone;
				struct run r = {rows_[v_], s ? 911 : MIB, caps[c], s && c, 0, false, 0};
				check_same(&r, m, file, file->length, &alone);
				CHECK(alone.finished && alone.info.members >= m->least);
				bytes_free(&alone.out);
			}
}

/* One byte wrong somewhere: everything before it comes out, and then the same words. */
static void damaged(void)
{
	struct rng rng = {11};
	size_t seen = 0, late = 0;
	EACH_FILE(m, file)
		for (size_t n = 0; n < 10; n += is_slow(m) ? 3 : 1) {
			struct result alone;
			struct run r = {rows_[v_], 0, n % 3 ? 65536 : 1000, false, 0, false, 0};
			size_t at = (size_t)rng_below(&rng, file->length);
			uint8_t was = file->data[at];
			file->data[at] ^= (uint8_t)(1u << rng_below(&rng, 8));
			check_same(&r, m, file, file->length, &alone);
			file->data[at] = was;
			seen += !alone.finished;
			late += !alone.finished && alone.out.length > 100000;
			bytes_free(&alone.out);
		}
	CHECK(seen > 80 && late > 30);
}

/* A frame that is the one before but for a bit is not taken for it, whichever bit that is. */
static void nearly_the_same_again(void)
{
	autobytes struct bytes file = {0}, frame = {0};
	size_t refused = 0;
	struct run r = {&codec_zstd, 0, 65536, false, 0, false, 0};
	if (!codec_zstd.decode)
		return;
	make("head -c 30000 /dev/zero | zstd -qc", "small", &frame);
	for (size_t n = 0; n < 30; n++)
		bytes_put(&file, frame.data, frame.length);
	for (size_t bit = 0; bit < 8 * frame.length; bit++) {
		struct result alone, many;
		uint8_t *at = file.data + 25 * frame.length + bit / 8;
		*at ^= (uint8_t)(1u << bit % 8);
		decode_tuned(&r, 1, 0, file.data, file.length, &alone);
		decode_tuned(&r, 8, 1, file.data, file.length, &many);
		/* Which words the library has for it depends on what room it had. */
		CHECK_INT(many.finished, alone.finished);
		CHECK(same_bytes(&many.out, &alone.out));
		CHECK(alone.finished || (many.error.cls == alone.error.cls && many.error.offset == alone.error.offset));
		CHECK_INT(many.info.unchecked, alone.info.unchecked);
		refused += !many.finished;
		bytes_free(&alone.out);
		bytes_free(&many.out);
		*at ^= (uint8_t)(1u << bit % 8);
	}
	/* Some bits of a header mean nothing. */
	CHECK(refused > 8 * frame.length - 16);
}

static void cut_or_followed(void)
{
	struct rng rng = {12};
	EACH_FILE(m, file)
		for (size_t n = 0; n < 9; n += is_slow(m) ? 3 : 1) {
			struct result alone;
			struct run r = {rows_[v_], 0, 65536, false, 0, false, 0};
			size_t length = file->length;
			if (n < 5)
				length = (size_t)rng_below(&rng, length);
			else
				bytes_put(file, n % 2 ? "PK\3\4" : "\0\0\0\0\0", 1 + n % 4);
			check_same(&r, m, file, n < 5 ? length : file->length, &alone);
			file->length = n < 5 ? file->length : length;
			CHECK(n < 5 || !alone.finished || m->codec == &codec_xz);
			bytes_free(&alone.out);
		}
}

static void upstream_fails(void)
{
	struct rng rng = {13};
	EACH_FILE(m, file)
		for (size_t n = 0; n < 4; n++) {
			struct result alone;
			struct run r = {rows_[v_], 5000, 65536, n % 2, 1 + (size_t)rng_below(&rng, file->length), false, 0};
			check_same(&r, m, file, file->length, &alone);
			CHECK(!alone.finished && alone.error.cls == ERROR_IO);
			bytes_free(&alone.out);
		}
}

static void left_early(void)
{
	EACH_FILE(m, file)
		for (size_t limit = 1; limit < 400000; limit = limit * 7 + 1) {
			struct result got;
			struct run r = {rows_[v_], 0, 4096, false, 0, false, limit};
			decode_tuned(&r, 8, m->least, file->data, file->length, &got);
			CHECK(!got.finished);
			bytes_free(&got.out);
		}
}

/* Stored deflate blocks that hold whole members: each looks like the end of the one that it lies in. */
static void members_in_members(void)
{
	autobytes struct bytes inner = {0}, file = {0}, plain = {0};
	if (!codec_gzip.decode)
		return;
	make(EACH(700, "gzip -c"), "small", &inner);
	store("inner", inner.data, inner.length);
	make("python3 -c '\n"
	     "import sys, zlib, struct\n"
	     "data = open(\"inner\", \"rb\").read()\n"
	     "for n in range(30):\n"
	     "    body = bytes([1]) + struct.pack(\"<HH\", len(data), len(data) ^ 65535) + data\n"
	     "    sys.stdout.buffer.write(bytes([31, 139, 8, 0, 0, 0, 0, 0, 0, 255]) + body +\n"
	     "        struct.pack(\"<II\", zlib.crc32(data), len(data)))\n"
	     "'",
	     "small", &file);
	for (size_t i = 0; i < 30; i++)
		bytes_put(&plain, inner.data, inner.length);
	const struct format *rows[3];
	for (size_t v = 0, n = variants(&codec_gzip, rows); v < n; v++) {
		struct run r = {rows[v], 0, 4096, false, 0, false, 0};
		struct result alone;
		CHECK(compare_widths(&r, file.data, file.length, &alone));
		CHECK(alone.finished && alone.info.members == 30 && same_bytes(&alone.out, &plain));
		bytes_free(&alone.out);
	}
}

/* What "BC" says is nobody's proof: gzip does not look at it. */
static void wrong_bgzf_lengths(void)
{
	autobytes struct bytes file = {0}, plain = {0};
	const struct format *rows[3];
	if (!codec_gzip.decode)
		return;
	load("large", &plain);
	make(BGZF, "large", &file);
	for (size_t v = 0, n = variants(&codec_gzip, rows); v < n; v++)
		for (unsigned how = 0; how < 4; how++) {
			struct run r = {rows[v], 0, 4096, false, 0, false, 0};
			struct result alone;
			uint8_t was = file.data[16];
			file.data[16] = how == 0 ? 0 : how == 1 ? 0xff : (uint8_t)(was + how - 3);
			CHECK(compare_widths(&r, file.data, file.length, &alone));
			CHECK(alone.finished && same_bytes(&alone.out, &plain));
			bytes_free(&alone.out);
			file.data[16] = was;
		}
}

/* Matches reach into what the library has overwritten, or never written: what comes out before it fails is chance. */
static void check_refused(const struct run *r, struct bytes *file, uint8_t window)
{
	struct result alone, many;
	file->data[5] = (uint8_t)(window << 3);
	decode_tuned(r, 1, 0, file->data, file->length, &alone);
	decode_tuned(r, 8, 1, file->data, file->length, &many);
	CHECK(says(&alone, ERROR_CORRUPT, "frame 1"));
	CHECK(says(&many, ERROR_CORRUPT, "frame 1"));
	CHECK_INT(many.error.offset, alone.error.offset);
	CHECK_STR(many.error.text, alone.error.text);
	CHECK_INT(many.out.length, alone.out.length);
	bytes_free(&alone.out);
	bytes_free(&many.out);
}

/*
 * A frame whose header says a smaller window than its matches reach: zstd does not restore it, though all of its
 * content is there and its checksum holds.
 */
static void small_windows(void)
{
	autobytes struct bytes file = {0}, block = {0};
	struct rng rng = {14};
	for (size_t i = 0; i < 400000; i += 8) {
		uint64_t v = rng_next(&rng);
		bytes_put(&block, &v, 8);
	}
	store("block", block.data, block.length);
	for (unsigned sized = 0; sized < 2; sized++) {
		make(sized ? "cat block block >two; zstd -qc --single-thread --zstd=wlog=19 two >z; cat z z z"
			   : "for i in 1 2 3; do cat block block | zstd -qc --zstd=wlog=19; done",
		     "small", &file);
		NEED(get_le32(file.data) == 0xfd2fb528u);
		NEED(!(file.data[4] & 0x20)); /* a single segment has no window */
		for (size_t cap = 1000; cap <= MIB; cap = cap * 30 + 48576) {
			struct run r = {&codec_zstd, 0, cap, false, 0, false, 0};
			struct result alone;
			check_refused(&r, &file, 7);
			check_refused(&r, &file, 0);
			file.data[5] = 11 << 3;
			CHECK(compare_widths(&r, file.data, file.length, &alone));
			CHECK(alone.finished);
			bytes_free(&alone.out);
		}
	}
}

int main(void)
{
	/* As many threads as a machine with many cores has. */
	setenv("BACKPROOF_THREADS", "8", 0);
	work_begin();
	make_all();
	RUN(whole);
	RUN(damaged);
	RUN(nearly_the_same_again);
	RUN(cut_or_followed);
	RUN(upstream_fails);
	RUN(left_early);
	RUN(members_in_members);
	RUN(wrong_bgzf_lengths);
	RUN(small_windows);
	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		bytes_free(&loaded[i]);
	work_end();
	return test_done();
}
