// SPDX-License-Identifier: GPL-3.0-or-later
/* Which blocks are in use, by the bitmaps of the groups. */
#ifdef HAVE_EXT2FS
#include "ext.h"

static bool bit_at(const uint8_t *map, uint64_t i)
{
	return map[i / 8] >> (i % 8) & 1;
}

/* So many blocks from there on are all in use, or all free. */
static void tell(const struct ext *x, uint64_t off, uint64_t blocks, bool used, struct extent *out)
{
	out->length = blocks * x->block_size - off % x->block_size;
	out->zero = !used;
}

int ext_used_at(void *self, uint64_t off, struct extent *out, struct error *e)
{
	struct ext *x = self;
	uint64_t block = off / x->block_size;
	if (block < x->first_block || block >= x->blocks) {
		/* In front of it there may be a boot loader; behind its end nothing is its own. */
		tell(x, off, block < x->first_block ? x->first_block - block : 1, block < x->first_block, out);
		return 0;
	}
	dgrp_t group = ext2fs_group_of_blk2(x->fs, block);
	uint64_t first = ext2fs_group_first_block2(x->fs, group), last = ext2fs_group_last_block2(x->fs, group);
	uint64_t place = ext2fs_block_bitmap_loc(x->fs, group);
	if (x->group_csum && ext2fs_bg_flags_test(x->fs, group, EXT2_BG_BLOCK_UNINIT)) {
		tell(x, off, last - block + 1, false, out);
		return 0;
	}
	if (place >= x->blocks)
		return error_set(e, ERROR_CORRUPT, (int64_t)off, "group %u has no bitmap", group);
	autofree uint8_t *map = malloc(x->block_size);
	if (!map)
		return error_nomem(e);
	if (source_read_at(x->src, place * x->block_size, map, x->block_size, e) < 0)
		return -1;
	bool used = bit_at(map, (block - first) >> x->cluster_bits);
	uint64_t end = block + 1;
	while (end <= last && bit_at(map, (end - first) >> x->cluster_bits) == used)
		end++;
	tell(x, off, end - block, used, out);
	return 0;
}
#endif
