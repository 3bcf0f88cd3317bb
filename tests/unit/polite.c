// SPDX-License-Identifier: GPL-3.0-or-later
/* How fast stored bytes are read, and what their reading leaves in the page cache. */
#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/statfs.h>
#include <sys/wait.h>

#include "backproof/footprint.h"
#include "backproof/pace.h"
#include "backproof/source.h"
#include "test.h"

#define TMPFS 0x01021994
#define FILE_SIZE (32 * MIB)

static char dir[128], path[160];
static bool in_memory; /* files lie in the page cache and nowhere else: nothing can be dropped */

static double elapsed(int64_t start)
{
	return (double)(monotonic_ns() - start) / 1e9;
}

static void *take_two_mib(void *arg)
{
	struct error e;
	for (int i = 0; i < 32; i++)
		NEED(pace_take(arg, 64 * KIB, NULL, &e) == 0);
	return NULL;
}

static void a_pace_is_shared(void)
{
	struct error e;
	pthread_t threads[4];
	autodestroy(pace_destroy_auto) struct pace *p = pace_new(16 * MIB, &e);
	NEED(p);
	CHECK_INT(pace_piece(p), 512 * KIB);
	int64_t start = monotonic_ns();
	for (int i = 0; i < 4; i++)
		NEED(pthread_create(&threads[i], NULL, take_two_mib, p) == 0);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	/* A half of a second, and what may be made up for is a tenth. */
	CHECK(elapsed(start) > 0.38);
	CHECK(elapsed(start) < 5);
}

static void a_pause_ends_with_the_deadline(void)
{
	struct error e = {0};
	struct budget b;
	autodestroy(pace_destroy_auto) struct pace *p = pace_new(64 * KIB, &e);
	NEED(p);
	budget_init(&b);
	b.deadline_ns = monotonic_ns() + 100000000;
	int64_t start = monotonic_ns();
	CHECK_INT(pace_take(p, 16 * MIB, &b, &e), 0);
	CHECK(pace_take(p, 1, &b, &e) < 0);
	CHECK_INT(e.cls, ERROR_LIMIT);
	CHECK(elapsed(start) > 0.09 && elapsed(start) < 5);
	b.deadline_ns = 0;
	stop_signal = SIGTERM;
	CHECK(pace_take(p, 1, &b, &e) < 0);
	CHECK_INT(e.cls, ERROR_LIMIT);
	stop_signal = 0;
}

/* Byte n of the file. */
static uint8_t byte_at(uint64_t n)
{
	return (uint8_t)(n >> 12 ^ n);
}

static void make_file(void)
{
	autofree uint8_t *data = malloc(FILE_SIZE);
	NEED(data);
	for (uint64_t i = 0; i < FILE_SIZE; i++)
		data[i] = byte_at(i);
	autoclose int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	NEED(fd >= 0 && write(fd, data, FILE_SIZE) == (ssize_t)FILE_SIZE && fsync(fd) == 0);
}

/* How many MiB of size from off are cached. */
static unsigned cached(uint64_t off, uint64_t size)
{
	autoclose int fd = open(path, O_RDONLY);
	size_t page = (size_t)sysconf(_SC_PAGESIZE), count = size / page, n = 0;
	autofree unsigned char *pages = malloc(count);
	void *map = mmap(NULL, size, PROT_NONE, MAP_SHARED, fd, (off_t)off);
	NEED(fd >= 0 && pages && map != MAP_FAILED && mincore(map, size, pages) == 0);
	munmap(map, size);
	for (size_t i = 0; i < count; i++)
		n += pages[i] & 1;
	return (unsigned)(n * page / MIB);
}

static void drop_from(uint64_t off)
{
	autoclose int fd = open(path, O_RDONLY);
	/* What is still being read ahead stays: once more. */
	for (int i = 0; i < 100 && !in_memory && (i == 0 || cached(off, FILE_SIZE - off)); i++) {
		NEED(fd >= 0 && posix_fadvise(fd, (off_t)off, 0, POSIX_FADV_DONTNEED) == 0);
		usleep(i * 1000);
	}
}

static void warm(void)
{
	autofree char *data = malloc(FILE_SIZE);
	autoclose int fd = open(path, O_RDONLY);
	NEED(data && fd >= 0 && read(fd, data, FILE_SIZE) == (ssize_t)FILE_SIZE);
}

static void *read_some(void *arg)
{
	struct error e;
	uint8_t data[8192];
	struct rng rng = {7};
	for (int i = 0; i < 200; i++) {
		uint64_t at = rng_below(&rng, FILE_SIZE - sizeof data);
		NEED(source_read_at(arg, at, data, sizeof data, &e) == 0);
		NEED(data[0] == byte_at(at) && data[8191] == byte_at(at + 8191));
	}
	return NULL;
}

/* One after the other, in pieces of 1 MiB, while others read here and there. */
static int read_all(const struct budget *b, struct error *e)
{
	pthread_t threads[2];
	autofree uint8_t *data = malloc(MIB);
	autosource struct source *s = source_open_file(path, e);
	NEED(data && s);
	source_pace(s, b);
	for (int i = 0; i < 2 && !b; i++)
		NEED(pthread_create(&threads[i], NULL, read_some, s) == 0);
	int rc = 0;
	for (uint64_t at = 0; rc == 0 && at < FILE_SIZE; at += MIB) {
		rc = source_read_at(s, at, data, MIB, e);
		for (uint64_t i = 0; i < MIB && rc == 0; i += 999)
			NEED(data[i] == byte_at(at + i));
	}
	for (int i = 0; i < 2 && !b; i++)
		pthread_join(threads[i], NULL);
	return rc;
}

static void a_source_keeps_the_pace(void)
{
	struct error e = {0};
	struct budget b;
	autodestroy(pace_destroy_auto) struct pace *p = pace_new(48 * MIB, &e);
	NEED(p);
	budget_init(&b);
	b.pace = p;
	int64_t start = monotonic_ns();
	CHECK_INT(read_all(&b, &e), 0);
	CHECK(elapsed(start) > 0.5);
	CHECK(elapsed(start) < 10);
	b.deadline_ns = monotonic_ns() + 200000000;
	CHECK(read_all(&b, &e) < 0);
	CHECK_INT(e.cls, ERROR_LIMIT);
}

static void what_was_not_cached_is_not(void)
{
	struct error e = {0};
	for (int i = 0; i < 3; i++) {
		drop_from(0);
		CHECK_INT(read_all(NULL, &e), 0);
		CHECK(in_memory || cached(0, FILE_SIZE) <= 1);
	}
}

static void what_was_cached_stays(void)
{
	struct error e = {0};
	unsigned before = 0, after = 0;
	drop_from(0);
	/* The machine may take some back by itself: again, then. */
	for (int i = 0; i < 5 && (!i || after < before || before < 30); i++) {
		warm();
		before = cached(0, FILE_SIZE);
		CHECK_INT(read_all(NULL, &e), 0);
		after = cached(0, FILE_SIZE);
	}
	CHECK(after >= before && before >= 30);
}

static void the_half_that_was_cached_stays(void)
{
	struct error e = {0};
	unsigned before = 0, after = 0;
	for (int i = 0; i < 5 && (!i || after < before || before < 14); i++) {
		drop_from(0);
		warm();
		drop_from(FILE_SIZE / 2);
		before = cached(0, FILE_SIZE / 2);
		CHECK_INT(read_all(NULL, &e), 0);
		after = cached(0, FILE_SIZE / 2);
	}
	CHECK(after >= before && before >= 14);
	CHECK(in_memory || cached(FILE_SIZE / 2, FILE_SIZE / 2) <= 1);
}

/* One page: whoever had it, wants it. */
static void a_single_page_stays(void)
{
	struct error e = {0};
	char byte;
	drop_from(0);
	autoclose int fd = open(path, O_RDONLY);
	NEED(fd >= 0 && posix_fadvise(fd, 0, 0, POSIX_FADV_RANDOM) == 0 && pread(fd, &byte, 1, 9 * MIB + 5000) == 1);
	CHECK_INT(read_all(NULL, &e), 0);
	CHECK_INT(cached(8 * MIB, 2 * MIB), 2);
	CHECK(in_memory || cached(0, FILE_SIZE) <= 4);
}

static void no_more_than_the_limit_is_held(void)
{
	struct error e = {0};
	struct stat st;
	char data[4096];
	footprint_limit(4 * MIB);
	drop_from(0);
	autoclose int fd = open(path, O_RDONLY);
	struct footprint *f = NULL;
	NEED(fd >= 0 && posix_fadvise(fd, 0, 0, POSIX_FADV_RANDOM) == 0 && fstat(fd, &st) == 0);
	NEED(footprint_open(fd, &st, &f, &e) == 0 && f);
	for (uint64_t at = 0; at < FILE_SIZE; at += sizeof data) {
		footprint_before(f, at, sizeof data);
		NEED(pread(fd, data, sizeof data, (off_t)at) == sizeof data);
	}
	/* What may be read ahead counts as well. */
	CHECK(in_memory || cached(0, FILE_SIZE) < 16);
	footprint_close(f);
	CHECK(in_memory || cached(0, FILE_SIZE) == 0);
	footprint_limit(memory_available() / 8);
}

/* Who may not write the file is not told what is cached. The kernel says that all is; it is not believed. */
static void a_stranger_drops_what_he_reads(void)
{
	int status;
	if (geteuid() != 0)
		return;
	drop_from(0);
	fflush(NULL);
	pid_t pid = fork();
	NEED(pid >= 0);
	if (!pid) {
		struct error e = {0};
		_exit(setgid(65534) < 0 || setuid(65534) < 0 || read_all(NULL, &e) < 0);
	}
	NEED(waitpid(pid, &status, 0) == pid);
	CHECK_INT(status, 0);
	CHECK(in_memory || cached(0, FILE_SIZE) <= 1);
}

static void a_huge_file_costs_little(void)
{
	struct error e = {0};
	struct rusage use, before;
	NEED(getrusage(RUSAGE_SELF, &before) == 0);
	char data[100];
	struct rng rng = {3};
	char *huge = strcat(strcpy((char[200]){0}, path), "-huge");
	autoclose int fd = open(huge, O_RDWR | O_CREAT, 0600);
	uint64_t size = 8 * 1024 * GIB;
	if (ftruncate(fd, (off_t)size) < 0)
		NEED(ftruncate(fd, (off_t)(size = GIB)) == 0);
	struct source *s = source_open_file(huge, &e);
	NEED(s);
	for (int i = 0; i < 500; i++)
		NEED(source_read_at(s, rng_below(&rng, size - sizeof data), data, sizeof data, &e) == 0);
	source_destroy(s);
	unlink(huge);
	NEED(getrusage(RUSAGE_SELF, &use) == 0);
#ifndef __SANITIZE_THREAD__ /* which keeps a shadow of all that is mapped */
	CHECK(use.ru_maxrss < before.ru_maxrss + 200 * 1024);
#endif
	CHECK(memory_available() > MIB);
}

static void others_have_no_footprint(void)
{
	struct error e = {0};
	struct footprint *f;
	struct stat st;
	autoclose int fd = open("/dev/null", O_RDONLY);
	NEED(fd >= 0 && fstat(fd, &st) == 0);
	CHECK_INT(footprint_open(fd, &st, &f, &e), 0);
	CHECK(!f);
	footprint_before(NULL, 0, 1);
	footprint_close(NULL);
}

int main(void)
{
	struct statfs fs;
	const char *const places[] = {getenv("TMPDIR"), "/tmp", "/var/tmp"};
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		in_memory = places[i] && statfs(places[i], &fs) == 0 && fs.f_type == TMPFS;
		snprintf(dir, sizeof dir, "%s/backproof-polite-XXXXXX", places[i] ? places[i] : "/tmp");
		if (places[i] && !in_memory)
			break;
	}
	NEED(mkdtemp(dir) && chmod(dir, 0755) == 0);
	snprintf(path, sizeof path, "%s/file", dir);
	make_file();
	RUN(a_pace_is_shared);
	RUN(a_pause_ends_with_the_deadline);
	RUN(a_source_keeps_the_pace);
	RUN(what_was_not_cached_is_not);
	RUN(what_was_cached_stays);
	RUN(the_half_that_was_cached_stays);
	RUN(a_single_page_stays);
	RUN(no_more_than_the_limit_is_held);
	RUN(a_stranger_drops_what_he_reads);
	RUN(a_huge_file_costs_little);
	RUN(others_have_no_footprint);
	unlink(path);
	rmdir(dir);
	return test_done();
}
