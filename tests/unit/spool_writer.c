// SPDX-License-Identifier: GPL-3.0-or-later
/* Through memory or past it, or first the one and then the other: what is read back is what was written. */
#include <fcntl.h>
#include <sys/stat.h>

#include "../../src/io/spool_writer.h"
#include "test.h"

#define RUN_MAX (3 * MIB)

static uint8_t *pattern(uint64_t off, size_t len)
{
	uint8_t *p = malloc(len);
	NEED(p);
	for (size_t i = 0; i < len; i++)
		p[i] = (uint8_t)((off + i) * 2654435761u >> 13);
	return p;
}

static size_t length_of(uint64_t i)
{
	return i % 3 == 2 ? 5 * SPOOL_GRAIN + 77 : i % 3 ? RUN_MAX : MIB;
}

static uint64_t step(uint64_t i)
{
	return length_of(i) + (i % 2 ? 0 : MIB);
}

/* Runs with holes between them, most of them aligned. */
static void written_is_read_back(uint64_t total, uint64_t share)
{
	char path[] = "/var/tmp/backproof-spool-XXXXXX";
	struct error e = {0};
	autoclose int fd = mkstemp(path);
	NEED(fd >= 0 && unlink(path) == 0);
	struct spool_writer *w = spool_writer_open(fd, "test", share, &e);
	NEED(w);
	for (uint64_t i = 0, off = 0; off < total; off += step(i++)) {
		autofree uint8_t *p = pattern(off, length_of(i));
		spool_writer_put(w, p, length_of(i), off);
	}
	CHECK(spool_writer_close(w, &e) == 0);
	for (uint64_t i = 0, off = 0; off < total; off += step(i++)) {
		size_t n = length_of(i);
		autofree uint8_t *want = pattern(off, n), *got = malloc(n);
		NEED(got && pread(fd, got, n, (off_t)off) == (ssize_t)n);
		CHECK(!memcmp(got, want, n));
	}
}

static void test_in_memory(void)
{
	written_is_read_back(150 * MIB, UINT64_MAX / 2);
	written_is_read_back(150 * MIB, 140 * MIB);
}

static void test_past_memory(void)
{
	written_is_read_back(MIB, 0);
	written_is_read_back(150 * MIB, 0);
}

/* Many runs that follow each other, so that room is asked for ahead; then a hole. Unaligned ones between them. */
static uint64_t place_of(uint64_t i)
{
	return i * MIB + i / 24 * 3 * MIB;
}

static void test_ways_that_alternate(void)
{
	static const uint64_t each[] = {MIB, 3 * MIB, 5 * MIB, 17 * MIB};
	for (size_t k = 0; k < ARRAY_SIZE(each); k++) {
		char path[] = "/var/tmp/backproof-spool-XXXXXX";
		struct error e = {0};
		autofree uint8_t *got = malloc(MIB);
		autoclose int fd = mkstemp(path);
		NEED(got && fd >= 0 && unlink(path) == 0);
		spool_tuning = (struct spool_tuning){each[k], each[ARRAY_SIZE(each) - 1 - k]};
		struct spool_writer *w = spool_writer_open(fd, "test", 0, &e);
		NEED(w);
		for (uint64_t i = 0; i < 150; i++) {
			autofree uint8_t *p = pattern(place_of(i), MIB);
			spool_writer_put(w, p, i % 7 == 3 ? MIB - 100 : MIB, place_of(i));
		}
		CHECK(spool_writer_close(w, &e) == 0);
		spool_tuning = (struct spool_tuning){0};
		for (uint64_t i = 0; i < 150; i++) {
			size_t n = i % 7 == 3 ? MIB - 100 : MIB;
			autofree uint8_t *want = pattern(place_of(i), MIB);
			CHECK(pread(fd, got, n, (off_t)place_of(i)) == (ssize_t)n && !memcmp(got, want, n));
		}
	}
}

/* What was asked for ahead and left by zeros is free again. */
static void test_room_is_given_back(void)
{
	char path[] = "/var/tmp/backproof-spool-XXXXXX";
	struct error e = {0};
	struct stat st;
	autoclose int fd = mkstemp(path);
	NEED(fd >= 0 && unlink(path) == 0);
	spool_tuning = (struct spool_tuning){1, UINT64_MAX};
	struct spool_writer *w = spool_writer_open(fd, "test", 0, &e);
	NEED(w);
	for (uint64_t i = 0; i < 99; i++) {
		autofree uint8_t *p = pattern(i, MIB);
		spool_writer_put(w, p, MIB, i % 33 * MIB + i / 33 * 200 * MIB);
	}
	CHECK(spool_writer_close(w, &e) == 0);
	spool_tuning = (struct spool_tuning){0};
	NEED(fstat(fd, &st) == 0);
	CHECK(st.st_blocks * 512 <= (99 + 32 + 2) * (int64_t)MIB);
}

static void test_failure_is_told(void)
{
	struct error e = {0};
	autoclose int fd = open("/dev/full", O_RDWR | O_CLOEXEC);
	NEED(fd >= 0);
	struct spool_writer *w = spool_writer_open(fd, "full", 1024 * MIB, &e);
	NEED(w);
	for (uint64_t off = 0; off < 4 * RUN_MAX; off += RUN_MAX) {
		autofree uint8_t *p = pattern(off, RUN_MAX);
		spool_writer_put(w, p, RUN_MAX, off);
	}
	CHECK(spool_writer_close(w, &e) == -1 && e.cls == ERROR_LIMIT && strstr(e.text, "full"));
}

int main(void)
{
	RUN(test_in_memory);
	RUN(test_past_memory);
	RUN(test_ways_that_alternate);
	RUN(test_room_is_given_back);
	RUN(test_failure_is_told);
	return test_done();
}
