// SPDX-License-Identifier: GPL-3.0-or-later
/* The chances of a sample, against binomial coefficients in integers, and against known numbers. */
#include "backproof/chances.h"

#include <time.h>

#include "test.h"

typedef unsigned __int128 wide;

#define SMALL 100 /* the greatest coefficient times a million is below 2^118 */

static wide choose[SMALL + 1][SMALL + 1];

static void fill(void)
{
	for (int n = 0; n <= SMALL; n++) {
		choose[n][0] = 1;
		for (int k = 1; k <= n; k++)
			choose[n][k] = choose[n - 1][k - 1] + (k < n ? choose[n - 1][k] : 0);
	}
}

/* Confidence in millionths, rounded down: by counting. */
static uint32_t by_counting(int total, int damaged, int drawn)
{
	wide all = choose[total][drawn], good = drawn > total - damaged ? 0 : choose[total - damaged][drawn];
	return (uint32_t)((all - good) * SHARE_ONE / all);
}

static void test_brute_force(void)
{
	static const uint32_t asked[] = {1, 250000, 500000, 900000, 990000, 999000, 999900, 999999};
	for (int total = 1; total <= SMALL; total += total < 40 ? 1 : 12)
		for (int damaged = 1; damaged <= total; damaged++) {
			for (int drawn = 0; drawn <= total; drawn++)
				CHECK_INT(chances_reached((uint64_t)total, (uint64_t)damaged, (uint64_t)drawn),
					  by_counting(total, damaged, drawn));
			for (size_t i = 0; i < ARRAY_SIZE(asked); i++) {
				int n = 0;
				while (by_counting(total, damaged, n) < asked[i])
					n++;
				CHECK_INT(chances_needed((uint64_t)total, (uint64_t)damaged, asked[i]), n);
			}
		}
}

static void test_known_numbers(void)
{
	/* 100 GiB in chunks of 512 KiB, and of 1 MiB. */
	uint64_t total = 100 * GIB / (512 * KIB);
	CHECK_INT(total, 204800);
	CHECK_INT(chances_damaged(total, 10000), 2048);
	CHECK_INT(chances_damaged(total, 1000), 205);
	CHECK_INT(chances_needed(total, 2048, 990000), 458);
	CHECK_INT(chances_needed(total, 2048, 999000), 687);
	CHECK_INT(chances_needed(total, 205, 990000), 4548);
	CHECK_INT(chances_needed(total, 205, 999000), 6783);
	CHECK(chances_reached(total, 205, 6783) >= 999000);
	CHECK(chances_reached(total, 205, 6782) < 999000);
	CHECK_INT(chances_needed(102400, 1024, 990000), 458);
	CHECK_INT(chances_needed(102400, 1024, 999000), 686);
	CHECK_INT(chances_needed(102400, 102, 990000), 4519);
	CHECK_INT(chances_needed(102400, 102, 999000), 6702);
}

static void test_edges(void)
{
	CHECK_INT(chances_damaged(0, 1000), 0);
	CHECK_INT(chances_damaged(1, 1), 1);
	CHECK_INT(chances_damaged(1000, 1000), 1);
	CHECK_INT(chances_damaged(1001, 1000), 2);
	CHECK_INT(chances_damaged(77, SHARE_ONE), 77);
	CHECK(chances_damaged(UINT64_MAX, 999999) < UINT64_MAX);
	CHECK_INT(chances_needed(0, 0, 999000), 0);
	CHECK_INT(chances_needed(5, 0, 999000), 5);
	CHECK_INT(chances_needed(1, 1, 999999), 1);
	CHECK_INT(chances_needed(1000, 1000, 999999), 1);
	CHECK_INT(chances_needed(1000, 5000, 999999), 1);
	CHECK_INT(chances_needed(1000, 1, 0), 0);
	/* One damaged chunk: exactly that share of all. Just where rounding would go wrong. */
	CHECK_INT(chances_needed(1000000, 1, 999999), 999999);
	CHECK_INT(chances_needed(1000, 1, 500000), 500);
	CHECK_INT(chances_needed(1000, 1, 999999), 1000);
	CHECK_INT(chances_needed(UINT64_C(1) << 40, 1, 500000), INT64_C(1) << 39);
	CHECK_INT(chances_reached(1000, 1, 999), 999000);
	CHECK_INT(chances_reached(0, 0, 0), SHARE_ONE);
	CHECK_INT(chances_reached(10, 0, 9), 0);
	CHECK_INT(chances_reached(10, 3, 0), 0);
	CHECK_INT(chances_reached(10, 3, 8), SHARE_ONE);
	CHECK_INT(chances_reached(10, 20, 0), SHARE_ONE);
	/* Nearly sure is not sure. */
	CHECK_INT(chances_reached(100000, 50000, 50000), SHARE_ONE - 1);
	CHECK_INT(chances_reached(100000, 50000, 50001), SHARE_ONE);
	CHECK_INT(chances_reached(UINT64_C(1) << 44, 1, (UINT64_C(1) << 44) - 1), SHARE_ONE - 1);
}

/* Needed is the least that reaches; more drawn or damaged is never worse; more chunks are never better. */
static void test_monotonic(void)
{
	static const uint64_t totals[] = {7, 1000, 204800, UINT64_C(1) << 31, UINT64_C(1) << 44};
	static const uint32_t shares[] = {SHARE_ONE, 500000, 10000, 1000, 100}, asked[] = {500000, 990000, 999000, 999999};
	for (size_t t = 0; t < ARRAY_SIZE(totals); t++)
		for (size_t s = 0; s < ARRAY_SIZE(shares); s++) {
			uint64_t damaged = chances_damaged(totals[t], shares[s]), before = 0;
			for (size_t a = 0; a < ARRAY_SIZE(asked); a++) {
				uint64_t n = chances_needed(totals[t], damaged, asked[a]);
				CHECK(n >= before && n <= totals[t]);
				CHECK(chances_reached(totals[t], damaged, n) >= asked[a]);
				CHECK(chances_reached(totals[t], damaged, n - 1) < asked[a]);
				CHECK(chances_needed(totals[t], damaged + 1, asked[a]) <= n);
				CHECK(chances_needed(totals[t] + 1, damaged, asked[a]) >= n);
				before = n;
			}
		}
	for (uint64_t n = 1; n < 5000; n += 37)
		CHECK(chances_reached(204800, 205, n) >= chances_reached(204800, 205, n - 1));
}

static void test_fast(void)
{
	clock_t start = clock();
	for (int i = 0; i < 100; i++)
		CHECK(chances_needed(204800 + (uint64_t)i, 205, 999000) >= 6783);
	/* The longest that any restore point and policy can ask for. */
	uint64_t total = UINT64_C(1) << 44, n = chances_needed(total, chances_damaged(total, 1), 999999);
	CHECK(n > 13810000 && n < 13820000);
	CHECK(clock() - start < 5 * CLOCKS_PER_SEC);
}

int main(void)
{
	fill();
	RUN(test_brute_force);
	RUN(test_known_numbers);
	RUN(test_edges);
	RUN(test_monotonic);
	RUN(test_fast);
	return test_done();
}
