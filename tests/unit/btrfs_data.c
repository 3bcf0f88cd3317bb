// SPDX-License-Identifier: GPL-3.0-or-later
/* Data of btrfs: that it has checksums, its copies, and what is packed; and the copies of the superblock. */
#ifdef HAVE_LZO2
#include <lzo/lzo1x.h>
#endif
#ifdef HAVE_ZLIB
#include <zlib.h>
#endif

#include "btrfs_edit.h"

/* A file whose checksums are gone can't be read: it is told before somebody tries. */
static void test_without_sums(void)
{
	struct image im = load("plain");
	static struct leaf tree;
	static const struct {
		uint64_t at;
		const char *file;
		uint32_t size; /* what is left of the item */
	} gone[] = {{5414912, "a/random", 0}, {5414912, "a/random", 16}, {5439488, "a/text", 4}, {5345280, "a/prealloc", 0},
		    {5472256, "a/sparse", 0}};
	for (size_t n = 0; n < ARRAY_SIZE(gone); n++) {
		const struct btrfs_key key = {BTRFS_CSUM_OBJECT, KEY_CSUM, gone[n].at};
		struct seen s;
		struct fs_entry it;
		leaf_of(&im, BTRFS_CSUM_TREE, key, &tree);
		NEED(item_of(&tree, key));
		if (gone[n].size)
			item_of(&tree, key)->size = gone[n].size;
		else
			drop_item(&tree, key);
		leaf_store(&tree);
		look(&im, im.len, &s);
		CHECK(structure(&s) == OUTCOME_BROKEN && has(&s, "btrfs.extents", OUTCOME_BROKEN) &&
		      has(&s, "btrfs.items", OUTCOME_HELD) && has(&s, "btrfs.data", OUTCOME_HELD));
		NEED(fs_lookup(s.fs, gone[n].file, true, &it, &s.e) == 1);
		autostream struct stream *st = fs_open_file(s.fs, &it, &s.e);
		CHECK(st && stream_drain(st, &s.e) < 0 && s.e.cls == ERROR_CORRUPT);
		drop(&s);
		undo(&im);
	}
	/* The inode says that it has none: that is no damage. */
	const struct btrfs_key sums = {BTRFS_CSUM_OBJECT, KEY_CSUM, 5472256}, sparse = {264, KEY_INODE, 0};
	struct seen s;
	leaf_of(&im, BTRFS_CSUM_TREE, sums, &tree);
	drop_item(&tree, sums);
	leaf_store(&tree);
	leaf_of(&im, BTRFS_FS_TREE, sparse, &tree);
	put_le(item_of(&tree, sparse)->data + 64, BTRFS_NODATASUM, 8);
	leaf_store(&tree);
	look(&im, im.len, &s);
	CHECK(structure(&s) == OUTCOME_HELD);
	drop(&s);
	undo(&im);
	/* Without the tree of checksums there is none of anything. */
	const struct btrfs_key root = {BTRFS_CSUM_TREE, KEY_ROOT, 0};
	leaf_of(&im, BTRFS_ROOT_TREE, root, &tree);
	drop_item(&tree, root);
	leaf_store(&tree);
	look(&im, im.len, &s);
	CHECK(structure(&s) == OUTCOME_BROKEN);
	struct fs_entry it;
	NEED(s.fs && fs_lookup(s.fs, "a/random", true, &it, &s.e) == 1);
	autostream struct stream *st = fs_open_file(s.fs, &it, &s.e);
	CHECK(st && stream_drain(st, &s.e) < 0 && s.e.cls == ERROR_CORRUPT);
	stream_destroy(take(st));
	drop(&s);
	undo(&im);
	drop_image(&im);
}

/* Copies: the other one is read, until that is damaged too. */
static void test_copies(void)
{
	struct image im = load("dup");
	struct seen s;
	struct fs_entry it;
	look(&im, im.len, &s);
	NEED(s.fs && fs_lookup(s.fs, "a/random", true, &it, &s.e) == 1 && it.place);
	drop(&s);
	uint64_t other = 0;
	for (uint64_t p = 0; p + 4096 <= im.len && !other; p += 4096)
		if (p != it.place && !memcmp(im.data + p, im.data + it.place, 4096))
			other = p;
	NEED(other);
	for (int how = 1; how < 4; how++) {
		im.data[it.place + 4096] ^= how & 1;
		im.data[other + 4096] ^= (uint8_t)(how >> 1);
		look(&im, im.len, &s);
		CHECK(structure(&s) == OUTCOME_BROKEN && has(&s, "btrfs.data", OUTCOME_BROKEN));
		autostream struct stream *st = fs_open_file(s.fs, &it, &s.e);
		NEED(st);
		CHECK((stream_drain(st, &s.e) < 0 && s.e.cls == ERROR_CORRUPT) == (how == 3));
		stream_destroy(take(st));
		drop(&s);
		im.data[it.place + 4096] ^= how & 1;
		im.data[other + 4096] ^= (uint8_t)(how >> 1);
	}
	drop_image(&im);
}

static void test_superblock_copies(void)
{
	struct image im = load("dup");
	const uint64_t second = 64 * MIB;
	struct seen s;
	static const struct {
		unsigned at;
		enum outcome want;
	} changes[] = {{0x48, OUTCOME_SKIPPED}, {0x20, OUTCOME_BROKEN},	      {0xc9 + 66, OUTCOME_BROKEN},
		       {0x50, OUTCOME_BROKEN},	{0x70, OUTCOME_BROKEN},	      {0xc9 + 8, OUTCOME_BROKEN},
		       {0x40, OUTCOME_BROKEN},	{0x200, OUTCOME_BROKEN}};
	for (size_t n = 0; n < ARRAY_SIZE(changes); n++) {
		keep(&im, second);
		im.data[second + changes[n].at] ^= 2;
		resum(&im, second, 4096);
		look(&im, im.len, &s);
		CHECK(s.fs && has(&s, "btrfs.superblock", changes[n].want));
		CHECK((structure(&s) == OUTCOME_HELD) == (changes[n].want == OUTCOME_SKIPPED));
		drop(&s);
		undo(&im);
	}
	/* Of the first nothing is left: the second shows how much is; that is never fine. */
	keep(&im, SUPER);
	im.data[SUPER + 0x100] ^= 1;
	look(&im, im.len, &s);
	CHECK(s.fs && structure(&s) == OUTCOME_BROKEN && !has(&s, "btrfs.superblock", OUTCOME_HELD));
	drop(&s);
	memset(im.data + SUPER, 0, 4096);
	look(&im, im.len, &s);
	CHECK(s.fs && structure(&s) == OUTCOME_BROKEN);
	drop(&s);
	keep(&im, second); /* nor of the second */
	im.data[second + 0x100] ^= 1;
	look(&im, im.len, &s);
	CHECK(!s.fs && structure(&s) == OUTCOME_BROKEN && s.e.cls == ERROR_CORRUPT);
	drop(&s);
	undo(&im);
	/* Cut before the second. */
	look(&im, (size_t)second, &s);
	CHECK(structure(&s) == OUTCOME_BROKEN && has(&s, "btrfs.size", OUTCOME_BROKEN));
	drop(&s);
	drop_image(&im);
}

/* ------------------------------------------------------------------------------------------ packed */

static bool unpacks(unsigned kind, const void *in, size_t len, uint8_t *out, size_t want)
{
	struct error e = {0};
	struct btrfs fs = {.sector = 4096};
	struct btrfs_unpacker *u = btrfs_unpacker_new(&e);
	NEED(u);
	memset(out, 0xee, want);
	ssize_t rc = btrfs_unpack(u, &fs, kind, in, len, out, want, &e);
	CHECK(rc >= 0 || e.cls == ERROR_CORRUPT);
	/* The second time nothing is left of the first. */
	CHECK_INT(btrfs_unpack(u, &fs, kind, in, len, out, want, &e), rc);
	btrfs_unpacker_destroy(u);
	return rc >= 0;
}

static uint8_t plain[16384], out[16384], in[32768];

static void test_packed(void)
{
	for (size_t k = 0; k < sizeof plain; k++)
		plain[k] = (uint8_t)(k * k >> 7 ^ k / 300);
#ifdef HAVE_ZLIB
	uLongf zlen = sizeof in;
	NEED(compress(in, &zlen, plain, sizeof plain) == Z_OK);
	CHECK(unpacks(BTRFS_ZLIB, in, zlen, out, sizeof out) && !memcmp(out, plain, sizeof out));
	CHECK(unpacks(BTRFS_ZLIB, in, zlen + 100, out, sizeof out)); /* padding of the sector */
	for (size_t cut = 0; cut < zlen; cut += 97)
		CHECK(!unpacks(BTRFS_ZLIB, in, cut, out, sizeof out));
	CHECK(!unpacks(BTRFS_ZLIB, in, zlen, out, 8192)); /* more than was said */
	in[zlen - 1] ^= 1;
	CHECK(!unpacks(BTRFS_ZLIB, in, zlen, out, sizeof out));
#endif
	size_t n = ZSTD_compress(in, sizeof in, plain, 9000, 3);
	NEED(!ZSTD_isError(n));
	CHECK(unpacks(BTRFS_ZSTD, in, n, out, sizeof out) && !memcmp(out, plain, 9000) && is_zero(out + 9000, 7384));
	for (size_t cut = 0; cut < n; cut += 53)
		CHECK(!unpacks(BTRFS_ZSTD, in, cut, out, sizeof out));
	CHECK(!unpacks(BTRFS_ZSTD, in, n, out, 8192));
	in[0] ^= 1;
	CHECK(!unpacks(BTRFS_ZSTD, in, n, out, sizeof out));
}

#ifdef HAVE_LZO2
/* The whole's length, then segments of a sector with theirs; a length never lies across two sectors. */
static size_t pack_lzo(size_t *segments)
{
	static uint8_t work[LZO1X_1_MEM_COMPRESS];
	size_t at = 4;
	memset(in, 0, sizeof in);
	for (size_t k = 0; k < 4; k++) {
		lzo_uint len;
		if (4096 - at % 4096 < 4)
			at += 4096 - at % 4096;
		NEED(lzo1x_1_compress(plain + k * 4096, 4096, in + at + 4, &len, work) == LZO_E_OK);
		put_le(in + at, len, 4);
		segments[k] = at;
		at += 4 + len;
	}
	put_le(in, at, 4);
	return at;
}

static void test_lzo(void)
{
	size_t segments[4], at = pack_lzo(segments);
	struct rng r = {5};
	NEED(lzo_init() == LZO_E_OK);
	CHECK(unpacks(BTRFS_LZO, in, at, out, sizeof out) && !memcmp(out, plain, sizeof out));
	CHECK(unpacks(BTRFS_LZO, in, at, out, 8192) && !memcmp(out, plain, 8192));
	CHECK(!unpacks(BTRFS_LZO, in, at, out, 10000)); /* the last is longer than what is wanted */
	CHECK(!unpacks(BTRFS_LZO, in, 7, out, sizeof out));
	CHECK(!unpacks(BTRFS_LZO, in, at - 1, out, sizeof out));
	put_le(in, 7, 4);
	CHECK(!unpacks(BTRFS_LZO, in, at, out, sizeof out));
	put_le(in, segments[2] + 3, 4); /* ends within the head of a segment: what is missing is zeros */
	CHECK(unpacks(BTRFS_LZO, in, at, out, sizeof out) && !memcmp(out, plain, 8192) && is_zero(out + 8192, 8192));
	put_le(in, at, 4);
	static const uint32_t lengths[] = {0, 1, 5000, 100000, UINT32_MAX};
	for (size_t k = 0; k < ARRAY_SIZE(lengths); k++) {
		uint32_t was = get_le32(in + segments[1]);
		put_le(in + segments[1], lengths[k], 4);
		CHECK(!unpacks(BTRFS_LZO, in, at, out, sizeof out));
		put_le(in + segments[1], was, 4);
	}
	/* The first segment ends within the last three bytes of its sector: the next begins behind them. */
	unsigned gaps = 0;
	for (unsigned tries = 0; tries < 5000 && gaps < 4; tries++) {
		for (size_t k = 0; k < 4096; k++)
			plain[k] = (uint8_t)rng_next(&r);
		memset(plain + rng_below(&r, 3000), 0, (size_t)rng_below(&r, 100));
		memset(plain + 3500 + rng_below(&r, 400), 0, (size_t)rng_below(&r, 100));
		at = pack_lzo(segments);
		if (segments[1] != 4096 || segments[0] + 4 + get_le32(in + segments[0]) == 4096)
			continue;
		gaps++;
		CHECK(unpacks(BTRFS_LZO, in, at, out, sizeof out) && !memcmp(out, plain, sizeof out));
		put_le(in, 4095, 4); /* ends there */
		CHECK(unpacks(BTRFS_LZO, in, at, out, sizeof out) && is_zero(out + 4096, 12288));
	}
	CHECK(gaps > 0);
}
#endif

static void test_names_of_sums(void)
{
	uint8_t sum[32];
	char hex[65];
	CHECK_STR(btrfs_sum_name(0), "crc32c");
	CHECK_STR(btrfs_sum_name(2), "sha256");
	CHECK_STR(btrfs_sum_name(4), "?");
	btrfs_sum(2, "abc", 3, sum);
	CHECK_STR(hex_encode(sum, 32, hex), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	blake2b_256("", 0, sum);
	CHECK_STR(hex_encode(sum, 32, hex), "0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8");
}

int main(void)
{
	RUN(test_without_sums);
	RUN(test_copies);
	RUN(test_superblock_copies);
	RUN(test_packed);
#ifdef HAVE_LZO2
	RUN(test_lzo);
#endif
	RUN(test_names_of_sums);
	return test_done();
}
