// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * CRC-32C (Castagnoli, RFC 3720 appendix B.4): of ext4, XFS, btrfs and VHDX. The register as it is: most formats
 * start from ~0 and store the inverted result, some leave out one or the other.
 */
#ifndef BACKPROOF_CRC32C_H
#define BACKPROOF_CRC32C_H

#include "backproof/base.h"

/* Goes on from crc. By the processor's instruction where it has one. */
uint32_t crc32c_update(uint32_t crc, const void *p, size_t len);

/* The usual form: start from ~0, result inverted. "123456789" gives e3069283. */
static inline uint32_t crc32c(const void *p, size_t len)
{
	return ~crc32c_update(~UINT32_C(0), p, len);
}

/* For tests: the same by tables alone. */
uint32_t crc32c_by_table(uint32_t crc, const void *p, size_t len);

#endif
