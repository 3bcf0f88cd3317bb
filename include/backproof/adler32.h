// SPDX-License-Identifier: GPL-3.0-or-later
/* Adler-32 (RFC 1950, 8.2). Not by the name that zlib gives it: that of a program is taken for the library's own. */
#ifndef BACKPROOF_ADLER32_H
#define BACKPROOF_ADLER32_H

#include "backproof/base.h"

uint32_t adler32_sum(const uint8_t *p, size_t len);

#endif
