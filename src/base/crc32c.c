// SPDX-License-Identifier: GPL-3.0-or-later
#include "backproof/crc32c.h"

#include <pthread.h>

#define POLYNOMIAL UINT32_C(0x82f63b78) /* reflected */

/* tables[k][b]: the byte b followed by k zero bytes, so that eight bytes are looked up at once. */
static uint32_t tables[8][256];
static pthread_once_t tables_once = PTHREAD_ONCE_INIT;

static void fill_tables(void)
{
	for (uint32_t b = 0; b < 256; b++) {
		uint32_t crc = b;
		for (int i = 0; i < 8; i++)
			crc = crc & 1 ? crc >> 1 ^ POLYNOMIAL : crc >> 1;
		tables[0][b] = crc;
	}
	for (int k = 1; k < 8; k++)
		for (int b = 0; b < 256; b++)
			tables[k][b] = tables[k - 1][b] >> 8 ^ tables[0][tables[k - 1][b] & 255];
}

uint32_t crc32c_by_table(uint32_t crc, const void *p, size_t len)
{
	const uint8_t *b = p;
	pthread_once(&tables_once, fill_tables);
	for (; len >= 8; len -= 8, b += 8) {
		uint32_t low = crc ^ get_le32(b), high = get_le32(b + 4);
		crc = tables[7][low & 255] ^ tables[6][low >> 8 & 255] ^ tables[5][low >> 16 & 255] ^
		      tables[4][low >> 24] ^ tables[3][high & 255] ^ tables[2][high >> 8 & 255] ^
		      tables[1][high >> 16 & 255] ^ tables[0][high >> 24];
	}
	while (len--)
		crc = crc >> 8 ^ tables[0][(crc ^ *b++) & 255];
	return crc;
}

#ifdef __x86_64__
#include <nmmintrin.h>

__attribute__((target("sse4.2"))) static uint32_t crc32c_sse42(uint32_t crc, const uint8_t *b, size_t len)
{
	uint64_t c = crc, v;
	for (; len >= 8; len -= 8, b += 8) {
		memcpy(&v, b, 8);
		c = _mm_crc32_u64(c, v);
	}
	crc = (uint32_t)c;
	while (len--)
		crc = _mm_crc32_u8(crc, *b++);
	return crc;
}
#endif

uint32_t crc32c_update(uint32_t crc, const void *p, size_t len)
{
#ifdef __x86_64__
	if (__builtin_cpu_supports("sse4.2"))
		return crc32c_sse42(crc, p, len);
#endif
	return crc32c_by_table(crc, p, len);
}
