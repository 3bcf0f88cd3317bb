// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The blocks of a tar file taken apart: header checksums, numbers, and the records of pax extended
 * headers. POSIX.1-2001 pax, "ustar Interchange Format"; the GNU tar manual, "Basic Tar Format".
 */
#ifndef ARCHIVE_TAR_HEADER_H
#define ARCHIVE_TAR_HEADER_H

#include "backproof/base.h"

#define TAR_BLOCK 512

enum {
	TAR_NAME = 0,
	TAR_MODE = 100,
	TAR_UID = 108,
	TAR_GID = 116,
	TAR_SIZE = 124,
	TAR_MTIME = 136,
	TAR_CHECKSUM = 148,
	TAR_TYPE = 156,
	TAR_MAGIC = 257,
	TAR_GNU_SPARSE = 386, /* four pairs of offset and length, 12 bytes each */
	TAR_GNU_EXTENDED = 482,
	TAR_EXTENSION_EXTENDED = 504, /* in a block of 21 more pairs */
};

enum tar_dialect { TAR_OLD, TAR_USTAR, TAR_GNU };

enum tar_dialect tar_dialect(const uint8_t *block);
/*
 * Data follows as the size field says: not behind links, devices and directories, whatever is
 * written there. Behind hard links it does in pax archives only; the rest is as libarchive 3.6
 * decides.
 */
bool tar_size_counts(const uint8_t *block, bool pax);
/*
 * The sum over the block is the stored one. With strict, the field must also be laid out as the
 * writers in use today do, so that no single flipped bit in it passes.
 */
bool tar_checksum_fits(const uint8_t *block, bool strict);
/* Octal, or base-256 when the first bit is set. -1 when it is neither, negative, or above
 * INT64_MAX. */
int tar_number(const uint8_t *field, size_t len, uint64_t *out) must_check;

/* What the records of one extended header say about the frame. */
struct tar_records {
	bool has_size, sparse, map_in_data, names_members;
	uint64_t size;
	uint64_t sparse_bytes; /* sum of the map's lengths: sparse formats 0.0 and 0.1 */
	bool unsupported;      /* holes described in a way that has no reader here */
	bool increment;	       /* a directory's list names files that are not in this archive */
};

/* NULL, or what is wrong; *at is then the offset of the bad record in body. */
const char *tar_records_parse(const uint8_t *body, size_t len, struct tar_records *out, size_t *at);

#endif
