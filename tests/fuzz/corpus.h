// SPDX-License-Identifier: GPL-3.0-or-later
/* What fuzzers found worth keeping: the files of tests/fuzz/corpus/NAME, of the driver that is called NAME. */
#ifndef FUZZ_CORPUS_H
#define FUZZ_CORPUS_H

#include <glob.h>

#include "fixture.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Replays them; returns how many there are. Each in a block of its very size: a sanitizer sees one byte too many. */
static inline size_t corpus_replay(const char *program)
{
	const char *slash = strrchr(program, '/');
	char pattern[256];
	glob_t g = {0};
	snprintf(pattern, sizeof pattern, "tests/fuzz/corpus/%s/*", slash ? slash + 1 : program);
	if (glob(pattern, 0, NULL, &g) != 0)
		return 0;
	for (size_t i = 0; i < g.gl_pathc; i++) {
		size_t size;
		autofree uint8_t *data = fixture_file(g.gl_pathv[i], &size), *exact = malloc(size ? size : 1);
		NEED(data && exact);
		memcpy(exact, data, size);
		LLVMFuzzerTestOneInput(exact, size);
	}
	size_t count = g.gl_pathc;
	globfree(&g);
	return count;
}

#endif
