// SPDX-License-Identifier: GPL-3.0-or-later
/* Small texts that are all let go at once: a fleet has millions of them, and malloc would cost more than the rest. */
#ifndef CATALOG_ARENA_H
#define CATALOG_ARENA_H

#include "backproof/base.h"

struct arena_block;
struct arena {
	struct arena_block *last;
	size_t used; /* of the last block */
};
void arena_free(struct arena *a);
/* Not aligned. NULL: memory is out. */
char *arena_bytes(struct arena *a, size_t len) must_check;
/* len bytes of s, with NUL behind them. */
char *arena_text(struct arena *a, const char *s, size_t len) must_check;

#endif
