// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Changes to stored ext2, 3 and 4 volumes, some with a log to replay; the checksums of superblock, groups, inodes,
 * blocks of directories and of extents are made right again for some. What must hold of any: what is called HELD can
 * be walked, and each of its files read; where no checksum was mended, it is what was stored.
 */
#include "fs_patched.h"

#include "ext_mend.h"

static struct fs_tour tour = {.type = "ext4", .most = 600};
static const bool strong_sums = true;

PATCHES_MAIN(1200, "fixtures/ext/*.img.zst", "fixtures/ext_small/*.img", "fixtures/ext/rich/*.img.zst")
