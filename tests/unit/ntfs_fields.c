// SPDX-License-Identifier: GPL-3.0-or-later
/* NTFS: one field after another of the boot sector, of records, attributes and indexes gets a value that can't be. */
#include "ntfs_help.h"

static void test_boot_fields(void)
{
	static const struct {
		unsigned at, width;
		uint64_t value;
	} cases[] = {
		{3, 1, 'X'},   {511, 1, 0},	{11, 2, 300},  {11, 2, 128},   {11, 2, 8192}, {13, 1, 3},
		{13, 1, 0},    {13, 1, 0xf4},	{13, 1, 0xe0}, {13, 1, 0xf3},  {40, 8, 0},    {40, 8, UINT64_MAX},
		{48, 8, 0},    {48, 8, 1 << 20}, {56, 8, 0},   {56, 8, 1 << 20}, {64, 1, 0x80}, {64, 1, 0},
		{64, 1, 3},    {64, 1, 32},	{64, 1, 0xf8}, {68, 1, 0x81},  {68, 1, 0xf8}, {68, 1, 5},
		{68, 1, 0xe4},
	};
	for (size_t k = 0; k < ARRAY_SIZE(cases); k++) {
		struct image i = copy_image(&whole);
		int before = test_bad_here;
		put(i.data + cases[k].at, cases[k].value, cases[k].width);
		EXPECT(&i, OUTCOME_BROKEN, "fs.open");
		if (test_bad_here != before)
			fprintf(stderr, "case %zu\n", k);
		free(i.data);
	}
}

/* The copy behind the last sector, and the copy of the first records. */
static void test_copies(void)
{
	struct image i = copy_image(&whole);
	uint8_t *copy = i.data + i.size - 512, *mirror = i.data + get_le64(i.data + 56) * 4096;
	copy[28] ^= 0xff; /* hidden sectors: partitioning tools write the first one only */
	copy[200] ^= 0xff;
	EXPECT(&i, OUTCOME_HELD, "ntfs.boot_copy");
	copy[510] = 0;
	EXPECT(&i, OUTCOME_BROKEN, "ntfs.boot_copy");
	copy[510] = 0x55;
	copy[511] = 0;
	EXPECT(&i, OUTCOME_BROKEN, "ntfs.boot_copy");
	memset(copy, 0, 512);
	EXPECT(&i, OUTCOME_BROKEN, "ntfs.boot_copy");
	memcpy(copy, i.data, 512);
	/* The same record, its update sequence elsewhere. */
	uint8_t keep[1024];
	memcpy(keep, mirror, sizeof keep);
	unprotect(mirror, 1024);
	put(mirror + 4, 50, 2);
	put(mirror + 50, 0x1234, 2);
	protect(mirror, 1024);
	EXPECT(&i, OUTCOME_BROKEN, "ntfs.mft_copy");
	memcpy(mirror, keep, sizeof keep);
	/* Another count of writes only: no difference here, but the library asks for the same. */
	unprotect(mirror, 1024);
	put(mirror + get_le16(mirror + 4), 0x1234, 2);
	protect(mirror, 1024);
	struct seen other;
	look("ntfs", &i, i.size, &other);
	CHECK(has(&other, "ntfs.mft_copy", OUTCOME_HELD));
	drop(&other);
	memcpy(mirror, keep, sizeof keep);
	/* Of a record that is not whole only the copy may be of use: it is said whether that is. */
	for (unsigned k = 0; k < 2; k++) {
		struct seen s;
		record(&i, 1)[1022] ^= 1;
		mirror[2046] ^= (uint8_t)k;
		look("ntfs", &i, i.size, &s);
		CHECK(!s.fs && s.e.cls == ERROR_CORRUPT && (k != 0) == !strstr(s.e.text, "is whole"));
		drop(&s);
		record(&i, 1)[1022] ^= 1;
	}
	free(i.data);
}

/* Of the attribute `type` of a file (0: of its record); "#n": record n. */
struct field {
	const char *name;
	uint32_t type;
	unsigned at, width;
	uint64_t value;
	const char *check;
};

static void set_field(const struct image *i, const struct field *f)
{
	struct rec r = rec_read(i, *f->name == '#' ? (unsigned)atoi(f->name + 1) : number_of(&whole, f->name));
	put((f->type ? attribute(r.b, f->type) : r.b) + f->at, f->value, f->width);
	r.used = f->type || f->at != 24 ? r.used : f->value;
	rec_write(&r);
}

#define RECORDS "ntfs.records"
#define CLUSTERS "ntfs.clusters"
#define DIRS "ntfs.directories"
#define NEGATIVE (UINT64_C(1) << 63)
static const struct field fields[] = {
	/* records */
	{"sparse", 0, 4, 2, 29, RECORDS},
	{"sparse", 0, 6, 2, 2, RECORDS},
	{"sparse", 0, 20, 2, 40, RECORDS},
	{"sparse", 0, 20, 2, 52, RECORDS},
	{"sparse", 0, 20, 2, 4096, RECORDS},
	{"sparse", 0, 22, 2, 0, RECORDS},
	{"sparse", 0, 24, 4, 60, RECORDS},
	{"sparse", 0, 24, 4, 2048, RECORDS},
	{"sparse", 0, 24, 4, 64, RECORDS},
	{"sparse", 0, 28, 4, 2048, RECORDS},
	{"sparse", 0, 32, 8, 1 << 30, RECORDS},
	{"sparse", 0, 44, 4, 7, RECORDS},
	/* attributes */
	{"sparse", 0x80, 4, 4, 56, RECORDS},
	{"sparse", 0x80, 4, 4, 20, RECORDS},
	{"sparse", 0x80, 4, 4, 68, RECORDS},
	{"sparse", 0x80, 9, 1, 200, RECORDS},
	{"sparse", 0x80, 16, 8, NEGATIVE, RECORDS},
	{"sparse", 0x80, 16, 8, 1 << 20, RECORDS},
	{"sparse", 0x80, 24, 8, NEGATIVE, RECORDS},
	{"sparse", 0x80, 24, 8, 300, CLUSTERS},
	{"sparse", 0x80, 24, 8, UINT64_MAX, CLUSTERS},
	{"sparse", 0x80, 32, 2, 40, RECORDS},
	{"sparse", 0x80, 32, 2, 4000, RECORDS},
	{"sparse", 0x80, 40, 8, NEGATIVE, RECORDS},
	{"sparse", 0x80, 48, 8, 1 << 30, RECORDS},
	{"sparse", 0x80, 56, 8, 1 << 30, RECORDS},
	{"sparse", 0x10, 16, 4, 40, RECORDS},
	{"sparse", 0x10, 20, 2, 4000, RECORDS},
	{"sparse", 0x30, 16, 4, 60, RECORDS},
	{"sparse", 0x30, 24 + 64, 1, 255, RECORDS},
	{"sparse", 0x30, 24 + 66, 1, 'z', DIRS},
	{"sparse", 0x30, 24, 6, 77, DIRS},
	{"many", 0x90, 16, 4, 20, RECORDS},
	/* runs */
	{"random.bin", 0x80, 64, 1, 0, CLUSTERS},
	{"random.bin", 0x80, 64, 1, 0x19, CLUSTERS},
	{"random.bin", 0x80, 64, 1, 0x91, CLUSTERS},
	{"random.bin", 0x80, 64, 1, 0x88, CLUSTERS},
	{"random.bin", 0x80, 65, 1, 0, CLUSTERS},
	{"random.bin", 0x80, 65, 1, 4, CLUSTERS},
	{"random.bin", 0x80, 65, 1, 0xff, CLUSTERS},
	{"random.bin", 0x80, 65, 1, 0x7f, CLUSTERS},
	/* system files */
	{"#10", 0x80, 48, 8, 1000, "ntfs.upcase"},
	{"#0", 0xb0, 48, 16, 2, RECORDS},
	/* indexes */
	{"many", 0x90, 32, 4, 0x80, DIRS},
	{"many", 0x90, 32 + 4, 4, 0, DIRS},
	{"many", 0x90, 32 + 8, 4, 256, DIRS},
	{"many", 0x90, 32 + 8, 4, 4 << 20, DIRS},
	{"many", 0x90, 32 + 8, 4, 1000, DIRS},
	{"many", 0x90, 32 + 16, 4, 8, DIRS},
	{"many", 0x90, 32 + 16, 4, 5000, DIRS},
	{"many", 0x90, 32 + 20, 4, 5000, DIRS},
	{"many", 0x90, 32 + 32 + 8, 2, 12, DIRS},
	{"many", 0x90, 32 + 32 + 8, 2, 8, DIRS},
	{"many", 0x90, 32 + 32 + 8, 2, 800, DIRS},
	{"many", 0x90, 32 + 32 + 10, 2, 60, DIRS},
	{"many", 0x90, 32 + 32, 6, 1 << 20, DIRS},
	{"many", 0x90, 32 + 32, 6, 60, DIRS},
	{"many", 0xa0, 12, 2, 1, DIRS},
	{"many", 0xa0, 48, 8, 100, DIRS},
	{"many", 0xb0, 32, 1, 0, DIRS},
	{"many", 0xb0, 32, 1, 0xff, DIRS},
};

static void test_fields(void)
{
	for (size_t k = 0; k < ARRAY_SIZE(fields); k++) {
		struct image i = copy_image(&whole);
		int before = test_bad_here;
		set_field(&i, &fields[k]);
		EXPECT(&i, OUTCOME_BROKEN, fields[k].check);
		if (test_bad_here != before)
			fprintf(stderr, "case %zu: %s, %x, at %u\n", k, fields[k].name, fields[k].type, fields[k].at);
		free(i.data);
	}
}

/* A file's clusters that nobody has, where it is not sparse. */
static void test_hole(void)
{
	struct image i = copy_image(&whole);
	struct rec r = rec_read(&i, number_of(&whole, "random.bin"));
	uint8_t *a = attribute(r.b, 0x80);
	memset(a + 64, 0, 8);
	a[64] = 1;
	a[65] = 5;
	rec_write(&r);
	EXPECT(&i, OUTCOME_BROKEN, CLUSTERS);
	free(i.data);
}

/* Attributes that a record can't be without, and such as it can. */
static void test_missing(void)
{
	static const struct {
		const char *name;
		uint32_t type;
		enum outcome want;
		const char *check;
	} cases[] = {
		{"#3", 0x70, OUTCOME_BROKEN, "fs.open"}, {"#3", 0x60, OUTCOME_HELD, RECORDS},
		{"#6", 0x80, OUTCOME_BROKEN, "fs.open"}, {"#10", 0x80, OUTCOME_BROKEN, NULL},
		{"sparse", 0x10, OUTCOME_BROKEN, RECORDS}, {"sparse", 0x30, OUTCOME_BROKEN, DIRS},
		{"many", 0x90, OUTCOME_BROKEN, DIRS}, {"many", 0xb0, OUTCOME_BROKEN, DIRS},
		{"many", 0xa0, OUTCOME_BROKEN, DIRS}, {"#5", 0x90, OUTCOME_BROKEN, NULL},
	};
	for (size_t k = 0; k < ARRAY_SIZE(cases); k++) {
		struct image i = copy_image(&whole);
		uint8_t out[1024];
		int before = test_bad_here;
		struct rec r = rec_read(&i, *cases[k].name == '#' ? (unsigned)atoi(cases[k].name + 1)
								  : number_of(&whole, cases[k].name));
		rec_cut(&r, cases[k].type, out);
		rec_write(&r);
		EXPECT(&i, cases[k].want, cases[k].check);
		if (test_bad_here != before)
			fprintf(stderr, "case %zu\n", k);
		free(i.data);
	}
	/* A name of the volume that is none; a state that is cut off. */
	struct image i = copy_image(&whole);
	set_field(&i, &(struct field){"#3", 0x70, 16, 4, 8, NULL});
	EXPECT(&i, OUTCOME_BROKEN, "fs.open");
	free(i.data);
	i = copy_image(&whole);
	set_field(&i, &(struct field){"#6", 0x80, 48, 8, 100, NULL});
	set_field(&i, &(struct field){"#6", 0x80, 56, 8, 100, NULL});
	EXPECT(&i, OUTCOME_BROKEN, "fs.open");
	free(i.data);
}

/* What may be for want of the log's last changes: damage only where those are all there. */
static void test_blame(void)
{
	for (unsigned dirty = 0; dirty < 2; dirty++)
		for (unsigned k = 0; k < 4; k++) {
			struct image i = copy_image(&whole);
			size_t length;
			unsigned no = number_of(&whole, "sparse");
			uint8_t *map = run_of(&i, 0, 0xb0, &length), *used = run_of(&i, 6, 0x80, &length);
			struct rec r = rec_read(&i, 3), file = rec_read(&i, no);
			attribute(r.b, 0x70)[24 + 10] |= (uint8_t)dirty;
			rec_write(&r);
			if (k == 0)
				map[no / 8] &= (uint8_t)~(1u << no % 8);
			if (k == 1)
				file.b[22] = 0;
			if (k == 2)
				used[get_le64(i.data + 48) / 8] = 0;
			if (k == 3)
				put(file.b + 16, get_le16(file.b + 16) + 1, 2);
			rec_write(&file);
			EXPECT(&i, dirty ? OUTCOME_UNPROVEN : OUTCOME_BROKEN, k < 2 ? RECORDS : k < 3 ? CLUSTERS : DIRS);
			free(i.data);
		}
}

/* The tree of an index: two ways to one block, none to another, a block in another's place, a directory in itself. */
static void test_tree(void)
{
	for (unsigned k = 0; k < 5; k++) {
		struct image i = copy_image(&whole);
		size_t length, at = 16 + 16;
		struct rec r = rec_read(&i, number_of(&whole, "many"));
		uint8_t *root = attribute(r.b, 0x90), *block = run_of(&i, r.no, 0xa0, &length);
		root += get_le16(root + 20);
		uint8_t *one = root + at + get_le16(root + at + 8) - 8, *end = one + 8;
		end += get_le16(end + 8) - 8;
		NEED(length >= 8192 && get_le64(one) != get_le64(end));
		if (k == 0)
			put(end, get_le64(one), 8);
		if (k == 1)
			put(end, 900, 8);
		if (k == 2)
			put(end, UINT64_MAX, 8);
		rec_write(&r);
		if (k == 3) {
			uint8_t keep[4096];
			memcpy(keep, block, 4096);
			memcpy(block, block + 4096, 4096);
			memcpy(block + 4096, keep, 4096);
		}
		if (k == 4) { /* an entry of it leads to it */
			unprotect(block, 4096);
			put(block + 24 + get_le32(block + 24), rec_ref(&r), 8);
			protect(block, 4096);
		}
		EXPECT(&i, OUTCOME_BROKEN, DIRS);
		free(i.data);
	}
}

/* A budget that is used up stops it, and is no finding. */
static void test_deadline(void)
{
	struct seen s;
	struct budget b;
	int64_t newest;
	look("ntfs", &whole, whole.size, &s);
	NEED(s.fs);
	budget_init(&b);
	CHECK_INT(fs_verify(s.fs, &s.f, &b, INT64_MAX, &newest, &s.e), 0);
	b.deadline_ns = 1;
	CHECK(fs_verify(s.fs, &s.f, &b, INT64_MAX, &newest, &s.e) < 0 && s.e.cls == ERROR_LIMIT);
	/* Nothing is newer than now. */
	b.deadline_ns = 0;
	CHECK_INT(fs_verify(s.fs, &s.f, &b, 1000000000, &newest, &s.e), 0);
	CHECK_INT(newest, 0);
	drop(&s);
}

int main(void)
{
	whole = load_image(FIXTURE);
	RUN(test_boot_fields);
	RUN(test_copies);
	RUN(test_fields);
	RUN(test_hole);
	RUN(test_missing);
	RUN(test_blame);
	RUN(test_tree);
	RUN(test_deadline);
	free(whole.data);
	return test_done();
}
