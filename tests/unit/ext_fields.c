// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * ext: fields that get values which can't be, in file systems without checksums, or with those made right again: the
 * index of a directory, maps, attributes, orphans, groups whose bitmap is said never to have been used.
 */
#include "ext_edit.h"

#include "backproof/fs_probe.h"

static struct image plain, rich; /* ext2 without sums; ext4 with them */

struct field {
	unsigned at, width;
	uint64_t value;
};

static void test_index(void)
{
	static const struct field root[] = {
		{24, 4, 1}, {28, 1, 3},	     {28, 1, 5},      {28, 1, 6},   {28, 1, 7},	 {29, 1, 7},  {30, 1, 1},
		{30, 1, 2}, {32, 2, 100},    {34, 2, 0},      {34, 2, 200}, {34, 2, 3},	 {36, 4, 0},  {36, 4, 3},
		{36, 4, 500}, {40, 4, 0xfffffff0}, {48, 4, 2}, {28, 1, 0},
	};
	struct where w = find(&plain, "indexed", 0), leaf = find(&plain, "indexed", 1);
	NEED(w.block && leaf.block);
	for (size_t k = 0; k < ARRAY_SIZE(root); k++) {
		struct image im = copy_of(&plain);
		int before = test_bad_here;
		put(im.data + w.block + root[k].at, root[k].value, root[k].width);
		EXPECT(&im, OUTCOME_BROKEN, "ext.directories");
		if (test_bad_here != before)
			fprintf(stderr, "root, case %zu\n", k);
		free(im.data);
	}
	/* A name that is not where its hash leads. */
	struct image im = copy_of(&plain);
	im.data[leaf.block + 20] ^= 1;
	EXPECT(&im, OUTCOME_BROKEN, "ext.directories");
	free(im.data);
	/* The block of the root is missing, or one of a leaf; it has more than the file system; it has none. */
	static const struct field inode[] = {{40, 4, 0}, {44, 4, 0}, {4, 4, 1 << 30}, {4, 4, 0}, {32, 4, 0}};
	for (size_t k = 0; k < ARRAY_SIZE(inode); k++) {
		im = copy_of(&plain);
		put(im.data + w.inode + inode[k].at, inode[k].value, inode[k].width);
		if (k == 4) /* not said to have one: entries in a row, but for the inner block, which fills its own */
			EXPECT(&im, OUTCOME_HELD, "ext.directories");
		else
			EXPECT(&im, OUTCOME_BROKEN, NULL);
		free(im.data);
	}
}

/* Attributes' values in inodes of their own have sums, and so have the entries that name them. */
static void touch_value(ext2_filsys fs, void *ctx)
{
	struct where w = {.path = "big"};
	struct ext2_inode_large inode = {0};
	ext2_ino_t *number = ctx;
	look_up(fs, &w);
	for (*number = 11; *number <= fs->super->s_inodes_count; ++*number) {
		NEED(!ext2fs_read_inode_full(fs, *number, (void *)&inode, sizeof inode));
		if (inode.i_flags & EXT4_EA_INODE_FL && inode.i_size == 3000)
			break;
	}
	NEED(*number <= fs->super->s_inodes_count);
	inode.i_atime ^= 1;
	NEED(!ext2fs_write_inode_full(fs, *number, (void *)&inode, sizeof inode));
}

static void test_values(void)
{
	static uint8_t zeros[1000];
	struct image im = copy_of(&rich);
	ext2_ino_t number = 0;
	memset(zeros, '0', sizeof zeros);
	uint8_t *value = memmem(im.data, im.len, zeros, sizeof zeros);
	NEED(value);
	EXPECT(&im, OUTCOME_HELD, "ext.xattrs");
	value[500] ^= 1;
	EXPECT(&im, OUTCOME_BROKEN, "ext.xattrs");
	value[500] ^= 1;
	change(&im, touch_value, &number);
	EXPECT(&im, OUTCOME_BROKEN, "ext.xattrs");
	free(im.data);
}

/* A group that is said never to have been used, although there are files in it. */
struct uninit {
	dgrp_t group;
	bool used;
};

static void set_uninit(ext2_filsys fs, void *ctx)
{
	struct uninit *u = ctx;
	NEED(u->group < fs->group_desc_count && !ext2fs_bg_flags_test(fs, u->group, EXT2_BG_BLOCK_UNINIT));
	ext2fs_bg_flags_set(fs, u->group, EXT2_BG_BLOCK_UNINIT);
	ext2fs_group_desc_csum_set(fs, u->group);
	ext2fs_mark_super_dirty(fs);
}

static void test_uninit(void)
{
	struct image im = copy_of(&rich);
	struct uninit u = {.group = 0};
	change(&im, set_uninit, &u);
	EXPECT(&im, OUTCOME_BROKEN, "ext.bitmap-use");
	free(im.data);
}

/* Lists of orphans that lead nowhere, or round. */
static void test_orphans(void)
{
	struct image whole = load_zst("fixtures/ext/orphans.img.zst");
	for (unsigned k = 0; k < 3; k++) {
		struct image im = copy_of(&whole);
		uint32_t log = get_le32(im.data + 1024 + 0xe0);
		NEED(log == 8);
		/* Not to be replayed: what is changed here would come back. */
		put(im.data + 1024 + 0x60, get_le32(im.data + 1024 + 0x60) & ~4u, 4);
		put(im.data + 1024 + 0xe8, k == 0 ? 1 << 30 : k == 1 ? 12 : 0, 4);
		mend_super(&im);
		struct opened o = open_image(&im, true);
		CHECK(findings_proof(&o.f, PROOF_STRUCTURE) != OUTCOME_HELD);
		/* The log, which is needed and not asked for, may have the right one. */
		CHECK(k || has_finding(&o.f, "ext.inodes", OUTCOME_UNPROVEN));
		close_image(&o);
		free(im.data);
	}
	free(whole.data);
}

static void set_loop(ext2_filsys fs, void *ctx)
{
	ext2_ino_t dir, child;
	(void)ctx;
	NEED(!ext2fs_read_bitmaps(fs));
	NEED(!ext2fs_namei(fs, 2, 2, "pieces", &dir) && !ext2fs_namei(fs, 2, 2, "acl", &child));
	/* pieces goes into acl, and acl into pieces: nobody finds them from the root. */
	NEED(!ext2fs_unlink(fs, 2, "pieces", dir, 0) && !ext2fs_unlink(fs, 2, "acl", child, 0));
	NEED(!ext2fs_link(fs, child, "pieces", dir, EXT2_FT_DIR) && !ext2fs_link(fs, dir, "acl", child, EXT2_FT_DIR));
}

static void test_loop(void)
{
	struct image im = copy_of(&plain);
	change(&im, set_loop, NULL);
	EXPECT(&im, OUTCOME_BROKEN, "ext.directories");
	struct opened o = open_image(&im, true);
	bool said = false;
	for (size_t i = 0; i < o.f.count; i++)
		said |= strstr(o.f.items[i].detail, "is inside itself") != NULL;
	CHECK(said);
	close_image(&o);
	free(im.data);
}

/* Inodes, block by block and by extents. */
static void test_inodes(void)
{
	static const struct {
		const char *path;
		unsigned at, width;
		uint64_t value;
	} cases[] = {
		{"pieces/far", 40, 4, 1 << 30},	 {"pieces/far", 40 + 48, 4, 1 << 30}, {"pieces/far", 40 + 52, 4, 1},
		{"pieces/far", 40 + 56, 4, 0x20}, {"pieces/far", 4, 4, 1},	      {"pieces/far", 0x6c, 4, 1 << 30},
		{"pieces/far", 28, 4, 2},	 {"small", 0, 2, 0},		      {"small", 0, 2, 0x9000},
		{"small", 26, 2, 9},		 {"small", 26, 2, 0},		      {"small", 20, 4, 7},
		{"small", 32, 4, 0x1000},	 {"small", 32, 4, 0x800},	      {"small", 32, 4, 0x40000000},
		{"small", 32, 4, 0x100000},	 {"small", 32, 4, 0x200000},	      {"small", 32, 4, 0x80000},
		{"small", 32, 4, 0x2000},	 {"small", 32, 4, 0x10000000},	      {"small", 0x70, 4, 1},
		{"small", 0x74, 2, 1},		 {"small", 0x76, 2, 1},		      {"small", 0x68, 4, 1 << 30},
		{"small", 0x68, 4, 3},		 {"fifo", 4, 4, 1},		      {"link", 4, 4, 5000},
		{"link", 4, 4, 0},		 {"link", 4, 4, 119},		      {"pieces", 0x6c, 4, 1},
		{"pieces", 4, 4, 1500},		 {"pieces", 4, 4, 0},		      {"pieces", 40, 4, 0},
	};
	for (size_t k = 0; k < ARRAY_SIZE(cases); k++) {
		struct image im = copy_of(&plain);
		int before = test_bad_here;
		put(im.data + find(&plain, cases[k].path, 0).inode + cases[k].at, cases[k].value, cases[k].width);
		EXPECT(&im, OUTCOME_BROKEN, NULL);
		if (test_bad_here != before)
			fprintf(stderr, "case %zu\n", k);
		free(im.data);
	}
}

/* A journal that is elsewhere: not looked for, and no trouble unless it is needed. */
static void test_external_log(void)
{
	for (unsigned k = 0; k < 3; k++) {
		struct image im = copy_of(&plain);
		uint8_t *sb = im.data + 1024;
		put(sb + 0x5c, get_le32(sb + 0x5c) | 4, 4);
		if (k == 1)
			put(sb + 0x60, get_le32(sb + 0x60) | 4, 4);
		if (k == 2)
			put(sb + 0xe4, 0x801, 4);
		else
			memset(sb + 0xd0, 0x77, 16);
		EXPECT(&im, k == 1 ? OUTCOME_UNPROVEN : OUTCOME_HELD, k == 1 ? "jbd2.external" : NULL);
		struct opened o = open_image(&im, false);
		CHECK(o.fs && fs_info(o.fs)->stale_view == (k == 1));
		CHECK(has_finding(&o.f, "jbd2.external", k == 1 ? OUTCOME_UNPROVEN : OUTCOME_SKIPPED));
		close_image(&o);
		free(im.data);
	}
}

/* Copies of the superblock are found where the first one is lost, but not where anything makes no sense. */
static void test_probe(void)
{
	static const struct field fields[] = {
		{56, 2, 1}, {24, 4, 1}, {24, 4, 3}, {76, 4, 2}, {20, 4, 0}, {90, 2, 9}, {88, 2, 64}, {88, 2, 2048},
		{88, 2, 200}, {32, 4, 4096}, {4, 4, 0}, {40, 4, 0}, {40, 4, 9000},
	};
	struct error e;
	uint64_t at;
	size_t len = 9 * MIB, copy = 8193 * 1024;
	uint8_t *data = calloc(1, len);
	NEED(data);
	for (size_t k = 0; k <= ARRAY_SIZE(fields); k++) {
		uint8_t *sb = data + copy;
		memset(sb, 0, 1024);
		put(sb + 56, 0xef53, 2);
		put(sb + 32, 8192, 4);
		put(sb + 4, 9000, 4);
		put(sb + 40, 2048, 4);
		put(sb + 20, 1, 4);
		put(sb + 76, 1, 4);
		put(sb + 88, 256, 2);
		put(sb + 90, 1, 2);
		if (k < ARRAY_SIZE(fields))
			put(sb + fields[k].at, fields[k].value, fields[k].width);
		autosource struct source *src = source_memory(data, len, "image", &e);
		NEED(src);
		CHECK_INT(ext_backup_superblock(src, &at), k == ARRAY_SIZE(fields));
	}
	/* Of the first revision nobody knows the size of inodes; resized ones keep the first one's number. */
	uint8_t *sb = data + copy;
	put(sb + 76, 0, 4);
	put(sb + 88, 0, 2);
	put(sb + 90, 0, 2);
	autosource struct source *src = source_memory(data, len, "image", &e);
	NEED(src);
	CHECK(ext_backup_superblock(src, &at) && at == copy);
	free(data);
}

/* A budget that is used up stops each part of it. */
static void test_deadline(void)
{
	struct opened o = open_image(&rich, false);
	struct budget b;
	NEED(o.fs);
	budget_init(&b);
	b.deadline_ns = 1;
	CHECK(fs_verify(o.fs, &o.f, &b, INT64_MAX, &o.newest, &o.e) < 0 && o.e.cls == ERROR_LIMIT);
	close_image(&o);
}

int main(void)
{
	plain = load_zst("fixtures/ext/rich/rich2.img.zst");
	rich = load_zst("fixtures/ext/rich/rich.img.zst");
	RUN(test_index);
	RUN(test_values);
	RUN(test_uninit);
	RUN(test_orphans);
	RUN(test_loop);
	RUN(test_inodes);
	RUN(test_external_log);
	RUN(test_probe);
	RUN(test_deadline);
	free(plain.data);
	free(rich.data);
	return test_done();
}
