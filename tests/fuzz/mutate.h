// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The plain main of a fuzz driver: replays the files of some folders and of tests/fuzz/corpus/NAME, then seeded mutants
 * of them. A driver defines LLVMFuzzerTestOneInput and ends with MUTATE_MAIN(patterns...). With
 * -DBACKPROOF_LIBFUZZER it is a target.
 *
 *     driver [seed [mutants]]
 */
#ifndef FUZZ_MUTATE_H
#define FUZZ_MUTATE_H

#include <glob.h>

#include "backproof/base.h"
#include "test.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#ifdef BACKPROOF_LIBFUZZER
#define MUTATE_MAIN(mutants, ...)
#else

struct sample {
	uint8_t *p;
	size_t len;
};

static glob_t mutate_corpus;

static inline struct sample mutate_load(size_t i)
{
	FILE *f = fopen(mutate_corpus.gl_pathv[i], "r");
	NEED(f);
	struct sample s = {malloc(1 << 22), 0};
	NEED(s.p);
	s.len = fread(s.p, 1, 1 << 19, f); /* an eighth: three times a part may be put in twice */
	fclose(f);
	return s;
}

/* Changes s in one of the ways in which files go wrong. */
static inline void mutate_once(struct rng *rng, struct sample *s)
{
	static const uint32_t values[] = {0, 1, 0xff, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff};
	size_t at = rng_below(rng, s->len), len = 1 + rng_below(rng, s->len - at);
	switch (rng_below(rng, 8)) {
	case 0:
		s->len = at;
		break;
	case 1:
		memset(s->p + at, 0, len);
		break;
	case 2:
		memmove(s->p + at, s->p + at + len, s->len - at - len);
		s->len -= len;
		break;
	case 3:
		memmove(s->p + at + len, s->p + at, s->len - at);
		s->len += len;
		break;
	case 4: {
		uint32_t v = values[rng_below(rng, ARRAY_SIZE(values))];
		memcpy(s->p + at, &v, len < 4 ? len : 4);
		break;
	}
	case 5: /* text: structure lost or gained */
		s->p[at] = (uint8_t)"\n\\ ():=/*\t\r-"[rng_below(rng, 12)];
		break;
	default:
		for (size_t n = 1 + rng_below(rng, 4); n; n--)
			s->p[rng_below(rng, s->len)] ^= (uint8_t)(1u << rng_below(rng, 8));
	}
}

static inline int mutate_main(int argc, char **argv, uint64_t mutants, const char *const *patterns)
{
	struct rng rng = {argc > 1 ? strtoull(argv[1], NULL, 0) : 1};
	if (argc > 2)
		mutants = strtoull(argv[2], NULL, 0);
	for (size_t i = 0; patterns[i]; i++)
		NEED(glob(patterns[i], i ? GLOB_APPEND : 0, NULL, &mutate_corpus) == 0);
	/* What fuzzers found worth keeping. */
	char kept[256];
	snprintf(kept, sizeof kept, "tests/fuzz/corpus/%s/*", strrchr(argv[0], '/') ? strrchr(argv[0], '/') + 1 : argv[0]);
	if (strncmp(patterns[0], kept, 18))
		(void)!glob(kept, GLOB_APPEND, NULL, &mutate_corpus);
	for (size_t i = 0; i < mutate_corpus.gl_pathc; i++) {
		struct sample s = mutate_load(i);
		LLVMFuzzerTestOneInput(s.p, s.len);
		free(s.p);
	}
	for (uint64_t i = 0; i < mutants; i++) {
		struct sample s = mutate_load(rng_below(&rng, mutate_corpus.gl_pathc));
		for (size_t n = 1 + rng_below(&rng, 3); n && s.len; n--)
			mutate_once(&rng, &s);
		/* A copy of the very size: a sanitizer sees one byte too many. */
		uint8_t *exact = malloc(s.len ? s.len : 1);
		NEED(exact);
		memcpy(exact, s.p, s.len);
		free(s.p);
		LLVMFuzzerTestOneInput(exact, s.len);
		free(exact);
	}
	test_bad_here = 0; /* what goes wrong aborts */
	test_passed = (int)(mutate_corpus.gl_pathc + mutants);
	globfree(&mutate_corpus);
	return test_done();
}

#define MUTATE_MAIN(mutants, ...)                                                                  \
	int main(int argc, char **argv)                                                            \
	{                                                                                          \
		return mutate_main(argc, argv, mutants, (const char *const[]){__VA_ARGS__, NULL}); \
	}
#endif
#endif
