// SPDX-License-Identifier: GPL-3.0-or-later
/* Lists of chunks: runs, limits, their digest against the tree's and fsverity's, and packing. */
#include "backproof/chunks.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "backproof/digest.h"
#include "backproof/sweep.h"
#include "test.h"

#define CHUNK MERKLE_CHUNK

static struct error e;

static struct chunks *fresh(void)
{
	struct chunks *c = chunks_new(&e);
	NEED(c);
	return c;
}

static void name(uint8_t hash[32], uint64_t n)
{
	memset(hash, 0, 32);
	memcpy(hash, &n, 8);
	hash[31] = 1;
}

static void put(struct chunks *c, uint64_t n, uint64_t count)
{
	uint8_t hash[32];
	name(hash, n);
	NEED(chunks_add(c, count, hash, &e) == 0);
}

/* Against a plain array, whatever the order of single ones and runs; and through bytes and back. */
static void lists(void)
{
	enum { MAX = 3000 };
	static uint64_t plain[MAX];
	for (uint64_t seed = 1; seed <= 60; seed++) {
		struct rng rng = {seed};
		struct chunks *c = fresh();
		size_t n = 0, len;
		while (n < MAX - 40) {
			uint64_t what = rng_below(&rng, 3), count = rng_below(&rng, seed % 3 ? 6 : 40);
			put(c, what, count);
			for (; count; count--)
				plain[n++] = what;
		}
		CHECK_INT(chunks_count(c), n);
		uint8_t *packed = chunks_pack(c, &len, &e), want[32], got[32];
		NEED(packed);
		struct chunks *back = chunks_unpack(packed, len, &e);
		NEED(back);
		CHECK_INT(chunks_count(back), n);
		for (size_t i = 0; i < n; i++) {
			uint64_t run;
			name(want, plain[i]);
			chunks_get(c, i, got, &run);
			CHECK(!memcmp(got, want, 32));
			CHECK(run >= 1 && run <= n - i);
			for (size_t k = 0; k < run; k++)
				CHECK_INT(plain[i + k], plain[i]);
			chunks_get(back, i, got, NULL);
			CHECK(!memcmp(got, want, 32));
		}
		/* The same list put in otherwise packs to the same. */
		struct chunks *other = fresh();
		size_t other_len;
		for (size_t i = 0; i < n; i++)
			put(other, plain[i], 1);
		uint8_t *again = chunks_pack(other, &other_len, &e);
		CHECK(again && other_len == len && !memcmp(again, packed, len));
		free(again);
		free(packed);
		chunks_destroy(other);
		chunks_destroy(back);
		chunks_destroy(c);
	}
	chunks_destroy(NULL);
}

static void limits(void)
{
	uint8_t zero[32], hash[32], digest[32];
	struct chunks *c = fresh();
	NEED(chunks_zero(zero, &e) == 0);
	/* Holes as long as a file can be are one run. */
	CHECK_INT(chunks_add(c, UINT64_C(1) << 44, zero, &e), 0);
	CHECK_INT(chunks_digest(c, INT64_MAX, digest, &e), 0);
	CHECK_INT(chunks_add(c, 1, zero, &e), -1);
	CHECK_INT(e.cls, ERROR_LIMIT);
	/* What failed once stays so. */
	CHECK_INT(chunks_state(c, &e), -1);
	CHECK_INT(chunks_add(c, 0, zero, &e), -1);
	CHECK_INT(chunks_digest(c, INT64_MAX, digest, &e), -1);
	size_t len;
	CHECK(!chunks_pack(c, &len, &e));
	chunks_destroy(c);
	c = fresh();
	name(hash, 3);
	CHECK_INT(chunks_add(c, UINT64_C(1) << 31, hash, &e), 0);
	CHECK_INT(chunks_add(c, 1, hash, &e), -1);
	CHECK_INT(e.cls, ERROR_LIMIT);
	chunks_destroy(c);
	c = fresh();
	for (uint64_t i = 0; i < CHUNKS_MAX; i++)
		put(c, i, 1);
	name(hash, CHUNKS_MAX);
	CHECK_INT(chunks_add(c, 1, hash, &e), -1);
	CHECK_INT(e.cls, ERROR_LIMIT);
	chunks_destroy(c);
	/* An observer that is shown them in another order than the file's. */
	c = fresh();
	chunks_observe(c, 0, 1, hash);
	CHECK_INT(chunks_state(c, &e), 0);
	chunks_observe(c, 2, 1, hash);
	CHECK_INT(chunks_state(c, &e), -1);
	CHECK_INT(e.cls, ERROR_INTERNAL);
	chunks_destroy(c);
}

static uint64_t of_size(const char *path, uint64_t size, uint64_t seed)
{
	struct rng rng = {seed};
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	NEED(fd >= 0 && ftruncate(fd, (off_t)size) == 0);
	/* Data at both ends and here and there; the rest are holes. */
	for (uint64_t i = 0; i < 12 && size; i++) {
		uint64_t bytes[64], at = i == 0 ? 0 : i == 1 ? size - 1 : rng_below(&rng, size);
		for (size_t k = 0; k < ARRAY_SIZE(bytes); k++)
			bytes[k] = rng_next(&rng);
		size_t n = size - at < sizeof bytes ? (size_t)(size - at) : sizeof bytes;
		NEED(pwrite(fd, bytes, n, (off_t)at) == (ssize_t)n);
	}
	close(fd);
	return size;
}

static void by_fsverity(const char *path, uint8_t digest[32])
{
	char command[300], line[200] = "";
	snprintf(command, sizeof command, "fsverity digest --compact '%s'", path);
	FILE *p = popen(command, "r");
	NEED(p);
	NEED(fgets(line, sizeof line, p) && pclose(p) == 0);
	line[64] = '\0';
	NEED(hex_decode(line, digest, 32) == 0);
}

/* What a sweep sees of a file, its chunks' digest, and what fsverity says of it. */
static void files(void)
{
	static const uint64_t sizes[] = {
		0,	   1,	      4095,	  4096,	     4097,	    CHUNK - 1,	    CHUNK,
		CHUNK + 1, 3 * CHUNK, 64 * MIB - 1, 64 * MIB, 64 * MIB + 1, 65 * MIB + 4097, 1 * GIB + 12345,
	};
	char dir[] = "/tmp/backproof-chunks-XXXXXX", path[64];
	NEED(mkdtemp(dir));
	snprintf(path, sizeof path, "%s/file", dir);
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct chunks *c = fresh();
		struct sweep w = {.mask = 1u << DIGEST_FSVERITY | (i % 2) << DIGEST_SHA256,
				  .observer = chunks_observe,
				  .ctx = c};
		uint8_t want[32], got[32];
		of_size(path, sizes[i], i + 1);
		/* fsverity reads every byte of the large one, which is the longest part of this. */
		by_fsverity(path, want);
		struct source *src = source_open_file(path, &e);
		NEED(src);
		NEED(sweep_source(src, &w, &e) == 0);
		CHECK_INT(chunks_state(c, &e), 0);
		CHECK(!memcmp(w.digests[DIGEST_FSVERITY], want, 32));
		CHECK_INT(chunks_count(c), chunks_of_size(sizes[i]));
		if (sizes[i] > 4096) {
			CHECK_INT(chunks_digest(c, sizes[i], got, &e), 0);
			CHECK(!memcmp(got, want, 32));
			/* The same number of chunks, and another size. */
			uint64_t other = sizes[i] % CHUNK ? sizes[i] + 1 : sizes[i] - 1;
			CHECK(chunks_digest(c, other, got, &e) == 0 && memcmp(got, want, 32));
			CHECK_INT(chunks_digest(c, sizes[i] + CHUNK, got, &e), -1);
			CHECK_INT(e.cls, ERROR_CORRUPT);
		}
		CHECK_INT(chunks_digest(c, 4096, got, &e), -1);
		CHECK_INT(chunks_digest(c, UINT64_MAX, got, &e), -1);
		source_destroy(src);
		chunks_destroy(c);
	}
	unlink(path);
	rmdir(dir);
}

/* A last chunk that says it is a whole one of zeros, where the file ends inside it, is not taken for zeros. */
static void last_of_zeros(void)
{
	uint8_t zero[32], got[32], want[32], many[3][32];
	struct chunks *c = fresh();
	struct merkle *m = merkle_new(&e);
	NEED(m && chunks_zero(zero, &e) == 0);
	for (int i = 0; i < 3; i++)
		memcpy(many[i], zero, 32);
	NEED(chunks_add(c, 7, zero, &e) == 0);
	for (int i = 0; i < 2; i++)
		merkle_chunks(m, (const uint8_t(*)[32])many, 3 * CHUNK);
	merkle_chunks(m, (const uint8_t(*)[32])many, 5000);
	NEED(merkle_final(m, want, &e) == 0);
	CHECK_INT(chunks_digest(c, 6 * CHUNK + 5000, got, &e), 0);
	CHECK(!memcmp(got, want, 32));
	merkle_reset(m);
	merkle_zeros(m, 6 * CHUNK + 5000);
	NEED(merkle_final(m, want, &e) == 0);
	CHECK(memcmp(got, want, 32));
	/* 4 GiB that are all hole, as fsverity 1.5 prints it. */
	chunks_destroy(c);
	c = fresh();
	NEED(chunks_add(c, 8192, zero, &e) == 0);
	CHECK_INT(chunks_digest(c, 4 * GIB, got, &e), 0);
	NEED(hex_decode("787a89b6dd05833dbf59785b7e98a210d2d12053972c92363b3cb42c5eef810e", want, 32) == 0);
	CHECK(!memcmp(got, want, 32));
	merkle_destroy(m);
	chunks_destroy(c);
}

static void refuse(const uint8_t *data, size_t len)
{
	struct chunks *c = chunks_unpack(data, len, &e);
	CHECK(!c);
	CHECK(e.cls == ERROR_CORRUPT);
	chunks_destroy(c);
}

/* Bytes that chunks_pack did not write: cut, changed, in another form. */
static void hostile_bytes(void)
{
	struct chunks *c = fresh();
	size_t len;
	put(c, 1, 1);
	put(c, 2, 3);
	put(c, 3, 9);
	put(c, 4, 1);
	uint8_t *packed = chunks_pack(c, &len, &e), *bad = malloc(len + 64);
	NEED(packed && bad);
	for (size_t n = 1; n < len; n++) {
		struct chunks *part = chunks_unpack(packed, n, &e);
		/* Cut between records, it is a shorter list. */
		CHECK(!part || chunks_count(part) < chunks_count(c));
		chunks_destroy(part);
	}
	memcpy(bad, packed, len);
	bad[len] = 0;
	refuse(bad, len + 1);
	for (size_t i = 0; i < len; i++)
		for (unsigned bit = 0; bit < 8; bit++) {
			memcpy(bad, packed, len);
			bad[i] ^= (uint8_t)(1u << bit);
			struct chunks *other = chunks_unpack(bad, len, &e);
			if (other) {
				size_t again_len;
				uint8_t *again = chunks_pack(other, &again_len, &e);
				CHECK(again && again_len == len && memcmp(again, packed, len));
				free(again);
			}
			chunks_destroy(other);
		}
	/* A run that is none, two runs of one hash, no chunk at all, more than there can be. */
	static const struct {
		uint64_t head[2];
		size_t count;
	} forms[] = {{{2 << 1 | 1, 0}, 1}, {{5 << 1 | 1, 4 << 1 | 1}, 2}, {{0, 0}, 1},	     {{1, 0}, 1},
		     {{UINT64_MAX, 0}, 1}, {{UINT64_MAX - 1, 0}, 1},	  {{1 << 1, 1 << 1}, 2}};
	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		size_t n = 8;
		memcpy(bad, packed, 8);
		for (size_t k = 0; k < forms[i].count; k++, n += 40) {
			memcpy(bad + n, &forms[i].head[k], 8);
			name(bad + n + 8, 7);
		}
		refuse(bad, n);
	}
	refuse(packed, 0);
	refuse(packed, 7);
	free(packed);
	free(bad);
	chunks_destroy(c);
	/* An empty list is one. */
	c = fresh();
	packed = chunks_pack(c, &len, &e);
	NEED(packed);
	struct chunks *none = chunks_unpack(packed, len, &e);
	CHECK(none && chunks_count(none) == 0);
	chunks_destroy(none);
	free(packed);
	chunks_destroy(c);
}

int main(void)
{
	RUN(lists);
	RUN(limits);
	RUN(last_of_zeros);
	RUN(hostile_bytes);
	RUN(files);
	return test_done();
}
