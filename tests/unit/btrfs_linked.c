// SPDX-License-Identifier: GPL-3.0-or-later
/* Subvolumes of btrfs and where they are linked: what is said three times, and what is deleted. */
#include "btrfs_edit.h"

static struct image im;
static struct leaf tree;

/* check NULL: all is well. */
static void told_at(int line, const char *check)
{
	struct seen s;
	look(&im, im.len, &s);
	if (check ? !s.fs || !has(&s, check, OUTCOME_BROKEN) : structure(&s) != OUTCOME_HELD) {
		test_bad_here++;
		fprintf(stderr, "%s:%d: not told\n", __FILE__, line);
		dump(&s);
	}
	drop(&s);
	undo(&im);
}
#define TOLD(check) told_at(__LINE__, check)

static void root_field(uint64_t id, uint64_t offset, unsigned at, uint64_t value, unsigned bytes)
{
	const struct btrfs_key key = {id, KEY_ROOT, offset};
	leaf_of(&im, BTRFS_ROOT_TREE, key, &tree);
	NEED(item_of(&tree, key));
	put_le(item_of(&tree, key)->data + at, value, bytes);
	leaf_store(&tree);
}
static void drop_from(uint64_t id, struct btrfs_key key)
{
	leaf_of(&im, id, key, &tree);
	drop_item(&tree, key);
	leaf_store(&tree);
}

static void test_entries(void)
{
	const struct btrfs_key index = {256, KEY_DIR_INDEX, 8}, name = name_key(256, KEY_DIR_ITEM, "@");
	drop_from(BTRFS_FS_TREE, index); /* nothing in the directory leads to it */
	drop_from(BTRFS_FS_TREE, name);
	TOLD("btrfs.directories");
	leaf_of(&im, BTRFS_FS_TREE, index, &tree); /* or to another of that name */
	put_le(item_of(&tree, index)->data, 257, 8);
	put_le(item_of(&tree, name)->data, 257, 8);
	leaf_store(&tree);
	TOLD("btrfs.directories");
	leaf_of(&im, BTRFS_FS_TREE, name, &tree); /* it can't be read */
	item_of(&tree, name)->size--;
	leaf_store(&tree);
	TOLD("btrfs.directories");
}

static void test_deleted(void)
{
	const struct btrfs_key entry = {6, KEY_DIR_ITEM, 2378154706}, run = {5271552, KEY_EXTENT, 4096};
	struct seen s;
	leaf_of(&im, BTRFS_ROOT_TREE, entry, &tree); /* the default */
	put_le(item_of(&tree, entry)->data, 257, 8);
	leaf_store(&tree);
	root_field(257, 0, 216, 0, 4);
	look(&im, im.len, &s);
	CHECK(!s.fs && s.e.cls == ERROR_CORRUPT);
	drop(&s);
	undo(&im);
	leaf_of(&im, BTRFS_ROOT_TREE, entry, &tree); /* the top level, where that is not the default */
	put_le(item_of(&tree, entry)->data, 256, 8);
	leaf_store(&tree);
	root_field(5, 0, 216, 0, 4);
	look(&im, im.len, &s);
	CHECK(!s.fs && s.e.cls == ERROR_CORRUPT);
	drop(&s);
	undo(&im);
	/* What is no subvolume is looked at, however often it is in use. */
	root_field(2, 0, 216, 0, 4);
	TOLD(NULL);
	root_field(2, 0, 216, 0, 4);
	leaf_of(&im, BTRFS_EXTENT_TREE, run, &tree);
	item_of(&tree, run)->size = 13;
	leaf_store(&tree);
	TOLD("btrfs.extents");
	/* Linked no more: what is left of it is not looked at. */
	root_field(258, 7, 216, 0, 4);
	root_field(258, 7, 176, 9437184 - 4096, 8);
	drop_from(BTRFS_ROOT_TREE, key_of(258, KEY_ROOT_BACKREF, 5));
	drop_from(BTRFS_ROOT_TREE, key_of(5, KEY_ROOT_REF, 258));
	TOLD(NULL);
}

/* Roots as they are seldom: of old kernels; of a relocation that was cut off. */
static void test_roots(void)
{
	const struct btrfs_key old = {257, KEY_ROOT, 0}, top = {5, KEY_ROOT, 0};
	const uint64_t place = 5611520;
	leaf_of(&im, BTRFS_ROOT_TREE, old, &tree);
	item_of(&tree, old)->size = 239;
	leaf_store(&tree);
	TOLD(NULL);
	for (int damaged = 0; damaged < 2; damaged++) {
		leaf_of(&im, BTRFS_ROOT_TREE, top, &tree);
		struct item root = *item_of(&tree, top);
		keep(&im, place);
		memcpy(im.data + place, im.data + get_le64(root.data + 176), 4096);
		put_le(im.data + place + 0x30, place, 8);
		put_le(im.data + place + 0x58, BTRFS_RELOC_TREE, 8);
		resum(&im, place, 4096);
		im.data[place + 4000] ^= (uint8_t)damaged;
		put_le(root.data + 176, place, 8);
		/* Room for it: an item of the old size does. */
		leaf_of(&im, BTRFS_ROOT_TREE, old, &tree);
		put_item(&tree, key_of(BTRFS_RELOC_TREE, KEY_ROOT, 5), root.data, 239);
		leaf_store(&tree);
		TOLD(damaged ? "btrfs.nodes" : NULL);
	}
}

/* Each below the other: they have no path, and the search for one ends. */
static int count_subvolume(void *ctx, const struct fs_subvolume *s, struct error *e)
{
	struct text *t = ctx;
	(void)e;
	text_printf(t, "%llu ", (unsigned long long)s->id);
	return 0;
}
static void test_ring(void)
{
	const struct btrfs_key down = {5, KEY_ROOT_REF, 256};
	struct text t = {0};
	struct seen s;
	struct fs_entry it;
	leaf_of(&im, BTRFS_ROOT_TREE, down, &tree);
	struct item link = *item_of(&tree, down);
	put_le(link.data, 257, 8);
	drop_item(&tree, down);
	leaf_store(&tree);
	leaf_of(&im, BTRFS_ROOT_TREE, key_of(257, KEY_ROOT_REF, 256), &tree);
	put_item(&tree, key_of(257, KEY_ROOT_REF, 256), link.data, link.size);
	leaf_store(&tree);
	/* In their own top directories, so that no directory stands between. */
	leaf_of(&im, BTRFS_ROOT_TREE, key_of(257, KEY_ROOT_REF, 256), &tree);
	put_le(item_of(&tree, key_of(257, KEY_ROOT_REF, 256))->data, 256, 8);
	leaf_store(&tree);
	look(&im, im.len, &s);
	NEED(s.fs);
	CHECK(has(&s, "btrfs.directories", OUTCOME_BROKEN));
	CHECK_INT(fs_subvolumes(s.fs, count_subvolume, &t, &s.e), 0);
	CHECK_STR(text_str(&t), "5 258 ");
	text_free(&t);
	/* The entry at the top stays, and is an empty place now. */
	CHECK(fs_lookup(s.fs, "@", true, &it, &s.e) == 1 && it.type == ENTRY_DIR && it.links == 1);
	CHECK(fs_lookup(s.fs, "@/etc", true, &it, &s.e) == 0);
	drop(&s);
	undo(&im);
}

/* An entry leads to where no subvolume is, or to one that is linked under another name or elsewhere. */
static void test_follow(void)
{
	const struct btrfs_key down = {5, KEY_ROOT_REF, 258};
	static const struct {
		unsigned at, bytes;
		uint64_t value;
	} other[] = {{0, 8, 256}, {18, 1, 'S'}, {0, 8, 258}};
	struct fs_entry it;
	struct seen s;
	for (size_t n = 0; n < ARRAY_SIZE(other); n++) {
		leaf_of(&im, BTRFS_ROOT_TREE, down, &tree);
		put_le(item_of(&tree, down)->data + other[n].at, other[n].value, other[n].bytes);
		leaf_store(&tree);
		look(&im, im.len, &s);
		NEED(s.fs && has(&s, "btrfs.directories", OUTCOME_BROKEN));
		CHECK(fs_lookup(s.fs, "a/snapshot", true, &it, &s.e) == 1 && it.links == 1);
		CHECK(fs_lookup(s.fs, "a/snapshot/etc", true, &it, &s.e) == 0);
		drop(&s);
		undo(&im);
	}
	leaf_of(&im, BTRFS_ROOT_TREE, down, &tree); /* a name of another length */
	struct item *it2 = item_of(&tree, down);
	put_le(it2->data + 16, 7, 2);
	it2->size--;
	leaf_store(&tree);
	look(&im, im.len, &s);
	CHECK(s.fs && fs_lookup(s.fs, "a/snapshot/etc", true, &it, &s.e) == 0);
	drop(&s);
	undo(&im);
	const struct btrfs_key index = {256, KEY_DIR_INDEX, 8}, name = name_key(256, KEY_DIR_ITEM, "@");
	leaf_of(&im, BTRFS_FS_TREE, index, &tree); /* to one that is not there: as in snapshots of what is deleted since */
	put_le(item_of(&tree, index)->data, 900, 8);
	put_le(item_of(&tree, name)->data, 900, 8);
	leaf_store(&tree);
	look(&im, im.len, &s);
	CHECK(s.fs && fs_lookup(s.fs, "@", true, &it, &s.e) == 1 && it.links == 1 && it.type == ENTRY_DIR);
	drop(&s);
	undo(&im);
	/* Its top directory is not there: whoever opens it is told. */
	root_field(257, 0, 168, 9999, 8);
	look(&im, im.len, &s);
	struct fs *sub = fs_open_subvolume(s.fs, NULL, 257, &s.e);
	CHECK(sub && fs_lookup(sub, "file", true, &it, &s.e) < 0 && s.e.cls == ERROR_CORRUPT);
	fs_destroy(sub);
	drop(&s);
	undo(&im);
}

int main(void)
{
	im = load("plain");
	RUN(test_entries);
	RUN(test_deleted);
	RUN(test_roots);
	RUN(test_ring);
	RUN(test_follow);
	drop_image(&im);
	return test_done();
}
