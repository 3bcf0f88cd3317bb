// SPDX-License-Identifier: GPL-3.0-or-later
/* cpio is recognised, not read. */
#include "rows.h"

static bool all_of(const uint8_t *p, size_t len, const char *allowed)
{
	for (size_t i = 0; i < len; i++)
		if (!p[i] || !strchr(allowed, p[i]))
			return false;
	return true;
}

static int bid(const struct probe *p)
{
	/* newc and its form with sums: 13 fields of 8 hexadecimal digits. */
	if (p->head_length >= 110 &&
	    (!memcmp(p->head, "070701", 6) || !memcmp(p->head, "070702", 6)))
		return all_of(p->head + 6, 104, "0123456789abcdefABCDEF") ? 90 : 0;
	/* odc: 76 octal digits. */
	if (p->head_length >= 76 && !memcmp(p->head, "070707", 6))
		return all_of(p->head + 6, 70, "01234567") ? 90 : 0;
	return 0;
}

static const char *const suffixes[] = {".cpio", NULL};

const struct format archive_cpio = {
    .name = "cpio",
    .kind = FORMAT_ARCHIVE,
    .suffixes = suffixes,
    .bid = bid,
    .product = "cpio archive",
};
