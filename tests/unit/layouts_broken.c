// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Repositories that are damaged, or can't be read: a restore point of which a file is nowhere is never a whole one, one
 * that can't be looked at is never passed over for an older one, and "there is none" is said only of what could be read.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "repository_help.h"

/* What a file may turn into while its name is still there. */
enum ill { A_LINK_TO_NOTHING, A_LOOP, A_DIRECTORY, A_PIPE, ILLS };
static void spoil(const char *name, enum ill how)
{
	NEED(unlink(full(name)) == 0);
	if (how == A_LINK_TO_NOTHING)
		NEED(symlink("/nonexistent/store/x", full(name)) == 0);
	else if (how == A_LOOP)
		NEED(symlink(strrchr(full(name), '/') + 1, full(name)) == 0);
	else
		NEED((how == A_DIRECTORY ? mkdir(full(name), 0755) : mkfifo(full(name), 0644)) == 0);
}
static void heal(const char *name, const char *text)
{
	NEED(remove(full(name)) == 0);
	put(name, text);
}

static bool is_incomplete(const char *answer)
{
	bool is = !strncmp(answer, "error", 5) && why.cls == ERROR_CORRUPT && why.sys == ENOENT;
	if (!is)
		fprintf(stderr, "%s\n", answer);
	return is;
}

/* The point at index, which is wanted after all, is told of as incomplete. */
static bool lacks(const char *layout, size_t index, const char *text)
{
	struct repository r = {.name = "nas", .path = root, .layout = (char *)(uintptr_t)layout};
	struct catalog c = {0};
	struct catalog_index *x = catalog_index_open(&r, NULL, &why);
	NEED(x && catalog_index_find(x, "web01", &c, &why) == 0 && index < c.count);
	bool is = catalog_settle(&c, index, &why) < 0 && why.cls == ERROR_CORRUPT && why.sys == ENOENT &&
		  !strcmp(why.text, text);
	if (!is)
		fprintf(stderr, "%s\n", why.text);
	catalog_free(&c);
	catalog_index_destroy(x);
	return is;
}

/* A disk that a domain's XML names, and whose name is there, but no file. */
static void test_libvirt_disk(void)
{
	clear();
	put("2026-11-21/web01.xml", DOMAIN("web01", DISK("a.qcow2") DISK("b.qcow2")));
	put("2026-11-21/a.qcow2", "x");
	put("2026-11-21/b.qcow2", "x");
	CHECK_STR(find("libvirt", NULL, "web01"), "3 of 2026-11-21/web01.xml");
	for (int how = 0; how < ILLS; how++) {
		spoil("2026-11-21/b.qcow2", (enum ill)how);
		CHECK(is_incomplete(find("libvirt", NULL, "web01")));
		CHECK(is_incomplete(from("", "web01")));
		heal("2026-11-21/b.qcow2", "x");
	}
	/* What no disk is built on may be anything; what one is built on, whoever needs it will miss it. */
	put("2026-11-21/base.qcow2", "x");
	CHECK_STR(find("libvirt", NULL, "web01"), "3 of 2026-11-21/web01.xml");
	put("2026-11-21/b.qcow2", "# Disk DescriptorFile\nparentFileNameHint=\"base.qcow2\"\n");
	CHECK_STR(find("libvirt", NULL, "web01"), "4 of 2026-11-21/web01.xml");
	spoil("2026-11-21/base.qcow2", A_DIRECTORY);
	CHECK_STR(find("libvirt", NULL, "web01"), "3 of 2026-11-21/web01.xml");
	/* What an older one lacks is history. */
	put("2026-11-20/web01.xml", DOMAIN("web01", DISK("a.qcow2") DISK("b.qcow2")));
	put("2026-11-20/a.qcow2", "x");
	put("2026-11-20/b.qcow2", "x");
	spoil("2026-11-20/b.qcow2", A_LINK_TO_NOTHING);
	CHECK_STR(find("libvirt", NULL, "web01"), "3 of 2026-11-21/web01.xml");
	CHECK(lacks("libvirt", 1, "2026-11-20/web01.xml names the file b.qcow2, and there is no such file"));
	NEED(remove(full("2026-11-20/b.qcow2")) == 0);
	CHECK(lacks("libvirt", 1, "2026-11-20/web01.xml names the file b.qcow2, which is not beside it"));
}

static void test_ova_disk(void)
{
	clear();
	put("web01-2026-11-21/web01.ovf", OVF(HREF("f1", "a.vmdk") HREF("f2", "b.vmdk")));
	put("web01-2026-11-21/a.vmdk", "x");
	put("web01-2026-11-21/b.vmdk", "x");
	CHECK_STR(find("ova", NULL, "web01"), "3 of web01-2026-11-21/web01.ovf");
	for (int how = 0; how < ILLS; how++) {
		spoil("web01-2026-11-21/b.vmdk", (enum ill)how);
		CHECK(is_incomplete(find("ova", NULL, "web01")));
		CHECK(is_incomplete(from("web01-2026-11-21", "web01")));
		heal("web01-2026-11-21/b.vmdk", "x");
	}
}

static void test_clonezilla_part(void)
{
	clear();
	put("web01-2026-11-21/disk", "sda\n");
	put("web01-2026-11-21/parts", "sda1 sda2\n");
	put("web01-2026-11-21/clonezilla-img", "x");
	put("web01-2026-11-21/sda1.ext4-ptcl-img.zst.aa", "x");
	put("web01-2026-11-21/sda2.ext4-ptcl-img.zst.aa", "x");
	CHECK_STR(find("clonezilla", NULL, "web01"), "5 of web01-2026-11-21");
	spoil("web01-2026-11-21/sda2.ext4-ptcl-img.zst.aa", A_LINK_TO_NOTHING);
	CHECK(is_incomplete(find("clonezilla", NULL, "web01")));
	CHECK(is_incomplete(from("web01-2026-11-21", "web01")));
}

#define GUID1 "12345678-1234-1234-1234-123456789abc"
#define GUID2 "12345678-1234-1234-1234-123456789abd"
#define SPECS "<a Name=\"\\\\?\\Volume{" GUID1 "}\\\"/><a Name=\"\\\\?\\Volume{" GUID2 "}\\\"/>"
#define WINDOWS(day) "WindowsImageBackup/WEB01/Backup 2026-11-" day " 190000/"

static void test_windows_volume(void)
{
	clear();
	put(WINDOWS("21") "BackupSpecs.xml", SPECS);
	put(WINDOWS("21") GUID1 ".vhdx", "x");
	put(WINDOWS("21") GUID2 ".vhdx", "x");
	CHECK_STR(find("windows-image", NULL, "WEB01"), "3 of WEB01/Backup 2026-11-21 190000");
	for (int how = 0; how < ILLS; how++) {
		spoil(WINDOWS("21") GUID2 ".vhdx", (enum ill)how);
		CHECK(is_incomplete(find("windows-image", NULL, "WEB01")));
		CHECK(is_incomplete(from("", "WEB01")));
		heal(WINDOWS("21") GUID2 ".vhdx", "x");
	}
	/* One whose name is no volume's, too. */
	put(WINDOWS("21") "Esp.vhdx", "x");
	CHECK_STR(find("windows-image", NULL, "WEB01"), "4 of WEB01/Backup 2026-11-21 190000");
	spoil(WINDOWS("21") "Esp.vhdx", A_LINK_TO_NOTHING);
	CHECK(is_incomplete(find("windows-image", NULL, "WEB01")));
	NEED(unlink(full(WINDOWS("21") "Esp.vhdx")) == 0);
	/* What was asked for can't be read: that no volume is missing is not known then. */
	for (int how = 0; how < ILLS; how++) {
		spoil(WINDOWS("21") "BackupSpecs.xml", (enum ill)how);
		CHECK(!strncmp(find("windows-image", NULL, "WEB01"), "error", 5));
		CHECK(!strncmp(from("", "WEB01"), "error", 5));
		heal(WINDOWS("21") "BackupSpecs.xml", SPECS);
	}
	/* None of its disks is there: an older one is not the newest. */
	put(WINDOWS("20") "BackupSpecs.xml", SPECS);
	put(WINDOWS("20") GUID1 ".vhdx", "x");
	put(WINDOWS("20") GUID2 ".vhdx", "x");
	spoil(WINDOWS("21") GUID1 ".vhdx", A_LINK_TO_NOTHING);
	spoil(WINDOWS("21") GUID2 ".vhdx", A_LINK_TO_NOTHING);
	CHECK(is_incomplete(find("windows-image", NULL, "WEB01")));
}

/* Without a layout: what its name says that belongs to a restore point does, be it there or not. */
static const char *const patterns[] = {NULL, "{host}-{date}-{disk}.img.zst", "{host}-*.img.zst"};

static void test_files_lost(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(patterns); i++) {
		clear();
		put("web01-2026-11-20-sda.img.zst", "x");
		put("web01-2026-11-20-sdb.img.zst", "x");
		put("web01-2026-11-21-sda.img.zst", "x");
		put("web01-2026-11-21-sdb.img.zst", "x");
		CHECK(!strncmp(find("files", patterns[i], "web01"), "2 of web01-2026-11-21", 21));
		spoil("web01-2026-11-21-sdb.img.zst", A_LINK_TO_NOTHING);
		CHECK(is_incomplete(find("files", patterns[i], "web01")));
		CHECK(is_incomplete(from("", "web01")));
		spoil("web01-2026-11-21-sdb.img.zst", A_LOOP);
		CHECK(is_incomplete(find("files", patterns[i], "web01")));
		/* Nothing of the newest is left but names: the store behind them may not be mounted. */
		spoil("web01-2026-11-21-sda.img.zst", A_LINK_TO_NOTHING);
		CHECK(!strncmp(find("files", patterns[i], "web01"), "error io", 8));
		CHECK(!strncmp(from("", "web01"), "error io", 8));
		heal("web01-2026-11-21-sda.img.zst", "x");
		heal("web01-2026-11-21-sdb.img.zst", "x");
		/* Of an older one it is history. */
		spoil("web01-2026-11-20-sdb.img.zst", A_LINK_TO_NOTHING);
		CHECK(!strncmp(find("files", patterns[i], "web01"), "2 of web01-2026-11-21", 21));
		spoil("web01-2026-11-20-sda.img.zst", A_LINK_TO_NOTHING);
		CHECK(!strncmp(from("", "web01"), "2 of web01-2026-11-21", 21));
	}
}

static void test_links_only(void)
{
	clear();
	put("db01/2026-11-21.img", "x");
	/* The store where they are is not mounted. */
	NEED(symlink("/nonexistent/store/web01", full("web01")) == 0);
	CHECK(!strncmp(find("files", NULL, "web01"), "error", 5));
	CHECK(!strncmp(find("files", "{host}/{date}.img", "web01"), "error", 5));
	NEED(unlink(full("web01")) == 0);
	CHECK_STR(find("files", NULL, "web01"), "none");
	CHECK_STR(find("files", "{host}/{date}.img", "web01"), "none");
	NEED(mkdir(full("web01"), 0755) == 0 && symlink("/nonexistent/x.img", full("web01/2026-11-21.img")) == 0);
	CHECK(!strncmp(find("files", NULL, "web01"), "error io", 8));
	CHECK(!strncmp(find("files", "{host}/{date}.img", "web01"), "error io", 8));
	CHECK(!strncmp(from("web01", "web01"), "error io", 8));
	/* One of a newer date is not passed over, and one that is left behind does no harm. */
	put("web01/2026-11-20.img", "x");
	CHECK(!strncmp(find("files", NULL, "web01"), "error io", 8));
	NEED(rename(full("web01/2026-11-21.img"), full("web01/latest.img")) == 0);
	CHECK(!strncmp(find("files", NULL, "web01"), "1 of web01/2026-11-20", 21));
	CHECK(!strncmp(find("files", "{host}/*.img", "web01"), "1 of web01/2026-11-20", 21));
}

/* Directories called by dates, of which the newest is a link: it is not followed, and not passed over either. */
static void test_dated_links(void)
{
	static const char *const forms[] = {"2026-11-20/web01.img", "web01/2026-11-20/sda.img"},
				*const matches[] = {"{date}/{host}.img", "{host}/{date}/*.img"},
				*const links[] = {"2026-11-21", "web01/2026-11-21"};
	for (size_t i = 0; i < 2; i++) {
		clear();
		put(forms[i], "x");
		put("elsewhere/web01.img", "x");
		CHECK(!strncmp(find("files", matches[i], "web01"), "1 of", 4));
		NEED(symlink(full("elsewhere"), full(links[i])) == 0);
		CHECK(!strncmp(find("files", matches[i], "web01"), "error unsupported", 17));
		NEED(unlink(full(links[i])) == 0 && symlink("/nonexistent/store", full(links[i])) == 0);
		CHECK(!strncmp(find("files", matches[i], "web01"), "error unsupported", 17));
		char older[40];
		snprintf(older, sizeof older, "%.*s19", (int)strlen(links[i]) - 2, links[i]);
		NEED(rename(full(links[i]), full(older)) == 0);
		CHECK(!strncmp(find("files", matches[i], "web01"), "1 of", 4));
	}
}

/* --- files that are not to be read: as somebody who is not root --- */

/* Runs it as nobody, who may look into root's directories, but not into what is 0600. */
static void as_nobody(void (*run)(void))
{
	const uid_t self = geteuid();
	if (self == 0)
		NEED(seteuid(65534) == 0);
	run();
	if (self == 0)
		NEED(seteuid(self) == 0);
}

static void hide(const char *name)
{
	NEED(chmod(full(name), 0) == 0);
}

static const char *layout, *host_asked;
static void is_told(void)
{
	const char *answer = find(layout, NULL, host_asked);
	if (strncmp(answer, "error io", 8))
		CHECK_STR(answer, "error io");
}

static void cannot_be_told(const char *of_layout, const char *host)
{
	layout = of_layout;
	host_asked = host;
	as_nobody(is_told);
}

static const char *answer_expected;
static void is_answered(void)
{
	CHECK_STR(find(layout, NULL, host_asked), answer_expected);
}

static void is_still(const char *of_layout, const char *host, const char *answer)
{
	layout = of_layout;
	host_asked = host;
	answer_expected = answer;
	as_nobody(is_answered);
}

static void test_forbidden_domain(void)
{
	clear();
	put("web01.xml", DOMAIN("web01", DISK("a.qcow2")));
	put("a.qcow2", "x");
	hide("web01.xml");
	/* Nothing else is there: that is not "no backup". */
	cannot_be_told("libvirt", "web01");
	cannot_be_told("libvirt", "db01");
	/* The newest can't be read, by its name or its date. */
	put("old/web01-2026-11-20.xml", DOMAIN("web01", DISK("a.qcow2")));
	put("old/a.qcow2", "x");
	cannot_be_told("libvirt", "web01");
	NEED(rename(full("web01.xml"), full("x.xml")) == 0);
	/* Another's is another's. */
	is_still("libvirt", "web01", "2 of old/web01-2026-11-20.xml");
	put("2026-11-22/domain.xml", DOMAIN("web01", DISK("a.qcow2")));
	hide("2026-11-22/domain.xml");
	cannot_be_told("libvirt", "web01");
	NEED(unlink(full("2026-11-22/domain.xml")) == 0);
	put("web01/domain.xml", DOMAIN("web01", DISK("a.qcow2")));
	hide("web01/domain.xml");
	cannot_be_told("libvirt", "web01");
}

static void test_forbidden_specs(void)
{
	clear();
	put(WINDOWS("21") "BackupSpecs.xml", SPECS);
	put(WINDOWS("21") GUID1 ".vhdx", "x");
	hide(WINDOWS("21") "BackupSpecs.xml");
	cannot_be_told("windows-image", "WEB01");
}

static void test_forbidden_export(void)
{
	clear();
	put("web01-2026-11-21/web01.ovf", OVF(HREF("f1", "a.vmdk")));
	put("web01-2026-11-21/a.vmdk", "x");
	put("db01-2026-11-21/db01.ovf", OVF(HREF("f1", "a.vmdk")));
	put("db01-2026-11-21/a.vmdk", "x");
	hide("db01-2026-11-21/db01.ovf");
	is_still("ova", "web01", "2 of web01-2026-11-21/web01.ovf");
	/* Its reader is given what can't be read. */
	is_still("ova", "db01", "1 of db01-2026-11-21/db01.ovf");
}

/* --- notes of one guest's backup that can't be read --- */

#define NOTES ".vma.zst.notes"
static void put_noted(const char *stem, const char *guest)
{
	char name[120], text[100];
	snprintf(name, sizeof name, "%s.vma.zst", stem);
	put(name, "x");
	snprintf(name, sizeof name, "%s" NOTES, stem);
	snprintf(text, sizeof text, "%s\n", guest);
	put(name, text);
}

static void test_forbidden_notes(void)
{
	clear();
	put_noted(DUMP("100", "20"), "web01");
	put_noted(DUMP("100", "21"), "web01");
	put_noted(DUMP("101", "20"), "db01");
	put_noted(DUMP("101", "21"), "db01");
	hide(DUMP("100", "21") NOTES);
	/* An older one is not taken for the newest, and the other guest is none the worse for it. */
	cannot_be_told("vzdump", "web01");
	is_still("vzdump", "db01", "2 of " DUMP("101", "21"));
	/* Its number is enough. */
	is_still("vzdump", "100", "2 of " DUMP("100", "21"));
	/* Of a host of which nothing is known it may be the first. */
	cannot_be_told("vzdump", "new01");
	/* It is the same whatever stands in the place of the notes. */
	for (int how = 0; how < ILLS; how++) {
		spoil(DUMP("100", "21") NOTES, (enum ill)how);
		cannot_be_told("vzdump", "web01");
		is_still("vzdump", "db01", "2 of " DUMP("101", "21"));
		heal(DUMP("100", "21") NOTES, "web01\n");
	}
	is_still("vzdump", "web01", "2 of " DUMP("100", "21"));
	/* So it is with the log; and with the archive, which is not gone, but no file either. */
	for (int how = 0; how < ILLS; how++) {
		put(DUMP("100", "21") ".log", "x");
		spoil(DUMP("100", "21") ".log", (enum ill)how);
		is_still("vzdump", "100", "2 of " DUMP("100", "20"));
		NEED(remove(full(DUMP("100", "21") ".log")) == 0);
		spoil(DUMP("100", "21") ".vma.zst", (enum ill)how);
		CHECK(is_incomplete(find("vzdump", NULL, "web01")));
		CHECK(is_incomplete(find("vzdump", NULL, "100")));
		heal(DUMP("100", "21") ".vma.zst", "x");
	}
	/* Of an older one nobody needs to know whose it is. */
	hide(DUMP("100", "20") NOTES);
	is_still("vzdump", "web01", "2 of " DUMP("100", "21"));
	is_still("vzdump", "db01", "2 of " DUMP("101", "21"));
	/* Where the log tells, or says that it failed, the notes don't matter. */
	hide(DUMP("100", "21") NOTES);
	put(DUMP("100", "21") ".log", "INFO: VM Name: web01\nINFO: Finished Backup of VM 100\n");
	is_still("vzdump", "web01", "3 of " DUMP("100", "21"));
	put(DUMP("100", "21") ".log", "ERROR: Backup of VM 100 failed\n");
	NEED(chmod(full(DUMP("100", "20") NOTES), 0644) == 0);
	is_still("vzdump", "web01", "2 of " DUMP("100", "20"));
}

static void test_notes_that_kill(void)
{
	clear();
	put_noted(DUMP("100", "20"), "web01");
	put_noted(DUMP("100", "21"), "BAD");
	put_noted(DUMP("101", "21"), "db01");
	peek_by(ends_over_bad_ones);
	CHECK(!strncmp(find("vzdump", NULL, "web01"), "error io", 8));
	CHECK(strstr(why.text, DUMP("100", "21")) && strstr(why.text, "was ended"));
	CHECK_STR(find("vzdump", NULL, "db01"), "2 of " DUMP("101", "21"));
	CHECK_STR(from("", "db01"), "2 of " DUMP("101", "21"));
	CHECK(!strncmp(from("", "web01"), "io", 2) || !strncmp(from("", "web01"), "error", 5));
	peek_by(NULL);
	CHECK_STR(find("vzdump", NULL, "web01"), "2 of " DUMP("100", "20"));
}

int main(void)
{
	make_root();
	RUN(test_libvirt_disk);
	RUN(test_ova_disk);
	RUN(test_clonezilla_part);
	RUN(test_windows_volume);
	RUN(test_files_lost);
	RUN(test_links_only);
	RUN(test_dated_links);
	RUN(test_forbidden_domain);
	RUN(test_forbidden_specs);
	RUN(test_forbidden_export);
	RUN(test_forbidden_notes);
	RUN(test_notes_that_kill);
	remove_root();
	return test_done();
}
