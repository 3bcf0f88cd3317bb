// SPDX-License-Identifier: GPL-3.0-or-later
/* OVF descriptors that are no XML, or do not fit the appliance that they are in. */
#include "ova_help.h"

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
	RUN(test_xml);
	RUN(test_names);
	RUN(test_disks);
	return test_done();
}
