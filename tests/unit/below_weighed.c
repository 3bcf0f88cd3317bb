// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * What lies beside, above or below what a program has laid out, and which of it is the host's newest. Each case was once
 * taken for a whole backup although the newest lacks something, or refused although nothing is wrong.
 */
#include <fcntl.h>
#include <time.h>

#include "repository_help.h"

#define CLONEZILLA(dir)                                                                                                \
	put(dir "/parts", "sda1"), put(dir "/disk", "sda"), put(dir "/clonezilla-img", "x"), put(dir "/sda-pt.sf", "x"),  \
		put(dir "/sda1.ext4-ptcl-img.zst.aa", "x")
#define LACKS(list, file, how) "error corrupt: " list " names the file " file ", which is not " how

/* 21 November 2026, so many hours. */
static void written(const char *name, int hour)
{
	const struct timespec at = {.tv_sec = 1795219200 + hour * 3600};
	NEED(utimensat(AT_FDCWD, full(name), (const struct timespec[]){at, at}, 0) == 0);
}

static const char *from_three(const char *one, const char *two, const char *three, const char *host)
{
	struct catalog c = {0};
	struct strings paths = {0};
	NEED(strings_add(&paths, full(one)) == 0 && strings_add(&paths, full(two)) == 0);
	NEED(strings_add(&paths, full(three)) == 0);
	int rc = catalog_from_paths(&paths, host, &c, &why);
	strings_free(&paths);
	return said(rc ? rc : catalog_settle(&c, 0, &why), &c, &why);
}

/* How many restore points there are. */
static size_t count_from(const char *one, const char *two, const char *host)
{
	struct catalog c = {0};
	struct strings paths = {0};
	NEED(strings_add(&paths, full(one)) == 0 && strings_add(&paths, full(two)) == 0);
	NEED(catalog_from_paths(&paths, host, &c, &why) == 0);
	size_t n = c.count;
	catalog_free(&c);
	strings_free(&paths);
	return n;
}

/* Whose it is, the list says, whatever its directory is called. */
static void test_told(void)
{
	clear();
	put("web01-kvm/vm-2026-11-21.xml", DOMAIN("web01", DISK("a.qcow2") DISK("b.qcow2")));
	put("web01-kvm/a.qcow2", "x");
	static const char lacks[] = LACKS("web01-kvm/vm-2026-11-21.xml", "b.qcow2", "beside it");
	CHECK_STR(from("", "web01"), lacks);
	put("arc/web01-2026-11-20-2300.qcow2", "x");
	CHECK_STR(from("", "web01"), lacks);
	/* With its domain, too; but not when there are two machines of that name. */
	put("web01-kvm/vm-2026-11-21.xml", DOMAIN("web01.example.com", DISK("a.qcow2") DISK("b.qcow2")));
	CHECK_STR(from("", "web01"), lacks);
	put_guest("kvm/2026-11-19", "web01", "c.qcow2");
	CHECK_STR(from("", "web01.example.com"), lacks);
	CHECK_STR(from("", "web01.example.org"), "1 of arc/web01-2026-11-20-2300.qcow2");
	clear();
	put_guest("kvm/2026-11-19", "web01.lan", "c.qcow2");
	put_guest("kvm/2026-11-20", "web01.example.com", "c.qcow2");
	put_guest("kvm/2026-11-18", "web01", "c.qcow2");
	CHECK_STR(from("kvm", "web01"), "2 of 2026-11-18/domain.xml");
	/* The newest of them can't be understood. */
	clear();
	put_guest("kvm/vm-101/2026-11-19", "web01", "a.qcow2");
	put("kvm/vm-101/2026-11-21/vm.xml", "");
	put("arc/web01-2026-11-20.qcow2", "x");
	CHECK(!strncmp(from("", "web01"), "error io", 8));
	NEED(remove(full("kvm/vm-101/2026-11-21/vm.xml")) == 0);
	CHECK_STR(from("", "web01"), "1 of arc/web01-2026-11-20.qcow2");
}

/* What has a word more that is no domain is another machine, in whatever directory; so are those of two domains. */
static void test_strangers(void)
{
	static const char *const copies[] = {"web01.old", "web01.stage", "web01-test"};
	for (size_t i = 0; i < ARRAY_SIZE(copies); i++) {
		clear();
		put_guest("kvm/2026-11-21", copies[i], "a.qcow2");
		CHECK_STR(from("", "web01"), "none");
		put("own/2026-11-20/web01.xml", DOMAIN("web01", DISK("a.qcow2") DISK("b.qcow2")));
		put("own/2026-11-20/a.qcow2", "x");
		CHECK(!strncmp(from("", "web01"), "error corrupt", 13));
		clear();
		put_dump("d/" DUMP("100", "20"), copies[i]);
		CHECK_STR(from("", "web01"), "none");
	}
	clear();
	put("siteA/x/2026-11-20/d.xml", DOMAIN("web01.a.example.com", DISK("a.qcow2") DISK("b.qcow2")));
	put("siteA/x/2026-11-20/a.qcow2", "x");
	CHECK(!strncmp(from("", "web01"), "error corrupt", 13));
	put_guest("siteB/x/2026-11-21", "web01.b.example.com", "a.qcow2");
	CHECK_STR(from("", "web01"), "none");
	CHECK_STR(from_both("siteA", "siteB", "web01"), "none");
	CHECK_STR(from("", "web01.b.example.com"), "2 of siteB/x/2026-11-21/domain.xml");
	put_guest("siteC/x/2026-11-19", "web01", "a.qcow2");
	CHECK_STR(from("", "web01"), "2 of siteC/x/2026-11-19/domain.xml");
	/* A plain image is as much of a host with a domain as a guest without one is. */
	clear();
	put_guest("kvm/2026-11-20", "web01", "a.qcow2");
	put("plain/web01-2026-11-21.qcow2", "x");
	CHECK_STR(from("", "web01.example.com"), "1 of plain/web01-2026-11-21.qcow2");
	clear();
	put_dump("d/" DUMP("100", "20"), "web01");
	put("plain/web01-2026-11-21.qcow2", "x");
	CHECK_STR(from("", "web01.example.com"), "1 of plain/web01-2026-11-21.qcow2");
}

/* A list without any of its disks: a night on which nothing was saved, or one more copy of a setting. */
static void test_bare(void)
{
	clear();
	put_guest("2026-11-20/kvm1/web01", "web01", "a.qcow2");
	put("2026-11-21/kvm1/web01/domain.xml", DOMAIN("web01", DISK("a.qcow2")));
	CHECK_STR(from("", "web01"), LACKS("kvm1/web01/domain.xml", "a.qcow2", "beside it"));
	clear();
	put("web01/web01.xml", DOMAIN("web01", DISK("web01.qcow2")));
	put("web01/web01-2026-11-21.qcow2", "x");
	CHECK_STR(from("", "web01"), "1 of web01/web01-2026-11-21.qcow2");
	put_guest("mail", "mail", "m.qcow2");
	CHECK_STR(from("", "web01"), "1 of web01/web01-2026-11-21.qcow2");
	CHECK_STR(from("", "mail"), "2 of mail/domain.xml");
	put("all/mail.ovf", OVF(HREF("f1", "m.vmdk")));
	put("all/m.vmdk", "x");
	CHECK_STR(from("", "web01"), "1 of web01/web01-2026-11-21.qcow2");
	clear();
	put_guest("kvm/web01/2026-11-20", "web01", "a.qcow2");
	put("qemu/web01.xml", DOMAIN("web01", DISK("a.qcow2")));
	CHECK_STR(from("", "web01"), "2 of kvm/web01/2026-11-20/domain.xml");
}

/* In the host's own directory all is its own. */
static void test_own(void)
{
	clear();
	CLONEZILLA("web01/web01-2026-11-20-img");
	CLONEZILLA("web01/2026-11-21-img");
	CHECK_STR(from("web01", "web01"), "5 of 2026-11-21-img");
	CHECK_STR(from("", "web01"), "5 of web01/2026-11-21-img");
	clear();
	put("web01/web01-2026-11-20.ovf", OVF(HREF("f1", "a.vmdk")));
	put("web01/a.vmdk", "x");
	put("web01/export-2026-11-21.ovf", OVF(HREF("f1", "b.vmdk")));
	CHECK(!strncmp(from("web01", "web01"), "error corrupt: export-", 22));
	CHECK(!strncmp(from("", "web01"), "error corrupt: export-", 22));
	NEED(rename(full("web01/export-2026-11-21.ovf"), full("web01/web01-blue-2026-11-21.ovf")) == 0);
	CHECK(!strncmp(from("web01", "web01"), "error corrupt: web01-blue-", 26));
	CHECK(!strncmp(from("", "web01"), "error corrupt: web01-blue-", 26));
	/* Not what is called by the host only further up. */
	clear();
	put("web01/images/web01-2026-11-20.img", "x");
	put("web01/images/mail-2026-11-21.ovf", OVF(HREF("f1", "m.vmdk")));
	put("web01/images/m.vmdk", "x");
	CHECK_STR(from("web01/images", "web01"), "1 of web01-2026-11-20.img");
	/* A dump that nothing tells of is its own, whatever its number. */
	clear();
	put_dump("web01/" DUMP("100", "20"), "web01");
	put("web01/" DUMP("105", "21") ".vma.zst", "x");
	CHECK(!strncmp(from("web01", "web01"), "error io", 8));
	/* Also what lies beside another's. */
	clear();
	put("web01/vm.xml", DOMAIN("vm-101", DISK("vda.qcow2")));
	put("web01/vda.qcow2", "x");
	put("web01/2026-11-21.qcow2", "x");
	put("web01/arc/web01-2026-11-20.qcow2", "x");
	CHECK_STR(from("web01", "web01"), "1 of 2026-11-21.qcow2");
}

/* A list of another's, or an XML of anything, hides nothing. */
static void test_beside(void)
{
	clear();
	put_guest("web01/2026-11-20", "web01", "web01.qcow2");
	put("web01/notes.xml", "<a/>");
	put("web01/web01-2026-11-21.qcow2", "x");
	CHECK_STR(from("", "web01"), "1 of web01/web01-2026-11-21.qcow2");
	CHECK_STR(from("web01", "web01"), "1 of web01-2026-11-21.qcow2");
	clear();
	put("all/mail.ovf", OVF(HREF("f1", "mail.vmdk")));
	put("all/mail.vmdk", "x");
	put("all/web01-2026-11-21.qcow2", "x");
	CHECK_STR(from("", "web01"), "1 of all/web01-2026-11-21.qcow2");
	CHECK_STR(from("all", "web01"), "1 of web01-2026-11-21.qcow2");
	CHECK_STR(from("all", "mail"), "2 of mail.ovf");
	/* What is being written is told of. */
	clear();
	put_guest("web01/x", "web01", "a.qcow2");
	put("web01/x/web01-2026-11-23.qcow2.part", "x");
	struct catalog c = {0};
	struct strings paths = {0};
	NEED(strings_add(&paths, full("")) == 0 && catalog_from_paths(&paths, "web01", &c, &why) == 0);
	CHECK_INT(c.partial.count, 1);
	catalog_free(&c);
	strings_free(&paths);
	/* Two lists of one disk, both written before it. */
	clear();
	put("web01/web01-a.xml", DOMAIN("web01", DISK("a.qcow2")));
	put("web01/web01-b.xml", DOMAIN("web01", DISK("a.qcow2") DISK("b.qcow2")));
	put("web01/a.qcow2", "x");
	written("web01/web01-a.xml", -700), written("web01/web01-b.xml", 1), written("web01/a.qcow2", 2);
	CHECK(!strncmp(from("", "web01"), "error corrupt", 13));
	written("web01/web01-a.xml", 1), written("web01/web01-b.xml", -700);
	CHECK_STR(from("", "web01"), "2 of web01/web01-a.xml");
	clear();
	/* Two lists that begin with the same disk. */
	clear();
	for (int i = 0; i < 6; i++) {
		char name[2][40];
		snprintf(name[0], sizeof name[0], "web01/e%d.ovf", i);
		snprintf(name[1], sizeof name[1], "web01/n%d.xml", i);
		put(name[0], OVF(HREF("f1", "a.vmdk")));
		put(name[1], DOMAIN("web01", DISK("a.vmdk") DISK("b.vmdk")));
		put("web01/a.vmdk", "x");
		written(name[0], 1), written("web01/a.vmdk", 1);
		CHECK(!strncmp(from("", "web01"), "error corrupt: web01/n", 22));
		NEED(remove(full(name[0])) == 0 && remove(full(name[1])) == 0);
	}
}

/* Of days of which only names tell, and of one that has an hour. */
static void test_days(void)
{
	clear();
	put("night-2026-11-20/web01/web01.ovf", OVF(HREF("f1", "a.vmdk")));
	put("night-2026-11-20/web01/a.vmdk", "x");
	put("night-2026-11-21/web01/web01.ovf", OVF(HREF("f1", "a.vmdk") HREF("f2", "b.vmdk")));
	put("night-2026-11-21/web01/a.vmdk", "x");
	written("night-2026-11-21/web01/a.vmdk", -72), written("night-2026-11-21/web01/web01.ovf", -72);
	CHECK_STR(from_both("night-2026-11-20", "night-2026-11-21", "web01"), LACKS("web01.ovf", "b.vmdk", "beside it"));
	CHECK_STR(from("night-2026-11-20", "web01"), "2 of web01/web01.ovf");
	clear();
	put("kvm/2026-11-21/web01.xml", DOMAIN("web01", DISK("a.qcow2") DISK("b.qcow2")));
	put("kvm/2026-11-21/a.qcow2", "x");
	put("web01-2026-11-21-0100.qcow2", "x");
	CHECK(!strncmp(from("", "web01"), "error corrupt", 13));
	written("kvm/2026-11-21/a.qcow2", 0), written("kvm/2026-11-21/web01.xml", 0);
	CHECK_STR(from("", "web01"), "1 of web01-2026-11-21-0100.qcow2");
	put("web01-2026-11-21.img", "x");
	written("web01-2026-11-21.img", 0);
	CHECK_STR(from("", "web01"), "1 of web01-2026-11-21-0100.qcow2");
	written("web01-2026-11-21.img", 4);
	CHECK_STR(from("", "web01"), "1 of web01-2026-11-21.img");
}

/* What a list was cut from long ago is history; what may be the newest is not. */
static void test_cut(void)
{
	clear();
	put("web01/2026-01-01/web01.xml", "<domain><name>web01");
	put("web01/web01-2026-11-21.qcow2", "x");
	CHECK_STR(from("", "web01"), "1 of web01/web01-2026-11-21.qcow2");
	put("web01/2026-11-22/web01.xml", "<domain><name>web01");
	CHECK(!strncmp(from("", "web01"), "error io", 8));
	clear();
	put("web01/2026-01-01/web01.ovf", "<Envelope>");
	put("web01/2026-11-21/web01.ovf", OVF(HREF("f1", "a.vmdk")));
	put("web01/2026-11-21/a.vmdk", "x");
	CHECK_STR(from("", "web01"), "2 of web01/2026-11-21/web01.ovf");
	CHECK_STR(from("web01", "web01"), "2 of 2026-11-21/web01.ovf");
	put("web01/2026-11-22/web01.ovf", "<Envelope>");
	CHECK(!strncmp(from("web01", "web01"), "error io", 8));
	/* Beside an image, what is another's by its name is no trouble; what may be the image's own is. */
	clear();
	put("db01.xml", "<domain><name>db01");
	put("web01-2026-11-21.img", "x");
	CHECK_STR(from("", "web01"), "1 of web01-2026-11-21.img");
	NEED(rename(full("db01.xml"), full("domain.xml")) == 0);
	CHECK(!strncmp(from("", "web01"), "error io", 8));
}

/* An empty file that is not called by the host is no list of it. */
static void test_empty(void)
{
	clear();
	put("web01/report.xml", "");
	put("web01/web01-2026-11-21.img", "x");
	CHECK_STR(from("", "web01"), "1 of web01/web01-2026-11-21.img");
	CHECK_STR(from("web01", "web01"), "1 of web01-2026-11-21.img");
	NEED(rename(full("web01/report.xml"), full("web01/web01.xml")) == 0);
	CHECK(!strncmp(from("", "web01"), "error io", 8));
	CHECK(!strncmp(from("web01", "web01"), "error io", 8));
}

/* What a name leaves out of all rules. */
static void test_oddities(void)
{
	clear();
	char name[300] = "x/", far[300];
	memset(name + 2, 'a', 240);
	strcpy(name + 242, ".qcow2");
	snprintf(far, sizeof far, "x/%.200s.qcow2.1795219200", name + 2);
	put(name, "x");
	put(far, "x");
	put("x/a.qcow2.0795219200", "x");
	put("x/a.qcow2.179521920x", "x");
	put("x/.1795219200", "x");
	put("x/web01.xml", DOMAIN("web01", DISK("a.qcow2")));
	CHECK(!strncmp(from("x", "web01"), "1 of aaa", 8)); /* one more copy of a setting */
	put("x/a.qcow2.1795219200", "x");
	CHECK_STR(from("x", "web01"), "2 of web01.xml");
	/* Below the root of everything. */
	clear();
	put("x.ovf", OVF(HREF("f1", "a.vmdk")));
	put("a.vmdk", "x");
	NEED(chdir(root) == 0);
	char list[] = "x.ovf", disk[] = "a.vmdk", *items[] = {list, disk};
	const struct strings paths = {items, 2, 2};
	struct catalog c = {0};
	CHECK_STR(said(catalog_from_paths(&paths, "web01", &c, &why), &c, &why), "1 of a.vmdk");
	NEED(chdir("/") == 0);
}

/* Lists among files: they are read whatever lies beside them, and all of them. */
static void test_given(void)
{
	clear();
	put("export.ovf", OVF(HREF("f1", "a.vmdk") HREF("f2", "b.vmdk")));
	put("a.vmdk", "x");
	put("web01.ovf", OVF(HREF("f1", "o.vmdk")));
	put("o.vmdk", "x");
	CHECK_STR(from_both("export.ovf", "a.vmdk", "web01"), LACKS("export.ovf", "b.vmdk", "beside it"));
	CHECK_STR(from_both("web01.ovf", "export.ovf", "web01"), LACKS("export.ovf", "b.vmdk", "beside it"));
	put("vm-101.xml", DOMAIN("vm-101", DISK("a.vmdk") DISK("c.vmdk")));
	CHECK_STR(from_both("vm-101.xml", "a.vmdk", "web01"), LACKS("vm-101.xml", "c.vmdk", "beside it"));
	put("c.vmdk", "x");
	CHECK_STR(from("vm-101.xml", "web01"), "3 of vm-101.xml");
	/* A list twice is one; of what it names twice, too. */
	CHECK_STR(from_three("vm-101.xml", "vm-101.xml", "web01.ovf", "web01"), "5 of vm-101.xml");
	/* Disks from elsewhere. */
	put("disks/b.vmdk", "x");
	CHECK_STR(from_three("export.ovf", "a.vmdk", "disks/b.vmdk", "web01"), "2 of a.vmdk");
	CHECK_STR(from_both("export.ovf", "disks/b.vmdk", "web01"), LACKS("export.ovf", "a.vmdk", "given"));
	/* The oldest of their dates counts. */
	put("web01-2026-11-21.ovf", OVF(HREF("f1", "o.vmdk")));
	put("data-2026-11-01.ovf", OVF(HREF("f1", "a.vmdk")));
	for (int i = 0; i < 2; i++) {
		struct catalog c = {0};
		struct strings paths = {0};
		NEED(strings_add(&paths, full(i ? "web01-2026-11-21.ovf" : "data-2026-11-01.ovf")) == 0);
		NEED(strings_add(&paths, full(i ? "data-2026-11-01.ovf" : "web01-2026-11-21.ovf")) == 0);
		NEED(catalog_from_paths(&paths, "web01", &c, &why) == 0 && c.count == 1);
		CHECK_INT(c.items[0].named_from, 1793491200);
		catalog_free(&c);
		strings_free(&paths);
	}
	/* An earlier run's, while a later one lies beside it. */
	put("run.xml", DOMAIN("web01", DISK("r.qcow2")));
	put("r.qcow2.1795132800", "x");
	put("r.qcow2.1795219200", "x");
	CHECK_STR(from_both("run.xml", "r.qcow2.1795132800", "web01"), "1 of r.qcow2.1795132800");
	/* It may be younger than its list says. */
	struct catalog c = {0};
	struct strings paths = {0};
	put("web01-2026-11-20.ovf", OVF(HREF("f1", "a.vmdk")));
	NEED(strings_add(&paths, full("web01-2026-11-20.ovf")) == 0 && strings_add(&paths, full("a.vmdk")) == 0);
	NEED(catalog_from_paths(&paths, "web01", &c, &why) == 0 && c.count == 1);
	CHECK_INT(c.items[0].order, 1795132800);
	CHECK_INT(c.items[0].named_from, 1795132800);
	catalog_free(&c);
	strings_free(&paths);
	/* A job that failed, by the log that is beside its dump. */
	put(DUMP("100", "20") ".vma.zst", "x");
	CHECK_STR(from(DUMP("100", "20") ".vma.zst", "web01"), "1 of " DUMP("100", "20") ".vma.zst");
	put(DUMP("100", "20") ".log", "INFO: VM Name: web01\nERROR: Backup of VM 100 failed - x\n");
	CHECK(!strncmp(from(DUMP("100", "20") ".vma.zst", "web01"), "none, but ", 10));
}

/* Of a disk that is there in several ways the newest counts. */
static void test_ways(void)
{
	clear();
	put("x/web01.xml", DOMAIN("web01", DISK("a.qcow2")));
	put("x/a.qcow2", "x");
	put("x/a.qcow2.1795219200", "x");
	written("x/a.qcow2", -1);
	struct catalog c = {0};
	struct strings paths = {0};
	NEED(strings_add(&paths, full("x")) == 0);
	NEED(catalog_from_paths(&paths, "web01", &c, &why) == 0 && c.count == 1);
	CHECK_STR(path_base(c.items[0].items[0].path), "a.qcow2.1795219200");
	catalog_free(&c);
	written("x/a.qcow2", 1);
	NEED(catalog_from_paths(&paths, "web01", &c, &why) == 0 && c.count == 1);
	CHECK_STR(path_base(c.items[0].items[0].path), "a.qcow2");
	catalog_free(&c);
	/* One that a run was asked for, and of which only an earlier copy is there. */
	put("x/web01.xml", DOMAIN("web01", DISK("a.qcow2") DISK("b.qcow2")));
	put("x/b.qcow2.1795132800", "x");
	put("x/b.qcow2", "x");
	written("x/b.qcow2", -2), written("x/a.qcow2", -1);
	CHECK_STR(from("x", "web01"), LACKS("web01.xml", "b.qcow2.1795219200", "beside it"));
	put("x/web01.xml", DOMAIN("web01", DISK("a.qcow2")));
	put("x/a.qcow2.zst", "x");
	NEED(catalog_from_paths(&paths, "web01", &c, &why) == 0 && c.count == 1);
	CHECK_STR(path_base(c.items[0].items[0].path), "a.qcow2.zst");
	catalog_free(&c);
	strings_free(&paths);
}

/* A dump of the host's number that nothing tells of; and a guest that has its domain now. */
static void test_dumps(void)
{
	clear();
	put_dump("d/" DUMP("100", "20"), "web01");
	put("d/" DUMP("100", "21") ".vma.zst", "x");
	put_dump("d/" DUMP("101", "22"), "db01");
	CHECK(!strncmp(from("", "web01"), "error io", 8));
	CHECK_STR(from("", "db01"), "2 of d/" DUMP("101", "22"));
	put("web01-2026-11-22.img", "x");
	CHECK_STR(from("", "web01"), "1 of web01-2026-11-22.img");
	NEED(remove(full("web01-2026-11-22.img")) == 0);
	put("d/" DUMP("100", "21") ".vma.zst.notes", "the web01 of old\n");
	CHECK(!strncmp(from("", "web01"), "error io", 8));
	put("d/" DUMP("100", "21") ".vma.zst.notes", "web01.example.com\n");
	CHECK_STR(from("", "web01"), "2 of d/" DUMP("100", "21"));
	CHECK_STR(from("", "web01.example.com"), "2 of d/" DUMP("100", "21"));
	CHECK_STR(from("", "web01.example.org"), "2 of d/" DUMP("100", "20"));
}

/* In letters of any size, and without the directory that holds those of computers. */
static void test_windows(void)
{
	clear();
	put("nas/windowsimagebackup/WEB01/MediaId", "x");
	put("nas/windowsimagebackup/WEB01/Backup 2026-11-20 190000/Esp.vhdx", "x");
	CHECK_STR(from("", "web01"), "1 of nas/WEB01/Backup 2026-11-20 190000");
	CHECK_STR(from("nas", "web01"), "1 of WEB01/Backup 2026-11-20 190000");
	clear();
	put("nas/WEB01/MediaId", "x");
	put("nas/WEB01/Backup 2026-11-20 190000/Esp.vhdx", "x");
	put("nas/DB01/MediaId", "x");
	put("nas/DB01/Backup 2026-11-21 190000/Esp.vhdx", "x");
	put("nas/web01-2026-11-19.img", "x");
	CHECK_STR(from("", "web01"), "1 of nas/WEB01/Backup 2026-11-20 190000");
	CHECK_STR(from("", "db01"), "1 of nas/DB01/Backup 2026-11-21 190000");
	put("nas/WEB01/web01-2026-11-21.qcow2", "x");
	CHECK_STR(from("", "web01"), "1 of nas/WEB01/web01-2026-11-21.qcow2");
}

/* The same directory by two names has each restore point once. */
static void test_same(void)
{
	clear();
	put_guest("b/2026-11-20", "web01", "a.qcow2");
	NEED(symlink("b", full("l")) == 0);
	CHECK_INT(count_from("b", "l", "web01"), 1);
	CHECK_INT(count_from("b/.", "b", "web01"), 1);
}

int main(void)
{
	setenv("TZ", "UTC", 1);
	make_root();
	RUN(test_told);
	RUN(test_strangers);
	RUN(test_bare);
	RUN(test_own);
	RUN(test_beside);
	RUN(test_days);
	RUN(test_cut);
	RUN(test_empty);
	RUN(test_oddities);
	RUN(test_given);
	RUN(test_ways);
	RUN(test_dumps);
	RUN(test_windows);
	RUN(test_same);
	remove_root();
	return test_done();
}
