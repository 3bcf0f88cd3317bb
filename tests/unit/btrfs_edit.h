// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * btrfs images with items put, changed and taken away, all checksums right: what no disk does by itself. For images
 * whose chunks lie where their logical addresses say (all of fixtures/btrfs but dup).
 */
#ifndef BTRFS_EDIT_H
#define BTRFS_EDIT_H

#include <sys/stat.h>

#include "btrfs_help.h"

#define SUPER 0x10000
#define ITEMS_MAX 128

/* What was there before, newest last. */
struct kept {
	uint64_t at;
	uint8_t data[4096];
};
static struct kept kept[64];
static size_t kept_count;

static inline void keep(const struct image *i, uint64_t at)
{
	NEED(kept_count < ARRAY_SIZE(kept) && at + 4096 <= i->len);
	kept[kept_count].at = at;
	memcpy(kept[kept_count++].data, i->data + at, 4096);
}
static inline void undo(struct image *i)
{
	while (kept_count--)
		memcpy(i->data + kept[kept_count].at, kept[kept_count].data, 4096);
	kept_count = 0;
}

static inline void put_le(uint8_t *p, uint64_t v, unsigned bytes)
{
	for (unsigned k = 0; k < bytes; k++)
		p[k] = (uint8_t)(v >> 8 * k);
}
static inline void set_super(struct image *i, unsigned at, uint64_t v, unsigned bytes)
{
	keep(i, SUPER);
	put_le(i->data + SUPER + at, v, bytes);
	resum(i, SUPER, 4096);
}

struct item {
	struct btrfs_key key;
	uint32_t size;
	uint8_t data[4096];
};
struct leaf {
	struct image *i;
	uint64_t path[8]; /* by level */
	unsigned slots[8], levels, count;
	struct item items[ITEMS_MAX];
};

static inline struct btrfs_key key_of(uint64_t objectid, uint8_t type, uint64_t offset)
{
	return (struct btrfs_key){objectid, type, offset};
}

static inline void put_key(uint8_t *p, const struct btrfs_key *k)
{
	put_le(p, k->objectid, 8);
	p[8] = k->type;
	put_le(p + 9, k->offset, 8);
}

/* The leaf that holds a key, or has room for it. */
static inline void leaf_at(struct image *i, uint64_t root, unsigned level, struct btrfs_key key, struct leaf *l)
{
	memset(l, 0, offsetof(struct leaf, items));
	l->i = i;
	l->levels = level + 1;
	for (l->path[level] = root; level; level--) {
		const uint8_t *d = i->data + l->path[level];
		unsigned n = get_le32(d + 0x60), slot = 0;
		NEED(d[0x64] == level && n);
		for (unsigned k = 1; k < n; k++) {
			struct btrfs_key at = btrfs_key_at(d + BTRFS_HEADER + k * BTRFS_POINTER);
			if (btrfs_key_cmp(&at, &key) <= 0)
				slot = k;
		}
		l->slots[level] = slot;
		l->path[level - 1] = get_le64(d + BTRFS_HEADER + slot * BTRFS_POINTER + 17);
	}
	const uint8_t *d = i->data + l->path[0];
	l->count = get_le32(d + 0x60);
	NEED(!d[0x64] && l->count <= ITEMS_MAX);
	for (unsigned k = 0; k < l->count; k++) {
		const uint8_t *p = d + BTRFS_HEADER + k * BTRFS_ITEM;
		l->items[k].key = btrfs_key_at(p);
		l->items[k].size = get_le32(p + 21);
		memcpy(l->items[k].data, d + BTRFS_HEADER + get_le32(p + 17), l->items[k].size);
	}
}

static inline struct item *item_of(struct leaf *l, struct btrfs_key key)
{
	for (unsigned k = 0; k < l->count; k++)
		if (!btrfs_key_cmp(&l->items[k].key, &key))
			return &l->items[k];
	return NULL;
}

static inline void drop_item(struct leaf *l, struct btrfs_key key)
{
	struct item *it = item_of(l, key);
	NEED(it);
	memmove(it, it + 1, (size_t)(&l->items[--l->count] - it) * sizeof *it);
}

static inline struct item *put_item(struct leaf *l, struct btrfs_key key, const void *data, size_t size)
{
	struct item *it = item_of(l, key);
	if (!it) {
		unsigned k = 0;
		NEED(l->count < ITEMS_MAX);
		while (k < l->count && btrfs_key_cmp(&l->items[k].key, &key) < 0)
			k++;
		memmove(&l->items[k + 1], &l->items[k], (l->count++ - k) * sizeof *it);
		it = &l->items[k];
	}
	it->key = key;
	it->size = (uint32_t)size;
	memcpy(it->data, data, size);
	return it;
}

/* Writes it back; its parents name its first key. */
static inline void leaf_store(struct leaf *l)
{
	uint8_t *d = l->i->data + l->path[0];
	uint32_t end = 4096 - BTRFS_HEADER;
	keep(l->i, l->path[0]);
	memset(d + BTRFS_HEADER, 0, end);
	put_le(d + 0x60, l->count, 4);
	for (unsigned k = 0; k < l->count; k++) {
		uint8_t *p = d + BTRFS_HEADER + k * BTRFS_ITEM;
		NEED(end >= (l->count) * BTRFS_ITEM + l->items[k].size);
		end -= l->items[k].size;
		put_key(p, &l->items[k].key);
		put_le(p + 17, end, 4);
		put_le(p + 21, l->items[k].size, 4);
		memcpy(d + BTRFS_HEADER + end, l->items[k].data, l->items[k].size);
	}
	resum(l->i, l->path[0], 4096);
	for (unsigned level = 1; level < l->levels && l->count; level++) {
		keep(l->i, l->path[level]);
		put_key(l->i->data + l->path[level] + BTRFS_HEADER + l->slots[level] * BTRFS_POINTER, &l->items[0].key);
		resum(l->i, l->path[level], 4096);
		if (l->slots[level])
			break;
	}
}

/* A leaf of one of the superblock's trees, or of one that the root tree names. */
static inline void leaf_of(struct image *i, uint64_t tree, struct btrfs_key key, struct leaf *l)
{
	const uint8_t *s = i->data + SUPER;
	if (tree == BTRFS_ROOT_TREE) {
		leaf_at(i, get_le64(s + 0x50), s[0xc6], key, l);
	} else if (tree == BTRFS_CHUNK_TREE) {
		leaf_at(i, get_le64(s + 0x58), s[0xc7], key, l);
	} else if (tree == BTRFS_LOG_TREE) {
		leaf_at(i, get_le64(s + 0x60), s[0xc8], key, l);
	} else {
		leaf_at(i, get_le64(s + 0x50), s[0xc6], key_of(tree, KEY_ROOT, UINT64_MAX), l);
		for (unsigned k = l->count; k--;)
			if (l->items[k].key.objectid == tree && l->items[k].key.type == KEY_ROOT) {
				const uint8_t *root = l->items[k].data;
				leaf_at(i, get_le64(root + 176), root[238], key, l);
				return;
			}
		NEED(false);
	}
}

/* ------------------------------------------------------------------------------------------ items */

static inline size_t make_inode(uint8_t *p, uint32_t mode, uint32_t links, uint64_t size, uint64_t generation)
{
	memset(p, 0, 160);
	put_le(p, generation, 8);
	put_le(p + 8, generation, 8);
	put_le(p + 16, size, 8);
	put_le(p + 40, links, 4);
	put_le(p + 52, mode, 4);
	put_le(p + 124, 1800000000, 8);
	put_le(p + 136, 1800000000, 8);
	return 160;
}
static inline size_t make_entry(uint8_t *p, uint64_t ino, uint8_t type, const char *name, const char *data)
{
	struct btrfs_key to = key_of(ino, ino ? KEY_INODE : 0, 0);
	put_key(p, &to);
	put_le(p + 17, 9, 8);
	put_le(p + 25, strlen(data), 2);
	put_le(p + 27, strlen(name), 2);
	p[29] = type;
	memcpy(p + 30, name, strlen(name));
	memcpy(p + 30 + strlen(name), data, strlen(data));
	return 30 + strlen(name) + strlen(data);
}
static inline size_t make_ref(uint8_t *p, uint64_t index, const char *name)
{
	put_le(p, index, 8);
	put_le(p + 8, strlen(name), 2);
	memcpy(p + 10, name, strlen(name));
	return 10 + strlen(name);
}
static inline size_t make_extref(uint8_t *p, uint64_t parent, uint64_t index, const char *name)
{
	put_le(p, parent, 8);
	put_le(p + 8, index, 8);
	put_le(p + 16, strlen(name), 2);
	memcpy(p + 18, name, strlen(name));
	return 18 + strlen(name);
}
static inline size_t make_extent(uint8_t *p, uint8_t type, uint64_t disk, uint64_t disk_bytes, uint64_t offset,
				 uint64_t bytes)
{
	memset(p, 0, 53);
	put_le(p, 9, 8);
	put_le(p + 8, disk_bytes ? disk_bytes : bytes, 8);
	p[20] = type;
	put_le(p + 21, disk, 8);
	put_le(p + 29, disk_bytes, 8);
	put_le(p + 37, offset, 8);
	put_le(p + 45, bytes, 8);
	return 53;
}
static inline size_t make_inline(uint8_t *p, const char *text)
{
	memset(p, 0, 21);
	put_le(p, 9, 8);
	put_le(p + 8, strlen(text), 8);
	memcpy(p + 21, text, strlen(text));
	return 21 + strlen(text);
}
static inline struct btrfs_key name_key(uint64_t dir, uint8_t type, const char *name)
{
	return key_of(dir, type, btrfs_name_hash(name, strlen(name)));
}

#endif
