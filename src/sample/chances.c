// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The hypergeometric distribution, at nothing found: of N chunks D are bad and n are drawn, and the chance that all
 * drawn are good is the product of (N - D - i) / (N - i) for i below n. N - D choose n over N choose n is the same with
 * n and D exchanged, so there are only as many factors as the lesser of both.
 *
 * The product is taken in long double, to a relative error of at most 3 * LDBL_EPSILON for each factor: each is one
 * quotient of two integers (exact up to 2^64 on x86, rounded once each elsewhere) and one multiplication. What lies
 * nearer to the bound than that is decided by integers of as many bits as it takes; where these would be too long, it
 * is taken for not enough: so never is too little drawn, and never is too much promised.
 */
#include "backproof/chances.h"

#include <float.h>
#include <math.h>

/* Beyond so many factors the integers take too long: one chunk more than needed is no harm then. */
#define EXACT_MAX 8192
/* The product only falls: below this it is below any bound there is. */
#define NEGLIGIBLE (0.5L / SHARE_ONE)

struct odds {
	uint64_t total, more; /* more: the greater of drawn and damaged */
	uint64_t factors;     /* the lesser */
};

/* drawn + damaged <= total. */
static struct odds make_odds(uint64_t total, uint64_t damaged, uint64_t drawn)
{
	return damaged < drawn ? (struct odds){total, drawn, damaged} : (struct odds){total, damaged, drawn};
}

/* Returns the relative error, which is below 1. *out: the chance that nothing is found, or less than NEGLIGIBLE. */
static long double miss(const struct odds *o, long double *out)
{
	long double p = 1;
	uint64_t i = 0;
	for (; i < o->factors && p >= NEGLIGIBLE / 2; i++)
		p *= (long double)(o->total - o->more - i) / (long double)(o->total - i);
	*out = p;
	return 3 * (long double)(i + 1) * LDBL_EPSILON;
}

struct integer {
	uint64_t *limbs;
	size_t count;
};

static void multiply(struct integer *x, uint64_t by)
{
	unsigned __int128 carry = 0;
	for (size_t i = 0; i < x->count; i++) {
		carry += (unsigned __int128)x->limbs[i] * by;
		x->limbs[i] = (uint64_t)carry;
		carry >>= 64;
	}
	if (carry)
		x->limbs[x->count++] = (uint64_t)carry;
}

static int compare(const struct integer *a, const struct integer *b)
{
	if (a->count != b->count)
		return a->count < b->count ? -1 : 1;
	for (size_t i = a->count; i-- > 0;)
		if (a->limbs[i] != b->limbs[i])
			return a->limbs[i] < b->limbs[i] ? -1 : 1;
	return 0;
}

/* The chance of a miss is at most `most` millionths, > 0. */
static bool is_at_most_exactly(const struct odds *o, uint32_t most)
{
	if (o->factors > EXACT_MAX)
		return false;
	size_t room = (size_t)o->factors + 2;
	autofree uint64_t *limbs = calloc(2 * room, sizeof *limbs);
	if (!limbs)
		return false;
	struct integer good = {limbs, 1}, all = {limbs + room, 1};
	good.limbs[0] = SHARE_ONE;
	all.limbs[0] = most;
	for (uint64_t i = 0; i < o->factors; i++) {
		multiply(&good, o->total - o->more - i);
		multiply(&all, o->total - i);
	}
	return compare(&good, &all) <= 0;
}

static bool is_at_most(uint64_t total, uint64_t damaged, uint64_t drawn, uint32_t most)
{
	if (drawn > total - damaged)
		return true; /* there are not so many good ones */
	struct odds o = make_odds(total, damaged, drawn);
	long double p, bound = (long double)most / SHARE_ONE, error = miss(&o, &p);
	if (p < NEGLIGIBLE)
		return true;
	if (p * (1 + error) < bound * (1 - LDBL_EPSILON))
		return true;
	return p * (1 - error) <= bound * (1 + LDBL_EPSILON) && is_at_most_exactly(&o, most);
}

uint64_t chances_damaged(uint64_t total, uint32_t share)
{
	if (share >= SHARE_ONE)
		return total;
	uint64_t n = (uint64_t)(((unsigned __int128)total * share + SHARE_ONE - 1) / SHARE_ONE);
	return n || !total ? n : 1;
}

uint64_t chances_needed(uint64_t total, uint64_t damaged, uint32_t confidence)
{
	if (!confidence)
		return 0;
	if (!damaged || !total)
		return total;
	if (damaged > total)
		damaged = total;
	/* One more than there are good ones can't miss. */
	uint64_t low = 0, high = total - damaged + 1;
	if (confidence >= SHARE_ONE)
		return high;
	uint32_t most = SHARE_ONE - confidence;
	/* (1 - n / (total - damaged + 1))^damaged <= the chance <= (1 - n / total)^damaged: the answer is near. */
	long double part = -expm1l(logl((long double)most / SHARE_ONE) / (long double)damaged);
	long double least = part * (long double)high - 2, greatest = part * (long double)total + 2;
	if (least > 0 && least < (long double)high && !is_at_most(total, damaged, (uint64_t)least, most))
		low = (uint64_t)least;
	if (greatest < (long double)high && is_at_most(total, damaged, (uint64_t)greatest, most))
		high = (uint64_t)greatest;
	/* low is too few (0 always is), high is enough. */
	while (high - low > 1) {
		uint64_t middle = low + (high - low) / 2;
		if (is_at_most(total, damaged, middle, most))
			high = middle;
		else
			low = middle;
	}
	return high;
}

uint32_t chances_reached(uint64_t total, uint64_t damaged, uint64_t drawn)
{
	if (drawn >= total)
		return SHARE_ONE;
	if (!damaged)
		return 0;
	if (damaged > total || drawn > total - damaged)
		return SHARE_ONE;
	struct odds o = make_odds(total, damaged, drawn);
	long double p;
	(void)miss(&o, &p);
	long double share = floorl((1 - p) * SHARE_ONE);
	/* A miss that can be is never 0 millionths. One more than it seems, and then down to what is sure. */
	uint32_t c = share < 0 ? 0 : share >= SHARE_ONE - 2 ? SHARE_ONE - 1 : (uint32_t)share + 1;
	while (c && !is_at_most(total, damaged, drawn, SHARE_ONE - c))
		c--;
	return c;
}
