// SPDX-License-Identifier: GPL-3.0-or-later
/* A disk of stretches: bytes in memory, other sources, places that can't be read, and zeros. */
#include <inttypes.h>

#include "clonezilla.h"

int composite_add(struct composite *c, uint64_t start, uint64_t length, uint8_t *bytes, struct source *source,
		  const struct error *error, struct error *e)
{
	struct error *copy = error ? malloc(sizeof *copy) : NULL;
	struct segment *s = error && !copy ? NULL : length ? vec_push(&c->segments) : NULL;
	if (copy)
		*copy = *error;
	if (!s) {
		free(bytes);
		free(copy);
		return length || (error && !copy) ? error_nomem(e) : 0;
	}
	*s = (struct segment){start, length, bytes, source, copy};
	return 0;
}

void composite_free(struct composite *c)
{
	vec_each (&c->segments, s) {
		free(s->bytes);
		free(s->error);
	}
	vec_free(&c->segments);
}

/* The first segment that ends behind off, or NULL. */
static const struct segment *find(const struct composite *c, uint64_t off)
{
	size_t low = 0, high = c->segments.count;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (c->segments.items[mid].start + c->segments.items[mid].length <= off)
			low = mid + 1;
		else
			high = mid;
	}
	return low < c->segments.count ? &c->segments.items[low] : NULL;
}

static int read_segment(const struct segment *s, uint64_t in, uint8_t *to, size_t n, struct error *e)
{
	if (s->error) {
		*e = *s->error;
		return -1;
	}
	if (s->bytes) {
		memcpy(to, s->bytes + in, n);
		return 0;
	}
	uint64_t size = source_size(s->source), have = in < size ? size - in : 0;
	if (have > n)
		have = n;
	memset(to + have, 0, n - (size_t)have);
	return source_read_at(s->source, in, to, (size_t)have, e);
}

static int composite_read_at(void *self, uint64_t off, void *buf, size_t len, struct error *e)
{
	const struct composite *c = self;
	uint8_t *to = buf;
	for (size_t n; len; off += n, to += n, len -= n) {
		const struct segment *s = find(c, off);
		n = len;
		if (!s || s->start > off) {
			if (s && s->start - off < n)
				n = (size_t)(s->start - off);
			memset(to, 0, n);
			continue;
		}
		if (s->start + s->length - off < n)
			n = (size_t)(s->start + s->length - off);
		if (read_segment(s, off - s->start, to, n, e) < 0)
			return -1;
	}
	return 0;
}

static int composite_extent_at(void *self, uint64_t off, struct extent *out, struct error *e)
{
	const struct composite *c = self;
	const struct segment *s = find(c, off);
	if (!s || s->start > off) {
		out->zero = true;
		if (s)
			out->length = s->start - off;
		return 0;
	}
	uint64_t in = off - s->start, left = s->length - in;
	*out = (struct extent){left, false};
	if (!s->source)
		return 0;
	if (in >= source_size(s->source)) {
		out->zero = true;
		return 0;
	}
	if (source_extent_at(s->source, in, out, e) < 0)
		return -1;
	if (out->length > left)
		out->length = left;
	return 0;
}

static void composite_destroy(void *self)
{
	composite_free(self);
	free(self);
}

static const struct source_ops ops = {"composite", composite_read_at, composite_extent_at, composite_destroy};

static int by_start(const void *a, const void *b)
{
	const struct segment *x = a, *y = b;
	return x->start < y->start ? -1 : x->start > y->start;
}

struct source *composite_source(struct composite *c, uint64_t size, const char *name, struct error *e)
{
	if (c->segments.count)
		qsort(c->segments.items, c->segments.count, sizeof *c->segments.items, by_start);
	for (size_t i = 0; i < c->segments.count; i++) {
		const struct segment *s = &c->segments.items[i];
		if (s->start > size || size - s->start < s->length || (i && s->start < s[-1].start + s[-1].length)) {
			error_set(e, ERROR_CORRUPT, (int64_t)s->start,
				  "%s: the partition table puts two things in one place, or one behind the end of "
				  "the disk",
				  name);
			return NULL;
		}
	}
	struct composite *copy = malloc(sizeof *copy);
	if (!copy) {
		error_nomem(e);
		return NULL;
	}
	*copy = *c;
	struct source *s = source_new(&ops, copy, size, name, e);
	if (!s) {
		free(copy);
		return NULL;
	}
	memset(c, 0, sizeof *c);
	return s;
}
