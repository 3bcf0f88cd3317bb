// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * VHD: Microsoft, "Virtual Hard Disk Image Format Specification", 1.0 (2006). All numbers big-endian.
 * A fixed disk is its bytes and a footer; dynamic and differencing ones have a copy of the footer in
 * front, a header, a table of blocks (BAT), and before each block a bitmap of its sectors.
 */
#ifndef IMAGE_VHD_H
#define IMAGE_VHD_H

#include "backproof/format.h"

#define VHD_SECTOR 512u
#define VHD_FOOTER 512u
#define VHD_HEADER 1024u
#define VHD_EPOCH INT64_C(946684800) /* 2000-01-01 UTC */

enum vhd_type { VHD_FIXED = 2, VHD_DYNAMIC = 3, VHD_DIFFERENCING = 4 };

struct vhd_footer {
	enum vhd_type type;
	uint64_t header_at; /* of dynamic and differencing disks */
	uint64_t current;   /* the field of that name */
	uint64_t chs;	    /* what the geometry comes to, in bytes */
	char creator[5];
	uint32_t stamp;
	uint8_t id[16];
	bool saved;
};

/* NULL when the checksum over len bytes with the field at `field` holds. */
const char *vhd_checksum_flaw(const uint8_t *raw, size_t len, size_t field);
/* How large the disk is, when at most capacity bytes can be stored in the file. */
uint64_t vhd_disk_size(const struct vhd_footer *f, uint64_t capacity);
/* As image.id has it: 36 characters and a NUL. */
void vhd_id_text(const uint8_t id[16], char out[64]);

/* vhd_map.c: the disk of a dynamic or differencing file, whose blocks end at data_end. */
int vhd_open_dynamic(struct source *src, const struct image_context *c, const struct vhd_footer *f,
		     uint64_t data_end, struct image *out, struct error *e) must_check;
/* vhd_parent.c: *parent is borrowed. Fills out->parent. */
int vhd_open_parent(struct source *src, const struct image_context *c, const uint8_t header[VHD_HEADER],
		    struct image *out, struct source **parent, struct error *e) must_check;

#endif
