// SPDX-License-Identifier: GPL-3.0-or-later
/* Layout libvirt: a domain's XML and the disks that it names. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>

#include "backproof/catalog.h"
#include "put_file.h"
#include "test.h"

static char root[] = "/tmp/backproof-libvirt-XXXXXX";

static void put(const char *name, const char *text)
{
	put_file(root, name, text);
}

static void domain(const char *file, const char *name)
{
	char xml[2048];
	snprintf(xml, sizeof xml,
		 "<?xml version='1.0'?>\n<domain type='kvm' id='3'>\n  <name>%s</name>\n  <devices>\n"
		 "    <disk type='file' device='disk'>\n      <driver name='qemu' type='qcow2'/>\n"
		 "      <source file='/var/lib/libvirt/images/%s-1&amp;2.qcow2' index='2'/>\n"
		 "      <backingStore type='file'><source file='/var/lib/libvirt/images/base.qcow2'/></backingStore>\n"
		 "      <target dev='vda' bus='virtio'/>\n    </disk>\n"
		 "    <disk type='block' device='disk'><source dev=\"/dev/vg0/%s-data\"/><target dev='vdb'/></disk>\n"
		 "    <disk type='file' device='cdrom'><source file='/iso/debian.iso'/><target dev='sda'/></disk>\n"
		 "    <disk type='file' device='cdrom'><target dev='sdb'/></disk>\n"
		 "  </devices>\n</domain>\n", name, name, name);
	put(file, xml);
}

static void clear(void)
{
	char cmd[128];
	snprintf(cmd, sizeof cmd, "rm -rf %s && mkdir %s", root, root);
	NEED(system(cmd) == 0);
}

static struct catalog found;
static struct error why;

static int in_repository(const char *host)
{
	struct repository r = {.name = "kvm", .path = root, .layout = (char *)(uintptr_t)"libvirt"};
	memset(&why, 0, sizeof why);
	memset(&found, 0, sizeof found);
	struct catalog_index *x = catalog_index_open(&r, NULL, &why);
	int rc = x ? catalog_index_find(x, host, &found, &why) : -1;
	catalog_index_destroy(x);
	return rc;
}

static bool holds(const char *base, bool note)
{
	for (size_t i = 0; found.count && i < found.items[0].count; i++) {
		const struct point_file *f = &found.items[0].items[i];
		if (!strcmp(strrchr(f->path, '/') + 1, base) && f->note == note)
			return true;
	}
	return false;
}

static void test_together(void)
{
	clear();
	domain("web01.xml", "web01");
	domain("web02.xml", "web02");
	put("web01-1&2.qcow2", "x");
	put("web02-1&2.qcow2", "x");
	put("web01-data.img.zst", "x");
	put("web01-data", "x");
	put("web02-data.zst", "x");
	CHECK_INT(in_repository("web01"), 0);
	CHECK_INT(found.count, 1);
	CHECK(holds("web01-1&2.qcow2", false));
	CHECK(holds("web01-data", false));
	CHECK(holds("web01.xml", true));
	CHECK(!holds("web02-1&2.qcow2", false));
	catalog_free(&found);
	CHECK_INT(in_repository("web02"), 0);
	CHECK(holds("web02-data.zst", false));
	catalog_free(&found);
	CHECK_INT(in_repository("web"), 0);
	CHECK_INT(found.count, 0);
	catalog_free(&found);
}

static void dated(void)
{
	clear();
	domain("web01/2026-11-20/web01.xml", "web01");
	put("web01/2026-11-20/web01-1&2.qcow2", "x");
	put("web01/2026-11-20/web01-data", "x");
	domain("web01/2026-11-21/web01.xml", "web01");
	put("web01/2026-11-21/web01-1&2.qcow2", "# Disk DescriptorFile\nparentFileNameHint=\"base.qcow2\"\n");
	put("web01/2026-11-21/web01-data", "x");
	put("web01/2026-11-21/base.qcow2", "x");
	put("web01/2026-11-21/other.qcow2", "x");
}

static void test_dated(void)
{
	dated();
	CHECK_INT(in_repository("web01"), 0);
	NEED(found.count == 2);
	CHECK_STR(found.items[0].label, "web01/2026-11-21/web01.xml");
	CHECK(holds("base.qcow2", false)); /* of the chain */
	CHECK(!holds("other.qcow2", false));
	catalog_free(&found);
	struct strings paths = {0};
	NEED(strings_add(&paths, root) == 0);
	CHECK_INT(catalog_from_paths(&paths, "web01", &found, &why), 0);
	CHECK_INT(found.count, 2);
	CHECK(holds("web01.xml", true));
	catalog_free(&found);
	strings_free(&paths);
}

/* A copy made all times of files new: the last part of the path that has a date tells, the repository's own name too. */
static void test_date_above(void)
{
	static const struct {
		const char *top, *file, *date;
	} rows[] = {
		{"", "2026-11-14/web01/web01.xml", "2026-11-14"},
		{"", "2026-11-14/web01/web01-2026-11-13.xml", "2026-11-13"},
		{"", "2026-11-14/2026-11-12/web01.xml", "2026-11-12"},
		{"2026-11-14", "web01/web01.xml", "2026-11-14"},
		{"2026-11-14/", "web01.xml", "2026-11-14"},
		{"2026-11-14/.", "web01.xml", "2026-11-14"},
		{"2026-11-14", "a/2026-11-13/web01.xml", "2026-11-13"},
		{"2026-11-14/web01", "web01.xml", "none"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char file[200], path[200];
		clear();
		snprintf(file, sizeof file, "%s/%s", rows[i].top, rows[i].file);
		snprintf(path, sizeof path, "%s/%s", root, rows[i].top);
		put(file, "<domain><name>web01</name><disk><source file='/v/web01.img'/></disk></domain>");
		strcpy(strrchr(file, '/'), "/web01.img");
		put(file, "x");
		struct repository r = {.name = "kvm", .path = path, .layout = (char *)(uintptr_t)"libvirt"};
		struct catalog_index *x = catalog_index_open(&r, NULL, &why);
		NEED(x && catalog_index_find(x, "web01", &found, &why) == 0);
		catalog_index_destroy(x);
		char date[32] = "none";
		time_t t = found.count ? (time_t)found.items[0].named_from : 0;
		struct tm tm;
		if (t)
			strftime(date, sizeof date, "%F", localtime_r(&t, &tm));
		CHECK_INT(found.count, 1);
		CHECK_STR(date, rows[i].date);
		catalog_free(&found);
	}
}

/* The newest without a disk, or without any, is not passed over for an older one. */
static void test_missing(void)
{
	static const char *const gone[] = {"web01-data", "web01-1&2.qcow2", "base.qcow2"};
	dated();
	for (size_t i = 0; i < ARRAY_SIZE(gone); i++) {
		char path[512];
		snprintf(path, sizeof path, "%s/web01/2026-11-21/%s", root, gone[i]);
		NEED(unlink(path) == 0);
		CHECK_INT(in_repository("web01"), -1);
		CHECK_INT(why.cls, ERROR_CORRUPT);
		CHECK_INT(why.sys, ENOENT);
		CHECK(strstr(why.text, "the file web01-") != NULL);
	}
}

/* What only looks like a disk or a name, and the ways in which both may be written. */
static void test_xml(void)
{
	clear();
	put("web01.xml", "<?xml version='1.0'?>\n<!-- <name>db01</name> -->\n<domain type = 'kvm'>"
			 "<metadata><a:name xmlns:a='x'>db01</a:name><a:disk><source file='/v/m.raw'/></a:disk></metadata>"
			 "<name>\n web01 </name><!-- <disk><source file='/v/old.raw'/></disk> --><devices>"
			 "<disk type='file' device = \"disk\"><driver name='qemu'/><source file\n=\n'/v/a&#45;1.raw'/>"
			 "<backingStore><source file='/v/base.raw'/></backingStore><mirror><source file='/v/c.raw'/></mirror>"
			 "</disk><disk device='cdrom'><source file='/v/d.iso'/></disk></devices></domain>");
	put("a-1.raw", "x");
	CHECK_INT(in_repository("web01"), 0);
	NEED(found.count == 1 && found.items[0].count == 2);
	CHECK_STR(strrchr(found.items[0].items[0].path, '/'), "/a-1.raw");
	catalog_free(&found);
	put("web01.xml", "<domain><name>web01</name><devices><disk><source file='/v/a-1.raw'></disk></devices></domain>");
	CHECK_INT(in_repository("web01"), -1);
	CHECK(strstr(why.text, "its elements do not nest") != NULL);
	put("web01.xml", "<domstatus><domain><name>web01</name><disk><source file='/v/a-1.raw'/></disk></domain></domstatus>");
	CHECK_INT(in_repository("web01"), 0);
	CHECK_INT(found.count, 1);
	catalog_free(&found);
}

static void test_others(void)
{
	clear();
	put("a.xml", "<network><name>web01</name></network>");
	put("b.xml", "<domains");
	put("c.xml", "<domain><name>web01</name></domain>");
	CHECK_INT(in_repository("web01"), 0);
	CHECK_INT(found.count, 0);
	catalog_free(&found);
}

/* A domain web01 with these elements; what is found of it: "COUNT FIRST", or the file that is missing. */
static void put_disks(const char *file, const char *disks)
{
	char xml[2048];
	snprintf(xml, sizeof xml, "<domain type='kvm'><name>web01</name><devices>%s</devices></domain>", disks);
	put(file, xml);
}

static const char *told(int rc)
{
	static char text[300];
	const char *file = rc < 0 && why.sys == ENOENT ? strstr(why.text, "the file ") : NULL, *end;
	snprintf(text, sizeof text, rc < 0 ? "error: %.200s" : "%.0s%zu", rc < 0 ? why.text : "",
		 found.count ? found.items[0].count : 0);
	if (file && (end = strstr(file, ", ")))
		snprintf(text, sizeof text, "no %.*s", (int)(end - file) - 9, file + 9);
	catalog_free(&found);
	return text;
}

#define SAVED(name) "<disk type='file' device='disk'><source file='/v/" name "'/></disk>"

/* Whatever a disk is stored in, it is one of the machine's. */
static void test_sources(void)
{
	static const struct {
		const char *disk, *called;
	} rows[] = {
		{"<disk type='volume' device='disk'><source pool='p' volume='b.qcow2'/></disk>", "b.qcow2"},
		{"<disk type='volume' device='lun'><source pool='p' volume='unit:0:0:1' mode='host'/></disk>", "unit:0:0:1"},
		{"<disk type='network'><source protocol='rbd' name='pool/b'><host name='mon'/></source></disk>", "b"},
		{"<disk type='network'><source protocol='iscsi' name='iqn.2026-11.com.example:b/1'/></disk>", "1"},
		{"<disk type='nvme' device='disk'><source type='pci' managed='yes'><address bus='1'/></source>"
		 "<target dev='vdb' bus='virtio'/></disk>", "vdb"},
		{"<disk type='vhostuser'><source type='unix' path='/run/b.sock'/><target dev='vdb'/></disk>", "vdb"},
		{"<disk type='network'><source protocol='nbd'><host name='b'/></source><target dev='sdb'/></disk>", "sdb"},
		{"<disk><source/></disk>", "disk"},
		{"<disk><target dev='../b'/></disk>", "disk"},
		{"<disk><source file='/b'/></disk >", "b"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char disks[600], missing[100];
		clear();
		snprintf(disks, sizeof disks, SAVED("a.qcow2") "%s", rows[i].disk);
		put_disks("web01.xml", disks);
		put("a.qcow2", "x");
		snprintf(missing, sizeof missing, "no %s", rows[i].called);
		CHECK_STR(told(in_repository("web01")), missing);
		put(rows[i].called, "x");
		CHECK_STR(told(in_repository("web01")), "3");
	}
	/* What can be taken out of the machine is none of its disks. */
	clear();
	put_disks("web01.xml", SAVED("a.qcow2") "<disk type='file' device='cdrom'><source file='/v/seed.iso'/></disk>"
					       "<disk type='file' device='floppy'><target dev='fda'/></disk>"
					       "<disk device='cdrom'/>");
	put("a.qcow2", "x");
	put("seed.iso", "x");
	put("a-before-upgrade.qcow2", "x");
	CHECK_STR(told(in_repository("web01")), "2");
}

static void test_alike(void)
{
	clear();
	put_disks("web01.xml", "<disk><source file='/ssd/a.qcow2'/></disk><disk><source file='/hdd/a.qcow2'/></disk>");
	put("a.qcow2", "x");
	CHECK_STR(told(in_repository("web01")), "no a.qcow2 of another disk");
	put_disks("web01.xml", "<disk><source pool='p' volume='a.qcow2'/></disk>"
			       "<disk><source pool='q' volume='a.qcow2'/></disk>");
	CHECK_STR(told(in_repository("web01")), "no a.qcow2 of another disk");
	put_disks("web01.xml", "<disk><source protocol='nbd' name='a.qcow2'><host name='x'/></source></disk>"
			       "<disk><source protocol='nbd' name='a.qcow2'><host name='y'/></source></disk>");
	CHECK_STR(told(in_repository("web01")), "no a.qcow2 of another disk");
	/* Two ways to one. */
	put_disks("web01.xml", SAVED("a.qcow2") SAVED("a.qcow2"));
	CHECK_STR(told(in_repository("web01")), "2");
	/* Two that would go by one file. */
	put_disks("web01.xml", SAVED("b.qcow2") SAVED("b.raw"));
	put("b.img.zst", "x");
	CHECK_STR(told(in_repository("web01")), "no b.raw of another disk");
}

/* As the disk is called; compressed, converted, in pieces; what is called so is no other disk's. */
static void test_names(void)
{
	static const char *const good[] = {"a.qcow2", "a.qcow2.zst", "a.qcow2.1763780400", "a.qcow2.1763780400.gz", "a.img.zst",
					   "a.raw.gz", "a.raw", "a.qcow2.aa", "a.img.zst.part-aa", "a.img.000"};
	static const char *const bad[] = {"a", "a.zst", "a.aa", "a-old.qcow2", "a.qcow2.old", "a.qcow2.176378040", "a.tar.gz", "a.iso", "a.xml",
					  "a.qcow2.sha256", "a.img.zst.sha256", "A.qcow2", "a.1763780400", ".qcow2", "b.qcow2"};
	for (size_t i = 0; i < ARRAY_SIZE(good) + ARRAY_SIZE(bad); i++) {
		clear();
		put_disks("web01.xml", SAVED("a.qcow2"));
		put(i < ARRAY_SIZE(good) ? good[i] : bad[i - ARRAY_SIZE(good)], "x");
		CHECK_STR(told(in_repository("web01")), i < ARRAY_SIZE(good) ? "2" : "no a.qcow2");
	}
	clear();
	put_disks("web01.xml", SAVED("a.qcow2") SAVED("b"));
	put("a.qcow2.aa", "x");
	put("a.qcow2.aa.sha256", "x");
	put("a.qcow2.ab", "x");
	put("a.qcow2.backup", "x");
	put("b.img.gz", "x");
	CHECK_STR(told(in_repository("web01")), "4");
	/* A file that another disk is called like, its own or another machine's. */
	clear();
	put_disks("web01.xml", SAVED("a.qcow2") SAVED("a"));
	put("a.qcow2", "x");
	CHECK_STR(told(in_repository("web01")), "no a");
	put_disks("web01.xml", SAVED("b.qcow2"));
	domain("other.xml", "db01");
	put("b.raw.zst", "x");
	CHECK_STR(told(in_repository("web01")), "2");
	put("c.xml", "<domain type='kvm'><name>db01</name><disk><source file='/v/b.raw'/></disk></domain>");
	CHECK_STR(told(in_repository("web01")), "no b.qcow2");
}

/* An overlay is called by the number of its snapshot. */
static void test_snapshot(void)
{
	clear();
	put_disks("web01.xml", SAVED("a.1763780400"));
	put("a.1763780400.zst", "x");
	CHECK_INT(in_repository("web01"), 0);
	CHECK_INT(found.count ? found.items[0].named_to : -1, 0);
	CHECK_STR(told(0), "2");
	put_disks("web01.xml", SAVED("a"));
	put("a.1763780400", "x");
	CHECK_STR(told(in_repository("web01")), "2");
	put("other.xml", "<domain type='kvm'><name>db01</name><disk><source file='/v/a.1763780400'/></disk></domain>");
	CHECK_STR(told(in_repository("web01")), "no a");
	put_disks("web01.xml", SAVED("a.1763780401"));
	CHECK_STR(told(in_repository("web01")), "no a.1763780401");
}

/* What "virsh backup-begin" wrote: of one run, whose number says when it was. */
static void test_runs(void)
{
	clear();
	put_disks("web01.xml", SAVED("a.qcow2") SAVED("b.qcow2"));
	put("a.qcow2.1763780400", "x");
	put("b.qcow2.1763780400", "x");
	CHECK_INT(in_repository("web01"), 0);
	NEED(found.count == 1);
	CHECK_INT(found.items[0].named_from, 1763780400);
	CHECK_INT(found.items[0].named_to, 1763780400);
	CHECK_STR(told(0), "3");
	/* The next one of a disk failed. */
	put("a.qcow2.1763800000", "x");
	CHECK_STR(told(in_repository("web01")), "no b.qcow2.1763800000");
	put("b.qcow2.1763800000", "x");
	put("b.qcow2.1763700000", "x");
	CHECK_INT(in_repository("web01"), 0);
	CHECK(holds("b.qcow2.1763800000", false));
	CHECK_STR(told(0), "3");
	/* An earlier date that a name has counts. */
	clear();
	put_disks("2025-11-20/web01.xml", SAVED("a.qcow2"));
	put("2025-11-20/a.qcow2.1763780400", "x");
	CHECK_INT(in_repository("web01"), 0);
	NEED(found.count == 1);
	CHECK(found.items[0].named_to < 1763780400 && found.items[0].named_to);
	catalog_free(&found);
	/* An hour of a day. */
	clear();
	put_disks("web01.xml", SAVED("a.qcow2"));
	put("a.qcow2.2026112103", "x");
	CHECK_INT(in_repository("web01"), 0);
	NEED(found.count == 1);
	CHECK(found.items[0].named_to > 1795200000 && found.items[0].named_to < 1795400000);
	catalog_free(&found);
}

/* An XML beside images of other names says nothing of them; one that names any of them does. */
static void test_recognised(void)
{
	struct strings paths = {0};
	NEED(strings_add(&paths, root) == 0);
	clear();
	put_disks("etc/web01.xml", SAVED("web01.qcow2"));
	put("web01-2026-11-21.qcow2", "x");
	CHECK_INT(catalog_from_paths(&paths, "web01", &found, &why), 0);
	NEED(found.count == 1);
	CHECK(holds("web01-2026-11-21.qcow2", false));
	CHECK_STR(told(0), "1");
	CHECK_STR(told(in_repository("web01")), "no web01.qcow2");
	clear();
	put("web01-2026-11-21.qcow2", "x");
	put_disks("web01.xml", SAVED("web01-2026-11-21.qcow2") SAVED("data.qcow2"));
	CHECK_INT(catalog_from_paths(&paths, "web01", &found, &why), 0);
	CHECK_STR(told(catalog_settle(&found, 0, &why)), "no data.qcow2");
	strings_free(&paths);
}

int main(void)
{
	NEED(mkdtemp(root));
	RUN(test_together);
	RUN(test_dated);
	RUN(test_date_above);
	RUN(test_missing);
	RUN(test_xml);
	RUN(test_others);
	RUN(test_sources);
	RUN(test_alike);
	RUN(test_names);
	RUN(test_snapshot);
	RUN(test_runs);
	RUN(test_recognised);
	char cmd[64];
	snprintf(cmd, sizeof cmd, "rm -rf %s", root);
	NEED(system(cmd) == 0);
	return test_done();
}
