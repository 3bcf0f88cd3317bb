// SPDX-License-Identifier: GPL-3.0-or-later
/* One inode in use: what it claims, and whether its size and block count fit that. */
#ifdef HAVE_EXT2FS
#include "ext_verify.h"

struct tally {
	struct ext_verify *v;
	const struct ext_inode *in;
	uint64_t clusters, last_physical, last_logical; /* for clusters that several runs share */
	bool any;
	uint64_t end, written_end; /* blocks: one past the last, one past the last written */
	uint64_t twice, first_twice;
	bool misaligned, outside;
	uint64_t place; /* byte offset of the first block */
};

/* Blocks kept for descriptor tables to come belong to the resize inode and to the groups. */
static bool is_reserved_desc(const struct ext *x, uint64_t block)
{
	uint32_t group = ext2fs_group_of_blk2(x->fs, block);
	blk64_t super, old_desc, new_desc;
	blk_t used;
	ext2fs_super_and_bgd_loc2(x->fs, group, &super, &old_desc, &new_desc, &used);
	uint64_t from = old_desc + x->fs->desc_blocks;
	/* With clusters of 1 KiB blocks mke2fs puts the later groups' one block too far. */
	uint64_t slack = x->cluster_bits && x->block_size == 1024;
	return old_desc && block >= from &&
	       block < from + x->fs->super->s_reserved_gdt_blocks + slack;
}

static int claim(struct tally *t, uint64_t from, uint64_t count, struct error *e)
{
	uint64_t taken, first = 0;
	if (ext_claim(t->v, from, count, &taken, &first, e) < 0)
		return -1;
	t->clusters += count;
	if (taken && t->in->number != EXT2_BAD_INO) {
		if (!t->twice)
			t->first_twice = first;
		t->twice += taken;
	}
	return 0;
}

static int count_run(void *ctx, const struct ext_run *run, struct error *e)
{
	struct tally *t = ctx;
	const struct ext *x = t->v->x;
	unsigned bits = x->cluster_bits;
	if (budget_check(t->v->b, e) < 0)
		return -1;
	t->v->extents++;
	if (!t->place)
		t->place = run->physical * x->block_size;
	t->end = run->logical + run->count;
	if (!run->unwritten)
		t->written_end = t->end;
	if (t->in->number == EXT2_RESIZE_INO) {
		t->clusters += run->count;
		for (uint64_t i = 0; i < run->count; i++)
			t->outside |= !is_reserved_desc(x, run->physical + i);
		return 0;
	}
	uint64_t mask = (UINT64_C(1) << bits) - 1;
	t->misaligned |= (run->logical & mask) != ((run->physical - x->first_block) & mask);
	uint64_t from = ext_cluster_of(x, run->physical);
	uint64_t to = ext_cluster_of(x, run->physical + run->count - 1);
	uint64_t logical = run->logical >> bits;
	/* Runs that end and begin in the same cluster have it in common. */
	bool same = t->any && t->last_physical == from && t->last_logical == logical;
	t->any = true;
	t->last_physical = to;
	t->last_logical = (t->end - 1) >> bits;
	from += same;
	return from <= to ? claim(t, from, to - from + 1, e) : 0;
}

static int count_node(void *ctx, uint64_t block, struct error *e)
{
	struct tally *t = ctx;
	const struct ext *x = t->v->x;
	if (budget_check(t->v->b, e) < 0)
		return -1;
	t->v->maps++;
	if (t->in->number == EXT2_RESIZE_INO && block != get_le32(t->in->raw + 0x28 + 13 * 4)) {
		t->clusters++;
		t->outside |= !is_reserved_desc(x, block);
		return 0;
	}
	return claim(t, ext_cluster_of(x, block), 1, e);
}

static void wrong(struct tally *t, const char *what, uint64_t have, uint64_t want)
{
	ext_say(t->v, CHECK_INODES, (int64_t)t->in->place,
		"inode %u: %s is %llu, which does not fit %llu", t->in->number, what,
		(unsigned long long)have, (unsigned long long)want);
}

static void check_size(struct tally *t)
{
	const struct ext *x = t->v->x;
	const struct ext_inode *in = t->in;
	uint64_t blocks = in->size / x->block_size;
	if (LINUX_S_ISDIR(in->mode)) {
		uint64_t spare = x->fs->super->s_prealloc_dir_blocks;
		if (in->size % x->block_size || !in->size || blocks > t->end ||
		    t->end - blocks > spare)
			wrong(t, "a directory's size", in->size, t->end * x->block_size);
		return;
	}
	if (in->flags & EXT4_VERITY_FL || ext_is_orphan(t->v, in->number))
		return; /* hashes behind the end; a truncation under way */
	if (t->written_end &&
	    in->size < (t->written_end - 1) * x->block_size + !!LINUX_S_ISLNK(in->mode))
		wrong(t, "its size", in->size, t->written_end * x->block_size);
	uint64_t per = x->block_size / 4;
	uint64_t most = in->flags & EXT4_EXTENTS_FL ? UINT64_C(1) << 32
						    : 12 + per + per * per + per * per * per;
	if (blocks > most)
		wrong(t, "its size", in->size, most * x->block_size);
}

static void check_blocks(struct tally *t)
{
	const struct ext *x = t->v->x;
	const struct ext_inode *in = t->in;
	bool huge = in->flags & EXT4_HUGE_FILE_FL && ext2fs_has_feature_huge_file(x->fs->super);
	uint64_t sectors = in->blocks * (huge ? x->block_size / 512 : 1);
	uint64_t want = ((t->clusters + (in->acl != 0)) << x->cluster_bits) * (x->block_size / 512);
	if (in->number == EXT2_BAD_INO || ext_is_orphan(t->v, in->number))
		return;
	/* Attribute values in inodes of their own are charged to each inode that has them. */
	if (ext2fs_has_feature_ea_inode(x->fs->super) && sectors > want)
		return;
	if (sectors != want)
		wrong(t, "its count of 512-byte blocks", sectors, want);
}

static int check_link(struct tally *t, struct error *e)
{
	const struct ext *x = t->v->x;
	const struct ext_inode *in = t->in;
	char buf[60];
	autofree char *target = NULL;
	size_t len = (size_t)in->size;
	if (in->size > x->block_size || (!in->size && in->links)) {
		wrong(t, "a symbolic link's length", in->size, x->block_size);
		return 0;
	}
	/* Encrypted targets are not text; inline ones were checked with the rest. */
	if (in->flags & (EXT4_ENCRYPT_FL | EXT4_INLINE_DATA_FL))
		return 0;
	if (ext_inode_fast_link(x, in)) {
		memcpy(buf, in->raw + 0x28, sizeof buf);
		if (strnlen(buf, sizeof buf) != len)
			wrong(t, "a symbolic link's length", len, strnlen(buf, sizeof buf));
		return 0;
	}
	/* A NUL is stored behind it, and tells a target from what else may stand in its block. */
	struct ext_inode longer = *in;
	longer.size += len < x->block_size;
	target = malloc(len + 1);
	if (!target)
		return error_nomem(e);
	if (ext_read_small(x, &longer, (uint8_t *)target, (size_t)longer.size, e) < 0)
		return ext_relay(t->v, CHECK_INODES, e);
	if (strnlen(target, (size_t)longer.size) != len)
		wrong(t, "a symbolic link's length", len, strnlen(target, (size_t)longer.size));
	return 0;
}

static int check_inline(struct tally *t, struct error *e)
{
	autofree uint8_t *data = NULL;
	size_t len = 0;
	if (!ext2fs_has_feature_inline_data(t->v->x->fs->super)) {
		ext_say(t->v, CHECK_INODES, (int64_t)t->in->place,
			"inode %u has inline data, which the file system has not", t->in->number);
		return 0;
	}
	if (ext_inode_inline(t->v->x, t->in, &data, &len, e) < 0)
		return ext_relay(t->v, CHECK_INODES, e);
	if (t->in->size > len)
		wrong(t, "its size", t->in->size, len);
	return 0;
}

static int check_map(struct tally *t, struct error *e)
{
	static const struct ext_map_ops ops = {count_run, count_node};
	struct ext_verify *v = t->v;
	const struct ext_inode *in = t->in;
	int64_t place = (int64_t)in->place;
	if (ext_map(v->x, in, &ops, t, e) < 0)
		return ext_relay(v, CHECK_INODES, e);
	if (t->twice) {
		v->shared += t->twice;
		ext_say(v, CHECK_CLAIMS, place,
			"inode %u: %llu blocks belong to something else too, the first is %llu",
			in->number, (unsigned long long)(t->twice << v->x->cluster_bits),
			(unsigned long long)((t->first_twice << v->x->cluster_bits) +
					     v->x->first_block));
	}
	if (t->misaligned)
		ext_say(v, CHECK_INODES, place, "inode %u: extents not aligned to clusters",
			in->number);
	if (t->outside)
		ext_say(v, CHECK_INODES, place,
			"the resize inode has blocks that are not reserved for it");
	if (in->number != EXT2_RESIZE_INO && in->number != EXT2_BAD_INO)
		check_size(t);
	/* A hostile image can't make this run for ever: every block can be claimed once, soon all twice. */
	if (v->shared > 4 * v->clusters + 65536)
		return error_set(e, ERROR_LIMIT, ERROR_NO_OFFSET,
				 "too many blocks are claimed twice to go on");
	return 0;
}

/* Fields that mean something only with a feature that this file system does not have. */
static void check_unused_fields(struct ext_verify *v, const struct ext_inode *in)
{
	struct ext2_super_block *sb = v->x->fs->super;
	const uint8_t *raw = in->raw;
	const char *what = NULL;
	if (get_le32(raw + 0x70))
		what = "a fragment address";
	else if (LINUX_S_ISDIR(in->mode) && !ext2fs_has_feature_largedir(sb) && get_le32(raw + 0x6c))
		what = "the high half of a directory's size";
	else if (!ext2fs_has_feature_64bit(sb) && get_le16(raw + 0x76))
		what = "the high half of an attribute block";
	else if (!ext2fs_has_feature_huge_file(sb) && get_le16(raw + 0x74))
		what = "the high half of a block count";
	else if (in->flags & EXT2_INDEX_FL && !LINUX_S_ISDIR(in->mode))
		what = "the flag of a directory index";
	else if (in->flags & EXT2_IMAGIC_FL && !ext2fs_has_feature_imagic_inodes(sb))
		what = "the flag of an AFS inode";
	else if (in->flags & EXT4_ENCRYPT_FL && !ext2fs_has_feature_encrypt(sb))
		what = "the flag of encryption";
	else if (in->flags & EXT4_CASEFOLD_FL && !ext2fs_has_feature_casefold(sb))
		what = "the flag of case folding";
	else if (in->flags & EXT4_VERITY_FL && !ext2fs_has_feature_verity(sb))
		what = "the flag of verity";
	else if (in->flags & EXT4_EA_INODE_FL && !ext2fs_has_feature_ea_inode(sb))
		what = "the flag of an attribute inode";
	else if (in->flags & EXT4_EXTENTS_FL && !ext2fs_has_feature_extents(sb))
		what = "the flag of extents";
	else if (in->size && !LINUX_S_ISREG(in->mode) && !LINUX_S_ISDIR(in->mode) &&
		 !LINUX_S_ISLNK(in->mode) && in->number != EXT2_BAD_INO)
		what = "the size of a file";
	if (what)
		ext_say(v, CHECK_INODES, (int64_t)in->place, "inode %u has %s, which can't be",
			in->number, what);
}

int ext_check_inode(struct ext_verify *v, const struct ext_inode *in, struct error *e)
{
	struct tally t = {.v = v, .in = in};
	const struct ext *x = v->x;
	if (in->number != EXT2_BAD_INO && ext_dirent_type(in->mode) == EXT2_FT_UNKNOWN) {
		ext_say(v, CHECK_INODES, (int64_t)in->place,
			"inode %u: mode 0%o is of no known type", in->number, in->mode);
		return 0;
	}
	if (x->inode_size > EXT2_GOOD_OLD_INODE_SIZE && get_le16(in->raw + 0x80) != in->extra)
		ext_say(v, CHECK_INODES, (int64_t)in->place,
			"inode %u: %u extra bytes make no sense", in->number,
			get_le16(in->raw + 0x80));
	check_unused_fields(v, in);
	v->sealed += (in->flags & EXT4_VERITY_FL) != 0;
	if (in->acl) {
		uint64_t *acl = vec_push(&v->acls);
		if (!acl)
			return error_nomem(e);
		*acl = in->acl;
	}
	uint64_t before = v->broken[CHECK_INODES];
	if (in->flags & EXT4_INLINE_DATA_FL) {
		if (check_inline(&t, e) < 0)
			return -1;
	} else if (ext_inode_mapped(x, in) && check_map(&t, e) < 0) {
		return -1;
	}
	if (ext_check_inode_xattrs(v, in, e) < 0)
		return -1;
	if (v->broken[CHECK_INODES] == before)
		check_blocks(&t);
	if (LINUX_S_ISDIR(in->mode))
		v->folders.items[v->folders.count - 1].place = t.place ? t.place : in->place;
	if (LINUX_S_ISLNK(in->mode) && v->broken[CHECK_INODES] == before && check_link(&t, e) < 0)
		return -1;
	return 0;
}
#endif
