// SPDX-License-Identifier: GPL-3.0-or-later
/* XXH64 (the xxHash fast digest algorithm, 0.1.1) with seed 0: of btrfs, and of the table of zstd's seekable format. */
#ifndef BACKPROOF_XXH64_H
#define BACKPROOF_XXH64_H

#include "backproof/base.h"

/* "abc" gives 44bc2cf5ad770999. */
uint64_t xxh64(const void *p, size_t len);

#endif
