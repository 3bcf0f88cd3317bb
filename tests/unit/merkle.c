// SPDX-License-Identifier: GPL-3.0-or-later
/* The tree digest against a plain one, at every size around a boundary, however the bytes come. */
#include "backproof/merkle.h"

#include <openssl/sha.h>

#include "backproof/digest.h"
#include "test.h"

#define CHUNK MERKLE_CHUNK

/* As the documentation of fs-verity puts it, and in no other way. */
static void plain(const uint8_t *data, size_t size, uint8_t out[32])
{
	size_t n = (size + 4095) / 4096, width = n * 32;
	uint8_t block[4096], descriptor[256] = {1, 1, 12};
	uint8_t *level = calloc(1, width + 4096);
	NEED(level);
	for (size_t i = 0; i < n; i++) {
		size_t have = size - i * 4096 < 4096 ? size - i * 4096 : 4096;
		memset(block, 0, sizeof block);
		memcpy(block, data + i * 4096, have);
		SHA256(block, sizeof block, level + 32 * i);
	}
	while (width > 32) {
		size_t above = 0;
		for (size_t i = 0; i < width; i += 4096, above += 32) {
			size_t have = width - i < 4096 ? width - i : 4096;
			memset(block, 0, sizeof block);
			memcpy(block, level + i, have);
			SHA256(block, sizeof block, level + above);
		}
		width = above;
	}
	memcpy(descriptor + 8, &size, 8);
	memcpy(descriptor + 16, level, size ? 32 : 0);
	SHA256(descriptor, sizeof descriptor, out);
	free(level);
}

static void expect(const char *what, size_t size, const uint8_t got[32], const uint8_t want[32])
{
	if (!memcmp(got, want, 32))
		return;
	fprintf(stderr, "%s: %zu bytes: another digest\n", what, size);
	test_bad_here++;
}

static void expect_hex(const uint8_t got[32], const char *want)
{
	char hex[65];
	CHECK_STR(hex_encode(got, 32, hex), want);
}

static struct merkle *fresh(void)
{
	struct error e;
	struct merkle *m = merkle_new(&e);
	NEED(m);
	return m;
}

static void finish(struct merkle *m, uint8_t out[32])
{
	struct error e;
	NEED(merkle_final(m, out, &e) == 0);
	merkle_reset(m);
}

static uint8_t *noise(size_t size)
{
	struct rng rng = {size + 1};
	uint8_t *data = malloc(size + 8);
	NEED(data);
	for (size_t i = 0; i < size; i += 8) {
		uint64_t v = rng_next(&rng);
		memcpy(data + i, &v, 8);
	}
	return data;
}

/* As fsverity 1.5 prints them; 1 TiB computed by hand, since that takes it an hour. */
static void known_answers(void)
{
	uint8_t got[32];
	struct merkle *m = fresh();
	finish(m, got);
	expect_hex(got, "3d248ca542a24fc62d1c43b916eae5016878e2533c88238480b26128a1f1af95");
	merkle_update(m, "abc", 3);
	finish(m, got);
	expect_hex(got, "700b6bd8510f0b4f9bac8b9cf0459151a1c4a99f467892bb4bd289a67df8e19c");
	merkle_zeros(m, UINT64_C(1) << 40);
	finish(m, got);
	expect_hex(got, "6e6073779fecb21db0e39f3b78ad40f18f832163fbc651cd850c1e842a7cdefb");
	merkle_zeros(m, 4 * GIB);
	finish(m, got);
	expect_hex(got, "787a89b6dd05833dbf59785b7e98a210d2d12053972c92363b3cb42c5eef810e");
	merkle_destroy(m);
}

/* In pieces of a size, with an odd one before. */
static void by_pieces(struct merkle *m, const uint8_t *data, size_t size, size_t piece, uint8_t out[32])
{
	for (size_t at = 0, n = piece / 3 + 1; at < size; at += n, n = piece) {
		n = size - at < n ? size - at : n;
		merkle_update(m, data + at, n);
	}
	finish(m, out);
}

static void by_chunks(struct merkle *m, const uint8_t *data, size_t size, uint8_t out[32])
{
	uint8_t hashes[8][MERKLE_HASH];
	struct error e;
	for (size_t at = 0; at < size;) {
		size_t n = size - at < 3 * CHUNK ? size - at : 3 * CHUNK;
		NEED(merkle_hash_chunks(data + at, n, hashes, &e) == 0);
		merkle_chunks(m, (const uint8_t(*)[MERKLE_HASH])hashes, n);
		at += n;
	}
	finish(m, out);
}

static const size_t sizes[] = {
	0,		1,	     2,		    4095,	   4096,	  4097,		 8191,
	8192,		8193,	     CHUNK - 4097,  CHUNK - 4096,  CHUNK - 4095,  CHUNK - 1,	 CHUNK,
	CHUNK + 1,	CHUNK + 4096, CHUNK + 4097, 2 * CHUNK - 1, 2 * CHUNK,	  2 * CHUNK + 1, 3 * CHUNK + 5000,
	128 * CHUNK - 1, 128 * CHUNK, 128 * CHUNK + 1, 129 * CHUNK + 4095,
};

static void every_size(void)
{
	struct merkle *m = fresh();
	uint8_t *data = noise(130 * CHUNK), got[32], want[32];
	for (int libcrypto = 0; libcrypto < 2; libcrypto++) {
		sha256_by_libcrypto(libcrypto);
		for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
			size_t n = sizes[i];
			plain(data, n, want);
			by_pieces(m, data, n, CHUNK, got);
			expect("at once", n, got, want);
			if (n < 4 * CHUNK) {
				by_pieces(m, data, n, 4096, got);
				expect("by blocks", n, got, want);
				by_pieces(m, data, n, 1000, got);
				expect("by pieces", n, got, want);
			}
			if (n > 4096) {
				by_chunks(m, data, n, got);
				expect("by chunks", n, got, want);
			}
		}
	}
	sha256_by_libcrypto(false);
	free(data);
	merkle_destroy(m);
}

/* Zeros told are zeros read, wherever they are. */
static void zeros(void)
{
	static const size_t cuts[] = {0,	1,	   100,		4095,	       4096,	      4097,	    8192,
				      CHUNK - 1, CHUNK,	   CHUNK + 1,	CHUNK + 4096,  2 * CHUNK,     127 * CHUNK,
				      128 * CHUNK, 128 * CHUNK + 3, 129 * CHUNK, 130 * CHUNK};
	struct merkle *m = fresh();
	size_t size = 130 * CHUNK;
	uint8_t *data = calloc(1, size), *bytes = noise(2 * CHUNK), got[32], want[32];
	NEED(data);
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		merkle_zeros(m, sizes[i]);
		finish(m, got);
		plain(data, sizes[i], want);
		expect("told", sizes[i], got, want);
		by_pieces(m, data, sizes[i], CHUNK, got);
		expect("read", sizes[i], got, want);
	}
	for (size_t i = 0; i < ARRAY_SIZE(cuts); i++) {
		/* Zeros up to the cut, some data, zeros. */
		size_t at = cuts[i], n = 5000 + 37 * i;
		n = n < size - at ? n : size - at;
		memset(data, 0, size);
		memcpy(data + at, bytes, n);
		plain(data, size, want);
		merkle_zeros(m, at);
		merkle_update(m, bytes, n);
		merkle_zeros(m, size - at - n);
		finish(m, got);
		expect("data in zeros", at, got, want);
		by_pieces(m, data, size, 3 * CHUNK, got);
		expect("the same read", at, got, want);
	}
	free(data);
	free(bytes);
	merkle_destroy(m);
}

static void every_bit(void)
{
	size_t size = 2 * CHUNK + 4096 + 77;
	struct merkle *m = fresh();
	uint8_t *data = noise(size), clean[32], got[32], longer[32];
	struct rng rng = {7};
	by_pieces(m, data, size, CHUNK, clean);
	for (int i = 0; i < 200; i++) {
		size_t at = i == 0 ? 0 : i == 1 ? size - 1 : (size_t)rng_below(&rng, size);
		uint8_t bit = (uint8_t)(1u << rng_below(&rng, 8));
		data[at] ^= bit;
		by_pieces(m, data, size, CHUNK, got);
		CHECK(memcmp(got, clean, 32));
		by_chunks(m, data, size, got);
		CHECK(memcmp(got, clean, 32));
		data[at] ^= bit;
	}
	/* Zeros at the end count as bytes. */
	merkle_update(m, data, size);
	merkle_zeros(m, 1);
	finish(m, longer);
	CHECK(memcmp(longer, clean, 32));
	merkle_update(m, data, size - 1);
	finish(m, longer);
	CHECK(memcmp(longer, clean, 32));
	free(data);
	merkle_destroy(m);
}

struct seen {
	uint64_t count;
	struct merkle *copy;
	bool ordered;
};

static void on_chunk(void *ctx, uint64_t first, uint64_t count, const uint8_t hash[MERKLE_HASH])
{
	struct seen *s = ctx;
	s->ordered = s->ordered && first == s->count;
	s->count += count;
	for (uint64_t i = 0; i < count && s->count < 1000; i++)
		merkle_chunks(s->copy, (const uint8_t(*)[MERKLE_HASH])hash, CHUNK);
}

/* The hashes of chunks are shown in order, and make up the digest. */
static void observers(void)
{
	struct seen s = {.copy = fresh(), .ordered = true};
	struct merkle *m = fresh();
	size_t size = 5 * CHUNK;
	uint8_t *data = noise(size), got[32], again[32];
	merkle_observe(m, on_chunk, &s);
	merkle_update(m, data, CHUNK + 5);
	merkle_update(m, data + CHUNK + 5, size - CHUNK - 5);
	merkle_zeros(m, 200 * CHUNK);
	finish(m, got);
	finish(s.copy, again);
	CHECK(s.ordered);
	CHECK_INT(s.count, 205);
	expect("from its chunks", size, again, got);
	s.count = 0;
	merkle_zeros(m, UINT64_C(1) << 42);
	finish(m, got);
	CHECK_INT(s.count, (UINT64_C(1) << 42) / CHUNK);
	CHECK(s.ordered);
	s.count = 0;
	merkle_update(m, data, 4096);
	finish(m, got);
	CHECK_INT(s.count, 0);
	merkle_update(m, data, 4097);
	finish(m, got);
	CHECK_INT(s.count, 1);
	free(data);
	merkle_destroy(m);
	merkle_destroy(s.copy);
}

static void limits(void)
{
	struct merkle *m = fresh();
	struct error e = {0};
	uint8_t got[32], hash[1][MERKLE_HASH] = {{1}};
	merkle_zeros(m, INT64_MAX);
	CHECK_INT(merkle_final(m, got, &e), 0);
	merkle_zeros(m, 1);
	CHECK_INT(merkle_final(m, got, &e), -1);
	CHECK_INT(e.cls, ERROR_LIMIT);
	merkle_reset(m);
	merkle_zeros(m, UINT64_MAX);
	merkle_zeros(m, 2);
	CHECK_INT(merkle_final(m, got, &e), -1);
	merkle_reset(m);
	merkle_update(m, "abc", 3);
	merkle_chunks(m, (const uint8_t(*)[MERKLE_HASH])hash, CHUNK);
	CHECK_INT(merkle_final(m, got, &e), -1);
	CHECK_INT(e.cls, ERROR_INTERNAL);
	merkle_destroy(m);
}

/* Lanes of SHA-256 against libcrypto, at every length up to some blocks, and odd and even counts. */
static void lanes(void)
{
	enum { COUNT = 7 };
	uint8_t *data = noise(COUNT * 5000), got[COUNT][32], want[32];
	struct sha256_message list[COUNT];
	struct error e;
	bool here = sha256_in_pairs();
	/* Where the processor has the instructions, they are used. */
	CHECK_INT(here, system("grep -qw sha_ni /proc/cpuinfo") == 0);
	for (size_t length = 0; length < 5000; length += length < 300 ? 1 : 331)
		for (size_t count = 0; count <= COUNT; count++) {
			memset(got, 0, sizeof got);
			for (size_t i = 0; i < count; i++)
				list[i] = (struct sha256_message){data + i * 4999, got[i]};
			NEED(sha256_many(list, count, length, &e) == 0);
			for (size_t i = 0; i < count; i++) {
				SHA256(data + i * 4999, length, want);
				expect("lane", length, got[i], want);
			}
		}
	sha256_by_libcrypto(true);
	CHECK(!sha256_in_pairs());
	sha256_by_libcrypto(false);
	free(data);
}

/* As one kind of digest among the others. */
static void as_a_digest(void)
{
	struct error e;
	struct digest *d = digest_new(DIGEST_FSVERITY, &e);
	uint8_t *data = noise(10000), got[DIGEST_MAX], want[32];
	NEED(d);
	plain(data, 10000, want);
	for (int i = 0; i < 2; i++) {
		digest_update(d, data, 1);
		digest_update(d, data + 1, 9999);
		CHECK_INT(digest_final(d, got, &e), 0);
		expect("digest", 10000, got, want);
		CHECK_INT(digest_final(d, got, &e), -1);
		CHECK_INT(digest_reset(d, &e), 0);
	}
	CHECK_STR(digest_name(DIGEST_FSVERITY), "fsverity");
	CHECK_INT(digest_size(DIGEST_FSVERITY), 32);
	CHECK(!digest_is_weak(DIGEST_FSVERITY));
	digest_destroy(d);
	free(data);
}

int main(void)
{
	RUN(lanes);
	RUN(known_answers);
	RUN(every_size);
	RUN(zeros);
	RUN(every_bit);
	RUN(observers);
	RUN(limits);
	RUN(as_a_digest);
	return test_done();
}
