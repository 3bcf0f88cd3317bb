// SPDX-License-Identifier: GPL-3.0-or-later
/* A pattern, a host and a name, one a line, as hostile as can be. main() replays its arguments, or fixtures/catalog. */
#include "test.h"

#include "corpus.h"

#include "backproof/catalog.h"
#include "backproof/text.h"
#include "../../src/catalog/guess.h"
#include "../../src/catalog/pattern.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_span(struct span s, size_t len)
{
	NEED(s.from <= s.to && s.to <= len);
}

static void try_name(const char *name, const char *host)
{
	struct name_info i;
	char finished[NAME_LIMIT + 1];
	char cut[NAME_LIMIT];
	struct error e;
	size_t len = strlen(name);
	if (len > NAME_LIMIT)
		return;
	name_read(name, len, &i);
	NEED(i.stem <= len);
	check_span(i.time, len);
	check_span(i.disk, len);
	check_span(i.part, len);
	check_span(i.segment, len);
	check_span(i.disk_value, len);
	check_span(i.part_value, len);
	const struct span cuts[] = {i.disk, i.part, i.segment, i.time};
	NEED(name_cut(cut, name, len, cuts, 4, true) <= len);
	int64_t from, to;
	civil_range(&i.civil, &from, &to);
	NEED(from <= to);
	if (partial_finished_name(name, finished))
		NEED(strlen(finished) < len && is_partial_name(name));
	int rank = name_host_rank(name, len, host);
	NEED(rank >= 0 && rank <= 3);
	struct candidate c = {0};
	struct arena texts = {0};
	NEED(guess_describe(&c, &texts, NULL, name, 0, &e) == 0);
	arena_free(&texts);
}

static void try_pattern(const char *pattern, const char *host, const char *name)
{
	struct error e = {0};
	static const struct captures none;
	struct pattern_match m;
	struct pattern *p = pattern_new(pattern, &e);
	if (!p) {
		NEED(e.cls == ERROR_CORRUPT && *e.text);
		return;
	}
	for (size_t level = 0; level < pattern_depth(p); level++) {
		bool any = pattern_match(p, level, name, NULL, &none, &m);
		if (any) {
			check_span(m.disk, strlen(name));
			check_span(m.part, strlen(name));
		}
		if (pattern_match(p, level, name, host, &none, &m))
			check_span(m.disk, strlen(name));
	}
	pattern_free(p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char text[2048], *lines[3] = {text, NULL, NULL};
	size_t n = size < sizeof text - 1 ? size : sizeof text - 1;
	memcpy(text, data, n);
	text[n] = 0;
	for (int i = 0; i < 2; i++) {
		lines[i + 1] = strchr(lines[i], '\n');
		if (!lines[i + 1])
			return 0;
		*lines[i + 1]++ = 0;
	}
	if (strchr(lines[2], '/'))
		*strchr(lines[2], '/') = 0;
	try_pattern(lines[0], lines[1], lines[2]);
	try_name(lines[2], lines[1]);
	return 0;
}

#ifndef BACKPROOF_LIBFUZZER
static void replay(const char *file)
{
	static uint8_t data[2048], copy[2048];
	FILE *f = fopen(file, "rb");
	NEED(f);
	size_t n = fread(data, 1, sizeof data, f);
	fclose(f);
	LLVMFuzzerTestOneInput(data, n);
	struct rng r = {7};
	for (int i = 0; i < 1000; i++) {
		memcpy(copy, data, n);
		for (int k = 0; n && k <= i % 6; k++) {
			uint8_t to = i % 3 ? (uint8_t)"*?[]{}-_./0129ZT+:\\"[rng_below(&r, 19)]
					   : (uint8_t)(1 + rng_below(&r, 255));
			copy[rng_below(&r, n)] = to;
		}
		LLVMFuzzerTestOneInput(copy, i % 5 ? n : (size_t)rng_below(&r, n + 1));
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
	if (argc < 2 && glob("fixtures/catalog/*", 0, NULL, &g) == 0)
		for (size_t i = 0; i < g.gl_pathc; i++)
			replay(g.gl_pathv[i]);
	globfree(&g);
	return test_done();
}
#endif
