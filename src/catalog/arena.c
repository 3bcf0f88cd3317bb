// SPDX-License-Identifier: GPL-3.0-or-later
#include "arena.h"

#define BLOCK (8 * KIB)

struct arena_block {
	struct arena_block *before;
	size_t size;
	char bytes[];
};

void arena_free(struct arena *a)
{
	while (a->last) {
		struct arena_block *b = a->last;
		a->last = b->before;
		free(b);
	}
	a->used = 0;
}

char *arena_bytes(struct arena *a, size_t len)
{
	if (!a->last || a->last->size - a->used < len) {
		/* Twice as large each time: few calls, and at most half is unused. */
		size_t size = a->last ? a->last->size * 2 : BLOCK, bytes;
		size = size < MIB ? size : MIB;
		size = size < len ? len : size;
		if (add_overflows(size, sizeof(struct arena_block), &bytes))
			return NULL;
		struct arena_block *b = malloc(bytes);
		if (!b)
			return NULL;
		b->before = a->last;
		b->size = size;
		a->last = b;
		a->used = 0;
	}
	char *s = a->last->bytes + a->used;
	a->used += len;
	return s;
}

char *arena_text(struct arena *a, const char *s, size_t len)
{
	char *to = len < SIZE_MAX ? arena_bytes(a, len + 1) : NULL;
	if (!to)
		return NULL;
	memcpy(to, s, len);
	to[len] = 0;
	return to;
}
