// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Where the data of a sparse member goes, checked as it comes by: extents in order, none too many,
 * and their lengths adding up to what is stored. Formats: old GNU, and 1.0, whose map is the first
 * part of the data: a count, then pairs of offset and length, one decimal number a line.
 */
#ifndef ARCHIVE_TAR_MAP_H
#define ARCHIVE_TAR_MAP_H

#include "backproof/base.h"

/* libarchive keeps each extent in memory. */
#define TAR_EXTENTS_MAX (1 << 20)

enum tar_map_state { TAR_MAP_MORE, TAR_MAP_WHOLE, TAR_MAP_DAMAGED, TAR_MAP_TOO_LONG };

struct tar_map {
	uint64_t count, bytes; /* extents so far, and the sum of their lengths */
	uint64_t end;	       /* where the one before ended */
	/* 1.0 only */
	uint64_t value, numbers_left, read;
	unsigned digits;
	bool counted;
	uint64_t offset;
};

/* One extent. WHOLE is never returned: the caller knows when the map ends. */
enum tar_map_state tar_map_extent(struct tar_map *m, uint64_t offset, uint64_t length);
/* Bytes of a 1.0 map; those behind its end are not looked at. Once WHOLE, not to be called again.
 */
enum tar_map_state tar_map_feed(struct tar_map *m, const uint8_t *p, size_t len);

#endif
