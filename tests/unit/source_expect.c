// SPDX-License-Identifier: GPL-3.0-or-later
/* What is soon to be read is told to the source that has it, and to no place outside of it. */
#include <fcntl.h>
#include <sys/mman.h>

#include "backproof/source.h"
#include "test.h"

struct told {
	unsigned calls;
	uint64_t off, end; /* from the lowest to the highest byte that was named */
};

static int read_zeros(void *self, uint64_t off, void *buf, size_t len, struct error *e)
{
	(void)self;
	(void)off;
	(void)e;
	memset(buf, 0, len);
	return 0;
}

static void note(void *self, uint64_t off, uint64_t len)
{
	struct told *t = self;
	if (!t->calls++ || off < t->off)
		t->off = off;
	if (off + len > t->end)
		t->end = off + len;
}

static const struct source_ops telling = {.kind = "told", .read_at = read_zeros, .expect = note};

static struct source *disk(struct told *t)
{
	struct error e;
	*t = (struct told){0};
	struct source *s = source_new(&telling, t, MIB, "disk", &e);
	NEED(s);
	return s;
}

static void windows_shift_it(void)
{
	struct told t;
	struct error e;
	autosource struct source *d = disk(&t);
	autosource struct source *w = source_window(d, 4096, 64 * KIB, "w", &e);
	NEED(w);
	source_expect(w, 100, 50);
	CHECK_INT(t.calls, 1);
	CHECK_INT(t.off, 4196);
	CHECK_INT(t.end, 4246);
	/* What lies behind its end is another's. */
	source_expect(w, 60 * KIB, UINT64_MAX);
	CHECK_INT(t.calls, 2);
	CHECK_INT(t.end, 68 * KIB);
	source_expect(w, 64 * KIB, 1);
	source_expect(w, UINT64_MAX, UINT64_MAX);
	source_expect(w, 0, 0);
	CHECK_INT(t.calls, 2);
}

static void a_cache_wants_whole_clusters(void)
{
	struct told t;
	struct error e;
	autosource struct source *d = disk(&t);
	autosource struct source *o = source_overlay(d, 4096, &e);
	NEED(o);
	autosource struct source *c = source_cached(o, 16 * KIB, 8, &e);
	NEED(c);
	source_expect(c, 20 * KIB, 13 * KIB);
	CHECK_INT(t.calls, 1);
	CHECK_INT(t.off, 16 * KIB);
	CHECK_INT(t.end, 48 * KIB);
	source_expect(c, MIB - 1, 1);
	CHECK_INT(t.end, MIB);
}

static void pieces_get_their_own(void)
{
	struct told a, b;
	struct error e;
	autosource struct source *one = disk(&a);
	autosource struct source *two = disk(&b);
	struct source *both[] = {one, two};
	autosource struct source *all = source_concat(both, 2, "all", &e);
	NEED(all);
	source_expect(all, MIB - 10, 30);
	CHECK_INT(a.calls, 1);
	CHECK_INT(a.off, MIB - 10);
	CHECK_INT(a.end, MIB);
	CHECK_INT(b.calls, 1);
	CHECK_INT(b.off, 0);
	CHECK_INT(b.end, 20);
}

static void nothing_comes_of_it_elsewhere(void)
{
	struct error e;
	autosource struct source *m = source_memory("0123456789", 10, "m", &e);
	NEED(m);
	source_expect(m, 2, 5);
	CHECK_INT(source_bytes_read(m), 0);
	CHECK(!source_sticky(m));
}

/* Pages of the file that are in memory. */
static size_t resident(const char *path, size_t size)
{
	unsigned char pages[256];
	size_t n = 0;
	int fd = open(path, O_RDONLY);
	void *p = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
	NEED(fd >= 0 && p != MAP_FAILED && size <= sizeof pages * 4096 && mincore(p, size, pages) == 0);
	for (size_t i = 0; i < size / 4096; i++)
		n += pages[i] & 1;
	munmap(p, size);
	close(fd);
	return n;
}

/* A file that is read from memory is asked nothing of: that would only cost. */
static void a_warm_file_is_left_alone(void)
{
	char path[] = "/var/tmp/backproof-test-XXXXXX";
	char buf[4096] = "";
	struct error e;
	int fd = mkstemp(path);
	NEED(fd >= 0);
	for (int i = 0; i < 256; i++)
		NEED(write(fd, buf, sizeof buf) == sizeof buf);
	NEED(fsync(fd) == 0);
	autosource struct source *s = source_open_file(path, &e);
	NEED(s && posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED) == 0);
	size_t before = resident(path, MIB);
	source_expect(s, 512 * KIB, 4096);
	CHECK_INT(resident(path, MIB), before);
	/* That it may not be there after all is no reason to fail. */
	NEED(ftruncate(fd, 4096) == 0);
	source_expect(s, 512 * KIB, 4096);
	CHECK(!source_sticky(s));
	close(fd);
	unlink(path);
}

int main(void)
{
	RUN(windows_shift_it);
	RUN(a_cache_wants_whole_clusters);
	RUN(pieces_get_their_own);
	RUN(nothing_comes_of_it_elsewhere);
	RUN(a_warm_file_is_left_alone);
	return test_done();
}
