// SPDX-License-Identifier: GPL-3.0-or-later
/* The log of btrfs: references of inodes, and what they take the place of. */
#include "btrfs_log_help.h"

static void test_references(void)
{
	begin(); /* a second name in the same item, and one in the other kind of item */
	log_inode(OLD3, MODE_FILE, 3, 6, 9);
	size_t n = make_ref(buf, 4, "old3");
	put_item(&logged, key_of(OLD3, KEY_INODE_REF, ROOT), buf, n + make_ref(buf + n, 31, "more"));
	put_item(&logged, btrfs_extref_key(OLD3, DIR, "far", 3), buf, make_extref(buf, DIR, 32, "far"));
	REPLAYED();
	CHECK(at("old3") == OLD3 && at("more") == OLD3 && at("dir/far") == OLD3 && links("more") == 3);
	done();
	begin(); /* moved: the old name has gone with the reference */
	log_inode(OLD3, MODE_FILE, 1, 6, 9);
	log_ref(OLD3, ROOT, 33, "renamed");
	REPLAYED();
	CHECK(!at("old3") && at("renamed") == OLD3 && links("renamed") == 1);
	done();
	begin(); /* over another of that name */
	log_inode(OLD3, MODE_FILE, 1, 6, 9);
	log_ref(OLD3, ROOT, 33, "old5");
	REPLAYED();
	CHECK(at("old5") == OLD3 && !at("old3"));
	done();
	begin(); /* at the index of another name: that would be lost without a word */
	log_inode(OLD3, MODE_FILE, 1, 6, 9);
	log_ref(OLD3, ROOT, 5, "new");
	REFUSED();
	begin();
	log_inode(ROOT, MODE_DIR, 1, 0, 9);
	log_entry(ROOT, 5, OLD3, "new");
	REFUSED();
	begin(); /* the old reference is of the other kind: both ways */
	log_inode(OLD3, MODE_FILE, 2, 6, 9);
	log_ref(OLD3, ROOT, 4, "old3");
	put_item(&logged, btrfs_extref_key(OLD3, ROOT, "far", 3), buf, make_extref(buf, ROOT, 40, "far"));
	in_tree(OLD3, KEY_EXTREF, 0);
	n = make_extref(buf, ROOT, 40, "far");
	put_item(&tree, btrfs_extref_key(OLD3, ROOT, "far", 3), buf, n);
	leaf_store(&tree);
	in_tree(ROOT, KEY_DIR_INDEX, 40);
	n = make_entry(buf, OLD3, 1, "far", "");
	put_item(&tree, key_of(ROOT, KEY_DIR_INDEX, 40), buf, n);
	put_item(&tree, name_key(ROOT, KEY_DIR_ITEM, "far"), buf, n);
	leaf_store(&tree);
	leaf_store(&logged);
	look(&im, im.len, &seen);
	NEED(seen.fs && fs_info(seen.fs)->replayed);
	CHECK(at("far") == OLD3 && links("far") == 2);
	done();
	begin(); /* the same name at another index; a name of another directory in that item, which is no business of ours */
	log_inode(OLD3, MODE_FILE, 2, 6, 9);
	log_ref(OLD3, ROOT, 4, "old3");
	put_item(&logged, btrfs_extref_key(OLD3, ROOT, "far", 3), buf, make_extref(buf, ROOT, 41, "far"));
	in_tree(OLD3, KEY_EXTREF, 0);
	n = make_extref(buf, DIR, 99, "far");
	n += make_extref(buf + n, ROOT, 40, "far");
	put_item(&tree, btrfs_extref_key(OLD3, ROOT, "far", 3), buf, n);
	leaf_store(&tree);
	in_tree(ROOT, KEY_DIR_INDEX, 40);
	n = make_entry(buf, OLD3, 1, "far", "");
	put_item(&tree, key_of(ROOT, KEY_DIR_INDEX, 40), buf, n);
	put_item(&tree, name_key(ROOT, KEY_DIR_ITEM, "far"), buf, n);
	leaf_store(&tree);
	leaf_store(&logged);
	look(&im, im.len, &seen);
	CHECK(structure(&seen) == OUTCOME_BROKEN); /* by the tree itself */
	drop(&seen);
	undo(&im);
	begin(); /* a directory that was not logged and is not there; the root's own */
	log_inode(OLD3, MODE_FILE, 1, 6, 9);
	log_ref(OLD3, 7000, 4, "elsewhere");
	log_inode(ROOT, MODE_DIR, 1, 0, 9);
	log_ref(ROOT, ROOT, 0, "..");
	REPLAYED();
	CHECK(at("old3") == OLD3);
	done();
	for (unsigned cut = 1; cut < 14; cut += 3) { /* of the name, of the head */
		begin();
		log_inode(OLD3, MODE_FILE, 1, 6, 9);
		log_ref(OLD3, ROOT, 33, "gone");
		item_of(&logged, key_of(OLD3, KEY_INODE_REF, ROOT))->size -= cut;
		REFUSED();
		begin();
		log_inode(OLD3, MODE_FILE, 1, 6, 9);
		put_item(&logged, btrfs_extref_key(OLD3, ROOT, "gone", 4), buf, make_extref(buf, ROOT, 40, "gone") - cut);
		REFUSED();
	}
	static const char *const names[] = {"a/b", "..", ".", ""};
	for (n = 0; n < ARRAY_SIZE(names); n++) {
		begin();
		log_inode(OLD3, MODE_FILE, 1, 6, 9);
		log_ref(OLD3, ROOT, 33, names[n]);
		REFUSED();
	}
	begin(); /* a name for an inode that is not there */
	log_ref(5000, ROOT, 33, "gone");
	REFUSED();
	begin(); /* many long names */
	log_inode(OLD3, MODE_FILE, 1, 6, 9);
	memset(buf, 'n', 300);
	buf[250] = 0;
	char *wide = strdup((char *)buf);
	NEED(wide);
	for (uint64_t k = 0; k < 12; k++) {
		wide[0] = (char)('a' + k);
		log_entry(DIR, 20 + k, OLD3, wide);
	}
	free(wide);
	REPLAYED();
	CHECK(links("old3") == 13);
	done();
	/* More of them than one item holds, with those that are there: the others go to the other kind of item, where
	 * the file system has that. */
	for (int extended = 1; extended >= 0; extended--) {
		static uint8_t refs[2000];
		static char name[256], path[300];
		memset(name, 'n', 250);
		begin();
		log_inode(OLD3, MODE_FILE, 1, 6, 9);
		for (uint64_t k = 0; k < 12; k++) {
			name[0] = (char)('a' + k);
			log_entry(DIR, 20 + k, OLD3, name);
		}
		n = 0;
		for (uint64_t k = 0; k < 4; k++) {
			name[0] = (char)('A' + k);
			n += make_ref(refs + n, 100 + k, name);
		}
		in_tree(OLD3, KEY_INODE_REF, DIR);
		for (uint64_t gone = NEW1; gone <= NEW3; gone++) /* there has to be room */
			drop_item(&tree, key_of(gone, KEY_INODE, 0));
		put_item(&tree, key_of(OLD3, KEY_INODE_REF, DIR), refs, n);
		leaf_store(&tree);
		leaf_store(&logged);
		if (!extended)
			set_super(&im, 0xbc, get_le64(im.data + SUPER + 0xbc) & ~UINT64_C(0x40), 8);
		look(&im, im.len, &seen);
		NEED(seen.fs);
		CHECK(fs_info(seen.fs)->replayed == extended);
		CHECK_INT(links("old3"), extended ? 17 : 1);
		for (uint64_t k = 0; k < 12; k++) {
			name[0] = (char)('a' + k);
			snprintf(path, sizeof path, "dir/%s", name);
			CHECK(at(path) == (extended ? OLD3 : 0));
		}
		drop(&seen);
		undo(&im);
	}
	begin(); /* inside of a file */
	log_inode(OLD3, MODE_FILE, 1, 6, 9);
	log_ref(OLD3, OLD4, 33, "inside");
	REFUSED();
}

/* The subvolume that a log is played into contradicts itself. */
static void test_references_in_the_tree(void)
{
	/* what: the item, as it is put; the log takes old3 to another name. */
	static const struct {
		uint64_t ino;
		uint8_t type;
		uint64_t offset;
		unsigned at;
		uint16_t value;
		int size;
	} bad[] = {
		{OLD3, KEY_INODE_REF, ROOT, 8, 300, 0},	   /* a name longer than its item */
		{OLD3, KEY_INODE_REF, ROOT, 8, 3, 0},	   /* another name, and a rest */
		{ROOT, KEY_DIR_INDEX, 5, 0, OLD4, -10},	   /* at the index: cut */
		{ROOT, KEY_DIR_INDEX, 5, 27, 200, 0},	   /* longer than the item */
		{ROOT, KEY_INODE, 0, 40, 1, -10},	   /* the directory's own inode is cut */
		{ROOT, KEY_INODE, 0, 52, 0100644, 0},	   /* or is none */
		{OLD3, KEY_INODE, 0, 40, 1, -1},	   /* the file's inode */
	};
	for (size_t n = 0; n < ARRAY_SIZE(bad); n++) {
		struct btrfs_key key = key_of(bad[n].ino, bad[n].type, bad[n].offset);
		struct seen s;
		begin();
		log_inode(OLD3, MODE_FILE, 1, 6, 9);
		log_ref(OLD3, ROOT, 5, "renamed");
		in_tree(key.objectid, key.type, key.offset);
		struct item *it = item_of(&tree, key);
		NEED(it);
		put_le(it->data + bad[n].at, bad[n].value, 2);
		it->size = (uint32_t)((int)it->size + bad[n].size);
		leaf_store(&tree);
		leaf_store(&logged);
		look(&im, im.len, &s);
		CHECK(structure(&s) == OUTCOME_BROKEN);
		CHECK(!s.fs || fs_info(s.fs)->stale_view || has(&s, "btrfs.directories", OUTCOME_BROKEN));
		drop(&s);
		undo(&im);
	}
}

/* The log puts old3 over old5, which makes no sense. */
static void test_victims(void)
{
	static const struct {
		uint64_t ino;
		uint8_t type;
		unsigned at;
		int size; /* 99: taken away */
	} bad[] = {{ROOT, KEY_DIR_ITEM, 8, 0},	 {ROOT, KEY_DIR_ITEM, 0, -1}, {OLD5, KEY_INODE_REF, 0, 99},
		   {OLD5, KEY_INODE_REF, 10, 0}, {OLD5, KEY_INODE, 0, -1},    {OLD5, KEY_INODE, 0, 99}};
	for (int how = 0; how < 2; how++)
		for (size_t n = 0; n < ARRAY_SIZE(bad); n++) {
			struct btrfs_key key = bad[n].type == KEY_DIR_ITEM ? name_key(ROOT, KEY_DIR_ITEM, "old5")
					       : key_of(bad[n].ino, bad[n].type, bad[n].type == KEY_INODE ? 0 : ROOT);
			struct seen s;
			begin();
			log_inode(OLD3, MODE_FILE, 1, 6, 9);
			if (how)
				log_ref(OLD3, ROOT, 33, "old5");
			else
				log_entry(ROOT, 33, OLD3, "old5");
			in_tree(key.objectid, key.type, key.offset);
			struct item *it = item_of(&tree, key);
			NEED(it);
			if (bad[n].size == 99)
				drop_item(&tree, key);
			else if (bad[n].size)
				it->size = (uint32_t)((int)it->size + bad[n].size);
			else
				it->data[bad[n].at] = KEY_ROOT;
			leaf_store(&tree);
			leaf_store(&logged);
			look(&im, im.len, &s);
			CHECK(structure(&s) == OUTCOME_BROKEN && (!s.fs || fs_info(s.fs)->stale_view || bad[n].size == 99));
			drop(&s);
			undo(&im);
		}
}

int main(void)
{
	im = load("log");
	RUN(test_references);
	RUN(test_references_in_the_tree);
	RUN(test_victims);
	drop_image(&im);
	return test_done();
}
