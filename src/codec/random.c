// SPDX-License-Identifier: GPL-3.0-or-later
/* What the indexes of all codecs have in common. */
#include "random.h"

const uint8_t *look_at(struct look *l, uint64_t off, size_t want, size_t *got, struct error *e)
{
	uint64_t size = source_size(l->src);
	*got = 0;
	if (off >= size)
		return l->data;
	*got = size - off < want ? (size_t)(size - off) : want;
	if (off < l->at || off + *got > l->at + l->length) {
		l->length = size - off < LOOK_SIZE ? (size_t)(size - off) : LOOK_SIZE;
		l->at = off;
		if (source_read_at(l->src, off, l->data, l->length, e) < 0) {
			l->length = 0;
			return NULL;
		}
	}
	return l->data + (off - l->at);
}

/*
 * Of large pieces only a few are kept, and a walk comes back to each of them many times: with blocks of 16 MiB some
 * hundred were decoded for a sample of a small system. Where there are not more than that, to decode all of them once
 * costs less.
 */
#define LARGE (2 * MIB)
#define LARGE_MIN 512

int random_open(struct source *stored, struct frames *x, struct source **out, struct error *e)
{
	/* One piece is as well decoded once and kept. */
	if (x->count < 2 || (x->size / x->count > LARGE && x->count < LARGE_MIN))
		return 0;
	*out = source_frames(stored, x, e);
	return *out ? 1 : -1;
}
