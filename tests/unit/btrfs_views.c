// SPDX-License-Identifier: GPL-3.0-or-later
/* btrfs seen through its subvolumes: snapshots that share nodes, paths that lead nowhere, what is no file. */
#include "btrfs_edit.h"

static struct image im;
static struct leaf tree;

/* A copy of the top node of a tree as the top of the snapshot, in the place of its own. Its bytes. */
static uint8_t *share_top(void)
{
	static const struct btrfs_key top = {5, KEY_ROOT, 0}, other = {258, KEY_ROOT, 7};
	const uint64_t place = 5545984;
	leaf_of(&im, BTRFS_ROOT_TREE, top, &tree);
	struct item root = *item_of(&tree, top);
	uint64_t from = get_le64(root.data + 176);
	keep(&im, place);
	memcpy(im.data + place, im.data + from, 4096);
	put_le(im.data + place + 0x30, place, 8);
	resum(&im, place, 4096);
	leaf_of(&im, BTRFS_ROOT_TREE, other, &tree);
	uint8_t *to = item_of(&tree, other)->data;
	memcpy(to + 160, root.data + 160, 8);
	put_le(to + 176, place, 8);
	to[238] = root.data[238];
	leaf_store(&tree);
	return im.data + place;
}

static void test_shared_nodes(void)
{
	struct seen s;
	uint8_t *top = share_top();
	look(&im, im.len, &s);
	CHECK(structure(&s) == OUTCOME_HELD);
	if (structure(&s) != OUTCOME_HELD)
		dump(&s);
	drop(&s);
	undo(&im);
	/* A node that is known from another tree is still not what this parent says. */
	for (unsigned how = 0; how < 3; how++) {
		top = share_top();
		uint8_t *p = top + BTRFS_HEADER + 3 * BTRFS_POINTER;
		if (how == 0)
			put_le(p + 9, get_le64(p + 9) + 1, 8); /* its first key */
		else if (how == 1)
			memmove(p, p + BTRFS_POINTER, 17); /* the key of its neighbour, which goes */
		else
			put_le(p + 25, 6, 8);
		if (how == 1) {
			memmove(p + BTRFS_POINTER, p + 2 * BTRFS_POINTER, (get_le32(top + 0x60) - 5) * BTRFS_POINTER);
			put_le(top + 0x60, get_le32(top + 0x60) - 1, 4);
		}
		resum(&im, (uint64_t)(top - im.data), 4096);
		look(&im, im.len, &s);
		CHECK(has(&s, "btrfs.nodes", OUTCOME_BROKEN));
		drop(&s);
		undo(&im);
	}
	/* The leaf in the middle is left out: all that is there is whole, but names are not the same as references. */
	top = share_top();
	uint8_t *p = top + BTRFS_HEADER + 3 * BTRFS_POINTER;
	memmove(p, p + BTRFS_POINTER, (get_le32(top + 0x60) - 4) * BTRFS_POINTER);
	put_le(top + 0x60, get_le32(top + 0x60) - 1, 4);
	resum(&im, (uint64_t)(top - im.data), 4096);
	look(&im, im.len, &s);
	CHECK(has(&s, "btrfs.directories", OUTCOME_BROKEN));
	drop(&s);
	undo(&im);
}

static int count_subvolume(void *ctx, const struct fs_subvolume *s, struct error *e)
{
	struct text *t = ctx;
	(void)e;
	text_printf(t, "%s ", s->path);
	return 0;
}
static int stop_at(void *ctx, const struct fs_subvolume *s, struct error *e)
{
	int *left = ctx;
	(void)s;
	if (--*left)
		return 0;
	error_set(e, ERROR_LIMIT, ERROR_NO_OFFSET, "enough");
	return -1;
}
static int stop_well(void *ctx, const struct fs_subvolume *s, struct error *e)
{
	(void)s, (void)e;
	++*(int *)ctx;
	return 1;
}

static void check_paths(const char *want)
{
	struct seen s;
	struct text t = {0};
	look(&im, im.len, &s);
	NEED(s.fs);
	CHECK_INT(fs_subvolumes(s.fs, count_subvolume, &t, &s.e), 0);
	CHECK_STR(text_str(&t), want);
	text_free(&t);
	drop(&s);
	undo(&im);
}

static void test_paths_of_subvolumes(void)
{
	const struct btrfs_key dir = {257, KEY_INODE_REF, 256}, link = {5, KEY_ROOT_REF, 258}, nested = {257, KEY_ROOT, 0},
			       last = {6, KEY_DIR_ITEM, 2378154706};
	check_paths(" @ @/nested a/snapshot ");
	leaf_of(&im, BTRFS_FS_TREE, dir, &tree); /* the directory that it is linked in hangs nowhere */
	struct item was = *item_of(&tree, dir);
	drop_item(&tree, dir);
	leaf_store(&tree);
	check_paths(" @ @/nested ");
	leaf_of(&im, BTRFS_FS_TREE, dir, &tree);
	put_le(item_of(&tree, dir)->data + 8, 900, 2);
	leaf_store(&tree);
	check_paths(" @ @/nested ");
	leaf_of(&im, BTRFS_FS_TREE, dir, &tree);
	item_of(&tree, dir)->size = 9;
	leaf_store(&tree);
	check_paths(" @ @/nested ");
	leaf_of(&im, BTRFS_FS_TREE, dir, &tree); /* in itself */
	drop_item(&tree, dir);
	put_item(&tree, key_of(257, KEY_INODE_REF, 257), was.data, was.size);
	leaf_store(&tree);
	check_paths(" @ @/nested ");
	leaf_of(&im, BTRFS_ROOT_TREE, link, &tree); /* not linked */
	drop_item(&tree, link);
	leaf_store(&tree);
	check_paths(" @ @/nested ");
	leaf_of(&im, BTRFS_ROOT_TREE, nested, &tree); /* being deleted */
	put_le(item_of(&tree, nested)->data + 216, 0, 4);
	leaf_store(&tree);
	check_paths(" @ a/snapshot ");
	/* The default is what an entry of that name says, and only if it is of a subvolume. */
	for (int how = 0; how < 3; how++) {
		struct seen s;
		leaf_of(&im, BTRFS_ROOT_TREE, last, &tree);
		uint8_t *p = item_of(&tree, last)->data;
		put_le(p, 256, 8);
		if (how == 1)
			p[8] = KEY_INODE;
		if (how == 2)
			p[30] = 'D';
		leaf_store(&tree);
		look(&im, im.len, &s);
		struct fs_entry it;
		NEED(s.fs);
		CHECK_INT(fs_lookup(s.fs, "etc/fstab", true, &it, &s.e), how == 0);
		drop(&s);
		undo(&im);
	}
	struct seen s;
	look(&im, im.len, &s);
	int left = 2;
	CHECK(fs_subvolumes(s.fs, stop_at, &left, &s.e) < 0 && s.e.cls == ERROR_LIMIT);
	left = 0;
	CHECK(fs_subvolumes(s.fs, stop_well, &left, &s.e) == 0 && left == 1);
	drop(&s);
}

static int stop_xattr(void *ctx, const char *name, const void *value, size_t len, struct error *e)
{
	(void)name, (void)value, (void)len;
	if (ctx)
		return 1;
	error_set(e, ERROR_LIMIT, ERROR_NO_OFFSET, "enough");
	return -1;
}
static int count_xattr(void *ctx, const char *name, const void *value, size_t len, struct error *e)
{
	(void)name, (void)value, (void)len, (void)e;
	++*(int *)ctx;
	return 0;
}
static int see(void *ctx, const struct fs_entry *it, struct error *e)
{
	(void)it, (void)e;
	++*(int *)ctx;
	return 0;
}

static void test_calls(void)
{
	struct seen s;
	struct fs_entry it, dir, file;
	struct error e;
	int n = 0;
	look(&im, im.len, &s);
	NEED(s.fs && fs_lookup(s.fs, "a", true, &dir, &e) == 1 && fs_lookup(s.fs, "a/small", true, &file, &e) == 1);
	CHECK(!fs_open_file(s.fs, &dir, &e) && e.cls == ERROR_CORRUPT);
	CHECK(!fs_read_link(s.fs, &file, &e) && e.cls == ERROR_CORRUPT);
	static const uint64_t ids[] = {99ull << 44 | 257, 7777, 1ull << 62};
	for (size_t k = 0; k < ARRAY_SIZE(ids); k++) {
		it = file;
		it.id = ids[k];
		CHECK(!fs_open_file(s.fs, &it, &e) && e.cls == ERROR_CORRUPT);
		CHECK(!fs_read_link(s.fs, &it, &e) && e.cls == ERROR_CORRUPT);
		CHECK(fs_xattrs(s.fs, &it, stop_xattr, &n, &e) < 0 && e.cls == ERROR_CORRUPT);
	}
	CHECK(fs_walk(s.fs, "nothing", NULL, see, &n, &e) < 0 && e.cls == ERROR_CORRUPT);
	CHECK(fs_walk(s.fs, "a/small", NULL, see, &n, &e) < 0 && !n);
	CHECK(fs_walk(s.fs, "a/snapshot/nested", NULL, see, &n, &e) == 0 && !n);
	CHECK(fs_lookup(s.fs, "a/snapshot/nested", true, &it, &e) == 1 && it.type == ENTRY_DIR && it.links == 1);
	CHECK(fs_xattrs(s.fs, &it, stop_xattr, NULL, &e) == 0);
	CHECK(fs_xattrs(s.fs, &file, stop_xattr, NULL, &e) < 0 && e.cls == ERROR_LIMIT);
	CHECK(fs_xattrs(s.fs, &file, stop_xattr, &n, &e) == 0);
	CHECK(!fs_open_subvolume(s.fs, "a/snapshot/nested", 0, &e) && e.cls == ERROR_MISSING);
	CHECK(!fs_open_subvolume(s.fs, "@", 999, &e) && e.cls == ERROR_MISSING);
	struct fs *top = fs_open_subvolume(s.fs, NULL, 0, &e);
	CHECK(top && fs_lookup(top, "@", true, &it, &e) == 1);
	fs_destroy(top);
	drop(&s);
	/* Attributes whose names can't be; entries that lead nowhere; a symbolic link that is too long. */
	const struct btrfs_key attribute = name_key(262, KEY_XATTR, "user.hello");
	leaf_of(&im, BTRFS_FS_TREE, attribute, &tree);
	NEED(item_of(&tree, attribute));
	item_of(&tree, attribute)->data[33] = 0;
	leaf_store(&tree);
	look(&im, im.len, &s);
	CHECK(has(&s, "btrfs.directories", OUTCOME_BROKEN));
	CHECK(fs_xattrs(s.fs, &file, stop_xattr, &n, &e) < 0 && e.cls == ERROR_CORRUPT);
	drop(&s);
	undo(&im);
	for (unsigned at = 0; at < 30; at++) { /* it leads somewhere, or is of another kind */
		if (at >= 17 && at < 29)
			continue;
		leaf_of(&im, BTRFS_FS_TREE, attribute, &tree);
		item_of(&tree, attribute)->data[at] ^= 1;
		leaf_store(&tree);
		look(&im, im.len, &s);
		CHECK(has(&s, "btrfs.directories", OUTCOME_BROKEN));
		drop(&s);
		undo(&im);
	}
	static uint8_t wide[400];
	static char letters[301];
	memset(letters, 'n', 300); /* a name too long, under its own hash */
	leaf_of(&im, BTRFS_FS_TREE, attribute, &tree);
	struct btrfs_key far = name_key(262, KEY_XATTR, letters);
	put_item(&tree, far, wide, make_entry(wide, 0, 8, letters, ""));
	leaf_store(&tree);
	look(&im, im.len, &s);
	CHECK(has(&s, "btrfs.directories", OUTCOME_BROKEN));
	n = 0;
	CHECK(fs_xattrs(s.fs, &file, count_xattr, &n, &e) < 0 && e.cls == ERROR_CORRUPT);
	drop(&s);
	undo(&im);
	static const struct {
		unsigned at;
		uint8_t value;
	} bad[] = {{8, KEY_ROOT_REF}, {0, 7}, {29, 9}};
	for (size_t k = 0; k < ARRAY_SIZE(bad); k++) {
		const struct btrfs_key index = {256, KEY_DIR_INDEX, 8}; /* of @ */
		leaf_of(&im, BTRFS_FS_TREE, index, &tree);
		uint8_t *p = item_of(&tree, index)->data;
		p[bad[k].at] = bad[k].value;
		if (!bad[k].at)
			put_le(p, bad[k].value, 8);
		leaf_store(&tree);
		look(&im, im.len, &s);
		NEED(s.fs);
		CHECK(structure(&s) == OUTCOME_BROKEN);
		n = 0;
		CHECK((fs_walk(s.fs, "", NULL, see, &n, &e) < 0) == (k < 2));
		drop(&s);
		undo(&im);
	}
	const struct btrfs_key link = {267, KEY_INODE, 0};
	leaf_of(&im, BTRFS_FS_TREE, link, &tree);
	put_le(item_of(&tree, link)->data + 16, 65537, 8);
	leaf_store(&tree);
	look(&im, im.len, &s);
	NEED(fs_lookup(s.fs, "link", false, &it, &e) == 1);
	CHECK(!fs_read_link(s.fs, &it, &e) && e.cls == ERROR_CORRUPT);
	CHECK(fs_lookup(s.fs, "link", true, &it, &e) < 0 && e.cls == ERROR_CORRUPT);
	drop(&s);
	undo(&im);
}

/* What is legal though seldom seen: none of it is damage. */
static void test_legal(void)
{
	static uint8_t buf[200];
	struct seen s;
	size_t n;
	/* The old cache of inode numbers is a file without a name. */
	leaf_of(&im, 257, key_of((uint64_t)-12, KEY_INODE, 0), &tree);
	put_item(&tree, key_of((uint64_t)-12, KEY_INODE, 0), buf, make_inode(buf, S_IFREG | 0600, 1, 4096, 8));
	leaf_store(&tree);
	look(&im, im.len, &s);
	CHECK(structure(&s) == OUTCOME_HELD);
	drop(&s);
	undo(&im);
	/* Two names of one hash are in one item. */
	leaf_of(&im, 257, key_of(256, KEY_INODE, 0), &tree);
	n = make_entry(buf, 257, 1, "mxpv28v", "");
	put_item(&tree, key_of(256, KEY_DIR_INDEX, 20), buf, n);
	make_entry(buf + n, 257, 1, "ve0dggj", "");
	put_item(&tree, name_key(256, KEY_DIR_ITEM, "ve0dggj"), buf, 2 * n);
	put_item(&tree, key_of(256, KEY_DIR_INDEX, 21), buf + n, n);
	struct item *ref = item_of(&tree, key_of(257, KEY_INODE_REF, 256));
	NEED(ref);
	ref->size += (uint32_t)make_ref(ref->data + ref->size, 20, "mxpv28v");
	ref->size += (uint32_t)make_ref(ref->data + ref->size, 21, "ve0dggj");
	put_le(item_of(&tree, key_of(257, KEY_INODE, 0))->data + 40, 3, 4);
	leaf_store(&tree);
	look(&im, im.len, &s);
	CHECK(structure(&s) == OUTCOME_HELD);
	struct fs_entry it;
	CHECK(fs_lookup(s.fs, "@/nested/mxpv28v", true, &it, &s.e) == 1 && it.links == 3);
	CHECK(fs_lookup(s.fs, "@/nested/ve0dggj", true, &it, &s.e) == 1 && it.links == 3);
	if (structure(&s) != OUTCOME_HELD)
		dump(&s);
	drop(&s);
	undo(&im);
	/* A run of checksums goes on in the next chunk. */
	leaf_of(&im, BTRFS_CSUM_TREE, key_of(BTRFS_CSUM_OBJECT, KEY_CSUM, 0), &tree);
	for (int right = 1; right >= 0; right--) {
		btrfs_sum(0, im.data + 5242880 - 4096, 4096, buf);
		btrfs_sum(0, im.data + 5242880, 4096, buf + 4);
		buf[4] ^= (uint8_t)!right;
		put_item(&tree, key_of(BTRFS_CSUM_OBJECT, KEY_CSUM, 5242880 - 4096), buf, 8);
		leaf_store(&tree);
		look(&im, im.len, &s);
		CHECK(has(&s, "btrfs.data", right ? OUTCOME_HELD : OUTCOME_BROKEN) && has(&s, "btrfs.items", OUTCOME_HELD));
		drop(&s);
		undo(&im);
	}
}

int main(void)
{
	im = load("plain");
	RUN(test_shared_nodes);
	RUN(test_paths_of_subvolumes);
	RUN(test_calls);
	RUN(test_legal);
	drop_image(&im);
	return test_done();
}
