// SPDX-License-Identifier: GPL-3.0-or-later
/* Directories of every size: each name once, whether one read gives all of them or many do, ahead of who looks at them. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "../../src/catalog/scan.h"
#include "backproof/pool.h"
#include "test.h"

#define MOST 12000

static char root[] = "/tmp/backproof-scan-XXXXXX";

/* Long names: some 70 in one small piece. */
static void name_of(char out[256], size_t i)
{
	snprintf(out, 256, "%05zu-%0*d", i, 190, 7);
}

static void fill(int dir, size_t from, size_t to)
{
	char name[256];
	for (size_t i = from; i < to; i++) {
		name_of(name, i);
		autoclose int fd = openat(dir, name, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
		NEED(fd >= 0);
	}
}

struct seen {
	size_t total, stop; /* stop: at this one */
	uint8_t times[MOST];
};

static int see(void *ctx, int dir, const char *name, enum scan_type type, struct error *e)
{
	struct seen *s = ctx;
	size_t i = strtoul(name, NULL, 10);
	char want[256];
	name_of(want, i);
	CHECK(dir >= 0 && type == SCAN_FILE && i < MOST && !strcmp(name, want));
	s->times[i]++;
	return ++s->total == s->stop ? error_set(e, ERROR_LIMIT, ERROR_NO_OFFSET, "enough") : 0;
}

static int scan(size_t stop, struct seen *s, struct error *e)
{
	bool unreadable = false;
	autoclose int fd = scan_open(AT_FDCWD, root, true);
	NEED(fd >= 0);
	memset(s, 0, sizeof *s);
	s->stop = stop;
	int rc = scan_dir(fd, root, see, s, &unreadable, e);
	CHECK(!unreadable);
	return rc;
}

static void test_each_name_once(void)
{
	static const size_t sizes[] = {0, 1, 30, 40, 80, 400, 1300, 1400, MOST};
	static struct seen s;
	struct error e;
	autoclose int dir = scan_open(AT_FDCWD, root, true);
	NEED(dir >= 0);
	for (size_t k = 0, have = 0; k < ARRAY_SIZE(sizes); have = sizes[k++]) {
		fill(dir, have, sizes[k]);
		CHECK(scan(0, &s, &e) == 0 && s.total == sizes[k]);
		for (size_t i = 0; i < sizes[k]; i++)
			CHECK(s.times[i] == 1);
	}
}

/* What is read ahead is waited for, and not looked at. */
static void test_an_end_before_the_end(void)
{
	static const size_t stops[] = {1, 71, 1000, MOST - 1};
	static struct seen s;
	struct error e;
	for (size_t k = 0; k < ARRAY_SIZE(stops); k++)
		CHECK(scan(stops[k], &s, &e) == -1 && e.cls == ERROR_LIMIT && s.total == stops[k]);
}

static void scan_again(void *ctx, size_t i)
{
	struct seen *all = ctx;
	struct error e;
	CHECK(scan(0, &all[i], &e) == 0 && all[i].total == MOST);
}

static void test_many_at_once(void)
{
	static struct seen all[6];
	pool_each(ARRAY_SIZE(all), scan_again, all);
}

static void test_no_directory(void)
{
	static struct seen s;
	struct error e;
	bool unreadable = false;
	autoclose int fd = open("Makefile", O_RDONLY | O_CLOEXEC);
	NEED(fd >= 0);
	CHECK(scan_dir(fd, "Makefile", see, &s, &unreadable, &e) == -1 && unreadable && e.cls == ERROR_IO);
}

int main(void)
{
	char cmd[100];
	NEED(mkdtemp(root));
	RUN(test_each_name_once);
	RUN(test_an_end_before_the_end);
	RUN(test_many_at_once);
	RUN(test_no_directory);
	snprintf(cmd, sizeof cmd, "rm -rf %s", root);
	NEED(system(cmd) == 0);
	return test_done();
}
