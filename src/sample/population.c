// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * A bit for each number says that it is taken. What is drawn are ranks among those that are left, by Floyd's method
 * (Bentley and Floyd, "A sample of brilliance", 1987): as many random numbers as are drawn, however many are left.
 */
#include "backproof/population.h"

struct population {
	uint64_t total, left;
	uint64_t taken[]; /* bits beyond the total are set */
};

struct population *population_new(uint64_t total, struct error *e)
{
	if (total > POPULATION_MAX) {
		error_set(e, ERROR_LIMIT, ERROR_NO_OFFSET, "more than %llu chunks to draw from",
			  (unsigned long long)POPULATION_MAX);
		return NULL;
	}
	size_t words = (size_t)(total + 63) / 64;
	struct population *p = calloc(1, sizeof *p + words * sizeof p->taken[0]);
	if (!p) {
		error_nomem(e);
		return NULL;
	}
	p->total = p->left = total;
	if (total % 64)
		p->taken[words - 1] = ~UINT64_C(0) << total % 64;
	return p;
}

void population_destroy(struct population *p)
{
	free(p);
}

uint64_t population_left(const struct population *p)
{
	return p->left;
}

uint64_t population_take(struct population *p, uint64_t first, uint64_t count)
{
	uint64_t before = p->left;
	while (count) {
		unsigned bit = (unsigned)(first % 64);
		uint64_t n = 64 - bit < count ? 64 - bit : count;
		uint64_t mask = (n == 64 ? ~UINT64_C(0) : (UINT64_C(1) << n) - 1) << bit;
		uint64_t *word = &p->taken[first / 64];
		p->left -= (uint64_t)__builtin_popcountll(mask & ~*word);
		*word |= mask;
		first += n;
		count -= n;
	}
	return before - p->left;
}

/* Numbers plus one in a table of a power of two, of which at most half is used; 0 is free. */
static bool add_to_set(uint64_t *set, unsigned bits, uint64_t number)
{
	uint64_t mask = (UINT64_C(1) << bits) - 1, at = number * UINT64_C(0x9e3779b97f4a7c15) >> (64 - bits);
	for (; set[at & mask]; at++)
		if (set[at & mask] == number + 1)
			return false;
	set[at & mask] = number + 1;
	return true;
}

static int ascending(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return x < y ? -1 : x > y;
}

static int draw_ranks(uint64_t left, struct rng *r, uint64_t n, uint64_t *out, struct error *e)
{
	unsigned bits = 1;
	while (UINT64_C(1) << bits < 2 * n)
		bits++;
	autofree uint64_t *set = calloc((size_t)1 << bits, sizeof *set);
	if (!set)
		return error_nomem(e);
	for (uint64_t i = 0, top = left - n; i < n; i++, top++) {
		uint64_t rank = rng_below(r, top + 1);
		if (!add_to_set(set, bits, rank)) {
			rank = top; /* can't be there yet: all others are below it */
			(void)add_to_set(set, bits, rank);
		}
		out[i] = rank;
	}
	qsort(out, n, sizeof *out, ascending);
	return 0;
}

/* Where the bits that are set lie, the first being 0. */
static unsigned nth_bit(uint64_t word, uint64_t n)
{
	for (; n; n--)
		word &= word - 1;
	return (unsigned)__builtin_ctzll(word);
}

int population_draw(struct population *p, struct rng *r, uint64_t n, uint64_t *out, struct error *e)
{
	if (n > p->left)
		return error_set(e, ERROR_INTERNAL, ERROR_NO_OFFSET, "more drawn than there are");
	if (!n)
		return 0;
	if (draw_ranks(p->left, r, n, out, e) < 0)
		return -1;
	/* Ranks become numbers in one pass. */
	uint64_t passed = 0, i = 0;
	for (uint64_t w = 0; i < n; w++) {
		uint64_t there = ~p->taken[w], count = (uint64_t)__builtin_popcountll(there);
		for (; i < n && out[i] < passed + count; i++) {
			unsigned bit = nth_bit(there, out[i] - passed);
			p->taken[w] |= UINT64_C(1) << bit;
			out[i] = w * 64 + bit;
		}
		passed += count;
	}
	p->left -= n;
	return 0;
}
