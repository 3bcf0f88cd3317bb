// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Hostile bytes for every codec. The program replays fixtures/codec and seeded mutants of it; with
 * -DBACKPROOF_LIBFUZZER and clang's -fsanitize=fuzzer it is a target. What must hold of any input:
 * the sizes of reads do not change what is said or decoded, two libraries of one format agree, and many cores decode
 * and say to the letter what one does.
 *
 *     codec [seed [mutants]]
 */
#include "corpus.h"

#include "../../src/codec/gzip.h"
#include "codec_compare.h"
#include "test.h"

#define OUTPUT_MAX (4 * MIB)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct format *const rows[] = {
    &codec_zstd,
#ifdef HAVE_LIBISAL
    &codec_gzip_isal,
#endif
#ifdef HAVE_ZLIB
    &codec_gzip_zlib,
#endif
    &codec_xz,	      &codec_lz4, &codec_bzip2, &codec_lzop,
};

static size_t finished_runs, failed_runs;

static bool agree(const struct result *a, const struct result *b)
{
	if (a->finished != b->finished)
		return false;
	if (!a->finished)
		return a->error.cls == b->error.cls;
	return same_bytes(&a->out, &b->out) && a->info.members == b->info.members &&
	       a->info.unchecked == b->info.unchecked;
}

static void same_on_many_cores(const struct format *row, const uint8_t *data, size_t size)
{
	struct run r = {row, 0, 1 + size % 70001, false, 0, false, OUTPUT_MAX};
	struct result alone;
	if (!compare_widths(&r, data, size, &alone))
		abort();
	bytes_free(&alone.out);
}

static void complain(const struct format *row, const struct result *a, const struct result *b)
{
	fprintf(stderr, "%s: %s, %zu bytes, or %s, %zu bytes\n", row->name,
		a->finished ? "finished" : a->error.text, a->out.length,
		b->finished ? "finished" : b->error.text, b->out.length);
	abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct result first = {0}, again, other = {0};
	const struct format *gzip_before = NULL;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		/* Which magic it is decides alone who has work to do: the others fail at once. */
		struct run whole = {rows[i], 0, 65536, false, 0, false, OUTPUT_MAX};
		struct run pieces = {rows[i], 1 + size % 61, 1 + size % 977, false,
				     0,	      false,	     OUTPUT_MAX};
		if (!rows[i]->decode)
			continue;
		decode_run(&whole, data, size, &first);
		decode_run(&pieces, data, size, &again);
		if (first.out.length || again.info.members)
			same_on_many_cores(rows[i], data, size);
		bool stopped = first.out.length >= OUTPUT_MAX || again.out.length >= OUTPUT_MAX;
		if (!stopped && !agree(&first, &again))
			complain(rows[i], &first, &again);
		if (!first.finished && !stopped &&
		    (first.error.cls == ERROR_INTERNAL || !first.error.text[0]))
			complain(rows[i], &first, &again);
		finished_runs += first.finished;
		failed_runs += !first.finished;
		bytes_free(&again.out);
		if (strcmp(rows[i]->name, "gzip")) {
			bytes_free(&first.out);
			continue;
		}
		if (gzip_before && !stopped && !agree(&first, &other))
			complain(gzip_before, &first, &other);
		gzip_before = rows[i];
		bytes_free(&other.out);
		other = first;
	}
	bytes_free(&other.out);
	return 0;
}

#ifndef BACKPROOF_LIBFUZZER
static glob_t corpus;
static uint64_t seed = 1, mutants = 3000;

static void load(size_t i, struct bytes *b)
{
	b->length = 0;
	NEED(bytes_load(b, corpus.gl_pathv[i]) == 0);
}

static void replay(void)
{
	NEED(corpus.gl_pathc > 20);
	for (size_t i = 0; i < corpus.gl_pathc; i++) {
		autobytes struct bytes b = {0};
		load(i, &b);
		LLVMFuzzerTestOneInput(b.data, b.length);
	}
	CHECK(finished_runs >= 15 && failed_runs >= 15);
}

/* Changes b in one of the ways in which files go wrong. */
static void mutate(struct rng *rng, struct bytes *b)
{
	size_t at = rng_below(rng, b->length), len = 1 + rng_below(rng, b->length - at);
	autobytes struct bytes other = {0};
	switch (rng_below(rng, 8)) {
	case 0:
		b->length = at;
		break;
	case 1: /* a run of zeros, as of a block that was not written */
		memset(b->data + at, 0, len);
		break;
	case 2: /* bytes lost */
		memmove(b->data + at, b->data + at + len, b->length - at - len);
		b->length -= len;
		break;
	case 3: /* the rest of another file */
		load(rng_below(rng, corpus.gl_pathc), &other);
		len = other.length ? rng_below(rng, other.length) : 0;
		b->length = at;
		bytes_put(b, other.data + len, other.length - len);
		break;
	case 4: /* a part twice */
		bytes_put(&other, b->data, b->length);
		bytes_put(b, other.data + at, len);
		break;
	case 5: { /* a size or offset */
		static const uint32_t values[] = {0,	      1,	  0xff,	     0xffff,
						  0x7fffffff, 0x80000000, 0xffffffff};
		uint32_t v = values[rng_below(rng, ARRAY_SIZE(values))];
		memcpy(b->data + at, &v, len < 4 ? len : 4);
		break;
	}
	default:
		for (size_t n = 1 + rng_below(rng, 4); n; n--)
			b->data[rng_below(rng, b->length)] ^= (uint8_t)(1u << rng_below(rng, 8));
	}
}

static void mutated(void)
{
	struct rng rng = {seed};
	size_t before = failed_runs;
	for (uint64_t i = 0; i < mutants; i++) {
		autobytes struct bytes b = {0};
		load(rng_below(&rng, corpus.gl_pathc), &b);
		for (size_t n = 1 + rng_below(&rng, 2); n && b.length; n--)
			mutate(&rng, &b);
		LLVMFuzzerTestOneInput(b.data, b.length);
	}
	CHECK(!mutants || failed_runs > before);
}

int main(int argc, char **argv)
{
	if (argc > 1)
		seed = strtoull(argv[1], NULL, 0);
	if (argc > 2)
		mutants = strtoull(argv[2], NULL, 0);
	NEED(glob("fixtures/codec/*.*[z2t4o]", 0, NULL, &corpus) == 0);
	RUN(replay);
	test_passed += (int)corpus_replay(argv[0]);
	RUN(mutated);
	globfree(&corpus);
	return test_done();
}
#endif
