// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * One suite over all codecs: whatever the sizes of reads on either side, what the real tools wrote is
 * decoded, and what is cut, followed by something or damaged below never finishes.
 */
#include <signal.h>
#include <sys/wait.h>

#include "../../src/codec/gzip.h"
#include "../../src/codec/rows.h"
#include "codec_support.h"
#include "test.h"

static const size_t sizes[] = {1, 7, 4096, MIB};
static char work[64];


struct recipe {
	const struct format *codec;
	const char *command; /* writes to standard output; $A and $B: the two halves, $P: whole */
	uint64_t members, unchecked;
};

#define ZEROS4 "printf '\\0\\0\\0\\0'; "
static const struct recipe recipes[] = {
	{&codec_zstd, "zstd -qc $P", 1, 0},
	{&codec_zstd, "cat $P | zstd -qc", 1, 0},
	{&codec_zstd, "zstd -q19c $P", 1, 0},
	{&codec_zstd, "zstd -qc --no-check $P", 1, 1},
	{&codec_zstd, "zstd -qc $A; zstd -qc --no-check $B; zstd -qc </dev/null", 3, 1},
	{&codec_zstd, "zstd -qc --long=27 <$P", 1, 0},
	{&codec_zstd, "zstd -qc -T2 --rsyncable $P", 1, 0},
	{&codec_zstd, "pzstd -qc -p2 $P", 0, 0},
	{&codec_zstd, "pzstd -qc -p2 $A; pzstd -qc -p2 $B", 0, 0},
	{&codec_gzip, "gzip -nc $P", 1, 0},
	{&codec_gzip, "gzip -9Nc $P", 1, 0},
	{&codec_gzip, "gzip -1c <$P", 1, 0},
	{&codec_gzip, "gzip -c $A; gzip -c </dev/null; gzip -1c $B", 3, 0},
	{&codec_gzip, "split -b 700 --filter='gzip -n' $P", 0, 0},
	{&codec_xz, "xz -c $P", 1, 0},
	{&codec_xz, "xz -9ec --check=sha256 $P", 1, 0},
	{&codec_xz, "xz -T2 --block-size=5000 -c $P", 1, 0},
	{&codec_xz, "xz -c --check=none $P", 1, 1},
	{&codec_xz, "xz -c --delta=dist=4 --x86 --lzma2 --check=crc32 $P", 1, 0},
	{&codec_xz, "xz -c $A; xz -c --check=none $B; xz -c </dev/null", 3, 1},
	{&codec_xz, "xz -c $A; " ZEROS4 "xz -c $B; " ZEROS4 ZEROS4, 2, 0},
	{&codec_lz4, "lz4 -qc $P", 1, 0},
	{&codec_lz4, "lz4 -q9c -B4 -BD --content-size $P", 1, 0},
	{&codec_lz4, "lz4 -qc -B4 -BD --no-frame-crc $P", 1, 1},
	{&codec_lz4, "lz4 -qc -B5 -BX $P", 1, 0},
	{&codec_lz4, "lz4 -qc -B5 -BX --no-frame-crc $P", 1, 0},
	{&codec_lz4, "lz4 -qc $A; lz4 -qc -BD $B; lz4 -qc </dev/null", 3, 0},
	{&codec_bzip2, "bzip2 -c $P", 1, 0},
	{&codec_bzip2, "bzip2 -1c $P", 1, 0},
	{&codec_bzip2, "bzip2 -c $A; bzip2 -c </dev/null; bzip2 -5c $B", 3, 0},
};

static void store(const char *name, const void *data, size_t len)
{
	char path[128];
	snprintf(path, sizeof path, "%s/%s", work, name);
	FILE *f = fopen(path, "wb");
	NEED(f && fwrite(data, 1, len, f) == len && fclose(f) == 0);
}

/* Text, then bytes without any order, then zeros: each decoder's kinds of blocks. */
static void make_plain(const char *name, size_t size)
{
	struct rng rng = {42};
	autobytes struct bytes all = {0};
	while (all.length < size) {
		char line[64];
		uint64_t r = rng_next(&rng);
		size_t part = all.length * 8 / size;
		if (part < 5)
			snprintf(line, sizeof line, "%zu: inode %llu\n", all.length,
				 (unsigned long long)(r % 4096));
		size_t n = part < 5 ? strlen(line) : 8;
		bytes_put(&all, part < 5 ? (void *)line : part == 7 ? (void *)"\0\0\0\0\0\0\0" : &r, n);
	}
	all.length = size;
	char half[32];
	store(name, all.data, size);
	snprintf(half, sizeof half, "%s.a", name);
	store(half, all.data, size / 3);
	snprintf(half, sizeof half, "%s.b", name);
	store(half, all.data + size / 3, size - size / 3);
}

/* Runs a recipe over one of the texts. */
static void make(const char *command, const char *plain, struct bytes *out)
{
	char all[1024];
	snprintf(all, sizeof all, "cd %s && P=%s A=%s.a B=%s.b && { %s\n} >out && test -s out", work,
		 plain, plain, plain, command);
	int rc = system(all);
	if (rc != 0)
		fprintf(stderr, "failed: %s\n", command);
	NEED(rc == 0);
	snprintf(all, sizeof all, "%s/out", work);
	out->length = 0;
	NEED(bytes_load(out, all) == 0);
}

static void load(const char *name, struct bytes *out)
{
	char path[128];
	snprintf(path, sizeof path, "%s/%s", work, name);
	out->length = 0;
	NEED(bytes_load(out, path) == 0);
}

/* The rows that decode with another library than the registered one come along. */
static size_t variants(const struct format *codec, const struct format *out[3])
{
	size_t n = 0;
	if (codec != &codec_gzip) {
		out[n++] = codec;
		return codec->decode ? n : 0;
	}
#ifdef HAVE_LIBISAL
	out[n++] = &codec_gzip_isal;
#endif
#ifdef HAVE_ZLIB
	out[n++] = &codec_gzip_zlib;
#endif
	return n;
}

static void check_good(const struct run *r, const struct recipe *recipe, const struct bytes *file,
		       const struct bytes *plain)
{
	struct result got;
	decode_run(r, file->data, file->length, &got);
	bool right = got.finished && same_bytes(&got.out, plain) &&
		     (recipe->members ? got.info.members == recipe->members : got.info.members > 1) &&
		     got.info.unchecked == recipe->unchecked;
	if (!right)
		fprintf(stderr, "%s: reads of %zu and %zu: %s; %zu of %zu bytes, %d members, %d unchecked\n",
			recipe->command, r->step, r->cap, got.finished ? "finished" : got.error.text,
			got.out.length, plain->length, (int)got.info.members,
			(int)got.info.unchecked);
	CHECK(right);
	bytes_free(&got.out);
}

static void each_recipe(const char *plain_name, const size_t *caps, size_t cap_count, bool ahead)
{
	autobytes struct bytes file = {0}, plain = {0};
	const struct format *rows[3];
	load(plain_name, &plain);
	for (size_t i = 0; i < ARRAY_SIZE(recipes); i++) {
		if (!recipes[i].codec->decode)
			continue;
		make(recipes[i].command, plain_name, &file);
		size_t count = variants(recipes[i].codec, rows);
		for (size_t v = 0; v < count; v++)
			for (size_t s = 0; s < ARRAY_SIZE(sizes); s++)
				for (size_t c = 0; c < cap_count; c++) {
					struct run r = {rows[v], sizes[s], caps[c], ahead, 0, false, 0};
					check_good(&r, &recipes[i], &file, &plain);
				}
	}
}

static void small_in_all_sizes(void)
{
	each_recipe("small", sizes, ARRAY_SIZE(sizes), false);
}

static void large(void)
{
	static const size_t caps[] = {4099, MIB};
	each_recipe("large", caps, ARRAY_SIZE(caps), false);
}

static void through_threads(void)
{
	static const size_t caps[] = {7, MIB};
	each_recipe("small", caps, ARRAY_SIZE(caps), true);
}

static void put_skippable(struct bytes *b, unsigned nibble, uint32_t size)
{
	uint8_t head[8] = {(uint8_t)(0x50 + nibble), 0x2a, 0x4d, 0x18, (uint8_t)size,
			   (uint8_t)(size >> 8), (uint8_t)(size >> 16), 0};
	bytes_put(b, head, 8);
	for (uint32_t i = 0; i < size; i++)
		bytes_put(b, "x", 1);
}

static void skippable_frames(void)
{
	static const struct recipe both[] = {{&codec_zstd, "zstd -qc $P", 33, 0},
					     {&codec_lz4, "lz4 -qc $P", 33, 0}};
	autobytes struct bytes frame = {0}, file = {0}, plain = {0};
	load("small", &plain);
	for (size_t i = 0; i < ARRAY_SIZE(both); i++) {
		if (!both[i].codec->decode)
			continue;
		make(both[i].command, "small", &frame);
		file.length = 0;
		for (unsigned n = 0; n < 16; n++)
			put_skippable(&file, n, n * n);
		bytes_put(&file, frame.data, frame.length);
		for (unsigned n = 0; n < 16; n++)
			put_skippable(&file, n, n ? n : 300000);
		for (size_t s = 0; s < ARRAY_SIZE(sizes); s++) {
			struct run r = {both[i].codec, sizes[s], 4096, false, 0, false, 0};
			check_good(&r, &both[i], &file, &plain);
		}
	}
}

static bool says(const struct result *r, enum error_class cls, const char *text)
{
	bool right = !r->finished && r->error.cls == cls && strstr(r->error.text, text);
	if (!right)
		fprintf(stderr, "%s: %s (wanted %s: ...%s...)\n",
			r->finished ? "finished" : error_class_name(r->error.cls), r->error.text,
			error_class_name(cls), text);
	return right;
}

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
					CHECK(says(&got, ERROR_CORRUPT, cut ? "cut" : "in 0 bytes"));
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
		} tails[] = {{"x", 1, false},	     {"\n", 1, false},	  {"\0", 1, false},
			     {"\0\0\0\0", 4, true},  {many, 512, true},	  {many, 300000, true},
			     {many, 300001, false},  {junk, sizeof junk, false},
			     {"not a member", 12, false}};
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
					/* Padding is allowed in xz: what is wrong begins behind it. */
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
	const char *tmp = getenv("TMPDIR");
	snprintf(work, sizeof work, "%.40s/codec-XXXXXX", tmp ? tmp : "/tmp");
	NEED(mkdtemp(work));
	make_plain("tiny", 300);
	make_plain("small", 12000);
	make_plain("large", 400000);
	RUN(small_in_all_sizes);
	RUN(large);
	RUN(through_threads);
	RUN(skippable_frames);
	RUN(every_cut);
	RUN(trailing_bytes);
	RUN(mixed_codecs);
	RUN(upstream_failures);
	RUN(left_early);
	RUN(wide_windows);
	char command[128];
	snprintf(command, sizeof command, "rm -rf '%s'", work);
	NEED(system(command) == 0);
	return test_done();
}
