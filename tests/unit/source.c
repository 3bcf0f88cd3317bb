// SPDX-License-Identifier: GPL-3.0-or-later
#include <fcntl.h>

#include "backproof/pool.h"
#include "backproof/scratch.h"
#include "test.h"

static char dir[] = "/tmp/backproof-test-XXXXXX";

static char *in_dir(const char *name)
{
	static char path[256];
	snprintf(path, sizeof path, "%s/%s", dir, name);
	return path;
}

static void put(const char *path, const void *data, size_t len, int flags)
{
	int fd = open(path, O_WRONLY | O_CREAT | flags, 0600);
	NEED(fd >= 0 && write(fd, data, len) == (ssize_t)len && close(fd) == 0);
}

static void reads_are_exact(void)
{
	struct error e = {0};
	char buf[8] = "";
	autosource struct source *m = source_memory("0123456789", 10, "m", &e);
	CHECK_INT(source_read_at(m, 3, buf, 4, &e), 0);
	CHECK_STR(buf, "3456");
	CHECK(source_read_at(m, 8, buf, 3, &e) < 0);
	CHECK_INT(e.cls, ERROR_CORRUPT);
	CHECK(source_read_at(m, UINT64_MAX, buf, 3, &e) < 0);
	autosource struct source *w = source_window(m, 2, 5, "w", &e);
	CHECK_INT(source_read_at(w, 0, buf, 5, &e), 0);
	CHECK(!memcmp(buf, "23456", 5));
	CHECK(source_read_at(w, 1, buf, 5, &e) < 0);
	CHECK(!source_window(m, 8, 3, "out", &e));
	CHECK(!source_window(m, UINT64_MAX, 2, "wraps", &e));
	/* Asking beyond the end is no failure of the medium. */
	CHECK(!source_sticky(m));
}

static void a_changed_file_is_busy(void)
{
	struct error e = {0};
	char *path = in_dir("file");
	char buf[8];
	put(path, "12345678", 8, O_TRUNC);
	struct source *s = source_open_file(path, &e);
	NEED(s);
	CHECK_INT(source_same(s, &e), 0);
	put(path, "9", 1, O_APPEND);
	CHECK(source_same(s, &e) < 0);
	CHECK_INT(e.cls, ERROR_BUSY);
	source_destroy(s);

	s = source_open_file(path, &e);
	NEED(s && truncate(path, 4) == 0);
	CHECK(source_read_at(s, 0, buf, 8, &e) < 0);
	CHECK_INT(e.cls, ERROR_BUSY);
	CHECK(source_sticky(s) != NULL);
	source_destroy(s);

	s = source_open_file(path, &e);
	char other[256];
	snprintf(other, sizeof other, "%s", in_dir("other"));
	put(other, "1234", 4, O_TRUNC);
	path = in_dir("file");
	NEED(s && rename(other, path) == 0);
	CHECK(source_same(s, &e) < 0);
	source_destroy(s);

	s = source_open_file(path, &e);
	NEED(s && unlink(path) == 0);
	CHECK(source_same(s, &e) < 0);
	source_destroy(s);
	CHECK(!source_open_file(path, &e));
	CHECK_INT(e.cls, ERROR_IO);
	CHECK(!source_open_file("/dev/zero", &e));
	CHECK_INT(e.cls, ERROR_UNSUPPORTED);
}

/* Times of files move in ticks: a second write in the tick of the first must show all the same. */
static void a_write_in_the_same_tick_is_seen(void)
{
	char *path = in_dir("tick");
	for (int i = 0; i < 8; i++) {
		struct error e = {0};
		put(path, "one", 3, O_TRUNC);
		autosource struct source *s = source_open_file(path, &e);
		NEED(s);
		put(path, "two", 3, 0);
		CHECK(source_same(s, &e) < 0);
		CHECK_INT(e.cls, ERROR_BUSY);
	}
	NEED(unlink(path) == 0);
}

static void holes_are_seen(void)
{
	struct error e = {0};
	char *path = in_dir("sparse");
	put(path, "x", 1, O_TRUNC);
	NEED(truncate(path, 1 << 20) == 0);
	autosource struct source *s = source_open_file(path, &e);
	struct extent x;
	uint64_t off = 0, zeros = 0;
	while (off < source_size(s)) {
		CHECK_INT(source_extent_at(s, off, &x, &e), 0);
		zeros += x.zero ? x.length : 0;
		off += x.length;
	}
	CHECK_INT(off, 1 << 20);
	CHECK(zeros > 900 * KIB);
	CHECK(source_extent_at(s, off, &x, &e) < 0);
}

/* What is left of it would read as zeros. */
static void what_was_given_up_is_not_read(void)
{
	struct error e = {0};
	struct extent x;
	char buf[8];
	put(in_dir("given-up"), "12345678", 8, O_TRUNC);
	int fd = open(in_dir("given-up"), O_RDWR);
	NEED(fd >= 0);
	autosource struct source *s = source_open_fd(fd, "scratch", &e);
	NEED(s);
	autosource struct source *w = source_window(s, 2, 4, "w", &e);
	NEED(w && source_read_at(w, 0, buf, 4, &e) == 0 && source_extent_at(w, 0, &x, &e) == 0);
	source_give_up(w);
	CHECK(source_read_at(w, 0, buf, 4, &e) == 0);
	source_give_up(s);
	CHECK(source_read_at(w, 0, buf, 4, &e) < 0);
	CHECK_INT(e.cls, ERROR_INTERNAL);
	CHECK(source_extent_at(w, 0, &x, &e) < 0);
	CHECK_INT(e.cls, ERROR_INTERNAL);
	struct stat st;
	CHECK(fstat(fd, &st) == 0 && st.st_size == 0);
}

static void overlay_replaces_blocks(void)
{
	struct error e = {0};
	static uint8_t base[16 * 512], block[512], got[16 * 512];
	for (size_t i = 0; i < sizeof base; i++)
		base[i] = (uint8_t)(i / 512);
	autosource struct source *m = source_memory(base, sizeof base, "m", &e);
	autosource struct source *o = source_overlay(m, 512, &e);
	for (unsigned round = 0; round < 2000; round++) {
		memset(block, (int)(100 + round % 50), sizeof block);
		CHECK_INT(overlay_put(o, 3, block, &e), 0);
		CHECK_INT(overlay_put(o, 1000 + round, block, &e), 0); /* the table grows */
	}
	CHECK_INT(overlay_count(o), 2001);
	CHECK_INT(source_read_at(o, 0, got, sizeof got, &e), 0);
	CHECK_INT(got[3 * 512 - 1], 2);
	CHECK_INT(got[3 * 512], 149);
	CHECK_INT(got[4 * 512 - 1], 149);
	CHECK_INT(got[4 * 512], 4);
	CHECK_INT(source_read_at(o, 3 * 512 + 10, got, 5, &e), 0);
	CHECK_INT(got[0], 149);
	CHECK_INT(base[3 * 512], 3);
}

static void cache_gives_the_same_bytes(void)
{
	struct error e = {0};
	static uint8_t base[100001], got[9000];
	struct rng r = {42};
	for (size_t i = 0; i < sizeof base; i++)
		base[i] = (uint8_t)rng_next(&r);
	autosource struct source *m = source_memory(base, sizeof base, "m", &e);
	autosource struct source *c = source_cached(m, 4096, 8, &e);
	for (int i = 0; i < 3000; i++) {
		size_t len = rng_below(&r, sizeof got), off = rng_below(&r, sizeof base - len);
		CHECK_INT(source_read_at(c, off, got, len, &e), 0);
		CHECK(!memcmp(got, base + off, len));
	}
	CHECK(source_read_at(c, sizeof base - 1, got, 2, &e) < 0);
}

struct at_once {
	struct source *cached;
	const uint8_t *base;
	size_t size;
	_Atomic unsigned wrong;
};

static void read_at_random(void *ctx, size_t i)
{
	struct at_once *x = ctx;
	struct rng r = {i};
	struct error e = {0};
	uint8_t got[9000];
	for (int k = 0; k < 500; k++) {
		size_t len = rng_below(&r, sizeof got), off = rng_below(&r, x->size - len);
		x->wrong += source_read_at(x->cached, off, got, len, &e) < 0 || memcmp(got, x->base + off, len);
	}
}

/* Few clusters, so that threads push out what others are about to read. */
static void cache_is_read_by_several(void)
{
	struct error e = {0};
	static uint8_t base[400001];
	struct rng r = {43};
	for (size_t i = 0; i < sizeof base; i++)
		base[i] = (uint8_t)rng_next(&r);
	autosource struct source *m = source_memory(base, sizeof base, "m", &e);
	for (uint32_t clusters = 4; clusters <= 80; clusters += 76) {
		autosource struct source *c = source_cached(m, 4096, clusters, &e);
		struct at_once x = {.cached = c, .base = base, .size = sizeof base};
		pool_each(16, read_at_random, &x);
		CHECK_INT(x.wrong, 0);
	}
}

static void spool_keeps_what_is_not_zero(void)
{
	struct error e = {0};
	size_t size = 5 * MIB + 123;
	uint8_t *data = calloc(1, size), *got = malloc(size);
	data[0] = 1;
	memset(data + 2 * MIB, 7, 10000);
	data[size - 1] = 9;
	struct scratch *sc = scratch_open(in_dir("scratch"), 64 * MIB, &e);
	NEED(sc);
	struct source *m = source_memory(data, size, "m", &e);
	struct stream *s = stream_from_source(m, &e);
	struct source *spool = spool_stream(sc, s, 0, NULL, &e);
	NEED(spool);
	CHECK_INT(source_size(spool), size);
	CHECK_INT(source_read_at(spool, 0, got, size, &e), 0);
	CHECK(!memcmp(data, got, size));
	CHECK(source_stat(spool)->st_blocks * 512 < 256 * 1024);
	/* What is taken of scratch is what was not zero. */
	CHECK_INT(scratch_charge(sc, 63 * MIB, &e), 0);
	scratch_refund(sc, 63 * MIB);
	source_destroy(spool);
	stream_destroy(s);
	struct scratch *small = scratch_open(in_dir("scratch"), MIB, &e);
	NEED(small);
	s = stream_from_source(m, &e);
	spool = spool_stream(small, s, 0, NULL, &e);
	CHECK(spool && source_size(spool) == size);
	source_destroy(spool);
	stream_destroy(s);
	scratch_destroy(small);

	/* Too small a scratch: no source, but the stream is proved to its end, and the need is named. */
	struct scratch *tiny = scratch_open(in_dir("scratch"), 1 * KIB, &e);
	NEED(tiny);
	s = stream_from_source(m, &e);
	CHECK(!spool_stream(tiny, s, 0, NULL, &e));
	CHECK_INT(e.cls, ERROR_LIMIT);
	CHECK_INT(stream_state(s), STREAM_FINISHED);
	CHECK(strstr(e.text, "scratch needs more than its limit of 1.0 KiB (scratch_limit)") != NULL);
	stream_destroy(s);
	scratch_destroy(tiny);
	scratch_destroy(sc);
	source_destroy(m);
	free(data);
	free(got);
}

static void scratch_leaves_nothing(void)
{
	struct error e = {0};
	char path[300], kept[300];
	struct stat st;
	struct scratch *a = scratch_open(in_dir("scratch"), 0, &e);
	NEED(a);
	CHECK(stat(scratch_path(a), &st) == 0 && (st.st_mode & 0777) == 0700);
	snprintf(path, sizeof path, "%s/deep", scratch_path(a));
	NEED(mkdir(path, 0700) == 0);
	snprintf(path, sizeof path, "%s/deep/file", scratch_path(a));
	put(path, "x", 1, 0);
	snprintf(path, sizeof path, "%s/deep", scratch_path(a));
	NEED(chmod(path, 0500) == 0);

	/* What a killed run left is removed by the next; what a living one uses is not. */
	snprintf(kept, sizeof kept, "%s", scratch_path(a));
	snprintf(path, sizeof path, "%s/run-1-dead", in_dir("scratch"));
	NEED(mkdir(path, 0700) == 0);
	struct scratch *b = scratch_open(in_dir("scratch"), 0, &e);
	NEED(b);
	CHECK(stat(path, &st) < 0);
	CHECK(stat(kept, &st) == 0);
	scratch_destroy(b);
	scratch_destroy(a);
	CHECK(stat(kept, &st) < 0);
	/* Nothing is left below, or this fails. */
	CHECK(rmdir(in_dir("scratch")) == 0);
}

static void scratch_that_others_write_is_refused(void)
{
	struct error e = {0};
	char *path = in_dir("open");
	NEED(mkdir(path, 0700) == 0 && chmod(path, 0777) == 0);
	CHECK(!scratch_open(path, 0, &e));
	CHECK(chmod(path, 01777) == 0);
	struct scratch *s = scratch_open(path, 0, &e);
	CHECK(s != NULL);
	scratch_destroy(s);
	rmdir(path);
	CHECK(!scratch_open("/proc/nowhere/at/all", 0, &e));
}

int main(void)
{
	NEED(mkdtemp(dir));
	RUN(reads_are_exact);
	RUN(a_changed_file_is_busy);
	RUN(a_write_in_the_same_tick_is_seen);
	RUN(holes_are_seen);
	RUN(what_was_given_up_is_not_read);
	RUN(overlay_replaces_blocks);
	RUN(cache_gives_the_same_bytes);
	RUN(cache_is_read_by_several);
	RUN(spool_keeps_what_is_not_zero);
	RUN(scratch_leaves_nothing);
	RUN(scratch_that_others_write_is_refused);
	char command[300];
	snprintf(command, sizeof command, "rm -rf %s", dir);
	return system(command) || test_done();
}
