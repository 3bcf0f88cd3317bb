// SPDX-License-Identifier: GPL-3.0-or-later
/* Several sources one after the other: a file that was split, or extents of a disk. */
#include "backproof/source.h"

struct concat {
	struct source **items;
	uint64_t *starts; /* count + 1 of them */
	size_t count;
};

/* The piece that holds off: a binary search, for there may be thousands. */
static size_t piece_of(const struct concat *c, uint64_t off)
{
	return last_at_most(c->starts, c->count, , off);
}

static int concat_read_at(void *self, uint64_t off, void *buf, size_t len, struct error *e)
{
	struct concat *c = self;
	uint8_t *to = buf;
	for (size_t i = piece_of(c, off); len; i++) {
		uint64_t in = off - c->starts[i], left = c->starts[i + 1] - off;
		size_t n = len < left ? len : (size_t)left;
		if (n && source_read_at(c->items[i], in, to, n, e) < 0)
			return -1;
		to += n;
		off += n;
		len -= n;
	}
	return 0;
}

static int concat_extent_at(void *self, uint64_t off, struct extent *out, struct error *e)
{
	struct concat *c = self;
	size_t i = piece_of(c, off);
	/* Empty pieces share their start with the next one: the search ends on the last of them. */
	return source_extent_at(c->items[i], off - c->starts[i], out, e);
}

static void concat_expect(void *self, uint64_t off, uint64_t len)
{
	struct concat *c = self;
	for (size_t i = piece_of(c, off); len; i++) {
		uint64_t left = c->starts[i + 1] - off, n = len < left ? len : left;
		source_expect(c->items[i], off - c->starts[i], n);
		off += n;
		len -= n;
	}
}

static void concat_destroy(void *self)
{
	struct concat *c = self;
	free(c->items);
	free(c->starts);
	free(c);
}

static const struct source_ops concat_ops = {
	.kind = "concat",
	.read_at = concat_read_at,
	.extent_at = concat_extent_at,
	.destroy = concat_destroy,
	.expect = concat_expect,
};

struct source *source_concat(struct source *const *items, size_t count, const char *name, struct error *e)
{
	struct concat *c = calloc(1, sizeof *c);
	struct source *s = NULL;
	if (c) {
		c->count = count;
		c->items = calloc(count, sizeof *c->items);
		c->starts = calloc(count + 1, sizeof *c->starts);
	}
	if (!c || !c->items || !c->starts) {
		error_nomem(e);
	} else {
		uint64_t end = 0;
		size_t i = 0;
		for (; i < count; i++) {
			c->items[i] = items[i];
			c->starts[i] = end;
			if (add_overflows(end, source_size(items[i]), &end))
				break;
		}
		c->starts[count] = end;
		if (i < count)
			error_set(e, ERROR_LIMIT, ERROR_NO_OFFSET, "%s: its pieces are too large together", name);
		else
			s = source_new(&concat_ops, c, end, name, e);
	}
	if (!s && c)
		concat_destroy(c);
	return s;
}
