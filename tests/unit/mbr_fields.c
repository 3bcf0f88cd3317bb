// SPDX-License-Identifier: GPL-3.0-or-later
/* MBR: what the types of partitions mean, and which first sectors are tables: those of volumes look much like one. */
#include "backproof/volume.h"
#include "test.h"

#define SIZE (2 * MIB)

static uint8_t disk[SIZE];

static void entry(int i, uint8_t status, uint8_t type, uint32_t start, uint32_t count)
{
	uint8_t *p = disk + 446 + 16 * i;
	p[0] = status;
	p[4] = type;
	for (int k = 0; k < 4; k++) {
		p[8 + k] = (uint8_t)(start >> 8 * k);
		p[12 + k] = (uint8_t)(count >> 8 * k);
	}
}

static void make(void)
{
	memset(disk, 0, sizeof disk);
	disk[510] = 0x55;
	disk[511] = 0xaa;
}

/* The kind of table; *role: of the first partition. */
static enum table_kind table_of(enum volume_role *role, enum outcome *structure)
{
	struct disk_layout d = {0};
	struct findings f;
	struct error e = {0};
	NEED(!findings_init(&f));
	struct source *s = source_memory(disk, SIZE, "disk", &e);
	NEED(s && !disk_scan(s, "disk", &d, &f, &e));
	enum table_kind t = d.table;
	if (role)
		*role = d.count ? d.items[0].role : ROLE_EMPTY;
	if (structure)
		*structure = findings_proof(&f, PROOF_STRUCTURE);
	disk_layout_free(&d);
	source_destroy(s);
	findings_free(&f);
	return t;
}

static void test_types(void)
{
	static const struct {
		uint8_t type;
		enum volume_role role;
	} rows[] = {
		{0x01, ROLE_WINDOWS}, {0x04, ROLE_WINDOWS}, {0x06, ROLE_WINDOWS}, {0x07, ROLE_WINDOWS}, {0x0b, ROLE_WINDOWS},
		{0x0c, ROLE_WINDOWS}, {0x0e, ROLE_WINDOWS}, {0x27, ROLE_WINDOWS}, {0x42, ROLE_DYNAMIC}, {0x82, ROLE_SWAP},
		{0x83, ROLE_LINUX}, {0xe8, ROLE_LINUX}, {0xea, ROLE_LINUX}, {0x8e, ROLE_LVM}, {0xef, ROLE_ESP}, {0xfd, ROLE_RAID},
		{0xa5, ROLE_OTHER}, {0x17, ROLE_OTHER}, {0x41, ROLE_RESERVED}, {0xf0, ROLE_RESERVED},
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		enum volume_role role;
		enum outcome structure;
		make();
		entry(0, 0x80, rows[i].type, 64, 1000);
		CHECK_INT(table_of(&role, &structure), TABLE_MBR);
		CHECK_INT(role, rows[i].role);
		CHECK_INT(structure, OUTCOME_HELD);
	}
}

/* A sector that begins as a volume does; its code reaches into where a table would be: a status that is none. */
static void volume(void)
{
	static const uint8_t bpb[] = {0xeb, 0x3c, 0x90, 'm', 'k', 'f', 's', '.', 'f', 'a', 't', 0, 2, 4, 1, 0, 2, 0, 2, 0, 0, 0xf8};
	make();
	memcpy(disk, bpb, sizeof bpb);
	entry(0, 0x13, 0x83, 64, 1000);
}

static void test_volumes(void)
{
	static const struct {
		unsigned at;
		uint8_t value;
		bool volume;
	} rows[] = {
		{0, 0xeb, true},  {0, 0xe9, true},  {0, 0xfa, false},  {12, 1, false},  {12, 16, true}, {12, 32, false},
		{11, 1, false},	  {13, 0, false},   {13, 128, true},   {13, 3, false},	{14, 0, false}, {16, 0, false},
		{16, 4, true},	  {16, 5, false},   {21, 0xf0, true},  {21, 0xff, true}, {21, 0xf7, false}, {21, 0xf1, false},
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		volume();
		disk[rows[i].at] = rows[i].value;
		enum table_kind t = table_of(NULL, NULL);
		if (t != (rows[i].volume ? TABLE_NONE : TABLE_MBR))
			fprintf(stderr, "row %zu\n", i);
		CHECK_INT(t, rows[i].volume ? TABLE_NONE : TABLE_MBR);
		/* With entries that nothing speaks against it is a table all the same: boot managers keep such sectors. */
		entry(0, 0x80, 0x83, 64, 1000);
		CHECK_INT(table_of(NULL, NULL), TABLE_MBR);
		/* Two things speak against it. */
		entry(0, 0x13, 0x83, 64, 100000);
		CHECK_INT(table_of(NULL, NULL), TABLE_NONE);
	}
	static const char *const names[] = {"NTFS    ", "EXFAT   ", "-FVE-FS-"};
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		volume();
		memset(disk + 11, 0, 11);
		memcpy(disk + 3, names[i], 8);
		CHECK_INT(table_of(NULL, NULL), TABLE_NONE);
		disk[3] = 'x';
		CHECK_INT(table_of(NULL, NULL), TABLE_MBR);
	}
	/* Nothing in it, at the disk's own first sector, or behind its end: no table. */
	make();
	CHECK_INT(table_of(NULL, NULL), TABLE_NONE);
	entry(0, 0, 0x83, 0, 1000);
	CHECK_INT(table_of(NULL, NULL), TABLE_NONE);
	entry(0, 0, 0x83, 100000, 1000);
	CHECK_INT(table_of(NULL, NULL), TABLE_NONE);
	/* Without a signature, and nothing to show for it. */
	entry(0, 0, 0x83, 64, 1000);
	disk[510] = 0;
	CHECK_INT(table_of(NULL, NULL), TABLE_NONE);
}

/* Extended partitions that begin with a table of their own are something to show, of each of their types. */
static void test_extended(void)
{
	static const uint8_t types[] = {0x05, 0x0f, 0x85};
	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		enum outcome structure;
		make();
		disk[510] = 0;
		entry(0, 0, types[i], 64, 2000);
		CHECK_INT(table_of(NULL, NULL), TABLE_NONE);
		disk[64 * 512 + 510] = 0x55;
		CHECK_INT(table_of(NULL, NULL), TABLE_NONE);
		disk[64 * 512 + 511] = 0xaa;
		CHECK_INT(table_of(NULL, &structure), TABLE_MBR);
		CHECK_INT(structure, OUTCOME_BROKEN); /* its signature is lost */
	}
}

int main(void)
{
	RUN(test_types);
	RUN(test_volumes);
	RUN(test_extended);
	return test_done();
}
