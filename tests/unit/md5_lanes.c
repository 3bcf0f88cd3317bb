// SPDX-License-Identifier: GPL-3.0-or-later
#include "backproof/md5_lanes.h"

#include <openssl/evp.h>

#include "backproof/digest.h"
#include "backproof/pool.h"
#include "test.h"

#define MESSAGES 600u
#define GIVEN_UP 7 /* every so many messages fail in the middle */

struct message {
	const uint8_t *data;
	size_t len;
	bool fails;
	int done;
	uint8_t digest[MD5_SIZE];
};

struct batch {
	struct message *items;
	size_t count, next;
	size_t chunk; /* 0: of any size */
	struct rng rng;
	struct message *now[MD5_LANES_MAX];
	size_t at[MD5_LANES_MAX];
	unsigned widest;
};

static bool next(void *ctx, unsigned lane)
{
	struct batch *b = ctx;
	b->widest = lane + 1 > b->widest ? lane + 1 : b->widest;
	if (b->next == b->count)
		return false;
	b->now[lane] = &b->items[b->next++];
	b->at[lane] = 0;
	return true;
}

static ssize_t more(void *ctx, unsigned lane, const uint8_t **data)
{
	struct batch *b = ctx;
	struct message *m = b->now[lane];
	size_t left = m->len - b->at[lane], n = b->chunk ? b->chunk : 1 + rng_below(&b->rng, 300);
	n = n < left ? n : left;
	if (m->fails && b->at[lane] * 2 >= m->len)
		return -1;
	*data = m->data + b->at[lane];
	b->at[lane] += n;
	return (ssize_t)n;
}

static void done(void *ctx, unsigned lane, const uint8_t digest[MD5_SIZE])
{
	struct batch *b = ctx;
	b->now[lane]->done++;
	memcpy(b->now[lane]->digest, digest, MD5_SIZE);
}

static const struct md5_messages messages = {next, more, done};

static uint8_t *noise(size_t n)
{
	struct rng r = {n};
	uint8_t *p = malloc(n + 1);
	for (size_t i = 0; p && i < n; i++)
		p[i] = (uint8_t)rng_next(&r);
	return p;
}

/* How many are not what libcrypto says, or were not done just once. */
static unsigned wrong(const struct batch *b)
{
	unsigned bad = 0;
	for (size_t i = 0; i < b->count; i++) {
		const struct message *m = &b->items[i];
		uint8_t want[EVP_MAX_MD_SIZE];
		EVP_Digest(m->data, m->len, want, NULL, EVP_md5(), NULL);
		bad += m->fails ? m->done : m->done != 1 || memcmp(m->digest, want, MD5_SIZE);
	}
	return bad;
}

static void run(struct batch *b, unsigned lanes)
{
	b->next = 0;
	b->widest = 0;
	for (size_t i = 0; i < b->count; i++)
		b->items[i].done = 0;
	md5_lanes_run(lanes, &messages, b);
}

/* All lengths around the ends of blocks, in messages side by side. */
static void test_lengths(unsigned lanes)
{
	autofree uint8_t *data = noise(400);
	autofree struct message *items = calloc(301, sizeof *items);
	struct batch b = {.items = items, .count = 301, .rng = {lanes}};
	static const size_t chunks[] = {0, 1, 7, 64, 65, 1000};
	for (size_t i = 0; i < 301; i++)
		items[i] = (struct message){.data = data + i % 5, .len = i};
	for (size_t i = 0; i < ARRAY_SIZE(chunks); i++) {
		b.chunk = chunks[i];
		run(&b, lanes);
		CHECK_INT(wrong(&b), 0);
	}
}

/* Of very different lengths, so that lanes are refilled at all times; some are given up. */
static void test_many(unsigned lanes)
{
	autofree uint8_t *data = noise(200000);
	autofree struct message *items = calloc(MESSAGES, sizeof *items);
	struct batch b = {.items = items, .count = MESSAGES, .rng = {lanes + 99}};
	for (size_t i = 0; i < MESSAGES; i++) {
		size_t len = i % 50 == 3 ? 100000 + rng_below(&b.rng, 90000) : rng_below(&b.rng, i % 9 ? 3000 : 70);
		items[i] = (struct message){data + rng_below(&b.rng, 200000 - len), len, i % GIVEN_UP == 4, 0, {0}};
	}
	for (b.chunk = 0; b.chunk <= 4096; b.chunk += 4096) {
		run(&b, lanes);
		CHECK_INT(wrong(&b), 0);
		CHECK_INT(b.widest, lanes);
	}
	/* A digest that came out of its neighbour's lane, or of a bit less, would be seen. */
	items[0].digest[0] ^= 1;
	CHECK_INT(wrong(&b), 1);
	items[0].digest[0] ^= 1;
	items[1].len--;
	CHECK_INT(wrong(&b), 1);
}

static void test_none(unsigned lanes)
{
	struct batch b = {.count = 0};
	run(&b, lanes);
	CHECK_INT(b.next, 0);
}

struct side {
	struct batch batch;
	struct message items[40];
};

static void run_side(void *ctx, size_t i)
{
	struct side *s = (struct side *)ctx + i;
	run(&s->batch, md5_lanes());
}

/* Several threads, each with messages of its own. */
static void test_threads(void)
{
	autofree uint8_t *data = noise(5000);
	autofree struct side *sides = calloc(8, sizeof *sides);
	for (size_t i = 0; i < 8; i++) {
		sides[i].batch = (struct batch){.items = sides[i].items, .count = 40, .rng = {i}};
		for (size_t k = 0; k < 40; k++)
			sides[i].items[k] = (struct message){.data = data + k, .len = 100 * k + i};
	}
	pool_each(8, run_side, sides);
	for (size_t i = 0; i < 8; i++)
		CHECK_INT(wrong(&sides[i].batch), 0);
}

static void test_kind(void)
{
	unsigned lanes = md5_lanes();
	test_none(lanes);
	for (unsigned n = 1; n < lanes; n = n * 2 + 1) {
		test_lengths(n);
		test_many(n);
	}
	test_lengths(lanes);
	test_many(lanes);
	test_threads();
}

/* Every kernel that this CPU can run. */
static void test_kinds(void)
{
	unsigned best = md5_lanes(), tried = 0;
	for (unsigned kind = 0; kind < 8; kind++) {
		if (!md5_lanes_use(kind) || !md5_lanes())
			continue;
		CHECK(md5_lanes() <= MD5_LANES_MAX);
		tried++;
		test_kind();
	}
	CHECK((tried > 0) == (best > 0));
#ifdef __x86_64__
	CHECK(tried >= 1);
#endif
	CHECK(!md5_lanes_use(100));
}

int main(void)
{
	RUN(test_threads);
	RUN(test_kinds);
	return test_done();
}
