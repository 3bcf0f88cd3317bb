// SPDX-License-Identifier: GPL-3.0-or-later
/* Partition tables and lists of Clonezilla directories that say what no disk can have. */
#include "clonezilla_help.h"

#define DOS "web01-2026-11-19-img"
#define GPT "2026-11-20-03-img"
#define LOGICAL "logical-img"
#define HEAD "label: dos\n"
#define TWO "/dev/vda2 : start= 6144, size= 2048, type=83\n"

static void with(const char *dir, const char *name, const char *text, int rc, enum error_class cls, const char *word)
{
	struct shelf s = load(dir);
	set_text(&s, name, text);
	expect(&s, rc, cls, word);
}

/* It is composed, nothing is wrong, and the disk has this many sectors. */
static void fine(const char *dir, const char *name, const char *text, uint64_t sectors)
{
	struct shelf s = load(dir);
	set_text(&s, name, text);
	compose(&s);
	CHECK_INT(s.rc, 0);
	CHECK(!s.rc && s.out.disks.count == 1 && source_size(s.out.disks.items[0].source) == sectors * 512);
	if (!s.rc && s.out.disks.count == 1 && source_size(s.out.disks.items[0].source) != sectors * 512)
		fprintf(stderr, "%s: %llu\n", text, (unsigned long long)source_size(s.out.disks.items[0].source) / 512);
	for (size_t i = 0; i < s.f.count; i++)
		CHECK(s.f.items[i].outcome == OUTCOME_HELD || s.f.items[i].outcome == OUTCOME_SKIPPED);
	unload(&s);
}

static void test_lines(void)
{
	static const char *const rows[][2] = {
		{"/dev/ : start= 128, size= 4096, type=83\n", "without a name"},
		{"/dev/a123456789b123456789c123456789d123456789e123456789f123456789g123456789 : start= 1, size= 1\n", "without a name"},
		{"/dev/vda1 : size= 4096, type=83\n", "without a place"},
		{"/dev/vda1 : start= 128, type=83\n", "without a place"},
		{"/dev/vda1 : start= x, size= 4096\n", "without a place"},
		{"/dev/vda1 : start= 18446744073709551616, size= 1\n", "without a place"},
		{"/dev/vda1 : start= 18446744073709551610, size= 1\n", "without a place"},
		{"/dev/vda1 : start= 18446744073709551609, size= 1\n", "impossible place"},
		{"/dev/vda1 : start= 1, size= 18446744073709551609\n", "impossible place"},
		{"/dev/vda1 : start= 9007199254740993, size= 9007199254740992\n", "impossible place"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char text[300];
		bool number = strstr(rows[i][0], "551610") != NULL;
		snprintf(text, sizeof text, HEAD "%s", rows[i][0]);
		with(DOS, "vda-pt.sf", text, -1, ERROR_CORRUPT, number ? "impossible place" : rows[i][1]);
	}
	autofree char *many = malloc(64 * KIB);
	NEED(many);
	size_t n = (size_t)sprintf(many, HEAD);
	for (int i = 1; i <= 513; i++)
		n += (size_t)sprintf(many + n, "/dev/vda%d : start= %d, size= 1, type=83\n", i, i * 2);
	with(DOS, "vda-pt.sf", many, -1, ERROR_CORRUPT, "too many partitions");
	/* What is no partition, or one of nothing, is passed over; so are a size of sectors and words that nobody knows. */
	fine(DOS, "vda-pt.sf", HEAD "sector-size: 1024\n/dev/vda1: start= 128, size= 4096, Id=83, bootable\n" TWO
	     "/dev/vda3 : start= 0, size= 0, type=0\n/dev/vda4\nunknown: start= 1\n/dev/vda5 and no more", 16384);
}

static void test_sizes(void)
{
	static const struct {
		const char *parted;
		uint64_t sectors;
	} rows[] = {
		{"", 8192}, /* no word of it: up to the end of the last partition */
		{"Disk /dev/vda: 20480s\n", 20480},
		{"Model: x\nDisk /dev/vda: 20480s\n", 20480},
		{"Model: x\nDisk /dev/vda: 10MB\n", 8192},
		{"Disk /dev/vda 20480s\n", 8192},
		{"Disk /dev/vda: s\n", 8192},
		{"Model: Disk /dev/vda: 20480s\n", 8192},
		{"Disk /dev/vda: 36028797018963968s\n", 8192},
		{"Disk /dev/vda: 100s\n", 8192}, /* smaller than what is on it */
		{"Disk /dev/vda: 20480s\nSector size (logical/physical): 512B/512B\n", 20480},
		{"Disk /dev/vda: 20480s\nSector size (logical/physical):1024\n", 20480},
		{"Disk /dev/vda: 20480s\nSector size (logical/physical): none\n", 20480},
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		fine(DOS, "vda-pt.parted", rows[i].parted, rows[i].sectors);
	/* The table of a disk with sectors of 4 KiB knows that; no logical partitions are made on one. */
	with(LOGICAL, "sdb-pt.sf", HEAD "sector-size: 4096\n/dev/sdb1 : start= 256, size= 256, type=83\n"
	     "/dev/sdb2 : start= 512, size= 2000, type=5\n/dev/sdb5 : start= 1024, size= 256, type=83\n", -1, ERROR_CORRUPT,
	     "impossible order");
}

static void test_logical(void)
{
	static const char *const rows[] = {
		/* on its own table; before it; on the one before; inside that */
		"/dev/sdb5 : start= 4096, size= 2048, type=83\n",
		"/dev/sdb5 : start= 3000, size= 100, type=83\n",
		"/dev/sdb5 : start= 6144, size= 2048, type=83\n/dev/sdb6 : start= 8192, size= 2048, type=82\n",
		"/dev/sdb5 : start= 6144, size= 2048, type=83\n/dev/sdb6 : start= 7000, size= 2048, type=82\n",
		"/dev/sdb5 : start= 10240, size= 2048, type=83\n/dev/sdb6 : start= 6144, size= 2048, type=82\n",
	};
	static const char *const kinds[] = {"5", "f", "85", "0xf"};
	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++)
		for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
			char text[400];
			bool known = kinds[k][1] != 'x'; /* as a number of base 16 that is 0, and 0 is no extended partition */
			snprintf(text, sizeof text, HEAD "/dev/sdb2 : start= 4096, size= 12000, type=%s\n%s", kinds[k], rows[i]);
			struct shelf s = load(LOGICAL);
			set_text(&s, "sdb-pt.sf", text);
			compose(&s);
			CHECK_INT(s.rc < 0 && strstr(s.e.text, "impossible order"), known);
			unload(&s);
		}
}

static void gpt_with(size_t at, uint64_t value, int rc, enum error_class cls, const char *word)
{
	struct shelf s = load(GPT);
	struct file *f = file_of(&s, "sda-gpt-1st");
	NEED(f && f->b.len > at + 8);
	for (size_t i = 0; i < 8; i++)
		f->b.p[at + i] = (uint8_t)(value >> 8 * i);
	expect(&s, rc, cls, word);
}

static void test_gpt(void)
{
	gpt_with(512, 0, -1, ERROR_CORRUPT, "holds no GPT header");
	gpt_with(512 + 32, 1, -1, ERROR_CORRUPT, "place of the second table is impossible");
	gpt_with(512 + 32, UINT64_MAX, -1, ERROR_CORRUPT, "place of the second table is impossible");
	gpt_with(512 + 32, INT64_MAX / 512, -1, ERROR_CORRUPT, "place of the second table is impossible");
	gpt_with(512 + 32, 40, -1, ERROR_CORRUPT, "impossible length");
	static const size_t lengths[] = {0, 100, 511, 513};
	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
		struct shelf s = load(GPT);
		struct file *f = file_of(&s, "sda-gpt-2nd");
		NEED(f && f->b.len > lengths[i]);
		f->b.len = lengths[i];
		expect(&s, -1, ERROR_CORRUPT, "impossible length");
	}
	/* Without a header in it nothing says where its entries begin: nothing is put before what is there. */
	for (int kind = 0; kind < 3; kind++) {
		struct shelf s = load(GPT);
		struct file *f = file_of(&s, "sda-gpt-2nd"), *first = file_of(&s, "sda-gpt-1st");
		NEED(f && first && f->b.len > 512);
		uint8_t *back = f->b.p + f->b.len - 512;
		if (kind == 0)
			back[0] ^= 1;
		else
			memset(back + 72, kind == 1 ? 0xff : 0, 8);
		compose(&s);
		CHECK_INT(s.rc, 0);
		CHECK_INT(count_findings(&s.f, "clonezilla.gpt", OUTCOME_SKIPPED), 0);
		unload(&s);
	}
}

static void test_lists(void)
{
	static const char *const lists[] = {"parts", "disk", "lvm_vg_dev.list", "lvm_logv.list", "vda-pt.sf"};
	autofree char *huge = malloc(4 * MIB + 2);
	NEED(huge);
	memset(huge, '\n', 4 * MIB + 1);
	huge[4 * MIB + 1] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
		with(DOS, lists[i], huge, -1, ERROR_LIMIT, "too large for what it is");
	/* Without a table there is no telling where anything goes. */
	struct shelf s = load(DOS);
	drop(&s, "vda-pt.sf");
	compose(&s);
	CHECK(s.rc < 0 || !s.out.disks.count || findings_against(&s.f, PROOF_STRUCTURE, "dir") ||
	      findings_against(&s.f, PROOF_PRESENCE, "dir"));
	unload(&s);
	s = load(DOS);
	struct file *f = file_of(&s, "vda-mbr");
	NEED(f);
	f->b.len = 511;
	expect(&s, -1, ERROR_CORRUPT, "vda-mbr is cut");
}

int main(void)
{
	RUN(test_lines);
	RUN(test_sizes);
	RUN(test_logical);
	RUN(test_gpt);
	RUN(test_lists);
	return test_done();
}
