// SPDX-License-Identifier: GPL-3.0-or-later
/* btrfs images against what a kernel listed; subvolumes; then damage. */
#include "backproof/xxh64.h"
#include "btrfs_help.h"

static void test_sums(void)
{
	uint8_t out[32];
	char hex[65];
	uint8_t many[256];
	for (int i = 0; i < 256; i++)
		many[i] = (uint8_t)i;
	CHECK(xxh64("", 0) == UINT64_C(0xef46db3751d8e999));
	CHECK(xxh64("abc", 3) == UINT64_C(0x44bc2cf5ad770999));
	blake2b_256("abc", 3, out);
	CHECK_STR(hex_encode(out, 32, hex), "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319");
	blake2b_256(many, 256, out);
	CHECK_STR(hex_encode(out, 32, hex), "39a7eb9fedc19aabc83425c6755dd90e6f9d0c804964a1f4aaeea3b9fb599835");
	btrfs_sum(0, "123456789", 9, out);
	CHECK(get_le32(out) == 0xe3069283);
	CHECK_INT(btrfs_sum_bytes(4), 0);
}

static const char *const names[] = {"plain", "dup", "log", "busy"};

static void test_contents(void)
{
	for (size_t k = 0; k < ARRAY_SIZE(names); k++) {
		struct image i = load(names[k]);
		struct seen s;
		unsigned failed;
		look(&i, i.len, &s);
		if (structure(&s) != OUTCOME_HELD)
			dump(&s);
		CHECK_INT(structure(&s), OUTCOME_HELD);
		CHECK_INT(s.scrubbed, 1);
		NEED(s.fs);
		const struct fs_info *info = fs_info(s.fs);
		autofree char *ours = list_of(s.fs, &failed), *theirs = expected_list(names[k]);
		CHECK_STR(ours, theirs);
		CHECK_INT(failed, 0);
		CHECK_STR(info->type, "btrfs");
		CHECK_STR(info->label, "a label");
		CHECK_INT(info->block_size, 4096);
		CHECK_INT(info->size, i.len);
		CHECK(info->free && info->free < info->size && info->checksums && !info->stale_view && !info->errors);
		CHECK_INT(info->replayed, k >= 2);
		CHECK_INT(info->clean, k < 2);
		CHECK(s.newest > 1700000000 && info->written > 1700000000);
		CHECK(has(&s, "btrfs.log", OUTCOME_HELD) == (k >= 2));
		drop(&s);
		drop_image(&i);
	}
}

static int count_subvolume(void *ctx, const struct fs_subvolume *s, struct error *e)
{
	struct text *t = ctx;
	(void)e;
	text_printf(t, "%s:%llu%s ", s->path, (unsigned long long)s->id, s->is_default ? "*" : "");
	return 0;
}

static int hello(void *ctx, const char *name, const void *value, size_t len, struct error *e)
{
	(void)e;
	*(int *)ctx += !strcmp(name, "user.hello") && len == 5 && !memcmp(value, "world", 5) ? 100 : 1;
	return 0;
}

static void test_lookup(void)
{
	struct image i = load("plain");
	struct seen s;
	struct fs_entry it, other;
	struct error e;
	struct text t = {0};
	char *data;
	size_t len;
	int found = 0;
	look(&i, i.len, &s);
	NEED(s.fs);
	CHECK_INT(fs_lookup(s.fs, "", true, &it, &e), 1);
	CHECK(it.type == ENTRY_DIR);
	CHECK_INT(fs_lookup(s.fs, "/a/small", true, &it, &e), 1);
	CHECK_INT(it.links, 31);
	CHECK_INT(fs_lookup(s.fs, "absolute/../../a/./b//../small", true, &other, &e), 1);
	CHECK_INT(other.id, it.id);
	CHECK_INT(fs_xattrs(s.fs, &it, hello, &found, &e), 0);
	CHECK_INT(found, 100);
	CHECK_INT(fs_lookup(s.fs, "link", false, &it, &e), 1);
	CHECK(it.type == ENTRY_LINK);
	CHECK_INT(fs_lookup(s.fs, "a/none", true, &it, &e), 0);
	CHECK_INT(fs_lookup(s.fs, "a/small/x", true, &it, &e), 0);
	CHECK_INT(fs_lookup(s.fs, "a/random", true, &it, &e), 1);
	CHECK_INT(fs_lookup(s.fs, "a/b/hard", true, &other, &e), 1);
	CHECK(it.id == other.id && it.place);
	/* The snapshot has an empty directory where its original has a subvolume. */
	CHECK_INT(fs_lookup(s.fs, "@/nested/file", true, &it, &e), 1);
	CHECK_INT(fs_lookup(s.fs, "a/snapshot/nested", true, &it, &e), 1);
	CHECK(it.type == ENTRY_DIR);
	CHECK_INT(fs_lookup(s.fs, "a/snapshot/nested/file", true, &it, &e), 0);
	/* From the top level the link leads to nothing, from its subvolume to the file. */
	CHECK_INT(fs_lookup(s.fs, "@/tab", true, &it, &e), 0);
	CHECK_INT(fs_subvolumes(s.fs, count_subvolume, &t, &e), 0);
	CHECK_STR(text_str(&t), ":5* @:256 @/nested:257 a/snapshot:258 ");
	text_free(&t);
	struct fs *sub = fs_open_subvolume(s.fs, "/@", 0, &e), *by_id = fs_open_subvolume(s.fs, NULL, 258, &e);
	NEED(sub && by_id);
	CHECK(!fs_open_subvolume(s.fs, "a", 0, &e) && e.cls == ERROR_MISSING);
	CHECK(!fs_open_subvolume(s.fs, "nothing", 0, &e) && e.cls == ERROR_MISSING);
	CHECK(!fs_open_subvolume(s.fs, NULL, 300, &e) && e.cls == ERROR_MISSING);
	CHECK(!fs_open_subvolume(s.fs, NULL, 2, &e) && e.cls == ERROR_MISSING);
	CHECK(!fs_open_subvolume(s.fs, "@", 257, &e) && e.cls == ERROR_MISSING);
	fs_destroy(s.fs); /* what is left stays whole */
	s.fs = NULL;
	CHECK_INT(fs_read_file(sub, "tab", 1000, &data, &len, &e), 1);
	CHECK_STR(data, "UUID=x / btrfs subvol=@ 0 0\n");
	free(data);
	CHECK_INT(fs_lookup(sub, "etc/later", true, &it, &e), 1);
	CHECK_INT(fs_lookup(by_id, "etc/later", true, &it, &e), 0);
	fs_destroy(sub);
	fs_destroy(by_id);
	drop(&s);
	drop_image(&i);
}

/* Reads of any size give the same bytes. */
static void test_pieces(void)
{
	struct image i = load("plain");
	struct seen s;
	struct fs_entry it;
	struct error e;
	static const char *const files[] = {"a/text", "a/reflink", "a/random", "a/prealloc", "nocow/data", "a/small"};
	static const size_t caps[] = {1, 7, 4096, 4097, 65536, 1 << 20};
	look(&i, i.len, &s);
	NEED(s.fs);
	for (size_t k = 0; k < ARRAY_SIZE(files); k++) {
		uint64_t sums[ARRAY_SIZE(caps) + 1];
		CHECK_INT(fs_lookup(s.fs, files[k], true, &it, &e), 1);
		for (size_t c = 0; c <= ARRAY_SIZE(caps); c++) {
			autostream struct stream *st = fs_open_file(s.fs, &it, &e);
			autofree uint8_t *all = malloc((size_t)it.size + (1 << 20) + 1);
			NEED(st && all);
			size_t n = 0;
			for (ssize_t got = 1; got > 0; n += (size_t)got) {
				const uint8_t *lent;
				got = c < ARRAY_SIZE(caps) ? stream_read(st, all + n, caps[c], &e)
							   : stream_lend(st, &lent, &e);
				NEED(got >= 0 && n + (size_t)got <= it.size);
				if (c == ARRAY_SIZE(caps) && got)
					memcpy(all + n, lent, (size_t)got);
			}
			CHECK_INT(stream_finish(st, &e), 0);
			CHECK_INT(n, it.size);
			sums[c] = hash_bytes(all, n);
			CHECK(sums[c] == sums[0]);
		}
	}
	drop(&s);
	drop_image(&i);
}

/* ------------------------------------------------------------------------------------- damage */

/* Never fine: BROKEN, or what is seen is still the whole truth. true when it was noticed. */
static bool judge(const struct image *i, const char *truth, bool readable, int line)
{
	struct seen s;
	unsigned failed = 0;
	look(i, i->len, &s);
	enum outcome o = structure(&s);
	autofree char *list = s.fs ? list_of(s.fs, &failed) : NULL;
	bool same = list && !failed && !strcmp(list, truth);
	if ((o == OUTCOME_HELD && !same) || (readable && !same)) {
		test_bad_here++;
		fprintf(stderr, "%s:%d: %s, but what is read is not right\n", __FILE__, line, outcome_name(o));
		dump(&s);
	}
	drop(&s);
	return o != OUTCOME_HELD;
}

static void flip_nodes(const char *name, bool second_copy, unsigned at_least)
{
	struct image i = load(name);
	uint64_t at[256];
	size_t count = find_nodes(&i, at, ARRAY_SIZE(at));
	unsigned noticed = 0;
	autofree char *truth = expected_list(name);
	for (size_t n = 0; n < count; n++) {
		i.data[at[n] + 0x50 + n * 37 % 3900] ^= (uint8_t)(1 << n % 8);
		noticed += judge(&i, truth, second_copy, __LINE__);
		i.data[at[n] + 0x50 + n * 37 % 3900] ^= (uint8_t)(1 << n % 8);
	}
	CHECK(noticed >= at_least);
	drop_image(&i);
}

static void test_nodes(void)
{
	flip_nodes("plain", false, 27);
	flip_nodes("dup", true, 50);
	flip_nodes("log", false, 13);
}

/* Right checksums, wrong content: what the place in the tree says. */
static void test_meaning(void)
{
	struct image i = load("plain");
	uint64_t at[256];
	size_t count = find_nodes(&i, at, ARRAY_SIZE(at));
	unsigned node = get_le32(i.data + 0x10000 + 0x94), noticed[4] = {0};
	static const unsigned offsets[] = {0x20, 0x30, 0x50, 0x64};
	autofree char *truth = expected_list("plain");
	for (size_t n = 0; n < count; n++)
		for (size_t o = 0; o < ARRAY_SIZE(offsets); o++) {
			i.data[at[n] + offsets[o]] ^= 1;
			resum(&i, at[n], node);
			noticed[o] += judge(&i, truth, false, __LINE__);
			i.data[at[n] + offsets[o]] ^= 1;
			resum(&i, at[n], node);
		}
	for (size_t o = 0; o < ARRAY_SIZE(offsets); o++)
		CHECK(noticed[o] >= 27);
	drop_image(&i);
}

static void test_superblock(void)
{
	struct image i = load("dup"), small = load("plain");
	struct seen s;
	autofree char *truth = expected_list("dup");
	for (int k = 0; k < 2; k++) {
		uint64_t at = k ? 64 * MIB : 64 * KIB;
		i.data[at + 0x100] ^= 4;
		CHECK(judge(&i, truth, true, __LINE__));
		i.data[at + 0x100] ^= 4;
		i.data[at + 0x40] ^= 4;
		CHECK(judge(&i, truth, true, __LINE__));
		i.data[at + 0x40] ^= 4;
		/* Another label in one copy, checksummed right. */
		i.data[at + 0x12b] ^= 4;
		resum(&i, at, 4096);
		CHECK(judge(&i, truth, true, __LINE__));
		i.data[at + 0x12b] ^= 4;
		resum(&i, at, 4096);
	}
	for (unsigned p = 0; p < 4096; p += 61) { /* the only copy */
		small.data[0x10000 + p] ^= 0x10;
		look(&small, small.len, &s);
		CHECK(!s.fs && structure(&s) == OUTCOME_BROKEN);
		drop(&s);
		small.data[0x10000 + p] ^= 0x10;
	}
	static const struct {
		unsigned at;
		uint8_t bit;
	} features[] = {{0xbd, 0x20}, {0xbd, 0x10}, {0xbd, 0x40}, {0xc3, 0x80}, {0x3c, 2}, {0x3c, 8}};
	for (size_t n = 0; n < ARRAY_SIZE(features); n++) {
		small.data[0x10000 + features[n].at] ^= features[n].bit;
		resum(&small, 0x10000, 4096);
		look(&small, small.len, &s);
		CHECK(!s.fs && s.e.cls == ERROR_UNSUPPORTED);
		drop(&s);
		small.data[0x10000 + features[n].at] ^= features[n].bit;
	}
	drop_image(&i);
	drop_image(&small);
}

static void test_data(void)
{
	for (int k = 0; k < 2; k++) {
		const char *name = k ? "dup" : "plain";
		struct image i = load(name);
		struct seen s;
		struct fs_entry it;
		unsigned failed;
		autofree char *truth = expected_list(name);
		look(&i, i.len, &s);
		NEED(s.fs && fs_lookup(s.fs, "a/random", true, &it, &s.e) == 1 && it.place);
		drop(&s);
		i.data[it.place + 9000] ^= 1;
		look(&i, i.len, &s);
		CHECK(has(&s, "btrfs.data", OUTCOME_BROKEN) && has(&s, "btrfs.nodes", OUTCOME_HELD));
		NEED(s.fs);
		autofree char *list = list_of(s.fs, &failed);
		/* The file, its hard link and its reflink; with another copy, none. */
		CHECK_INT(failed, k ? 0 : 3);
		if (k)
			CHECK_STR(list, truth);
		drop(&s);
		drop_image(&i);
	}
}

static void test_log_damage(void)
{
	struct image i = load("log");
	struct seen s;
	uint64_t root = get_le64(i.data + 0x10000 + 0x60);
	NEED(root && root < i.len);
	uint64_t at[256];
	size_t count = find_nodes(&i, at, ARRAY_SIZE(at)), damaged = 0;
	for (size_t n = 0; n < count; n++) {
		if (get_le64(i.data + at[n] + 0x58) != BTRFS_LOG_TREE)
			continue;
		i.data[at[n] + 200] ^= 1;
		look(&i, i.len, &s);
		if (structure(&s) != OUTCOME_HELD) {
			damaged++;
			CHECK(s.fs && fs_info(s.fs)->stale_view && !fs_info(s.fs)->replayed);
			CHECK(has(&s, "btrfs.log", OUTCOME_BROKEN) && has(&s, "btrfs.log", OUTCOME_UNPROVEN));
		}
		drop(&s);
		i.data[at[n] + 200] ^= 1;
	}
	CHECK(damaged >= 2);
	drop_image(&i);
}

static void test_cut(void)
{
	struct image i = load("plain");
	struct seen s;
	for (size_t len = 0; len < i.len; len += len < 131072 ? 4001 : i.len / 40) {
		look(&i, len, &s);
		CHECK(structure(&s) == OUTCOME_BROKEN);
		drop(&s);
	}
	look(&i, i.len - 4096, &s);
	CHECK(has(&s, "btrfs.size", OUTCOME_BROKEN));
	drop(&s);
	drop_image(&i);
}

int main(void)
{
	RUN(test_sums);
	RUN(test_contents);
	RUN(test_lookup);
	RUN(test_pieces);
	RUN(test_nodes);
	RUN(test_meaning);
	RUN(test_superblock);
	RUN(test_data);
	RUN(test_log_damage);
	RUN(test_cut);
	return test_done();
}
