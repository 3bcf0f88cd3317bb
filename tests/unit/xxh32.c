// SPDX-License-Identifier: GPL-3.0-or-later
/* XXH32 against values of the reference implementation, whatever the pieces in which it is fed. */
#include "../../src/codec/xxh32.h"
#include "test.h"

#define SEED 0x9e3779b1u

static uint8_t buffer[222];

/* The bytes that the self-test of xxhsum hashes. */
static void fill(void)
{
	uint64_t g = SEED;
	for (size_t i = 0; i < sizeof buffer; i++) {
		buffer[i] = (uint8_t)(g >> 56);
		g *= UINT64_C(11400714785074694797);
	}
}

static const struct {
	size_t length;
	uint32_t seed, hash;
} known[] = {
	{0, 0, 0x02cc5d05},  {0, SEED, 0x36b78ae7},  {1, 0, 0xcf65b03e},   {1, SEED, 0xb4545aa4},
	{14, 0, 0x1208e7e2}, {14, SEED, 0x6af1d1fe}, {222, 0, 0x5bd11dbd}, {222, SEED, 0x58803c5f},
};

static void known_answers(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		for (size_t step = 1; step <= 222; step++) {
			struct xxh32 x;
			xxh32_init(&x, known[i].seed);
			for (size_t at = 0; at < known[i].length; at += step)
				xxh32_update(&x, buffer + at, known[i].length - at < step ? known[i].length - at : step);
			CHECK_INT(xxh32_final(&x), known[i].hash);
			CHECK_INT(xxh32_final(&x), known[i].hash);
		}
	CHECK_INT(xxh32(buffer, 222), 0x5bd11dbd);
}

/* Every byte counts, wherever it lies. */
static void every_bit(void)
{
	for (size_t n = 1; n < 80; n++)
		for (size_t i = 0; i < 8 * n; i++) {
			uint32_t before = xxh32(buffer, n);
			buffer[i / 8] ^= (uint8_t)(1u << i % 8);
			CHECK(xxh32(buffer, n) != before);
			buffer[i / 8] ^= (uint8_t)(1u << i % 8);
		}
}

int main(void)
{
	fill();
	RUN(known_answers);
	RUN(every_bit);
	return test_done();
}
