// SPDX-License-Identifier: GPL-3.0-or-later
/* NTFS against lists made through ntfs-3g's mount; then damage. */
#include "ntfs_help.h"

#ifdef HAVE_WIM
#define HAVE_COMPACT 1
#else
#define HAVE_COMPACT 0
#endif

static const char *const kinds[] = {"c4096", "c512", "c65536", "s4096"};

/* ---------------------------------------------------------------------------------------- contents */

static int take_stream(void *ctx, const char *name, const void *value, size_t len, struct error *e)
{
	(void)e;
	*(int *)ctx += !strcmp(name, "ads.one") && len == 6 && !memcmp(value, "secret", 6);
	return 0;
}

static void check_lookups(struct fs *fs)
{
	struct error e;
	struct fs_entry it, other;
	int streams = 0;
	CHECK_INT(fs_lookup(fs, "DEEP/A/HARD LINK", true, &it, &e), 1);
	CHECK_INT(fs_lookup(fs, "random.bin", true, &other, &e), 1);
	CHECK_INT(it.id, other.id);
	CHECK_INT(it.links, 2);
	CHECK_INT(fs_lookup(fs, "ÜNÏCODE/😀.TXT", true, &it, &e), 1);
	CHECK_INT(fs_lookup(fs, "$MFT", true, &it, &e), 1);
	CHECK_INT(fs_lookup(fs, "none", true, &it, &e), 0);
	CHECK_INT(fs_lookup(fs, "random.bin/x", true, &it, &e), 0);
	CHECK_INT(fs_lookup(fs, "link/../a/hard link", true, &it, &e), 1);
	CHECK_INT(fs_lookup(fs, "junction/b/names", true, &it, &e), 1);
	CHECK_INT(it.links, 13);
	CHECK_INT(fs_lookup(fs, "link", false, &it, &e), 1);
	CHECK(it.type == ENTRY_LINK);
	autofree char *target = fs_read_link(fs, &it, &e);
	CHECK_STR(target, "deep/a");
	CHECK_INT(fs_lookup(fs, "junction", false, &it, &e), 1);
	autofree char *absolute = fs_read_link(fs, &it, &e);
	CHECK_STR(absolute, "/deep/a");
	CHECK_INT(fs_lookup(fs, "system-compressed", false, &it, &e), 1);
	autostream struct stream *packed = fs_open_file(fs, &it, &e);
	CHECK(HAVE_COMPACT ? packed && !stream_drain(packed, &e) : !packed && e.cls == ERROR_UNSUPPORTED);
	CHECK_INT(fs_lookup(fs, "streams.txt", false, &it, &e), 1);
	CHECK_INT(fs_xattrs(fs, &it, take_stream, &streams, &e), 0);
	CHECK_INT(streams, 1);
}

static void test_contents(void)
{
	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
		autofree char *path = text_format("fixtures/ntfs/%s.img.zst", kinds[k]);
		autofree char *list = text_format("fixtures/ntfs/%s.sums", kinds[k]);
		size_t len;
		struct seen s;
		struct image i = load_image(path);
		autofree char *sums = load_file(list, &len);
		look("ntfs", &i, i.size, &s);
		if (structure(&s) != OUTCOME_HELD)
			dump(&s);
		CHECK_INT(structure(&s), OUTCOME_HELD);
		NEED(s.fs);
		const struct fs_info *info = fs_info(s.fs);
		CHECK_STR(info->label, "Prüfung");
		CHECK_INT(strlen(info->uuid), 16);
		CHECK(info->clean && !info->stale_view && !info->checksums && info->free && info->free < info->size);
		CHECK(s.newest > 1700000000);
		sums_text = sums;
		sums_met = sums_missed = dirs_met = 0;
		CHECK_INT(fs_walk(s.fs, "", NULL, compare_file, s.fs, &s.e), 0);
		CHECK_INT(sums_met, lines_of(sums) - !HAVE_COMPACT);
		CHECK_INT(sums_missed, !HAVE_COMPACT);
		CHECK_INT(dirs_met, 6);
		check_lookups(s.fs);
		drop(&s);
		free(i.data);
	}
}

/* A byte at a time out of compressed data. */
static void test_small_reads(void)
{
	struct seen s;
	struct fs_entry it;
	uint8_t a[1], *all = NULL;
	size_t len;
	look("ntfs", &whole, whole.size, &s);
	NEED(s.fs && fs_lookup(s.fs, "packed/mixed.txt", true, &it, &s.e) == 1);
	CHECK_INT(fs_read_file(s.fs, "packed/mixed.txt", MIB, (char **)&all, &len, &s.e), 1);
	autostream struct stream *in = fs_open_file(s.fs, &it, &s.e);
	NEED(in && all);
	for (size_t k = 0; k < len && stream_read(in, a, 1, &s.e) == 1; k++)
		if (a[0] != all[k]) {
			CHECK_INT(k, len);
			break;
		}
	CHECK_INT(stream_offset(in), len);
	free(all);
	drop(&s);
}

/* Files at random, against the same as streams. */
static void test_random(void)
{
	static const char *const plain[] = {"random.bin", "sparse"}, *const other[] = {"packed/mixed.txt", "resident.bin"};
	struct seen s;
	struct fs_entry it;
	look("ntfs", &whole, whole.size, &s);
	NEED(s.fs);
	for (size_t k = 0; k < ARRAY_SIZE(plain); k++) {
		char *all = NULL;
		uint8_t part[5000];
		size_t len;
		CHECK_INT(fs_read_file(s.fs, plain[k], 2 * MIB, &all, &len, &s.e), 1);
		NEED(fs_lookup(s.fs, plain[k], true, &it, &s.e) == 1);
		autosource struct source *src = fs_open_source(s.fs, &it, &s.e);
		NEED(src && all);
		CHECK_INT(source_size(src), len);
		for (size_t at = len; at-- > 0; at -= at < 777 ? at : 777) {
			size_t n = len - at < sizeof part ? len - at : sizeof part;
			if (source_read_at(src, at, part, n, &s.e) < 0 || memcmp(part, all + at, n)) {
				CHECK_INT(at, len);
				break;
			}
		}
		CHECK(source_read_at(src, len, part, 1, &s.e) < 0);
		source_destroy(take(src));
		free(all);
	}
	for (size_t k = 0; k < ARRAY_SIZE(other); k++) {
		NEED(fs_lookup(s.fs, other[k], true, &it, &s.e) == 1);
		CHECK(!fs_open_source(s.fs, &it, &s.e));
		CHECK_INT(s.e.cls, ERROR_UNSUPPORTED);
	}
	drop(&s);
}

/* ------------------------------------------------------------------------------------------ damage */

static void test_boot(void)
{
	struct image i = copy_image(&whole);
	i.data[510] = 0;
	EXPECT(&i, OUTCOME_BROKEN, "fs.open");
	i.data[510] = 0x55;
	i.data[i.size - 512 + 20] ^= 1;
	EXPECT(&i, OUTCOME_BROKEN, "ntfs.boot_copy");
	i.data[i.size - 512 + 20] ^= 1;
	uint8_t *mirror = i.data + get_le64(i.data + 56) * cluster_of(&i);
	mirror[200] ^= 1;
	EXPECT(&i, OUTCOME_BROKEN, "ntfs.mft_copy");
	/* The image may end with the file system. */
	struct seen s;
	mirror[200] ^= 1;
	look("ntfs", &i, i.size - 512, &s);
	CHECK(has(&s, "ntfs.boot_copy", OUTCOME_SKIPPED) && structure(&s) == OUTCOME_HELD);
	drop(&s);
	for (size_t cut = 0; cut < i.size - 512; cut += 1 + cut / 3)
		expect_at("ntfs", &i, cut, OUTCOME_BROKEN, NULL, __LINE__);
	free(i.data);
}

static void test_records(void)
{
	struct image i = copy_image(&whole);
	unsigned no = number_of(&whole, "sparse"), other = number_of(&whole, "random.bin");
	uint8_t *r = record(&i, no), keep[1024];
	memcpy(keep, r, sizeof keep);
	r[1022] ^= 1;
	EXPECT(&i, OUTCOME_BROKEN, "ntfs.records");
	memcpy(r, "BAAD", 4);
	memcpy(r + 4, keep + 4, sizeof keep - 4);
	EXPECT(&i, OUTCOME_BROKEN, "ntfs.records");
	memset(r, 0, sizeof keep);
	EXPECT(&i, OUTCOME_BROKEN, "ntfs.records");
	memcpy(r, keep, sizeof keep);
	put(attribute(r, 0x80) + 4, 0x10000, 4);
	EXPECT(&i, OUTCOME_BROKEN, "ntfs.records");
	memcpy(r, keep, sizeof keep);
	r[16]++; /* its sequence number: the directory means another */
	EXPECT(&i, OUTCOME_BROKEN, "ntfs.directories");
	memcpy(r, keep, sizeof keep);
	/* Clusters of another file, and such as do not exist. */
	uint8_t *to = record(&i, other), *a = attribute(r, 0x80), *b = attribute(to, 0x80);
	size_t pairs = get_le16(b + 32);
	(void)a;
	b[pairs + 1]++;
	EXPECT(&i, OUTCOME_BROKEN, "ntfs.clusters");
	b[pairs + 1]--;
	memset(b + pairs + 1 + (b[pairs] & 15), 0x7f, b[pairs] >> 4);
	EXPECT(&i, OUTCOME_BROKEN, "ntfs.clusters");
	free(i.data);
}

static void test_bitmap(void)
{
	struct image i = copy_image(&whole);
	size_t length;
	uint8_t *map = run_of(&i, 6, 0x80, &length);
	uint64_t mft = get_le64(i.data + 48);
	map[mft / 8] &= (uint8_t)~(1u << mft % 8);
	EXPECT(&i, OUTCOME_BROKEN, "ntfs.clusters");
	free(i.data);
}

static void test_index(void)
{
	struct image i = copy_image(&whole);
	size_t length;
	uint8_t *block = run_of(&i, number_of(&whole, "many"), 0xa0, &length), *keep = malloc(length);
	NEED(keep && !memcmp(block, "INDX", 4));
	memcpy(keep, block, length);
	block[510] ^= 1;
	EXPECT(&i, OUTCOME_BROKEN, "ntfs.directories");
	memcpy(block, keep, length);
	unprotect(block, 4096);
	uint8_t *first = block + 24 + get_le32(block + 24);
	put(first, get_le64(first) + 3, 8); /* it leads to another record */
	protect(block, 4096);
	EXPECT(&i, OUTCOME_BROKEN, "ntfs.directories");
	memcpy(block, keep, length);
	/* An entry less: the file is there, and no walk shows it. */
	unprotect(block, 4096);
	size_t gone = get_le16(first + 8), end = get_le32(block + 28);
	memmove(first, first + gone, 24 + end - (size_t)(first - block) - gone);
	put(block + 28, end - gone, 4);
	protect(block, 4096);
	EXPECT(&i, OUTCOME_BROKEN, "ntfs.directories");
	free(keep);
	free(i.data);
}

static void test_state(void)
{
	struct image i = copy_image(&whole);
	uint8_t *r = record(&i, 3);
	/* $Volume is in the mirror too. */
	uint8_t *mirror = i.data + get_le64(i.data + 56) * cluster_of(&i) + 3 * 1024;
	uint8_t *v = attribute(r, 0x70);
	v[get_le16(v + 20) + 10] |= 1;
	memcpy(mirror, r, 1024);
	EXPECT(&i, OUTCOME_UNPROVEN, "ntfs.state");
	struct seen s;
	look("ntfs", &i, i.size, &s);
	CHECK(s.fs && !fs_info(s.fs)->clean);
	drop(&s);
	free(i.data);
}

static void test_encrypted(void)
{
	struct image i = copy_image(&whole);
	struct seen s;
	struct fs_entry it;
	uint8_t *r = record(&i, number_of(&whole, "random.bin")), *a = attribute(r, 0x80), *t = attribute(r, 0x10);
	put(a + 12, 0x4000, 2);
	t[get_le16(t + 20) + 33] |= 0x40;
	look("ntfs", &i, i.size, &s);
	CHECK_INT(structure(&s), OUTCOME_HELD);
	NEED(s.fs && fs_lookup(s.fs, "random.bin", true, &it, &s.e) == 1);
	CHECK(!fs_open_file(s.fs, &it, &s.e));
	CHECK_INT(s.e.cls, ERROR_ENCRYPTED);
	drop(&s);
	free(i.data);
}

static void test_compressed(void)
{
	struct image i = copy_image(&whole);
	size_t length;
	struct seen s;
	struct fs_entry it;
	/* Its first unit: a block that goes on behind the end. */
	uint8_t *p = run_of(&i, number_of(&whole, "packed/mixed.txt"), 0x80, &length);
	memset(p + 2, 0xff, 600);
	look("ntfs", &i, i.size, &s);
	NEED(s.fs && fs_lookup(s.fs, "packed/mixed.txt", true, &it, &s.e) == 1);
	autostream struct stream *in = fs_open_file(s.fs, &it, &s.e);
	CHECK(in && stream_drain(in, &s.e) < 0 && s.e.cls == ERROR_CORRUPT);
	stream_destroy(take(in));
	drop(&s);
	free(i.data);
}

int main(void)
{
	whole = load_image(FIXTURE);
	RUN(test_contents);
	RUN(test_small_reads);
	RUN(test_random);
	RUN(test_boot);
	RUN(test_records);
	RUN(test_bitmap);
	RUN(test_index);
	RUN(test_state);
	RUN(test_encrypted);
	RUN(test_compressed);
	free(whole.data);
	return test_done();
}
