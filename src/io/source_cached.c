// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * A set-associative cache of clusters, for readers that ask for a block at a time (libext2fs). The
 * bytes of a cluster are read in one go, so that a walk in disk order reads ahead of itself.
 */
#include <pthread.h>

#include "backproof/source.h"

#define WAYS 4

struct line {
	uint64_t tag; /* cluster number + 1; 0 is empty */
	uint64_t used;
};

struct cache {
	struct source *parent;
	uint32_t cluster;
	uint32_t sets;
	struct line *lines; /* sets * WAYS */
	uint8_t *data;
	uint64_t clock;
	pthread_mutex_t lock;
};

/* The cached bytes of a cluster; the caller holds the lock. */
static uint8_t *fetch(struct cache *c, uint64_t number, struct error *e)
{
	struct rng r = {number / 8}; /* neighbours spread over sets in runs */
	size_t set = (size_t)((rng_next(&r) + number % 8) % c->sets);
	struct line *lines = &c->lines[set * WAYS], *victim = lines;
	for (struct line *l = lines; l < lines + WAYS; l++) {
		if (l->tag == number + 1) {
			l->used = ++c->clock;
			return c->data + (size_t)(l - c->lines) * c->cluster;
		}
		if (l->used < victim->used)
			victim = l;
	}
	uint8_t *to = c->data + (size_t)(victim - c->lines) * c->cluster;
	uint64_t off = number * c->cluster, left = source_size(c->parent) - off;
	victim->tag = 0;
	victim->used = 0;
	if (source_read_at(c->parent, off, to, left < c->cluster ? (size_t)left : c->cluster, e) < 0)
		return NULL;
	victim->tag = number + 1;
	victim->used = ++c->clock;
	return to;
}

static int cached_read_at(void *self, uint64_t off, void *buf, size_t len, struct error *e)
{
	struct cache *c = self;
	uint8_t *to = buf;
	if (len >= c->cluster * 4ul)
		return source_read_at(c->parent, off, buf, len, e);
	pthread_mutex_lock(&c->lock);
	while (len) {
		size_t in = (size_t)(off % c->cluster), n = c->cluster - in;
		if (n > len)
			n = len;
		uint8_t *from = fetch(c, off / c->cluster, e);
		if (!from)
			break;
		memcpy(to, from + in, n);
		to += n;
		off += n;
		len -= n;
	}
	pthread_mutex_unlock(&c->lock);
	return len ? -1 : 0;
}

static int cached_extent_at(void *self, uint64_t off, struct extent *out, struct error *e)
{
	struct cache *c = self;
	return source_extent_at(c->parent, off, out, e);
}

static void cached_destroy(void *self)
{
	struct cache *c = self;
	pthread_mutex_destroy(&c->lock);
	free(c->lines);
	free(c->data);
	free(c);
}

static const struct source_ops cached_ops = {"cache", cached_read_at, cached_extent_at,
					     cached_destroy};

struct source *source_cached(struct source *parent, uint32_t cluster_size, uint32_t clusters,
			     struct error *e)
{
	struct cache *c = calloc(1, sizeof *c);
	if (!c) {
		error_nomem(e);
		return NULL;
	}
	pthread_mutex_init(&c->lock, NULL);
	c->parent = parent;
	c->cluster = cluster_size;
	c->sets = clusters / WAYS ? clusters / WAYS : 1;
	c->lines = calloc((size_t)c->sets * WAYS, sizeof *c->lines);
	c->data = malloc((size_t)c->sets * WAYS * cluster_size);
	struct source *s = NULL;
	if (c->lines && c->data)
		s = source_new(&cached_ops, c, source_size(parent), source_name(parent), e);
	else
		error_nomem(e);
	if (!s)
		cached_destroy(c);
	return s;
}
