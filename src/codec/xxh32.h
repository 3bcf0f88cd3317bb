// SPDX-License-Identifier: GPL-3.0-or-later
/* XXH32 (xxHash fast digest algorithm, format 0.1.1), which LZ4 frames carry. */
#ifndef CODEC_XXH32_H
#define CODEC_XXH32_H

#include "backproof/base.h"

struct xxh32 {
	uint32_t lanes[4];
	uint64_t length;
	uint8_t rest[16]; /* length % 16 bytes that fill no stripe yet */
};

void xxh32_init(struct xxh32 *x, uint32_t seed);
void xxh32_update(struct xxh32 *x, const void *data, size_t len);
uint32_t xxh32_final(const struct xxh32 *x);
/* All at once, with seed 0. */
uint32_t xxh32(const void *data, size_t len);

#endif
