// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Any bytes as a tar archive. Without a fuzzer it replays the files given, or fixtures/archive,
 * each whole, cut and with bits flipped. For a fuzzer: clang -DBACKPROOF_LIBFUZZER -fsanitize=fuzzer,address.
 */
#include "corpus.h"

#include "backproof/archive.h"
#include "test.h"

/* Holes may claim any size: reading them all proves nothing more. */
#define READ_MAX (8 * MIB)

static int drain_members(struct archive_reader *r, struct error *e)
{
	struct archive_member m;
	uint8_t buf[4096];
	uint64_t total = 0;
	int got;
	while ((got = archive_reader_next(r, &m, e)) == 1) {
		ssize_t n = 1;
		size_t length = strlen(m.entry.path);
		/* A normalised path never begins or ends with a slash. */
		if (length && (m.entry.path[0] == '/' || m.entry.path[length - 1] == '/'))
			abort();
		while (n > 0 && total < READ_MAX) {
			n = archive_reader_data(r, buf, sizeof buf, e);
			total += n > 0 ? (uint64_t)n : 0;
		}
		if (n < 0)
			return -1;
	}
	return got;
}

static int read_all(const uint8_t *data, size_t size)
{
	struct error e;
	autosource struct source *src = source_memory(data, size, "fuzz", &e);
	autostream struct stream *s = src ? stream_from_source(src, &e) : NULL;
	struct archive_reader *r = s ? archive_reader_open(s, &e) : NULL;
	int rc = -1;
	if (r && drain_members(r, &e) == 0)
		rc = archive_reader_finish(r, &e);
	archive_reader_destroy(r);
	return rc;
}

static void check_one(const uint8_t *data, size_t size)
{
	/* What finishes has an end mark, and whole blocks. */
	if (read_all(data, size) == 0 &&
	    (size < 1024 || size % 512 || !is_zero(data + size - 1024, 1024)))
		abort();
}

/* Damage behind a right checksum gets further. */
static void repair(uint8_t *data, size_t size)
{
	for (size_t at = 0; at + 512 <= size; at += 512) {
		unsigned sum = 0;
		char digits[16];
		if (memcmp(data + at + 257, "ustar", 5))
			continue;
		memset(data + at + 148, ' ', 8);
		for (size_t i = 0; i < 512; i++)
			sum += data[at + i];
		snprintf(digits, sizeof digits, "%06o", sum);
		memcpy(data + at + 148, digits, 7);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	autofree uint8_t *copy = malloc(size + 1);
	NEED(copy);
	check_one(data, size);
	memcpy(copy, data, size);
	repair(copy, size);
	check_one(copy, size);
	return 0;
}

#ifndef BACKPROOF_LIBFUZZER
static const char *path;

static void replay(void)
{
	FILE *f = fopen(path, "rb");
	NEED(f);
	size_t capacity = 4 * MIB;
	autofree uint8_t *data = malloc(capacity);
	NEED(data);
	size_t n = fread(data, 1, capacity, f);
	fclose(f);
	bool sound = read_all(data, n) == 0;
	/* Given files may be anything; the fixtures are sound. */
	CHECK(sound || strncmp(path, "fixtures/", 9));
	for (size_t cut = 0; cut < n; cut += 97)
		LLVMFuzzerTestOneInput(data, cut);
	for (size_t at = 0; at < n; at += 31) {
		data[at] ^= (uint8_t)(1 << at % 8);
		LLVMFuzzerTestOneInput(data, n);
		data[at] ^= (uint8_t)(1 << at % 8);
	}
}

int main(int argc, char **argv)
{
	glob_t g = {0};
	for (int i = 1; i < argc; i++) {
		path = argv[i];
		RUN(replay);
	}
	if (argc == 1) {
		test_passed += (int)corpus_replay(argv[0]);
		NEED(glob("fixtures/archive/*.tar", 0, NULL, &g) == 0);
		for (size_t i = 0; i < g.gl_pathc; i++) {
			path = g.gl_pathv[i];
			RUN(replay);
		}
		globfree(&g);
	}
	return test_done();
}
#endif
