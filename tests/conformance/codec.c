// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * One suite over all codecs: whatever the sizes of reads on either side, and through threads, what
 * the real tools wrote is decoded, and its members are counted.
 */
#include "codec_make.h"

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
    {&codec_xz, "xz -T2 --block-size=2000 -c $P", 1, 0},
    {&codec_xz, "xz -c --check=none $P", 1, 1},
    {&codec_xz, "xz -c --delta=dist=4 --x86 --lzma2 --check=crc32 $P", 1, 0},
    {&codec_xz, "xz -c $A; xz -c --check=none $B; xz -c </dev/null", 3, 1},
    {&codec_xz, "xz -c $A; " ZEROS4 "xz -c $B; " ZEROS4 ZEROS4, 2, 0},
    {&codec_lz4, "lz4 -qc $P", 1, 0},
    {&codec_lz4, "lz4 -q9c -B4 -BD --content-size $P", 1, 0},
    {&codec_lz4, "lz4 -qc -B4 -BD --no-frame-crc $P", 1, 1},
    {&codec_lz4, "lz4 -qc -B5 -BX $P", 1, 0},
    {&codec_lz4, "lz4 -qc -B5 -BX --no-frame-crc $P", 1, 1},
    {&codec_lz4, "lz4 -qc $A; lz4 -qc -BD $B; lz4 -qc </dev/null", 3, 0},
    {&codec_bzip2, "bzip2 -c $P", 1, 0},
    {&codec_bzip2, "bzip2 -1c $P", 1, 0},
    {&codec_bzip2, "bzip2 -c $A; bzip2 -c </dev/null; bzip2 -5c $B", 3, 0},
    {&codec_lzop, "lzop -c $P", 1, 1},
    {&codec_lzop, "lzop -9 --crc32 -CC -c $P", 1, 1},
    {&codec_lzop, "lzop -F -1 -c $P", 1, 1},
    {&codec_lzop, "lzop -c $A; lzop -c </dev/null; lzop -7 -C -c <$B", 3, 3},
};

static void check_good(const struct run *r, const struct recipe *recipe, const struct bytes *file,
		       const struct bytes *plain)
{
	struct result got;
	decode_run(r, file->data, file->length, &got);
	bool right =
	    got.finished && same_bytes(&got.out, plain) &&
	    (recipe->members ? got.info.members == recipe->members : got.info.members > 1) &&
	    got.info.unchecked == recipe->unchecked;
	if (!right)
		fprintf(
		    stderr,
		    "%s: reads of %zu and %zu: %s; %zu of %zu bytes, %d members, %d unchecked\n",
		    recipe->command, r->step, r->cap, got.finished ? "finished" : got.error.text,
		    got.out.length, plain->length, (int)got.info.members, (int)got.info.unchecked);
	CHECK(right);
	bytes_free(&got.out);
}

static void each_recipe(const char *plain_name, size_t least, const size_t *caps, size_t cap_count,
			bool ahead)
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
			for (size_t s = least; s < ARRAY_SIZE(sizes); s++)
				for (size_t c = 0; c < cap_count; c++) {
					struct run r = {rows[v], sizes[s], caps[c], ahead,
							0,	 false,	   0};
					check_good(&r, &recipes[i], &file, &plain);
				}
	}
}

static void small_in_all_sizes(void)
{
	each_recipe("small", 0, sizes, ARRAY_SIZE(sizes), false);
}

static void large(void)
{
	static const size_t caps[] = {4099, MIB};
	each_recipe("large", 2, caps, ARRAY_SIZE(caps), false);
}

static void through_threads(void)
{
	static const size_t caps[] = {7, MIB};
	each_recipe("small", 0, caps, ARRAY_SIZE(caps), true);
}

static void put_skippable(struct bytes *b, unsigned nibble, uint32_t size)
{
	uint8_t head[8] = {
	    (uint8_t)(0x50 + nibble), 0x2a, 0x4d, 0x18, (uint8_t)size, (uint8_t)(size >> 8),
	    (uint8_t)(size >> 16),    0};
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

int main(void)
{
	work_begin();
	RUN(small_in_all_sizes);
	RUN(large);
	RUN(through_threads);
	RUN(skippable_frames);
	work_end();
	return test_done();
}
