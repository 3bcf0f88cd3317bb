// SPDX-License-Identifier: GPL-3.0-or-later
/* The file allocation table: entries of 12, 16 or 28 bits, in memory when small, else through a cache. */
#include "fat.h"

#define IN_MEMORY (16 * MIB)

int fat_table_open(struct fat *fs, struct error *e)
{
	uint64_t at = fs->fat_at + fs->active * fs->fat_bytes;
	if (fs->used_bytes > IN_MEMORY) {
		fs->table_source = source_cached(fs->src, 64 * KIB, 64, e);
		return fs->table_source ? 0 : -1;
	}
	fs->table = malloc((size_t)fs->used_bytes);
	if (!fs->table)
		return error_nomem(e);
	return source_read_at(fs->src, at, fs->table, (size_t)fs->used_bytes, e);
}

void fat_table_close(struct fat *fs)
{
	free(fs->table);
	source_destroy(fs->table_source);
	fs->table = NULL;
	fs->table_source = NULL;
}

uint64_t fat_entry_place(const struct fat *fs, uint32_t cluster)
{
	return fs->fat_at + fs->active * fs->fat_bytes + (uint64_t)cluster * fs->bits / 8;
}

int fat_entry_at(const struct fat *fs, uint32_t cluster, uint32_t *value, struct error *e)
{
	uint8_t b[4];
	size_t len = fs->bits == 32 ? 4 : 2;
	uint64_t in = (uint64_t)cluster * fs->bits / 8;
	if (cluster >= fs->limit)
		return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET,
				 "FAT: there is no cluster %u, the last is %u", cluster, fs->limit - 1);
	if (fs->table)
		memcpy(b, fs->table + in, len);
	else if (source_read_at(fs->table_source, fs->fat_at + fs->active * fs->fat_bytes + in, b, len,
				e) < 0)
		return -1;
	if (fs->bits == 12)
		*value = cluster & 1 ? get_le16(b) >> 4 : get_le16(b) & 0xfff;
	else
		*value = fs->bits == 16 ? get_le16(b) : get_le32(b) & 0x0fffffff;
	return 0;
}

enum fat_link fat_link_of(const struct fat *fs, uint32_t value)
{
	uint32_t bad = fs->bits == 12 ? 0xff7 : fs->bits == 16 ? 0xfff7 : 0x0ffffff7;
	if (value > bad)
		return FAT_END;
	if (value == bad)
		return FAT_BAD;
	if (!value)
		return FAT_FREE;
	return value >= FIRST_CLUSTER && value < fs->limit ? FAT_NEXT : FAT_OUTSIDE;
}

const char *fat_link_text(enum fat_link link)
{
	switch (link) {
	case FAT_FREE:
		return "is marked free";
	case FAT_BAD:
		return "is marked bad";
	default:
		return "names a cluster that does not exist";
	}
}

int fat_follow(const struct fat *fs, uint32_t *cluster, struct error *e)
{
	uint32_t value = 0;
	if (fat_entry_at(fs, *cluster, &value, e) < 0)
		return -1;
	enum fat_link link = fat_link_of(fs, value);
	if (link == FAT_END)
		return 0;
	if (link != FAT_NEXT)
		return error_set(e, ERROR_CORRUPT, (int64_t)fat_entry_place(fs, *cluster),
				 "FAT: cluster %u in a chain %s", *cluster, fat_link_text(link));
	*cluster = value;
	return 1;
}
