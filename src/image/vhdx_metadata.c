// SPDX-License-Identifier: GPL-3.0-or-later
/* [MS-VHDX] 2.6: the metadata. It carries no checksum, so every value is held against its bounds. */
#include "vhdx.h"

#define TABLE_LENGTH (64 * KIB)
#define ITEMS_MOST 2047u
#define DISK_MOST (UINT64_C(64) << 40)

enum item { ITEM_PARAMETERS, ITEM_SIZE, ITEM_ID, ITEM_LOGICAL, ITEM_PHYSICAL, ITEM_LOCATOR, ITEM_COUNT };

static const struct {
	uint8_t guid[VHDX_GUID];
	const char *name;
	uint32_t length; /* 0: any */
} known[ITEM_COUNT] = {
    [ITEM_PARAMETERS] = {{0x37, 0x67, 0xa1, 0xca, 0x36, 0xfa, 0x43, 0x4d, 0xb3, 0xb6, 0x33, 0xf0, 0xaa, 0x44, 0xe7,
			  0x6b}, "file parameters", 8},
    [ITEM_SIZE] = {{0x24, 0x42, 0xa5, 0x2f, 0x1b, 0xcd, 0x76, 0x48, 0xb2, 0x11, 0x5d, 0xbe, 0xd8, 0x3b, 0xf4, 0xb8},
		   "disk size", 8},
    [ITEM_ID] = {{0xab, 0x12, 0xca, 0xbe, 0xe6, 0xb2, 0x23, 0x45, 0x93, 0xef, 0xc3, 0x09, 0xe0, 0x00, 0xc7, 0x46},
		 "disk identifier", 16},
    [ITEM_LOGICAL] = {{0x1d, 0xbf, 0x41, 0x81, 0x6f, 0xa9, 0x09, 0x47, 0xba, 0x47, 0xf2, 0x33, 0xa8, 0xfa, 0xab, 0x5f},
		      "logical sector size", 4},
    [ITEM_PHYSICAL] = {{0xc7, 0x48, 0xa3, 0xcd, 0x5d, 0x44, 0x71, 0x44, 0x9c, 0xc9, 0xe9, 0x88, 0x52, 0x51, 0xc5, 0x56},
		       "physical sector size", 4},
    [ITEM_LOCATOR] = {{0x2d, 0x5f, 0xd3, 0xa8, 0x0b, 0xb3, 0x4d, 0x45, 0xab, 0xf7, 0xd3, 0xd8, 0x48, 0x34, 0xab, 0x0c},
		      "parent locator", 0},
};

static int corrupt(uint64_t at, const char *what, uint64_t value, struct error *e)
{
	return error_set(e, ERROR_CORRUPT, (int64_t)at, "VHDX: %s is %llu, which can't be", what,
			 (unsigned long long)value);
}

/* Notes where an entry's item is. */
static int take_item(const struct vhdx *v, const uint8_t *entry, uint64_t at, struct vhdx_region items[ITEM_COUNT],
		     struct error *e)
{
	char name[64];
	uint32_t offset = get_le32(entry + 16), length = get_le32(entry + 20), flags = get_le32(entry + 24);
	int which = -1;
	for (int i = 0; i < ITEM_COUNT && !(flags & 1); i++)
		if (!memcmp(entry, known[i].guid, VHDX_GUID))
			which = i;
	vhdx_guid_text(entry, name);
	if (which < 0 && flags & 4)
		return error_set(e, ERROR_UNSUPPORTED, (int64_t)at,
				 "VHDX: it can't be read without knowing the metadata item %s", name);
	if ((length && offset < TABLE_LENGTH) || length > MIB || (uint64_t)offset + length > v->metadata.length)
		return error_set(e, ERROR_CORRUPT, (int64_t)at, "VHDX: the metadata item %s lies outside the metadata",
				 name);
	if (which < 0)
		return 0;
	if (items[which].length)
		return error_set(e, ERROR_CORRUPT, (int64_t)at, "VHDX: the %s is there twice", known[which].name);
	if (known[which].length ? length < known[which].length : !length)
		return corrupt(at, "the length of a metadata item", length, e);
	items[which] = (struct vhdx_region){v->metadata.at + offset, length};
	return 0;
}

static int read_items(const struct vhdx *v, struct vhdx_region items[ITEM_COUNT], struct error *e)
{
	autofree uint8_t *table = malloc(TABLE_LENGTH);
	const uint64_t at = v->metadata.at;
	if (!table)
		return error_nomem(e);
	if (source_read_at(v->view, at, table, TABLE_LENGTH, e) < 0)
		return -1;
	if (memcmp(table, "metadata", 8))
		return error_set(e, ERROR_CORRUPT, (int64_t)at, "VHDX: there is no table of metadata");
	uint32_t count = get_le16(table + 10);
	if (count > ITEMS_MOST)
		return corrupt(at + 10, "the count of metadata items", count, e);
	for (uint32_t i = 0; i < count; i++)
		if (take_item(v, table + 32 + 32 * i, at + 32 + 32 * i, items, e) < 0)
			return -1;
	for (int i = 0; i < ITEM_COUNT; i++)
		if (!items[i].length && i != ITEM_LOCATOR)
			return error_set(e, ERROR_CORRUPT, (int64_t)at, "VHDX: the metadata lack the %s",
					 known[i].name);
	/* Items that lie on each other can't both be right. */
	for (int i = 0; i < ITEM_COUNT; i++)
		for (int j = 0; j < i; j++)
			if (items[i].length && items[j].length && items[i].at < items[j].at + items[j].length &&
			    items[j].at < items[i].at + items[i].length)
				return error_set(e, ERROR_CORRUPT, (int64_t)items[i].at,
						 "VHDX: the %s lies on the %s", known[i].name, known[j].name);
	return 0;
}

int vhdx_read_metadata(struct vhdx *v, const struct image_context *c, struct error *e)
{
	struct vhdx_region items[ITEM_COUNT] = {0};
	uint8_t value[ITEM_COUNT][16];
	if (read_items(v, items, e) < 0)
		return -1;
	for (int i = 0; i < ITEM_LOCATOR; i++)
		if (source_read_at(v->view, items[i].at, value[i], known[i].length, e) < 0)
			return -1;
	uint32_t flags = get_le32(value[ITEM_PARAMETERS] + 4), physical = get_le32(value[ITEM_PHYSICAL]);
	v->block_size = get_le32(value[ITEM_PARAMETERS]);
	v->sector_size = get_le32(value[ITEM_LOGICAL]);
	v->size = get_le64(value[ITEM_SIZE]);
	v->has_parent = flags & 2;
	if (v->block_size < MIB || v->block_size > 256 * MIB || v->block_size & (v->block_size - 1))
		return corrupt(items[ITEM_PARAMETERS].at, "the size of blocks", v->block_size, e);
	if (flags & ~UINT32_C(3))
		return error_set(e, ERROR_UNSUPPORTED, (int64_t)items[ITEM_PARAMETERS].at + 4,
				 "VHDX: file parameters %#x", flags);
	if (v->sector_size != 512 && v->sector_size != 4096)
		return corrupt(items[ITEM_LOGICAL].at, "the size of sectors", v->sector_size, e);
	if (physical != 512 && physical != 4096)
		return corrupt(items[ITEM_PHYSICAL].at, "the size of physical sectors", physical, e);
	if (!v->size || v->size > DISK_MOST || v->size % v->sector_size)
		return corrupt(items[ITEM_SIZE].at, "the size of the disk", v->size, e);
	if (v->has_parent && !items[ITEM_LOCATOR].length)
		return error_set(e, ERROR_CORRUPT, (int64_t)v->metadata.at,
				 "VHDX: it is the child of another disk, but does not name it");
	v->locator = items[ITEM_LOCATOR];
	v->ratio = (UINT64_C(1) << 23) * v->sector_size / v->block_size;
	v->blocks = (v->size - 1) / v->block_size + 1;
	v->entries = v->has_parent ? vhdx_bitmap_index(v, v->blocks - 1) + 1 : vhdx_payload_index(v, v->blocks - 1) + 1;
	if (v->entries > v->bat.length / 8)
		return error_set(e, ERROR_CORRUPT, (int64_t)v->bat.at,
				 "VHDX: the table of blocks needs %llu entries and has room for %llu",
				 (unsigned long long)v->entries, (unsigned long long)(v->bat.length / 8));
	finding_add(c->f, PROOF_STRUCTURE, "vhdx.metadata", c->subject, OUTCOME_HELD, NULL,
		    "%s disk of %llu bytes in blocks of %u, sectors of %u",
		    v->has_parent ? "differencing" : flags & 1 ? "fixed" : "dynamic", (unsigned long long)v->size,
		    v->block_size, v->sector_size);
	return 0;
}
