// SPDX-License-Identifier: GPL-3.0-or-later
/* Compressed forms that are recognised and named, but not decoded. */
#ifndef CODEC_KNOWN_H
#define CODEC_KNOWN_H

#include "backproof/format.h"

extern const struct format *const codec_known_rows[];
extern const size_t codec_known_count;

#endif
