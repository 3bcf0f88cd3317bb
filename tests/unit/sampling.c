// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The sample of chunks: that each set is as likely, that damage is found as often as it is said to be, and that what
 * is always looked at is looked at. All seeds are fixed.
 */
#include <fcntl.h>
#include <math.h>
#include <sys/stat.h>

#include "backproof/chances.h"
#include "backproof/population.h"
#include "backproof/subject.h"
#include "backproof/sweep.h"
#include "test.h"

static char dir[] = "/tmp/sampling.XXXXXX";

static struct population *population(uint64_t total)
{
	struct error e;
	struct population *p = population_new(total, &e);
	NEED(p);
	return p;
}

static void test_population(void)
{
	struct error e;
	CHECK(!population_new(POPULATION_MAX + 1, &e) && e.cls == ERROR_LIMIT);
	static const uint64_t totals[] = {0, 1, 63, 64, 65, 1000, 4096};
	for (size_t t = 0; t < ARRAY_SIZE(totals); t++) {
		uint64_t total = totals[t], out[4096];
		autodestroy(population_destroy_auto) struct population *p = population(total);
		struct rng r = {t};
		CHECK_INT(population_left(p), total);
		CHECK(population_draw(p, &r, total + 1, out, &e) < 0);
		/* In two draws everything comes, each once and in order. */
		uint8_t seen[4096] = {0};
		for (uint64_t n = total / 3, i; population_left(p); n = population_left(p)) {
			NEED(population_draw(p, &r, n, out, &e) == 0);
			for (i = 0; i < n; i++) {
				CHECK(out[i] < total && !seen[out[i]]++ && (!i || out[i] > out[i - 1]));
			}
			if (!n)
				CHECK_INT(population_take(p, 0, 1), 1); /* of a total below 3 */
		}
	}
	autodestroy(population_destroy_auto) struct population *p = population(300);
	CHECK_INT(population_take(p, 10, 200), 200);
	CHECK_INT(population_take(p, 0, 64), 10);
	CHECK_INT(population_take(p, 0, 300), 90);
	CHECK_INT(population_left(p), 0);
}

/* Each of the 20 sets of three out of six comes as often, in one draw or in three. */
static void test_uniform(void)
{
	for (int once = 0; once < 2; once++) {
		unsigned counts[64] = {0};
		struct rng r = {7};
		for (int i = 0; i < 20000; i++) {
			struct error e;
			uint64_t out[3];
			unsigned set = 0;
			autodestroy(population_destroy_auto) struct population *p = population(8);
			population_take(p, 2, 1);
			population_take(p, 5, 1);
			for (int k = 0; k < 3; k += once ? 3 : 1)
				NEED(population_draw(p, &r, once ? 3 : 1, out + k, &e) == 0);
			for (int k = 0; k < 3; k++)
				set |= 1u << (out[k] - (out[k] > 2) - (out[k] > 5));
			counts[set]++;
		}
		double chi = 0;
		for (unsigned set = 0; set < 64; set++)
			if (__builtin_popcount(set) == 3)
				chi += (counts[set] - 1000.0) * (counts[set] - 1000.0) / 1000.0;
			else
				CHECK_INT(counts[set], 0);
		CHECK(chi < 43.8); /* 19 degrees of freedom, 0.1 % */
	}
}

/* k of n, where each has chance p: within 4.5 standard deviations. */
static bool is_likely(unsigned k, unsigned n, double p)
{
	return fabs(k - n * p) <= 4.5 * sqrt(n * p * (1 - p)) + 1;
}

enum { TOTAL = 204800 /* 100 GiB */, SHAPES = 3 };

/* Chunks that are damaged: anywhere, in one piece, or every so many. */
static void damage(int shape, uint64_t count, struct rng *r, uint64_t *where)
{
	struct error e;
	uint64_t start = rng_below(r, TOTAL - count), step = TOTAL / count;
	autodestroy(population_destroy_auto) struct population *p = population(TOTAL);
	NEED(shape || population_draw(p, r, count, where, &e) == 0);
	for (uint64_t i = 0; i < count && shape; i++)
		where[i] = shape == 1 ? start + i : i * step + start % step;
}

/* Thousands of damages of a model: as often as is said, at least one that is drawn is damaged. */
static void simulate(uint32_t confidence, uint32_t share, unsigned trials)
{
	static uint64_t out[TOTAL], where[TOTAL];
	static uint8_t drawn[TOTAL];
	uint64_t damaged = chances_damaged(TOTAL, share), needed = chances_needed(TOTAL, damaged, confidence);
	unsigned found[SHAPES] = {0};
	struct rng damages = {confidence + share};
	for (unsigned t = 0; t < trials; t++) {
		struct error e;
		struct rng r = {t};
		autodestroy(population_destroy_auto) struct population *p = population(TOTAL);
		NEED(population_draw(p, &r, needed, out, &e) == 0);
		memset(drawn, 0, sizeof drawn);
		for (uint64_t i = 0; i < needed; i++)
			drawn[out[i]] = 1;
		for (int shape = 0; shape < SHAPES; shape++) {
			bool hit = false;
			damage(shape, damaged, &damages, where);
			for (uint64_t i = 0; i < damaged && !hit; i++)
				hit = drawn[where[i]];
			found[shape] += hit;
		}
	}
	for (int shape = 0; shape < SHAPES; shape++)
		CHECK(is_likely(found[shape], trials, chances_reached(TOTAL, damaged, needed) / 1e6));
}

static void test_detection_rate(void)
{
	static const uint32_t shares[] = {10000, 1000};
	for (size_t s = 0; s < ARRAY_SIZE(shares); s++) {
		simulate(700000, shares[s], 400);
		simulate(900000, shares[s], 400);
		simulate(990000, shares[s], 400);
		simulate(999000, shares[s], 400);
	}
}

/* A restore point of files, of which all chunks are known. */
#define FILES_MAX 3
struct fixture {
	struct subject s;
	struct restore_point point;
	struct policy policy;
	struct budget budget;
	struct check_parameters p;
	struct part parts[FILES_MAX];
	struct chunks *chunks[FILES_MAX];
	char names[FILES_MAX][64];
	struct findings f;
};

static void write_file(const char *path, uint64_t size, uint64_t seed, uint64_t hole_at, uint64_t hole)
{
	struct rng r = {seed};
	static uint64_t block[MERKLE_CHUNK / 8];
	autoclose int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0600);
	NEED(fd >= 0 && ftruncate(fd, (off_t)size) == 0);
	for (uint64_t off = 0; off < size; off += sizeof block) {
		size_t n = size - off < sizeof block ? (size_t)(size - off) : sizeof block;
		for (size_t i = 0; i < ARRAY_SIZE(block); i++)
			block[i] = rng_next(&r);
		if (off < hole_at || off >= hole_at + hole)
			NEED(pwrite(fd, block, n, (off_t)off) == (ssize_t)n);
	}
}

static void flip(const char *path, uint64_t off)
{
	uint8_t b;
	autoclose int fd = open(path, O_RDWR);
	NEED(fd >= 0 && pread(fd, &b, 1, (off_t)off) == 1);
	b ^= 4;
	NEED(pwrite(fd, &b, 1, (off_t)off) == 1);
}

static void add_known(struct fixture *x, const char *name)
{
	size_t i = x->s.part_count++;
	struct part *pt = &x->parts[i];
	struct error e;
	snprintf(x->names[i], sizeof x->names[i], "%s/%s", dir, name);
	autodestroy(source_destroy_auto) struct source *src = source_open_file(x->names[i], &e);
	NEED(src && (x->chunks[i] = chunks_new(&e)));
	struct sweep w = {.mask = 1u << DIGEST_FSVERITY, .observer = chunks_observe, .ctx = x->chunks[i]};
	NEED(sweep_source(src, &w, &e) == 0 && chunks_state(x->chunks[i], &e) == 0);
	pt->name = x->names[i];
	pt->known_from = "seal";
	pt->known_chunks = chunks_count(x->chunks[i]) ? x->chunks[i] : NULL;
	memcpy(pt->known_digest, w.digests[DIGEST_FSVERITY], MERKLE_HASH);
}

static void start(struct fixture *x)
{
	memset(x, 0, sizeof *x);
	NEED(policy_defaults(&x->policy, "default") == 0 && findings_init(&x->f) == 0);
	budget_init(&x->budget);
	x->point.label = dir;
	x->s.point = &x->point;
	x->s.parts = x->parts;
	x->p = (struct check_parameters){.policy = &x->policy, .depth = DEPTH_SAMPLE, .budget = &x->budget, .seed = 1};
}

/* Once more, as a run of its own. */
static const struct chunk_sample *sample(struct fixture *x)
{
	struct error e;
	findings_free(&x->f);
	NEED(findings_init(&x->f) == 0);
	memset(&x->s.chunk_sample, 0, sizeof x->s.chunk_sample);
	x->s.settled_in_time = false;
	for (size_t i = 0; i < x->s.part_count; i++) {
		struct part *pt = &x->parts[i];
		source_destroy(pt->source);
		int fd = open(x->names[i], O_RDONLY);
		NEED(fd >= 0);
		pt->source = source_open_fd(fd, x->names[i], &e);
		NEED(pt->source && source_note_reads(pt->source, MERKLE_CHUNK, &e) == 0);
		pt->read_whole = pt->sampled = false;
	}
	subject_draw_chunks(&x->s, &x->p, &x->f);
	return &x->s.chunk_sample;
}

static void end(struct fixture *x)
{
	for (size_t i = 0; i < x->s.part_count; i++) {
		source_destroy(x->parts[i].source);
		chunks_destroy(x->chunks[i]);
		unlink(x->names[i]);
	}
	findings_free(&x->f);
	policy_free(&x->policy);
}

static size_t broken(const struct fixture *x)
{
	size_t n = 0;
	for (size_t i = 0; i < x->f.count; i++)
		n += x->f.items[i].outcome == OUTCOME_BROKEN && x->f.items[i].proof == PROOF_INTEGRITY;
	return n;
}

#define CHUNK UINT64_C(524288)

static char *path_of(const char *name)
{
	static char path[96];
	snprintf(path, sizeof path, "%s/%s", dir, name);
	return path;
}

static void test_real_files(void)
{
	static struct fixture x;
	start(&x);
	/* 200 chunks, a file of one block, and one with a hole of 64 chunks and an odd end. */
	write_file(path_of("a"), 199 * CHUNK + 1, 1, 0, 0);
	write_file(path_of("b"), 4096, 2, 0, 0);
	write_file(path_of("c"), 100 * CHUNK + 12345, 3, 10 * CHUNK, 64 * CHUNK);
	add_known(&x, "a");
	add_known(&x, "b");
	add_known(&x, "c");
	x.policy.damage = 50000;
	x.policy.confidence = 900000;
	const struct chunk_sample *c = sample(&x);
	CHECK_INT(c->total, 302);
	CHECK_INT(c->known, 2 + 1 + 64 + 2);
	/* Of 299 chunks' bytes and some: 15 of them hold 5 %, though there are 302 chunks. */
	CHECK_INT(c->needed, chances_needed(302 - 69, 15, 900000));
	CHECK_INT(c->drawn, c->needed);
	CHECK(c->confidence >= 900000 && c->confidence < SHARE_ONE && !c->bad && !c->stopped);
	CHECK(x.parts[1].read_whole && !x.parts[0].read_whole && !x.parts[2].read_whole);
	CHECK(x.parts[0].sampled && x.s.settled_in_time);
	CHECK_INT(c->bytes_read, (c->drawn + 2) * CHUNK + 1 + 4096 + 12345);
	CHECK_STR(c->from, "seal");
	CHECK_INT(broken(&x), 0);
	/* The same seed draws the same. */
	flip(x.names[0], 77 * CHUNK + 5);
	unsigned found = 0, again = 0;
	for (uint64_t seed = 0; seed < 60; seed++) {
		x.p.seed = seed;
		(void)sample(&x);
		bool hit = broken(&x) == 1;
		found += hit;
		if (seed % 8 == 0) {
			(void)sample(&x);
			again += (broken(&x) == 1) != hit;
		}
		if (hit) {
			CHECK_INT(x.f.items[0].offset, 77 * (int64_t)CHUNK);
			CHECK_STR(x.f.items[0].check, "seal.chunk");
			CHECK(x.s.chunk_sample.bad == 1 && x.s.chunk_sample.confidence == 0);
		}
	}
	CHECK_INT(again, 0);
	CHECK(is_likely(found, 60, chances_reached(302 - 69, 1, c->needed) / 1e6));
	/* Ends, a file of one block, what was read already, and a hole that should be none: always. */
	static const struct {
		int file;
		uint64_t off;
	} always[] = {{0, 0}, {0, 199 * CHUNK}, {1, 4095}, {2, 100 * CHUNK + 12344}, {2, 100 * CHUNK}};
	flip(x.names[0], 77 * CHUNK + 5);
	for (size_t i = 0; i < ARRAY_SIZE(always); i++) {
		flip(x.names[always[i].file], always[i].off);
		(void)sample(&x);
		CHECK_INT(broken(&x), 1);
		flip(x.names[always[i].file], always[i].off);
	}
	autoclose int fd = open(x.names[2], O_RDWR);
	NEED(fd >= 0 && fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 90 * CHUNK, 2 * CHUNK) == 0);
	(void)sample(&x);
	CHECK_INT(broken(&x), 2);
	/* Nobody asks for a sample of a sample. */
	x.policy.confidence = 999999;
	x.policy.damage = 1;
	write_file(x.names[2], 100 * CHUNK + 12345, 3, 10 * CHUNK, 64 * CHUNK);
	c = sample(&x);
	CHECK_INT(c->confidence, SHARE_ONE);
	CHECK(x.parts[0].read_whole && x.parts[2].read_whole && x.parts[2].hole_bytes == 64 * CHUNK);
	/* Another size, and hashes of something else. */
	NEED(truncate(x.names[0], 42 * CHUNK) == 0);
	(void)sample(&x);
	CHECK_INT(broken(&x), 1);
	x.parts[2].known_chunks = x.chunks[0];
	(void)sample(&x);
	CHECK(broken(&x) == 2 && !x.parts[2].read_whole && !x.parts[2].sampled);
	end(&x);
}

/* Damage of so many chunks is seen as often as the report says. */
static void test_real_rate(void)
{
	static struct fixture x;
	start(&x);
	write_file(path_of("d"), 120 * CHUNK, 9, 0, 0);
	add_known(&x, "d");
	x.policy.damage = 50000; /* 6 of 120 */
	x.policy.confidence = 800000;
	struct rng r = {5};
	unsigned found = 0, trials = 150;
	uint64_t needed = 0;
	for (unsigned t = 0; t < trials; t++) {
		struct error e;
		uint64_t where[6];
		autodestroy(population_destroy_auto) struct population *inner = population(118);
		NEED(population_draw(inner, &r, 6, where, &e) == 0);
		for (int i = 0; i < 6; i++)
			flip(x.names[0], where[i] = (where[i] + 1) * CHUNK + rng_below(&r, CHUNK));
		x.p.seed = t;
		const struct chunk_sample *c = sample(&x);
		needed = c->needed;
		found += c->bad > 0;
		for (int i = 0; i < 6; i++)
			flip(x.names[0], where[i]);
	}
	CHECK(is_likely(found, trials, chances_reached(118, 6, needed) / 1e6));
	end(&x);
}

/* A disk that takes its time, and that has a place which can't be read. */
struct slow {
	struct source *inner;
	unsigned sleep_us;
	uint64_t dead; /* a chunk, UINT64_MAX: none */
};

static int slow_read_at(void *self, uint64_t off, void *buf, size_t len, struct error *e)
{
	struct slow *x = self;
	if (x->sleep_us)
		usleep(x->sleep_us);
	if (off / CHUNK == x->dead)
		return error_set(e, ERROR_IO, (int64_t)off, "the disk says no");
	return source_read_at(x->inner, off, buf, len, e);
}

static const struct source_ops slow_ops = {.kind = "slow", .read_at = slow_read_at};

static void test_slow_and_dead(void)
{
	static struct fixture x;
	struct slow slow = {.dead = UINT64_MAX};
	struct error e;
	start(&x);
	write_file(path_of("e"), 300 * CHUNK, 11, 0, 0);
	add_known(&x, "e");
	x.policy.damage = 10000;
	x.policy.confidence = 999000;
	slow.inner = source_open_file(x.names[0], &e);
	NEED(slow.inner);
	struct source *src = source_new(&slow_ops, &slow, 300 * CHUNK, "slow", &e);
	NEED(src);
	x.parts[0].source = src;

	/* In time: what was read is worth what it is, and nothing else is cut short. */
	const struct chunk_sample *c = &x.s.chunk_sample;
	slow.sleep_us = 10000;
	x.budget.deadline_ns = monotonic_ns() + INT64_C(700000000);
	subject_draw_chunks(&x.s, &x.p, &x.f);
	CHECK(monotonic_ns() < x.budget.deadline_ns);
	CHECK(c->stopped && x.s.settled_in_time && c->drawn >= 16 && c->drawn < c->needed);
	CHECK_INT(c->confidence, chances_reached(298, 3, c->drawn));
	CHECK(c->confidence > 0 && c->confidence < 999000 && x.parts[0].sampled && !x.parts[0].read_whole);
	CHECK_INT(x.f.count, 0);

	/* No time at all: the run was cut short before. */
	memset(&x.s.chunk_sample, 0, sizeof x.s.chunk_sample);
	x.s.settled_in_time = x.parts[0].sampled = false;
	x.budget.deadline_ns = monotonic_ns() - 1;
	subject_draw_chunks(&x.s, &x.p, &x.f);
	CHECK(!x.s.settled_in_time && !x.parts[0].sampled && !c->total);

	/* Too little for what is always looked at. */
	slow.sleep_us = 200000;
	x.budget.deadline_ns = monotonic_ns() + INT64_C(100000000);
	subject_draw_chunks(&x.s, &x.p, &x.f);
	CHECK(c->stopped && c->confidence == 0 && c->drawn == 0);

	/* What can't be read is never called good. */
	slow = (struct slow){.inner = slow.inner, .dead = 299};
	x.budget.deadline_ns = 0;
	memset(&x.s.chunk_sample, 0, sizeof x.s.chunk_sample);
	subject_draw_chunks(&x.s, &x.p, &x.f);
	CHECK(c->bad == 1 && c->confidence == 0 && !c->stopped);
	CHECK(x.f.count == 1 && x.f.items[0].outcome == OUTCOME_UNREADABLE && x.f.items[0].offset == 299 * (int64_t)CHUNK);
	source_destroy(slow.inner);
	end(&x);
}

int main(void)
{
	NEED(mkdtemp(dir));
	RUN(test_population);
	RUN(test_uniform);
	RUN(test_detection_rate);
	RUN(test_real_files);
	RUN(test_real_rate);
	RUN(test_slow_and_dead);
	rmdir(dir);
	return test_done();
}
