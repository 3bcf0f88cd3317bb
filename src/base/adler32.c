// SPDX-License-Identifier: GPL-3.0-or-later
#include "backproof/adler32.h"

#define BASE 65521u /* the largest prime below 2^16 */
#define RUN 5552    /* so many bytes can be added up before b leaves 32 bits */

uint32_t adler32_sum(const uint8_t *p, size_t len)
{
	uint32_t a = 1, b = 0;
	while (len) {
		size_t n = len < RUN ? len : RUN;
		len -= n;
		for (; n; n--) {
			a += *p++;
			b += a;
		}
		a %= BASE;
		b %= BASE;
	}
	return b << 16 | a;
}
