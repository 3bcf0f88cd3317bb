// SPDX-License-Identifier: GPL-3.0-or-later
/* Nodes of btrfs: the cache of them, nodes that point to where none can be, leaves out of order, and who owns what. */
#include "btrfs_edit.h"

static struct image im;
static struct leaf tree;

/* More nodes than are kept, each asked for under its own and another's description. */
static void test_cache(void)
{
	enum { NODE = 65536, COUNT = 700 };
	static const struct btrfs_key any = {1, 1, 1};
	struct error e;
	struct btrfs fs = {.node = NODE, .sector = 4096, .sum_bytes = 4};
	size_t len = (size_t)NODE * COUNT;
	uint8_t *data = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	NEED(data != MAP_FAILED);
	for (uint64_t k = 0; k < COUNT; k++) {
		uint8_t *p = data + k * NODE;
		put_le(p + 0x30, (k + 1) * NODE, 8);
		put_le(p + 0x50, 7, 8);
		put_le(p + 0x58, 5, 8);
		btrfs_sum(0, p + 32, NODE - 32, p);
	}
	struct btrfs_chunk *c = vec_push(&fs.chunks);
	NEED(c);
	*c = (struct btrfs_chunk){.logical = NODE, .length = len, .type = 4, .copies = 1};
	fs.meta = source_memory(data, len, "nodes", &e);
	fs.cache = btrfs_cache_new(NODE, &e);
	NEED(fs.meta && fs.cache);
	struct btrfs_expect x = {.bytenr = NODE, .generation = 7, .owner = 5};
	struct btrfs_node *held = btrfs_node_get(&fs, &x, &e); /* while others take its place */
	NEED(held);
	for (int round = 0; round < 2; round++)
		for (uint64_t k = 0; k < COUNT; k++) {
			x = (struct btrfs_expect){.bytenr = (k + 1) * NODE, .generation = 7, .owner = 5};
			struct btrfs_node *n = btrfs_node_get(&fs, &x, &e);
			NEED(n);
			CHECK(n->bytenr == x.bytenr && n->generation == 7 && n->owner == 5 && !n->items);
			btrfs_node_put(&fs, n);
			x.owner = 6;
			CHECK(!btrfs_node_get(&fs, &x, &e) && e.cls == ERROR_CORRUPT);
			x.owner = 0;
			x.generation = 8;
			CHECK(!btrfs_node_get(&fs, &x, &e) && e.cls == ERROR_CORRUPT);
			x.generation = 7;
			x.level = 1;
			CHECK(!btrfs_node_get(&fs, &x, &e) && e.cls == ERROR_CORRUPT);
			x.level = 0;
			x.first = &any; /* it is empty */
			CHECK(!btrfs_node_get(&fs, &x, &e) && e.cls == ERROR_CORRUPT);
		}
	CHECK(held->bytenr == NODE && get_le64(held->data + 0x30) == NODE);
	btrfs_node_put(&fs, held);
	btrfs_cache_destroy(fs.cache);
	source_destroy(fs.meta);
	vec_free(&fs.chunks);
	munmap(data, len);
}

static uint64_t top_of_files(void)
{
	leaf_of(&im, BTRFS_ROOT_TREE, key_of(5, KEY_ROOT, 0), &tree);
	return get_le64(item_of(&tree, key_of(5, KEY_ROOT, 0))->data + 176);
}

/* Walks, and looks for all that is there: never HELD, never without end. */
static void broken_at(int line)
{
	struct seen s;
	unsigned failed;
	look(&im, im.len, &s);
	if (structure(&s) != OUTCOME_BROKEN) {
		test_bad_here++;
		fprintf(stderr, "%s:%d: not told\n", __FILE__, line);
		dump(&s);
	}
	if (s.fs)
		free(list_of(s.fs, &failed));
	drop(&s);
	undo(&im);
}
#define BROKEN() broken_at(__LINE__)

static void test_pointers(void)
{
	uint64_t top = top_of_files();
	static const uint64_t nowhere[] = {0, 5292033, 9 * GIB, UINT64_MAX - 4095};
	for (size_t n = 0; n < ARRAY_SIZE(nowhere); n++) {
		keep(&im, top);
		put_le(im.data + top + BTRFS_HEADER + BTRFS_POINTER + 17, nowhere[n], 8);
		resum(&im, top, 4096);
		BROKEN();
	}
	static const uint32_t counts[] = {0, 122, UINT32_MAX};
	for (size_t n = 0; n < ARRAY_SIZE(counts); n++) {
		keep(&im, top);
		put_le(im.data + top + 0x60, counts[n], 4);
		resum(&im, top, 4096);
		BROKEN();
	}
	/* A leaf that holds a key of its neighbour's. */
	struct btrfs_key far = {262, KEY_EXTENT_DATA, 4096};
	static uint8_t buf[53];
	leaf_of(&im, BTRFS_FS_TREE, key_of(260, KEY_INODE, 0), &tree);
	put_item(&tree, far, buf, make_extent(buf, 1, 0, 0, 0, 4096));
	leaf_store(&tree);
	struct seen s;
	struct btrfs_cursor c autocursor = {0};
	look(&im, im.len, &s);
	CHECK(has(&s, "btrfs.nodes", OUTCOME_BROKEN));
	drop(&s);
	void *self = NULL;
	struct fs_info info;
	struct findings f;
	struct error e;
	NEED(!findings_init(&f));
	struct source *src = source_memory(im.data, im.len, "image", &e);
	NEED(src && fs_btrfs.open(src, "image", &f, &self, &info, &e) == 0);
	struct btrfs *fs = ((struct btrfs_view *)self)->fs;
	int rc = btrfs_seek(&c, fs, btrfs_tree_by_id(fs, 5), &(struct btrfs_key){260, KEY_INODE, 0}, &e);
	while (rc > 0)
		rc = btrfs_next(&c, &e);
	CHECK(rc < 0 && e.cls == ERROR_CORRUPT);
	btrfs_cursor_end(&c);
	fs_btrfs.destroy(self);
	source_destroy(src);
	findings_free(&f);
	undo(&im);
}

/* What the tree of extents says of a run in use: that it is, how often, and of whom. */
static void test_refs(void)
{
	const struct btrfs_key run = {5271552, KEY_EXTENT, 4096}, node = {5292032, KEY_METADATA, 0},
			       device = {1, KEY_DEV_EXTENT, 5242880};
	static const struct {
		int node;
		unsigned at, bytes;
		uint64_t value;
	} bad[] = {
		{0, 0, 8, 0},	     {0, 0, 8, 2},	{0, 8, 8, 99},	    {0, 16, 8, 0}, {0, 16, 8, 3},
		{0, 16, 8, 2},	     {0, 24, 1, 176},	{0, 24, 1, 184},    {0, 24, 1, 1}, {0, 25, 8, 258},
		{0, 33, 8, 1},	     {0, 41, 8, 4096},	{0, 49, 4, 0},	    {0, 49, 4, 2}, {1, 0, 8, 0},
		{1, 0, 8, 2},	     {1, 8, 8, 99},	{1, 16, 8, 1},	    {1, 24, 1, 178}, {1, 24, 1, 184},
	};
	for (size_t n = 0; n < ARRAY_SIZE(bad); n++) {
		struct btrfs_key key = bad[n].node ? node : run;
		struct seen s;
		leaf_of(&im, BTRFS_EXTENT_TREE, key, &tree);
		NEED(item_of(&tree, key));
		put_le(item_of(&tree, key)->data + bad[n].at, bad[n].value, bad[n].bytes);
		leaf_store(&tree);
		look(&im, im.len, &s);
		/* Of whom: not where there are snapshots, as here. */
		bool owner = !bad[n].node && bad[n].at > 24 && bad[n].at < 49;
		if (has(&s, "btrfs.extents", OUTCOME_BROKEN) != !owner) {
			test_bad_here++;
			fprintf(stderr, "reference %zu\n", n);
			dump(&s);
		}
		drop(&s);
		undo(&im);
	}
	leaf_of(&im, BTRFS_EXTENT_TREE, node, &tree); /* a level that can't be */
	struct item was = *item_of(&tree, node);
	drop_item(&tree, node);
	put_item(&tree, key_of(5292032, KEY_METADATA, 8), was.data, was.size);
	leaf_store(&tree);
	BROKEN();
	leaf_of(&im, BTRFS_EXTENT_TREE, node, &tree); /* another node is allocated, the one in use is not */
	drop_item(&tree, node);
	put_item(&tree, key_of(5611520, KEY_METADATA, 0), was.data, was.size);
	leaf_store(&tree);
	set_super(&im, 0xb4, 1, 8); /* and nothing else tells it */
	BROKEN();
	leaf_of(&im, BTRFS_FS_TREE, key_of(265, KEY_EXTENT_DATA, 49152), &tree); /* a hole where data was */
	struct item *it = item_of(&tree, key_of(265, KEY_EXTENT_DATA, 49152));
	NEED(it);
	put_le(it->data + 21, 0, 8);
	leaf_store(&tree);
	BROKEN();
	for (unsigned at = 0; at < 16; at += 8) {
		leaf_of(&im, BTRFS_DEV_TREE, device, &tree);
		put_le(item_of(&tree, device)->data + at, 9, 8);
		leaf_store(&tree);
		BROKEN();
	}
}

/* References in items of their own, behind the run's: as a kernel puts them when there is no room in it. */
static void test_refs_apart(void)
{
	const struct btrfs_key run = {5271552, KEY_EXTENT, 4096}, node = {5292032, KEY_METADATA, 0};
	static const struct {
		uint8_t type;
		int size;
		unsigned count;
		bool fine;
	} kinds[] = {{178, 0, 1, true},	 {178, -1, 1, false}, {178, 0, 2, false}, {178, 0, 0, false},
		     {184, -24, 1, true}, {184, -23, 1, false}, {172, 0, 1, false}};
	static uint8_t ref[28];
	struct seen s;
	for (size_t n = 0; n < ARRAY_SIZE(kinds); n++) {
		leaf_of(&im, BTRFS_EXTENT_TREE, run, &tree);
		struct item *it = item_of(&tree, run);
		memcpy(ref, it->data + 25, 28);
		put_le(kinds[n].type == 184 ? ref : ref + 24, kinds[n].count, 4);
		it->size = 24;
		put_item(&tree, key_of(run.objectid, kinds[n].type, 77), ref, (size_t)(28 + kinds[n].size));
		leaf_store(&tree);
		look(&im, im.len, &s);
		CHECK((structure(&s) == OUTCOME_HELD) == kinds[n].fine);
		if ((structure(&s) == OUTCOME_HELD) != kinds[n].fine)
			dump(&s);
		drop(&s);
		undo(&im);
	}
	leaf_of(&im, BTRFS_EXTENT_TREE, node, &tree);
	item_of(&tree, node)->size = 24;
	put_item(&tree, key_of(node.objectid, 176, 5), ref, 0);
	leaf_store(&tree);
	look(&im, im.len, &s);
	CHECK(structure(&s) == OUTCOME_HELD);
	drop(&s);
	undo(&im);
	leaf_of(&im, BTRFS_EXTENT_TREE, node, &tree); /* of another run */
	item_of(&tree, node)->size = 24;
	put_item(&tree, key_of(node.objectid + 4096, 176, 5), ref, 0);
	leaf_store(&tree);
	BROKEN();
	leaf_of(&im, BTRFS_EXTENT_TREE, node, &tree); /* an owner apart from references says nothing */
	struct item *it = item_of(&tree, node);
	memmove(it->data + 33, it->data + 24, 9);
	it->data[24] = 172;
	it->size = 42;
	leaf_store(&tree);
	look(&im, im.len, &s);
	CHECK(structure(&s) == OUTCOME_HELD);
	drop(&s);
	undo(&im);
}

/* What is free, as runs and as bits: it and what is allocated are all. */
static void test_free(void)
{
	struct seen s;
	leaf_of(&im, BTRFS_FREE_SPACE_TREE, key_of(5242880, 199, 0), &tree);
	unsigned n = 0;
	while (n < tree.count && (tree.items[n].key.type != 199 || tree.items[n].key.objectid < 5242880))
		n++;
	NEED(n < tree.count);
	struct btrfs_key key = tree.items[n].key, bits = {key.objectid, 200, key.offset};
	static uint8_t map[512];
	for (int how = 0; how < 7; how++) {
		leaf_of(&im, BTRFS_FREE_SPACE_TREE, key, &tree);
		size_t sectors = key.offset / 4096, bytes = (sectors + 7) / 8;
		memset(map, 0, sizeof map);
		for (size_t k = 0; k < sectors; k++)
			map[k / 8] |= (uint8_t)(1 << k % 8);
		drop_item(&tree, key);
		if (how == 1) /* the same as bits */
			put_item(&tree, bits, map, bytes);
		else if (how == 2) {
			map[0] ^= 1;
			put_item(&tree, bits, map, bytes);
		} else if (how == 3)
			put_item(&tree, bits, map, bytes + 1);
		else if (how == 4)
			put_item(&tree, key_of(key.objectid, 199, key.offset + 4096), map, 0);
		else if (how == 5)
			put_item(&tree, key, map, 1);
		leaf_store(&tree);
		if (how == 6) /* the tree is not what counts: a kernel makes it again */
			set_super(&im, 0xb4, 1, 8);
		look(&im, im.len, &s);
		CHECK((structure(&s) == OUTCOME_HELD) == (how == 1 || how == 6));
		if ((structure(&s) == OUTCOME_HELD) != (how == 1 || how == 6))
			dump(&s);
		drop(&s);
		undo(&im);
	}
}

/* Without snapshots it is known of whom each run is. */
static void test_owners(void)
{
	struct image other = load("log"), plain = im;
	struct seen s;
	im = other;
	leaf_of(&im, BTRFS_EXTENT_TREE, key_of(0, 0, 0), &tree);
	for (unsigned k = 0; k < tree.count; k++) {
		struct item it = tree.items[k];
		bool data = it.key.type == KEY_EXTENT && it.size == 53;
		if (!data && it.key.type != KEY_METADATA)
			continue;
		for (unsigned at = 25; at < (data ? 49 : 33); at += 8) {
			leaf_of(&im, BTRFS_EXTENT_TREE, it.key, &tree);
			item_of(&tree, it.key)->data[at + 1] ^= 16;
			leaf_store(&tree);
			look(&im, im.len, &s);
			CHECK(has(&s, "btrfs.extents", OUTCOME_BROKEN));
			drop(&s);
			undo(&im);
		}
		leaf_of(&im, BTRFS_EXTENT_TREE, key_of(0, 0, 0), &tree);
	}
	im = plain;
	drop_image(&other);
}

int main(void)
{
	im = load("plain");
	RUN(test_cache);
	RUN(test_pointers);
	RUN(test_refs);
	RUN(test_refs_apart);
	RUN(test_free);
	RUN(test_owners);
	drop_image(&im);
	return test_done();
}
