// SPDX-License-Identifier: GPL-3.0-or-later
/* The row of tar: v7, ustar, pax and GNU. archive_reader.c reads them. */
#include "rows.h"
#include "tar_header.h"

/* The other numbers of the first header are numbers too: a checksum alone is weak evidence. */
static bool numbers_plausible(const uint8_t *h)
{
	static const struct {
		uint16_t at, length;
	} fields[] = {{TAR_MODE, 8}, {TAR_UID, 8}, {TAR_GID, 8}, {TAR_SIZE, 12}, {TAR_MTIME, 12}};
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		uint64_t n;
		/* A negative time or an owner in base-256 is unusual, but fine. */
		if (!(h[fields[i].at] & 0x80) &&
		    tar_number(h + fields[i].at, fields[i].length, &n) < 0)
			return false;
	}
	return true;
}

static bool type_plausible(uint8_t type)
{
	return !type || (type >= '0' && type <= '9') || (type >= 'A' && type <= 'Z') ||
	       (type >= 'a' && type <= 'z');
}

static int bid(const struct probe *p)
{
	if (p->head_length < TAR_BLOCK || !p->head[TAR_NAME] ||
	    !tar_checksum_fits(p->head, false) || !type_plausible(p->head[TAR_TYPE]) ||
	    !numbers_plausible(p->head))
		return 0;
	return tar_dialect(p->head) == TAR_OLD ? 30 : 90;
}

static const char *const suffixes[] = {".tar", NULL};

const struct format archive_tar = {
    .name = "tar",
    .kind = FORMAT_ARCHIVE,
    .suffixes = suffixes,
    .bid = bid,
    .checksums = CHECKSUMS_METADATA,
};
