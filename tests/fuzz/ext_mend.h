// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Checksums of ext made right again where something was changed: of superblock, groups, bitmaps, inodes, blocks of
 * directories and of extents, blocks of the log.
 */
#ifndef FUZZ_EXT_MEND_H
#define FUZZ_EXT_MEND_H

#include "backproof/crc32c.h"
#include "patches.h"

struct layout {
	size_t block, inode_size, per_group, blocks_per_group, groups, descriptor, table;
	uint32_t seed;
	bool sums;
	struct owner {
		uint32_t block, inode;
		bool extents;
	} *owners;
	size_t owner_count;
};

static size_t inode_at(const struct patched *p, const struct layout *l, uint32_t number)
{
	size_t group = (number - 1) / l->per_group;
	if (!number || group >= l->groups)
		return 0;
	size_t d = l->table + group * l->descriptor;
	size_t at = (size_t)get_le32(p->data + d + 8) * l->block + (number - 1) % l->per_group * l->inode_size;
	return at + l->inode_size <= p->stored ? at : 0;
}

static void own(struct layout *l, uint32_t block, uint32_t inode, bool extents)
{
	if (l->owner_count % 256 == 0)
		l->owners = realloc(l->owners, (l->owner_count + 256) * sizeof *l->owners);
	NEED(l->owners);
	l->owners[l->owner_count++] = (struct owner){block, inode, extents};
}

/* Which blocks are whose, in a node of extents; only of directories, but for the nodes themselves. */
static void own_extents(const struct patched *p, struct layout *l, const uint8_t *node, uint32_t inode, bool dir)
{
	unsigned count = get_le16(node + 2), depth = get_le16(node + 6);
	if (get_le16(node) != 0xf30a || depth > 3)
		return;
	for (unsigned i = 0; i < count && i < 340; i++) {
		const uint8_t *x = node + 12 + 12 * i;
		uint32_t start = get_le32(x + (depth ? 4 : 8));
		if ((start + 1ul) * l->block > p->stored)
			continue;
		if (depth) {
			own(l, start, inode, true);
			own_extents(p, l, p->data + start * l->block, inode, dir);
		} else if (dir) {
			for (uint32_t k = 0; k < get_le16(x + 4) && k < 64; k++)
				own(l, start + k, inode, false);
		}
	}
}

static const struct layout *layout_of(const struct patched *p)
{
	static struct layout all[256];
	struct layout *l = &all[p->which];
	if (l->block)
		return l;
	/* What was changed already matters little here: only mending rests on it. */
	const uint8_t *s = p->data + 1024;
	l->block = (size_t)1024 << (get_le32(s + 24) & 3);
	l->inode_size = get_le16(s + 88) >= 128 && get_le16(s + 88) <= 1024 ? get_le16(s + 88) : 128;
	l->per_group = get_le32(s + 40) ? get_le32(s + 40) : 1;
	l->blocks_per_group = get_le32(s + 32) ? get_le32(s + 32) : 1;
	l->groups = (get_le32(s + 4) + l->blocks_per_group - 1) / l->blocks_per_group;
	l->descriptor = get_le32(s + 96) & 0x80 ? get_le16(s + 254) : 32;
	l->table = l->block == 1024 ? 2048 : l->block;
	l->sums = get_le32(s + 100) & 0x400;
	l->seed = get_le32(s + 96) & 0x2000 ? get_le32(s + 624) : crc32c_update(~0u, s + 104, 16);
	if (!l->descriptor || l->groups > 64)
		l->groups = 0;
	for (uint32_t i = 1; i <= l->groups * l->per_group; i++) {
		size_t at = inode_at(p, l, i);
		if (at && get_le32(p->data + at + 32) & 0x80000)
			own_extents(p, l, p->data + at + 40, i, (get_le16(p->data + at) & 0xf000) == 0x4000);
	}
	return l;
}

static uint32_t inode_seed(const struct patched *p, const struct layout *l, uint32_t number, size_t at)
{
	uint8_t n[4];
	patch_put_le32(n, number);
	return crc32c_update(crc32c_update(l->seed, n, 4), p->data + at + 100, 4);
}

static void mend_inode(struct patched *p, const struct layout *l, uint32_t number, size_t at)
{
	uint8_t raw[1024];
	memcpy(raw, p->data + at, l->inode_size);
	bool high = l->inode_size > 128 && get_le16(raw + 128) >= 4;
	memset(raw + 124, 0, 2);
	if (high)
		memset(raw + 130, 0, 2);
	uint32_t crc = crc32c_update(inode_seed(p, l, number, at), raw, l->inode_size);
	patch_write(p, at + 124, (uint8_t[]){(uint8_t)crc, (uint8_t)(crc >> 8)}, 2);
	if (high)
		patch_write(p, at + 130, (uint8_t[]){(uint8_t)(crc >> 16), (uint8_t)(crc >> 24)}, 2);
}

static void mend_group(struct patched *p, const struct layout *l, size_t group)
{
	size_t at = l->table + group * l->descriptor;
	uint8_t raw[1024], n[4];
	if (l->descriptor > sizeof raw || at + l->descriptor > p->stored)
		return;
	memcpy(raw, p->data + at, l->descriptor);
	memset(raw + 30, 0, 2);
	patch_put_le32(n, (uint32_t)group);
	uint32_t crc = crc32c_update(crc32c_update(l->seed, n, 4), raw, l->descriptor);
	patch_write(p, at + 30, (uint8_t[]){(uint8_t)crc, (uint8_t)(crc >> 8)}, 2);
}

static bool mend_tables(struct patched *p, const struct layout *l, size_t at)
{
	for (size_t g = 0; g < l->groups; g++) {
		size_t d = l->table + g * l->descriptor;
		if (at >= d && at < d + l->descriptor) {
			mend_group(p, l, g);
			return true;
		}
		if (d + 64 > p->stored)
			return false;
		for (unsigned k = 0; k < 2; k++) { /* bitmaps of blocks and of inodes */
			size_t map = (size_t)get_le32(p->data + d + 4 * k) * l->block;
			size_t len = (k ? l->per_group : l->blocks_per_group) / 8;
			if (at < map || at >= map + l->block || map + len > p->stored)
				continue;
			uint32_t crc = crc32c_update(l->seed, p->data + map, len);
			patch_write(p, d + 24 + 2 * k, (uint8_t[]){(uint8_t)crc, (uint8_t)(crc >> 8)}, 2);
			if (l->descriptor >= 64)
				patch_write(p, d + 56 + 2 * k, (uint8_t[]){(uint8_t)(crc >> 16), (uint8_t)(crc >> 24)}, 2);
			mend_group(p, l, g);
			return true;
		}
		size_t table = (size_t)get_le32(p->data + d + 8) * l->block;
		if (at >= table && at < table + l->per_group * l->inode_size) {
			size_t i = (at - table) / l->inode_size;
			mend_inode(p, l, (uint32_t)(g * l->per_group + i + 1), table + i * l->inode_size);
			return true;
		}
	}
	return false;
}

/* A block of the log: with the UUID of the whole. */
static void mend_log(struct patched *p, const struct layout *l, size_t block)
{
	uint32_t kind = get_be32(p->data + block + 4);
	uint32_t crc = crc32c_update(~0u, p->data + 1024 + 104, 16);
	size_t at = kind == 2 ? 16 : l->block - 4;
	if (kind == 3 || kind == 4)
		at = 252, crc = ~0u;
	patch_be32(p, block + at, 0);
	crc = crc32c_update(crc, p->data + block, kind == 3 || kind == 4 ? 1024 : l->block);
	patch_be32(p, block + at, crc);
}

/* A block of attributes, by its own number. */
static void mend_xattrs(struct patched *p, const struct layout *l, size_t block)
{
	uint8_t n[8] = {0};
	patch_put_le32(n, (uint32_t)(block / l->block));
	patch_le32(p, block + 16, 0);
	patch_le32(p, block + 16, crc32c_update(crc32c_update(l->seed, n, 8), p->data + block, l->block));
}

/* A block of the index of a directory: what is used of it, then its tail without the checksum. */
static void mend_index(struct patched *p, const struct layout *l, uint32_t seed, size_t block)
{
	static const uint8_t zeros[4];
	const uint8_t *b = p->data + block;
	size_t from = get_le16(b + 4) == l->block ? 8 : 32, used = from + 8 * (size_t)get_le16(b + from + 2);
	size_t tail = from + 8 * (size_t)get_le16(b + from);
	if (used > l->block || tail > l->block - 8)
		return;
	uint32_t crc = crc32c_update(crc32c_update(seed, b, used), b + tail, 4);
	patch_le32(p, block + tail + 4, crc32c_update(crc, zeros, 4));
}

static void mend(struct patched *p, size_t at)
{
	const struct layout *l = layout_of(p);
	size_t block = at / l->block * l->block;
	if (at >= 1024 && at < 2048) {
		patch_le32(p, 1024 + 1020, crc32c_update(~0u, p->data + 1024, 1020));
		return;
	}
	if (block + l->block > p->stored || !l->sums)
		return;
	if (get_be32(p->data + block) == 0xc03b3998) {
		mend_log(p, l, block);
		return;
	}
	if (get_le32(p->data + block) == 0xea020000) {
		mend_xattrs(p, l, block);
		return;
	}
	if (mend_tables(p, l, at))
		return;
	for (size_t i = 0; i < l->owner_count; i++) {
		const struct owner *o = &l->owners[i];
		size_t in = o->block == at / l->block ? inode_at(p, l, o->inode) : 0;
		size_t len = o->extents ? 12 + 12 * (size_t)get_le16(p->data + block + 4) : l->block - 12;
		if (!in || len + 4 > l->block)
			continue;
		if (!o->extents && p->data[block + l->block - 5] != 0xde) {
			mend_index(p, l, inode_seed(p, l, o->inode, in), block);
			continue;
		}
		uint32_t crc = crc32c_update(inode_seed(p, l, o->inode, in), p->data + block, len);
		patch_le32(p, o->extents ? block + len : block + l->block - 4, crc);
	}
}

#endif
