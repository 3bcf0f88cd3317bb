// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Links to directories are not followed where backups are looked for: what lies behind one is never passed over where it
 * may be the newest, and nothing is made of one that hides no newer backup.
 */
#include <fcntl.h>

#include "repository_help.h"

static char away[64]; /* where links lead to */

/* Of a day in November 2026; 0: of none. */
static void put_away(const char *name, int day)
{
	const time_t t = 1793491200 + 3600 + (day - 1) * 86400;
	const struct timespec both[2] = {{.tv_sec = t}, {.tv_sec = t}};
	char path[300];
	put_file(away, name, "x");
	snprintf(path, sizeof path, "%s/%s", away, name);
	NEED(utimensat(AT_FDCWD, path, both, 0) == 0);
}

/* The link name leads to target (there, where it is no path), and no longer to where it led. */
static void link_to(const char *target, const char *name)
{
	char path[300];
	snprintf(path, sizeof path, "%s/%s", away, target);
	(void)unlink(full(name));
	NEED(symlink(strchr(target, '/') ? target : path, full(name)) == 0);
}

static void unlink_it(const char *name)
{
	NEED(unlink(full(name)) == 0);
}

static void clear_all(void)
{
	fresh_root(away);
	clear();
}

static const char *how; /* it is looked for: NULL: --from; else in a repository of this layout */
static const char *below = "";

static const char *look(const char *host)
{
	return how ? find(how, NULL, host) : from(below, host);
}

static bool is_told(const char *host, const char *name)
{
	const char *answer = look(host);
	bool is = !strncmp(answer, "error unsupported", 17) && strstr(answer, name) && strstr(answer, "link");
	if (!is)
		fprintf(stderr, "%s: %s\n", host, answer);
	return is;
}

static bool is_found(const char *host, const char *answer)
{
	const char *is = look(host);
	if (!strncmp(is, answer, strlen(answer)))
		return true;
	fprintf(stderr, "%s: %s, not %s\n", host, is, answer);
	return false;
}

/* The host's own directory, given or in a repository. */
static void test_own(void)
{
	static const char *const hows[] = {NULL, "files"};
	for (size_t i = 0; i < ARRAY_SIZE(hows); i++) {
		clear_all();
		how = hows[i];
		below = "web01";
		put("web01/2026-11-20/sda.img", "x");
		CHECK(is_found("web01", "1 of "));
		/* The newest is reached by a link only: by its name, or by what is there. */
		put_away("new/sda.img", 21);
		link_to("new", "web01/2026-11-21");
		CHECK(is_told("web01", "web01/2026-11-21"));
		unlink_it("web01/2026-11-21");
		link_to("new", "web01/new");
		CHECK(is_told("web01", "web01/new"));
		put_away("new/sda.img", 19);
		CHECK(is_found("web01", "1 of "));
		put_away("new/deeper/web01-2026-11-22.img.zst", 1);
		CHECK(is_told("web01", "web01/new"));
		unlink_it("web01/new");
		/* What was moved away and linked is older. */
		put_away("old/sda.img", 22);
		link_to("old", "web01/2026-11-19");
		CHECK(is_found("web01", "1 of "));
		/* Nothing in it can be a backup; or it was looked through under its own name. */
		put_away("scripts/backup.sh", 22);
		link_to("scripts", "web01/scripts");
		link_to("./2026-11-20", "web01/latest");
		CHECK(is_found("web01", "1 of "));
		/* What is in it can't all be told. */
		char path[300];
		snprintf(path, sizeof path, "%s/scripts/sdb.img", away);
		NEED(symlink("/nonexistent/sdb.img", path) == 0);
		CHECK(is_told("web01", "web01/scripts"));
		unlink_it("web01/scripts");
		/* The store is not mounted. */
		link_to("/nonexistent/store", "web01/2026-11-21");
		CHECK(is_told("web01", "web01/2026-11-21"));
		unlink_it("web01/2026-11-21");
		link_to("/nonexistent/store", "web01/2026-11-19");
		link_to("/nonexistent/store", "web01/current");
		CHECK(is_found("web01", "1 of "));
	}
}

/* Nothing but links: that is not "no backup". */
static void test_nothing_else(void)
{
	clear_all();
	how = NULL;
	below = "web01";
	put_away("new/sda.img", 21);
	put("web01/readme", "x");
	link_to("new", "web01/new");
	CHECK(is_told("web01", "web01/new"));
	below = "";
	CHECK(is_told("web01", "web01/new"));
	link_to("/nonexistent/store", "web01/new");
	CHECK(is_told("web01", "web01/new"));
	unlink_it("web01/new");
	CHECK(is_found("web01", "none"));
}

/* Hosts side by side: the link of one is not another's. */
static void test_fleet(void)
{
	static const char *const hows[] = {NULL, "files"};
	for (size_t i = 0; i < ARRAY_SIZE(hows); i++) {
		clear_all();
		how = hows[i];
		below = "";
		put("web01-2026-11-20.img", "x");
		put("db01-2026-11-20.img", "x");
		put_away("new/2026-11-21.img", 21);
		link_to("new", "db01");
		CHECK(is_found("web01", "1 of "));
		CHECK(is_told("db01", "/db01"));
		link_to("/nonexistent/store", "db01");
		CHECK(is_found("web01", "1 of ") && is_found("db01", "1 of "));
		unlink_it("db01");
	}
	/* A date's may be of any. */
	how = NULL;
	link_to("new", "2026-11-21");
	CHECK(is_told("web01", "/2026-11-21") && is_told("db01", "/2026-11-21"));
	unlink_it("2026-11-21");
	link_to("new", "new01");
	CHECK(is_found("web01", "1 of "));
	CHECK(is_told("mail01", "/new01"));
}

/* Layouts that are looked through directory by directory. */
static void test_layouts(void)
{
	static const struct {
		const char *layout, *file, *text, *disk;
	} rows[] = {
		{"libvirt", "web01.xml", DOMAIN("web01", DISK("a.qcow2")), "a.qcow2"},
		{"ova", "web01.ovf", OVF(HREF("f1", "a.vmdk")), "a.vmdk"},
		{"clonezilla", "parts", "sda1\n", "sda1.ext4-ptcl-img.zst.aa"},
	};
	char name[100], linked[100];
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		clear_all();
		how = rows[i].layout;
		snprintf(name, sizeof name, "web01-2026-11-20/%s", rows[i].file);
		put(name, rows[i].text);
		snprintf(name, sizeof name, "web01-2026-11-20/%s", rows[i].disk);
		put(name, "x");
		put("web01-2026-11-20/clonezilla-img", "x");
		snprintf(linked, sizeof linked, "new/%s", rows[i].disk);
		put_away(linked, 21);
		for (int given = 0; given < 2; given++) {
			how = given ? NULL : rows[i].layout;
			CHECK(!strstr(look("web01"), "error"));
			link_to("new", "web01-2026-11-21");
			CHECK(is_told("web01", "web01-2026-11-21"));
			link_to("/nonexistent/store", "web01-2026-11-21");
			CHECK(is_told("web01", "web01-2026-11-21"));
			unlink_it("web01-2026-11-21");
			link_to("new", "web01-2026-11-19");
			CHECK(!strstr(look("web01"), "error"));
			unlink_it("web01-2026-11-19");
			link_to("new", "db01-2026-11-21");
			CHECK(!strstr(look("web01"), "error"));
			CHECK(is_told("db01", "db01-2026-11-21"));
			unlink_it("db01-2026-11-21");
			link_to("./web01-2026-11-20", "web01-latest");
			CHECK(!strstr(look("web01"), "error"));
			unlink_it("web01-latest");
		}
	}
}

#define WINDOWS "WindowsImageBackup/WEB01"

/* Here they are followed; one that leads nowhere is not passed over. */
static void test_windows(void)
{
	clear_all();
	put(WINDOWS "/Backup 2026-11-20 190000/a.vhdx", "x");
	put(WINDOWS "/Backup 2026-11-20 190000/BackupSpecs.xml", "x");
	put_away("new/a.vhdx", 21);
	for (int given = 0; given < 2; given++) {
		how = given ? NULL : "windows-image";
		below = "";
		link_to("new", WINDOWS "/Backup 2026-11-21 190000");
		CHECK(is_found("WEB01", "1 of WEB01/Backup 2026-11-21"));
		link_to("/nonexistent/store", WINDOWS "/Backup 2026-11-21 190000");
		CHECK(is_found("WEB01", "error corrupt"));
		unlink_it(WINDOWS "/Backup 2026-11-21 190000");
		link_to("/nonexistent/store", WINDOWS "/Backup 2026-11-19 190000");
		CHECK(is_found("WEB01", "2 of WEB01/Backup 2026-11-20"));
		unlink_it(WINDOWS "/Backup 2026-11-19 190000");
		link_to("/nonexistent/store", "WindowsImageBackup/DB01");
		CHECK(is_found("WEB01", "2 of WEB01/Backup 2026-11-20"));
		CHECK(is_found("DB01", "error io"));
		unlink_it("WindowsImageBackup/DB01");
		CHECK(!strstr(look("DB01"), "error"));
	}
	NEED(rename(full("WindowsImageBackup"), full("W")) == 0);
	how = "windows-image";
	link_to("/nonexistent/store", "WindowsImageBackup");
	CHECK(is_found("WEB01", "error io"));
}

/* A storage whose dumps are elsewhere. */
static void test_vzdump(void)
{
	clear_all();
	how = "vzdump";
	put_away("dump/vzdump-qemu-100-2026_11_21-03_00_00.vma", 21);
	link_to("dump", "dump");
	CHECK(is_told("100", "/dump"));
	link_to("/nonexistent/store", "dump");
	CHECK(is_told("100", "/dump"));
	how = NULL;
	link_to("dump", "dump");
	CHECK(is_told("100", "/dump"));
	unlink_it("dump");
	how = "vzdump";
	CHECK(is_found("100", "none"));
}

int main(void)
{
	make_root();
	const char *tmp = getenv("TMPDIR");
	snprintf(away, sizeof away, "%.40s/linked.XXXXXX", tmp ? tmp : "/tmp");
	NEED(mkdtemp(away));
	RUN(test_own);
	RUN(test_nothing_else);
	RUN(test_fleet);
	RUN(test_layouts);
	RUN(test_windows);
	RUN(test_vzdump);
	clear_all();
	NEED(rmdir(away) == 0);
	remove_root();
	return test_done();
}
