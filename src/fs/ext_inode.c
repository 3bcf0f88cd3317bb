// SPDX-License-Identifier: GPL-3.0-or-later
#ifdef HAVE_EXT2FS
#include "ext.h"

#include "backproof/crc32c.h"

#define CSUM_LO offsetof(struct ext2_inode_large, osd2.linux2.l_i_checksum_lo)
#define CSUM_HI offsetof(struct ext2_inode_large, i_checksum_hi)

uint32_t ext_csum(const struct ext *x, uint32_t crc, const void *p, size_t len)
{
	(void)x;
	return crc32c_update(crc, p, len);
}

uint32_t ext_inode_seed(const struct ext *x, const struct ext_inode *in)
{
	uint8_t raw[8];
	for (int i = 0; i < 4; i++) {
		raw[i] = (uint8_t)(in->number >> 8 * i);
		raw[4 + i] = (uint8_t)(in->generation >> 8 * i);
	}
	return ext_csum(x, x->seed, raw, sizeof raw);
}

uint64_t ext_inode_place(const struct ext *x, uint32_t number)
{
	if (!number || number > x->inodes)
		return 0;
	uint32_t group = (number - 1) / x->inodes_per_group;
	uint64_t table = ext2fs_inode_table_loc(x->fs, group);
	uint64_t off = (uint64_t)((number - 1) % x->inodes_per_group) * x->inode_size;
	if (!table || table >= x->blocks)
		return 0;
	return table * x->block_size + off;
}

/* Seconds in 32 bits, signed, and two more bits above them where the inode has room. */
static int64_t stamp(const uint8_t *raw, size_t at, size_t extra_at, size_t extra)
{
	int64_t t = (int32_t)get_le32(raw + at);
	if (extra_at + 4 <= EXT2_GOOD_OLD_INODE_SIZE + extra)
		t += (int64_t)(get_le32(raw + extra_at) & EXT4_EPOCH_MASK) << 32;
	return t;
}

void ext_inode_parse(const struct ext *x, uint32_t number, const uint8_t *raw, uint64_t place,
		     struct ext_inode *in)
{
	in->number = number;
	in->raw = raw;
	in->place = place;
	in->mode = get_le16(raw);
	in->uid = get_le16(raw + 2) | (uint32_t)get_le16(raw + 0x78) << 16;
	in->gid = get_le16(raw + 0x18) | (uint32_t)get_le16(raw + 0x7a) << 16;
	in->links = get_le16(raw + 0x1a);
	in->flags = get_le32(raw + 0x20);
	in->generation = get_le32(raw + 0x64);
	in->dtime = get_le32(raw + 0x14);
	in->size = get_le32(raw + 4);
	/* The high half is a directory's ACL pointer in the oldest revisions. */
	if (!LINUX_S_ISDIR(in->mode) || ext2fs_has_feature_largedir(x->fs->super))
		in->size |= (uint64_t)get_le32(raw + 0x6c) << 32;
	in->blocks = get_le32(raw + 0x1c);
	if (ext2fs_has_feature_huge_file(x->fs->super))
		in->blocks |= (uint64_t)get_le16(raw + 0x74) << 32;
	in->acl = get_le32(raw + 0x68);
	if (ext2fs_has_feature_64bit(x->fs->super))
		in->acl |= (uint64_t)get_le16(raw + 0x76) << 32;
	in->extra = x->inode_size > EXT2_GOOD_OLD_INODE_SIZE ? get_le16(raw + 0x80) : 0;
	if (in->extra > x->inode_size - EXT2_GOOD_OLD_INODE_SIZE || in->extra % 4)
		in->extra = 0;
	in->ctime = stamp(raw, 0x0c, 0x84, in->extra);
	in->mtime = stamp(raw, 0x10, 0x88, in->extra);
}

bool ext_inode_sound(const struct ext *x, const struct ext_inode *in)
{
	static const uint8_t zero[2];
	if (!x->csum)
		return true;
	const uint8_t *raw = in->raw;
	bool has_hi = x->inode_size > EXT2_GOOD_OLD_INODE_SIZE &&
		      get_le16(raw + 0x80) >= CSUM_HI + 2 - EXT2_GOOD_OLD_INODE_SIZE;
	uint32_t crc = ext_inode_seed(x, in);
	crc = ext_csum(x, crc, raw, CSUM_LO);
	crc = ext_csum(x, crc, zero, 2);
	crc = ext_csum(x, crc, raw + CSUM_LO + 2, EXT2_GOOD_OLD_INODE_SIZE - CSUM_LO - 2);
	if (x->inode_size > EXT2_GOOD_OLD_INODE_SIZE) {
		crc = ext_csum(x, crc, raw + EXT2_GOOD_OLD_INODE_SIZE, 2);
		crc = ext_csum(x, crc, has_hi ? zero : raw + CSUM_HI, 2);
		crc = ext_csum(x, crc, raw + CSUM_HI + 2, x->inode_size - CSUM_HI - 2);
	}
	if (get_le16(raw + CSUM_LO) != (crc & 0xffff))
		return false;
	return !has_hi || get_le16(raw + CSUM_HI) == crc >> 16;
}

int ext_inode_read(const struct ext *x, uint32_t number, struct ext_inode *in, struct error *e)
{
	uint64_t place = ext_inode_place(x, number);
	if (!place)
		return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "inode %u does not exist",
				 number);
	if (source_read_at(x->src, place, in->own, x->inode_size, e) < 0)
		return error_prefix(e, "inode %u", number);
	ext_inode_parse(x, number, in->own, place, in);
	if (!ext_inode_sound(x, in) && !is_zero(in->own, x->inode_size))
		return error_set(e, ERROR_CORRUPT, (int64_t)place, "inode %u: wrong checksum",
				 number);
	return 0;
}

bool ext_inode_fast_link(const struct ext *x, const struct ext_inode *in)
{
	if (!LINUX_S_ISLNK(in->mode) || in->flags & EXT4_INLINE_DATA_FL)
		return false;
	/* An attribute block counts in i_blocks, and in bigalloc as a whole cluster. */
	uint64_t own = in->acl ? (uint64_t)(x->block_size << x->cluster_bits) / 512 : 0;
	if (in->flags & EXT4_EXTENTS_FL || in->size >= 60)
		return false;
	return in->blocks == own || in->blocks == 0;
}

bool ext_inode_mapped(const struct ext *x, const struct ext_inode *in)
{
	if (in->flags & EXT4_INLINE_DATA_FL)
		return false;
	switch (in->mode & LINUX_S_IFMT) {
	case LINUX_S_IFREG:
	case LINUX_S_IFDIR:
		return true;
	case LINUX_S_IFLNK:
		return !ext_inode_fast_link(x, in);
	default:
		return in->number == EXT2_BAD_INO;
	}
}

static int first_run(void *ctx, const struct ext_run *run, struct error *e)
{
	(void)e;
	*(uint64_t *)ctx = run->physical;
	return 1;
}

void ext_inode_entry(const struct ext *x, const struct ext_inode *in, struct fs_entry *out)
{
	static const struct ext_map_ops ops = {.run = first_run};
	*out = (struct fs_entry){
		.path = "",
		.id = in->number,
		.mode = in->mode,
		.uid = in->uid,
		.gid = in->gid,
		.links = in->links,
		.size = in->size,
		.mtime = in->mtime,
		.ctime = in->ctime,
		.type = LINUX_S_ISREG(in->mode)	  ? ENTRY_FILE
			: LINUX_S_ISDIR(in->mode) ? ENTRY_DIR
			: LINUX_S_ISLNK(in->mode) ? ENTRY_LINK
						  : ENTRY_OTHER,
	};
	uint64_t block = 0;
	struct error ignored; /* a damaged map is told when it is read or verified */
	if (in->flags & EXT4_INLINE_DATA_FL)
		out->place = in->place;
	else if (out->type == ENTRY_FILE && in->size && ext_map(x, in, &ops, &block, &ignored) > 0)
		out->place = block * x->block_size;
}

struct inline_part {
	const uint8_t *value;
	size_t size;
};

static int system_data(void *ctx, const struct ext_xattr *a, struct error *e)
{
	(void)e;
	if (a->index != 7 || a->length != 4 || memcmp(a->name, "data", 4) || a->value_inode)
		return 0;
	*(struct inline_part *)ctx = (struct inline_part){a->value, a->size};
	return 1;
}

int ext_inode_inline(const struct ext *x, const struct ext_inode *in, uint8_t **data, size_t *len,
		     struct error *e)
{
	struct inline_part more = {NULL, 0};
	if (ext_xattr_in_inode(x, in, system_data, &more, e) < 0)
		return -1;
	if (!more.value)
		return error_set(e, ERROR_CORRUPT, (int64_t)in->place,
				 "inode %u: inline data without its attribute", in->number);
	uint8_t *buf = malloc(60 + more.size);
	if (!buf)
		return error_nomem(e);
	memcpy(buf, in->raw + 0x28, 60);
	if (more.size)
		memcpy(buf + 60, more.value, more.size);
	*data = buf;
	*len = 60 + more.size;
	return 0;
}
#endif
