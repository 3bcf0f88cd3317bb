// SPDX-License-Identifier: GPL-3.0-or-later
/* A source read once: every digest as if it were the only one, holes as the zeros that they are, failures as failures. */
#include "backproof/sweep.h"

#include <fcntl.h>
#include <pthread.h>
#include <time.h>
#include <unistd.h>

#include "backproof/pool.h"
#include "test.h"

#define CHUNK MERKLE_CHUNK
#define ALL ((1u << DIGEST_KINDS) - 1)
#define TREE (1u << DIGEST_FSVERITY)

/* Memory, some of whose ranges are told to be zero, and one of which can't be read. */
struct fake {
	uint8_t *data;
	size_t size;
	struct {
		size_t from, to;
	} holes[8];
	size_t hole_count;
	uint64_t bad; /* where reading fails; UINT64_MAX: nowhere */
	size_t step;  /* extents are told in steps of so many bytes; 0: whole */
	_Atomic uint64_t asked;
	bool slow;
};

static int fake_read_at(void *self, uint64_t off, void *buf, size_t len, struct error *e)
{
	struct fake *f = self;
	f->asked += len;
	if (f->bad >= off && f->bad < off + len)
		return error_set(e, ERROR_IO, (int64_t)f->bad, "bad sector");
	if (f->slow)
		nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
	memcpy(buf, f->data + off, len);
	return 0;
}

static int fake_extent_at(void *self, uint64_t off, struct extent *out, struct error *e)
{
	struct fake *f = self;
	(void)e;
	for (size_t i = 0; i < f->hole_count; i++) {
		if (off >= f->holes[i].to)
			continue;
		out->zero = off >= f->holes[i].from;
		out->length = (out->zero ? f->holes[i].to : f->holes[i].from) - off;
		break;
	}
	if (f->step && out->length > f->step)
		out->length = f->step;
	return 0;
}

static const struct source_ops fake_ops = {"fake", fake_read_at, fake_extent_at, NULL};

static struct source *open_fake(struct fake *f)
{
	struct error e;
	struct source *s = source_new(&fake_ops, f, f->size, "disk.img", &e);
	NEED(s);
	return s;
}

static struct fake noise(size_t size)
{
	struct rng rng = {size + 1};
	struct fake f = {.data = malloc(size + 8), .size = size, .bad = UINT64_MAX};
	NEED(f.data);
	for (size_t i = 0; i < size; i += 8) {
		uint64_t v = rng_next(&rng);
		memcpy(f.data + i, &v, 8);
	}
	return f;
}

static void hole(struct fake *f, size_t from, size_t to)
{
	memset(f->data + from, 0, to - from);
	f->holes[f->hole_count].from = from;
	f->holes[f->hole_count++].to = to;
}

/* One after the other, by nothing that is tried here. */
static void reference(const struct fake *f, unsigned mask, uint8_t out[DIGEST_KINDS][DIGEST_MAX])
{
	for (int k = 0; k < DIGEST_KINDS; k++) {
		struct error e;
		if (!(mask & 1u << k))
			continue;
		struct digest *d = digest_new((enum digest_kind)k, &e);
		NEED(d);
		digest_update(d, f->data, f->size);
		NEED(digest_final(d, out[k], &e) == 0);
		digest_destroy(d);
	}
}

static void compare(const char *what, const struct fake *f, const struct sweep *w)
{
	uint8_t want[DIGEST_KINDS][DIGEST_MAX];
	reference(f, w->mask, want);
	for (int k = 0; k < DIGEST_KINDS; k++) {
		if (!(w->mask & 1u << k) || !memcmp(want[k], w->digests[k], digest_size((enum digest_kind)k)))
			continue;
		fprintf(stderr, "%s, %zu bytes: another %s\n", what, f->size, digest_name((enum digest_kind)k));
		test_bad_here++;
	}
	CHECK(w->read + w->zero == f->size);
}

static void try(const char *what, struct fake *f, unsigned mask)
{
	struct error e = {0};
	struct source *s = open_fake(f);
	_Atomic uint64_t progress = 5;
	struct sweep w = {.mask = mask, .progress = &progress};
	f->asked = 0;
	if (sweep_source(s, &w, &e) < 0) {
		fprintf(stderr, "%s: %s\n", what, e.text);
		test_bad_here++;
	} else {
		compare(what, f, &w);
		CHECK(progress == f->size + 5);
		/* Each byte once, and what was said to be read is what was. */
		CHECK(f->asked == w.read);
	}
	source_destroy(s);
}

static void every_size(void)
{
	static const size_t sizes[] = {0,	  1,	     4095,	4096,	       4097,	      CHUNK - 1,      CHUNK,
				       CHUNK + 1, 2 * CHUNK, 2 * CHUNK + 1, 9 * CHUNK + 5, 17 * CHUNK - 1, 18 * CHUNK};
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct fake f = noise(sizes[i]);
		try("dense", &f, TREE);
		try("dense, all kinds", &f, ALL);
		try("dense, one kind", &f, 1u << DIGEST_SHA256);
		try("dense, none", &f, 0);
		free(f.data);
	}
}

static void holes(void)
{
	size_t size = 11 * CHUNK + 4097;
	for (int variant = 0; variant < 9; variant++) {
		struct fake f = noise(size);
		switch (variant) {
		case 0: hole(&f, 0, size); break;
		case 1: hole(&f, 0, 1); break;
		case 2: hole(&f, 0, 4 * CHUNK); break;
		case 3: hole(&f, CHUNK / 2, 7 * CHUNK - 1); break;
		case 4: hole(&f, 3 * CHUNK + 4096, size); break;
		case 5: hole(&f, size - 1, size); break;
		case 6:
			hole(&f, 100, 200);
			hole(&f, 4096, 8192);
			hole(&f, 12288, CHUNK);
			hole(&f, CHUNK + 1, 3 * CHUNK);
			hole(&f, 3 * CHUNK + 1, 9 * CHUNK + 77);
			break;
		case 7: hole(&f, 2 * CHUNK, 10 * CHUNK); break;
		default: /* Zeros that nothing tells of */
			memset(f.data + CHUNK, 0, 9 * CHUNK);
			break;
		}
		f.step = 0;
		try("holes", &f, TREE);
		try("holes, several kinds", &f, TREE | 1u << DIGEST_SHA256 | 1u << DIGEST_SHA512);
		f.step = 100000;
		try("holes told bit by bit", &f, TREE | 1u << DIGEST_MD5);
		f.hole_count = 0;
		try("the same without holes", &f, TREE);
		free(f.data);
	}
}

/* A file with 1 TiB of nothing: in no time, by the file system's own account. */
static void large_file(void)
{
	const char *tmp = getenv("TMPDIR");
	char path[300];
	struct error e;
	uint8_t got[DIGEST_MAX], *data = malloc(3 * CHUNK);
	struct merkle *m = merkle_new(&e);
	uint64_t tib = UINT64_C(1) << 40, at = 700 * GIB + 12345;
	NEED(data && m);
	memset(data, 0x11, 3 * CHUNK);
	snprintf(path, sizeof path, "%s/sweep.XXXXXX", tmp && *tmp ? tmp : "/tmp");
	int fd = mkstemp(path);
	NEED(fd >= 0);
	unlink(path);
	if (ftruncate(fd, (off_t)tib) < 0) {
		/* A file system of small files: as much as it takes. */
		tib = 64 * GIB;
		at = 20 * GIB + 12345;
		NEED(ftruncate(fd, (off_t)tib) == 0);
	}
	NEED(pwrite(fd, data, 3 * CHUNK, (off_t)at) == (ssize_t)(3 * CHUNK));
	struct source *s = source_open_fd(fd, "large.img", &e);
	struct sweep w = {.mask = TREE};
	NEED(s);
	int64_t from = monotonic_ns();
	CHECK_INT(sweep_source(s, &w, &e), 0);
	CHECK(monotonic_ns() - from < 5000000000);
	merkle_zeros(m, at);
	merkle_update(m, data, 3 * CHUNK);
	merkle_zeros(m, tib - at - 3 * CHUNK);
	CHECK_INT(merkle_final(m, got, &e), 0);
	CHECK(!memcmp(got, w.digests[DIGEST_FSVERITY], 32));
	CHECK(w.read + w.zero == tib);
	CHECK(w.read < 8 * CHUNK);
	source_destroy(s);
	merkle_destroy(m);
	free(data);
}

static void failures(void)
{
	static const size_t bad[] = {0, 1, CHUNK, 5 * CHUNK + 7, 20 * CHUNK - 1};
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct fake f = noise(20 * CHUNK);
		struct sweep w = {.mask = i % 2 ? ALL : TREE};
		struct error e = {0};
		struct source *s = open_fake(&f);
		f.bad = bad[i];
		CHECK_INT(sweep_source(s, &w, &e), -1);
		CHECK_INT(e.cls, ERROR_IO);
		CHECK_INT(e.offset, bad[i]);
		source_destroy(s);
		free(f.data);
	}
	/* No time left: seen soon. */
	struct fake f = noise(40 * CHUNK);
	struct source *s = open_fake(&f);
	struct budget b;
	struct error e = {0};
	budget_init(&b);
	f.slow = true;
	b.deadline_ns = monotonic_ns() + 10000000;
	struct sweep w = {.mask = ALL, .budget = &b};
	CHECK_INT(sweep_source(s, &w, &e), -1);
	CHECK_INT(e.cls, ERROR_LIMIT);
	CHECK(f.asked < f.size);
	source_destroy(s);
	free(f.data);
	/* ... also while zeros go through a digest that has to see each of them. */
	f = (struct fake){.size = 100 * GIB, .bad = UINT64_MAX, .hole_count = 1, .holes = {{0, 100 * GIB}}};
	s = open_fake(&f);
	b.deadline_ns = monotonic_ns() + 50000000;
	w = (struct sweep){.mask = 1u << DIGEST_SHA256, .budget = &b};
	int64_t from = monotonic_ns();
	CHECK_INT(sweep_source(s, &w, &e), -1);
	CHECK_INT(e.cls, ERROR_LIMIT);
	CHECK(monotonic_ns() - from < 30000000000);
	source_destroy(s);
}

static void count_chunks(void *ctx, uint64_t first, uint64_t count, const uint8_t hash[MERKLE_HASH])
{
	uint64_t *next = ctx;
	(void)hash;
	CHECK(first == *next);
	*next += count;
}

static void chunks_are_shown(void)
{
	struct fake f = noise(20 * CHUNK + 1);
	uint64_t next = 0;
	struct error e;
	struct source *s = open_fake(&f);
	hole(&f, 3 * CHUNK, 9 * CHUNK);
	struct sweep w = {.mask = TREE, .observer = count_chunks, .ctx = &next};
	CHECK_INT(sweep_source(s, &w, &e), 0);
	CHECK_INT(next, 21);
	source_destroy(s);
	free(f.data);
}

static void *in_a_thread(void *arg)
{
	try("beside others", arg, TREE | 1u << DIGEST_SHA256);
	return NULL;
}

/* Many files of several hosts, some of which get by with fewer slots. */
static void side_by_side(void)
{
	struct fake f[16];
	pthread_t threads[16];
	for (size_t i = 0; i < ARRAY_SIZE(f); i++) {
		f[i] = noise(4 * CHUNK + i * 99991);
		hole(&f[i], CHUNK + i, 3 * CHUNK - i);
		NEED(pthread_create(&threads[i], NULL, in_a_thread, &f[i]) == 0);
	}
	for (size_t i = 0; i < ARRAY_SIZE(f); i++) {
		pthread_join(threads[i], NULL);
		free(f[i].data);
	}
}

/* Digests of the caller's see one source after the other, as if they were one, while each has its own. */
static void go_on(void)
{
	struct error e = {0};
	struct fake whole = noise(21 * CHUNK + 77), pieces[3];
	const size_t ends[] = {9 * CHUNK + 5, 9 * CHUNK + 6, whole.size};
	uint8_t want[DIGEST_KINDS][DIGEST_MAX], got[DIGEST_MAX];
	struct digest *beside[DIGEST_KINDS] = {NULL};
	hole(&whole, 3 * CHUNK, 7 * CHUNK);
	reference(&whole, ALL, want);
	for (int k = 0; k < DIGEST_KINDS; k++)
		NEED((beside[k] = digest_new((enum digest_kind)k, &e)));
	for (size_t i = 0, from = 0; i < ARRAY_SIZE(ends); from = ends[i++]) {
		struct fake *f = &pieces[i];
		*f = (struct fake){.data = whole.data + from, .size = ends[i] - from, .bad = UINT64_MAX};
		if (!i)
			hole(f, 3 * CHUNK, 7 * CHUNK);
		struct source *s = open_fake(f);
		struct sweep w = {.mask = i == 1 ? 0 : ALL, .beside = beside};
		CHECK_INT(sweep_source(s, &w, &e), 0);
		compare("a piece", f, &w);
		CHECK(f->asked == w.read);
		source_destroy(s);
	}
	for (int k = 0; k < DIGEST_KINDS; k++) {
		CHECK_INT(digest_final(beside[k], got, &e), 0);
		CHECK(!memcmp(got, want[k], digest_size((enum digest_kind)k)));
		digest_destroy(beside[k]);
	}
	free(whole.data);
}

int main(int argc, char **argv)
{
	/* Each width is another process: the pool takes it once. */
	if (argc == 1) {
		static const char *const widths[] = {"1", "2", "8"};
		for (size_t i = 0; i < ARRAY_SIZE(widths); i++) {
			char command[4096];
			setenv("BACKPROOF_THREADS", widths[i], 1);
			snprintf(command, sizeof command, "'%s' %s >&2", argv[0], widths[i]);
			if (system(command) != 0) {
				fprintf(stderr, "FAIL with a width of %s\n", widths[i]);
				test_failed++;
			} else {
				test_passed++;
			}
		}
		return test_done();
	}
	CHECK_INT(pool_width(), atoi(argv[1]));
	RUN(every_size);
	RUN(holes);
	RUN(large_file);
	RUN(failures);
	RUN(chunks_are_shown);
	RUN(side_by_side);
	RUN(go_on);
	return test_done();
}
