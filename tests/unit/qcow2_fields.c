// SPDX-License-Identifier: GPL-3.0-or-later
/* qcow2 files that are made field by field: headers, extensions, refcounts, names. */
#include "qcow2_help.h"

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

#define BACKING_FORMAT 0xe2792aca
#define NAMES 0x6803f857

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

int main(void)
{
	RUN(test_refcounts);
	RUN(test_header);
	RUN(test_extensions);
	RUN(test_backing_names);
	return test_done();
}
