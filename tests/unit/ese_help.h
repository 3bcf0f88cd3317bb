// SPDX-License-Identifier: GPL-3.0-or-later
/* ESE databases put together in memory. */
#ifndef ESE_HELP_H
#define ESE_HELP_H

#include "../../src/sample/witness/ese.h"
#include "test.h"

static inline void put32(uint8_t *p, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> 8 * i);
}

static inline void put64(uint8_t *p, uint64_t v)
{
	put32(p, (uint32_t)v);
	put32(p + 4, (uint32_t)(v >> 32));
}

static inline void seal_header(uint8_t *p, size_t size)
{
	uint32_t sum = ESE_MAGIC;
	for (size_t i = 4; i < size; i += 4)
		sum ^= get_le32(p + i);
	put32(p, sum);
}

/* A database of the given page size; old: the form of checksum without ECC. */
static inline uint8_t *generate(size_t size, size_t pages, bool old)
{
	uint8_t *db = calloc(pages + 2, size);
	NEED(db);
	for (int i = 0; i < 2; i++) {
		uint8_t *h = db + (size_t)i * size;
		put32(h + 4, ESE_MAGIC);
		put32(h + 8, 0x620);
		put32(h + 52, ESE_CLEAN);
		put32(h + 232, old ? 9 : 0x11);
		put32(h + 236, (uint32_t)size);
		seal_header(h, size);
	}
	struct rng r = {42};
	for (uint32_t n = 1; n <= pages; n++) {
		uint8_t *p = db + (n + 1) * size;
		for (size_t i = 80; i < size; i++)
			p[i] = (uint8_t)rng_next(&r);
		put32(p + 16, n - 1);
		put32(p + 20, n == pages ? 0 : n + 1);
		put32(p + 36, old ? 0x0802 : 0x2802);
		size_t block = size <= 8192 ? size : size <= 16384 ? 4096 : 8192;
		if (old) {
			put32(p + 4, n);
			seal_header(p, size);
			continue;
		}
		if (size > 8192)
			put32(p + 64, n);
		for (size_t i = 1; i < size / block; i++)
			put64(p + 40 + 8 * (i - 1), ese_checksum(p + i * block, block, n, false));
		put64(p, ese_checksum(p, block, n, true));
	}
	return db;
}

#endif
