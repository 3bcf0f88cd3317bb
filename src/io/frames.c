// SPDX-License-Identifier: GPL-3.0-or-later
/* The index of pieces: at most so many, however large the file is. */
#include "backproof/frames.h"

#define GRAIN_MIN (64 * KIB)

void frames_free(struct frames *x)
{
	free(x->items);
	memset(x, 0, sizeof *x);
}

static bool joins(const struct frames *x, const struct frames_piece *a, const struct frames_piece *b)
{
	return a->stored + a->stored_length == b->stored && (uint64_t)a->length + b->length <= x->grain;
}

/* Neighbours become one piece, until half of the places are free again. false: they can't. */
static bool coarsen(struct frames *x)
{
	while (x->merge && x->count > FRAMES_MAX / 2 && x->grain < FRAMES_PIECE_MAX) {
		size_t kept = 0;
		x->grain *= 2;
		for (size_t i = 1; i < x->count; i++) {
			struct frames_piece *last = &x->items[kept];
			if (joins(x, last, &x->items[i])) {
				last->stored_length += x->items[i].stored_length;
				last->length += x->items[i].length;
			} else {
				x->items[++kept] = x->items[i];
			}
		}
		x->count = kept + 1;
	}
	return x->count <= FRAMES_MAX / 2;
}

int frames_add(struct frames *x, const struct frames_piece *p, struct error *e)
{
	struct frames_piece *last = x->count ? &x->items[x->count - 1] : NULL, *slot;
	if (!p->length) /* only BGZF's mark of the end, which was compared */
		return 1;
	/* A piece of many empty blocks would be read for nothing. */
	if (p->length > FRAMES_PIECE_MAX || p->stored_length > p->length + p->length / 8 + 64 * KIB)
		return 0;
	if (!x->grain)
		x->grain = GRAIN_MIN;
	if (add_overflows(x->size, (uint64_t)p->length, &x->size) || x->size > INT64_MAX)
		return 0;
	if (x->merge && last && joins(x, last, p)) {
		last->stored_length += p->stored_length;
		last->length += p->length;
		return 1;
	}
	if (x->count == FRAMES_MAX && !coarsen(x))
		return 0;
	slot = vec_push(x);
	if (!slot)
		return error_nomem(e);
	*slot = *p;
	slot->decoded = x->size - p->length;
	return 1;
}
