// SPDX-License-Identifier: GPL-3.0-or-later
/* What files say that have to be looked into before there is a restore point, and that no lie about it is believed. */
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "backproof/peek.h"
#include "backproof/text.h"
#include "test.h"

static struct strings said;
static struct error why;

static int file_of(const void *data, size_t len)
{
	int fd = memfd_create("peek", MFD_CLOEXEC);
	NEED(fd >= 0 && write(fd, data, len) == (ssize_t)len);
	return fd;
}

static int ask(enum peek_kind kind, const void *data, size_t len)
{
	autoclose int fd = file_of(data, len);
	strings_free(&said);
	memset(&why, 0, sizeof why);
	return peek(kind, fd, &said, &why);
}

static int ask_text(enum peek_kind kind, const char *text)
{
	return ask(kind, text, strlen(text));
}

/* All that was said, a bar behind each. */
static const char *all(void)
{
	static char text[4096];
	text[0] = '\0';
	for (size_t i = 0; i < said.count; i++)
		snprintf(text + strlen(text), sizeof text - strlen(text), "%s|", said.items[i]);
	return text;
}

static void test_domain(void)
{
	static const char disk[] = "<disk device='disk'><source file='/a/web01'/></disk>"
				   "<disk type='block'><source dev=\"/dev/vg/data\"/></disk>";
	char xml[1024];
	snprintf(xml, sizeof xml, "<domain type='kvm'><name>web01</name>%s</domain>", disk);
	CHECK_INT(ask_text(PEEK_DOMAIN, xml), 0);
	/* A disk that is called as the guest is counts. */
	CHECK_STR(all(), "web01|web01|data|");
	snprintf(xml, sizeof xml, "<domain type='kvm'>%s</domain>", disk);
	CHECK_INT(ask_text(PEEK_DOMAIN, xml), 0);
	CHECK_STR(all(), "|web01|data|");
	/* One that is cut off is no other file. */
	static const char *const cut[] = {"<domain type='kvm'><name>web01</name>", "<?xml version='1.0'?>\n<domain>",
					  "<!--\nWARNING\n-->\n<?x?><domain\n", "<domain", "<!DOCTYPE x><domain/>",
					  "<domain/><domain/>"};
	for (size_t i = 0; i < ARRAY_SIZE(cut); i++) {
		CHECK_INT(ask_text(PEEK_DOMAIN, cut[i]), -1);
		CHECK(why.cls == ERROR_CORRUPT || why.cls == ERROR_UNSUPPORTED);
	}
	/* As PowerShell writes it, and as a machine without power leaves it. */
	CHECK_INT(ask_text(PEEK_DOMAIN, "\xef\xbb\xbf<?xml?>\n<x:domain><name>web01</name></x:domain>"), 0);
	CHECK_STR(all(), "web01|");
	CHECK_INT(ask(PEEK_DOMAIN, "\xff\xfe<\0d\0o\0m\0a\0i\0n\0/\0>\0", 20), 0);
	CHECK_STR(all(), "|");
	CHECK_INT(ask(PEEK_DOMAIN, "\xfe\xff\0<\0d\0o\0m\0a\0i\0n\0/\0>", 20), 0);
	CHECK_STR(all(), "|");
	CHECK_INT(ask(PEEK_DOMAIN, "\xff\xfe<\0a\0/\0>\0", 10), 0);
	CHECK_STR(all(), "");
	CHECK_INT(ask(PEEK_DOMAIN, "\0\0\0\0\0\0\0\0", 8), -1);
	CHECK(strstr(why.text, "zeros") != NULL);
	static const char *const other[] = {"", "<domains", "<network><domain name='x'/></network>", "<?xml <domain >", "<!-- <domain >"};
	for (size_t i = 0; i < ARRAY_SIZE(other); i++) {
		CHECK_INT(ask_text(PEEK_DOMAIN, other[i]), 0);
		CHECK_STR(all(), "");
	}
	CHECK_INT(ask_text(PEEK_DOMAIN, "<domains><name>web01</name></domain>"), 0);
	CHECK_STR(all(), "");
	CHECK_INT(ask(PEEK_DOMAIN, "<domain \0></domain>", 19), -1);
	/* Two disks of one name are two; a file that is given twice is one. A line's end within a name is a blank. */
	CHECK_INT(ask_text(PEEK_DOMAIN, "<domain ><disk><source file='/a/x'/></disk><disk><source file='/b/x'/></disk>"
					"<disk/><disk><source file='/a/x'/></disk><disk><source file='/a/y\nz'/></disk></domain>"), 0);
	CHECK_STR(all(), "|x|x|disk|y z|");
	/* ".." is the name of no disk. */
	CHECK_INT(ask_text(PEEK_DOMAIN, "<domain ><disk ><source file='/a/..'/></disk></domain>"), -1);
	CHECK_INT(why.cls, ERROR_CORRUPT);
	CHECK_INT(said.count, 0);
}

/* Megabytes of tags are read once, however they nest; and no machine has so many disks. */
static void test_domain_large(void)
{
	static const struct {
		const char *tag;
		enum error_class cls;
	} tags[] = {{"<disk/>", ERROR_CORRUPT},
		    {"<disk device='cdrom'/>", ERROR_NONE},
		    {"<a><disk/></a>", ERROR_NONE},
		    {"<disk>", ERROR_LIMIT},
		    {"<source file='", ERROR_CORRUPT}};
	autotext struct text t = {0};
	for (size_t i = 0; i < ARRAY_SIZE(tags); i++) {
		text_free(&t);
		text_put(&t, "<domain ><name>web01</name>");
		while (t.length < 3 * MIB)
			text_put(&t, tags[i].tag);
		text_put(&t, "</domain>");
		int rc = ask_text(PEEK_DOMAIN, text_str(&t));
		CHECK_INT(rc, tags[i].cls ? -1 : 0);
		CHECK(rc == 0 || why.cls == tags[i].cls);
	}
}

static void test_export(void)
{
#define REFERENCES(files) "<Envelope><References>" files "</References>"
	CHECK_INT(ask_text(PEEK_EXPORT, REFERENCES("<File ovf:href=\"a/web01.vmdk\" ovf:id=\"f1\"/>"
						   "<File ovf:href=\"x.nvram\" ovf:id=\"f2\"/>")
					"<DiskSection><Disk ovf:fileRef=\"f1\"/></DiskSection></Envelope>"), 0);
	CHECK_STR(all(), "dweb01.vmdk|ox.nvram|");
	CHECK_INT(ask_text(PEEK_EXPORT, REFERENCES("<File ovf:href=\"web01.vmdk\" ovf:id=\"f1\"/>")), -1);
	CHECK(why.cls == ERROR_CORRUPT && strstr(why.text, "it is cut"));
	CHECK_INT(ask_text(PEEK_EXPORT, REFERENCES("<File ovf:href=\"\"/>") "</Envelope>"), -1);
	CHECK(why.cls == ERROR_CORRUPT && strstr(why.text, "without a name"));
	CHECK_INT(ask_text(PEEK_EXPORT, REFERENCES("<File ovf:href=\"/x/..\" ovf:id=\"f1\"/>") "</Envelope>"), -1);
	CHECK(why.cls == ERROR_CORRUPT && !strstr(why.text, "it is cut"));
}

static void test_volumes(void)
{
	static const char one[] = "\\\\?\\Volume{12345678-ABCD-abcd-1234-123456789abc}\\ Volume{not-one} "
				  "Volume{12345678-abcd-abcd-1234-123456789ABC} Volume{00000000-0000-0000-0000-00000000000";
	uint8_t wide[2 * sizeof one] = {0xff, 0xfe};
	CHECK_INT(ask_text(PEEK_VOLUMES, one), 0);
	CHECK_STR(all(), "12345678-abcd-abcd-1234-123456789abc|");
	for (size_t i = 0; i + 1 < sizeof one; i++)
		wide[2 + 2 * i] = (uint8_t)one[i];
	CHECK_INT(ask(PEEK_VOLUMES, wide, sizeof wide), 0);
	CHECK_STR(all(), "12345678-abcd-abcd-1234-123456789abc|");
}

static void test_vzdump(void)
{
	CHECK_INT(ask_text(PEEK_LOG, "x\nINFO: VM Name: web01 \r\nINFO: Finished Backup of VM 100 (00:01)\n"), 0);
	CHECK_STR(all(), "web01|f|");
	CHECK_INT(ask_text(PEEK_LOG, "CT Name: ct1\nERROR: Backup of VM 100 failed\nFinished Backup of VM 101\n"), 0);
	CHECK_STR(all(), "ct1|e|");
	CHECK_INT(ask_text(PEEK_LOG, ""), 0);
	CHECK_STR(all(), "|n|");
	CHECK_INT(ask_text(PEEK_NOTES, "  web01\nand more"), 0);
	CHECK_STR(all(), "web01|");
	CHECK_INT(ask_text(PEEK_NOTES, "\n"), 0);
	CHECK_STR(all(), "");
	/* Of a long one, its beginning and its end. */
	size_t len = 2 * MIB;
	char *text = malloc(len);
	NEED(text);
	memset(text, 'x', len);
	memcpy(text, "VM Name: web01\n", 15);
	memcpy(text + len - 22, "Finished Backup of VM\n", 22);
	CHECK_INT(ask(PEEK_LOG, text, len), 0);
	CHECK_STR(all(), "web01|f|");
	free(text);
}

static void test_backing(void)
{
	uint8_t head[128] = "QFI\xfb";
	static const char name[] = "/x/base.qcow2";
	head[15] = 64;
	head[19] = sizeof name - 1;
	memcpy(head + 64, name, sizeof name - 1);
	CHECK_INT(ask(PEEK_BACKING, head, sizeof head), 0);
	CHECK_STR(all(), "base.qcow2|");
	/* Every cut, every length: another name is none, or a shorter one without directories. */
	for (size_t len = 0; len < sizeof head; len++) {
		CHECK_INT(ask(PEEK_BACKING, head, len), 0);
		CHECK(said.count == (len >= 64 + sizeof name - 1));
	}
	for (unsigned n = 0; n < 256; n++) {
		head[19] = (uint8_t)n;
		CHECK_INT(ask(PEEK_BACKING, head, sizeof head), 0);
		CHECK(said.count <= 1 && (!said.count || !strchr(said.items[0], '/')));
	}
	head[18] = 0xff; /* longer than the format allows */
	CHECK_INT(ask(PEEK_BACKING, head, sizeof head), 0);
	CHECK_INT(said.count, 0);
	head[18] = 0;
	head[19] = sizeof name - 1;
	head[8] = 0xff; /* beyond any file */
	CHECK_INT(ask(PEEK_BACKING, head, sizeof head), 0);
	CHECK_INT(said.count, 0);
}

/* As QEMU writes names, and a file that holds the data. */
static void test_qemu_names(void)
{
	static const struct {
		const char *name, *says;
	} rows[] = {
		{"file:a.img", "a.img|"},
		{"json:{\"driver\":\"qcow2\",\"file\":{\"driver\":\"file\",\"filename\":\"/x/a.img\"}}", "a.img|"},
		{"json:{\"filename\" : \"a.img\"}", "a.img|"},
		/* Names of more than that are none of a file. */
		{"json:{\"filename\":\"a\",\"x\":{\"filename\":\"b\"}}", "json:{\"filename\":\"a\",\"x\":{\"filename\":\"b\"}}|"},
		{"json:{\"offset\":512,\"filename\":\"a\"}", "json:{\"offset\":512,\"filename\":\"a\"}|"},
		{"json:{\"filename\":\"a", "json:{\"filename\":\"a|"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		uint8_t head[512] = "QFI\xfb";
		size_t n = strlen(rows[i].name);
		head[14] = 1;
		head[18] = (uint8_t)(n >> 8);
		head[19] = (uint8_t)n;
		memcpy(head + 256, rows[i].name, n);
		CHECK_INT(ask(PEEK_BACKING, head, sizeof head), 0);
		CHECK_STR(all(), rows[i].says);
		/* Version 3: extensions behind the header; the second is meant. */
		static const uint8_t extensions[] = {0xe2, 0x79, 0x2a, 0xca, 0, 0, 0, 3, 'r', 'a', 'w', 0, 0, 0, 0, 0,
						     'D',  'A',	 'T',  'A',  0, 0, 0, 4, 'd', '.', 'i', 'd'};
		head[7] = 3;
		head[103] = 104;
		memcpy(head + 104, extensions, sizeof extensions);
		CHECK_INT(ask(PEEK_BACKING, head, sizeof head), 0);
		CHECK(!strncmp(all(), "d.id|", 5));
		CHECK_STR(all() + 5, rows[i].says);
	}
}

/* Extents and parent of a descriptor; of one inside a disk the parent, as the disk may have another name by now. */
static void test_descriptor(void)
{
	CHECK_INT(ask_text(PEEK_BACKING, "# Disk DescriptorFile\nCID=1\nparentFileNameHint=\"C:\\vm\\a.vmdk\"\r\n"
					 "  RW 8 FLAT \"b-flat.vmdk\" 0\nRW 8 ZERO\nRDONLY 8 SPARSE \"x/b-s002.vmdk\"\n"
					 "RW 8 FLAT \"..\" 0\nchangeTrackPath=\"b-ctk.vmdk\"\nRW 8 FLAT \"cut"), 0);
	CHECK_STR(all(), "a.vmdk|b-flat.vmdk|b-s002.vmdk|b-ctk.vmdk|");
	static uint8_t disk[2048] = "KDMV";
	disk[28] = 2;
	disk[36] = 1;
	strcpy((char *)disk + 1024, "# Disk DescriptorFile\nparentFileNameHint=\"a.vmdk\"\nRW 8 SPARSE \"b.vmdk\"\n");
	strcpy((char *)disk + 1536, "parentFileNameHint=\"c.vmdk\"\n");
	CHECK_INT(ask(PEEK_BACKING, disk, sizeof disk), 0);
	CHECK_STR(all(), "a.vmdk|");
	memset(disk + 28, 0xff, 16);
	CHECK_INT(ask(PEEK_BACKING, disk, sizeof disk), 0);
	CHECK_STR(all(), "");
}

static void wide(uint8_t *to, const char *text, bool big_endian)
{
	for (size_t i = 0; text[i]; i++)
		to[2 * i + (big_endian ? 1 : 0)] = (uint8_t)text[i];
}

/* The parent of a differencing VHD, which only its header has; one of another kind, or cut off, has none. */
static void test_vhd(void)
{
	static const char name[] = "C:\\vm\\base.vhd";
	static uint8_t disk[512 + 1024];
	memcpy(disk, "conectix", 8);
	disk[22] = 2; /* the header, at 512 */
	disk[63] = 4;
	wide(disk + 512 + 64, name, true);
	CHECK_INT(ask(PEEK_BACKING, disk, sizeof disk), 0);
	CHECK_STR(all(), "base.vhd|");
	for (size_t len = 0; len < sizeof disk; len += 8) {
		CHECK_INT(ask(PEEK_BACKING, disk, len), 0);
		CHECK(!said.count == (len < 512 + 64 + 512));
	}
	disk[63] = 3;
	CHECK_INT(ask(PEEK_BACKING, disk, sizeof disk), 0);
	CHECK_INT(said.count, 0);
	disk[63] = 4;
	disk[16] = 0xff;
	CHECK_INT(ask(PEEK_BACKING, disk, sizeof disk), 0);
	CHECK_INT(said.count, 0);
}

static void put32(uint8_t *to, uint32_t x)
{
	for (int i = 0; i < 4; i++)
		to[i] = (uint8_t)(x >> 8 * i);
}

#define REGIONS (192 * KIB)
#define METADATA (256 * KIB)
#define LOCATOR (METADATA + 64 * KIB)

/* Where the parent of a VHDX is, as its locator says it in several ways; what leaves the locator says nothing. */
static void test_vhdx(void)
{
	static const uint8_t metadata[] = {0x06, 0xa2, 0x7c, 0x8b, 0x90, 0x47, 0x9a, 0x4b, 0xb8, 0xfe, 0x57, 0x5f, 0x05, 0x0f, 0x88, 0x6e},
			     locator[] = {0x2d, 0x5f, 0xd3, 0xa8, 0x0b, 0xb3, 0x4d, 0x45, 0xab, 0xf7, 0xd3, 0xd8, 0x48, 0x34, 0xab, 0x0c};
	static const char *const pairs[][2] = {{"relative_path", ".\\base.vhdx"}, {"parent_linkage", "{1}"},
					       {"absolute_win32_path", "C:\\vm\\other.vhdx"}, {"path", "x.vhdx"}};
	static uint8_t disk[LOCATOR + 1024];
	uint8_t *region = disk + REGIONS + 16 + 32, *item = disk + METADATA + 32 + 32, *table = disk + LOCATOR;
	uint32_t at = 200;
	memcpy(disk, "vhdxfile", 8);
	put32(disk + REGIONS + 8, 2);
	memcpy(region, metadata, 16);
	put32(region + 16, METADATA);
	put32(region + 24, 1 << 20);
	disk[METADATA + 10] = 2;
	memcpy(item, locator, 16);
	put32(item + 16, LOCATOR - METADATA);
	put32(item + 20, 1000);
	table[18] = ARRAY_SIZE(pairs);
	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
		uint8_t *x = table + 20 + 12 * i;
		for (int k = 0; k < 2; k++) {
			put32(x + 4 * k, at);
			x[8 + 2 * k] = (uint8_t)(2 * strlen(pairs[i][k]));
			wide(table + at, pairs[i][k], false);
			at += x[8 + 2 * k];
		}
	}
	CHECK_INT(ask(PEEK_BACKING, disk, sizeof disk), 0);
	CHECK_STR(all(), "base.vhdx|other.vhdx|");
	const struct {
		uint8_t *at, value;
		const char *says;
	} rows[] = {
		{disk + REGIONS + 8, 1, ""}, {region, 0, ""}, {region + 23, 0xff, ""}, {region + 18, 0xff, ""},
		{disk + METADATA + 10, 1, ""}, {item, 0, ""}, {item + 18, 0xff, ""}, {item + 20, 19, ""}, {item + 22, 2, ""},
		{table + 18, 0, ""}, {table + 18, 1, "base.vhdx|"}, {table + 21, 0xff, "other.vhdx|"},
		{table + 25, 0xff, "other.vhdx|"}, {table + 28, 8, "other.vhdx|"}, {table + 29, 0xff, "other.vhdx|"},
		/* More than there is room for. */
		{table + 18, 255, "base.vhdx|other.vhdx|"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		uint8_t before = *rows[i].at, high = item[21];
		*rows[i].at = rows[i].value;
		if (rows[i].value == 19)
			item[21] = 0;
		CHECK_INT(ask(PEEK_BACKING, disk, sizeof disk), 0);
		CHECK_STR(all(), rows[i].says);
		*rows[i].at = before;
		item[21] = high;
	}
	static const size_t cuts[] = {REGIONS, REGIONS + 60, METADATA, METADATA + 40, METADATA + 90, LOCATOR, LOCATOR + 999};
	for (size_t i = 0; i < ARRAY_SIZE(cuts); i++) {
		CHECK_INT(ask(PEEK_BACKING, disk, cuts[i]), 0);
		CHECK_INT(said.count, 0);
	}
}

/* What somebody else says that it is. */
static const char *const *lies;
static size_t lie_count;

static int tell(enum peek_kind kind, int fd, struct strings *out, struct error *e)
{
	(void)kind, (void)fd, (void)e;
	for (size_t i = 0; i < lie_count; i++)
		NEED(strings_add(out, lies[i]) == 0);
	return 0;
}

#define TOLD(kind, ...) told(kind, (const char *const[]){__VA_ARGS__}, sizeof (const char *const[]){__VA_ARGS__} / sizeof(char *))

static int told(enum peek_kind kind, const char *const *items, size_t count)
{
	lies = items;
	lie_count = count;
	int rc = ask_text(kind, "");
	CHECK(rc == 0 || (why.cls == ERROR_CORRUPT && !said.count));
	return rc;
}

static void test_lies(void)
{
	static char longest[PEEK_NAME_MOST + 2];
	memset(longest, 'x', PEEK_NAME_MOST + 1);
	peek_by(tell);
	CHECK_INT(TOLD(PEEK_BACKING, "base.qcow2"), 0);
	CHECK_INT(TOLD(PEEK_BACKING, "../base.qcow2"), -1);
	CHECK_INT(TOLD(PEEK_BACKING, "/etc/shadow"), -1);
	CHECK_INT(TOLD(PEEK_BACKING, "."), -1);
	CHECK_INT(TOLD(PEEK_BACKING, ""), -1);
	CHECK_INT(TOLD(PEEK_BACKING, "a", "b"), 0);
	CHECK_INT(TOLD(PEEK_BACKING, "a", "../b"), -1);
	const char *many[PEEK_BACKING_MOST + 1];
	for (size_t i = 0; i < ARRAY_SIZE(many); i++)
		many[i] = "a";
	CHECK_INT(told(PEEK_BACKING, many, PEEK_BACKING_MOST), 0);
	CHECK_INT(told(PEEK_BACKING, many, ARRAY_SIZE(many)), -1);
	CHECK_INT(TOLD(PEEK_BACKING, longest + 1), 0);
	CHECK_INT(TOLD(PEEK_BACKING, longest), -1);
	CHECK_INT(TOLD(PEEK_DOMAIN, "a/guest may be called as it likes", "sda"), 0);
	CHECK_INT(TOLD(PEEK_DOMAIN, "web01", "x/sda"), -1);
	CHECK_INT(TOLD(PEEK_DOMAIN, "web01", ""), -1);
	CHECK_INT(TOLD(PEEK_VOLUMES, "12345678-abcd-abcd-1234-123456789abc"), 0);
	CHECK_INT(TOLD(PEEK_VOLUMES, "12345678-abcd-abcd-1234-123456789abcd"), -1);
	CHECK_INT(TOLD(PEEK_VOLUMES, "../5678-abcd-abcd-1234-123456789abc"), -1);
	CHECK_INT(TOLD(PEEK_EXPORT, "da.vmdk", "ob.iso"), 0);
	CHECK_INT(TOLD(PEEK_EXPORT, "xa.vmdk"), -1);
	CHECK_INT(TOLD(PEEK_EXPORT, "d../a.vmdk"), -1);
	CHECK_INT(TOLD(PEEK_EXPORT, "d"), -1);
	CHECK_INT(TOLD(PEEK_LOG, "web01", "f"), 0);
	CHECK_INT(TOLD(PEEK_LOG, "web01", "x"), -1);
	CHECK_INT(TOLD(PEEK_LOG, "web01", ""), -1);
	CHECK_INT(TOLD(PEEK_LOG, "web01"), -1);
	CHECK_INT(TOLD(PEEK_LOG, "web01", "f", "f"), -1);
	CHECK_INT(TOLD(PEEK_NOTES, "web01"), 0);
	CHECK_INT(TOLD(PEEK_NOTES, "web01", "web02"), -1);
	peek_by(NULL);
	CHECK_INT(ask_text(PEEK_NOTES, "web01"), 0);
}

static int opened(const char *path)
{
	int fd = 0;
	CHECK_INT(peek_open(AT_FDCWD, path, &fd, &why), 0);
	return fd;
}

static void test_open(void)
{
	char path[] = "/tmp/backproof-peek-XXXXXX";
	NEED(mkdtemp(path));
	CHECK_INT(opened(path), -1);
	CHECK_INT(opened("/dev/null"), -1);
	NEED(rmdir(path) == 0 && mkfifo(path, 0600) == 0);
	/* Nobody waits for somebody to write into it. */
	CHECK_INT(opened(path), -1);
	NEED(unlink(path) == 0);
	CHECK_INT(opened(path), -1);
	autoclose int fd = opened("/proc/self/exe");
	CHECK(fd >= 0);
	/* What can't be told is not absent. */
	struct rlimit now, none;
	NEED(getrlimit(RLIMIT_NOFILE, &now) == 0);
	none = now;
	none.rlim_cur = 3;
	NEED(setrlimit(RLIMIT_NOFILE, &none) == 0);
	int other = -1;
	CHECK_INT(peek_open(AT_FDCWD, "/proc/self/exe", &other, &why), -1);
	CHECK_INT(other, -1);
	CHECK(why.cls != ERROR_NONE && *why.text);
	NEED(setrlimit(RLIMIT_NOFILE, &now) == 0);
}

/* A file that can't be read says nothing, and that is no answer. */
static void test_unreadable(void)
{
	autoclose int write_only = open("/tmp", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
	NEED(write_only >= 0 && ftruncate(write_only, 4096) == 0);
	for (int kind = 0; kind < PEEK_KINDS; kind++) {
		strings_free(&said);
		CHECK_INT(peek((enum peek_kind)kind, write_only, &said, &why), -1);
		CHECK(why.cls != ERROR_NONE && why.cls != ERROR_CORRUPT && !said.count);
	}
}

int main(void)
{
	RUN(test_domain);
	RUN(test_domain_large);
	RUN(test_export);
	RUN(test_volumes);
	RUN(test_vzdump);
	RUN(test_backing);
	RUN(test_qemu_names);
	RUN(test_descriptor);
	RUN(test_vhd);
	RUN(test_vhdx);
	RUN(test_lies);
	RUN(test_open);
	RUN(test_unreadable);
	strings_free(&said);
	return test_done();
}
