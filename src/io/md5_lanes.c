// SPDX-License-Identifier: GPL-3.0-or-later
/* The kernels, which of them this CPU has, and how messages of any length are dealt to their lanes. */
#include "backproof/md5_lanes.h"

#include <pthread.h>

#define BLOCK 64u

typedef void kernel_fn(uint32_t state[4][MD5_LANES_MAX], const uint8_t *const *from, size_t blocks);

/* Words of a message are little endian; another machine leaves it to libcrypto. */
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__

#ifndef __has_builtin
#define __has_builtin(x) 0
#endif
#if __has_builtin(__builtin_shufflevector)
#define MIX(type, a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define MIX(type, a, b, ...) __builtin_shuffle(a, b, (type){__VA_ARGS__})
#endif

#define WIDTH 4
#define GROUPS 2
#define KERNEL blocks_8
#define TARGET
#define LOW(a, b) MIX(vector_4, a, b, 0, 4, 1, 5)
#define HIGH(a, b) MIX(vector_4, a, b, 2, 6, 3, 7)
#include "md5_block.h"

#ifdef __x86_64__
#define WIDTH 8
#define GROUPS 2
#define KERNEL blocks_avx2
#define TARGET __attribute__((target("avx2")))
#define LOW(a, b) MIX(vector_8, a, b, 0, 8, 1, 9, 2, 10, 3, 11)
#define HIGH(a, b) MIX(vector_8, a, b, 4, 12, 5, 13, 6, 14, 7, 15)
#include "md5_block.h"

#define WIDTH 16
#define GROUPS 1
#define KERNEL blocks_avx512
#define TARGET __attribute__((target("avx512f")))
#define LOW(a, b) MIX(vector_16, a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23)
#define HIGH(a, b) MIX(vector_16, a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31)
#include "md5_block.h"
#endif

#endif

static bool always(void)
{
	return true;
}

#ifdef __x86_64__
static bool has_avx2(void)
{
	return __builtin_cpu_supports("avx2");
}

static bool has_avx512(void)
{
	return __builtin_cpu_supports("avx512f");
}
#endif

/* The best first; the last is none. */
static const struct kind {
	kernel_fn *kernel;
	unsigned lanes;
	bool (*runs)(void);
} kinds[] = {
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#ifdef __x86_64__
	{blocks_avx512, 16, has_avx512},
	{blocks_avx2, 16, has_avx2},
#endif
	{blocks_8, 8, always},
#endif
	{NULL, 0, always},
};

/* One message on its way through a lane. */
struct lane {
	const uint8_t *data; /* what more gave and was not used yet */
	size_t len;
	size_t kept;	     /* bytes of an incomplete block in tail */
	uint64_t total;
	bool busy, padded;   /* padded: its last blocks are on their way */
	uint8_t tail[2 * BLOCK];
};

struct run {
	unsigned count; /* lanes in use; those of the kernel behind them do what lane 0 does */
	const struct md5_messages *messages;
	void *ctx;
	struct lane lanes[MD5_LANES_MAX];
	uint32_t state[4][MD5_LANES_MAX];
	const uint8_t *from[MD5_LANES_MAX];
	size_t blocks[MD5_LANES_MAX];
};

static bool begin(struct run *r, unsigned i)
{
	static const uint32_t start[4] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476};
	struct lane *l = &r->lanes[i];
	l->busy = r->messages->next(r->ctx, i);
	l->len = l->kept = 0;
	l->total = 0;
	l->padded = false;
	for (unsigned k = 0; k < 4; k++)
		r->state[k][i] = start[k];
	return l->busy;
}

static void end(struct run *r, unsigned i)
{
	uint8_t digest[MD5_SIZE];
	for (unsigned k = 0; k < 4; k++)
		for (unsigned n = 0; n < 4; n++)
			digest[4 * k + n] = (uint8_t)(r->state[k][i] >> 8 * n);
	r->messages->done(r->ctx, i, digest);
}

/* A one, zeros, and the length in bits. */
static void pad(struct run *r, unsigned i)
{
	struct lane *l = &r->lanes[i];
	size_t blocks = l->kept < BLOCK - 8 ? 1 : 2;
	memset(l->tail + l->kept, 0, blocks * BLOCK - l->kept);
	l->tail[l->kept] = 0x80;
	for (unsigned n = 0; n < 8; n++)
		l->tail[blocks * BLOCK - 8 + n] = (uint8_t)(l->total * 8 >> 8 * n);
	l->padded = true;
	r->from[i] = l->tail;
	r->blocks[i] = blocks;
}

/* What was given, in whole blocks; what is less than one is kept until it is. */
static void take_blocks(struct run *r, unsigned i)
{
	struct lane *l = &r->lanes[i];
	size_t n = l->len;
	if (l->kept || n < BLOCK) {
		n = n < BLOCK - l->kept ? n : BLOCK - l->kept;
		memcpy(l->tail + l->kept, l->data, n);
		l->kept += n;
		r->from[i] = l->tail;
		r->blocks[i] = l->kept / BLOCK;
		l->kept %= BLOCK;
	} else {
		n -= n % BLOCK;
		r->from[i] = l->data;
		r->blocks[i] = n / BLOCK;
	}
	l->data += n;
	l->len -= n;
}

/* Until the lane has blocks to work on, or there are no more messages for it. */
static void refill(struct run *r, unsigned i)
{
	struct lane *l = &r->lanes[i];
	while (l->busy && !r->blocks[i]) {
		if (l->len) {
			take_blocks(r, i);
			continue;
		}
		if (l->padded) {
			end(r, i);
			begin(r, i);
			continue;
		}
		ssize_t n = r->messages->more(r->ctx, i, &l->data);
		if (n < 0) {
			begin(r, i);
		} else if (n == 0) {
			pad(r, i);
		} else {
			l->len = (size_t)n;
			l->total += (uint64_t)n;
		}
	}
}

/* As far as all lanes that work can go together. The others go along, over bytes that are there: nobody looks. */
static bool advance(struct run *r, kernel_fn *kernel)
{
	size_t n = 0;
	const uint8_t *some = NULL;
	for (unsigned i = 0; i < r->count; i++)
		if (r->lanes[i].busy && (!n || r->blocks[i] < n)) {
			n = r->blocks[i];
			some = r->from[i];
		}
	if (!n)
		return false;
	for (unsigned i = 0; i < MD5_LANES_MAX; i++)
		if (i >= r->count || !r->lanes[i].busy)
			r->from[i] = some;
	kernel(r->state, r->from, n);
	for (unsigned i = 0; i < r->count; i++)
		if (r->lanes[i].busy) {
			r->from[i] += n * BLOCK;
			r->blocks[i] -= n;
		}
	return true;
}

static void run_with(kernel_fn *kernel, unsigned lanes, const struct md5_messages *messages, void *ctx)
{
	struct run r = {.count = lanes, .messages = messages, .ctx = ctx};
	for (unsigned i = 0; i < lanes; i++)
		begin(&r, i);
	do {
		for (unsigned i = 0; i < lanes; i++)
			refill(&r, i);
	} while (advance(&r, kernel));
}

/* The test suite of RFC 1321, section A.5, each message in several lanes and one byte at a time. */
static const struct known {
	const char *message;
	uint8_t digest[MD5_SIZE];
} known[] = {
	{"", {0xd4, 0x1d, 0x8c, 0xd9, 0x8f, 0x00, 0xb2, 0x04, 0xe9, 0x80, 0x09, 0x98, 0xec, 0xf8, 0x42, 0x7e}},
	{"abc", {0x90, 0x01, 0x50, 0x98, 0x3c, 0xd2, 0x4f, 0xb0, 0xd6, 0x96, 0x3f, 0x7d, 0x28, 0xe1, 0x7f, 0x72}},
	{"message digest",
	 {0xf9, 0x6b, 0x69, 0x7d, 0x7c, 0xb7, 0x93, 0x8d, 0x52, 0x5a, 0x2f, 0x31, 0xaa, 0xf1, 0x61, 0xd0}},
	{"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
	 {0xd1, 0x74, 0xab, 0x98, 0xd2, 0x77, 0xd9, 0xf5, 0xa5, 0x61, 0x1c, 0x2c, 0x9f, 0x41, 0x9d, 0x9f}},
	{"12345678901234567890123456789012345678901234567890123456789012345678901234567890",
	 {0x57, 0xed, 0xf4, 0xa2, 0x2b, 0xe3, 0xc9, 0x55, 0xac, 0x49, 0xda, 0x2e, 0x21, 0x07, 0xb6, 0x7a}},
};

#define TRIALS 64u

struct trial {
	unsigned begun, right;
	const struct known *now[MD5_LANES_MAX];
	const char *at[MD5_LANES_MAX];
};

static bool trial_next(void *ctx, unsigned lane)
{
	struct trial *t = ctx;
	if (t->begun == TRIALS)
		return false;
	t->now[lane] = &known[t->begun++ % ARRAY_SIZE(known)];
	t->at[lane] = t->now[lane]->message;
	return true;
}

static ssize_t trial_more(void *ctx, unsigned lane, const uint8_t **data)
{
	struct trial *t = ctx;
	*data = (const uint8_t *)t->at[lane];
	/* Some whole, some byte by byte. */
	size_t n = lane % 2 ? strlen(t->at[lane]) : !!*t->at[lane];
	t->at[lane] += n;
	return (ssize_t)n;
}

static void trial_done(void *ctx, unsigned lane, const uint8_t digest[MD5_SIZE])
{
	struct trial *t = ctx;
	t->right += !memcmp(digest, t->now[lane]->digest, MD5_SIZE);
}

static bool works(const struct kind *k)
{
	static const struct md5_messages messages = {trial_next, trial_more, trial_done};
	struct trial t = {0};
	if (!k->runs())
		return false;
	if (!k->kernel)
		return true;
	run_with(k->kernel, k->lanes, &messages, &t);
	return t.right == TRIALS;
}

static const struct kind *best;
static pthread_once_t best_once = PTHREAD_ONCE_INIT;

static void find_best(void)
{
	for (best = kinds; !works(best);)
		best++;
}

unsigned md5_lanes(void)
{
	pthread_once(&best_once, find_best);
	return best->lanes;
}

bool md5_lanes_use(unsigned kind)
{
	pthread_once(&best_once, find_best);
	if (kind >= ARRAY_SIZE(kinds) || !works(&kinds[kind]))
		return false;
	best = &kinds[kind];
	return true;
}

void md5_lanes_run(unsigned lanes, const struct md5_messages *messages, void *ctx)
{
	unsigned most = md5_lanes();
	if (most)
		run_with(best->kernel, lanes < most ? lanes : most, messages, ctx);
}
