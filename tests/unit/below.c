// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * What a program has laid out somewhere below the directory that is given: its own files say what belongs together and
 * whose it is, there as in the directory itself, and names only where they say nothing.
 */
#include <fcntl.h>

#include "repository_help.h"

#define CLONEZILLA(dir)                                                                                                \
	put(dir "/parts", "sda1"), put(dir "/disk", "sda"), put(dir "/clonezilla-img", "x"), put(dir "/sda-pt.sf", "x"),  \
		put(dir "/sda1.ext4-ptcl-img.zst.aa", "x")

static void test_lists(void)
{
	clear();
	put("web01/web01.ovf", OVF(HREF("f1", "web01-disk1.vmdk") HREF("f2", "web01-disk2.vmdk")));
	put("web01/web01-disk1.vmdk", "x");
	CHECK_STR(from("", "web01"),
		  "error corrupt: web01.ovf names the file web01-disk2.vmdk, which is not beside it");
	put("web01/web01-disk2.vmdk", "x");
	CHECK_STR(from("", "web01"), "3 of web01/web01.ovf");
	put("web01/web01.ovf", "<Envelope><References>" HREF("f1", "web01-disk1.vmdk"));
	CHECK(!strncmp(from("", "web01"), "error", 5)); /* cut */
	clear();
	put("kvm/web01/2026-11-21/web01.xml", DOMAIN("web01", DISK("web01.qcow2") DISK("asm.qcow2")));
	put("kvm/web01/2026-11-21/web01.qcow2", "x");
	put("empty/x.txt", "x");
	static const char lacks[] =
		"error corrupt: web01/2026-11-21/web01.xml names the file asm.qcow2, which is not beside it";
	CHECK_STR(from("", "web01"), lacks);
	CHECK_STR(from("kvm", "web01"), lacks);
	CHECK_STR(from_both("kvm", "empty", "web01"), lacks);
	put("kvm/web01/2026-11-21/asm.qcow2", "x");
	CHECK_STR(from("", "web01"), "3 of kvm/web01/2026-11-21/web01.xml");
	CHECK_STR(from_both("kvm", "empty", "web01"), "3 of web01/2026-11-21/web01.xml");
	CHECK_STR(from_both("kvm//", "kvm/", "web01"), "3 of web01/2026-11-21/web01.xml");
	CHECK_STR(from_both("empty", "kvm/", "web01"), "3 of web01/2026-11-21/web01.xml");
}

static void test_guests(void)
{
	clear();
	put_dump("nas/" DUMP("100", "20"), "web01");
	put_dump("nas/" DUMP("101", "22"), "db01");
	CHECK_STR(from("", "web01"), "2 of nas/" DUMP("100", "20"));
	CHECK_STR(from("", "db01"), "2 of nas/" DUMP("101", "22"));
	CHECK_STR(from("", "mail"), "none");
	CHECK_STR(from_both("nas", "nas/../nas", "mail"), "none");
	/* A job that failed is no backup, and its file is not one by its name. */
	put("nas/" DUMP("100", "20") ".log", "INFO: VM Name: web01\nERROR: Backup of VM 100 failed - x\n");
	CHECK(!strncmp(from("", "web01"), "none, but ", 10));
	/* The older one counts, wherever it lies. */
	put_dump("nas2/" DUMP("100", "19"), "web01");
	CHECK_STR(from("", "web01"), "2 of nas2/" DUMP("100", "19"));
	/* A copy of the machine is not the machine. */
	clear();
	put_guest("kvm/a", "web01-test", "web01.qcow2");
	CHECK_STR(from("", "web01"), "none");
	put_guest("kvm/b-2026-11-01", "web01", "web01.qcow2");
	CHECK_STR(from("", "web01"), "2 of kvm/b-2026-11-01/domain.xml");
}

static void test_directories(void)
{
	clear();
	CLONEZILLA("x/arc/web01-2026-11-20-img");
	CHECK_STR(from("x", "web01"), "5 of arc/web01-2026-11-20-img");
	CHECK_STR(from("x", "mail"), "5 of arc/web01-2026-11-20-img"); /* what is inside tells */
	CLONEZILLA("x/arc/web01-db-2026-11-20-img");
	CHECK_STR(from("x", "web01"), "5 of arc/web01-2026-11-20-img");
	CLONEZILLA("x/arc/web01-2026-11-21-img");
	CHECK_STR(from("x", "web01"), "5 of arc/web01-2026-11-21-img");
	put("x/arc/web01-2026-11-21-img/sda2.ext4-ptcl-img.zst.aa.part", "x");
	CHECK_STR(from("x", "web01"), "5 of arc/web01-2026-11-20-img");
	clear();
	put("nas/WindowsImageBackup/EX01/MediaId", "x");
	put("nas/WindowsImageBackup/EX01/Backup 2026-11-20 190000/Esp.vhdx", "x");
	CHECK_STR(from("", "ex01"), "1 of nas/EX01/Backup 2026-11-20 190000");
	CHECK_STR(from("nas", "ex01"), "1 of EX01/Backup 2026-11-20 190000");
	CHECK_STR(from("nas/WindowsImageBackup", "ex01"), "1 of EX01/Backup 2026-11-20 190000");
	put("nas/ex01-2026-11-19.img", "x");
	CHECK_STR(from("nas", "ex01"), "1 of EX01/Backup 2026-11-20 190000");
	put("nas/ex01-2026-11-22.img", "x");
	CHECK_STR(from("nas", "ex01"), "1 of ex01-2026-11-22.img");
	CHECK_STR(from("", "ex01"), "1 of nas/ex01-2026-11-22.img");
}

/* Beside what is found by names: the newest of what is as surely the host's. */
static void test_beside_names(void)
{
	clear();
	put_guest("kvm/web01-2026-11-20", "web01", "web01.qcow2");
	put("plain/web01-2026-11-21.img", "x");
	CHECK_STR(from("", "web01"), "1 of plain/web01-2026-11-21.img");
	put("web01-2026-11-22.img", "x");
	CHECK_STR(from("", "web01"), "1 of web01-2026-11-22.img");
	NEED(remove(full("web01-2026-11-22.img")) == 0);
	CLONEZILLA("db01-2026-11-22-img");
	CHECK_STR(from("", "web01"), "1 of plain/web01-2026-11-21.img");
	put_guest("kvm/web01-2026-11-22", "web01", "web01.qcow2");
	CHECK_STR(from("", "web01"), "2 of kvm/web01-2026-11-22/domain.xml");
	put("plain/db01-2026-11-23.img", "x");
	CHECK_STR(from("", "web01"), "2 of kvm/web01-2026-11-22/domain.xml");
	/* Another's export does not stand before the host's image, nor a file that names no kind beside an export. */
	clear();
	put("x/db01-2026-11-22/db01.ovf", OVF(HREF("f1", "a.vmdk")));
	put("x/db01-2026-11-22/a.vmdk", "x");
	put("x/web01-2026-11-20.img", "x");
	CHECK_STR(from("", "web01"), "1 of x/web01-2026-11-20.img");
	CHECK_STR(from("", "db01"), "2 of x/db01-2026-11-22/db01.ovf");
	clear();
	put("x/export/export.ovf", OVF(HREF("f1", "web01.vmdk")));
	put("x/export/web01.vmdk", "x");
	put("x/db01.img", "x");
	CHECK_STR(from("", "web01"), "2 of x/export/export.ovf");
	CHECK_STR(from("", "db01"), "1 of x/db01.img");
	/* An XML that is no domain's, or of other images, is nothing. */
	clear();
	put("x/web01/notes.xml", "<a/>");
	put("x/web01/web01-2026-11-21.img", "x");
	CHECK_STR(from("", "web01"), "1 of x/web01/web01-2026-11-21.img");
	put("x/web01/web01.xml", DOMAIN("web01", DISK("web01.qcow2")));
	CHECK_STR(from("", "web01"), "1 of x/web01/web01-2026-11-21.img");
}

/* However far above a list the date stands. */
static void test_date_above(void)
{
	clear();
	put_guest("2026-11-20/web01/web01-kvm/web01-vm", "web01", "web01.qcow2");
	struct catalog c = {0};
	struct strings paths = {0};
	NEED(strings_add(&paths, full("")) == 0);
	NEED(catalog_from_paths(&paths, "web01", &c, &why) == 0 && c.count == 1);
	CHECK_INT(c.items[0].order, 1795132800);
	CHECK_INT(c.items[0].named_from, 1795132800);
	CHECK_INT(c.items[0].named_zone, false);
	catalog_free(&c);
	strings_free(&paths);
}

static void set_time(const char *name, time_t t)
{
	const struct timespec both[] = {{.tv_sec = t}, {.tv_sec = t}};
	NEED(utimensat(AT_FDCWD, full(name), both, 0) == 0);
}

/* A directory for each year, month and day, the oldest of which was copied last. */
static void test_date_in_pieces(void)
{
	clear();
	put_guest("web01/2026/11/21", "web01", "web01.qcow2");
	put_guest("web01/2026/11/23", "web01", "web01.qcow2");
	put_guest("web01/2026/10/31", "web01", "web01.qcow2");
	set_time("web01/2026/11/23/web01.qcow2", 1795132800);
	set_time("web01/2026/11/23/domain.xml", 1795132800);
	CHECK_STR(from("", "web01"), "2 of web01/2026/11/23/domain.xml");
	CHECK_STR(from("web01", "web01"), "2 of 2026/11/23/domain.xml");
	CHECK_STR(from("web01/2026", "web01"), "2 of 11/23/domain.xml");
	CHECK_STR(from("web01/2026/11/", "web01"), "2 of 23/domain.xml");
	CHECK_STR(from("web01/2026/11/21/..", "web01"), "2 of 23/domain.xml");
	CHECK_STR(from("web01/2026/11/21/domain.xml", "web01"), "2 of domain.xml");
	clear();
	CLONEZILLA("web01/2026/11/23/web01-img");
	CLONEZILLA("web01/2026/11/21/web01-img");
	set_time("web01/2026/11/23/web01-img/sda1.ext4-ptcl-img.zst.aa", 1795132800);
	CHECK_STR(from("web01", "web01"), "5 of 2026/11/23/web01-img");
	CHECK_STR(from("web01/2026/11", "web01"), "5 of 23/web01-img");
}

/* Lists among the files that are given: the parts are what they name. */
static void test_given(void)
{
	clear();
	put("x/web01.ovf", OVF(HREF("f1", "a.vmdk") HREF("f2", "b.vmdk")));
	put("x/a.vmdk", "x");
	CHECK_STR(from_both("x/web01.ovf", "x/a.vmdk", "web01"),
		  "error corrupt: web01.ovf names the file b.vmdk, which is not beside it");
	CHECK_STR(from("x/web01.ovf", "web01"),
		  "error corrupt: web01.ovf names the file b.vmdk, which is not beside it");
	put("x/b.vmdk", "x");
	CHECK_STR(from_both("x/a.vmdk", "x/web01.ovf", "web01"),
		  "error corrupt: web01.ovf names the file b.vmdk, which is not given");
	CHECK_STR(from("x/web01.ovf", "web01"), "3 of web01.ovf");
	put("x/web01.ovf", OVF(HREF("f1", "a.vmdk")));
	CHECK_STR(from_both("x/web01.ovf", "x/../x/a.vmdk", "web01"), "1 of a.vmdk");
	NEED(chdir(full("x")) == 0);
	char list[] = "web01.ovf", disk[] = "b.vmdk", *items[] = {disk, list};
	struct catalog c = {0};
	const struct strings paths = {items, 2, 2};
	CHECK_INT(catalog_from_paths(&paths, "web01", &c, &why), 0);
	CHECK_STR(said(catalog_settle(&c, 0, &why), &c, &why),
		  "error corrupt: web01.ovf names the file a.vmdk, which is not given");
	NEED(chdir("/") == 0);
	/* What lists nothing says nothing. */
	put("x/web01.xml", "<a/>");
	CHECK_STR(from_both("x/web01.xml", "x/a.vmdk", "web01"), "1 of a.vmdk");
	put("x/web01.ovf", "<Envelope>");
	CHECK(!strncmp(from_both("x/web01.ovf", "x/a.vmdk", "web01"), "error", 5));
}

/* A directory that can't be read may be the host's; another's is no trouble of this one's. */
static void test_unreadable(void)
{
	clear();
	put_guest("kvm/web01-2026-11-20", "web01", "web01.qcow2");
	put("kvm/web01-2026-11-21/web01.xml", "");
	put("kvm/web01-2026-11-21/web01.qcow2", "x");
	put("kvm/web02-2026-11-21/web02.xml", "");
	CHECK(!strncmp(from("", "web01"), "error", 5));
	NEED(remove(full("kvm/web01-2026-11-21/web01.xml")) == 0 && remove(full("kvm/web01-2026-11-21/web01.qcow2")) == 0);
	CHECK_STR(from("", "web01"), "2 of kvm/web01-2026-11-20/domain.xml");
}

/* Lists that are links: the disks lie where they lead. */
static void test_links(void)
{
	clear();
	put("nights/2026-11-20/web01.ovf", OVF(HREF("f1", "a.vmdk")));
	put("nights/2026-11-20/a.vmdk", "x");
	put("latest/README", "x");
	NEED(symlink("../nights/2026-11-20/web01.ovf", full("latest/web01.ovf")) == 0);
	CHECK_STR(from("", "web01"), "2 of nights/2026-11-20/web01.ovf");
	CHECK_STR(from("latest", "web01"), "none");
	CHECK_STR(from("latest/web01.ovf", "web01"), "2 of web01.ovf");
	CHECK_STR(from_both("latest/web01.ovf", "nights/2026-11-20/a.vmdk", "web01"), "1 of a.vmdk");
	put("nights/2026-11-20/web01.ovf", OVF(HREF("f1", "a.vmdk") HREF("f2", "b.vmdk")));
	CHECK(!strncmp(from("latest/web01.ovf", "web01"), "error corrupt", 13));
	CHECK(!strncmp(from_both("latest/web01.ovf", "nights/2026-11-20/a.vmdk", "web01"), "error corrupt", 13));
	/* The disks beside the link are what it names, too. */
	put("latest/b.vmdk", "x");
	CHECK_STR(from("latest/web01.ovf", "web01"),
		  "error corrupt: web01.ovf names the file a.vmdk, which is not beside it");
	clear();
	put_guest("nights/2026-11-20", "web01", "web01.qcow2");
	put("latest/README", "x");
	NEED(symlink("../nights/2026-11-20/domain.xml", full("latest/web01.xml")) == 0);
	CHECK_STR(from("", "web01"), "2 of nights/2026-11-20/domain.xml");
	CHECK_STR(from("latest/web01.xml", "web01"), "2 of domain.xml");
}

/* What was put beside a list since, and what is no dump beside dumps. */
static void test_since(void)
{
	clear();
	put("web01/2026-11-01.ovf", OVF(HREF("f1", "web01-disk1.vmdk")));
	put("web01/web01-disk1.vmdk", "x");
	put("web01/web01-2026-10-31.img", "x");
	CHECK_STR(from("", "web01"), "2 of web01/2026-11-01.ovf");
	put("web01/web01-2026-11-21.img", "x");
	CHECK_STR(from("", "web01"), "1 of web01/web01-2026-11-21.img");
	CHECK_STR(from("web01", "web01"), "1 of web01-2026-11-21.img");
	/* Its own disk is none. */
	put("web01/2026-11-01.ovf", OVF(HREF("f1", "web01-2026-11-21.img")));
	CHECK_STR(from("", "web01"), "2 of web01/2026-11-01.ovf");
	clear();
	put_dump("nas/" DUMP("100", "20"), "web01");
	put("nas/web01-2026-11-21.img", "x");
	put("nas/" DUMP("101", "23") ".vma.zst", "x");
	CHECK_STR(from("", "web01"), "1 of nas/web01-2026-11-21.img");
}

/* A day above what has no time of its own. */
static void test_days(void)
{
	clear();
	CLONEZILLA("2026-11-20/web01-img");
	put("web01-2026-11-19.img", "x");
	CHECK_STR(from("", "web01"), "5 of 2026-11-20/web01-img");
	put("web01-2026-11-21.img", "x");
	CHECK_STR(from("", "web01"), "1 of web01-2026-11-21.img");
}

/* Run by nobody: what he may not look into does not switch a layout off. */
static void test_forbidden(void)
{
	clear();
	put_guest("kvm/web01-2026-11-20", "web01", "web01.qcow2");
	put("kvm/web01-2026-11-20/domain.xml", DOMAIN("web01", DISK("web01.qcow2") DISK("asm.qcow2")));
	put("kvm/other/x", "x");
	put("ovf/web02.ovf", OVF(HREF("f1", "web02.vmdk") HREF("f2", "lost.vmdk")));
	put("ovf/web02.vmdk", "x");
	put("ovf/other/x", "x");
	CLONEZILLA("arc/web03-2026-11-20-img");
	put("arc/other/x", "x");
	put("list/web04.xml", "");
	put("list/web04.img", "x");
	put("list/db01.img", "x");
	put_guest("web05/2026-11-21", "web05", "a.qcow2");
	NEED(chmod(full("kvm/other"), 0) == 0 && chmod(full("ovf/other"), 0) == 0 && chmod(full("arc/other"), 0) == 0);
	const uid_t self = geteuid();
	NEED(self != 0 || seteuid(65534) == 0);
	CHECK_STR(from("kvm", "web01"),
		  "error corrupt: web01-2026-11-20/domain.xml names the file asm.qcow2, which is not beside it");
	CHECK_STR(from("", "web01"),
		  "error corrupt: kvm/web01-2026-11-20/domain.xml names the file asm.qcow2, which is not beside it");
	CHECK_STR(from("ovf", "web02"), "error corrupt: web02.ovf names the file lost.vmdk, which is not beside it");
	CHECK_STR(from("arc", "web03"), "5 of web03-2026-11-20-img");
	CHECK(!strncmp(from("arc", "mail"), "error", 5)); /* that may be where they are */
	CHECK(!strncmp(from("list", "web04"), "error io", 8));
	CHECK_STR(from("list", "db01"), "1 of db01.img");
	NEED(seteuid(self) == 0 && chmod(full("list/web04.xml"), 0) == 0);
	NEED(chmod(full("web05/2026-11-21/domain.xml"), 0) == 0);
	NEED(self != 0 || seteuid(65534) == 0);
	CHECK(!strncmp(from("list", "web04"), "error io", 8));
	CHECK_STR(from("list", "db01"), "1 of db01.img");
	CHECK(!strncmp(from("", "web05"), "error io", 8));
	CHECK(!strncmp(from("web05", "web05"), "error io", 8));
	NEED(seteuid(self) == 0);
	NEED(chmod(full("kvm/other"), 0700) == 0 && chmod(full("ovf/other"), 0700) == 0 &&
	     chmod(full("arc/other"), 0700) == 0);
}

int main(void)
{
	setenv("TZ", "UTC", 1);
	make_root();
	RUN(test_lists);
	RUN(test_guests);
	RUN(test_directories);
	RUN(test_beside_names);
	RUN(test_date_above);
	RUN(test_date_in_pieces);
	RUN(test_given);
	RUN(test_unreadable);
	RUN(test_links);
	RUN(test_since);
	RUN(test_days);
	RUN(test_forbidden);
	remove_root();
	return test_done();
}
