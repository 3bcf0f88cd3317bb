// SPDX-License-Identifier: GPL-3.0-or-later
/* A source with some blocks replaced: how a journal is replayed without writing to the image. */
#include "source_self.h"

/* Replayed blocks in a table of open addressing, by block number. */
struct overlay {
	struct source *parent;
	uint32_t block_size;
	size_t slots, used; /* slots is a power of two */
	struct slot {
		uint64_t block;
		uint8_t *data; /* NULL: empty slot */
	} *table;
};

static struct slot *overlay_find(const struct overlay *o, uint64_t block)
{
	struct rng r = {block};
	for (size_t i = (size_t)rng_next(&r);; i++) {
		struct slot *s = &o->table[i & (o->slots - 1)];
		if (!s->data || s->block == block)
			return s;
	}
}

static int overlay_read_at(void *self, uint64_t off, void *buf, size_t len, struct error *e)
{
	struct overlay *o = self;
	uint8_t *to = buf;
	if (source_read_at(o->parent, off, buf, len, e) < 0)
		return -1;
	while (o->used && len) {
		uint64_t block = off / o->block_size;
		size_t in = (size_t)(off % o->block_size), n = o->block_size - in;
		if (n > len)
			n = len;
		const struct slot *s = overlay_find(o, block);
		if (s->data)
			memcpy(to, s->data + in, n);
		to += n;
		off += n;
		len -= n;
	}
	return 0;
}

static int overlay_extent_at(void *self, uint64_t off, struct extent *out, struct error *e)
{
	struct overlay *o = self;
	if (source_extent_at(o->parent, off, out, e) < 0)
		return -1;
	/* A replayed block in a hole is data: look at a piece at a time, it is rare. */
	if (out->zero && o->used) {
		uint64_t block = off / o->block_size, last = (off + out->length - 1) / o->block_size;
		if (last - block > 65536)
			last = block + 65536;
		uint64_t end = (last + 1) * o->block_size;
		if (overlay_find(o, block)->data) {
			out->zero = false;
			end = (block + 1) * o->block_size;
		} else {
			for (uint64_t b = block + 1; b <= last; b++)
				if (overlay_find(o, b)->data) {
					end = b * o->block_size;
					break;
				}
		}
		if (end - off < out->length)
			out->length = end - off;
	}
	return 0;
}

static void overlay_destroy(void *self)
{
	struct overlay *o = self;
	for (size_t i = 0; i < o->slots; i++)
		free(o->table[i].data);
	free(o->table);
	free(o);
}

static void overlay_expect(void *self, uint64_t off, uint64_t len)
{
	struct overlay *o = self;
	source_expect(o->parent, off, len);
}

static const struct source_ops overlay_ops = {
	.kind = "overlay",
	.read_at = overlay_read_at,
	.extent_at = overlay_extent_at,
	.destroy = overlay_destroy,
	.expect = overlay_expect,
};

struct source *source_overlay(struct source *parent, uint32_t block_size, struct error *e)
{
	struct overlay *o = calloc(1, sizeof *o);
	struct slot *table = calloc(1024, sizeof *table);
	if (!o || !table) {
		free(o);
		free(table);
		error_nomem(e);
		return NULL;
	}
	*o = (struct overlay){parent, block_size, 1024, 0, table};
	struct source *s = source_new(&overlay_ops, o, source_size(parent), source_name(parent), e);
	if (!s)
		overlay_destroy(o);
	return s;
}

static int overlay_double(struct overlay *o)
{
	struct overlay big = *o;
	big.slots = o->slots * 2;
	big.table = calloc(big.slots, sizeof *big.table);
	if (!big.table)
		return -1;
	for (size_t i = 0; i < o->slots; i++)
		if (o->table[i].data)
			*overlay_find(&big, o->table[i].block) = o->table[i];
	free(o->table);
	*o = big;
	return 0;
}

int overlay_put(struct source *overlay, uint64_t block, const void *data, struct error *e)
{
	struct overlay *o = source_self(overlay, &overlay_ops);
	if (o->used * 2 >= o->slots && overlay_double(o) < 0)
		return error_nomem(e);
	struct slot *s = overlay_find(o, block);
	if (!s->data) {
		s->data = malloc(o->block_size);
		if (!s->data)
			return error_nomem(e);
		s->block = block;
		o->used++;
	}
	memcpy(s->data, data, o->block_size);
	return 0;
}

uint64_t overlay_count(const struct source *overlay)
{
	const struct overlay *o = source_self(overlay, &overlay_ops);
	return o ? o->used : 0;
}
