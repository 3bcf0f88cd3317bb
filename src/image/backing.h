// SPDX-License-Identifier: GPL-3.0-or-later
/* What a differencing disk takes from its parent: a parent that is shorter reads as zeros behind its end. */
#ifndef IMAGE_BACKING_H
#define IMAGE_BACKING_H

#include "backproof/source.h"

/* parent NULL: zeros. */
static inline int backing_read(struct source *parent, uint64_t off, void *buf, size_t len, struct error *e)
{
	uint64_t size = parent ? source_size(parent) : 0;
	size_t n = off >= size ? 0 : size - off < len ? (size_t)(size - off) : len;
	memset((uint8_t *)buf + n, 0, len - n);
	return n ? source_read_at(parent, off, buf, n, e) : 0;
}

/* What of off .. off+length is zero; length is cut short where that changes. */
static inline int backing_extent(struct source *parent, uint64_t off, uint64_t length, struct extent *out,
				 struct error *e)
{
	*out = (struct extent){.length = length, .zero = true};
	if (!parent || off >= source_size(parent))
		return 0;
	if (source_extent_at(parent, off, out, e) < 0)
		return -1;
	if (out->length > length)
		out->length = length;
	return 0;
}

#endif
