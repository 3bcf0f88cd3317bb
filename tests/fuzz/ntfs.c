// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Changes to stored NTFS volumes; there are no checksums to mend. What must hold of any: what is called HELD can be
 * walked, and each of its plain files read to a clean end. Compressed files may be damaged inside.
 */
#include "fs_patched.h"

static bool excused(const struct fs_entry *it, const struct error *why)
{
	return why->cls == ERROR_UNSUPPORTED || why->cls == ERROR_ENCRYPTED || !strncmp(it->path, "packed/", 7) ||
	       !strncmp(it->path, "xpress", 6) || !strncmp(it->path, "lzx/", 4);
}

static struct fs_tour tour = {.type = "ntfs", .most = 150, .excused = excused};
static const bool strong_sums = false;

static void mend(struct patched *p, size_t at)
{
	(void)p, (void)at;
}

PATCHES_MAIN(600, "fixtures/ntfs/*.img.zst", "fixtures/ntfs/compact/*.img.zst")
