// SPDX-License-Identifier: GPL-3.0-or-later
/* Searching a tree and going through its items, those of the log's overlay among them. */
#include "btrfs.h"

void btrfs_cursor_end(struct btrfs_cursor *c)
{
	for (unsigned i = 0; i < BTRFS_LEVELS; i++) {
		if (c->nodes[i])
			btrfs_node_put(c->fs, c->nodes[i]);
		c->nodes[i] = NULL;
	}
	c->base = false;
	c->patch = NULL;
}

/* The first slot whose key is not below (above: is above) key. */
static uint32_t slot_from(const struct btrfs_node *n, const struct btrfs_key *key, bool above)
{
	uint32_t low = 0, high = n->items;
	while (low < high) {
		uint32_t mid = low + (high - low) / 2;
		struct btrfs_key k = btrfs_node_key(n, mid);
		int order = btrfs_key_cmp(&k, key);
		if (order < 0 || (above && !order))
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static int enter(struct btrfs_cursor *c, uint8_t level, struct error *e)
{
	struct btrfs_key first;
	struct btrfs_expect x;
	btrfs_expect_child(c->nodes[level + 1], c->slots[level + 1], c->tree->owner, &first, &x);
	btrfs_node_put(c->fs, c->nodes[level]);
	c->nodes[level] = btrfs_node_get(c->fs, &x, e);
	return c->nodes[level] ? 0 : -1;
}

/* From a leaf that is used up to the next one. */
static int next_leaf(struct btrfs_cursor *c, struct error *e)
{
	uint8_t level = 1;
	struct btrfs_key last = {0}, first;
	if (c->nodes[0]->items)
		last = btrfs_node_key(c->nodes[0], c->nodes[0]->items - 1);
	while (level <= c->tree->level && ++c->slots[level] >= c->nodes[level]->items)
		level++;
	if (level > c->tree->level) {
		c->base = false;
		return 0;
	}
	while (level--) {
		if (enter(c, level, e) < 0)
			return -1;
		c->slots[level] = 0;
	}
	/* It begins with the key that its parent says: it is not empty. Keys only go up: then no leaf comes twice,
	 * however nodes point to each other. */
	first = btrfs_node_key(c->nodes[0], 0);
	if (btrfs_key_cmp(&first, &last) <= 0)
		return btrfs_bad(e, btrfs_cursor_place(c), "the leaves of tree %llu are out of order",
				 (unsigned long long)c->tree->id);
	return 0;
}

static int descend(struct btrfs_cursor *c, const struct btrfs_key *key, struct error *e)
{
	const struct btrfs_tree *t = c->tree;
	struct btrfs_expect x = {.bytenr = t->bytenr, .generation = t->generation, .owner = t->owner,
				 .level = t->level};
	c->nodes[t->level] = btrfs_node_get(c->fs, &x, e);
	if (!c->nodes[t->level])
		return -1;
	for (uint8_t level = t->level; level; level--) {
		uint32_t slot = slot_from(c->nodes[level], key, true);
		c->slots[level] = slot ? slot - 1 : 0;
		if (enter(c, (uint8_t)(level - 1), e) < 0)
			return -1;
	}
	return 0;
}

/* The lower of both becomes the current item; what the log deleted is passed over. */
static int settle(struct btrfs_cursor *c, struct error *e)
{
	for (;;) {
		struct btrfs_key key = {0};
		int order = c->base ? -1 : 1;
		if (c->base) {
			key = btrfs_node_key(c->nodes[0], c->slots[0]);
			if (c->patch)
				order = btrfs_key_cmp(&key, &c->patch->key);
		} else if (!c->patch) {
			return 0;
		}
		if (order < 0) {
			c->key = key;
			c->data = btrfs_leaf_item(c->nodes[0], c->slots[0], &c->size);
			return 1;
		}
		c->key = c->patch->key;
		c->data = c->patch->data;
		c->size = c->patch->size;
		if (!c->patch->deleted)
			return 1;
		if (!order && ++c->slots[0] >= c->nodes[0]->items && next_leaf(c, e) < 0)
			return -1;
		c->patch = btrfs_overlay_from(c->tree->overlay, &c->key, true);
	}
}

int btrfs_seek(struct btrfs_cursor *c, struct btrfs *fs, const struct btrfs_tree *tree, const struct btrfs_key *key,
	       struct error *e)
{
	btrfs_cursor_end(c);
	c->fs = fs;
	c->tree = tree;
	if (descend(c, key, e) < 0)
		return -1;
	c->slots[0] = slot_from(c->nodes[0], key, false);
	c->base = true;
	if (c->slots[0] >= c->nodes[0]->items && next_leaf(c, e) < 0)
		return -1;
	c->patch = btrfs_overlay_from(tree->overlay, key, false);
	return settle(c, e);
}

int btrfs_next(struct btrfs_cursor *c, struct error *e)
{
	struct btrfs_key base = {0};
	if (c->base) {
		base = btrfs_node_key(c->nodes[0], c->slots[0]);
		if (!btrfs_key_cmp(&base, &c->key) && ++c->slots[0] >= c->nodes[0]->items && next_leaf(c, e) < 0)
			return -1;
	}
	if (c->patch && !btrfs_key_cmp(&c->patch->key, &c->key))
		c->patch = btrfs_overlay_from(c->tree->overlay, &c->key, true);
	return settle(c, e);
}

int btrfs_find(struct btrfs_cursor *c, struct btrfs *fs, const struct btrfs_tree *tree, const struct btrfs_key *key,
	       struct error *e)
{
	const struct btrfs_patch *p = btrfs_overlay_from(tree->overlay, key, false);
	btrfs_cursor_end(c);
	c->fs = fs;
	c->tree = tree;
	c->key = *key;
	if (p && !btrfs_key_cmp(&p->key, key)) {
		c->patch = p;
		c->data = p->data;
		c->size = p->size;
		/* Going on from here needs the tree's place too. */
		return p->deleted ? 0 : btrfs_seek(c, fs, tree, key, e);
	}
	if (descend(c, key, e) < 0)
		return -1;
	c->slots[0] = slot_from(c->nodes[0], key, false);
	if (c->slots[0] >= c->nodes[0]->items)
		return 0;
	struct btrfs_key found = btrfs_node_key(c->nodes[0], c->slots[0]);
	if (btrfs_key_cmp(&found, key))
		return 0;
	c->base = true;
	c->patch = p;
	c->data = btrfs_leaf_item(c->nodes[0], c->slots[0], &c->size);
	return 1;
}

int btrfs_seek_back(struct btrfs_cursor *c, struct btrfs *fs, const struct btrfs_tree *tree,
		    const struct btrfs_key *key, struct error *e)
{
	btrfs_cursor_end(c);
	c->fs = fs;
	c->tree = tree;
	if (descend(c, key, e) < 0)
		return -1;
	c->slots[0] = slot_from(c->nodes[0], key, true);
	if (!c->slots[0]--)
		return 0;
	c->base = true;
	return settle(c, e);
}

int64_t btrfs_cursor_place(const struct btrfs_cursor *c)
{
	uint64_t place;
	unsigned copies;
	if (!c->nodes[0] || btrfs_place(c->fs, c->nodes[0]->bytenr, c->fs->node, 0, &place, &copies, NULL) < 0)
		return ERROR_NO_OFFSET;
	return (int64_t)place;
}
