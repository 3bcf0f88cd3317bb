// SPDX-License-Identifier: GPL-3.0-or-later
/* Trees of btrfs that contradict themselves or each other, with all checksums right: each is told, by the right name. */
#include "btrfs_edit.h"

static struct image im;
static struct leaf tree;

/* Of an image: how it opens, or what the walk of all metadata finds. */
static void told_at(int line, const char *check, enum outcome want, enum error_class cls)
{
	struct seen s;
	look(&im, im.len, &s);
	bool fine = structure(&s) == (want == OUTCOME_BROKEN ? OUTCOME_BROKEN : OUTCOME_UNPROVEN);
	fine = check ? fine && s.fs && has(&s, check, want) : fine && !s.fs && s.e.cls == cls;
	if (!fine) {
		test_bad_here++;
		fprintf(stderr, "%s:%d: not told as %s\n", __FILE__, line, check ? check : "an error");
		dump(&s);
	}
	drop(&s);
	undo(&im);
}

#define CS BTRFS_CSUM_OBJECT
#define CHUNK {BTRFS_FIRST_FREE, KEY_CHUNK, 5242880}
#define NOCOW {256, KEY_DIR_ITEM, 1713006341}
#define INODE {263, KEY_INODE, 0}
#define EXTENT {260, KEY_EXTENT_DATA, 0}
#define ALLOCATED {5271552, KEY_EXTENT, 4096}
#define GROUP {5242880, KEY_BLOCK_GROUP, 4194304}
#define SUMS {CS, KEY_CSUM, 5271552}
#define RUN_OF_DEVICE {1, KEY_DEV_EXTENT, 5242880}

static const struct change {
	uint64_t tree;
	struct btrfs_key key;
	unsigned at, bytes;
	uint64_t value;
	int size;
	const char *check; /* NULL: it does not open */
	enum error_class cls;
} changes[] = {
	/* The tree of roots. */
	{1, {5, KEY_ROOT, 0}, 0, 0, 0, -201, NULL, ERROR_CORRUPT},
	{1, {5, KEY_ROOT, 0}, 238, 1, 8, 0, NULL, ERROR_CORRUPT},
	{1, {5, KEY_ROOT, 0}, 238, 1, 0, 0, NULL, ERROR_CORRUPT},
	{1, {256, KEY_ROOT, 0}, 160, 8, 99, 0, NULL, ERROR_CORRUPT},
	{1, {5, KEY_ROOT, 0}, 168, 8, 263, 0, NULL, ERROR_CORRUPT},
	{1, {5, KEY_ROOT, 0}, 168, 8, 7777, 0, NULL, ERROR_CORRUPT},
	{1, {257, KEY_ROOT, 0}, 168, 8, 257, 0, "btrfs.directories", ERROR_NONE},
	{1, {257, KEY_ROOT, 0}, 168, 8, 9999, 0, "btrfs.directories", ERROR_NONE},
	{1, {256, KEY_ROOT, 0}, 176, 8, 5242880 + 1024 * 4096, 0, "btrfs.nodes", ERROR_NONE},
	{1, {5, KEY_ROOT_REF, 256}, 16, 2, 0, 0, NULL, ERROR_CORRUPT},
	{1, {5, KEY_ROOT_REF, 258}, 16, 2, 3, 0, NULL, ERROR_CORRUPT},
	{1, {5, KEY_ROOT_REF, 258}, 18, 1, '/', 0, NULL, ERROR_CORRUPT},
	{1, {5, KEY_ROOT_REF, 258}, 0, 0, 0, -20, NULL, ERROR_CORRUPT},
	{1, {6, KEY_DIR_ITEM, 2378154706}, 0, 8, 999, 0, NULL, ERROR_CORRUPT},
	{1, {6, KEY_DIR_ITEM, 2378154706}, 0, 0, 0, -1, NULL, ERROR_CORRUPT},
	{1, {258, KEY_ROOT, 7}, 200, 8, 99, 0, NULL, ERROR_CORRUPT},
	{1, {258, KEY_ROOT, 7}, 208, 8, 2, 0, NULL, ERROR_CORRUPT},
	{1, {258, KEY_ROOT, 7}, 220, 8, 2, 0, NULL, ERROR_CORRUPT},
	{1, {258, KEY_ROOT, 7}, 237, 1, 8, 0, NULL, ERROR_CORRUPT},
	{1, {6, KEY_DIR_ITEM, 2378154706}, 29, 1, 9, 0, "btrfs.directories", ERROR_NONE},
	{1, {6, KEY_INODE, 0}, 52, 4, 0, 0, "btrfs.items", ERROR_NONE},
	{BTRFS_DATA_RELOC_TREE, {256, KEY_INODE, 0}, 8, 8, 99, 0, "btrfs.items", ERROR_NONE},
	/* Deleted: the top level, what is linked, and what is linked below it. */
	{1, {5, KEY_ROOT, 0}, 216, 4, 0, 0, NULL, ERROR_CORRUPT},
	{1, {256, KEY_ROOT, 0}, 216, 4, 0, 0, "btrfs.directories", ERROR_NONE},
	{1, {257, KEY_ROOT, 0}, 216, 4, 0, 0, "btrfs.directories", ERROR_NONE},
	{1, {258, KEY_ROOT_BACKREF, 5}, 0, 8, 256, 0, "btrfs.directories", ERROR_NONE},
	{1, {258, KEY_ROOT_BACKREF, 5}, 16, 2, 7, 0, "btrfs.directories", ERROR_NONE},
	{1, {258, KEY_ROOT_BACKREF, 5}, 18, 1, 'S', 0, "btrfs.directories", ERROR_NONE},
	{1, {258, KEY_ROOT_BACKREF, 5}, 0, 0, 0, -1, "btrfs.directories", ERROR_NONE},
	/* Chunks and the device. */
	{3, CHUNK, 0, 8, 0, 0, NULL, ERROR_CORRUPT},
	{3, CHUNK, 0, 8, 4194305, 0, NULL, ERROR_CORRUPT},
	{3, CHUNK, 0, 8, UINT64_MAX - 4095, 0, NULL, ERROR_CORRUPT},
	{3, CHUNK, 24, 8, 0, 0, NULL, ERROR_CORRUPT},
	{3, CHUNK, 24, 8, 1ull << 40 | 5, 0, NULL, ERROR_UNSUPPORTED},
	{3, CHUNK, 24, 8, 0x35, 0, NULL, ERROR_CORRUPT},
	{3, CHUNK, 44, 2, 0, 0, NULL, ERROR_CORRUPT},
	{3, CHUNK, 44, 2, 2, 0, NULL, ERROR_CORRUPT},
	{3, CHUNK, 0, 0, 0, -10, NULL, ERROR_CORRUPT},
	{3, CHUNK, 48, 8, 9, 0, NULL, ERROR_MISSING},
	{3, CHUNK, 56, 8, 41943040 - 4096, 0, NULL, ERROR_CORRUPT},
	{3, CHUNK, 56, 8, UINT64_MAX - 4095, 0, NULL, ERROR_CORRUPT},
	{3, {BTRFS_FIRST_FREE, KEY_CHUNK, 1048576}, 0, 8, 2097152, 0, NULL, ERROR_CORRUPT},
	{3, CHUNK, 16, 8, 4096, 0, NULL, ERROR_CORRUPT},
	{3, CHUNK, 40, 4, 512, 0, NULL, ERROR_CORRUPT},
	{3, {1, KEY_DEV_ITEM, 1}, 8, 8, 41943040 - 4096, 0, "btrfs.items", ERROR_NONE},
	{3, {1, KEY_DEV_ITEM, 1}, 66, 1, 0, 0, "btrfs.items", ERROR_NONE},
	{3, {1, KEY_DEV_ITEM, 1}, 82, 1, 0, 0, "btrfs.items", ERROR_NONE},
	{3, {1, KEY_DEV_ITEM, 1}, 0, 0, 0, -1, "btrfs.items", ERROR_NONE},
	{4, RUN_OF_DEVICE, 24, 8, 4096, 0, "btrfs.items", ERROR_NONE},
	{4, RUN_OF_DEVICE, 16, 8, 1048576, 0, "btrfs.items", ERROR_NONE},
	{4, RUN_OF_DEVICE, 16, 8, 1048577, 0, "btrfs.items", ERROR_NONE},
	{4, RUN_OF_DEVICE, 0, 0, 0, -1, "btrfs.items", ERROR_NONE},
	/* What is allocated, and checksums. */
	{2, ALLOCATED, 0, 0, 0, -40, "btrfs.extents", ERROR_NONE},
	{7, SUMS, 0, 0, 0, -1, "btrfs.items", ERROR_NONE},
	{7, SUMS, 0, 0, 0, -4, "btrfs.items", ERROR_NONE},
	{7, SUMS, 0, 0, 0, 400, "btrfs.items", ERROR_NONE},
	{2, GROUP, 0, 0, 0, -1, "btrfs.extents", ERROR_NONE},
	{2, GROUP, 0, 8, 4096, 0, "btrfs.extents", ERROR_NONE},
	{2, GROUP, 0, 8, 4194304 + 1, 0, "btrfs.extents", ERROR_NONE},
	{2, GROUP, 8, 8, 255, 0, "btrfs.extents", ERROR_NONE},
	{2, GROUP, 16, 8, 1, 0, "btrfs.extents", ERROR_NONE},
	/* Inodes, entries, references. */
	{5, INODE, 0, 8, 10, 0, "btrfs.items", ERROR_NONE},
	{5, INODE, 8, 8, 10, 0, "btrfs.items", ERROR_NONE},
	{5, INODE, 52, 4, 0644, 0, "btrfs.items", ERROR_NONE},
	{5, INODE, 52, 4, 0130644, 0, "btrfs.items", ERROR_NONE},
	{5, INODE, 64, 8, 1 << 12, 0, "btrfs.items", ERROR_NONE},
	{5, INODE, 64, 8, 1ull << 33, 0, "btrfs.items", ERROR_NONE},
	{5, INODE, 52, 4, 0300644, 0, "btrfs.items", ERROR_NONE},
	{5, {257, KEY_INODE, 0}, 40, 4, 2, 0, "btrfs.items", ERROR_NONE},
	{5, NOCOW, 0, 8, 255, 0, "btrfs.directories", ERROR_NONE},
	{5, NOCOW, 0, 8, UINT64_MAX - 254, 0, "btrfs.directories", ERROR_NONE},
	{5, NOCOW, 9, 8, 1, 0, "btrfs.directories", ERROR_NONE},
	{5, NOCOW, 29, 1, 8, 0, "btrfs.directories", ERROR_NONE},
	{5, NOCOW, 29, 1, 0, 0, "btrfs.directories", ERROR_NONE},
	{5, NOCOW, 29, 1, 9, 0, "btrfs.directories", ERROR_NONE},
	{5, {256, KEY_DIR_INDEX, 8}, 0, 8, 7, 0, "btrfs.directories", ERROR_NONE},
	{5, INODE, 0, 0, 0, -1, "btrfs.items", ERROR_NONE},
	{5, INODE, 16, 8, 1ull << 63, 0, "btrfs.items", ERROR_NONE},
	{5, {267, KEY_INODE, 0}, 16, 8, 65537, 0, "btrfs.items", ERROR_NONE},
	{5, INODE, 40, 4, 2, 0, "btrfs.directories", ERROR_NONE},
	{5, NOCOW, 8, 1, 2, 0, "btrfs.directories", ERROR_NONE},
	{5, NOCOW, 25, 2, 1, 1, "btrfs.directories", ERROR_NONE},
	{5, NOCOW, 29, 1, 1, 0, "btrfs.directories", ERROR_NONE},
	{5, NOCOW, 30, 1, 'x', 0, "btrfs.directories", ERROR_NONE},
	{5, NOCOW, 0, 0, 0, -1, "btrfs.directories", ERROR_NONE},
	{5, NOCOW, 27, 2, 0, -5, "btrfs.directories", ERROR_NONE},
	{5, {256, KEY_DIR_INDEX, 7}, 30, 1, '/', 0, "btrfs.directories", ERROR_NONE},
	{5, {256, KEY_DIR_INDEX, 7}, 30, 1, 0, 0, "btrfs.directories", ERROR_NONE},
	{5, {256, KEY_DIR_INDEX, 2}, 30, 1, '.', 0, "btrfs.directories", ERROR_NONE},
	{5, {256, KEY_DIR_INDEX, 7}, 0, 0, 0, -35, "btrfs.directories", ERROR_NONE},
	{5, {263, KEY_INODE_REF, 257}, 8, 2, 0, 0, "btrfs.directories", ERROR_NONE},
	{5, {263, KEY_INODE_REF, 257}, 8, 2, 9, 0, "btrfs.directories", ERROR_NONE},
	{5, {263, KEY_INODE_REF, 257}, 0, 0, 0, -8, "btrfs.directories", ERROR_NONE},
	{5, {263, KEY_INODE_REF, 257}, 10, 1, 'Z', 0, "btrfs.directories", ERROR_NONE},
	/* Extents of files. */
	{5, EXTENT, 0, 0, 0, -33, "btrfs.extents", ERROR_NONE},
	{5, EXTENT, 0, 0, 0, 1, "btrfs.extents", ERROR_NONE},
	{5, EXTENT, 20, 1, 3, 0, "btrfs.extents", ERROR_NONE},
	{5, EXTENT, 21, 8, 9 * GIB, 0, "btrfs.extents", ERROR_NONE},
	{5, EXTENT, 21, 8, 1052672, 0, "btrfs.extents", ERROR_NONE},
	{5, EXTENT, 21, 8, 9437184 - 4096, 0, "btrfs.extents", ERROR_NONE},
	{5, EXTENT, 21, 8, UINT64_MAX - 4095, 0, "btrfs.extents", ERROR_NONE},
	{5, EXTENT, 29, 8, 0, 0, "btrfs.extents", ERROR_NONE},
	{5, EXTENT, 37, 8, UINT64_MAX - 4095, 0, "btrfs.extents", ERROR_NONE},
	{5, EXTENT, 37, 8, 4096, 0, "btrfs.extents", ERROR_NONE},
	{5, EXTENT, 37, 8, 1, 0, "btrfs.extents", ERROR_NONE},
	{5, EXTENT, 45, 8, 0, 0, "btrfs.extents", ERROR_NONE},
	{5, EXTENT, 8, 8, 4097, 0, "btrfs.extents", ERROR_NONE},
	{5, {261, KEY_EXTENT_DATA, 0}, 8, 8, 262144, 0, "btrfs.extents", ERROR_NONE},
	{5, {261, KEY_EXTENT_DATA, 0}, 29, 8, 262144, 0, "btrfs.extents", ERROR_NONE},
	{5, {261, KEY_EXTENT_DATA, 0}, 45, 8, 262144, 0, "btrfs.extents", ERROR_NONE},
	{5, {262, KEY_EXTENT_DATA, 0}, 8, 8, 4097, 0, "btrfs.extents", ERROR_NONE},
	{5, {262, KEY_EXTENT_DATA, 0}, 8, 8, 4, 0, "btrfs.extents", ERROR_NONE},
};

static void change(const struct change *c)
{
	leaf_of(&im, c->tree, c->key, &tree);
	struct item *it = item_of(&tree, c->key);
	if (!it) {
		fprintf(stderr, "no item %llu %u %llu\n", (unsigned long long)c->key.objectid, c->key.type,
			(unsigned long long)c->key.offset);
		NEED(it);
	}
	if (c->size > 0)
		memset(it->data + it->size, 0, (size_t)c->size);
	put_le(it->data + c->at, c->value, c->bytes);
	it->size = (uint32_t)((int)it->size + c->size);
	leaf_store(&tree);
}

static void test_changes(void)
{
	for (size_t n = 0; n < ARRAY_SIZE(changes); n++) {
		int before = test_bad_here;
		change(&changes[n]);
		told_at(__LINE__, changes[n].check,
			changes[n].cls == ERROR_UNSUPPORTED ? OUTCOME_UNSUPPORTED : OUTCOME_BROKEN, changes[n].cls);
		if (test_bad_here != before)
			fprintf(stderr, "change %zu\n", n);
	}
	const struct change packed = {5, EXTENT, 16, 1, 4, 0, NULL, 0}, secret = {5, EXTENT, 17, 1, 1, 0, NULL, 0},
			    coded = {5, EXTENT, 18, 2, 1, 0, NULL, 0};
	change(&packed);
	told_at(__LINE__, "btrfs.extents", OUTCOME_UNSUPPORTED, ERROR_NONE);
	change(&secret);
	told_at(__LINE__, "btrfs.extents", OUTCOME_UNSUPPORTED, ERROR_NONE);
	change(&coded);
	told_at(__LINE__, "btrfs.extents", OUTCOME_UNSUPPORTED, ERROR_NONE);
}

/* The same item under another key; 0 in `to`: taken away. */
static void test_keys(void)
{
	static const struct {
		uint64_t tree;
		struct btrfs_key from, to;
		const char *check;
		enum error_class cls;
	} moves[] = {
		{1, {2, KEY_ROOT, 0}, {0, 0, 0}, NULL, ERROR_CORRUPT},
		{1, {5, KEY_ROOT, 0}, {0, 0, 0}, NULL, ERROR_CORRUPT},
		{1, {5, KEY_ROOT_REF, 258}, {5, KEY_ROOT_REF, 300}, NULL, ERROR_CORRUPT},
		{1, {256, KEY_ROOT_REF, 257}, {256, KEY_ROOT_REF, 258}, NULL, ERROR_CORRUPT},
		{3, CHUNK, {0, 0, 0}, NULL, ERROR_CORRUPT},
		{3, CHUNK, {BTRFS_FIRST_FREE, KEY_CHUNK, 5242880 - 4096}, NULL, ERROR_CORRUPT},
		{3, {BTRFS_FIRST_FREE, KEY_CHUNK, 1048576}, {BTRFS_FIRST_FREE, KEY_CHUNK, 1048576 - 4096}, NULL,
		 ERROR_CORRUPT},
		{3, CHUNK, {BTRFS_FIRST_FREE, KEY_CHUNK, 5242881}, NULL, ERROR_CORRUPT},
		{3, CHUNK, {BTRFS_FIRST_FREE, KEY_CHUNK, UINT64_MAX - 4095}, NULL, ERROR_CORRUPT},
		{3, {1, KEY_DEV_ITEM, 1}, {0, 0, 0}, "btrfs.items", 0},
		{3, {1, KEY_DEV_ITEM, 1}, {1, KEY_DEV_ITEM, 2}, "btrfs.items", 0},
		{4, RUN_OF_DEVICE, {2, KEY_DEV_EXTENT, 5242880}, "btrfs.items", 0},
		{4, RUN_OF_DEVICE, {1, KEY_DEV_EXTENT, 5242880 + 4096}, "btrfs.items", 0},
		{4, RUN_OF_DEVICE, {0, 0, 0}, "btrfs.items", 0},
		{2, ALLOCATED, {0, 0, 0}, "btrfs.extents", 0},
		{2, ALLOCATED, {5271552, KEY_EXTENT, 16384}, "btrfs.extents", 0},
		{2, ALLOCATED, {5271552, KEY_EXTENT, 0}, "btrfs.extents", 0},
		{2, ALLOCATED, {5271553, KEY_EXTENT, 4096}, "btrfs.extents", 0},
		{2, ALLOCATED, {9 * GIB, KEY_EXTENT, 4096}, "btrfs.extents", 0},
		{2, ALLOCATED, {9437184 - 4096, KEY_EXTENT, 8192}, "btrfs.extents", 0},
		{2, GROUP, {0, 0, 0}, "btrfs.extents", 0},
		{2, GROUP, {5242880, KEY_BLOCK_GROUP, 4194304 - 4096}, "btrfs.extents", 0},
		{2, GROUP, {5242880 + 4096, KEY_BLOCK_GROUP, 4194304}, "btrfs.extents", 0},
		{2, GROUP, {9 * GIB, KEY_BLOCK_GROUP, 4194304}, "btrfs.extents", 0},
		{1, {5, KEY_ROOT_REF, 258}, {0, 0, 0}, "btrfs.directories", 0},
		{1, {258, KEY_ROOT_BACKREF, 5}, {0, 0, 0}, "btrfs.directories", 0},
		{257, {257, KEY_INODE, 0}, {255, KEY_INODE, 0}, "btrfs.items", 0},
		{257, {257, KEY_INODE, 0}, {UINT64_MAX - 254, KEY_INODE, 0}, "btrfs.items", 0},
		{7, SUMS, {CS, KEY_CSUM, 5271553}, "btrfs.items", 0},
		{7, SUMS, {CS, KEY_CSUM, 9 * GIB}, "btrfs.items", 0},
		{7, SUMS, {CS, KEY_CSUM, 4096}, "btrfs.items", 0},
		{5, INODE, {263, KEY_INODE, 1}, "btrfs.items", 0},
		{5, INODE, {0, 0, 0}, "btrfs.directories", 0},
		{5, NOCOW, {256, KEY_DIR_ITEM, 1713006342}, "btrfs.directories", 0},
		{5, NOCOW, {0, 0, 0}, "btrfs.directories", 0},
		{5, {256, KEY_DIR_INDEX, 7}, {256, KEY_DIR_INDEX, 77}, "btrfs.directories", 0},
		{5, EXTENT, {260, KEY_EXTENT_DATA, 100}, "btrfs.extents", 0},
		{5, EXTENT, {260, KEY_EXTENT_DATA, UINT64_MAX - 4095}, "btrfs.extents", 0},
		{5, {261, KEY_EXTENT_DATA, 131072}, {261, KEY_EXTENT_DATA, 126976}, "btrfs.extents", 0},
		{5, {262, KEY_EXTENT_DATA, 0}, {262, KEY_EXTENT_DATA, 4096}, "btrfs.extents", 0},
	};
	for (size_t n = 0; n < ARRAY_SIZE(moves); n++) {
		int before = test_bad_here;
		leaf_of(&im, moves[n].tree, moves[n].from, &tree);
		struct item *it = item_of(&tree, moves[n].from);
		NEED(it);
		struct item was = *it;
		drop_item(&tree, was.key);
		if (moves[n].to.type)
			put_item(&tree, moves[n].to, was.data, was.size);
		leaf_store(&tree);
		told_at(__LINE__, moves[n].check, OUTCOME_BROKEN, moves[n].cls);
		if (test_bad_here != before)
			fprintf(stderr, "move %zu\n", n);
	}
}

/* Striped over two: one of two devices is not enough; all on one is not read. */
static void test_stripes(void)
{
	static const struct {
		uint64_t type, devices;
		enum error_class cls;
	} kinds[] = {{0x0d, 1, ERROR_UNSUPPORTED}, {0x0d, 2, ERROR_MISSING}, {0x45, 2, ERROR_MISSING},
		     {0x85, 2, ERROR_UNSUPPORTED}, {0x105, 3, ERROR_UNSUPPORTED}};
	const struct btrfs_key key = CHUNK;
	for (size_t n = 0; n < ARRAY_SIZE(kinds); n++) {
		set_super(&im, 0x88, kinds[n].devices, 8);
		leaf_of(&im, BTRFS_CHUNK_TREE, key, &tree);
		struct item *it = item_of(&tree, key);
		memcpy(it->data + 80, it->data + 48, 32);
		put_le(it->data + 24, kinds[n].type, 8);
		put_le(it->data + 44, 2, 2);
		it->size += 32;
		leaf_store(&tree);
		told_at(__LINE__, NULL, kinds[n].cls == ERROR_UNSUPPORTED ? OUTCOME_UNSUPPORTED : OUTCOME_BROKEN,
			kinds[n].cls);
	}
	/* More copies than its profile has, or fewer. */
	for (uint64_t k = 0; k < 7; k++) {
		static const uint64_t types[] = {0x25, 0x25, 0x15, 0x15, 0x205, 0x405, 0x05};
		static const unsigned counts[] = {1, 6, 1, 3, 2, 5, 2};
		leaf_of(&im, BTRFS_CHUNK_TREE, key, &tree);
		struct item *it = item_of(&tree, key);
		for (unsigned n = 1; n < counts[k]; n++)
			memcpy(it->data + 48 + 32 * n, it->data + 48, 32);
		put_le(it->data + 24, types[k], 8);
		put_le(it->data + 44, counts[k], 2);
		it->size += (counts[k] - 1) * 32;
		leaf_store(&tree);
		told_at(__LINE__, NULL, OUTCOME_BROKEN, ERROR_CORRUPT);
	}
}

static void test_superblock(void)
{
	static const struct {
		unsigned at, bytes;
		uint64_t value;
		const char *check;
		enum outcome outcome;
		enum error_class cls;
	} fields[] = {
		/* Features: those of which nothing is known, and those that one need not know to read it. */
		{0xbc, 8, 1ull << 15, NULL, OUTCOME_UNSUPPORTED, ERROR_UNSUPPORTED},
		{0xbc, 8, 1ull << 60, NULL, OUTCOME_UNSUPPORTED, ERROR_UNSUPPORTED},
		{0xb4, 8, 1ull << 4, "btrfs.features", OUTCOME_UNSUPPORTED, 0},
		{0xb4, 8, 1ull << 63 | 3, "btrfs.features", OUTCOME_UNSUPPORTED, 0},
		/* Sizes: of the file system, of its device, of what is used. */
		{0x70, 8, 41943040 + 4096, "btrfs.size", OUTCOME_BROKEN, 0},
		{0x70, 8, UINT64_MAX, "btrfs.size", OUTCOME_BROKEN, 0},
		{0x70, 8, 41943040 - 4096, NULL, OUTCOME_BROKEN, ERROR_CORRUPT},
		{0x78, 8, 41943041, NULL, OUTCOME_BROKEN, ERROR_CORRUPT},
		{0x78, 8, 4096, "btrfs.extents", OUTCOME_BROKEN, 0},
		{0xc9 + 8, 8, 20 * MIB, "btrfs.size", OUTCOME_BROKEN, 0},
		{0x90, 4, 512, NULL, OUTCOME_BROKEN, ERROR_CORRUPT},
		{0x90, 4, 5000, NULL, OUTCOME_BROKEN, ERROR_CORRUPT},
		{0x90, 4, 131072, NULL, OUTCOME_BROKEN, ERROR_CORRUPT},
		{0x90, 4, 8192, NULL, OUTCOME_BROKEN, ERROR_CORRUPT},
		{0x94, 4, 131072, NULL, OUTCOME_BROKEN, ERROR_CORRUPT},
		{0x94, 4, 6000, NULL, OUTCOME_BROKEN, ERROR_CORRUPT},
		{0x98, 4, 16384, NULL, OUTCOME_BROKEN, ERROR_CORRUPT},
		{0x88, 8, 0, NULL, OUTCOME_BROKEN, ERROR_CORRUPT},
		{0xc6, 1, 8, NULL, OUTCOME_BROKEN, ERROR_CORRUPT},
		{0xc7, 1, 8, NULL, OUTCOME_BROKEN, ERROR_CORRUPT},
		{0xc8, 1, 8, NULL, OUTCOME_BROKEN, ERROR_CORRUPT},
		{0xa4, 8, 99, NULL, OUTCOME_BROKEN, ERROR_CORRUPT},
		{0xa0, 4, 2049, NULL, OUTCOME_BROKEN, ERROR_CORRUPT},
		{0xa0, 4, 60, NULL, OUTCOME_BROKEN, ERROR_CORRUPT},
		{0xa0, 4, 0, NULL, OUTCOME_BROKEN, ERROR_CORRUPT},
		{0x32b + 8, 1, 1, NULL, OUTCOME_BROKEN, ERROR_CORRUPT},
		{0xc9 + 82, 1, 0, NULL, OUTCOME_BROKEN, ERROR_CORRUPT}, /* the device is another's */
		{0xc9 + 66, 1, 0, "btrfs.items", OUTCOME_BROKEN, 0},
		{0x48, 8, 3, NULL, OUTCOME_BROKEN, ERROR_CORRUPT},
		{0x50, 8, 5242880 + 1024 * 4096, NULL, OUTCOME_BROKEN, ERROR_CORRUPT},
		{0x58, 8, 4096, NULL, OUTCOME_BROKEN, ERROR_CORRUPT},
		{0x30, 8, 64 * MIB, NULL, OUTCOME_BROKEN, ERROR_CORRUPT},
		{0xc4, 2, 9, NULL, OUTCOME_BROKEN, ERROR_CORRUPT},
	};
	for (size_t n = 0; n < ARRAY_SIZE(fields); n++) {
		int before = test_bad_here;
		set_super(&im, fields[n].at, fields[n].value, fields[n].bytes);
		told_at(__LINE__, fields[n].check, fields[n].outcome, fields[n].cls);
		if (test_bad_here != before)
			fprintf(stderr, "field %zu\n", n);
	}
	/* One device of several says nothing of the sizes of all. */
	struct seen s;
	set_super(&im, 0x70, 80 * MIB, 8);
	set_super(&im, 0x88, 2, 8);
	look(&im, im.len, &s);
	CHECK(s.fs && !has(&s, "btrfs.size", OUTCOME_BROKEN));
	drop(&s);
	undo(&im);
}

int main(void)
{
	im = load("plain");
	RUN(test_changes);
	RUN(test_keys);
	RUN(test_stripes);
	RUN(test_superblock);
	drop_image(&im);
	return test_done();
}
