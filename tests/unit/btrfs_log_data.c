// SPDX-License-Identifier: GPL-3.0-or-later
/* The log of btrfs: inodes, attributes, extents, checksums, and the tree of logs itself. */
#include "btrfs_log_help.h"

static int count_xattrs(void *ctx, const char *name, const void *value, size_t len, struct error *e)
{
	struct text *t = ctx;
	(void)e;
	text_printf(t, "%s=%.*s ", name, (int)len, (const char *)value);
	return 0;
}
static void check_xattrs(const char *path, const char *want)
{
	struct text t = {0};
	struct fs_entry it;
	NEED(fs_lookup(seen.fs, path, true, &it, &seen.e) == 1);
	CHECK_INT(fs_xattrs(seen.fs, &it, count_xattrs, &t, &seen.e), 0);
	CHECK_STR(text_str(&t), want);
	text_free(&t);
}

static void test_attributes(void)
{
	struct btrfs_key key = name_key(OLD1, KEY_XATTR, "user.came"), two = name_key(OLD1, KEY_XATTR, "user." SAME_1);
	struct btrfs_key last = key_of(OLD1, KEY_XATTR, UINT64_MAX);
	size_t n;
	begin(); /* those that the log does not have are gone */
	log_inode(OLD1, MODE_FILE, 2, 6, 9);
	n = make_entry(buf, 0, 8, "user.new", "value");
	put_item(&logged, name_key(OLD1, KEY_XATTR, "user.new"), buf, n);
	REPLAYED();
	check_xattrs("old1", "user.new=value ");
	done();
	begin(); /* under the hash of another */
	log_inode(OLD1, MODE_FILE, 2, 6, 9);
	put_item(&logged, key, buf, make_entry(buf, 0, 8, "user.another", "x"));
	REFUSED();
	for (int both = 0; both < 2; both++) { /* of two in one item, one */
		begin();
		log_inode(OLD1, MODE_FILE, 2, 6, 9);
		n = make_entry(buf, 0, 8, "user." SAME_1, "z");
		put_item(&logged, two, buf, n + (both ? make_entry(buf + n, 0, 8, "user." SAME_2, "z") : 0));
		in_tree(OLD1, KEY_XATTR, key.offset);
		n = make_entry(buf, 0, 8, "user." SAME_2, "y");
		n += make_entry(buf + n, 0, 8, "user." SAME_1, "y");
		put_item(&tree, two, buf, n);
		n = make_entry(buf, 0, 8, "user.last", "y");
		put_item(&tree, last, buf, n);
		leaf_store(&tree);
		leaf_store(&logged);
		look(&im, im.len, &seen);
		NEED(seen.fs && fs_info(seen.fs)->replayed);
		check_xattrs("old1", both ? "user." SAME_1 "=z user." SAME_2 "=z " : "user." SAME_1 "=z ");
		done();
	}
	begin(); /* only the log has it, and it is cut */
	log_inode(OLD3, MODE_FILE, 1, 6, 9);
	put_item(&logged, name_key(OLD3, KEY_XATTR, "user.came"), buf, make_entry(buf, 0, 8, "user.came", "z") - 1);
	REFUSED();
	for (int in_log = 0; in_log < 2; in_log++) {
		begin();
		log_inode(OLD1, MODE_FILE, 2, 6, 9);
		n = make_entry(buf, 0, 8, "user.came", "z");
		put_item(&logged, key, buf, n - (unsigned)in_log);
		in_tree(OLD1, KEY_XATTR, key.offset);
		put_item(&tree, key, buf, n - !in_log);
		leaf_store(&tree);
		REFUSED();
	}
}

static void test_inodes(void)
{
	struct fs_entry it;
	begin(); /* generation 0: that it exists, and how long it is */
	log_inode(OLD3, MODE_FILE, 1, 3, 0);
	log_inode(OLD4, MODE_FILE, 1, 0, 0);
	log_inode(DIR, MODE_DIR, 1, 700, 0);
	log_inode(5000, MODE_FILE, 1, 0, 0);
	log_ref(5000, ROOT, 50, "made");
	REPLAYED();
	CHECK(fs_lookup(seen.fs, "old3", true, &it, &seen.e) == 1 && it.size == 3);
	CHECK(fs_lookup(seen.fs, "old4", true, &it, &seen.e) == 1 && it.size == 6);
	CHECK(fs_lookup(seen.fs, "dir", true, &it, &seen.e) == 1 && it.size == 46);
	CHECK(at("made") == 5000);
	done();
	begin(); /* a directory and a device come to be */
	log_inode(5000, MODE_DIR, 1, 90, 9);
	log_ref(5000, ROOT, 50, "made");
	log_inode(5001, S_IFBLK | 0600, 1, 0, 9);
	log_ref(5001, 5000, 2, "device");
	REPLAYED();
	CHECK(at("made/device") == 5001 && fs_lookup(seen.fs, "made", true, &it, &seen.e) == 1 && it.size == 12);
	done();
	begin();
	log_inode(OLD3, MODE_FILE, 1, (uint64_t)INT64_MAX + 1, 9);
	REFUSED();
	begin();
	log_inode(OLD3, MODE_FILE, 1, 6, 9);
	item_of(&logged, key_of(OLD3, KEY_INODE, 0))->size = 159;
	REFUSED();
	begin(); /* the subvolume's own */
	log_inode(OLD3, MODE_FILE, 1, 6, 9);
	in_tree(OLD3, KEY_INODE, 0);
	item_of(&tree, key_of(OLD3, KEY_INODE, 0))->size = 161;
	leaf_store(&tree);
	REFUSED();
}

static void check_content(const char *path, const char *want, size_t len)
{
	char *data;
	size_t got;
	int rc = fs_read_file(seen.fs, path, 1 << 20, &data, &got, &seen.e);
	CHECK(rc == 1 && got == len && !memcmp(data, want, len));
	if (rc == 1)
		free(data);
}

static void test_extents(void)
{
	static char want[32768 * 2];
	size_t n;
	begin(); /* cut out of the middle; the rest as it was */
	log_inode(DATA, MODE_FILE, 1, 20000, 9);
	log_extent(DATA, 12288, 1, DATA_AT, 32768, 0, 4096);
	REPLAYED();
	memcpy(want, im.data + DATA_AT, 32768);
	memcpy(want + 4096, im.data + 5251072, 4096);
	memcpy(want + 12288, im.data + DATA_AT, 4096);
	check_content("data", want, 20000);
	done();
	begin(); /* preallocated, a hole, and what is there already; shorter */
	log_inode(DATA, MODE_FILE, 1, 16000, 9);
	log_extent(DATA, 0, 2, DATA_AT, 32768, 0, 4096);
	log_extent(DATA, 4096, 1, 5251072, 4096, 0, 4096);
	log_extent(DATA, 8192, 1, 0, 0, 0, 4096);
	REPLAYED();
	memset(want, 0, sizeof want);
	memcpy(want + 4096, im.data + 5251072, 4096);
	memcpy(want + 12288, im.data + DATA_AT + 12288, 4096);
	check_content("data", want, 16000);
	done();
	begin(); /* inline data gives way; far behind the end of what was there */
	log_inode(OLD3, MODE_FILE, 1, GIB * 3, 9);
	log_extent(OLD3, 0, 1, DATA_AT, 32768, 0, 32768);
	log_extent(OLD3, 2 * GIB, 1, 0, 0, 0, GIB);
	log_inode(OLD4, MODE_FILE, 1, 5, 9);
	n = make_inline(buf, "other");
	put_item(&logged, key_of(OLD4, KEY_EXTENT_DATA, 0), buf, n);
	log_inode(OLD5, MODE_FILE, 1, 5000, 9); /* grew behind inline data */
	log_extent(OLD5, 4096, 1, DATA_AT, 32768, 0, 4096);
	REPLAYED();
	struct fs_entry it;
	CHECK(fs_lookup(seen.fs, "old3", true, &it, &seen.e) == 1 && it.size == 3 * GIB && it.place == DATA_AT);
	check_content("old4", "other", 5);
	memset(want, 0, 4096);
	memcpy(want, "old 5\n", 6);
	memcpy(want + 4096, im.data + DATA_AT, 904);
	check_content("old5", want, 5000);
	drop(&seen); /* without a walk: it would read 3 GiB */
	undo(&im);
	for (int holes = 0; holes < 2; holes++) { /* holes are items, or they are nothing */
		begin();
		if (holes)
			set_super(&im, 0xbc, get_le64(im.data + SUPER + 0xbc) & ~UINT64_C(0x200), 8);
		log_inode(DATA, MODE_FILE, 1, 3 * GIB, 9);
		log_extent(DATA, 4096, 1, 0, 0, 0, 4096);
		log_extent(DATA, 20480, 1, 0, 0, 0, 2 * GIB - 20480);
		log_extent(DATA, 2 * GIB, 1, DATA_AT, 32768, 0, 4096);
		log_extent(DATA, 2 * GIB + 4096, 1, 0, 0, 0, GIB - 4096);
		REPLAYED();
		CHECK(fs_lookup(seen.fs, "data", true, &it, &seen.e) == 1 && it.size == 3 * GIB);
		autostream struct stream *s = fs_open_file(seen.fs, &it, &seen.e);
		NEED(s && stream_read_full(s, want, 12288, &seen.e) == 12288);
		CHECK(is_zero(want + 4096, 4096) && !memcmp(want + 8192, im.data + DATA_AT + 8192, 4096));
		drop(&seen);
		undo(&im);
	}
	/* Where no checksum is: never fine to read. */
	begin();
	log_inode(OLD3, MODE_FILE, 1, 4096, 9);
	log_extent(OLD3, 0, 1, LAST_AT, 4096, 0, 4096);
	leaf_store(&logged);
	look(&im, im.len, &seen);
	NEED(seen.fs && fs_info(seen.fs)->replayed);
	CHECK(structure(&seen) == OUTCOME_BROKEN && has(&seen, "btrfs.log", OUTCOME_BROKEN));
	char *data;
	CHECK(fs_read_file(seen.fs, "old3", 1 << 20, &data, &n, &seen.e) < 0 && seen.e.cls == ERROR_CORRUPT);
	drop(&seen);
	undo(&im);
}

static void test_bad_extents(void)
{
	static const struct {
		uint64_t at;
		uint8_t type;
		uint64_t disk, disk_bytes, offset, bytes;
	} bad[] = {
		{0, 1, 9 * GIB, 4096, 0, 4096},			   /* in no chunk */
		{0, 1, 5242880 + 4194304 - 4096, 8192, 0, 8192},   /* beyond the end of one */
		{0, 1, 1048576, 4096, 0, 4096},			   /* in one for the trees of the system */
		{0, 2, 9 * GIB, 4096, 0, 4096},
		{100, 1, DATA_AT, 4096, 0, 4096},		   /* in the middle of a sector */
		{UINT64_MAX - 4095, 1, DATA_AT, 8192, 0, 8192},	   /* beyond all */
		{0, 3, DATA_AT, 4096, 0, 4096},
		{0, 1, DATA_AT, 4096, 4096, 4096},
		{0, 1, DATA_AT, 4096, 0, 0},
		{0, 1, DATA_AT, 4096, UINT64_MAX - 4095, 8192},
		{0, 1, UINT64_MAX - 4095, 8192, 0, 4096},
		{0, 1, DATA_AT + 1, 4096, 0, 4096},
	};
	for (size_t n = 0; n < ARRAY_SIZE(bad); n++) {
		begin();
		log_inode(OLD3, MODE_FILE, 1, 4096, 9);
		log_extent(OLD3, bad[n].at, bad[n].type, bad[n].disk, bad[n].disk_bytes, bad[n].offset, bad[n].bytes);
		REFUSED();
	}
	begin(); /* over each other */
	log_inode(OLD3, MODE_FILE, 1, 8192, 9);
	log_extent(OLD3, 0, 1, DATA_AT, 32768, 0, 8192);
	log_extent(OLD3, 4096, 1, DATA_AT, 32768, 0, 4096);
	REFUSED();
	for (int how = 0; how < 4; how++) {
		begin();
		log_inode(OLD3, MODE_FILE, 1, 4096, 9);
		size_t n = make_inline(buf, "text");
		if (how == 0)
			put_item(&logged, key_of(OLD3, KEY_EXTENT_DATA, 4096), buf, n); /* not at the beginning */
		else if (how == 1)
			put_item(&logged, key_of(OLD3, KEY_EXTENT_DATA, 0), buf, n - 1);
		else if (how == 2)
			put_item(&logged, key_of(OLD3, KEY_EXTENT_DATA, 0), buf, 20);
		else
			put_item(&logged, key_of(6000, KEY_EXTENT_DATA, 0), buf, n); /* of no inode */
		REFUSED();
	}
	/* Inline data of no length takes the place of nothing. */
	begin();
	log_inode(5000, MODE_FILE, 1, 0, 9);
	log_ref(5000, ROOT, 50, "made");
	put_item(&logged, key_of(5000, KEY_EXTENT_DATA, 0), buf, make_inline(buf, ""));
	REPLAYED();
	CHECK(at("made") == 5000);
	done();
	/* Old extents beyond all, and inline data that reaches out of what is cut. */
	for (int how = 0; how < 2; how++) {
		struct btrfs_key key = {OLD3, KEY_EXTENT_DATA, how ? UINT64_MAX - 4095 : 4094};
		begin();
		log_inode(OLD3, MODE_FILE, 1, how ? 0 : 4096, 9);
		if (!how)
			log_extent(OLD3, 0, 1, DATA_AT, 32768, 0, 4096);
		in_tree(OLD3, KEY_EXTENT_DATA, 0);
		if (how)
			put_item(&tree, key, buf, make_extent(buf, 1, DATA_AT, 32768, 0, 8192));
		else
			put_item(&tree, key, buf, make_inline(buf, "text"));
		leaf_store(&tree);
		REFUSED();
	}
	/* What is to be cut away makes no sense itself. */
	static const struct {
		unsigned at;
		uint64_t value;
	} old[] = {{45, 0}, {45, 100}, {20, 9}, {29, 0}};
	for (size_t n = 0; n < ARRAY_SIZE(old); n++) {
		begin();
		log_inode(DATA, MODE_FILE, 1, 20000, 9);
		log_extent(DATA, 4096, 1, DATA_AT, 32768, 0, 4096);
		in_tree(DATA, KEY_EXTENT_DATA, 0);
		struct item *it = item_of(&tree, key_of(DATA, KEY_EXTENT_DATA, 0));
		put_le(it->data + old[n].at, old[n].value, old[n].at == 20 ? 1 : 8);
		leaf_store(&tree);
		REFUSED();
	}
	/* The log's extent lies over half a sector of inline data: no kernel writes that. */
	begin();
	log_inode(OLD3, MODE_FILE, 1, 6, 9);
	in_tree(OLD3, KEY_EXTENT_DATA, 0);
	struct item *it = item_of(&tree, key_of(OLD3, KEY_EXTENT_DATA, 0));
	struct item moved = *it;
	drop_item(&tree, moved.key);
	put_item(&tree, key_of(OLD3, KEY_EXTENT_DATA, 4094), moved.data, moved.size);
	leaf_store(&tree);
	log_extent(OLD3, 4096, 1, DATA_AT, 32768, 0, 4096);
	log_inode(OLD3, MODE_FILE, 1, 8192, 9);
	REFUSED();
}

/* The tree of logs, and the checksums in one. */
static void test_roots(void)
{
	struct leaf roots;
	struct btrfs_key key = key_of(BTRFS_LOG_TREE, KEY_ROOT, 5);
	for (int how = 0; how < 2; how++) {
		begin();
		leaf_of(&im, BTRFS_LOG_TREE, key, &roots);
		if (how)
			item_of(&roots, key)->data[238] = 8;
		else
			item_of(&roots, key)->size = 200;
		leaf_store(&roots);
		REFUSED();
	}
	/* Of a subvolume that is not there: deleted since. */
	begin();
	log_inode(OLD3, MODE_FILE, 1, 3, 9);
	leaf_of(&im, BTRFS_LOG_TREE, key, &roots);
	roots.items[0].key.offset = 300;
	leaf_store(&roots);
	REPLAYED();
	CHECK(!at("dir/last") && at("old3") == OLD3);
	done();
	static const struct {
		uint64_t at;
		uint32_t size;
	} bad[] = {{LAST_AT, 7}, {LAST_AT + 1, 8}, {LAST_AT, 0}, {UINT64_MAX - 4095, 8}};
	for (size_t n = 0; n < ARRAY_SIZE(bad); n++) {
		begin();
		log_inode(OLD3, MODE_FILE, 1, 8192, 9);
		put_item(&logged, key_of(BTRFS_CSUM_OBJECT, KEY_CSUM, bad[n].at), buf, bad[n].size);
		REFUSED();
	}
	begin(); /* of what is in no chunk: told when all is read */
	log_inode(OLD3, MODE_FILE, 1, 8192, 9);
	put_item(&logged, key_of(BTRFS_CSUM_OBJECT, KEY_CSUM, 9 * GIB), buf, 8);
	leaf_store(&logged);
	look(&im, im.len, &seen);
	CHECK(has(&seen, "btrfs.data", OUTCOME_BROKEN));
	drop(&seen);
	undo(&im);
}

/* A second subvolume that shares its nodes with the first, and its log: a run of checksums. */
static void second_log(uint64_t start, unsigned count, uint8_t wrong, uint32_t refs)
{
	const uint64_t place = 8 * MIB;
	const struct btrfs_key key = {BTRFS_LOG_TREE, KEY_ROOT, 5}, files = {5, KEY_ROOT, 0};
	static struct leaf roots, top;
	leaf_of(&im, BTRFS_ROOT_TREE, files, &top);
	struct item root = *item_of(&top, files);
	put_le(root.data + 216, refs, 4);
	leaf_of(&im, BTRFS_ROOT_TREE, key_of(256, KEY_ROOT, 0), &top);
	put_item(&top, key_of(256, KEY_ROOT, 0), root.data, 239); /* the size of old: there is room */
	leaf_store(&top);
	leaf_of(&im, BTRFS_LOG_TREE, key, &roots);
	root = *item_of(&roots, key);
	keep(&im, place);
	memcpy(im.data + place, im.data + get_le64(root.data + 176), 4096);
	put_le(im.data + place + 0x30, place, 8);
	put_le(im.data + place + 0x60, 0, 4);
	put_le(root.data + 176, place, 8);
	put_item(&roots, key_of(BTRFS_LOG_TREE, KEY_ROOT, 256), root.data, 239);
	leaf_store(&roots);
	leaf_at(&im, place, 0, key_of(0, 0, 0), &roots);
	for (unsigned k = 0; k < count; k++)
		btrfs_sum(0, im.data + start + 4096 * k, 4096, buf + 4 * k);
	buf[4 * count - 1] ^= wrong;
	put_item(&roots, key_of(BTRFS_CSUM_OBJECT, KEY_CSUM, start), buf, 4 * count);
	leaf_store(&roots);
}

static void log_sums(uint64_t start, unsigned count)
{
	for (unsigned k = 0; k < count; k++)
		btrfs_sum(0, im.data + start + 4096 * k, 4096, buf + 4 * k);
	put_item(&logged, key_of(BTRFS_CSUM_OBJECT, KEY_CSUM, start), buf, 4 * count);
}

static void test_sums(void)
{
	begin(); /* over each other in one log: no kernel takes that leaf */
	log_inode(OLD3, MODE_FILE, 1, 8192, 9);
	log_extent(OLD3, 0, 1, LAST_AT, 8192, 0, 8192);
	log_sums(LAST_AT, 2);
	log_sums(LAST_AT + 4096, 1);
	REFUSED();
	begin(); /* next to each other */
	log_inode(OLD3, MODE_FILE, 1, 8192, 9);
	log_extent(OLD3, 0, 1, LAST_AT, 8192, 0, 8192);
	log_sums(LAST_AT, 1);
	log_sums(LAST_AT + 4096, 1);
	REPLAYED();
	check_content("old3", (const char *)im.data + LAST_AT, 8192);
	done();
	static const struct {
		uint64_t first, second;
		unsigned first_count, second_count;
		uint8_t wrong;
		uint32_t refs;
		int outcome; /* 2: one log was replayed, 1: two, 0: refused */
	} logs[] = {
		{0, 0, 2, 2, 0, 1, 1}, {0, 1, 2, 1, 0, 1, 1}, {0, 0, 2, 1, 0, 1, 1}, {0, 0, 1, 2, 0, 1, 1},
		{1, 0, 1, 2, 0, 1, 1}, {1, 0, 1, 1, 0, 1, 1}, {0, 1, 1, 1, 0, 1, 1}, {0, 0, 2, 2, 1, 1, 0},
		{0, 1, 2, 1, 1, 1, 0}, {0, 0, 2, 1, 1, 1, 0}, {1, 0, 1, 2, 1, 1, 0}, {0, 0, 2, 2, 1, 0, 2},
	};
	for (size_t n = 0; n < ARRAY_SIZE(logs); n++) {
		begin();
		log_inode(OLD3, MODE_FILE, 1, 8192, 9);
		log_extent(OLD3, 0, 1, LAST_AT, 8192, 0, 8192);
		log_sums(LAST_AT + 4096 * logs[n].first, logs[n].first_count);
		leaf_store(&logged);
		second_log(LAST_AT + 4096 * logs[n].second, logs[n].second_count, logs[n].wrong, logs[n].refs);
		look(&im, im.len, &seen);
		CHECK(seen.fs && fs_info(seen.fs)->replayed == (logs[n].outcome > 0));
		CHECK(has(&seen, "btrfs.log", OUTCOME_BROKEN) == !logs[n].outcome);
		if (logs[n].outcome == 1) {
			CHECK(has(&seen, "btrfs.data", OUTCOME_HELD));
			check_content("old3", (const char *)im.data + LAST_AT, 8192);
		}
		drop(&seen);
		undo(&im);
	}
	begin(); /* of what is no subvolume */
	struct leaf roots;
	leaf_of(&im, BTRFS_LOG_TREE, key_of(BTRFS_LOG_TREE, KEY_ROOT, 5), &roots);
	roots.items[0].key.offset = BTRFS_CSUM_TREE;
	leaf_store(&roots);
	REFUSED();
}

int main(void)
{
	im = load("log");
	RUN(test_attributes);
	RUN(test_inodes);
	RUN(test_extents);
	RUN(test_bad_extents);
	RUN(test_roots);
	RUN(test_sums);
	drop_image(&im);
	return test_done();
}
