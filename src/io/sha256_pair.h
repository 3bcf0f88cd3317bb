// SPDX-License-Identifier: GPL-3.0-or-later
/* Two messages of one length through the SHA instructions of x86 at the same time. */
#ifndef IO_SHA256_PAIR_H
#define IO_SHA256_PAIR_H

#include "backproof/sha256.h"

bool sha256_pair_runs_here(void);
/* Only where it runs. a and b may be the same. */
void sha256_pair(const uint8_t *a, const uint8_t *b, size_t length, uint8_t to_a[SHA256_SIZE],
		 uint8_t to_b[SHA256_SIZE]);

#endif
