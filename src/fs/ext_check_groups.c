// SPDX-License-Identifier: GPL-3.0-or-later
/* Group descriptors, the parts they place, and at the end the bitmaps against what was claimed. */
#ifdef HAVE_EXT2FS
#include "ext_verify.h"

static int64_t desc_place(const struct ext *x, uint32_t group)
{
	uint32_t per = EXT2_DESC_PER_BLOCK(x->fs->super);
	uint64_t block = ext2fs_descriptor_block_loc2(x->fs, x->first_block, group / per);
	return (int64_t)(block * x->block_size +
			 (uint64_t)(group % per) * EXT2_DESC_SIZE(x->fs->super));
}

/* Claims fixed parts. In bigalloc several may share a cluster; elsewhere they may not overlap. */
static int claim_fixed(struct ext_verify *v, uint64_t block, uint64_t count, uint32_t group,
		       const char *what, struct error *e)
{
	struct ext *x = v->x;
	uint64_t taken, first = 0;
	if (block < x->first_block || block >= x->blocks || count > x->blocks - block) {
		v->groups[group].bad = true;
		ext_say(v, CHECK_GROUPS, desc_place(x, group),
			"group %u: its %s lies outside the file system", group, what);
		return 0;
	}
	uint64_t from = ext_cluster_of(x, block), to = ext_cluster_of(x, block + count - 1);
	if (ext_claim(v, from, to - from + 1, &taken, &first, e) < 0)
		return -1;
	if (taken && !x->cluster_bits)
		ext_say(v, CHECK_GROUPS, desc_place(x, group),
			"group %u: its %s overlaps other metadata at block %llu", group, what,
			(unsigned long long)(first + x->first_block));
	return 0;
}

static int check_copies(struct ext_verify *v, uint32_t g, struct error *e)
{
	struct ext *x = v->x;
	blk64_t super, old_desc, new_desc;
	blk_t used;
	ext2fs_super_and_bgd_loc2(x->fs, g, &super, &old_desc, &new_desc, &used);
	uint64_t old_count = ext2fs_has_feature_meta_bg(x->fs->super)
				     ? x->fs->super->s_first_meta_bg
				     : x->fs->desc_blocks + x->fs->super->s_reserved_gdt_blocks;
	if ((super || !g) && claim_fixed(v, super, 1, g, "superblock", e) < 0)
		return -1;
	if (old_desc && claim_fixed(v, old_desc, old_count, g, "descriptor table", e) < 0)
		return -1;
	return new_desc ? claim_fixed(v, new_desc, 1, g, "descriptor block", e) : 0;
}

static int check_group(struct ext_verify *v, uint32_t g, struct error *e)
{
	struct ext *x = v->x;
	uint64_t low = ext2fs_group_first_block2(x->fs, g),
		 high = ext2fs_group_last_block2(x->fs, g);
	bool flex = ext2fs_has_feature_flex_bg(x->fs->super);
	const struct {
		uint64_t block, count;
		const char *what;
	} parts[] = {
		{ext2fs_block_bitmap_loc(x->fs, g), 1, "block bitmap"},
		{ext2fs_inode_bitmap_loc(x->fs, g), 1, "inode bitmap"},
		{ext2fs_inode_table_loc(x->fs, g), x->fs->inode_blocks_per_group, "inode table"},
	};
	if (x->group_csum && !ext2fs_group_desc_csum_verify(x->fs, g))
		ext_say(v, CHECK_GROUPS, desc_place(x, g),
			"group %u: its descriptor has a wrong checksum", g);
	if (x->group_csum && ext2fs_bg_itable_unused(x->fs, g) > x->inodes_per_group)
		ext_say(v, CHECK_GROUPS, desc_place(x, g),
			"group %u: more unused inodes than it has", g);
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		if (!flex && (parts[i].block < low || parts[i].block + parts[i].count - 1 > high)) {
			v->groups[g].bad = true;
			ext_say(v, CHECK_GROUPS, desc_place(x, g),
				"group %u: its %s lies outside of it", g, parts[i].what);
			continue;
		}
		if (claim_fixed(v, parts[i].block, parts[i].count, g, parts[i].what, e) < 0)
			return -1;
	}
	return 0;
}

static int check_mmp(struct ext_verify *v, struct error *e)
{
	struct ext *x = v->x;
	uint64_t block = x->fs->super->s_mmp_block;
	struct error why;
	if (!ext2fs_has_feature_mmp(x->fs->super) || !block)
		return 0;
	if (claim_fixed(v, block, 1, 0, "multi-mount block", e) < 0)
		return -1;
	if (block >= x->blocks)
		return 0;
	if (source_read_at(x->src, block * x->block_size, v->block, x->block_size, &why) < 0) {
		*e = why;
		return ext_relay(v, CHECK_GROUPS, &why);
	}
	struct mmp_struct mmp;
	memcpy(&mmp, v->block, sizeof mmp);
	if (mmp.mmp_magic != EXT4_MMP_MAGIC || !ext2fs_mmp_csum_verify(x->fs, &mmp))
		ext_say(v, CHECK_GROUPS, (int64_t)(block * x->block_size),
			"the multi-mount block is damaged");
	return 0;
}

static uint32_t claimed_in(const struct ext_verify *v, uint32_t g)
{
	uint32_t per = v->x->fs->super->s_clusters_per_group, n = 0;
	uint64_t from = (uint64_t)g * per, end = v->clusters - from < per ? v->clusters : from + per;
	for (uint64_t c = from; c < end; c += 8)
		n += (unsigned)__builtin_popcount(ext_claimed8(v, c));
	return n;
}

int ext_check_groups(struct ext_verify *v, struct error *e)
{
	struct ext *x = v->x;
	/* With 1 KiB blocks and clusters, block 0 is nobody's but in the first cluster. */
	for (uint32_t g = 0; g < x->groups; g++)
		if (check_copies(v, g, e) < 0)
			return -1;
	for (uint32_t g = 0; g < x->groups; g++)
		if ((g % 256 == 0 && budget_check(v->b, e) < 0) || check_group(v, g, e) < 0)
			return -1;
	if (check_mmp(v, e) < 0)
		return -1;
	for (uint32_t g = 0; g < x->groups; g++)
		v->groups[g].fixed = claimed_in(v, g);
	return 0;
}

struct counts {
	uint64_t free, lost, leaked, first_lost;
};

/* NULL bits: an uninitialised bitmap stands for one in which only the group's own parts are used. */
static void compare(const struct ext_verify *v, const uint8_t *bits, uint64_t from, uint64_t count,
		    struct counts *c)
{
	for (uint64_t i = 0; i < count; i += 8) {
		uint8_t mask = count - i < 8 ? (uint8_t)((1 << (count - i)) - 1) : 0xff;
		uint8_t claimed = ext_claimed8(v, from + i) & mask;
		uint8_t marked = bits ? bits[i / 8] & mask : claimed;
		uint8_t lost = claimed & (uint8_t)~marked, leaked = marked & (uint8_t)~claimed;
		c->free += (unsigned)__builtin_popcount(mask & (uint8_t)~marked);
		if (lost && !c->lost)
			c->first_lost = from + i + (unsigned)__builtin_ctz(lost);
		c->lost += (unsigned)__builtin_popcount(lost);
		c->leaked += (unsigned)__builtin_popcount(leaked);
	}
}

static int use_of_group(struct ext_verify *v, uint32_t g, struct error *e)
{
	struct ext *x = v->x;
	uint32_t per = x->fs->super->s_clusters_per_group;
	uint64_t from = (uint64_t)g * per,
		 count = v->clusters - from < per ? v->clusters - from : per;
	uint64_t place = ext2fs_block_bitmap_loc(x->fs, g) * x->block_size;
	bool uninit = x->group_csum && ext2fs_bg_flags_test(x->fs, g, EXT2_BG_BLOCK_UNINIT);
	struct counts c = {0};
	if (v->groups[g].bad)
		return 0;
	if (!uninit) {
		if (source_read_at(x->src, place, v->block, x->block_size, e) < 0)
			return ext_relay(v, CHECK_BITMAPS, e);
		if (!ext2fs_block_bitmap_csum_verify(x->fs, g, (char *)v->block, (int)(per / 8)))
			ext_say(v, CHECK_BITMAPS, (int64_t)place,
				"group %u: its block bitmap has a wrong checksum", g);
		for (uint32_t i = per / 8; i < x->block_size; i++)
			if (v->block[i] != 0xff) {
				v->loose[CHECK_BITMAPS]++;
				break;
			}
	}
	/* A kernel would hand out again what is in use there. */
	if (uninit && claimed_in(v, g) > v->groups[g].fixed)
		ext_say(v, CHECK_USE, desc_place(x, g),
			"group %u: %u blocks are in use, but its descriptor says that none ever was", g,
			(claimed_in(v, g) - v->groups[g].fixed) << x->cluster_bits);
	compare(v, uninit ? NULL : v->block, from, count, &c);
	uint32_t stated = ext2fs_bg_free_blocks_count(x->fs, g);
	v->free_clusters += stated;
	v->leaked += c.leaked;
	if (c.free != stated)
		ext_say(v, CHECK_BITMAPS, (int64_t)place,
			"group %u: %llu free blocks, but its descriptor says %u", g,
			(unsigned long long)c.free, stated);
	if (c.lost)
		ext_say(v, CHECK_USE, (int64_t)place,
			"group %u: %llu blocks are in use but marked free, the first is %llu", g,
			(unsigned long long)(c.lost << x->cluster_bits),
			(unsigned long long)((c.first_lost << x->cluster_bits) + x->first_block));
	return 0;
}

int ext_check_use(struct ext_verify *v, struct error *e)
{
	struct ext *x = v->x;
	const struct ext2_super_block *s = x->fs->super;
	bool bad = false;
	for (uint32_t g = 0; g < x->groups; g++) {
		bad |= v->groups[g].bad;
		if (budget_check(v->b, e) < 0 || use_of_group(v, g, e) < 0)
			return -1;
	}
	/* While mounted, the kernel keeps the totals in memory only. */
	uint64_t free_blocks = v->free_clusters << x->cluster_bits;
	if (!x->clean || bad)
		return 0;
	if (ext2fs_free_blocks_count(x->fs->super) != free_blocks)
		ext_say(v, CHECK_GROUPS, 1024,
			"the superblock says %llu free blocks, the groups %llu",
			(unsigned long long)ext2fs_free_blocks_count(x->fs->super),
			(unsigned long long)free_blocks);
	if (s->s_free_inodes_count != v->free_inodes)
		ext_say(v, CHECK_GROUPS, 1024, "the superblock says %u free inodes, the groups %llu",
			s->s_free_inodes_count, (unsigned long long)v->free_inodes);
	return 0;
}
#endif
