// SPDX-License-Identifier: GPL-3.0-or-later
#ifndef IMAGE_VHD_MAP_H
#define IMAGE_VHD_MAP_H

#include "vhd.h"

#define VHD_FREE UINT32_MAX

/* What is known of a block's bitmap of sectors. */
enum vhd_block_state { VHD_UNKNOWN, VHD_FULL, VHD_MIXED };

struct vhd_map {
	struct source *file, *parent; /* borrowed; parent NULL: zeros */
	uint64_t size;
	uint32_t block_size, bitmap_size, blocks;
	uint32_t *bat;		/* sector of each block's bitmap, or VHD_FREE */
	_Atomic uint8_t *state; /* of each block */
	bool differencing;
};

/* The disk. m is borrowed. */
struct source *vhd_map_source(struct vhd_map *m, const char *name, struct error *e) must_check;

#endif
