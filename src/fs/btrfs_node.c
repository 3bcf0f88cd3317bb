// SPDX-License-Identifier: GPL-3.0-or-later
/* Tree nodes: verified when they are read, then kept in a set-associative cache. */
#include "btrfs.h"

#define WAYS 4
#define CACHE_BYTES (32 * MIB)

struct btrfs_cache {
	pthread_mutex_t lock;
	size_t sets;
	uint64_t clock;
	struct line {
		struct btrfs_node *node;
		uint64_t used;
	} *lines;
};

struct btrfs_cache *btrfs_cache_new(uint32_t node_bytes, struct error *e)
{
	struct btrfs_cache *c = calloc(1, sizeof *c);
	if (c) {
		c->sets = CACHE_BYTES / node_bytes / WAYS;
		c->lines = calloc(c->sets * WAYS, sizeof *c->lines);
	}
	if (!c || !c->lines) {
		free(c);
		error_nomem(e);
		return NULL;
	}
	pthread_mutex_init(&c->lock, NULL);
	return c;
}

void btrfs_cache_destroy(struct btrfs_cache *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->sets * WAYS; i++)
		free(c->lines[i].node);
	pthread_mutex_destroy(&c->lock);
	free(c->lines);
	free(c);
}

struct btrfs_key btrfs_node_key(const struct btrfs_node *n, uint32_t slot)
{
	return btrfs_key_at(n->data + BTRFS_HEADER + (size_t)slot * (n->level ? BTRFS_POINTER : BTRFS_ITEM));
}

void btrfs_expect_child(const struct btrfs_node *n, uint32_t slot, uint64_t owner, struct btrfs_key *first,
			struct btrfs_expect *x)
{
	const uint8_t *p = n->data + BTRFS_HEADER + (size_t)slot * BTRFS_POINTER;
	*first = btrfs_key_at(p);
	*x = (struct btrfs_expect){.bytenr = get_le64(p + 17), .generation = get_le64(p + 25), .owner = owner,
				   .first = first, .level = (uint8_t)(n->level - 1)};
}

#define bad_node(n, place, e, text)                                                                \
	btrfs_bad(e, (int64_t)(place), "the node at the logical address %llu " text,               \
		  (unsigned long long)(n)->bytenr)

/* What its place in the tree asks of it: only then is it the node that is meant. */
static int check_place(const struct btrfs_node *n, const struct btrfs_expect *x, uint64_t place, struct error *e)
{
	if (n->level != x->level)
		return bad_node(n, place, e, "is of another level than its parent says");
	if (n->generation != x->generation)
		return bad_node(n, place, e, "is of another generation than its parent says");
	if (x->owner && n->owner != x->owner)
		return bad_node(n, place, e, "belongs to another tree");
	if (!x->first)
		return 0;
	struct btrfs_key first = {0};
	if (n->items)
		first = btrfs_node_key(n, 0);
	if (!n->items || btrfs_key_cmp(&first, x->first))
		return bad_node(n, place, e, "does not begin with the key that its parent says");
	return 0;
}

static int check_content(const struct btrfs *fs, const struct btrfs_node *n, uint64_t place, struct error *e)
{
	uint32_t room = fs->node - BTRFS_HEADER, each = n->level ? BTRFS_POINTER : BTRFS_ITEM, end = room;
	struct btrfs_key last = {0};
	if (n->items > room / each || (n->level && !n->items))
		return bad_node(n, place, e, "has a number of items that can't be");
	for (uint32_t i = 0; i < n->items; i++) {
		struct btrfs_key key = btrfs_node_key(n, i);
		const uint8_t *p = n->data + BTRFS_HEADER + (size_t)i * each;
		if (i && btrfs_key_cmp(&last, &key) >= 0)
			return bad_node(n, place, e, "has keys out of order");
		last = key;
		if (n->level) {
			if (!get_le64(p + 17) || get_le64(p + 17) % fs->sector)
				return bad_node(n, place, e, "points to where no node can be");
			continue;
		}
		uint32_t at = get_le32(p + 17), size = get_le32(p + 21);
		if (size > end || at != end - size || at < n->items * BTRFS_ITEM)
			return bad_node(n, place, e, "has items that overlap or leave gaps");
		end = at;
	}
	return 0;
}

int btrfs_node_read(struct btrfs *fs, const struct btrfs_expect *x, unsigned mirror, struct btrfs_node *n,
		    struct error *e)
{
	uint64_t place;
	unsigned copies;
	const uint8_t *d = n->data;
	if (btrfs_place(fs, x->bytenr, fs->node, mirror, &place, &copies, e) < 0 ||
	    source_read_at(fs->meta, place, n->data, fs->node, e) < 0)
		return -1;
	n->bytenr = x->bytenr;
	if (!btrfs_sum_holds(fs, d + 32, fs->node - 32, d))
		return bad_node(n, place, e, "has a wrong checksum");
	if (memcmp(d + 0x20, fs->fsid, 16))
		return bad_node(n, place, e, "is of another file system");
	if (get_le64(d + 0x30) != x->bytenr)
		return bad_node(n, place, e, "was written for another place");
	n->generation = get_le64(d + 0x50);
	n->owner = get_le64(d + 0x58);
	n->items = get_le32(d + 0x60);
	n->level = d[0x64];
	if (n->level >= BTRFS_LEVELS)
		return bad_node(n, place, e, "is of a level that can't be");
	if (check_place(n, x, place, e) < 0)
		return -1;
	return check_content(fs, n, place, e);
}

/* Reads until one copy holds. */
static struct btrfs_node *read_any(struct btrfs *fs, const struct btrfs_expect *x, struct error *e)
{
	uint64_t place;
	unsigned copies;
	struct error first = {0};
	if (btrfs_place(fs, x->bytenr, fs->node, 0, &place, &copies, e) < 0)
		return NULL;
	struct btrfs_node *n = malloc(sizeof *n + fs->node);
	if (!n) {
		error_nomem(e);
		return NULL;
	}
	for (unsigned i = 0; i < copies; i++) {
		if (btrfs_node_read(fs, x, i, n, i ? e : &first) == 0) {
			fs->bad_copies += i;
			return n;
		}
	}
	*e = first;
	free(n);
	return NULL;
}

static struct line *find_lines(struct btrfs *fs, uint64_t bytenr)
{
	struct rng r = {bytenr / fs->node};
	return &fs->cache->lines[rng_next(&r) % fs->cache->sets * WAYS];
}

struct btrfs_node *btrfs_node_get(struct btrfs *fs, const struct btrfs_expect *x, struct error *e)
{
	struct btrfs_cache *c = fs->cache;
	struct line *lines = find_lines(fs, x->bytenr), *victim = lines;
	struct btrfs_node *n = NULL;
	pthread_mutex_lock(&c->lock);
	for (struct line *l = lines; l < lines + WAYS && !n; l++)
		if (l->node && l->node->bytenr == x->bytenr) {
			n = l->node;
			n->refs++;
			l->used = ++c->clock;
		}
	pthread_mutex_unlock(&c->lock);
	if (n) {
		if (check_place(n, x, 0, e) == 0)
			return n;
		btrfs_node_put(fs, n);
		return NULL;
	}
	n = read_any(fs, x, e);
	if (!n)
		return NULL;
	struct btrfs_node *old = NULL;
	pthread_mutex_lock(&c->lock);
	n->refs = 2;
	for (struct line *l = lines; l < lines + WAYS; l++)
		if (l->used < victim->used)
			victim = l;
	if (victim->node && !--victim->node->refs)
		old = victim->node;
	*victim = (struct line){n, ++c->clock};
	pthread_mutex_unlock(&c->lock);
	free(old);
	return n;
}

void btrfs_node_put(struct btrfs *fs, struct btrfs_node *n)
{
	if (!n)
		return;
	pthread_mutex_lock(&fs->cache->lock);
	bool last = !--n->refs;
	pthread_mutex_unlock(&fs->cache->lock);
	if (last)
		free(n);
}
