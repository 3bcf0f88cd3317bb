// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * One kernel of MD5, for GROUPS vectors of WIDTH messages each: included once for each kind of vector, with KERNEL,
 * TARGET, WIDTH and GROUPS set, and LOW and HIGH, which interleave halves. A step waits for the one before it: the
 * other group's fills the gap. The four rounds are those of RFC 1321, section 3.4; only the loading differs: the words
 * of a block lie one after the other in its message, and must come to lie message by message.
 */
#define PASTE_(a, b) a##b
#define PASTE(a, b) PASTE_(a, b)
#define VECTOR PASTE(vector_, WIDTH)
#define ALL(i, n) _Pragma("GCC unroll 16") for (unsigned i = 0; i < (n); i++)

typedef uint32_t VECTOR __attribute__((vector_size(4 * WIDTH)));

#define F(b, c, d) ((((c) ^ (d)) & (b)) ^ (d))
#define G(b, c, d) ((((b) ^ (c)) & (d)) ^ (c))
#define H(b, c, d) ((b) ^ (c) ^ (d))
#define I(b, c, d) ((c) ^ ((b) | ~(d)))
#define STEP(f, a, b, c, d, word, constant, turn)                                                    \
	ALL(g, GROUPS)                                                                               \
	{                                                                                            \
		a[g] += w[g][word] + (uint32_t)(constant);                                           \
		a[g] += f(b[g], c[g], d[g]);                                                         \
		a[g] = b[g] + (a[g] << (turn) | a[g] >> (32 - (turn)));                              \
	}
/* Four steps from step `at` of a round on; its words are `stride` apart. */
#define FOUR(f, at, first, stride, k0, k1, k2, k3, t0, t1, t2, t3)                                   \
	STEP(f, a, b, c, d, ((first) + (stride) * (at)) & 15, k0, t0)                                \
	STEP(f, d, a, b, c, ((first) + (stride) * ((at) + 1)) & 15, k1, t1)                          \
	STEP(f, c, d, a, b, ((first) + (stride) * ((at) + 2)) & 15, k2, t2)                          \
	STEP(f, b, c, d, a, ((first) + (stride) * ((at) + 3)) & 15, k3, t3)

/* A block of each message, WIDTH words at a time, interleaved until word i of all is in w[i]. */
TARGET static inline void PASTE(load_, WIDTH)(VECTOR w[16], const uint8_t *const *from, size_t at)
{
	for (unsigned part = 0; part < 16; part += WIDTH) {
		VECTOR x[WIDTH], y[WIDTH];
		ALL(i, WIDTH) memcpy(&x[i], from[i] + at + 4 * part, sizeof x[i]);
		_Pragma("GCC unroll 4") for (unsigned n = 1; n < WIDTH; n *= 2)
		{
			ALL(i, WIDTH / 2)
			{
				y[2 * i] = LOW(x[i], x[i + WIDTH / 2]);
				y[2 * i + 1] = HIGH(x[i], x[i + WIDTH / 2]);
			}
			memcpy(x, y, sizeof x);
		}
		memcpy(w + part, x, sizeof x);
	}
}

TARGET static void KERNEL(uint32_t state[4][MD5_LANES_MAX], const uint8_t *const *from, size_t blocks)
{
	VECTOR a[GROUPS], b[GROUPS], c[GROUPS], d[GROUPS], w[GROUPS][16];
	memcpy(a, state[0], sizeof a);
	memcpy(b, state[1], sizeof b);
	memcpy(c, state[2], sizeof c);
	memcpy(d, state[3], sizeof d);
	for (size_t i = 0; i < blocks; i++) {
		VECTOR before[4][GROUPS];
		ALL(g, GROUPS)
		{
			PASTE(load_, WIDTH)(w[g], from + g * WIDTH, i * 64);
			before[0][g] = a[g];
			before[1][g] = b[g];
			before[2][g] = c[g];
			before[3][g] = d[g];
		}
		FOUR(F, 0, 0, 1, 0xd76aa478, 0xe8c7b756, 0x242070db, 0xc1bdceee, 7, 12, 17, 22)
		FOUR(F, 4, 0, 1, 0xf57c0faf, 0x4787c62a, 0xa8304613, 0xfd469501, 7, 12, 17, 22)
		FOUR(F, 8, 0, 1, 0x698098d8, 0x8b44f7af, 0xffff5bb1, 0x895cd7be, 7, 12, 17, 22)
		FOUR(F, 12, 0, 1, 0x6b901122, 0xfd987193, 0xa679438e, 0x49b40821, 7, 12, 17, 22)
		FOUR(G, 0, 1, 5, 0xf61e2562, 0xc040b340, 0x265e5a51, 0xe9b6c7aa, 5, 9, 14, 20)
		FOUR(G, 4, 1, 5, 0xd62f105d, 0x02441453, 0xd8a1e681, 0xe7d3fbc8, 5, 9, 14, 20)
		FOUR(G, 8, 1, 5, 0x21e1cde6, 0xc33707d6, 0xf4d50d87, 0x455a14ed, 5, 9, 14, 20)
		FOUR(G, 12, 1, 5, 0xa9e3e905, 0xfcefa3f8, 0x676f02d9, 0x8d2a4c8a, 5, 9, 14, 20)
		FOUR(H, 0, 5, 3, 0xfffa3942, 0x8771f681, 0x6d9d6122, 0xfde5380c, 4, 11, 16, 23)
		FOUR(H, 4, 5, 3, 0xa4beea44, 0x4bdecfa9, 0xf6bb4b60, 0xbebfbc70, 4, 11, 16, 23)
		FOUR(H, 8, 5, 3, 0x289b7ec6, 0xeaa127fa, 0xd4ef3085, 0x04881d05, 4, 11, 16, 23)
		FOUR(H, 12, 5, 3, 0xd9d4d039, 0xe6db99e5, 0x1fa27cf8, 0xc4ac5665, 4, 11, 16, 23)
		FOUR(I, 0, 0, 7, 0xf4292244, 0x432aff97, 0xab9423a7, 0xfc93a039, 6, 10, 15, 21)
		FOUR(I, 4, 0, 7, 0x655b59c3, 0x8f0ccc92, 0xffeff47d, 0x85845dd1, 6, 10, 15, 21)
		FOUR(I, 8, 0, 7, 0x6fa87e4f, 0xfe2ce6e0, 0xa3014314, 0x4e0811a1, 6, 10, 15, 21)
		FOUR(I, 12, 0, 7, 0xf7537e82, 0xbd3af235, 0x2ad7d2bb, 0xeb86d391, 6, 10, 15, 21)
		ALL(g, GROUPS)
		{
			a[g] += before[0][g];
			b[g] += before[1][g];
			c[g] += before[2][g];
			d[g] += before[3][g];
		}
	}
	memcpy(state[0], a, sizeof a);
	memcpy(state[1], b, sizeof b);
	memcpy(state[2], c, sizeof c);
	memcpy(state[3], d, sizeof d);
}

#undef F
#undef G
#undef H
#undef I
#undef STEP
#undef FOUR
#undef ALL
#undef VECTOR
#undef PASTE
#undef PASTE_
#undef KERNEL
#undef TARGET
#undef WIDTH
#undef GROUPS
#undef LOW
#undef HIGH
