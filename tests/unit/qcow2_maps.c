// SPDX-License-Identifier: GPL-3.0-or-later
/* qcow2 files that are made field by field: entries of the map, and the files that images stand on. */
#include <sys/mman.h>

#include "qcow2_help.h"

static bool reads(struct source *s, uint64_t at, char want)
{
	uint8_t got[4096];
	if (source_read_at(s, at, got, sizeof got, &why) < 0)
		return false;
	for (size_t i = 0; i < sizeof got; i++)
		if (got[i] != (uint8_t)want)
			return false;
	return true;
}

/* On a smaller disk: its clusters come through, then zeros; a whole L1 entry that is empty, too. */
static void test_backing(void)
{
	for (int empty = 0; empty < 2; empty++)
		for (int scheme = 0; scheme < 2; scheme++) {
			files_init(&x, &image_qcow2);
			make(12, 4);
			put(24, 8, cluster(2) - 512);
			add("base", cluster(CLUSTERS));
			make(12, 4);
			strcpy((char *)file + 512, scheme ? "file:base" : "base");
			put(8, 8, 512);
			put(16, 4, scheme ? 9 : 4);
			put(cluster(4), 8, 0);
			memset(file + cluster(6), 'c', 4096);
			if (empty) {
				put(cluster(3), 8, 0);
				put(cluster(4) + 8, 8, 0);
			}
			add("q", cluster(CLUSTERS));
			const struct image *im = open_as("q");
			NEED(im && im->disks.count == 1);
			CHECK_STR(im->parent, "base");
			CHECK(says("qcow2.header", OUTCOME_HELD, ", on "));
			struct source *s = im->disks.items[0].source;
			struct extent e;
			uint8_t edge[1024];
			CHECK(reads(s, 0, 'a'));
			CHECK(empty || reads(s, 4096, 'c'));
			CHECK(!source_read_at(s, 2 * 4096 - 1024, edge, 1024, &why));
			CHECK(edge[0] == (empty ? 'b' : 'c') && edge[1023] == (empty ? 0 : 'c'));
			CHECK(reads(s, 2 * 4096, 0) && reads(s, 3 * 4096, 0));
			CHECK(!source_extent_at(s, 0, &e, &why) && !e.zero);
			CHECK(!source_extent_at(s, 3 * 4096, &e, &why) && e.zero && e.length == 4096);
			CHECK(all_held(&x.f));
			files_free(&x);
		}
}

/* Data in a file of its own, at the guest's offsets. */
static void test_external(void)
{
	static const struct {
		uint64_t entry;
		const char *words; /* NULL: it is good */
	} rows[] = {
		{UINT64_C(1) << 63, NULL}, /* in use, at offset 0 */
		{0, NULL},
		{UINT64_C(1) << 63 | 4096, "not at the guest's offset"},
		{UINT64_C(1) << 62 | 4096, "exclude each other"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		for (int cut = 0; cut < 2; cut++) {
			make(12, 4);
			put(72, 8, 4);
			extension(HEADER, DATA_FILE, "file:d", 6);
			put(cluster(4), 8, rows[i].entry);
			put(cluster(4) + 8, 8, 4096 | UINT64_C(1) << 63);
			files_init(&x, &image_qcow2);
			add("q", cluster(CLUSTERS));
			memset(file, 'd', sizeof file);
			add("d", cut ? 5000 : cluster(4));
			const struct image *im = open_as("q");
			NEED(im);
			CHECK(says("qcow2.header", OUTCOME_HELD, ", external data"));
			CHECK_INT(says("qcow2.map", OUTCOME_BROKEN, "end of the external data file"), cut);
			if (rows[i].words)
				CHECK(says("qcow2.map", OUTCOME_BROKEN, rows[i].words));
			else
				CHECK(reads(im->disks.items[0].source, 0, rows[i].entry ? 'd' : 0));
			CHECK_INT(reads(im->disks.items[0].source, 4096, 'd'), !cut);
			files_free(&x);
		}
	/* Named, and not there. */
	make(12, 4);
	put(72, 8, 4);
	extension(HEADER, DATA_FILE, "d", 1);
	refused(ERROR_MISSING, "external data file", __LINE__);
}

/* Entries of the second table, in clusters of 16 KiB with subclusters of 512 bytes and in the old kind. */
static void test_entries(void)
{
	static const struct {
		uint64_t entry, bitmap;
		const char *words;
	} rows[] = {
		{5, 0xffffffff, NULL},			  /* all of it is data */
		{5, 0x0000ffff, NULL},
		{5, UINT64_C(0xffff00000000ffff), NULL},
		{0, UINT64_C(0xffffffff) << 32, NULL},	  /* zeros */
		{5, UINT64_C(0xffffffff) << 32, NULL},	  /* and a place for them */
		{0, UINT64_C(1) << 32, NULL},
		{5, 0, NULL},
		{5, UINT64_C(1) << 32 | 1, "data and zero at once"},
		{0, 1, "no cluster is"},
		{9, 1, NULL}, /* only what is used of it has to be there */
		{1000, 1, "it is cut"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		make(14, 4);
		put(72, 8, 16);
		memset(file + cluster(4), 0, cluster(1));
		put(cluster(4), 8, rows[i].entry ? cluster(rows[i].entry) : 0);
		put(cluster(4) + 8, 8, rows[i].bitmap);
		bool beyond = rows[i].entry == 9;
		expect("qcow2.map", rows[i].words || beyond ? OUTCOME_BROKEN : OUTCOME_HELD,
		       rows[i].words ? rows[i].words : "", (int)i);
	}
	make(14, 4);
	put(72, 8, 16);
	memset(file + cluster(4), 0, cluster(1));
	put(cluster(4), 8, cluster(5) | 1);
	put(cluster(4) + 8, 8, 1);
	expect("qcow2.map", OUTCOME_BROKEN, "a zero flag that", __LINE__);
	make(12, 4);
	put(4, 4, 2);
	put(cluster(4), 8, cluster(5) | 1);
	expect("qcow2.map", OUTCOME_BROKEN, "a zero flag that", __LINE__);
	make(12, 4);
	put(cluster(4), 8, UINT64_C(1) << 63);
	expect("qcow2.map", OUTCOME_BROKEN, "in use at offset 0", __LINE__);
	static const struct {
		uint64_t entry;
		const char *words;
	} packed[] = {
		{UINT64_C(3) << 62 | 0x5000, "claims to be a standard one"},
		{UINT64_C(1) << 62 | UINT64_C(1) << 57, "reserved bits"},
		{UINT64_C(1) << 62 | 100, "beyond the end of the file"},
		{UINT64_C(1) << 62 | 0x8000, "beyond the end of the file"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(packed); i++) {
		make(12, 4);
		put(cluster(4), 8, packed[i].entry);
		expect("qcow2.map", OUTCOME_BROKEN, packed[i].words, (int)i);
	}
	/* Compressed data in the middle of what something else uses. */
	make(12, 4);
	put(cluster(4), 8, UINT64_C(1) << 62 | (cluster(6) + 100));
	expect("qcow2.overlap", OUTCOME_BROKEN, "", __LINE__);
}

/*
 * A map of more than 256 MiB is not gone through when it is opened, unless the file looks cut: by what the last block of
 * refcounts says of it.
 */
static void test_large(void)
{
	static const struct {
		unsigned order;
		uint64_t last; /* the last cluster that is counted, of those that the file has: 3 */
		bool cut, table;
	} rows[] = {{4, 2, false, true}, {4, 200, true, true}, {6, 2, false, true}, {0, 200, true, true}, {4, 2, true, false}};
	const unsigned big = 21;
	const uint64_t tables = 129, size = 140ull << big;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		bits = 12;
		make(12, rows[i].order);
		put(20, 4, big);
		put(24, 8, tables << (big + big - 3));
		put(36, 4, tables);
		put(40, 8, 3ull << big);
		put(48, 8, rows[i].table ? 1ull << big : 512);
		files_init(&x, &image_qcow2);
		int fd = memfd_create("qcow2", MFD_CLOEXEC);
		uint8_t number[8], block[2048] = {0};
		NEED(fd >= 0 && !ftruncate(fd, (off_t)size) && pwrite(fd, file, 4096, 0) == 4096);
		for (uint64_t n = 0; n < tables; n++) {
			for (int k = 0; k < 8; k++)
				number[k] = (uint8_t)((4 + n) << big >> 8 * (7 - k));
			NEED(pwrite(fd, number, 8, (off_t)((3ull << big) + 8 * n)) == 8);
		}
		for (int k = 0; k < 8; k++)
			number[k] = (uint8_t)(2ull << big >> 8 * (7 - k));
		NEED(pwrite(fd, number, 8, 1 << big) == 8);
		uint64_t at = rows[i].order == 0 ? rows[i].last / 8 : rows[i].last << (rows[i].order - 3);
		block[at + (rows[i].order == 4 ? 1 : rows[i].order == 6 ? 7 : 0)] = 1;
		NEED(pwrite(fd, block, sizeof block, 2 << big) == sizeof block);
		files_add(&x, "q", NULL, 0)->source = source_open_fd(fd, "q", &why);
		/* No time is left for the map: whether it is looked at shows. */
		x.b.deadline_ns = monotonic_ns() - 1;
		const struct image *im = open_as("q");
		CHECK_INT(im == NULL, rows[i].cut);
		CHECK_INT(why.cls, rows[i].cut ? ERROR_LIMIT : ERROR_NONE);
		CHECK(!says("qcow2.map", OUTCOME_HELD, ""));
		bool covered;
		if (im) {
			CHECK_INT(im->ops->verify(&x.items[0].image, "q", &x.f, &x.b, &covered, &why), -1);
			CHECK_INT(why.cls, ERROR_LIMIT);
		}
		files_free(&x);
	}
}

int main(void)
{
	RUN(test_backing);
	RUN(test_external);
	RUN(test_entries);
	RUN(test_large);
	return test_done();
}
