// SPDX-License-Identifier: GPL-3.0-or-later
/* The log of btrfs: names, as ranges of directories and entries say them. */
#include "btrfs_log_help.h"

static void test_ranges(void)
{
	begin(); /* what the log speaks for and does not have is gone */
	log_inode(DIR, MODE_DIR, 1, 0, 9);
	log_range(DIR, 2, 3);
	log_entry(DIR, 3, NEW2, "new2");
	REPLAYED();
	CHECK(!at("dir/new1") && at("dir/new2") == NEW2 && at("dir/new3") == NEW3);
	done();
	begin(); /* another name at an index of it, of the same length and of another */
	log_inode(DIR, MODE_DIR, 1, 0, 9);
	log_range(DIR, 2, 3);
	log_entry(DIR, 2, OLD3, "newX");
	log_entry(DIR, 3, OLD4, "longer");
	REPLAYED();
	CHECK(!at("dir/new1") && !at("dir/new2") && at("dir/newX") == OLD3 && at("dir/longer") == OLD4);
	CHECK(links("old3") == 2 && links("old4") == 2);
	done();
	begin(); /* an entry at the very last index */
	log_inode(DIR, MODE_DIR, 1, 0, 9);
	log_range(DIR, 3, UINT64_MAX);
	in_tree(DIR, KEY_DIR_INDEX, 4);
	put_item(&tree, key_of(DIR, KEY_DIR_INDEX, UINT64_MAX), buf, make_entry(buf, NEW3, 1, "new3", ""));
	drop_item(&tree, key_of(DIR, KEY_DIR_INDEX, 4));
	put_le(item_of(&tree, key_of(NEW3, KEY_INODE_REF, DIR))->data, UINT64_MAX, 8);
	leaf_store(&tree);
	REPLAYED();
	CHECK(at("dir/new1") == NEW1 && !at("dir/new2") && !at("dir/new3") && !at("dir/moved"));
	done();
	begin(); /* up to the last index, and of two directories; what loses its last name loses its entries */
	log_inode(ROOT, MODE_DIR, 1, 0, 9);
	log_range(ROOT, 8, UINT64_MAX);
	log_inode(DIR, MODE_DIR, 1, 0, 9);
	log_range(DIR, 6, 100);
	REPLAYED();
	CHECK(!at("dir") && !at("data") && at("old6") == OLD6 && links("old1") == 1);
	done();
	begin(); /* of a directory that is not there */
	log_range(DIR + 900, 1, 2);
	log_inode(DIR + 900, MODE_DIR, 1, 0, 9);
	REPLAYED();
	CHECK(at("dir/new1") == NEW1);
	done();
	begin(); /* never linked: nothing of it counts */
	log_inode(DIR, MODE_DIR, 0, 0, 9);
	log_range(DIR, 2, 100);
	REPLAYED();
	CHECK(at("dir/new1") == NEW1);
	done();
	begin();
	log_inode(DIR, MODE_DIR, 1, 0, 9);
	put_item(&logged, key_of(DIR, KEY_LOG_INDEX, 2), buf, 7);
	REFUSED();
	begin(); /* an entry of the same index in the log that is cut */
	log_inode(DIR, MODE_DIR, 1, 0, 9);
	log_range(DIR, 2, 3);
	put_item(&logged, key_of(DIR, KEY_DIR_INDEX, 2), buf, 29);
	REFUSED();
	begin(); /* what is deleted is a subvolume, or has no reference, or a name too long */
	log_inode(DIR, MODE_DIR, 1, 0, 9);
	log_range(DIR, 2, 3);
	in_tree(DIR, KEY_DIR_INDEX, 2);
	item_of(&tree, key_of(DIR, KEY_DIR_INDEX, 2))->data[8] = KEY_ROOT;
	leaf_store(&tree);
	REFUSED();
	begin();
	log_inode(DIR, MODE_DIR, 1, 0, 9);
	log_range(DIR, 2, 3);
	in_tree(NEW1, KEY_INODE_REF, DIR);
	drop_item(&tree, key_of(NEW1, KEY_INODE_REF, DIR));
	leaf_store(&tree);
	REFUSED();
	begin();
	log_inode(DIR, MODE_DIR, 1, 0, 9);
	log_range(DIR, 2, 3);
	in_tree(DIR, KEY_DIR_INDEX, 2);
	memset(buf, 'n', 400);
	memcpy(buf, item_of(&tree, key_of(DIR, KEY_DIR_INDEX, 2))->data, 30);
	put_le(buf + 27, 300, 2);
	put_item(&tree, key_of(DIR, KEY_DIR_INDEX, 2), buf, 330);
	leaf_store(&tree);
	REFUSED();
	begin();
	log_inode(DIR, MODE_DIR, 1, 0, 9);
	log_range(DIR, 2, 3);
	in_tree(DIR, KEY_DIR_INDEX, 2);
	item_of(&tree, key_of(DIR, KEY_DIR_INDEX, 2))->size = 20;
	leaf_store(&tree);
	REFUSED();
}

static void test_entries(void)
{
	begin(); /* one more name; one of an inode that is not there; one that is there already */
	log_inode(DIR, MODE_DIR, 1, 0, 9);
	log_entry(DIR, 20, OLD3, "added");
	log_entry(DIR, 21, 5000, "nothing");
	log_entry(DIR, 2, NEW1, "new1");
	REPLAYED();
	CHECK(at("dir/added") == OLD3 && links("old3") == 2 && !at("dir/nothing") && at("dir/new1") == NEW1);
	done();
	begin(); /* a name that another has */
	log_inode(ROOT, MODE_DIR, 1, 0, 9);
	log_entry(ROOT, 30, OLD4, "old3");
	REPLAYED();
	CHECK(at("old3") == OLD4 && at("old4") == OLD4 && links("old4") == 2);
	done();
	begin(); /* the name is there, the index is another's: only what is missing is put */
	log_inode(ROOT, MODE_DIR, 1, 0, 9);
	log_entry(ROOT, 4, OLD4, "old3");
	REPLAYED();
	CHECK(at("old3") == OLD4);
	done();
	begin(); /* there already, at another index or of another type; twice in a row of one inode */
	log_inode(OLD3, MODE_FILE, 1, 6, 9);
	log_entry(DIR, 20, NEW1, "new1");
	log_entry(DIR, 21, OLD3, "added");
	log_entry(DIR, 3, NEW2, "new2");
	item_of(&logged, key_of(DIR, KEY_DIR_INDEX, 3))->data[29] = 7;
	REPLAYED();
	CHECK(at("dir/new1") == NEW1 && at("dir/new2") == NEW2 && links("old3") == 2);
	done();
	begin(); /* names of one hash share an item */
	log_inode(DIR, MODE_DIR, 1, 0, 9);
	log_entry(DIR, 20, OLD3, SAME_1);
	log_entry(DIR, 21, OLD4, SAME_2);
	REPLAYED();
	CHECK(at("dir/" SAME_1) == OLD3 && at("dir/" SAME_2) == OLD4 && !at("dir/abcdefg"));
	done();
	for (int which = 0; which < 2; which++) { /* one of two goes, the other takes its inode */
		begin();
		log_inode(DIR, MODE_DIR, 1, 0, 9);
		log_range(DIR, 20, 21);
		log_entry(DIR, 20, OLD3, SAME_1);
		if (which)
			log_entry(DIR, 21, OLD5, SAME_2);
		in_tree(DIR, KEY_DIR_INDEX, 20);
		size_t n = make_entry(buf, OLD3, 1, SAME_1, "");
		put_item(&tree, key_of(DIR, KEY_DIR_INDEX, 20), buf, n);
		n += make_entry(buf + n, OLD4, 1, SAME_2, "");
		put_item(&tree, name_key(DIR, KEY_DIR_ITEM, SAME_2), buf, n);
		n = make_entry(buf, OLD4, 1, SAME_2, "");
		put_item(&tree, key_of(DIR, KEY_DIR_INDEX, 21), buf, n);
		put_item(&tree, key_of(OLD3, KEY_INODE_REF, DIR), buf, make_ref(buf, 20, SAME_1));
		put_item(&tree, key_of(OLD4, KEY_INODE_REF, DIR), buf, make_ref(buf, 21, SAME_2));
		put_le(item_of(&tree, key_of(OLD3, KEY_INODE, 0))->data + 40, 2, 4);
		put_le(item_of(&tree, key_of(OLD4, KEY_INODE, 0))->data + 40, 2, 4);
		leaf_store(&tree);
		REPLAYED();
		CHECK(at("dir/" SAME_1) == OLD3 && at("dir/" SAME_2) == (which ? OLD5 : 0));
		CHECK(links("old3") == 2 && links("old4") == 1 && links("old5") == 1 + (unsigned)which);
		done();
	}
	begin(); /* to an inode that is gone: the old one stays */
	log_inode(ROOT, MODE_DIR, 1, 0, 9);
	log_entry(ROOT, 4, 5000, "old3");
	REPLAYED();
	CHECK(at("old3") == OLD3);
	done();
	static const struct {
		uint64_t dir, ino;
		const char *name;
		uint8_t type, cut;
	} bad[] = {
		{DIR, OLD3, "added", KEY_ROOT, 0}, {DIR, OLD3, "a/b", KEY_INODE, 0}, {DIR, OLD3, "..", KEY_INODE, 0},
		{DIR, OLD3, ".", KEY_INODE, 0},    {DIR, OLD3, "added", KEY_INODE, 1}, {DIR, OLD3, "", KEY_INODE, 0},
		{5000, OLD3, "added", KEY_INODE, 0},
	};
	for (size_t n = 0; n < ARRAY_SIZE(bad); n++) {
		begin();
		log_entry(bad[n].dir, 20, bad[n].ino, bad[n].name);
		struct item *it = item_of(&logged, key_of(bad[n].dir, KEY_DIR_INDEX, 20));
		it->data[8] = bad[n].type;
		it->size -= bad[n].cut;
		REFUSED();
	}
	/* In the way: a subvolume, by name or by index; an item that is cut. */
	for (int how = 0; how < 4; how++) {
		struct btrfs_key key = how & 1 ? key_of(ROOT, KEY_DIR_INDEX, 4) : name_key(ROOT, KEY_DIR_ITEM, "old3");
		begin();
		log_entry(ROOT, 4, OLD4, "old3");
		in_tree(ROOT, key.type, key.offset);
		struct item *it = item_of(&tree, key);
		NEED(it);
		if (how < 2)
			it->data[8] = KEY_ROOT;
		else
			it->size--;
		if (how & 1)
			drop_item(&tree, name_key(ROOT, KEY_DIR_ITEM, "old3"));
		leaf_store(&tree);
		REFUSED();
	}
}

int main(void)
{
	im = load("log");
	RUN(test_ranges);
	RUN(test_entries);
	drop_image(&im);
	return test_done();
}
