// SPDX-License-Identifier: GPL-3.0-or-later
#include "backproof/xxh64.h"

static inline uint64_t rotate_left(uint64_t v, unsigned n)
{
	return v << n | v >> (64 - n);
}

#define P1 UINT64_C(0x9e3779b185ebca87)
#define P2 UINT64_C(0xc2b2ae3d27d4eb4f)
#define P3 UINT64_C(0x165667b19e3779f9)
#define P4 UINT64_C(0x85ebca77c2b2ae63)
#define P5 UINT64_C(0x27d4eb2f165667c5)

static inline uint64_t xxh_round(uint64_t acc, uint64_t lane)
{
	return rotate_left(acc + lane * P2, 31) * P1;
}

uint64_t xxh64(const void *data, size_t len)
{
	const uint8_t *p = data, *end = p + len;
	uint64_t h = P5;
	if (len >= 32) {
		uint64_t v[4] = {P1 + P2, P2, 0, 0 - P1};
		for (; end - p >= 32; p += 32)
			for (int i = 0; i < 4; i++)
				v[i] = xxh_round(v[i], get_le64(p + 8 * i));
		h = rotate_left(v[0], 1) + rotate_left(v[1], 7) + rotate_left(v[2], 12) + rotate_left(v[3], 18);
		for (int i = 0; i < 4; i++)
			h = (h ^ xxh_round(0, v[i])) * P1 + P4;
	}
	h += len;
	for (; end - p >= 8; p += 8)
		h = rotate_left(h ^ xxh_round(0, get_le64(p)), 27) * P1 + P4;
	if (end - p >= 4) {
		h = rotate_left(h ^ get_le32(p) * P1, 23) * P2 + P3;
		p += 4;
	}
	for (; p < end; p++)
		h = rotate_left(h ^ *p * P5, 11) * P1;
	h = (h ^ h >> 33) * P2;
	h = (h ^ h >> 29) * P3;
	return h ^ h >> 32;
}
