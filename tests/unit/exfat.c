// SPDX-License-Identifier: GPL-3.0-or-later
/* exFAT against lists made through exfat-fuse's mount; then damage. */
#include "volume_image.h"

#define EXPECT(i, want, check) expect_at("exfat", i, (i)->size, want, check, __LINE__)

static const char *const kinds[] = {"c4096", "c512", "c32768"};
static struct image whole; /* c4096 */

static uint64_t heap_of(const struct image *i)
{
	return (uint64_t)get_le32(i->data + 88) << i->data[108];
}

static uint8_t *cluster_at(const struct image *i, uint32_t cluster)
{
	return i->data + heap_of(i) + ((uint64_t)(cluster - 2) << (i->data[108] + i->data[109]));
}

static uint8_t *fat_entry(const struct image *i, uint32_t cluster)
{
	return i->data + ((uint64_t)get_le32(i->data + 80) << i->data[108]) + cluster * 4ul;
}

static void put(uint8_t *p, uint64_t v, unsigned n)
{
	for (; n--; v >>= 8)
		*p++ = (uint8_t)v;
}

/* The entry for the data of a file; its set begins 32 bytes before. */
static uint8_t *entry_of(const struct image *i, const char *path)
{
	struct seen s;
	struct fs_entry it;
	look("exfat", i, i->size, &s);
	NEED(s.fs && fs_lookup(s.fs, path, false, &it, &s.e) == 1);
	drop(&s);
	NEED(i->data[it.id] == 0xc0);
	return i->data + it.id;
}

static void sum_set(uint8_t *set)
{
	uint16_t sum = 0;
	for (size_t k = 0; k < (set[1] + 1ul) * 32; k++)
		if (k != 2 && k != 3)
			sum = (uint16_t)((uint16_t)(sum << 15 | sum >> 1) + set[k]);
	put(set + 2, sum, 2);
}

static void test_contents(void)
{
	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
		autofree char *path = text_format("fixtures/exfat/%s.img.zst", kinds[k]);
		autofree char *list = text_format("fixtures/exfat/%s.sums", kinds[k]);
		size_t len;
		struct seen s;
		struct fs_entry it, other;
		struct image i = load_image(path);
		autofree char *sums = load_file(list, &len);
		look("exfat", &i, i.size, &s);
		if (structure(&s) != OUTCOME_HELD)
			dump(&s);
		CHECK_INT(structure(&s), OUTCOME_HELD);
		NEED(s.fs);
		const struct fs_info *info = fs_info(s.fs);
		CHECK_STR(info->label, "Prüfung");
		CHECK_INT(strlen(info->uuid), 9);
		CHECK(info->clean && !info->errors && info->free && info->free < info->size);
		CHECK(s.newest > 1700000000);
		sums_text = sums;
		sums_met = sums_missed = dirs_met = 0;
		CHECK_INT(fs_walk(s.fs, "", NULL, compare_file, s.fs, &s.e), 0);
		CHECK_INT(sums_met, lines_of(sums));
		CHECK_INT(sums_missed, 0);
		CHECK_INT(dirs_met, 5);
		CHECK_INT(fs_lookup(s.fs, "ÜNÏCODE/😀.TXT", true, &it, &s.e), 1);
		CHECK_INT(fs_lookup(s.fs, "/ünïcode/😀.txt", true, &other, &s.e), 1);
		CHECK_INT(it.id, other.id);
		CHECK_INT(fs_lookup(s.fs, "RANDOM.bin/x", true, &it, &s.e), 0);
		CHECK_INT(fs_lookup(s.fs, "none", true, &it, &s.e), 0);
		CHECK_INT(fs_lookup(s.fs, "", true, &it, &s.e), 1);
		CHECK(it.type == ENTRY_DIR);
		dirs_met = 0;
		CHECK_INT(fs_walk(s.fs, "Deep", NULL, compare_file, s.fs, &s.e), 0);
		CHECK_INT(dirs_met, 2);
		drop(&s);
		free(i.data);
	}
}

static void test_boot(void)
{
	struct image i = copy_image(&whole);
	struct seen s;
	static const size_t places[] = {3, 100, 110, 510, 2000, 11 * 512, 11 * 512 + 500};
	for (size_t k = 0; k < ARRAY_SIZE(places); k++) {
		i.data[places[k]] ^= 1;
		EXPECT(&i, OUTCOME_BROKEN, "fs.open");
		i.data[places[k]] ^= 1;
		i.data[12 * 512 + places[k]] ^= 1;
		EXPECT(&i, OUTCOME_BROKEN, "exfat.boot_copy");
		i.data[12 * 512 + places[k]] ^= 1;
	}
	i.data[106] |= 2;
	look("exfat", &i, i.size, &s);
	CHECK(s.fs && !fs_info(s.fs)->clean && fs_info(s.fs)->unlogged);
	CHECK(structure(&s) == OUTCOME_HELD && has(&s, "exfat.state", OUTCOME_SKIPPED));
	drop(&s);
	for (size_t cut = 0; cut < i.size - 512; cut += 1 + cut / 3)
		expect_at("exfat", &i, cut, OUTCOME_BROKEN, NULL, __LINE__);
	free(i.data);
}

/* The tables: each in the root directory, found by type. */
static uint8_t *table(const struct image *i, unsigned type)
{
	uint8_t *p = cluster_at(i, get_le32(i->data + 96));
	while (p[0] != type)
		p += 32;
	return p;
}

static void test_tables(void)
{
	struct image i = copy_image(&whole);
	uint8_t *upper = table(&i, 0x82), *map = table(&i, 0x81);
	cluster_at(&i, get_le32(upper + 20))[100] ^= 1;
	EXPECT(&i, OUTCOME_BROKEN, "fs.open");
	cluster_at(&i, get_le32(upper + 20))[100] ^= 1;
	cluster_at(&i, get_le32(map + 20))[0] ^= 1;
	EXPECT(&i, OUTCOME_BROKEN, "exfat.chains");
	cluster_at(&i, get_le32(map + 20))[0] ^= 1;
	upper[0] = 0x02;
	EXPECT(&i, OUTCOME_BROKEN, "fs.open");
	upper[0] = 0x82;
	map[0] = 0x01;
	EXPECT(&i, OUTCOME_BROKEN, "fs.open");
	map[0] = 0x81;
	/* Lost clusters are told, and no damage. */
	struct seen s;
	uint32_t last = get_le32(i.data + 92) - 1;
	cluster_at(&i, get_le32(map + 20))[last / 8] |= (uint8_t)(1u << last % 8);
	look("exfat", &i, i.size, &s);
	CHECK(structure(&s) == OUTCOME_HELD && has(&s, "exfat.lost", OUTCOME_SKIPPED));
	drop(&s);
	free(i.data);
}

static void test_chains(void)
{
	struct image i = copy_image(&whole);
	uint8_t *one = entry_of(&i, "one.bin"), *two = entry_of(&i, "two.bin");
	uint32_t first = get_le32(one + 20);
	CHECK(!(one[1] & 2) && get_le32(two + 20)); /* in pieces: by the FAT */
	uint8_t keep[4];
	memcpy(keep, fat_entry(&i, first), 4);
	static const uint32_t bad[] = {0, 1, 0xfffffff7, 0xfffffff0, 0xffffffff};
	for (size_t k = 0; k < ARRAY_SIZE(bad); k++) {
		put(fat_entry(&i, first), bad[k], 4);
		EXPECT(&i, OUTCOME_BROKEN, "exfat.chains");
	}
	put(fat_entry(&i, first), first, 4);
	EXPECT(&i, OUTCOME_BROKEN, "exfat.chains");
	put(fat_entry(&i, first), get_le32(two + 20), 4);
	EXPECT(&i, OUTCOME_BROKEN, "exfat.chains");
	memcpy(fat_entry(&i, first), keep, 4);
	EXPECT(&i, OUTCOME_HELD, NULL);
	/* A file of clusters side by side that runs out of the volume. */
	uint8_t *big = entry_of(&i, "random.bin");
	big[1] |= 2;
	put(big + 20, get_le32(i.data + 92), 4);
	sum_set(big - 32);
	EXPECT(&i, OUTCOME_BROKEN, "exfat.chains");
	free(i.data);
}

static void test_sets(void)
{
	struct image i = copy_image(&whole);
	uint8_t *e = entry_of(&i, "random.bin"), *set = e - 32;
	size_t len = (set[1] + 1ul) * 32;
	for (size_t k = 1; k < len; k++) {
		/* Not in use, it is another entry and not the same one damaged. */
		if (k % 32 == 0)
			continue;
		set[k] ^= 4;
		EXPECT(&i, OUTCOME_BROKEN, "exfat.directories");
		set[k] ^= 4;
	}
	for (size_t k = 32; k < len; k += 32) {
		set[k] &= 0x7f;
		EXPECT(&i, OUTCOME_BROKEN, "exfat.directories");
		set[k] |= 0x80;
	}
	/* With the right sum over the wrong name. */
	e[32 + 2] = 'x';
	sum_set(set);
	EXPECT(&i, OUTCOME_BROKEN, "exfat.directories");
	e[32 + 2] = '/';
	sum_set(set);
	EXPECT(&i, OUTCOME_BROKEN, "exfat.directories");
	free(i.data);
}

static void test_valid_length(void)
{
	struct image i = copy_image(&whole);
	struct seen s;
	char *data = NULL;
	size_t len;
	uint8_t *e = entry_of(&i, "random.bin");
	put(e + 8, 5000, 8);
	sum_set(e - 32);
	look("exfat", &i, i.size, &s);
	CHECK_INT(structure(&s), OUTCOME_HELD);
	NEED(s.fs && fs_read_file(s.fs, "random.bin", MIB, &data, &len, &s.e) == 1);
	CHECK_INT(len, 20001);
	CHECK(is_zero(data + 5000, len - 5000) && !memcmp(data, cluster_at(&i, get_le32(e + 20)), 4096));
	CHECK(!is_zero(data + 4990, 10));
	free(data);
	drop(&s);
	put(e + 8, 20002, 8);
	sum_set(e - 32);
	EXPECT(&i, OUTCOME_BROKEN, "exfat.chains");
	free(i.data);
}

static void test_zones(void)
{
	struct image i = copy_image(&whole);
	struct seen s;
	struct fs_entry it;
	uint8_t *e = entry_of(&i, "random.bin"), *set = e - 32;
	put(set + 12, (2026u - 1980) << 25 | 11u << 21 | 22u << 16 | 12u << 11 | 30u << 5 | 5, 4);
	static const struct {
		uint8_t zone;
		int64_t minutes;
	} zones[] = {{0x80, 0}, {0x84, 60}, {0xf8, -120}, {0, 0}, {0x80 | 23, 345}};
	for (size_t k = 0; k < ARRAY_SIZE(zones); k++) {
		set[23] = zones[k].zone;
		sum_set(set);
		look("exfat", &i, i.size, &s);
		NEED(s.fs && fs_lookup(s.fs, "random.bin", true, &it, &s.e) == 1);
		CHECK_INT(it.mtime, 1795350610 - zones[k].minutes * 60);
		drop(&s);
	}
	free(i.data);
}

/* Names that lead nowhere, or stand for a directory; a directory that is too large; a table inside one. */
static void test_rare(void)
{
	static const char *const nowhere[] = {"ünïcode/😁.txt", "ünïcode/a.txt", "ünïcode/\xf0", "ünïcode/\xf0\x9f", "zz"};
	struct image i = copy_image(&whole);
	struct seen s;
	struct fs_entry it;
	uint8_t *e = entry_of(&i, "random.bin"), keep[96];
	look("exfat", &i, i.size, &s);
	NEED(s.fs);
	for (size_t k = 0; k < ARRAY_SIZE(nowhere); k++)
		CHECK_INT(fs_lookup(s.fs, nowhere[k], true, &it, &s.e), 0);
	drop(&s);
	memcpy(keep, e - 32, sizeof keep);
	for (unsigned units = 0; units < 3; units++) {
		uint16_t hash = 0;
		for (unsigned k = 0; k < units; k++) {
			put(e + 34 + 2 * k, '.', 2);
			hash = (uint16_t)((uint16_t)(hash << 15 | hash >> 1) + '.');
			hash = (uint16_t)(hash << 15 | hash >> 1);
		}
		e[3] = (uint8_t)units;
		put(e + 4, hash, 2);
		sum_set(e - 32);
		EXPECT(&i, OUTCOME_BROKEN, "exfat.directories");
		look("exfat", &i, i.size, &s);
		NEED(s.fs);
		int rc = fs_lookup(s.fs, units == 2 ? ".." : ".", true, &it, &s.e);
		CHECK(units ? rc < 0 && s.e.cls == ERROR_CORRUPT : rc == 0);
		drop(&s);
	}
	memcpy(e - 32, keep, sizeof keep);
	EXPECT(&i, OUTCOME_HELD, NULL);
	e = entry_of(&i, "Deep");
	uint8_t *in = cluster_at(&i, get_le32(e + 20));
	while (*in)
		in += 32;
	memcpy(in, table(&i, 0x82), 32);
	EXPECT(&i, OUTCOME_BROKEN, "exfat.directories");
	memset(in, 0, 32);
	EXPECT(&i, OUTCOME_HELD, NULL);
	put(e + 8, 1 << 30, 8);
	put(e + 24, 1 << 30, 8);
	sum_set(e - 32);
	EXPECT(&i, OUTCOME_BROKEN, "exfat.directories");
	free(i.data);
}

int main(void)
{
	whole = load_image("fixtures/exfat/c4096.img.zst");
	RUN(test_contents);
	RUN(test_boot);
	RUN(test_tables);
	RUN(test_chains);
	RUN(test_sets);
	RUN(test_valid_length);
	RUN(test_zones);
	RUN(test_rare);
	free(whole.data);
	return test_done();
}
