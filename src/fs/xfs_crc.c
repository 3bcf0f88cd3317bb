// SPDX-License-Identifier: GPL-3.0-or-later
/* The checksum of a block of metadata: CRC-32C of all of it, the field that holds it as zeros. */
#include "xfs.h"

#include "backproof/crc32c.h"

uint32_t xfs_sum(const void *p, size_t len, size_t hole)
{
	static const uint8_t zeros[4];
	const uint8_t *b = p;
	uint32_t crc = crc32c_update(~0u, b, hole);
	crc = crc32c_update(crc, zeros, sizeof zeros);
	return ~crc32c_update(crc, b + hole + 4, len - hole - 4);
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
