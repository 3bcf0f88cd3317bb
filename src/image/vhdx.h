// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * VHDX: Microsoft, [MS-VHDX] "Virtual Hard Disk v2 (VHDX) File Format". All numbers little-endian. Two
 * headers, two tables of regions, a log of changes to the structures, which is replayed in memory when
 * it is not empty, the metadata, and a table (BAT) that says for each block where it is.
 */
#ifndef IMAGE_VHDX_H
#define IMAGE_VHDX_H

#include "backproof/format.h"

#define VHDX_GUID 16
#define VHDX_LOG_SECTOR 4096u
/* Of the file as it is stored and after replay. 64 TiB is the largest disk; one bit a MiB is kept. */
#define VHDX_FILE_MOST (UINT64_C(1) << 47)

struct vhdx_region {
	uint64_t at, length;
};

struct vhdx_header {
	uint64_t sequence;
	uint8_t data_write[VHDX_GUID], log_guid[VHDX_GUID];
	uint16_t log_version, version;
	struct vhdx_region log;
};

enum vhdx_state {
	VHDX_NOT_PRESENT = 0,
	VHDX_UNDEFINED = 1,
	VHDX_ZERO = 2,
	VHDX_UNMAPPED = 3,
	VHDX_FULL = 6,
	VHDX_PARTIAL = 7,
};
#define VHDX_STATE(entry) ((enum vhdx_state)((entry)&7))
#define VHDX_OFFSET(entry) ((entry) & ~(MIB - 1))
#define VHDX_RESERVED(entry) ((entry) & (MIB - 1) & ~UINT64_C(7))

struct vhdx {
	struct source *stored;	       /* the file; borrowed */
	struct source *longer, *replayed; /* owned: what the log makes of it, or NULL */
	struct source *view;	       /* stored or replayed */
	struct source *table_window, *table; /* the BAT through a cache; owned */
	struct source *parent;	       /* borrowed, or NULL */
	struct vhdx_header header;
	struct vhdx_region bat, metadata;
	uint64_t size;	     /* of the disk */
	uint32_t block_size, sector_size;
	bool has_parent;
	uint64_t blocks, ratio; /* payload blocks, and how many share a block of bitmaps */
	uint64_t entries;    /* of the BAT that count */
	struct vhdx_region locator; /* in the file; length 0: none */
};

/* The entry of a payload block, and of the bitmap that it shares. */
static inline uint64_t vhdx_payload_index(const struct vhdx *v, uint64_t block)
{
	return block + block / v->ratio;
}
static inline uint64_t vhdx_bitmap_index(const struct vhdx *v, uint64_t block)
{
	return (block / v->ratio + 1) * (v->ratio + 1) - 1;
}
/* Bytes of the disk in a block: the last may be short. */
static inline uint64_t vhdx_block_length(const struct vhdx *v, uint64_t block)
{
	uint64_t left = v->size - block * v->block_size;
	return left < v->block_size ? left : v->block_size;
}

/* As image.id has it: lower case, without braces. */
void vhdx_guid_text(const uint8_t guid[VHDX_GUID], char out[64]);

/* vhdx_header.c: the newer of both headers. */
int vhdx_read_header(struct vhdx *v, const struct image_context *c, struct error *e) must_check;
/* vhdx_region.c: where BAT and metadata are, by either table. */
int vhdx_read_regions(struct vhdx *v, const struct image_context *c, struct error *e) must_check;
/* vhdx_metadata.c */
int vhdx_read_metadata(struct vhdx *v, const struct image_context *c, struct error *e) must_check;
/* vhdx_map.c: every entry looked at once; opens v->table. */
int vhdx_check_map(struct vhdx *v, const struct image_context *c, struct error *e) must_check;
/* vhdx_log.c: sets view. */
int vhdx_replay(struct vhdx *v, const struct image_context *c, struct error *e) must_check;
/* vhdx_parent.c: fills out->parent and v->parent. */
int vhdx_open_parent(struct vhdx *v, const struct image_context *c, struct image *out, struct error *e) must_check;
/* vhdx_read.c: the disk. v is borrowed. */
struct source *vhdx_source(struct vhdx *v, const char *name, struct error *e) must_check;

/* A finding about the structure, with the place. */
#define VHDX_FINDING(c, check, outcome, at, ...)                                                       \
	finding_add((c)->f, PROOF_STRUCTURE, check, (c)->subject, outcome,                             \
		    &(struct finding_text){.offset = (int64_t)(at),                                    \
					   .has_offset = true,                                         \
					   .error = (outcome) == OUTCOME_BROKEN ? ERROR_CORRUPT : ERROR_NONE}, \
		    __VA_ARGS__)

#endif
