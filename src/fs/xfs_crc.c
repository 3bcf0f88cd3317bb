// SPDX-License-Identifier: GPL-3.0-or-later
/* CRC-32C (Castagnoli): every block of metadata of XFS carries one. Eight bytes at a time, by
 * instruction if any. */
#include "xfs.h"

static uint32_t table[8][256];
static uint32_t (*run)(uint32_t crc, const uint8_t *p, size_t len);
static pthread_once_t once = PTHREAD_ONCE_INIT;

static uint32_t by_table(uint32_t crc, const uint8_t *p, size_t len)
{
	for (; len >= 8; len -= 8, p += 8) {
		uint64_t v = get_le64(p) ^ crc;
		crc = table[7][v & 255] ^ table[6][v >> 8 & 255] ^ table[5][v >> 16 & 255] ^
		      table[4][v >> 24 & 255] ^ table[3][v >> 32 & 255] ^ table[2][v >> 40 & 255] ^
		      table[1][v >> 48 & 255] ^ table[0][v >> 56];
	}
	while (len--)
		crc = crc >> 8 ^ table[0][(crc ^ *p++) & 255];
	return crc;
}

#ifdef __x86_64__
__attribute__((target("sse4.2"))) static uint32_t by_instruction(uint32_t crc, const uint8_t *p,
								 size_t len)
{
	uint64_t c = crc;
	for (; len >= 8; len -= 8, p += 8)
		c = __builtin_ia32_crc32di(c, get_le64(p));
	while (len--)
		c = __builtin_ia32_crc32qi((uint32_t)c, *p++);
	return (uint32_t)c;
}
#endif

static void prepare(void)
{
	for (uint32_t i = 0; i < 256; i++) {
		uint32_t c = i;
		for (int k = 0; k < 8; k++)
			c = c & 1 ? c >> 1 ^ 0x82f63b78u : c >> 1;
		table[0][i] = c;
	}
	for (int t = 1; t < 8; t++)
		for (uint32_t i = 0; i < 256; i++)
			table[t][i] = table[t - 1][i] >> 8 ^ table[0][table[t - 1][i] & 255];
	run = by_table;
#ifdef __x86_64__
	if (__builtin_cpu_supports("sse4.2"))
		run = by_instruction;
#endif
}

uint32_t xfs_crc(uint32_t crc, const void *p, size_t len)
{
	pthread_once(&once, prepare);
	return run(crc, p, len);
}

uint32_t xfs_sum(const void *p, size_t len, size_t hole)
{
	static const uint8_t zeros[4];
	const uint8_t *b = p;
	uint32_t crc = xfs_crc(~0u, b, hole);
	crc = xfs_crc(crc, zeros, sizeof zeros);
	return ~xfs_crc(crc, b + hole + 4, len - hole - 4);
}

bool xfs_sum_ok(const void *p, size_t len, size_t hole)
{
	return xfs_sum(p, len, hole) == get_le32((const uint8_t *)p + hole);
}

void xfs_sum_put(void *p, size_t len, size_t hole)
{
	uint32_t sum = xfs_sum(p, len, hole);
	for (int i = 0; i < 4; i++)
		((uint8_t *)p)[hole + (size_t)i] = (uint8_t)(sum >> 8 * i);
}
