// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Extents of a VMA and the disks that they make up. Headers are all read once at open; of each only where its
 * clusters belong is kept (16 bytes for up to 59 clusters in a row), and the masks are read again when they are
 * wanted.
 */
#include <inttypes.h>
#include <pthread.h>

#include "backproof/text.h"
#include "vma.h"

#define RUNS_MAX (16u << 20) /* 256 MiB: a disk of 1 TiB all of whose clusters are out of order */
#define CACHED 64u

struct vma_cache {
	pthread_mutex_t lock;
	struct {
		uint32_t number; /* of the extent + 1; 0: empty */
		struct vma_extent extent;
	} lines[CACHED];
};

int vma_md5_holds(struct vma *v, uint8_t *p, size_t len, size_t at, bool *holds, struct error *e)
{
	uint8_t told[16], made[DIGEST_MAX];
	memcpy(told, p + at, sizeof told);
	memset(p + at, 0, sizeof told);
	if (digest_reset(v->md5, e) < 0)
		return -1;
	digest_update(v->md5, p, len);
	if (digest_final(v->md5, made, e) < 0)
		return -1;
	*holds = !memcmp(told, made, sizeof told);
	return 0;
}

static int wrong(uint64_t off, struct error *e, const char *what)
{
	return error_set(e, ERROR_CORRUPT, (int64_t)off, "VMA extent at byte %" PRIu64 ": %s", off, what);
}

/* Not for several threads at once: the digest is shared. */
static int read_extent(struct vma *v, uint64_t off, struct vma_extent *x, struct error *e)
{
	uint8_t h[VMA_EXTENT_HEADER];
	bool holds;
	if (source_size(v->src) - off < sizeof h)
		return wrong(off, e, "the file is cut in its header, or bytes follow that belong to no extent");
	if (source_read_at(v->src, off, h, sizeof h, e) < 0)
		return -1;
	if (memcmp(h, "VMAE", 4))
		return wrong(off, e, "what is there is no extent header");
	if (vma_md5_holds(v, h, sizeof h, 24, &holds, e) < 0)
		return -1;
	if (!holds)
		return wrong(off, e, "the MD5 of its header does not match");
	if (memcmp(h + 8, v->uuid, sizeof v->uuid))
		return wrong(off, e, "it belongs to another backup (UUID)");
	if (get_be16(h + 4))
		return wrong(off, e, "reserved bytes are in use");
	x->data = off + sizeof h;
	x->blocks = get_be16(h + 6);
	uint32_t rank = 0;
	for (size_t i = 0; i < VMA_EXTENT_CLUSTERS; i++) {
		const uint8_t *info = h + 40 + i * 8;
		x->mask[i] = get_be16(info);
		x->device[i] = info[3];
		x->cluster[i] = get_be32(info + 4);
		x->rank[i] = (uint16_t)rank;
		if (x->device[i])
			rank += (uint32_t)__builtin_popcount(x->mask[i]);
	}
	if (rank != x->blocks)
		return wrong(off, e, "the number of its blocks contradicts the masks of its clusters");
	if ((source_size(v->src) - x->data) / VMA_BLOCK < x->blocks)
		return wrong(off, e, "the file is cut in its blocks");
	return 0;
}

/* The masks of an extent that was read before. Any thread. */
static int fetch_extent(struct vma *v, uint32_t number, struct vma_extent *x, struct error *e)
{
	struct vma_cache *c = v->cache;
	__auto_type line = &c->lines[number % CACHED];
	int rc = 0;
	pthread_mutex_lock(&c->lock);
	if (line->number != number + 1) {
		line->number = 0;
		rc = read_extent(v, v->extents.items[number], &line->extent, e);
		if (!rc)
			line->number = number + 1;
	}
	if (!rc)
		*x = line->extent;
	pthread_mutex_unlock(&c->lock);
	return rc;
}

static int add_run(struct vma *v, struct vma_device *d, const struct vma_run *r, struct error *e)
{
	struct vma_run *last = d->runs.count ? &d->runs.items[d->runs.count - 1] : NULL;
	if (last && last->extent == VMA_ZERO && r->extent == VMA_ZERO &&
	    (uint64_t)last->cluster + last->count == r->cluster) {
		last->count += r->count;
		return 0;
	}
	if (++v->runs > RUNS_MAX)
		return error_set(e, ERROR_LIMIT, ERROR_NO_OFFSET, "VMA: more than %u runs of clusters", RUNS_MAX);
	struct vma_run *to = vec_push(&d->runs);
	if (!to)
		return error_nomem(e);
	*to = *r;
	return 0;
}

/* Of the cluster in a slot: does it lie inside its device? */
static int check_cluster(struct vma *v, const struct vma_extent *x, size_t i, struct error *e)
{
	struct vma_device *d = &v->device[x->device[i]];
	uint64_t at = (uint64_t)x->cluster[i] * VMA_CLUSTER, off = x->data - VMA_EXTENT_HEADER;
	if (!d->name)
		return wrong(off, e, "a cluster of a device that the header does not name");
	if (d->state)
		return x->cluster[i] == d->next++ ? 0 : wrong(off, e, "the saved memory is out of order");
	if (at >= d->size)
		return wrong(off, e, "a cluster behind the end of its disk");
	if (x->mask[i]) {
		unsigned top = 31u - (unsigned)__builtin_clz(x->mask[i]);
		if (at + (uint64_t)top * VMA_BLOCK >= d->size)
			return wrong(off, e, "a block behind the end of its disk");
	}
	return 0;
}

static int add_extent(struct vma *v, uint64_t off, const struct vma_extent *x, struct error *e)
{
	if (v->extents.count >= VMA_ZERO - 1)
		return error_set(e, ERROR_LIMIT, (int64_t)off, "VMA: too many extents");
	uint64_t *to = vec_push(&v->extents);
	if (!to)
		return error_nomem(e);
	*to = off;
	for (size_t i = 0, n; i < VMA_EXTENT_CLUSTERS; i += n) {
		struct vma_device *d = &v->device[x->device[i]];
		bool data = false;
		n = 1;
		if (!x->device[i])
			continue;
		for (n = 0; i + n < VMA_EXTENT_CLUSTERS && x->device[i + n] == x->device[i] &&
			    x->cluster[i + n] == x->cluster[i] + n;
		     n++) {
			if (check_cluster(v, x, i + n, e) < 0)
				return -1;
			data = data || x->mask[i + n];
		}
		struct vma_run r = {x->cluster[i], (uint32_t)n, data ? (uint32_t)v->extents.count - 1 : VMA_ZERO,
				    (uint8_t)i};
		if (!d->state && add_run(v, d, &r, e) < 0)
			return -1;
	}
	return 0;
}

static int by_cluster(const void *a, const void *b)
{
	const struct vma_run *x = a, *y = b;
	return x->cluster < y->cluster ? -1 : x->cluster > y->cluster;
}

/* Every cluster must be there once. */
static int finish_device(struct vma_device *d, struct error *e)
{
	uint64_t want = 0, all = (d->size + VMA_CLUSTER - 1) / VMA_CLUSTER;
	if (d->runs.count)
		qsort(d->runs.items, d->runs.count, sizeof *d->runs.items, by_cluster);
	vec_each (&d->runs, r) {
		if (r->cluster < want)
			return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET,
					 "VMA: cluster %" PRIu32 " of %s is there twice", r->cluster, d->name);
		if (r->cluster > want)
			break;
		want += r->count;
	}
	if (want != all)
		return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET,
				 "VMA: cluster %" PRIu64 " of the %" PRIu64
				 " of %s is missing: the backup was cut or never finished",
				 want, all, d->name);
	return 0;
}

int vma_map_read(struct vma *v, uint64_t off, const struct budget *b, struct error *e)
{
	struct vma_extent x;
	v->cache = calloc(1, sizeof *v->cache);
	if (!v->cache)
		return error_nomem(e);
	pthread_mutex_init(&v->cache->lock, NULL);
	for (; off < source_size(v->src); off = x.data + (uint64_t)x.blocks * VMA_BLOCK)
		if ((v->extents.count % 256 == 0 && b && budget_check(b, e) < 0) || read_extent(v, off, &x, e) < 0 ||
		    add_extent(v, off, &x, e) < 0)
			return -1;
	for (size_t i = 0; i < VMA_DEVICES; i++)
		if (v->device[i].name && !v->device[i].state && finish_device(&v->device[i], e) < 0)
			return -1;
	return 0;
}

void vma_map_free(struct vma *v)
{
	if (v->cache)
		pthread_mutex_destroy(&v->cache->lock);
	free(v->cache);
	vec_free(&v->extents);
	for (size_t i = 0; i < VMA_DEVICES; i++) {
		vec_free(&v->device[i].runs);
		free(v->device[i].name);
	}
}

static const struct vma_run *find_run(const struct vma_device *d, uint64_t cluster)
{
	return &d->runs.items[last_at_most(d->runs.items, d->runs.count, .cluster, cluster)];
}

/* Where a disk's offset is stored, and for how many bytes on it goes on like that. */
struct piece {
	bool zero;
	uint64_t at, length;
};

/* Looks at the blocks of one run, from off on. x is the run's extent. */
static void find_piece(const struct vma_run *r, const struct vma_extent *x, uint64_t off, struct piece *p)
{
	uint64_t block = off / VMA_BLOCK - (uint64_t)r->cluster * VMA_CLUSTER_BLOCKS, n = 0;
	uint64_t end = (uint64_t)r->count * VMA_CLUSTER_BLOCKS;
	size_t slot = r->slot + (size_t)(block / VMA_CLUSTER_BLOCKS);
	unsigned bit = (unsigned)(block % VMA_CLUSTER_BLOCKS);
	p->zero = !(x->mask[slot] >> bit & 1);
	unsigned before = (unsigned)__builtin_popcount(x->mask[slot] & ((1u << bit) - 1));
	p->at = x->data + (uint64_t)(x->rank[slot] + before) * VMA_BLOCK + off % VMA_BLOCK;
	for (; block + n < end; n++) {
		slot = r->slot + (size_t)((block + n) / VMA_CLUSTER_BLOCKS);
		if (p->zero != !(x->mask[slot] >> (block + n) % VMA_CLUSTER_BLOCKS & 1))
			break;
	}
	p->length = n * VMA_BLOCK - off % VMA_BLOCK;
}

static int disk_read_at(void *self, uint64_t off, void *buf, size_t len, struct error *e)
{
	struct vma_device *d = self;
	struct vma_extent x;
	uint32_t have = VMA_ZERO;
	uint8_t *to = buf;
	for (size_t n; len; off += n, to += n, len -= n) {
		const struct vma_run *r = find_run(d, off / VMA_CLUSTER);
		struct piece p = {.zero = true};
		p.length = ((uint64_t)r->cluster + r->count) * VMA_CLUSTER - off;
		if (r->extent != VMA_ZERO) {
			if (r->extent != have && fetch_extent(d->vma, r->extent, &x, e) < 0)
				return -1;
			have = r->extent;
			find_piece(r, &x, off, &p);
		}
		n = p.length < len ? (size_t)p.length : len;
		if (p.zero)
			memset(to, 0, n);
		else if (source_read_at(d->vma->src, p.at, to, n, e) < 0)
			return -1;
	}
	return 0;
}

static int disk_extent_at(void *self, uint64_t off, struct extent *out, struct error *e)
{
	struct vma_device *d = self;
	const struct vma_run *r = find_run(d, off / VMA_CLUSTER);
	struct vma_extent x;
	struct piece p = {.zero = true};
	p.length = ((uint64_t)r->cluster + r->count) * VMA_CLUSTER - off;
	if (r->extent != VMA_ZERO) {
		if (fetch_extent(d->vma, r->extent, &x, e) < 0)
			return -1;
		find_piece(r, &x, off, &p);
	}
	*out = (struct extent){p.length, p.zero};
	return 0;
}

static const struct source_ops disk_ops = {"vma", disk_read_at, disk_extent_at, NULL};

struct source *vma_disk(struct vma_device *d, struct error *e)
{
	autofree char *name = text_format("%s/%s", source_name(d->vma->src), d->name);
	if (!name) {
		error_nomem(e);
		return NULL;
	}
	return source_new(&disk_ops, d, d->size, name, e);
}
