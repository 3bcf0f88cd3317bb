// SPDX-License-Identifier: GPL-3.0-or-later
/* What is remembered of a tree: the count, the sketch of its paths, and what nothing can compress. */
#include "../../src/subject/traits.h"

#include <fcntl.h>

#include "backproof/history.h"
#include "backproof/text.h"
#include "backproof/xxh64.h"
#include "../test.h"

static struct tree_traits one(const char *form, unsigned from, unsigned to, bool backwards)
{
	struct traits_walk w = {0};
	struct tree_traits t = {0};
	for (unsigned i = from; i < to; i++) {
		char path[64];
		snprintf(path, sizeof path, form, backwards ? to - 1 - (i - from) : i);
		traits_see(&w, path);
	}
	traits_add(&t, &w);
	traits_walk_free(&w);
	return t;
}

static bool same(const struct tree_traits *a, const struct tree_traits *b)
{
	return a->entries == b->entries && a->sketch_count == b->sketch_count &&
	       (!a->sketch_count || !memcmp(a->sketch, b->sketch, a->sketch_count * sizeof *a->sketch));
}

static int by_value(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;
	return *x < *y ? -1 : *x > *y;
}

/* Whatever the order and however the walks were cut: the very least hashes of all. */
static void test_sketch(void)
{
	enum { ALL = 50000 };
	static uint64_t all[ALL];
	char path[64];
	for (unsigned i = 0; i < ALL; i++) {
		snprintf(path, sizeof path, "srv/data/%u.txt", i);
		all[i] = xxh64(path, strlen(path));
	}
	qsort(all, ALL, sizeof *all, by_value);
	struct tree_traits t = one("srv/data/%u.txt", 0, ALL, false), back = one("srv/data/%u.txt", 0, ALL, true);
	CHECK_INT(t.entries, ALL);
	NEED(t.sketch_count == SKETCH_SIZE);
	CHECK(!memcmp(t.sketch, all, SKETCH_SIZE * sizeof *all));
	CHECK(same(&t, &back));
	struct tree_traits cut = {0};
	for (unsigned i = 0; i < 5; i++) {
		struct traits_walk w = {0};
		for (unsigned k = i * ALL / 5; k < (i + 1) * ALL / 5; k++) {
			snprintf(path, sizeof path, "srv/data/%u.txt", k);
			traits_see(&w, path);
		}
		traits_add(&cut, &w);
		traits_walk_free(&w);
	}
	CHECK(same(&t, &cut));
	free(t.sketch);
	free(back.sketch);
	free(cut.sketch);
}

static void test_few_and_none(void)
{
	struct tree_traits t = one("etc/%u", 0, 10, false);
	CHECK_INT(t.entries, 10);
	CHECK_INT(t.sketch_count, 10);
	free(t.sketch);
	t = one("etc/%u", 0, 0, false);
	CHECK_INT(t.entries, 0);
	CHECK(!t.sketch);
	/* The same path on two volumes is one path, and two files. */
	struct tree_traits twice = {0};
	for (int i = 0; i < 2; i++) {
		struct traits_walk w = {0};
		traits_see(&w, "lost+found/x");
		traits_add(&twice, &w);
		traits_walk_free(&w);
	}
	CHECK_INT(twice.entries, 2);
	CHECK_INT(twice.sketch_count, 1);
	free(twice.sketch);
}

static void test_fleeting(void)
{
	static const char *const paths[] = {"tmp/a", "var/cache/apt/x", "home/u/.cache/y", "var/tmp/z", "Windows/Temp/q",
					    "Users/u/AppData/Local/k", "srv/git/.git/objects/aa/bb"};
	struct traits_walk w = {0};
	struct tree_traits t = {0};
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++)
		traits_see(&w, paths[i]);
	traits_see(&w, "tmpfiles/kept");
	traits_add(&t, &w);
	traits_walk_free(&w);
	CHECK_INT(t.entries, ARRAY_SIZE(paths) + 1);
	CHECK_INT(t.sketch_count, 1);
	free(t.sketch);
}

/* Half a count is none. */
static void test_spoilt(void)
{
	struct tree_traits t = one("etc/%u", 0, 1000, false);
	traits_spoil(&t);
	CHECK(!t.entries && !t.sketch && !t.sketch_count);
	struct traits_walk w = {0};
	traits_see(&w, "etc/more");
	traits_add(&t, &w);
	traits_walk_free(&w);
	CHECK(!t.entries && !t.sketch);
}

static uint64_t random_state = 88172645463325252u;
static uint8_t random_byte(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (uint8_t)(random_state >> 32);
}

/* A file of `size` bytes, of which those from..to are random, and the others words. */
static int try_file(const char *name, size_t size, size_t from, size_t to, uint64_t *opaque, uint64_t *tried)
{
	char path[] = "/tmp/traits-XXXXXX";
	int fd = mkstemp(path);
	NEED(fd >= 0);
	unlink(path);
	autofree uint8_t *data = malloc(size + 1);
	NEED(data);
	for (size_t i = 0; i < size; i++)
		data[i] = i >= from && i < to ? random_byte() : (uint8_t)"the quick brown fox "[i % 20];
	NEED(write(fd, data, size) == (ssize_t)size);
	*opaque = *tried = 0;
	int rc = traits_try(fd, size, name, opaque, tried, NULL);
	close(fd);
	return rc;
}

static void test_opaque(void)
{
	uint64_t opaque, tried;
	CHECK_INT(try_file("home/u/a.txt", 100000, 0, 0, &opaque, &tried), 1);
	CHECK_INT(opaque, 0);
	CHECK_INT(tried, 65536);
	CHECK_INT(try_file("home/u/a.txt.locked", 100000, 0, 100000, &opaque, &tried), 1);
	CHECK_INT(opaque, 65536);
	CHECK_INT(try_file("home/u/short", 700, 0, 700, &opaque, &tried), 1);
	CHECK_INT(opaque, 700);
	/* Only the first block: the file is lost all the same. */
	CHECK_INT(try_file("home/u/a.doc", 100000, 0, 4096, &opaque, &tried), 1);
	CHECK_INT(opaque, 65536);
	CHECK_INT(try_file("home/u/a.doc", 65536, 8192, 16384, &opaque, &tried), 1);
	CHECK_INT(opaque, 8192);
	/* Left out of both. */
	static const char *const names[] = {"a.jpg", "x/B.ZIP", "boot/vmlinuz-6.1", "a.tar.zst", "lib/m.ko.xz"};
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		CHECK_INT(try_file(names[i], 100000, 0, 100000, &opaque, &tried), 0);
		CHECK_INT(opaque + tried, 0);
	}
	CHECK_INT(try_file("gz", 100000, 0, 100000, &opaque, &tried), 1);
	CHECK_INT(try_file("tiny", 100, 0, 100, &opaque, &tried), 0);
}

static void test_share(void)
{
	uint32_t share;
	struct tree_traits t = {.opaque_bytes = 250 * KIB, .tried_bytes = 500 * KIB, .tried_files = 20};
	CHECK(tree_traits_opaque(&t, &share));
	CHECK_INT(share, 500000);
	t.tried_files = 19;
	CHECK(!tree_traits_opaque(&t, &share));
	t = (struct tree_traits){.opaque_bytes = 100, .tried_bytes = 200 * KIB, .tried_files = 1000};
	CHECK(!tree_traits_opaque(&t, &share));
}

int main(void)
{
	RUN(test_sketch);
	RUN(test_few_and_none);
	RUN(test_fleeting);
	RUN(test_spoilt);
	RUN(test_opaque);
	RUN(test_share);
	return test_done();
}
