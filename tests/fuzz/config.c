// SPDX-License-Identifier: GPL-3.0-or-later
/* Any text as a configuration. main() replays its arguments, or fixtures/config and damaged copies of it. */
#include "test.h"

#include "corpus.h"

#include "backproof/text.h"
#include "../../src/gate/config_values.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct config c = {0};
	struct error e = {0};
	c.values = calloc(1, sizeof *c.values);
	NEED(c.values);
	if (config_parse(c.values, (const char *)data, size, "fuzz", &e) == 0 &&
	    config_build(&c, &e) == 0 && config_check(&c, NULL, &e) == 0) {
		struct text t = {0};
		config_dump(&c, &t);
		NEED(!t.failed && config_policy(&c, "default"));
		text_free(&t);
	} else {
		/* A message always names its place. */
		if (e.cls == ERROR_NONE || !strchr(e.text, ':')) {
			fprintf(stderr, "without a place: %s\n", e.text);
			abort();
		}
	}
	config_free(&c);
	return 0;
}

#ifndef BACKPROOF_LIBFUZZER
static void replay(const char *file)
{
	static uint8_t data[65536], copy[65536];
	FILE *f = fopen(file, "rb");
	NEED(f);
	size_t n = fread(data, 1, sizeof data, f);
	fclose(f);
	LLVMFuzzerTestOneInput(data, n);
	struct rng r = {42};
	for (int i = 0; i < 400; i++) {
		memcpy(copy, data, n);
		size_t len = i % 4 ? n : (size_t)rng_below(&r, n + 1);
		for (int k = 0; n && k <= i % 5; k++)
			copy[rng_below(&r, n)] = i % 3 ? (uint8_t)"[]\"\\= ;#\n{}*"[rng_below(&r, 12)]
							: (uint8_t)rng_below(&r, 256);
		LLVMFuzzerTestOneInput(copy, len);
	}
	test_bad_here = 0;
	test_passed++;
}

int main(int argc, char **argv)
{
	glob_t g = {0};
	for (int i = 1; i < argc; i++)
		replay(argv[i]);
	if (argc < 2)
		test_passed += (int)corpus_replay(argv[0]);
	if (argc < 2 && glob("fixtures/config/*", 0, NULL, &g) == 0)
		for (size_t i = 0; i < g.gl_pathc; i++)
			replay(g.gl_pathv[i]);
	globfree(&g);
	return test_done();
}
#endif
