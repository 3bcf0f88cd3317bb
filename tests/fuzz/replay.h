// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The plain main of drivers that mutate in a way of their own: replays the files named, or those of some folders and
 * then what the driver's function does with them (paths). A driver defines LLVMFuzzerTestOneInput and ends with
 * REPLAY_MAIN(function, patterns...), without libFuzzer.
 */
#ifndef FUZZ_REPLAY_H
#define FUZZ_REPLAY_H

#include <glob.h>

#include "corpus.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A whole file; what is stored with zstd comes out of it. */
static inline uint8_t *load(const char *path, size_t *size)
{
	size_t n = strlen(path);
	uint8_t *p = n > 4 && !strcmp(path + n - 4, ".zst") ? fixture_zst(path, size) : fixture_file(path, size);
	NEED(p);
	return p;
}

static char **paths;
static size_t path_count;

static void replay(void)
{
	for (size_t i = 0; i < path_count; i++) {
		size_t size;
		autofree uint8_t *data = load(paths[i], &size);
		LLVMFuzzerTestOneInput(data, size);
	}
}

struct change {
	size_t at;
	uint8_t was;
};

/* What is in use is more telling than zeros and the empty log. */
static inline size_t pick(struct rng *r, const uint8_t *data, size_t size)
{
	size_t at = 0;
	for (unsigned tries = 0; tries < 200; tries++) {
		at = (size_t)rng_below(r, rng_below(r, 8) ? size : 4096);
		if ((data[at] && data[at] != 0xff) || !rng_below(r, 100))
			break;
	}
	return at;
}

/* Mutants of whole volumes: as many of each as FUZZ_MUTANTS says (150), seeded by FUZZ_SEED. Returns how many. */
static inline unsigned mutate_volumes(void)
{
	struct rng r = {getenv("FUZZ_SEED") ? strtoull(getenv("FUZZ_SEED"), NULL, 0) : 1};
	unsigned n = getenv("FUZZ_MUTANTS") ? (unsigned)atoi(getenv("FUZZ_MUTANTS")) : 150;
	for (size_t i = 0; i < path_count; i++) {
		size_t size;
		autofree uint8_t *data = load(paths[i], &size);
		for (unsigned m = 0; m < n; m++) {
			struct change c[6];
			size_t count = 1 + (size_t)rng_below(&r, 6);
			for (size_t k = 0; k < count; k++) {
				c[k].at = pick(&r, data, size);
				c[k].was = data[c[k].at];
				data[c[k].at] = rng_below(&r, 2) ? (uint8_t)rng_next(&r)
								 : (uint8_t)(c[k].was ^ 1u << rng_below(&r, 8));
			}
			LLVMFuzzerTestOneInput(data, size);
			for (size_t k = count; k-- > 0;)
				data[c[k].at] = c[k].was;
		}
	}
	return n;
}

static inline int replay_main(int argc, char **argv, void (*mutated)(void), const char *const *patterns)
{
	glob_t found = {0};
	if (argc > 1) {
		paths = argv + 1;
		path_count = (size_t)argc - 1;
	} else {
		for (size_t i = 0; patterns[i]; i++)
			NEED(glob(patterns[i], i ? GLOB_APPEND : 0, NULL, &found) == 0);
		paths = found.gl_pathv;
		path_count = found.gl_pathc;
	}
	RUN(replay);
	if (argc == 1) {
		RUN(mutated);
		test_passed += (int)corpus_replay(argv[0]);
	}
	globfree(&found);
	return test_done();
}

#define REPLAY_MAIN(mutated, ...)                                                                  \
	int main(int argc, char **argv)                                                            \
	{                                                                                          \
		return replay_main(argc, argv, mutated, (const char *const[]){__VA_ARGS__, NULL}); \
	}
#endif
