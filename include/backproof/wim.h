// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The header of a WIM file (Microsoft's "Windows Imaging File Format", 2007, and what later versions added): shared by
 * the image, which is the file, and the file system, which is the tree in it.
 */
#ifndef BACKPROOF_WIM_H
#define BACKPROOF_WIM_H

#include "backproof/source.h"

#define WIM_HEADER_SIZE 208u
#define WIM_MAGIC "MSWIM\0\0\0"

/* Of a resource: a run of bytes in the file. */
#define WIM_METADATA 0x02u
#define WIM_COMPRESSED 0x04u
#define WIM_SPANNED 0x08u
#define WIM_SOLID 0x10u

struct wim_resource {
	uint64_t offset, stored, size; /* size: decompressed */
	uint8_t flags;
};

enum wim_compression { WIM_NONE, WIM_XPRESS, WIM_LZX, WIM_LZMS };

struct wim_header {
	uint32_t version, flags, chunk, images, boot;
	enum wim_compression compression; /* of what is not solid */
	uint8_t guid[16];
	struct wim_resource table, xml, integrity; /* integrity.stored: 0 when there is none */
};

/*
 * Reads the header and checks it against itself and the file's size. CORRUPT; BUSY when it was never finished;
 * UNSUPPORTED for pipable ones, parts of split ones, and versions that are not known.
 */
int wim_header_read(struct source *src, struct wim_header *out, struct error *e) must_check;
/* 24 bytes, as the format writes it. */
void wim_resource_parse(const uint8_t *p, struct wim_resource *out);
const char *wim_compression_name(enum wim_compression c);

#endif
