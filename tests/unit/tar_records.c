// SPDX-License-Identifier: GPL-3.0-or-later
/* The fields of tar headers and the records of extended ones, each way that is written and each that is none. */
#include "../../src/archive/tar_header.h"
#include "backproof/format.h"
#include "test.h"

extern const struct format archive_tar;

static uint8_t block[TAR_BLOCK];

static unsigned sum_of(bool with_signs)
{
	int sum = 0;
	for (size_t i = 0; i < TAR_BLOCK; i++)
		sum += i >= TAR_CHECKSUM && i < TAR_CHECKSUM + 8 ? ' ' : with_signs ? (int8_t)block[i] : block[i];
	return (unsigned)sum;
}

/* As most writers lay it out. */
static void seal(const char *how, bool with_signs)
{
	char text[16];
	snprintf(text, sizeof text, how, sum_of(with_signs));
	memcpy(block + TAR_CHECKSUM, text, 8);
}

static void make(void)
{
	memset(block, 0, sizeof block);
	strcpy((char *)block, "name");
	static const uint16_t fields[][2] = {{TAR_MODE, 8}, {TAR_UID, 8}, {TAR_GID, 8}, {TAR_SIZE, 12}, {TAR_MTIME, 12}};
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		memset(block + fields[i][0], '0', fields[i][1] - 1u);
	block[TAR_TYPE] = '0';
	memcpy(block + TAR_MAGIC, "ustar\00000", 8);
	seal("%06o\0 ", false);
	block[TAR_CHECKSUM + 7] = ' ';
}

static void test_numbers(void)
{
	static const struct {
		const char *field;
		int64_t value; /* -1: it is none */
	} rows[] = {
		{"00000000017\0", 15}, {"         17 ", 15}, {"17          ", 15}, {"777777777777", INT64_C(0777777777777)},
		{"\0\0\0\0\0\0\0\0\0\0\0", 0}, {"            ", 0}, {"00000000018\0", -1}, {"0000 000017\0", -1},
		{"x0000000017\0", -1}, {"00000000017x", -1}, {"\x80\0\0\0\0\0\0\0\0\0\1\2", 258},
		{"\x80\0\0\0\x7f\xff\xff\xff\xff\xff\xff\xff", INT64_MAX}, {"\x80\0\0\0\x80\0\0\0\0\0\0", -1},
		{"\x81\0\0\0\0\0\0\0\0\0\0", -1}, {"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", -1},
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		uint64_t n = 0;
		int rc = tar_number((const uint8_t *)rows[i].field, 12, &n);
		CHECK_INT(rc < 0 ? -1 : (int64_t)n, rows[i].value);
	}
	uint64_t n;
	CHECK_INT(tar_number((const uint8_t *)"7777777777777777777777", 22, &n), -1);
}

static int bid(size_t length)
{
	struct probe p = {.head = block, .head_length = length};
	return archive_tar.bid(&p);
}

static void test_checksums(void)
{
	make();
	CHECK(tar_checksum_fits(block, true) && tar_checksum_fits(block, false));
	/* Node puts it the other way round, Rust has seven digits; three are of nobody today. */
	seal("%06o ", false);
	block[TAR_CHECKSUM + 7] = 0;
	CHECK(tar_checksum_fits(block, true));
	seal("%07o", false);
	CHECK(tar_checksum_fits(block, true));
	seal("%6o  ", false);
	CHECK(!tar_checksum_fits(block, true) && tar_checksum_fits(block, false));
	seal("%06o  ", false);
	CHECK(!tar_checksum_fits(block, true) && tar_checksum_fits(block, false));
	seal("%07o ", false);
	CHECK(!tar_checksum_fits(block, true) && tar_checksum_fits(block, false));
	block[TAR_CHECKSUM + 6] = 'x';
	CHECK(!tar_checksum_fits(block, true) && !tar_checksum_fits(block, false));
	make();
	block[0] ^= 1;
	CHECK(!tar_checksum_fits(block, true) && !tar_checksum_fits(block, false));
	make();
	block[TAR_CHECKSUM] = 0x80;
	CHECK(!tar_checksum_fits(block, false));
	/* Signed bytes: a few of the old systems; and a sum that would be negative is none. */
	make();
	memcpy(block, "\xe4\xf6\xfc", 3);
	seal("%06o", true);
	block[TAR_CHECKSUM + 7] = ' ';
	CHECK(tar_checksum_fits(block, true));
	memset(block + 345, 0x80, 155);
	CHECK(!tar_checksum_fits(block, true));
}

static void test_bid(void)
{
	make();
	CHECK_INT(bid(512), 90);
	CHECK_INT(bid(511), 0);
	memset(block + TAR_MAGIC, 0, 8);
	seal("%06o", false);
	CHECK_INT(bid(512), 30);
	static const struct {
		unsigned at;
		int value, want;
	} rows[] = {
		{TAR_NAME, 0, 0}, {TAR_TYPE, 0, 90}, {TAR_TYPE, '9', 90}, {TAR_TYPE, 'A', 90}, {TAR_TYPE, 'x', 90},
		{TAR_TYPE, 'Z', 90}, {TAR_TYPE, '/', 0}, {TAR_TYPE, ':', 0}, {TAR_TYPE, '[', 0}, {TAR_TYPE, '{', 0},
		{TAR_TYPE, 0xff, 0}, {TAR_MODE, 'x', 0}, {TAR_UID, 'x', 0}, {TAR_GID, '9', 0}, {TAR_SIZE, 'x', 0},
		{TAR_MTIME, 'x', 0}, {TAR_MTIME, 0xff, 90}, {TAR_UID, 0x80, 90},
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		make();
		block[rows[i].at] = (uint8_t)rows[i].value;
		seal("%06o", false);
		CHECK_INT(bid(512), rows[i].want);
		if (bid(512) != rows[i].want)
			fprintf(stderr, "row %zu\n", i);
	}
}

/* Whether the size says how much data follows. */
static void test_sizes(void)
{
	static const struct {
		char type;
		const char *magic;
		bool plain, pax;
	} rows[] = {
		{'0', "ustar\00000", true, true},  {'2', "ustar\00000", false, false}, {'5', "ustar\00000", false, false},
		{'6', "ustar  \0", false, false},  {'7', "ustar\00000", true, true},   {'1', "ustar\00000", false, true},
		{'1', "ustar  \0", false, true},   {'1', "ustar\0  ", true, true},     {'1', "\0\0\0\0\0\0\0", false, true},
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		make();
		block[TAR_TYPE] = (uint8_t)rows[i].type;
		memcpy(block + TAR_MAGIC, rows[i].magic, 8);
		CHECK_INT(tar_size_counts(block, false), rows[i].plain);
		CHECK_INT(tar_size_counts(block, true), rows[i].pax);
	}
}

static struct tar_records r;
static size_t at;

static const char *parse(const char *text)
{
	return tar_records_parse((const uint8_t *)text, strlen(text), &r, &at);
}

/* A record of its own length. */
static const char *one(const char *key, const char *value)
{
	static char text[300];
	size_t len = strlen(key) + strlen(value) + 3, digits = len + 1 < 10 ? 1 : len + 2 < 100 ? 2 : 3;
	snprintf(text, sizeof text, "%zu %s=%s\n", len + digits, key, value);
	return parse(text);
}

static void test_records(void)
{
	static const char *const bad[] = {
		"x path=a\n", "9", "9path=a\n", "99999999999999999999 path=a\n", "18446744073709551616 a=b\n",
		"9223372036854775807 a=b\n",
	};
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		CHECK_STR(parse(bad[i]), "a record does not begin with its length");
	static const char *const lengths[] = {"11 path=a\n", "2 path=a\n", "8 path=a\n", "9 path=a_"};
	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++)
		CHECK_STR(parse(lengths[i]), "a record's length does not lead to its end");
	CHECK_STR(parse("9 path_a\n"), "a record has no keyword");
	CHECK_STR(parse("8 =path\n"), "a record has no keyword");
	CHECK_STR(parse("9 path=a\n9 path_b\n"), "a record has no keyword");
	CHECK_INT(at, 9);
	CHECK(!parse("") && !r.has_size && !r.names_members && !r.sparse && !r.unsupported);
	static const struct {
		const char *key, *value;
		bool bad, has_size, names, sparse, unsupported;
		uint64_t bytes;
	} rows[] = {
		{"size", "12", .has_size = true},
		{"size", "", .bad = true, .has_size = true},
		{"size", "12x", .bad = true, .has_size = true},
		{"size", "9223372036854775807", .bad = true, .has_size = true},
		{"path", "a", .names = true},
		{"linkpath", "a", .names = true},
		{"comment", "a"},
		{"SUN.holesdata", "1", .unsupported = true},
		{"SCHILY.realsize", "1", .unsupported = true},
		{"GNU.sparse", "1"},
		{"GNU.sparse.major", "1", .sparse = true},
		{"GNU.sparse.major", "0", .sparse = true},
		{"GNU.sparse.major", "2", .sparse = true, .unsupported = true},
		{"GNU.sparse.major", "a", .sparse = true, .bad = true},
		{"GNU.sparse.minor", "0", .sparse = true},
		{"GNU.sparse.minor", "1", .sparse = true},
		{"GNU.sparse.minor", "2", .sparse = true, .unsupported = true},
		{"GNU.sparse.minor", "-", .sparse = true, .bad = true},
		{"GNU.sparse.numbytes", "512", .sparse = true, .bytes = 512},
		{"GNU.sparse.numbytes", "5 12", .sparse = true, .bad = true},
		{"GNU.sparse.name", "a", .sparse = true},
		{"GNU.sparse.map", "", .sparse = true},
		{"GNU.sparse.map", "0,512", .sparse = true, .bytes = 512},
		{"GNU.sparse.map", "0,512,1024,10", .sparse = true, .bytes = 522},
		{"GNU.sparse.map", "0,512,", .sparse = true, .bytes = 512},
		{"GNU.sparse.map", "0", .sparse = true, .bad = true},
		{"GNU.sparse.map", "0;512", .sparse = true, .bad = true},
		{"GNU.sparse.map", ",512", .sparse = true, .bad = true},
		{"GNU.sparse.map", "0,x", .sparse = true, .bad = true},
		{"GNU.sparse.map", "0,512;1024,10", .sparse = true, .bad = true},
		{"GNU.sparse.map", "0,9223372036854775806,0,9223372036854775806,0,9223372036854775806", .sparse = true, .bad = true},
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const char *wrong = one(rows[i].key, rows[i].value);
		int before = test_bad_here;
		CHECK_INT(wrong != NULL, rows[i].bad);
		CHECK_INT(r.has_size, rows[i].has_size);
		CHECK_INT(r.names_members, rows[i].names);
		CHECK_INT(r.sparse, rows[i].sparse);
		CHECK_INT(r.unsupported, rows[i].unsupported);
		if (!wrong)
			CHECK_INT(r.sparse_bytes, rows[i].bytes);
		if (before != test_bad_here)
			fprintf(stderr, "%s=%s: %s\n", rows[i].key, rows[i].value, wrong ? wrong : "fine");
	}
	/* Format 1.0 is the one whose map is in the data; there is no 1.1. */
	CHECK(!parse("22 GNU.sparse.major=1\n22 GNU.sparse.minor=0\n") && r.map_in_data && !r.unsupported);
	CHECK(!parse("22 GNU.sparse.major=1\n22 GNU.sparse.minor=1\n") && r.unsupported);
	CHECK(parse("43 GNU.sparse.numbytes=9223372036854775806\n43 GNU.sparse.numbytes=9223372036854775806\n"
		    "43 GNU.sparse.numbytes=9223372036854775806\n") != NULL);
}

int main(void)
{
	RUN(test_numbers);
	RUN(test_checksums);
	RUN(test_bid);
	RUN(test_sizes);
	RUN(test_records);
	return test_done();
}
