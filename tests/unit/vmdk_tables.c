// SPDX-License-Identifier: GPL-3.0-or-later
/* Sparse extents of VMDK that are made here: headers, directories and grain tables that can't be. */
#include "vmdk_help.h"

extern const struct format image_vmdk;

#define SECTORS 400
#define OVERHEAD 24
#define GRAIN 8
#define GRAINS 8
enum { REDUNDANT = 1, SECOND_TABLE = 2, DIRECTORY = 6, TABLE = 7 }; /* sectors */

static uint8_t file[SECTORS * 512];
static size_t len;
static struct files x;
static struct error why;

static void put(size_t at, int bytes, uint64_t v)
{
	for (int i = 0; i < bytes; i++)
		file[at + (size_t)i] = (uint8_t)(v >> 8 * i);
}

static void entry(unsigned grain, uint32_t sector)
{
	put(TABLE * 512 + 4 * grain, 4, sector);
	put(SECOND_TABLE * 512 + 4 * grain, 4, sector);
}

/* A disk of eight grains of 4 KiB, with both copies of the map; all of its grains are there, in order. */
static void make(void)
{
	memset(file, 0, sizeof file);
	memcpy(file, "KDMV", 4);
	put(4, 4, 1);
	put(8, 4, 3);
	put(12, 8, GRAINS * GRAIN);
	put(20, 8, GRAIN);
	put(44, 4, 512);
	put(48, 8, REDUNDANT);
	put(56, 8, DIRECTORY);
	put(64, 8, OVERHEAD);
	memcpy(file + 73, "\n \r\n", 4);
	put(REDUNDANT * 512, 4, SECOND_TABLE);
	put(DIRECTORY * 512, 4, TABLE);
	for (unsigned i = 0; i < GRAINS; i++)
		entry(i, OVERHEAD + i * GRAIN);
	len = (OVERHEAD + GRAINS * GRAIN) * 512;
}

static const struct image *open_it(uint64_t capacity, bool in_time)
{
	char text[200];
	uint8_t *copy = malloc(len + 1);
	NEED(copy);
	memcpy(copy, file, len);
	files_init(&x, &image_vmdk);
	files_add(&x, "s.vmdk", copy, len);
	snprintf(text, sizeof text, "# Disk DescriptorFile\nversion=1\nCID=12345678\nparentCID=ffffffff\ncreateType=\"custom\"\n"
		 "RW %llu SPARSE \"s.vmdk\"\n", (unsigned long long)capacity);
	files_text(&x, "a.vmdk", text);
	if (!in_time)
		x.b.deadline_ns = monotonic_ns() - 1;
	memset(&why, 0, sizeof why);
	return file_image(&x, "a.vmdk", false, &why);
}

static void refused(enum error_class cls, const char *words, int line)
{
	const struct image *im = open_it(get_le64(file + 12), true);
	if (im || why.cls != cls || !strstr(why.text, words)) {
		fprintf(stderr, "line or row %d: %s: %s; not %s\n", line, error_class_name(why.cls), im ? "fine" : why.text, words);
		test_bad_here++;
	}
	files_free(&x);
}

static bool says(const char *check, enum outcome o, const char *words)
{
	vec_each(&x.f, it)
		if (!strcmp(it->check, check) && it->outcome == o && strstr(it->detail, words))
			return true;
	return false;
}

static void expect(const char *check, enum outcome o, const char *words, int line)
{
	const struct image *im = open_it(get_le64(file + 12), true);
	if (!im || !says(check, o, words)) {
		fprintf(stderr, "line %d: %s; not %s\n", line, im ? "something else" : why.text, words);
		vec_each(&x.f, it) fprintf(stderr, "\t%s: %s: %s\n", it->check, outcome_name(it->outcome), it->detail);
		test_bad_here++;
	}
	files_free(&x);
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
		{0, 1, 'k', ERROR_CORRUPT, "no sparse extent"},
		{4, 4, 0, ERROR_UNSUPPORTED, "version 0"},
		{4, 4, 4, ERROR_UNSUPPORTED, "version 4"},
		{8, 4, 0x40003, ERROR_UNSUPPORTED, "unknown flags"},
		{73, 1, '\r', ERROR_CORRUPT, "copied as text"},
		{77, 2, 1, ERROR_CORRUPT, "no grain is compressed"},
		{8, 4, 0x30003, ERROR_UNSUPPORTED, "compressed by method 0"},
		{12, 8, 0, ERROR_CORRUPT, ""},
		{12, 8, UINT64_C(1) << 54, ERROR_CORRUPT, ""},
		{20, 8, 0, ERROR_CORRUPT, "grains of 0 sectors"},
		{20, 8, 12, ERROR_CORRUPT, "grains of 12 sectors"},
		{20, 8, 65536, ERROR_CORRUPT, "grains of 65536 sectors"},
		{44, 4, 256, ERROR_UNSUPPORTED, "tables of 256 entries"},
		{56, 8, 0, ERROR_CORRUPT, "directory at sector 0"},
		{56, 8, 88, ERROR_CORRUPT, "directory at sector 88"},
		{56, 8, UINT64_C(1) << 60, ERROR_CORRUPT, "does not lie inside the file"},
		{48, 8, DIRECTORY, ERROR_CORRUPT, "copies of the grain directory are one"},
		{48, 8, 89, ERROR_CORRUPT, "directory at sector 89"},
		{64, 8, 89, ERROR_CORRUPT, "its metadata alone"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		make();
		put(rows[i].at, rows[i].bytes, rows[i].value);
		refused(rows[i].cls, rows[i].words, (int)i);
	}
	make();
	put(8, 4, 0x10003);
	put(77, 2, 1);
	refused(ERROR_UNSUPPORTED, "without markers", __LINE__);
	for (size_t cut = 0; cut < 512; cut += 100) {
		make();
		len = cut;
		refused(ERROR_CORRUPT, "", __LINE__);
	}
	/* A descriptor inside that does not lie inside: behind the end, or longer than all of the file. */
	make();
	put(28, 8, 87);
	put(36, 8, 2);
	refused(ERROR_CORRUPT, "does not lie inside the file", __LINE__);
	put(28, 8, 1);
	put(36, 8, 89);
	refused(ERROR_CORRUPT, "does not lie inside the file", __LINE__);
	put(36, 8, UINT64_C(1) << 40);
	refused(ERROR_CORRUPT, "does not lie inside the file", __LINE__);
	/* Line ends need not be kept where no flag says so; nor need the metadata be counted. */
	make();
	put(8, 4, 2);
	file[73] = 0;
	expect("vmdk.header", OUTCOME_HELD, "version 1", __LINE__);
	make();
	put(64, 8, 0);
	expect("vmdk.tables", OUTCOME_HELD, "each its own", __LINE__);
	make();
	put(72, 1, 1);
	expect("vmdk.unclean", OUTCOME_UNPROVEN, "not closed", __LINE__);
}

static void test_places(void)
{
	static const struct {
		uint32_t entries[4]; /* of the first grains; 0: as it is */
		enum error_class cls;
		const char *words; /* NULL: it is good */
	} rows[] = {
		{{0}, 0, NULL},
		{{OVERHEAD - 1}, ERROR_CORRUPT, "among the metadata"},
		{{TABLE}, ERROR_CORRUPT, "among the metadata"},
		{{1000}, ERROR_CORRUPT, "it is cut, or its map"},
		{{SECTORS - GRAIN + 1}, ERROR_CORRUPT, "it is cut, or its map"},
		{{UINT32_MAX}, ERROR_CORRUPT, "it is cut, or its map"},
		{{32}, ERROR_CORRUPT, "two grains lie in one place"},
		/* Out of step: beside each other, on one that is in step, on one another, in either order. */
		{{0, 97, 106, 115}, 0, NULL},
		{{0, 97, 104}, ERROR_CORRUPT, "two grains lie in one place"},
		{{0, 33}, ERROR_CORRUPT, "two grains lie in one place"},
		{{0, 97, 101}, ERROR_CORRUPT, "two grains lie in one place"},
		{{0, 101, 97}, ERROR_CORRUPT, "two grains lie in one place"},
		{{0, 87}, ERROR_CORRUPT, "two grains lie in one place"},
		{{103, 112, 121, 128}, ERROR_CORRUPT, "two grains lie in one place"},
		{{103, 112, 122, 131}, 0, NULL},
		{{103, 111, 112}, ERROR_CORRUPT, "two grains lie in one place"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		make();
		len = sizeof file;
		if (rows[i].entries[0] >= 100 && rows[i].entries[0] < SECTORS - GRAIN)
			for (unsigned k = 0; k < GRAINS; k++)
				entry(k, 0);
		for (unsigned k = 0; k < 4; k++)
			if (rows[i].entries[k])
				entry(k, rows[i].entries[k]);
		if (rows[i].words)
			refused(rows[i].cls, rows[i].words, (int)i);
		else
			expect("vmdk.tables", OUTCOME_HELD, "each its own", (int)i);
	}
	make();
	entry(GRAINS, 200);
	refused(ERROR_CORRUPT, "a grain behind the end of the disk", __LINE__);
	/* A grain of zeros is one only where a flag says so. */
	make();
	entry(0, 1);
	refused(ERROR_CORRUPT, "among the metadata", __LINE__);
	put(8, 4, 7);
	expect("vmdk.tables", OUTCOME_HELD, "7 grains", __LINE__);
	/* Grains of an unusual size that leave most of the file to nobody. */
	make();
	len = sizeof file;
	expect("vmdk.room", OUTCOME_UNPROVEN, "which is unusual", __LINE__);
}

static void test_copies(void)
{
	make();
	put(SECOND_TABLE * 512 + 4, 4, 0);
	expect("vmdk.tables", OUTCOME_BROKEN, "redundant copy differ", __LINE__);
	make();
	put(REDUNDANT * 512, 4, 0);
	refused(ERROR_CORRUPT, "has no redundant copy", __LINE__);
	make();
	put(DIRECTORY * 512, 4, 0);
	expect("vmdk.tables", OUTCOME_BROKEN, "redundant copy differ", __LINE__);
	put(REDUNDANT * 512, 4, 0);
	expect("vmdk.tables", OUTCOME_HELD, "0 grains", __LINE__);
	make();
	put(8, 4, 1); /* the flag says that there is one copy */
	put(SECOND_TABLE * 512, 4, 77);
	expect("vmdk.tables", OUTCOME_HELD, "8 grains", __LINE__);
	static const unsigned copies[] = {DIRECTORY, REDUNDANT};
	for (size_t i = 0; i < 2; i++) {
		make();
		put(copies[i] * 512, 4, 86);
		refused(ERROR_CORRUPT, "grain table 0 would lie at sector 86", __LINE__);
		put(copies[i] * 512, 4, UINT32_MAX);
		refused(ERROR_CORRUPT, "grain table 0 would lie", __LINE__);
	}
	/* Two tables side by side in both copies, then in one of them only; more of them than the file has room for. */
	for (int apart = 0; apart < 3; apart++) {
		make();
		put(12, 8, 2 * 512 * GRAIN);
		len = sizeof file;
		put(DIRECTORY * 512 + 4, 4, apart == 1 ? 300 : TABLE + 4);
		put(REDUNDANT * 512 + 4, 4, apart == 2 ? 300 : TABLE + 8);
		put(REDUNDANT * 512, 4, apart == 2 ? SECOND_TABLE : TABLE + 12);
		memcpy(file + (TABLE + 12) * 512, file + TABLE * 512, 2048);
		put(64, 8, OVERHEAD);
		for (unsigned k = 0; k < GRAINS; k++)
			for (int copy = 0; copy < 3; copy++)
				put((size_t)(copy == 0 ? TABLE : copy == 1 ? SECOND_TABLE : TABLE + 12) * 512 + 4 * k, 4, 100 + 8 * k);
		const struct image *im = open_it(2 * 512 * GRAIN, true);
		CHECK(im && says("vmdk.tables", OUTCOME_HELD, "8 grains"));
		if (!im)
			fprintf(stderr, "%d: %s\n", apart, why.text);
		files_free(&x);
	}
	make();
	put(8, 4, 1);
	put(12, 8, 100 * 512 * GRAIN);
	memset(file + TABLE * 512, 0, 2048);
	for (size_t i = 0; i < 100; i++)
		put(DIRECTORY * 512 + 4 * i, 4, TABLE);
	refused(ERROR_CORRUPT, "its grain tables lie on each other", __LINE__);
	/* No time is left to look at them. */
	make();
	CHECK(!open_it(GRAINS * GRAIN, false) && why.cls == ERROR_LIMIT);
	files_free(&x);
}

int main(void)
{
	RUN(test_header);
	RUN(test_places);
	RUN(test_copies);
	return test_done();
}
