// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * A set-associative cache of clusters, for readers that ask for a block at a time (libext2fs). The
 * bytes of a cluster are read in one go, so that a walk in disk order reads ahead of itself.
 */
#include <pthread.h>

#include "backproof/source.h"

#define WAYS 4
/* So many sets have a lock of their own: threads that read different clusters do not wait for each other. */
#define LOCKS 16

struct line {
	uint64_t tag; /* cluster number + 1; 0 is empty */
	uint64_t used;
	uint8_t *data; /* once it is needed: small file systems need few */
};

struct cache {
	struct source *parent;
	uint32_t cluster;
	uint32_t sets;
	struct line *lines; /* sets * WAYS */
	struct {
		pthread_mutex_t lock;
		uint64_t clock;
	} locks[LOCKS]; /* of the sets whose number leaves this rest */
};

static size_t set_of(const struct cache *c, uint64_t number)
{
	struct rng r = {number / 8}; /* neighbours spread over sets in runs */
	return (size_t)((rng_next(&r) + number % 8) % c->sets);
}

/* The cached bytes of a cluster; the caller holds the lock of its set. */
static uint8_t *fetch(struct cache *c, size_t set, uint64_t number, struct error *e)
{
	uint64_t *clock = &c->locks[set % LOCKS].clock;
	struct line *lines = &c->lines[set * WAYS], *victim = lines;
	for (struct line *l = lines; l < lines + WAYS; l++) {
		if (l->tag == number + 1) {
			l->used = ++*clock;
			return l->data;
		}
		if (l->used < victim->used)
			victim = l;
	}
	uint64_t off = number * c->cluster, left = source_size(c->parent) - off;
	victim->tag = 0;
	victim->used = 0;
	if (!victim->data && !(victim->data = malloc(c->cluster))) {
		error_nomem(e);
		return NULL;
	}
	if (source_read_at(c->parent, off, victim->data, left < c->cluster ? (size_t)left : c->cluster, e) < 0)
		return NULL;
	victim->tag = number + 1;
	victim->used = ++*clock;
	return victim->data;
}

static int cached_read_at(void *self, uint64_t off, void *buf, size_t len, struct error *e)
{
	struct cache *c = self;
	uint8_t *to = buf;
	if (len >= c->cluster * 4ul)
		return source_read_at(c->parent, off, buf, len, e);
	while (len) {
		size_t in = (size_t)(off % c->cluster), n = c->cluster - in;
		if (n > len)
			n = len;
		size_t set = set_of(c, off / c->cluster);
		pthread_mutex_t *lock = &c->locks[set % LOCKS].lock;
		pthread_mutex_lock(lock);
		const uint8_t *from = fetch(c, set, off / c->cluster, e);
		if (from)
			memcpy(to, from + in, n);
		pthread_mutex_unlock(lock);
		if (!from)
			return -1;
		to += n;
		off += n;
		len -= n;
	}
	return 0;
}

static int cached_extent_at(void *self, uint64_t off, struct extent *out, struct error *e)
{
	struct cache *c = self;
	return source_extent_at(c->parent, off, out, e);
}

static void cached_destroy(void *self)
{
	struct cache *c = self;
	for (size_t i = 0; i < LOCKS; i++)
		pthread_mutex_destroy(&c->locks[i].lock);
	for (size_t i = 0; c->lines && i < (size_t)c->sets * WAYS; i++)
		free(c->lines[i].data);
	free(c->lines);
	free(c);
}

/* Clusters are read as a whole. */
static void cached_expect(void *self, uint64_t off, uint64_t len)
{
	struct cache *c = self;
	uint64_t in = off % c->cluster;
	source_expect(c->parent, off - in, (in + len + c->cluster - 1) / c->cluster * c->cluster);
}

static const struct source_ops cached_ops = {
	.kind = "cache",
	.read_at = cached_read_at,
	.extent_at = cached_extent_at,
	.destroy = cached_destroy,
	.expect = cached_expect,
};

struct source *source_cached(struct source *parent, uint32_t cluster_size, uint32_t clusters,
			     struct error *e)
{
	struct cache *c = calloc(1, sizeof *c);
	if (!c) {
		error_nomem(e);
		return NULL;
	}
	for (size_t i = 0; i < LOCKS; i++)
		pthread_mutex_init(&c->locks[i].lock, NULL);
	c->parent = parent;
	c->cluster = cluster_size;
	c->sets = clusters / WAYS ? clusters / WAYS : 1;
	c->lines = calloc((size_t)c->sets * WAYS, sizeof *c->lines);
	struct source *s = NULL;
	if (c->lines)
		s = source_new(&cached_ops, c, source_size(parent), source_name(parent), e);
	else
		error_nomem(e);
	if (!s)
		cached_destroy(c);
	return s;
}
