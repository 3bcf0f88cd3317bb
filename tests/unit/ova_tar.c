// SPDX-License-Identifier: GPL-3.0-or-later
/* Appliances whose tar is made here header by header, every sum right, and descriptors that are no XML. */
#include "../../src/image/ova.h"
#include "vmdk_help.h"

#define GOOD                                                                                                           \
	"<Envelope><References><File id='f' href='d.img'/></References><DiskSection>"                                  \
	"<Disk capacity='512' diskId='x' fileRef='f'/></DiskSection><VirtualSystem id='a'/></Envelope>"

static uint8_t tar[9 * MIB];
static size_t len;
static char host[300];
static int64_t made;

struct member {
	const char *name;
	char type;
	const char *size;  /* the field, 12 bytes; NULL: of the data */
	const char *mtime; /* the same */
	const char *data;
	size_t length; /* 0: strlen(data) */
	const char *prefix, *magic;
};

static void put(const struct member *m)
{
	size_t n = m->data && !m->length ? strlen(m->data) : m->length;
	uint8_t *h = tar + len;
	NEED(len + n + 4096 < sizeof tar);
	memset(h, 0, 512 + (n + 511) / 512 * 512);
	strncpy((char *)h, m->name, 100);
	snprintf((char *)h + 124, 12, "%011zo", n);
	if (m->size)
		memcpy(h + 124, m->size, 12);
	if (m->mtime)
		memcpy(h + 136, m->mtime, 12);
	h[156] = (uint8_t)m->type;
	memcpy(h + 257, m->magic ? m->magic : "ustar\00000", 8);
	if (m->prefix)
		strncpy((char *)h + 345, m->prefix, 155);
	memset(h + 148, ' ', 8);
	unsigned sum = 0;
	for (size_t i = 0; i < 512; i++)
		sum += h[i];
	snprintf((char *)h + 148, 8, "%06o", sum);
	if (m->data)
		memcpy(h + 512, m->data, n);
	len += 512 + (n + 511) / 512 * 512;
}

static void descriptor(const char *text)
{
	len = 0;
	put(&(struct member){"a.ovf", '0', .data = text});
}

static void disk(void)
{
	static const char sector[512] = "a disk";
	put(&(struct member){"d.img", '0', .data = sector, .length = sizeof sector});
}

static void end(void)
{
	memset(tar + len, 0, 1024);
	len += 1024;
}

/* NULL for words: it opens, and nothing is wrong with it. */
static void expect(enum error_class cls, const char *words)
{
	struct files x;
	struct error e = {0};
	files_init(&x, &image_ova);
	uint8_t *copy = malloc(len + 1);
	NEED(copy);
	memcpy(copy, tar, len);
	files_add(&x, "a.ova", copy, len);
	const struct image *im = file_image(&x, "a.ova", false, &e);
	if (!words ? !im || im->disks.count != 1 || !all_held(&x.f) : im || e.cls != cls || !strstr(e.text, words)) {
		fprintf(stderr, "%s: %s; not %s\n", error_class_name(e.cls), e.text, words ? words : "fine");
		test_bad_here++;
	}
	snprintf(host, sizeof host, "%s", im ? im->host : "");
	made = im ? im->made : 0;
	files_free(&x);
}

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

static void xml(const char *text, enum error_class cls, const char *words)
{
	struct ova_descriptor d;
	struct error e = {0};
	int rc = ova_descriptor_parse(text, strlen(text), &d, &e);
	if (!words ? rc : !rc || e.cls != cls || !strstr(e.text, words)) {
		fprintf(stderr, "%s: %s; not %s\n", text, rc ? e.text : "fine", words ? words : "fine");
		test_bad_here++;
	}
	snprintf(host, sizeof host, "%s", d.system ? d.system : "");
	ova_descriptor_free(&d);
}

static void test_xml(void)
{
	static const struct {
		const char *text;
		enum error_class cls;
		const char *words;
	} rows[] = {
		{"<Envelope\t\r\n a = \"b\" c='d'/>", 0, NULL},
		{"<?xml?><!-- a --><Envelope><![CDATA[<a>]]></Envelope>", 0, NULL},
		{"<Envelope><![CDATA[<a></Envelope>", ERROR_CORRUPT, "it is cut"},
		{"<?xml", ERROR_CORRUPT, "it is cut"},
		{"<!", ERROR_UNSUPPORTED, "document type"},
		{"<Envelope", ERROR_CORRUPT, "ends inside an element"},
		{"<Envelope a", ERROR_CORRUPT, "an attribute without a value"},
		{"<Envelope a b='c'/>", ERROR_CORRUPT, "an attribute without a value"},
		{"<Envelope ='c'/>", ERROR_CORRUPT, "an attribute without a value"},
		{"<Envelope a=", ERROR_CORRUPT, "not between quotes"},
		{"<Envelope a=c/>", ERROR_CORRUPT, "not between quotes"},
		{"<Envelope a=\"c'/>", ERROR_CORRUPT, "a quote is not closed"},
		{"<Envelope/", ERROR_CORRUPT, "an element is not closed"},
		{"<Envelope/ a>", ERROR_CORRUPT, "an element is not closed"},
		{"<Envelope></Envelope", ERROR_CORRUPT, "an element is not closed"},
		{"<Envelope></Envelope a>", ERROR_CORRUPT, "an element is not closed"},
		{"<Envelope></Envelopf>", ERROR_CORRUPT, "do not nest"},
		{"</Envelope>", ERROR_CORRUPT, "do not nest"},
		{"<Envelope></>", ERROR_CORRUPT, "without a name"},
		{"<", ERROR_CORRUPT, "without a name"},
		{"< Envelope/>", ERROR_CORRUPT, "without a name"},
		{"text before <Envelope/> and behind", 0, NULL},
		{"<a:Envelope b:c='d'></a:Envelope>", 0, NULL},
		{"<Envelope><References><File id='a' size='18446744073709551616'/>", ERROR_CORRUPT, "no number"},
		{"<Envelope><References><File id='a' size=' 1'/>", ERROR_CORRUPT, "no number"},
		{"<Envelope><DiskSection><Disk capacity='12z'/>", ERROR_CORRUPT, "no number"},
		{"<Envelope><DiskSection><Disk capacity='${size}'/></DiskSection></Envelope>", 0, NULL},
		{"<Envelope><DiskSection><Disk capacity=''/></DiskSection></Envelope>", 0, NULL},
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		xml(rows[i].text, rows[i].cls, rows[i].words);
	struct error e = {0};
	struct ova_descriptor d;
	CHECK_INT(ova_descriptor_parse("<Envelope/>\0", 12, &d, &e), -1);
	CHECK(e.cls == ERROR_CORRUPT && strstr(e.text, "zero bytes"));
	ova_descriptor_free(&d);
}

/* Names as they are written, and as they are meant; what is no entity stays what it is. */
static void test_names(void)
{
	static const char *const names[][2] = {
		{"a", "a"}, {"&lt;&gt;&amp;&quot;&apos;", "<>&\"'"}, {"&#65;&#x42;&#X43;", "AB&#X43;"},
		{"&#xe9;", "\xc3\xa9"}, {"&#8220;", "\xe2\x80\x9c"}, {"&#x1F600;", "\xf0\x9f\x98\x80"},
		{"&#x10ffff;", "\xf4\x8f\xbf\xbf"}, {"&#x110000;", "&#x110000;"}, {"&#0;", "&#0;"}, {"&#;", "&#;"},
		{"&#12a;", "&#12a;"}, {"&#x1g;", "&#x1g;"}, {"&#65", "&#65"}, {"&#6", "&#6"}, {"&", "&"}, {"&nbsp;", "&nbsp;"},
		{"&#00000000065;", "&#00000000065;"}, {"&lt", "&lt"}, {"&#1-;", "&#1-;"},
	};
	char text[300];
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		snprintf(text, sizeof text, "<Envelope><VirtualSystem id=\"%s\"/></Envelope>",
			 names[i][0]);
		xml(text, 0, NULL);
		CHECK_STR(host, names[i][1]);
		snprintf(text, sizeof text, "<Envelope><VirtualSystem id='x'><Name>\n %s\t</Name></VirtualSystem></Envelope>",
			 names[i][0]);
		xml(text, 0, NULL);
		CHECK_STR(host, names[i][1]);
	}
	/* Only right below a system, and only what is called so. */
	static const char *const elsewhere[] = {
		"<Envelope><Name>y</Name><VirtualSystem id='x'/></Envelope>",
		"<Envelope><VirtualSystem id='x'/><Name>y</Name></Envelope>",
		"<Envelope><VirtualSystem id='x'><Info>y</Info></VirtualSystem></Envelope>",
		"<Envelope><VirtualSystem id='x'><a><Name>y</Name></a></VirtualSystem></Envelope>",
		"<Envelope><VirtualSystem id='x'><Name> </Name></VirtualSystem></Envelope>",
		"<Envelope><VirtualSystem id='x'>y</VirtualSystem></Envelope>",
		"<Envelope><VirtualSystem b='y' id='x'/><File id='y'/><Disk fileRef='y'/></Envelope>",
	};
	for (size_t i = 0; i < ARRAY_SIZE(elsewhere); i++) {
		xml(elsewhere[i], 0, NULL);
		CHECK_STR(host, "x");
	}
	/* Of an appliance with two systems no host is said. */
	descriptor("<Envelope><References><File id='f' href='d.img'/></References><DiskSection><Disk fileRef='f'/></DiskSection>"
		   "<VirtualSystem id='a'/><VirtualSystem id='b'/></Envelope>");
	disk();
	end();
	expect(0, NULL);
	CHECK_STR(host, "");
	descriptor(GOOD);
	disk();
	end();
	expect(0, NULL);
	CHECK_STR(host, "a");
}

/* Disks and files that do not fit each other. */
static void test_disks(void)
{
#define DISKS(files, disks) "<Envelope><References>" files "</References><DiskSection>" disks "</DiskSection></Envelope>"
#define UNIT(capacity, unit)                                                                                           \
	DISKS("<File id='f' href='d.img'/>", "<Disk fileRef='f' capacity='" capacity "' capacityAllocationUnits='" unit "'/>")
	static const struct {
		const char *ovf;
		enum error_class cls;
		const char *words;
	} rows[] = {
		{DISKS("<File id='f' href=''/>", "<Disk fileRef='f'/>"), ERROR_CORRUPT, "without id or name"},
		{DISKS("<File href='d.img'/>", "<Disk fileRef='f'/>"), ERROR_CORRUPT, "without id or name"},
		{DISKS("<File id='g' href='a.ovf'/><File id='f' href='d.img'/>", "<Disk fileRef='f'/>"), 0, NULL},
		{DISKS("<File id='f' href='d.img' compression=''/>", "<Disk fileRef='f'/>"), 0, NULL},
		{DISKS("<File id='f' href='d.img' compression='identity'/>", "<Disk fileRef='f'/>"), 0, NULL},
		{DISKS("<File id='f' href='d.img' size='512'/>", "<Disk/><Disk fileRef='f'/><Disk diskId='e'/>"), 0, NULL},
		{DISKS("<File id='f' href='d.img'/>", "<Disk diskId='x'/>"), ERROR_CORRUPT, "no disk with a file"},
		{UNIT("512", "byte"), 0, NULL},
		{UNIT("1", "KiloBytes"), 0, NULL}, /* rounded up to its unit */
		{UNIT("1", "byte * 2^30"), 0, NULL},
		{UNIT("1", "byte*2^49"), 0, NULL},
		{UNIT("99", "byte*2^50"), 0, NULL}, /* no unit that is known: nothing is said */
		{UNIT("99", "byte*2^10x"), 0, NULL},
		{UNIT("99", "a very long name of a unit that nobody has ever used"), 0, NULL},
		{UNIT("36028797018963968", "KiloBytes"), 0, NULL}, /* more than there is */
		{UNIT("0", "MegaBytes"), 0, NULL},
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		int before = test_bad_here;
		descriptor(rows[i].ovf);
		disk();
		end();
		expect(rows[i].cls, rows[i].words);
		if (before != test_bad_here)
			fprintf(stderr, "row %zu\n", i);
	}
	/* Thousands of disks would be compared pair by pair. */
	for (int files = 0; files < 2; files++) {
		autofree char *many = malloc(64 * KIB);
		NEED(many);
		size_t n = (size_t)sprintf(many, files ? "<Envelope><References>" : "<Envelope><DiskSection>");
		for (int i = 0; i < 513; i++)
			n += (size_t)sprintf(many + n, files ? "<File/>" : "<Disk/>");
		sprintf(many + n, files ? "</References></Envelope>" : "</DiskSection></Envelope>");
		descriptor(many);
		disk();
		end();
		expect(ERROR_LIMIT, "more than 512 disks or files");
	}
	/* An appliance in an appliance, and a disk that is of a kind with no reader. */
	descriptor(DISKS("<File id='f' href='e.raw'/>", "<Disk fileRef='f'/>"));
	put(&(struct member){"e.raw", '0', .data = "raw too"});
	end();
	expect(0, NULL);
	descriptor(DISKS("<File id='f' href='e.bin'/>", "<Disk fileRef='f'/>"));
	put(&(struct member){"e.bin", '0', .data = "what is this"});
	end();
	expect(ERROR_CORRUPT, "holds no disk that could be recognised");
	len = 0;
	disk();
	end();
	expect(ERROR_CORRUPT, "no descriptor");
	len = 0;
	put(&(struct member){"a.ovf", '0', .length = 8 * MIB + 1});
	end();
	expect(ERROR_LIMIT, "more than 8 MiB");
	descriptor(GOOD);
	put(&(struct member){"b.ovf", '0', .data = ""});
	end();
	expect(ERROR_AMBIGUOUS, "two members are called *.ovf");
}

int main(void)
{
	RUN(test_headers);
	RUN(test_ends);
	RUN(test_xml);
	RUN(test_names);
	RUN(test_disks);
	return test_done();
}
