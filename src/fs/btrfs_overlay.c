// SPDX-License-Identifier: GPL-3.0-or-later
/* Items in key order that can be added while the log is replayed: a treap. */
#include "btrfs.h"

/* Of one log: what is fsynced between two commits is far less. */
#define PATCH_BYTES (256 * MIB)

struct btrfs_overlay {
	struct btrfs_patch *root;
	struct rng rng;
	uint64_t bytes;
};

struct btrfs_overlay *btrfs_overlay_new(struct error *e)
{
	struct btrfs_overlay *o = calloc(1, sizeof *o);
	if (!o)
		error_nomem(e);
	return o;
}

void btrfs_overlay_destroy(struct btrfs_overlay *o)
{
	if (!o)
		return;
	/* Right rotations make a list of it: no recursion, no stack. */
	for (struct btrfs_patch *p = o->root; p;) {
		struct btrfs_patch *left = p->left, *next;
		if (left) {
			p->left = left->right;
			left->right = p;
			p = left;
			continue;
		}
		next = p->right;
		free(p->data);
		free(p);
		p = next;
	}
	free(o);
}

const struct btrfs_patch *btrfs_overlay_from(const struct btrfs_overlay *o, const struct btrfs_key *key, bool above)
{
	const struct btrfs_patch *best = NULL;
	for (const struct btrfs_patch *p = o ? o->root : NULL; p;) {
		int order = btrfs_key_cmp(&p->key, key);
		if (order > 0 || (!order && !above)) {
			best = p;
			p = p->left;
		} else {
			p = p->right;
		}
	}
	return best;
}

/* Parts a tree at a key that is not in it. */
static void split(struct btrfs_patch *p, const struct btrfs_key *key, struct btrfs_patch **below,
		  struct btrfs_patch **above)
{
	while (p) {
		if (btrfs_key_cmp(&p->key, key) < 0) {
			*below = p;
			below = &p->right;
			p = p->right;
		} else {
			*above = p;
			above = &p->left;
			p = p->left;
		}
	}
	*below = *above = NULL;
}

int btrfs_overlay_put(struct btrfs_overlay *o, const struct btrfs_key *key, const void *data, uint32_t size,
		      struct error *e)
{
	struct btrfs_patch **at = &o->root, *p;
	autofree uint8_t *copy = data ? malloc(size + 1u) : NULL;
	if (data && !copy)
		return error_nomem(e);
	if (data && size)
		memcpy(copy, data, size);
	for (p = o->root; p && btrfs_key_cmp(&p->key, key);)
		p = btrfs_key_cmp(&p->key, key) < 0 ? p->right : p->left;
	/* What is replaced takes no more room. */
	uint64_t bytes = o->bytes + size + (p ? 0 : sizeof *p) - (p ? p->size : 0);
	if (bytes > PATCH_BYTES)
		return error_set(e, ERROR_LIMIT, ERROR_NO_OFFSET,
				 "btrfs: the log changes too much to be replayed here");
	if (!p) {
		p = calloc(1, sizeof *p);
		if (!p)
			return error_nomem(e);
		p->key = *key;
		p->weight = rng_next(&o->rng);
		while (*at && (*at)->weight >= p->weight)
			at = btrfs_key_cmp(&(*at)->key, key) < 0 ? &(*at)->right : &(*at)->left;
		split(*at, key, &p->left, &p->right);
		*at = p;
	}
	free(p->data);
	p->data = take(copy);
	p->deleted = !data;
	p->size = data ? size : 0;
	o->bytes = bytes;
	return 0;
}
