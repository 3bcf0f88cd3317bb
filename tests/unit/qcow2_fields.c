// SPDX-License-Identifier: GPL-3.0-or-later
/* qcow2 files that are made here field by field: headers, extensions, maps, refcounts, and the files they stand on. */
#include "vmdk_help.h"

extern const struct format image_qcow2;

#define CLUSTERS 8
#define HEADER 112 /* of the files here: with the kind of compression */

static uint8_t file[CLUSTERS << 16];
static unsigned bits;
static struct files x;
static struct error why;

static void put(size_t at, int bytes, uint64_t v)
{
	for (int i = 0; i < bytes; i++)
		file[at + (size_t)i] = (uint8_t)(v >> 8 * (bytes - 1 - i));
}

static uint64_t cluster(uint64_t n)
{
	return n << bits;
}

static void count(unsigned order, uint64_t i, uint64_t v)
{
	if (order >= 3) {
		put(cluster(2) + (i << (order - 3)), 1 << (order - 3), v);
		return;
	}
	unsigned width = 1u << order, per = 8 / width;
	uint8_t *p = file + cluster(2) + i / per;
	*p &= (uint8_t)~(((1u << width) - 1) << i % per * width);
	*p |= (uint8_t)(v << i % per * width);
}

/* Header, refcount table and block, L1, L2; then the disk's first two clusters, of four. */
static void make(unsigned cluster_bits, unsigned order)
{
	bits = cluster_bits;
	memset(file, 0, sizeof file);
	memcpy(file, "QFI\xfb", 4);
	put(4, 4, 3);
	put(20, 4, bits);
	put(24, 8, cluster(4));
	put(36, 4, 1);
	put(40, 8, cluster(3));
	put(48, 8, cluster(1));
	put(56, 4, 1);
	put(96, 4, order);
	put(100, 4, HEADER);
	put(cluster(1), 8, cluster(2));
	put(cluster(3), 8, cluster(4) | UINT64_C(1) << 63);
	for (uint64_t i = 0; i < 2; i++) {
		put(cluster(4) + 8 * i, 8, cluster(5 + i) | UINT64_C(1) << 63);
		memset(file + cluster(5 + i), (int)('a' + i), cluster(1));
	}
	for (uint64_t i = 0; i < 7; i++)
		count(order, i, 1);
}

/* Of a copy of the file, under this name. */
static void add(const char *name, size_t len)
{
	uint8_t *copy = malloc(len + 1);
	NEED(copy);
	memcpy(copy, file, len);
	files_add(&x, name, copy, len);
}

static const struct image *open_as(const char *name)
{
	memset(&why, 0, sizeof why);
	return file_image(&x, name, false, &why);
}

static const struct image *open_it(void)
{
	files_init(&x, &image_qcow2);
	add("q", cluster(CLUSTERS));
	return open_as("q");
}

static bool says(const char *check, enum outcome o, const char *words)
{
	vec_each(&x.f, it)
		if (!strcmp(it->check, check) && it->outcome == o && strstr(it->detail, words))
			return true;
	return false;
}

static void refused(enum error_class cls, const char *words, int line)
{
	const struct image *im = open_it();
	if (im || why.cls != cls || !strstr(why.text, words)) {
		fprintf(stderr, "line or row %d: %s: %s; not %s\n", line, error_class_name(why.cls), im ? "fine" : why.text, words);
		test_bad_here++;
	}
	files_free(&x);
}

static void expect(const char *check, enum outcome o, const char *words, int line)
{
	const struct image *im = open_it();
	if (!im || !says(check, o, words)) {
		fprintf(stderr, "line or row %d: %s; not %s\n", line, im ? "fine, or something else" : why.text, words);
		vec_each(&x.f, it) fprintf(stderr, "\t%s: %s: %s\n", it->check, outcome_name(it->outcome), it->detail);
		test_bad_here++;
	}
	files_free(&x);
}

static void test_refcounts(void)
{
	for (unsigned order = 0; order <= 6; order++) {
		make(12, order);
		expect("qcow2.refcounts", OUTCOME_HELD, "", (int)order);
		count(order, 5, 0);
		expect("qcow2.refcounts", OUTCOME_BROKEN, "a refcount of 0", (int)order);
		if (!order)
			continue;
		/* A cluster that two may use: then it must not be marked as used by one. */
		count(order, 5, 2);
		expect("qcow2.copied", OUTCOME_SKIPPED, "1 clusters are not marked", (int)order);
		put(cluster(4) + 8, 8, cluster(5));
		expect("qcow2.overlap", OUTCOME_HELD, "", (int)order);
	}
	static const struct {
		size_t at;
		int bytes;
		uint64_t value;
		const char *words;
	} rows[] = {
		{48, 8, 0, "table lies outside"},
		{48, 8, 4096 + 512, "table lies outside"},
		{48, 8, 1 << 20, "table lies outside"},
		{56, 4, 0, "table lies outside"},
		{56, 4, 8, "table lies outside"},
		{4096, 8, 8192 + 512, "block lies outside"},
		{4096, 8, 1 << 20, "block lies outside"},
		{4096, 8, 32768, "block lies outside"},
		{4096, 8, 0, "a refcount of 0"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		make(12, 4);
		put(rows[i].at, rows[i].bytes, rows[i].value);
		expect("qcow2.refcounts", OUTCOME_BROKEN, rows[i].words, (int)i);
	}
	/* A block that something else uses as well; and what is wrong in more places than are told. */
	make(12, 4);
	put(4096 + 8, 8, cluster(5));
	expect("qcow2.overlap", OUTCOME_BROKEN, "", __LINE__);
	make(12, 4);
	for (size_t i = 0; i < 4; i++)
		put(cluster(4) + 8 * i, 8, cluster(5) | 2);
	put(24, 8, cluster(12));
	for (size_t i = 4; i < 12; i++)
		put(cluster(4) + 8 * i, 8, cluster(5) | 2);
	expect("qcow2.map", OUTCOME_BROKEN, "12 places of the map are wrong", __LINE__);
	/* What lies behind the disk in its last L2 table is the state of a machine. */
	make(12, 4);
	put(cluster(4) + 32, 8, 1 << 30);
	expect("qcow2.map", OUTCOME_HELD, "", __LINE__);
	make(12, 4);
	put(72, 8, 1);
	put(48, 8, cluster(1));
	count(4, 5, 0);
	expect("qcow2.dirty", OUTCOME_SKIPPED, "lazily", __LINE__);
}

static void test_header(void)
{
	static const struct {
		size_t at;
		int bytes;
		uint64_t value;
		enum error_class cls;
		const char *words;
	} rows[] = {
		{100, 4, 96, ERROR_CORRUPT, "its length is impossible"},
		{100, 4, 107, ERROR_CORRUPT, "its length is impossible"},
		{100, 4, 8192, ERROR_CORRUPT, "its length is impossible"},
		{96, 4, 7, ERROR_CORRUPT, "more than 64 bits"},
		{32, 4, 3, ERROR_UNSUPPORTED, "encryption method 3"},
		{72, 8, 8, ERROR_CORRUPT, "contradict each other"},
		{104, 1, 1, ERROR_CORRUPT, "contradict each other"},
		{72, 8, 16, ERROR_CORRUPT, "too small for extended"},
		{72, 8, UINT64_C(1) << 63, ERROR_UNSUPPORTED, "feature 63,"},
		{24, 8, UINT64_C(1) << 40, ERROR_CORRUPT, "do not map a disk"},
		{36, 4, 0, ERROR_CORRUPT, "do not map a disk"},
		{40, 8, 0, ERROR_CORRUPT, "L1 table's offset 0"},
		{40, 8, 12288 + 8, ERROR_CORRUPT, "L1 table's offset 12296"},
		{40, 8, 1 << 20, ERROR_CORRUPT, "beyond the end of the file"},
		{36, 4, 4096, ERROR_CORRUPT, "beyond the end of the file"},
		{12288, 8, 16384 + 512, ERROR_CORRUPT, "L1 entry 0 is impossible"},
		{12288, 8, UINT64_C(1) << 63, ERROR_CORRUPT, "L1 entry 0 is impossible"},
		{12288, 8, 16384 | 2, ERROR_CORRUPT, "L1 entry 0 is impossible"},
		{12288, 8, 32768, ERROR_CORRUPT, "the L2 table at 32768 lies beyond"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		make(12, 4);
		put(rows[i].at, rows[i].bytes, rows[i].value);
		refused(rows[i].cls, rows[i].words, (int)i);
	}
	make(12, 4);
	put(72, 8, 8);
	file[104] = 2;
	refused(ERROR_UNSUPPORTED, "compression type 2", __LINE__);
	/* Version 2 knows none of that, and version 3 only where its header is long enough. */
	make(12, 4);
	put(4, 4, 2);
	put(100, 4, 7);
	file[104] = 1;
	expect("qcow2.header", OUTCOME_HELD, "version 2", __LINE__);
	make(12, 4);
	put(100, 4, 104);
	expect("qcow2.header", OUTCOME_HELD, "zlib", __LINE__);
	/* A disk of nothing needs no map. */
	make(12, 4);
	put(24, 8, 0);
	put(36, 4, 0);
	put(40, 8, 0);
	expect("qcow2.map", OUTCOME_HELD, "", __LINE__);
	for (size_t len = 0; len < 4096; len += len < 120 ? 3 : 500) {
		make(12, 4);
		files_init(&x, &image_qcow2);
		add("q", len);
		CHECK(!open_as("q") && why.cls == ERROR_CORRUPT);
		files_free(&x);
	}
}

static size_t extension(size_t at, uint32_t type, const void *p, size_t len)
{
	put(at, 4, type);
	put(at + 4, 4, len);
	memcpy(file + at + 8, p, len);
	return at + 8 + (len + 7) / 8 * 8;
}

#define BACKING_FORMAT 0xe2792aca
#define NAMES 0x6803f857
#define DATA_FILE 0x44415441

static void test_extensions(void)
{
	static char text[1100];
	memset(text, 'a', sizeof text);
	static const struct {
		uint32_t type;
		size_t len;
		const char *words; /* NULL: it is passed over */
	} rows[] = {
		{BACKING_FORMAT, 0, "format of the backing file is no name"},
		{BACKING_FORMAT, 64, "format of the backing file is no name"},
		{BACKING_FORMAT, 63, NULL},
		{DATA_FILE, 0, "external data file is no name"},
		{DATA_FILE, 1024, "external data file is no name"},
		{DATA_FILE, 1023, NULL},
		{0x12345678, 1000, NULL},
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		make(12, 4);
		extension(extension(HEADER, rows[i].type, text, rows[i].len), 0, "", 0);
		if (rows[i].words)
			refused(ERROR_CORRUPT, rows[i].words, (int)i);
		else
			expect("qcow2.header", OUTCOME_HELD, "", (int)i);
	}
	make(12, 4);
	extension(HEADER, BACKING_FORMAT, "ra\0w", 4);
	refused(ERROR_CORRUPT, "format of the backing file is no name", __LINE__);
	/* Longer than there is room; up to the last byte; without an end. */
	make(12, 4);
	put(HEADER, 4, 1);
	put(HEADER + 4, 4, 4096 - HEADER - 8 + 1);
	refused(ERROR_CORRUPT, "extension 00000001 is too long", __LINE__);
	put(HEADER + 4, 4, 4096 - HEADER - 8);
	expect("qcow2.header", OUTCOME_HELD, "", __LINE__);
	put(HEADER + 4, 4, 4096 - HEADER - 16);
	put(4096 - 8, 4, 1);
	expect("qcow2.header", OUTCOME_HELD, "", __LINE__);
	put(4096 - 4, 4, 1);
	refused(ERROR_CORRUPT, "extension 00000001 is too long", __LINE__);
	/* They end where the name of the backing file begins, and padding need not be there. */
	make(12, 4);
	extension(HEADER, 1, "abc", 3);
	put(8, 8, HEADER + 8 + 3);
	put(16, 4, 0);
	expect("qcow2.header", OUTCOME_HELD, "", __LINE__);
	/* What a feature is called, says a table. */
	uint8_t names[3 * 48] = {0, 5, 'o', 't', 'h', 'e', 'r'};
	names[48] = 1;
	names[49] = 40;
	names[48 + 2] = 'c';
	names[97] = 40;
	memcpy(names + 98, "hypercube", 9);
	make(12, 4);
	put(72, 8, UINT64_C(1) << 40);
	extension(HEADER, NAMES, names, sizeof names);
	refused(ERROR_UNSUPPORTED, "feature 40 (hypercube), which", __LINE__);
	put(HEADER + 4, 4, 96);
	memset(file + HEADER + 8 + 96, 0, 48);
	refused(ERROR_UNSUPPORTED, "feature 40, which", __LINE__);
}

static void test_backing_names(void)
{
	static const struct {
		uint64_t at;
		uint32_t len;
		enum error_class cls;
		const char *words;
	} rows[] = {
		{1024, 1024, ERROR_CORRUPT, "too long"},
		{HEADER - 8, 4, ERROR_CORRUPT, "outside the first cluster"},
		{4097, 4, ERROR_CORRUPT, "outside the first cluster"},
		{UINT64_MAX, 4, ERROR_CORRUPT, "outside the first cluster"},
		{4094, 4, ERROR_CORRUPT, "outside the first cluster"},
		{1024, 4, ERROR_CORRUPT, "backing file is no name"}, /* zeros */
		{512, 4, ERROR_MISSING, "base"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		make(12, 4);
		memcpy(file + 512, "base", 4);
		put(8, 8, rows[i].at);
		put(16, 4, rows[i].len);
		refused(rows[i].cls, rows[i].words, (int)i);
	}
	/* A raw data file may be used without the map: nothing may be behind it. */
	make(12, 4);
	memcpy(file + 512, "base", 4);
	put(8, 8, 512);
	put(16, 4, 4);
	put(72, 8, 4);
	put(88, 8, 2);
	refused(ERROR_CORRUPT, "exclude each other", __LINE__);
	make(12, 4);
	memcpy(file + 512, "q", 1);
	put(8, 8, 512);
	put(16, 4, 1);
	refused(ERROR_CORRUPT, "leads back to itself", __LINE__);
}

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
			CHECK_STR(im->parent, scheme ? "file:base" : "base");
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

int main(void)
{
	RUN(test_refcounts);
	RUN(test_header);
	RUN(test_extensions);
	RUN(test_backing_names);
	RUN(test_backing);
	RUN(test_external);
	RUN(test_entries);
	return test_done();
}
