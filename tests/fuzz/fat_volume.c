// SPDX-License-Identifier: GPL-3.0-or-later
/* Changes to stored FAT volumes: what is called HELD can be walked, and each of its files read to a clean end. */
#include "fs_patched.h"

static struct fs_tour tour = {.type = "vfat", .most = 150};
static const bool strong_sums = false;

static void mend(struct patched *p, size_t at)
{
	(void)p, (void)at;
}

PATCHES_MAIN(200, "fixtures/fat/*.img.zst")
