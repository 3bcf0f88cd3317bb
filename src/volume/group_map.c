// SPDX-License-Identifier: GPL-3.0-or-later
/* A volume whose bytes lie in parts of other volumes, one after the other or in stripes. */
#include "group.h"

struct map_part *map_add(struct volume_map *m, uint64_t length, uint64_t stripe, size_t legs, struct error *e)
{
	if (length > INT64_MAX - m->size) {
		error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "its size is impossible");
		return NULL;
	}
	struct map_leg *l = calloc(legs, sizeof *l);
	struct map_part *p = l ? vec_push(&m->parts) : NULL;
	if (!p) {
		free(l);
		error_nomem(e);
		return NULL;
	}
	*p = (struct map_part){m->size, length, stripe, l, legs};
	m->size += length;
	return p;
}

void map_free(struct volume_map *m)
{
	vec_each(&m->parts, p) free(p->legs);
	free(m->parts.items);
	memset(m, 0, sizeof *m);
}

/* Where a byte of the volume is, and how many follow it there. */
static const struct map_leg *place(const struct volume_map *m, uint64_t off, uint64_t *at, uint64_t *run)
{
	const struct map_part *p = &m->parts.items[last_at_most(m->parts.items, m->parts.count, .start, off)];
	uint64_t in = off - p->start;
	*run = p->length - in;
	if (p->count == 1) {
		*at = p->legs[0].offset + in;
		return p->legs;
	}
	uint64_t stripe = in / p->stripe, rest = in % p->stripe;
	const struct map_leg *l = &p->legs[stripe % p->count];
	*at = l->offset + stripe / p->count * p->stripe + rest;
	if (*run > p->stripe - rest)
		*run = p->stripe - rest;
	return l;
}

static int map_read_at(void *self, uint64_t off, void *buf, size_t len, struct error *e)
{
	uint8_t *to = buf;
	while (len) {
		uint64_t at, n;
		const struct map_leg *l = place(self, off, &at, &n);
		if (n > len)
			n = len;
		if (source_read_at(l->source, at, to, (size_t)n, e) < 0)
			return -1;
		off += n;
		to += n;
		len -= (size_t)n;
	}
	return 0;
}

static int map_extent_at(void *self, uint64_t off, struct extent *out, struct error *e)
{
	uint64_t at, n;
	const struct map_leg *l = place(self, off, &at, &n);
	if (source_extent_at(l->source, at, out, e) < 0)
		return -1;
	if (out->length > n)
		out->length = n;
	return 0;
}

static void map_destroy(void *self)
{
	map_free(self);
	free(self);
}

static const struct source_ops map_ops = {"volume", map_read_at, map_extent_at, map_destroy};

struct source *map_source(struct volume_map *m, const char *name, struct error *e)
{
	struct volume_map *self = malloc(sizeof *self);
	if (!self) {
		map_free(m);
		error_nomem(e);
		return NULL;
	}
	*self = *m;
	memset(m, 0, sizeof *m);
	struct source *s = source_new(&map_ops, self, self->size, name, e);
	if (!s)
		map_destroy(self);
	return s;
}
