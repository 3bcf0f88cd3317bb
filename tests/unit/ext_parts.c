// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * ext: parts that few volumes have, or that few say anything odd of: the block that keeps two machines from mounting it,
 * files of orphans, attributes whose values lie in inodes, names of attributes beyond ASCII, bitmaps that are nowhere.
 */
#include "ext_edit.h"

static struct image plain, rich; /* ext2 without sums; ext4 with them */

/* What one check says, whatever the others say. */
static void tells_at(struct image *im, const char *check, enum outcome want, const char *word, int line)
{
	struct opened o = open_image(im, true);
	bool said = false;
	for (size_t i = 0; i < o.f.count; i++)
		said |= !strcmp(o.f.items[i].check, check) && o.f.items[i].outcome == want &&
			strstr(o.f.items[i].detail, word);
	if (!said) {
		test_bad_here++;
		fprintf(stderr, "line %d: %s does not say \"%s\"\n", line, check, word);
		show_findings(&o.f);
	}
	close_image(&o);
}
#define TELLS(im, check, want, word) tells_at(im, check, want, word, __LINE__)
#define BROKEN(im, check, word) tells_at(im, check, OUTCOME_BROKEN, word, __LINE__)

static void or_le32(uint8_t *p, uint32_t bits)
{
	put(p, get_le32(p) | bits, 4);
}

static void add_mmp(ext2_filsys fs, void *ctx)
{
	fs->super->s_feature_incompat |= EXT4_FEATURE_INCOMPAT_MMP;
	NEED(!ext2fs_read_bitmaps(fs) && !ext2fs_mmp_init(fs));
	*(uint64_t *)ctx = fs->super->s_mmp_block * fs->blocksize;
}

static void test_mmp(void)
{
	uint64_t place = 0;
	struct image im = copy_of(&rich);
	change(&im, add_mmp, &place);
	EXPECT(&im, OUTCOME_HELD, "ext.groups");
	im.data[place + 1] ^= 1;
	BROKEN(&im, "ext.groups", "multi-mount block is damaged");
	im.data[place + 1] ^= 1;
	im.data[place + 40] ^= 1;
	BROKEN(&im, "ext.groups", "multi-mount block is damaged");
	im.data[place + 40] ^= 1;
	/* Outside, and where the image was cut. */
	uint8_t *at = im.data + 1024 + 0x168;
	put(at, 5000, 8);
	mend_super(&im);
	BROKEN(&im, "ext.groups", "multi-mount block lies outside");
	put(at, 2047, 8);
	mend_super(&im);
	im.len = 2047 * 1024;
	struct opened o = open_image(&im, true);
	CHECK(o.verify < 0 || findings_proof(&o.f, PROOF_STRUCTURE) == OUTCOME_BROKEN);
	close_image(&o);
	/* None yet. */
	im.len = rich.len;
	put(at, 0, 8);
	mend_super(&im);
	TELLS(&im, "ext.groups", OUTCOME_HELD, "");
	free(im.data);
}

/* The list from inode to inode. */
static void test_list(void)
{
	struct where small = find(&plain, "small", 0);
	struct image im = copy_of(&plain);
	uint8_t *head = im.data + 1024 + 0xe8;
	put(head, small.number, 4);
	put(im.data + small.inode + 20, small.number, 4);
	BROKEN(&im, "ext.inodes", "list of orphaned inodes");
	put(im.data + small.inode + 20, 1 << 30, 4);
	BROKEN(&im, "ext.inodes", "list of orphaned inodes");
	/* One that waits to be cut off: no damage. */
	put(im.data + small.inode + 20, 0, 4);
	EXPECT(&im, OUTCOME_HELD, "ext.inodes");
	free(im.data);
	im = copy_of(&rich);
	small = find(&rich, "small", 0);
	put(im.data + 1024 + 0xe8, small.number, 4);
	mend_super(&im);
	im.data[small.inode + 8] ^= 1;
	BROKEN(&im, "ext.inodes", "wrong checksum");
	free(im.data);
}

/* A file of orphans, where nothing has sums. */
static void test_file(void)
{
	struct where small = find(&plain, "small", 0), pieces = find(&plain, "pieces/many", 0);
	struct image im = copy_of(&plain);
	uint8_t *sb = im.data + 1024, *b = im.data + small.block;
	or_le32(sb + 0x5c, 0x1000);
	put(sb + 0x280, small.number, 4);
	BROKEN(&im, "ext.inodes", "a block of the orphan file is damaged");
	memset(b, 0, 1024);
	put(b + 1016, 0x0b10ca04, 4);
	TELLS(&im, "ext.inodes", OUTCOME_HELD, "0 orphans");
	put(b + 8, pieces.number, 4);
	TELLS(&im, "ext.inodes", OUTCOME_HELD, "1 orphans");
	put(b + 12, 1 << 30, 4);
	BROKEN(&im, "ext.inodes", "which does not exist");
	put(sb + 0x280, 1 << 30, 4);
	BROKEN(&im, "ext.inodes", "does not exist");
	free(im.data);
}

/* Directories, too, are removed while they are in use: no damage. */
static void test_removed(void)
{
	struct image im = load_zst("fixtures/ext/orphan-dirs.img.zst");
	EXPECT(&im, OUTCOME_HELD, "ext.directories");
	TELLS(&im, "ext.inodes", OUTCOME_HELD, "4 directories, 32 map blocks, 5 orphans");
	free(im.data);
}

static uint32_t attribute_hash(const uint8_t *name, size_t length, const uint8_t *value, size_t size, bool sign)
{
	uint32_t h = 0;
	for (size_t i = 0; i < length; i++)
		h = h << 5 ^ h >> 27 ^ (sign ? (uint32_t)(int8_t)name[i] : name[i]);
	for (size_t i = 0; i + 4 <= (size + 3) / 4 * 4; i += 4) {
		uint8_t word[4] = {0};
		memcpy(word, value + i, size - i < 4 ? size - i : 4);
		h = h << 16 ^ h >> 16 ^ get_le32(word);
	}
	return h;
}

/* The first attribute of `small`: in a block of its own. */
static uint8_t *first_attribute(struct image *im, uint8_t **block)
{
	struct where small = find(&plain, "small", 0);
	*block = im->data + get_le32(im->data + small.inode + 0x68) * 1024ul;
	NEED(get_le32(*block) == 0xea020000);
	return *block + 32;
}

static void test_hashes(void)
{
	struct image im = copy_of(&plain);
	uint8_t *b, *p = first_attribute(&im, &b), *value = b + get_le16(p + 2);
	uint32_t size = get_le32(p + 8);
	NEED(get_le32(p + 12) == attribute_hash(p + 16, p[0], value, size, false));
	p[17] = 0xe9;
	BROKEN(&im, "ext.xattrs", "hash is wrong");
	put(p + 12, attribute_hash(p + 16, p[0], value, size, true), 4);
	EXPECT(&im, OUTCOME_HELD, "ext.xattrs");
	put(p + 12, attribute_hash(p + 16, p[0], value, size, false), 4);
	EXPECT(&im, OUTCOME_HELD, "ext.xattrs");
	put(p + 12, 0, 4); /* none */
	EXPECT(&im, OUTCOME_HELD, "ext.xattrs");
	/* What inodes have of it for data of their own means nothing, but a block has none of those. */
	put(p + 12, 7, 4);
	p[1] = 7;
	BROKEN(&im, "ext.xattrs", "block 0");
	/* With padding it is longer than its block. */
	put(p + 12, 0, 4);
	put(p + 2, 1019, 2);
	put(p + 8, 5, 4);
	BROKEN(&im, "ext.xattrs", "outside its place");
	free(im.data);
	/* In an inode. */
	struct image folded = load_zst("fixtures/ext/rich/folded.img.zst");
	static const uint8_t entry[] = {0, 0, 2, 0xea, 1, 1, 40, 0, 0, 0, 0, 0, 4, 0, 0, 0, 9, 9, 9, 9, 'x'};
	p = folded.data + find(&folded, "one", 0).inode;
	NEED(get_le16(p + 128) == 32);
	memcpy(p + 160, entry, sizeof entry);
	memcpy(p + 160 + 4 + 40, "abcd", 4);
	BROKEN(&folded, "ext.xattrs", "inode ");
	put(p + 160 + 16, attribute_hash((const uint8_t *)"x", 1, (const uint8_t *)"abcd", 4, false), 4);
	EXPECT(&folded, OUTCOME_HELD, "ext.xattrs");
	p[160 + 5] = 7; /* an inode's own data has none that holds */
	put(p + 160 + 16, 9, 4);
	EXPECT(&folded, OUTCOME_HELD, "ext.xattrs");
	free(folded.data);
}

/* Where an inode is that holds the value of an attribute. */
static void find_value(ext2_filsys fs, void *ctx)
{
	struct ext2_inode inode;
	ext2_ino_t n = 11;
	do
		NEED(++n <= fs->super->s_inodes_count && !ext2fs_read_inode(fs, n, &inode));
	while (!(inode.i_flags & EXT4_EA_INODE_FL));
	*(uint64_t *)ctx = ext2fs_inode_table_loc(fs, 0) * fs->blocksize + (n - 1) * EXT2_INODE_SIZE(fs->super);
}

/* An attribute whose value is what an inode holds. */
static void test_values(void)
{
	struct where big = find(&plain, "big", 0);
	struct image im = copy_of(&plain);
	uint8_t *b, *p = first_attribute(&im, &b), *inode = im.data + big.inode, *value = im.data + big.block;
	uint32_t size = get_le32(inode + 4), seed, hash;
	uint8_t sum[4];
	or_le32(im.data + 1024 + 0x60, 0x400);
	put(p + 4, big.number, 4);
	put(p + 8, size, 4);
	put(p + 12, 0, 4);
	BROKEN(&im, "ext.xattrs", "is said to hold an attribute, but does not");
	or_le32(inode + 32, 0x200000);
	put(inode + 12, 0, 4);
	put(inode + 36, 1, 4);
	put(inode + 8, 1, 4);
	BROKEN(&im, "ext.xattrs", "has the sum 0x00000001");
	seed = crc32c_update(~0u, im.data + 1024 + 0x68, 16);
	put(sum, crc32c_update(seed, value, size), 4);
	memcpy(inode + 8, sum, 4);
	TELLS(&im, "ext.xattrs", OUTCOME_HELD, "");
	hash = attribute_hash(p + 16, p[0], sum, 4, false);
	put(p + 12, hash, 4);
	TELLS(&im, "ext.xattrs", OUTCOME_HELD, "");
	put(p + 12, hash ^ 1, 4);
	BROKEN(&im, "ext.xattrs", "holds the value of another attribute");
	put(p + 12, hash, 4);
	put(p + 8, size + 1, 4);
	BROKEN(&im, "ext.xattrs", "of an attribute that has");
	/* A long one is read, too. */
	put(inode + 4, 2 << 20, 4);
	put(p + 8, 2 << 20, 4);
	put(p + 12, 0, 4);
	BROKEN(&im, "ext.xattrs", "has the sum");
	put(p + 8, (1 << 24) + 1, 4);
	BROKEN(&im, "ext.xattrs", "inode does not exist");
	put(p + 8, 2 << 20, 4);
	put(p + 4, 1 << 30, 4);
	BROKEN(&im, "ext.xattrs", "inode does not exist");
	free(im.data);
	/* Or it has no sound one. */
	im = copy_of(&rich);
	uint64_t place = 0;
	struct image other = copy_of(&rich);
	change(&other, find_value, &place);
	free(other.data);
	im.data[place + 4] ^= 1;
	BROKEN(&im, "ext.xattrs", "wrong checksum");
	free(im.data);
}

/* What is in use, of a group whose bitmap lies outside; no group says more than its own. */
static void test_used(void)
{
	struct image im = copy_of(&plain);
	struct opened o = open_image(&im, false);
	struct extent x;
	NEED(o.fs && fs_used_at(o.fs, 100 * 1024, &x, &o.e) == 1 && !x.zero);
	CHECK(fs_used_at(o.fs, 2000 * 1024 + 5, &x, &o.e) == 1 && x.zero && x.length == 48 * 1024 - 5);
	CHECK(fs_used_at(o.fs, 0, &x, &o.e) == 1 && !x.zero && x.length == 1024);
	CHECK(fs_used_at(o.fs, 2048 * 1024, &x, &o.e) == 1 && x.zero);
	close_image(&o);
	put(im.data + 2048, 5000, 4);
	o = open_image(&im, false);
	CHECK(o.fs && fs_used_at(o.fs, 100 * 1024, &x, &o.e) < 0 && o.e.cls == ERROR_CORRUPT);
	close_image(&o);
	BROKEN(&im, "ext.groups", "block bitmap lies outside");
	free(im.data);
}

/* The first extent of a block of such goes elsewhere than the index above says. */
static void move_extent(ext2_filsys fs, void *ctx)
{
	struct where w = {.path = "pieces/many"};
	struct ext2_inode inode;
	uint8_t block[1024], *root = (uint8_t *)inode.i_block;
	look_up(fs, &w);
	NEED(!ext2fs_read_inode(fs, w.number, &inode) && get_le16(root + 6) == 1 && !get_le32(root + 12));
	NEED(!io_channel_read_blk64(fs->io, get_le32(root + 16), 1, block) && !get_le32(block + 12));
	put(block + 12, *(uint32_t *)ctx, 4);
	NEED(!ext2fs_extent_block_csum_set(fs, w.number, (void *)block));
	NEED(!io_channel_write_blk64(fs->io, get_le32(root + 16), 1, block));
}

static void test_index(void)
{
	for (uint32_t to = 0; to < 2; to++) {
		struct image im = copy_of(&rich);
		change(&im, move_extent, &to);
		if (to)
			BROKEN(&im, "ext.inodes", "does not begin where its index says");
		else
			EXPECT(&im, OUTCOME_HELD, "ext.inodes");
		free(im.data);
	}
}

/* Padding of bitmaps that is not set, and parts of groups over each other. */
static void test_groups(void)
{
	struct image im = copy_of(&plain);
	uint32_t bitmap = get_le32(im.data + 2048), table = get_le32(im.data + 2048 + 8);
	im.data[bitmap * 1024ul + 1023] = 0x7f; /* the last of 8192 blocks, of which there are 2047 */
	TELLS(&im, "ext.bitmaps", OUTCOME_HELD, "");
	put(im.data + 2048 + 4, bitmap, 4);
	BROKEN(&im, "ext.groups", "inode bitmap overlaps");
	put(im.data + 2048 + 8, table + 3000, 4);
	BROKEN(&im, "ext.groups", "inode table lies outside");
	free(im.data);
}

int main(void)
{
	plain = load_zst("fixtures/ext/rich/rich2.img.zst");
	rich = load_zst("fixtures/ext/rich/rich.img.zst");
	RUN(test_mmp);
	RUN(test_list);
	RUN(test_file);
	RUN(test_removed);
	RUN(test_hashes);
	RUN(test_values);
	RUN(test_used);
	RUN(test_groups);
	RUN(test_index);
	free(plain.data);
	free(rich.data);
	return test_done();
}
