// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * SHA-256 (FIPS 180-4) by SHA256RNDS2, SHA256MSG1 and SHA256MSG2. Each round needs the one before it, which takes the
 * processor several cycles: meanwhile a second message goes through the same unit.
 */
#include "sha256_pair.h"

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>

#define WITH_SHA __attribute__((target("sha,sse4.1")))
#define INLINE static inline __attribute__((always_inline)) WITH_SHA

#define BLOCK 64

static const uint32_t k[64] __attribute__((aligned(16))) = {
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
	0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
	0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
	0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
	0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
	0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
	0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
	0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

/* The state as the instructions want it, and the last 16 words of the message schedule. */
struct lane {
	__m128i abef, cdgh, w[4];
};

INLINE void begin(struct lane *l)
{
	l->abef = _mm_set_epi32(0x6a09e667, (int)0xbb67ae85, 0x510e527f, (int)0x9b05688c);
	l->cdgh = _mm_set_epi32(0x3c6ef372, (int)0xa54ff53a, 0x1f83d9ab, 0x5be0cd19);
}

INLINE void load(struct lane *l, const uint8_t *block)
{
	const __m128i big_endian = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
	for (int i = 0; i < 4; i++)
		l->w[i] = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)block + i), big_endian);
}

/* Rounds 4i to 4i+3. */
INLINE void rounds(struct lane *l, int i)
{
	__m128i wk = _mm_add_epi32(l->w[i % 4], _mm_load_si128((const __m128i *)k + i));
	l->cdgh = _mm_sha256rnds2_epu32(l->cdgh, l->abef, wk);
	l->abef = _mm_sha256rnds2_epu32(l->abef, l->cdgh, _mm_shuffle_epi32(wk, 0x0e));
}

/* Words 4i+16 to 4i+19 of the schedule take the place of 4i to 4i+3. */
INLINE void extend(struct lane *l, int i)
{
	__m128i *w0 = &l->w[i % 4], w1 = l->w[(i + 1) % 4], w2 = l->w[(i + 2) % 4], w3 = l->w[(i + 3) % 4];
	__m128i sum = _mm_add_epi32(_mm_sha256msg1_epu32(*w0, w1), _mm_alignr_epi8(w3, w2, 4));
	*w0 = _mm_sha256msg2_epu32(sum, w3);
}

INLINE void compress(struct lane *x, struct lane *y, const uint8_t *a, const uint8_t *b)
{
	const __m128i before[4] = {x->abef, x->cdgh, y->abef, y->cdgh};
	load(x, a);
	load(y, b);
#pragma GCC unroll 16
	for (int i = 0; i < 16; i++) {
		rounds(x, i);
		rounds(y, i);
		if (i < 12) {
			extend(x, i);
			extend(y, i);
		}
	}
	x->abef = _mm_add_epi32(x->abef, before[0]);
	x->cdgh = _mm_add_epi32(x->cdgh, before[1]);
	y->abef = _mm_add_epi32(y->abef, before[2]);
	y->cdgh = _mm_add_epi32(y->cdgh, before[3]);
}

INLINE void store(const struct lane *l, uint8_t out[SHA256_SIZE])
{
	const __m128i big_endian = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
	/* F E B A and H G D C, lowest first, become A B C D and E F G H. */
	__m128i abef = _mm_shuffle_epi32(l->abef, 0x1b), cdgh = _mm_shuffle_epi32(l->cdgh, 0x1b);
	__m128i abcd = _mm_unpacklo_epi64(abef, cdgh), efgh = _mm_unpackhi_epi64(abef, cdgh);
	_mm_storeu_si128((__m128i *)out, _mm_shuffle_epi8(abcd, big_endian));
	_mm_storeu_si128((__m128i *)out + 1, _mm_shuffle_epi8(efgh, big_endian));
}

/* What follows the last full block: the rest, a bit, zeros, and the length in bits. Returns how many blocks that is. */
static size_t pad(const uint8_t *rest, size_t n, size_t length, uint8_t out[2 * BLOCK])
{
	size_t blocks = n < BLOCK - 8 ? 1 : 2;
	uint64_t bits = __builtin_bswap64((uint64_t)length * 8);
	memset(out, 0, 2 * BLOCK);
	if (n)
		memcpy(out, rest, n);
	out[n] = 0x80;
	memcpy(out + blocks * BLOCK - 8, &bits, 8);
	return blocks;
}

WITH_SHA void sha256_pair(const uint8_t *a, const uint8_t *b, size_t length, uint8_t to_a[SHA256_SIZE],
			  uint8_t to_b[SHA256_SIZE])
{
	uint8_t end_a[2 * BLOCK], end_b[2 * BLOCK];
	size_t full = length / BLOCK * BLOCK, last = pad(a + full, length - full, length, end_a);
	struct lane x, y;
	pad(b + full, length - full, length, end_b);
	begin(&x);
	begin(&y);
	for (size_t i = 0; i < full; i += BLOCK)
		compress(&x, &y, a + i, b + i);
	for (size_t i = 0; i < last; i++)
		compress(&x, &y, end_a + i * BLOCK, end_b + i * BLOCK);
	store(&x, to_a);
	store(&y, to_b);
}

bool sha256_pair_runs_here(void)
{
	unsigned a, b, c, d;
	/* Leaf 7: SHA is bit 29 of EBX. Compilers of Debian 12 don't all know it by name. */
	return __builtin_cpu_supports("sse4.1") && __builtin_cpu_supports("ssse3") &&
	       __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & 1u << 29);
}

#else

bool sha256_pair_runs_here(void)
{
	return false;
}

void sha256_pair(const uint8_t *a, const uint8_t *b, size_t length, uint8_t to_a[SHA256_SIZE],
		 uint8_t to_b[SHA256_SIZE])
{
	(void)a, (void)b, (void)length;
	memset(to_a, 0, SHA256_SIZE);
	memset(to_b, 0, SHA256_SIZE);
}

#endif
