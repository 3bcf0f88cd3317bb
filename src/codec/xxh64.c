// SPDX-License-Identifier: GPL-3.0-or-later
/* XXH64 (the xxHash fast digest algorithm, 0.1.1), the hash of the seekable format's table. */
#include "random.h"

#define P1 UINT64_C(0x9E3779B185EBCA87)
#define P2 UINT64_C(0xC2B2AE3D27D4EB4F)
#define P3 UINT64_C(0x165667B19E3779F9)
#define P4 UINT64_C(0x85EBCA77C2B2AE63)
#define P5 UINT64_C(0x27D4EB2F165667C5)

static uint64_t rotate(uint64_t v, int by)
{
	return v << by | v >> (64 - by);
}

static uint64_t add_lane(uint64_t acc, uint64_t lane)
{
	return rotate(acc + lane * P2, 31) * P1;
}

static uint64_t merge(uint64_t acc, uint64_t lane)
{
	return (acc ^ add_lane(0, lane)) * P1 + P4;
}

uint32_t xxh64_low(const void *data, size_t len)
{
	const uint8_t *p = data, *end = p + len;
	uint64_t acc = P5;
	if (len >= 32) {
		uint64_t lanes[4] = {P1 + P2, P2, 0, 0 - P1};
		for (; end - p >= 32; p += 32)
			for (int i = 0; i < 4; i++)
				lanes[i] = add_lane(lanes[i], get_le64(p + 8 * i));
		acc = rotate(lanes[0], 1) + rotate(lanes[1], 7) + rotate(lanes[2], 12) + rotate(lanes[3], 18);
		for (int i = 0; i < 4; i++)
			acc = merge(acc, lanes[i]);
	}
	acc += len;
	for (; end - p >= 8; p += 8)
		acc = rotate(acc ^ add_lane(0, get_le64(p)), 27) * P1 + P4;
	if (end - p >= 4) {
		acc = rotate(acc ^ get_le32(p) * P1, 23) * P2 + P3;
		p += 4;
	}
	for (; p < end; p++)
		acc = rotate(acc ^ *p * P5, 11) * P1;
	acc = (acc ^ acc >> 33) * P2;
	acc = (acc ^ acc >> 29) * P3;
	return (uint32_t)(acc ^ acc >> 32);
}
