// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Changes to stored btrfs volumes, with the checksums of superblock and nodes made right again for some. What must
 * hold of any: what is HELD can be walked; files whose data is damaged do not read.
 */
#include "../../src/fs/btrfs.h"
#include "fs_patched.h"

/* The content of files, and the targets of links, are not part of what is verified here. */
static bool excused(const struct fs_entry *it, const struct error *why)
{
	return (it->type == ENTRY_FILE || it->type == ENTRY_LINK) && why->cls == ERROR_CORRUPT;
}

static struct fs_tour tour = {.type = "btrfs", .most = 250, .excused = excused};
static const bool strong_sums = true;

static void mend(struct patched *p, size_t at)
{
	size_t block = at / 4096 * 4096;
	uint8_t sum[32];
	bool super = block == 0x10000;
	if (block + 4096 > p->stored || (!super && memcmp(p->data + block + 32, p->data + 0x10000 + 32, 16)))
		return;
	btrfs_sum(get_le16(p->data + 0x10000 + 0xc4), p->data + block + 32, 4096 - 32, sum);
	patch_write(p, block, sum, 32);
}

PATCHES_MAIN(150, "fixtures/btrfs/plain.img.zst", "fixtures/btrfs/log.img.zst", "fixtures/btrfs/busy.img.zst")
