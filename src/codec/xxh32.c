// SPDX-License-Identifier: GPL-3.0-or-later
#include "xxh32.h"

#define PRIME1 0x9e3779b1u
#define PRIME2 0x85ebca77u
#define PRIME3 0xc2b2ae3du
#define PRIME4 0x27d4eb2fu
#define PRIME5 0x165667b1u
#define STRIPE 16

static inline uint32_t rotate(uint32_t v, int n)
{
	return v << n | v >> (32 - n);
}

static inline uint32_t mix(uint32_t lane, const uint8_t *p)
{
	return rotate(lane + get_le32(p) * PRIME2, 13) * PRIME1;
}

void xxh32_init(struct xxh32 *x, uint32_t seed)
{
	*x = (struct xxh32){{seed + PRIME1 + PRIME2, seed + PRIME2, seed, seed - PRIME1}, 0, {0}};
}

/* Whole stripes: the four lanes do not wait for each other. */
static void stripes(struct xxh32 *x, const uint8_t *p, size_t count)
{
	uint32_t a = x->lanes[0], b = x->lanes[1], c = x->lanes[2], d = x->lanes[3];
	for (; count; count--, p += STRIPE) {
		a = mix(a, p);
		b = mix(b, p + 4);
		c = mix(c, p + 8);
		d = mix(d, p + 12);
		/* A compiler would put the lanes into one vector, whose products of 32 bits take five times as long. */
		__asm__("" : "+r"(a), "+r"(b), "+r"(c), "+r"(d));
	}
	x->lanes[0] = a;
	x->lanes[1] = b;
	x->lanes[2] = c;
	x->lanes[3] = d;
}

void xxh32_update(struct xxh32 *x, const void *data, size_t len)
{
	const uint8_t *p = data;
	size_t have = x->length % STRIPE;
	x->length += len;
	if (have) {
		size_t n = STRIPE - have < len ? STRIPE - have : len;
		memcpy(x->rest + have, p, n);
		if (have + n < STRIPE)
			return;
		stripes(x, x->rest, 1);
		p += n;
		len -= n;
	}
	stripes(x, p, len / STRIPE);
	if (len % STRIPE)
		memcpy(x->rest, p + len / STRIPE * STRIPE, len % STRIPE);
}

uint32_t xxh32_final(const struct xxh32 *x)
{
	/* Short of one stripe the lanes have not been used: the third one is the seed. */
	uint32_t h = x->length >= STRIPE ? rotate(x->lanes[0], 1) + rotate(x->lanes[1], 7) +
						   rotate(x->lanes[2], 12) + rotate(x->lanes[3], 18)
					 : x->lanes[2] + PRIME5;
	size_t left = x->length % STRIPE;
	const uint8_t *p = x->rest;
	h += (uint32_t)x->length;
	for (; left >= 4; left -= 4, p += 4)
		h = rotate(h + get_le32(p) * PRIME3, 17) * PRIME4;
	for (; left; left--, p++)
		h = rotate(h + *p * PRIME5, 11) * PRIME1;
	h = (h ^ h >> 15) * PRIME2;
	h = (h ^ h >> 13) * PRIME3;
	return h ^ h >> 16;
}

uint32_t xxh32(const void *data, size_t len)
{
	struct xxh32 x;
	xxh32_init(&x, 0);
	xxh32_update(&x, data, len);
	return xxh32_final(&x);
}
