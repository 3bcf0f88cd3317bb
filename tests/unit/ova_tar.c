// SPDX-License-Identifier: GPL-3.0-or-later
/* Appliances whose tar is made header by header, every sum right: what each of them may say. */
#include "ova_help.h"

/* One header between the descriptor and the disk. */
static void test_headers(void)
{
	static char large[65537];
	memset(large, 'a', sizeof large);
	static const struct {
		struct member m;
		enum error_class cls;
		const char *words;
	} rows[] = {
		{{"dir", '5', .size = "00000007777"}, 0, NULL}, /* a directory has no content, whatever it says */
		{{"old", 0, .data = "x"}, 0, NULL},
		{{"old", '7', .data = "x"}, 0, NULL},
		{{"long", 'L', .data = "another"}, 0, NULL}, /* then the disk has another name */
		{{"link", 'K', .data = "target"}, 0, NULL},
		{{"global", 'g', .data = "11 comment=x"}, 0, NULL},
		{{"link", '2', .data = ""}, ERROR_UNSUPPORTED, "a member of type 32"},
		{{"sparse", 'S', .data = ""}, ERROR_UNSUPPORTED, "a member of type 53"},
		{{"x", '0', .size = "0000000000x"}, ERROR_CORRUPT, "size is no number"},
		{{"x", '0', .size = "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"}, ERROR_CORRUPT, "size is no number"},
		{{"x", '0', .size = "\x80\0\1\0\0\0\0\0\0\0\0"}, ERROR_CORRUPT, "size is no number"},
		{{"x", '0', .size = "\xc0\0\0\0\0\0\0\0\0\0\0"}, ERROR_CORRUPT, "size is no number"},
		{{"x", '0', .size = "\x80\0\0\0\0\x3f\xff\xff\xff\xff\xff\xff"}, ERROR_CORRUPT, "is cut: it should have"},
		{{"x", '0', .size = "00077777777"}, ERROR_CORRUPT, "is cut: it should have"},
		{{"x", '0', .size = "777777777777"}, ERROR_CORRUPT, "is cut: it should have"},
		{{"x", '0', .size = "  1        ", .data = "x"}, 0, NULL},
		{{"x", '0', .size = "          1\0", .data = "x"}, 0, NULL},
		{{"x", '0', .size = "            "}, 0, NULL}, /* nothing is nothing */
		{{"x", '0', .size = "\x80\0\0\0\0\0\0\0\0\0\0\1", .data = "x"}, 0, NULL},
		{{"big", 'x', .data = large, .length = sizeof large}, ERROR_LIMIT, "an extended header of 65537"},
		{{"pax", 'x', .data = "x path=a\n"}, ERROR_CORRUPT, "records do not add up"},
		{{"pax", 'x', .data = " 9 path=a\n"}, ERROR_CORRUPT, "records do not add up"},
		{{"pax", 'x', .data = "9path=a\n"}, ERROR_CORRUPT, "records do not add up"},
		{{"pax", 'x', .data = "99 path=a\n"}, ERROR_CORRUPT, "records do not add up"},
		{{"pax", 'x', .data = "2 path=a\n"}, ERROR_CORRUPT, "records do not add up"},
		{{"pax", 'x', .data = "9 path=a_"}, ERROR_CORRUPT, "records do not add up"},
		{{"pax", 'x', .data = "9 path_a\n"}, ERROR_CORRUPT, "has no keyword"},
		{{"pax", 'x', .data = "22 GNU.sparse.major=1\n"}, ERROR_UNSUPPORTED, "a sparse member"},
		{{"pax", 'x', .data = "10 size=x\n"}, ERROR_CORRUPT, "size is no number"},
		{{"pax", 'x', .data = "11 size=1x\n"}, ERROR_CORRUPT, "size is no number"},
		{{"pax", 'x', .data = "11 size=-1\n"}, ERROR_CORRUPT, "size is no number"},
		{{"pax", 'x', .data = "8 size=\n"}, ERROR_CORRUPT, "size is no number"},
		{{"pax", 'x', .data = "12 size=512\n"}, 0, NULL},
		{{"pax", 'x', .data = "28 size=9999999999999999999\n"}, ERROR_CORRUPT, "is cut: it should have"},
		{{"pax", 'x', .data = "12 size=999\n"}, ERROR_CORRUPT, ""},
		{{"pax", 'x', .data = "10 path=a\n12 path=d.img\n"}, ERROR_CORRUPT, "do not add up"},
		{{"pax", 'x', .data = "9 path=a\n14 path=d.img\n"}, 0, NULL},
		{{"pax", 'x', .data = "9 path=a\n16 path=b/d.img\n11 mtime=12\n"}, ERROR_CORRUPT, "do not add up"},
		{{"pax", 'x', .data = "9 path=a\n16 path=b/d.img\n12 mtime=12\n"}, 0, NULL},
		{{"one", '0', .data = "x", .prefix = "folder"}, 0, NULL},
		{{"one", '0', .data = "x", .prefix = "folder", .magic = "ustar  \0"}, 0, NULL},
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		int before = test_bad_here;
		bool other = !strcmp(rows[i].m.name, "long");
		descriptor(GOOD);
		put(&rows[i].m);
		disk();
		end();
		if (other)
			expect(ERROR_MISSING, "d.img is not in the appliance");
		else
			expect(rows[i].cls, rows[i].words);
		if (before != test_bad_here)
			fprintf(stderr, "row %zu\n", i);
	}
	/* A sum that is none. */
	descriptor(GOOD);
	disk();
	end();
	tar[148] = 'x';
	expect(ERROR_CORRUPT, "checksum of a member's header");
	/* A prefix is a part of the name; two of one name are too many, wherever they lie. */
	descriptor(GOOD);
	put(&(struct member){"d.img", '0', .data = "x", .prefix = "folder"});
	disk();
	end();
	expect(ERROR_CORRUPT, "d.img is in it twice");
}

static void test_ends(void)
{
	/* Long names and records that speak of nothing. */
	static const struct member last[] = {
		{"long", 'L', .data = "another"}, {"pax", 'x', .data = "12 size=512\n"}, {"pax", 'x', .data = "9 path=a\n"}};
	for (size_t i = 0; i < ARRAY_SIZE(last); i++) {
		descriptor(GOOD);
		disk();
		put(&last[i]);
		end();
		expect(ERROR_CORRUPT, "followed by the end of the archive");
	}
	/* Two of them for one member: the last one counts. */
	descriptor(GOOD);
	put(&(struct member){"long", 'L', .data = "another"});
	put(&(struct member){"long", 'L', .data = "other/d.img"});
	disk();
	end();
	expect(0, NULL);
	/* Half an end mark, and more zeros than one looks at in one piece. */
	descriptor(GOOD);
	disk();
	end();
	len -= 512;
	expect(ERROR_CORRUPT, "half an end mark");
	len += 512;
	memset(tar + len, 0, 3 * MIB / 2);
	len += 3 * MIB / 2;
	expect(0, NULL);
	/* Times: of the newest member; what no clock shows is none. */
	descriptor(GOOD);
	put(&(struct member){"old", '0', .data = "x", .mtime = "00000000100"});
	put(&(struct member){"new", '0', .data = "x", .mtime = "00000001000"});
	put(&(struct member){"odd", '0', .data = "x", .mtime = "nonsense   "});
	put(&(struct member){"far", '0', .data = "x", .mtime = "\x80\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff"});
	disk();
	end();
	expect(0, NULL);
	CHECK_INT(made, 512);
	/* More members than an appliance has. */
	descriptor(GOOD);
	disk();
	char name[32];
	for (int i = 0; i < 4096; i++) {
		snprintf(name, sizeof name, "m%d", i);
		put(&(struct member){name, '0'});
	}
	end();
	expect(ERROR_LIMIT, "more than 4096 members");
	descriptor(GOOD);
	disk();
	put(&(struct member){"d", '5'}); /* and more directories, which are passed over, than one goes through */
	size_t first = len - 512;
	for (int i = 0; len + 2048 < sizeof tar; i++, len += 512)
		memcpy(tar + len, tar + first, 512);
	end();
	expect(ERROR_LIMIT, "more than 16384 headers");
}

int main(void)
{
	RUN(test_headers);
	RUN(test_ends);
	return test_done();
}
