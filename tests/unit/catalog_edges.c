// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The rarer ways to ask for backups, and to keep them: paths of all shapes, patterns that say a thing twice, chains of
 * images that are long, round or broken, files that go away between one look and the next.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>

#include "backproof/catalog.h"
#include "backproof/text.h"
#include "put_file.h"
#include "test.h"

static char root[64], home[1000];
static struct catalog c;
static struct error why;

static char *full(const char *name)
{
	return path_below(root, name);
}

static void clear(void)
{
	fresh_root(root);
	NEED(chdir(root) == 0);
}

static void put(const char *name)
{
	put_file(root, name, "x");
}

/* "LABEL[FILE FILE];..." newest first, "|unfinished"; or "error CLASS". Only what is settled has files. */
static const char *shown(int rc)
{
	static struct text t;
	text_free(&t);
	if (rc < 0) {
		text_printf(&t, "error %s", error_class_name(why.cls));
		CHECK(why.cls != ERROR_NONE && *why.text);
	}
	for (size_t i = 0; rc == 0 && i < c.count; i++) {
		CHECK_INT(catalog_settle(&c, i, &why), 0);
		if (i >= c.count)
			break;
		text_printf(&t, "%s%s[", i ? ";" : "", c.items[i].label);
		vec_each(&c.items[i], f)
			text_printf(&t, "%s%s", f == c.items[i].items ? "" : " ", path_base(f->path));
		text_put(&t, "]");
	}
	for (size_t i = 0; rc == 0 && i < c.partial.count; i++)
		text_printf(&t, "|%s", path_base(c.partial.items[i]));
	if (rc == 0)
		catalog_free(&c);
	return text_str(&t);
}

static const char *ask(const char *host, const char *const *given, size_t count)
{
	struct strings paths = {0};
	for (size_t i = 0; i < count; i++)
		NEED(strings_add(&paths, given[i]) == 0);
	memset(&c, 0, sizeof c);
	memset(&why, 0, sizeof why);
	int rc = catalog_from_paths(&paths, host, &c, &why);
	const char *s = shown(rc ? rc : catalog_settle(&c, 0, &why));
	strings_free(&paths);
	return s;
}
#define FROM(host, ...)                                                                                                \
	ask((host), (const char *const[]){__VA_ARGS__}, sizeof (const char *const[]){__VA_ARGS__} / sizeof(char *))

static const char *find(const char *match, const char *host)
{
	struct repository r = {(char *)"r", root, (char *)"files", (char *)(uintptr_t)match, NULL};
	memset(&c, 0, sizeof c);
	memset(&why, 0, sizeof why);
	autodestroy(catalog_index_destroy_auto) struct catalog_index *x = catalog_index_open(&r, NULL, &why);
	return shown(x ? catalog_index_find(x, host, &c, &why) : -1);
}

/* --- what --from may be given --- */

static void test_given(void)
{
	clear();
	put("web01-2026-11-21-sda.img");
	put("web01-2026-11-21-sdb.img");
	put("web01-2026-11-21.sha256");
	put("web01-2026-11-21.log.seal");
	put("web01-2026-11-22.img.part");
	/* By names without a directory, more than once, with what is beside them. */
	CHECK_STR(FROM("web01", "web01-2026-11-21-sda.img"), "web01-2026-11-21.img[web01-2026-11-21-sda.img]");
	CHECK_STR(FROM("web01", "web01-2026-11-21-sda.img", "./web01-2026-11-21-sda.img", "web01-2026-11-21-sdb.img",
		       "web01-2026-11-21.sha256", "web01-2026-11-21.log.seal"),
		  "web01-2026-11-21.img[web01-2026-11-21-sda.img web01-2026-11-21-sdb.img]");
	NEED(link("web01-2026-11-21-sda.img", "other.img") == 0);
	CHECK(strstr(FROM("web01", "other.img", "web01-2026-11-21-sda.img"), ".img]"));
	/* Nothing but what is beside backups is meant; a seal holds nothing of its own. */
	CHECK(strstr(FROM("web01", "web01-2026-11-21.sha256"), "[web01-2026-11-21.sha256]"));
	CHECK_STR(FROM("web01", "web01-2026-11-21.log.seal"), "");
	/* What is being written is no backup. */
	CHECK_STR(FROM("web01", "web01-2026-11-22.img.part"), "|web01-2026-11-22.img.part");
	/* Some are there and some are not: parts are missing. */
	CHECK_STR(FROM("web01", "web01-2026-11-21-sda.img", "web01-2026-11-21-sdc.img"), "error corrupt");
	CHECK_INT(why.sys, ENOENT);
	CHECK_STR(why.text, "web01-2026-11-21-sdc.img: a part that is named is not there");
	/* Nothing was ever there; or that can't be told. */
	CHECK_STR(FROM("web01", "none"), "");
	CHECK_STR(FROM("web01", "none///"), "");
	CHECK_STR(FROM("web01", "none", "none2"), "");
	CHECK_STR(FROM("web01", "/backproof-no-such-thing"), "");
	CHECK_STR(FROM("web01", "no-directory/none"), "error io");
	CHECK_STR(FROM("web01", "other.img/none"), "error io");
	NEED(symlink("loop", "loop") == 0);
	CHECK_STR(FROM("web01", "loop"), "error io");
	NEED(mkdir("closed", 0700) == 0);
	uid_t self = geteuid();
	NEED(self != 0 || seteuid(65534) == 0);
	CHECK_STR(FROM("web01", "closed/none"), "error io");
	CHECK_STR(FROM("web01", "closed"), "error io");
	NEED(self != 0 || seteuid(self) == 0);
	CHECK_STR(FROM("web01", "closed", "other.img"), "error ambiguous");
}

static void test_directories(void)
{
	clear();
	put("a/web01-2026-11-20.img");
	put("b/web01-2026-11-21.img");
	CHECK_STR(FROM("web01", "a", "b", "a"), "web01-2026-11-21.img[web01-2026-11-21.img];web01-2026-11-20.img"
						"[web01-2026-11-20.img]");
	CHECK_STR(FROM("web01", "a/"), "web01-2026-11-20.img[web01-2026-11-20.img]");
	/* A directory that is called as the host is, in full or in short, is his alone, by whatever way it is named. */
	put("web02.example.com/disk-2026-11-20.img");
	put("web02.example.com/other-2026-11-21.img");
	const char *both = "other-2026-11-21.img[other-2026-11-21.img];disk-2026-11-20.img[disk-2026-11-20.img]";
	CHECK_STR(FROM("web02", "web02.example.com"), both);
	NEED(chdir("web02.example.com") == 0);
	CHECK_STR(FROM("web02", "."), both);
	CHECK_STR(FROM("web02.example.com", "../web02.example.com/."), both);
	NEED(mkdir("below", 0755) == 0 && chdir("below") == 0);
	CHECK_STR(FROM("web02", ".."), both);
	NEED(chdir(root) == 0);
	CHECK_STR(FROM("web02.example.org", "web02.example.com"), both);
	/* An address is no short name. */
	put("10/10.0.0.2-2026-11-21.img");
	CHECK_STR(FROM("10.0.0.2", "10"), "10.0.0.2-2026-11-21.img[10.0.0.2-2026-11-21.img]");
}

/* --- patterns --- */

/* A directory for each day, in a repository without a pattern. */
static void test_days(void)
{
	clear();
	put("2026-11-20/web01.img");
	put("2026-11-20/web011.img");
	put("2026-11-21/web01-sda.img");
	put("2026-11-21/web01-sdb.img");
	put("2026-11-21/web02/sda.img");
	put("2026-11-22/db01.img");
	put("2026-11-22/web01.img.sha256");
	put("2026-11/web01.img");
	put("other/2026-11-23/web01.img");
	NEED(symlink("other/2026-11-23", full("2026-11-24")) == 0);
	static const char all[] = "2026-11-21[web01-sda.img web01-sdb.img];2026-11-20[web01.img]";
	CHECK_STR(find(NULL, "web01"), all);
	CHECK_STR(find(NULL, "WEB02"), "2026-11-21[sda.img]");
	CHECK_STR(find(NULL, "web03"), "");
	put("2026-11-23/web01.img.part");
	CHECK(!strncmp(find(NULL, "web01"), all, strlen(all)));
	CHECK(strstr(find(NULL, "web01"), "|web01.img.part"));
	put("web01/2026-11-25/sda.img");
	CHECK(!strncmp(find(NULL, "web01"), "web01/2026-11-25[sda.img];2026-11-21[", 37));
	/* What can't be looked into may have the newest, of anybody. */
	if (geteuid()) {
		NEED(chmod(full("2026-11-22"), 0) == 0);
		CHECK(!strncmp(find(NULL, "web01"), "error", 5));
		NEED(chmod(full("2026-11-22"), 0755) == 0);
	}
}

/* Hosts whose names are longer by a word. */
static void test_neighbours(void)
{
	clear();
	put("web01-2026-11-21.img");
	put("web01-db-2026-11-21T23:00.img");
	put("web01-db-2026-11-20.img");
	put("prod-web01-2026-11-22.img");
	put("web01-incr-2026-11-20.img");
	static const char own[] = "web01-2026-11-21.img[web01-2026-11-21.img];web01-incr-2026-11-20.img[web01-incr-2026-11-20.img]";
	CHECK_STR(FROM("web01", "."), own);
	CHECK_STR(find(NULL, "web01"), own);
	CHECK_STR(find("*{host}-*.img", "web01"), own);
	CHECK(!strncmp(FROM("web01-db", "."), "web01-db-2026-11-21T23:00.img[", 30));
	/* More than a day later the longer name may be the new one of the same host. */
	put("web01-x-2026-11-23.img");
	CHECK_STR(FROM("web01", "."), "web01-x-2026-11-23.img[web01-x-2026-11-23.img];"
				      "web01-2026-11-21.img[web01-2026-11-21.img];"
				      "web01-incr-2026-11-20.img[web01-incr-2026-11-20.img]");
	/* With nothing else, it is. */
	clear();
	put("web01-x-2026-11-22.img");
	put("web01-y-2026-11-21.img");
	CHECK_STR(FROM("web01", "."),
		  "web01-x-2026-11-22.img[web01-x-2026-11-22.img];web01-y-2026-11-21.img[web01-y-2026-11-21.img]");
	/* In one directory for the backups of a day, but for further disks of the host. */
	clear();
	put("2026-11-21/web01.img");
	put("2026-11-21/web01-data.img");
	put("2026-11-21/web01-db.img");
	CHECK_STR(FROM("web01", "."), "2026-11-21[web01-data.img web01.img]");
	CHECK_STR(FROM("web01-db", "."), "2026-11-21[web01-db.img]");
	/* In a directory of the host's own it says nothing. */
	clear();
	put("web01/a-web01-x.img");
	put("web01/2026-11-21/web01.img");
	put("web01/2026-11-21/web01-db.img");
	CHECK(!strncmp(FROM("web01", "web01"), "a-web01-x.img[a-web01-x.img];2026-11-21[web01-db.img web01.img]", 40));
	CHECK_STR(FROM("web01", "web01/2026-11-21"), "2026-11-21[web01-db.img web01.img]");
	clear();
	put("web01/web01-2026-11-21.img");
	put("web01/web01-db-2026-11-22.img");
	put("web01-db/web01-db-2026-11-22.img");
	CHECK_STR(FROM("web01", "."), "web01/web01-db-2026-11-22.img[web01-db-2026-11-22.img];"
				      "web01/web01-2026-11-21.img[web01-2026-11-21.img]");
}

/* A file that was written to its end at a local time of 2026-11-DD. */
static void put_until(const char *name, int day, int hour, int minute, int second)
{
	struct tm t = {.tm_year = 126, .tm_mon = 10, .tm_mday = day, .tm_hour = hour, .tm_min = minute, .tm_sec = second,
		       .tm_isdst = -1};
	struct timespec times[2] = {{.tv_sec = mktime(&t)}, {.tv_sec = mktime(&t)}};
	put(name);
	NEED(utimensat(AT_FDCWD, full(name), times, 0) == 0);
}

/* Disks one after the other, each with the time at which it was begun. */
static void test_minutes(void)
{
	clear();
	put_until("web01-sda-20261121-2200.img", 21, 22, 17, 50);
	put_until("web01-sdb-20261121-2217.img", 21, 22, 29, 10);
	put_until("web01-sdc1-20261121-2230.img", 21, 22, 31, 2);
	put_until("web01-sdc2-20261121-2231.img", 21, 22, 40, 0);
#define LAST                                                                                                           \
	"web01-20261121-2231.img[web01-sdc2-20261121-2231.img web01-sdc1-20261121-2230.img "                           \
	"web01-sdb-20261121-2217.img web01-sda-20261121-2200.img]"
	CHECK_STR(FROM("web01", "."), LAST);
	CHECK_STR(find("{host}-*.img", "web01"), LAST);
	CHECK_STR(find("{host}-{disk}-*.img", "web01"), LAST);
	/* The run before stays by itself, and lends nothing. */
	put_until("web01-sda-20261120-2200.img", 20, 22, 17, 0);
	put_until("web01-sdb-20261120-2217.img", 20, 22, 30, 0);
	CHECK(strstr(FROM("web01", "."), LAST ";"));
	NEED(unlink("web01-sda-20261121-2200.img") == 0);
	CHECK(strstr(FROM("web01", "."), "[web01-sdc2-20261121-2231.img web01-sdc1-20261121-2230.img web01-sdb-20261121-2217.img];"));
	/* Every hour: what this one has lost is of the last one, though nearer than its own were to each other. */
	clear();
	put_until("web01-sda-20261121-1000.img", 21, 10, 45, 0);
	put_until("web01-sdb-20261121-1045.img", 21, 10, 55, 0);
	put_until("web01-sda-20261121-1100.img", 21, 11, 45, 0);
	CHECK(strstr(FROM("web01", "."), "web01-20261121-1100.img[web01-sda-20261121-1100.img];"));
	NEED(unlink("web01-sda-20261121-1000.img") == 0);
	CHECK(strstr(FROM("web01", "."), "web01-20261121-1100.img[web01-sda-20261121-1100.img];"));
	/* Without a pause between runs nobody knows where one begins, however many disks there are. */
	put_until("web01-sda-20261121-1000.img", 21, 10, 45, 0);
	put_until("web01-sdb-20261121-1045.img", 21, 11, 0, 10);
	CHECK(strstr(FROM("web01", "."), "web01-20261121-1100.img[web01-sda-20261121-1100.img];"));
	put_until("web01-sdc-20261121-1020.img", 21, 10, 45, 5);
	NEED(rename("web01-sda-20261121-1000.img", "web01-sda-20261121-0930.img") == 0);
	put_until("web01-sda-20261121-0930.img", 21, 10, 20, 30);
	CHECK(strstr(FROM("web01", "."), "web01-20261121-1100.img[web01-sda-20261121-1100.img];"));
	/* One of them ended with the next, which it can't have been before: the times of the files are not their own. */
	NEED(unlink("web01-sdc-20261121-1020.img") == 0);
	put_until("web01-sdb-20261121-1015.img", 21, 11, 0, 10);
	NEED(unlink("web01-sdb-20261121-1045.img") == 0);
	CHECK(strstr(FROM("web01", "."), "web01-20261121-1100.img[web01-sda-20261121-1100.img];"));
	/* One is the largest, and the next run has lost it. */
	clear();
	put_until("web01-sda-20261121-0000.img", 21, 0, 1, 0);
	put_until("web01-sdb-20261121-0001.img", 21, 0, 59, 0);
	put_until("web01-sdc-20261121-0500.img", 21, 5, 40, 0);
	put_until("web01-sda-20261121-0600.img", 21, 6, 1, 0);
	put_until("web01-sdb-20261121-0601.img", 21, 6, 59, 0);
	CHECK(strstr(FROM("web01", "."), "[web01-sdb-20261121-0601.img web01-sda-20261121-0600.img];"));
	/* One of all disks between them. */
	clear();
	put_until("web01-sda-20261121-1000.img", 21, 10, 10, 0);
	put_until("web01-20261121-1005.img", 21, 10, 9, 0);
	put_until("web01-sdb-20261121-1010.img", 21, 10, 20, 0);
	CHECK(strstr(FROM("web01", "."), "web01-20261121-1010.img[web01-sdb-20261121-1010.img];"));
	/* Not begun when the other ended; of another name; without a clock, or a disk; in another directory. */
	static const char *const apart[][2] = {
		{"web01-sda-20261121-1000.img", "web01-sdb-20261121-1003.img"},
		{"web01-sda-20261121-1000.img", "web01-old-sdb-20261121-1002.img"},
		{"web01-sda-20261121-1000.img", "web01-sdb-20261121-1002.img.gz"},
		{"web01-sda-20261121.img", "web01-sdb-20261121-1002.img"},
		{"web01-sda-20261121-1000.img", "web01-20261121-1002.img"},
		{"web01-20261121-1000.img", "web01-sda-20261121-1002.img"},
		{"web01-sda-20261121-1000.img", "web01-sda-20261121-1002.img"},
		{"web01-sda-20261121-1000.img", "web01/web01-sdb-20261121-1002.img"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(apart); i++) {
		clear();
		put_until(apart[i][0], 21, 12, 0, 0);
		put_until(apart[i][1], 21, 13, 0, 0);
		CHECK(strstr(FROM("web01", "."), "];") || !strstr(FROM("web01", "."), " "));
	}
	/* Split into pieces, all of which are there once. */
	clear();
	put_until("web01-sda-20261121-1000.img.aa", 21, 10, 4, 0);
	put_until("web01-sda-20261121-1000.img.ab", 21, 10, 9, 0);
	put_until("web01-sdb-20261121-1010.img.aa", 21, 10, 15, 0);
	put_until("web01-sdb-20261121-1010.img.ab", 21, 10, 20, 0);
	const char *pieces = FROM("web01", ".");
	CHECK(!strstr(pieces, "];") && strstr(pieces, "sda-20261121-1000.img.ab"));
	CHECK_INT(strlen(pieces) - strlen(strchr(pieces, '[')), strlen("web01-20261121-1010.img"));
	size_t blanks = 0;
	for (const char *s = pieces; *s; s++)
		blanks += *s == ' ';
	CHECK_INT(blanks, 3);
	/* What a pattern says is a disk. */
	clear();
	put_until("web01-system-20261121-1000.img", 21, 10, 2, 0);
	put_until("web01-mail-20261121-1002.img", 21, 10, 4, 0);
	CHECK_STR(find("{host}-{disk}-{date}-{time}.img", "web01"),
		  "web01-20261121-1002.img[web01-mail-20261121-1002.img web01-system-20261121-1000.img]");
	clear();
	put_until("web01-alpha-20261121-1000.img", 21, 10, 2, 0);
	put_until("web01-beta-20261121-1002.img", 21, 10, 4, 0);
	CHECK(strstr(find("{host}-{part}-{date}-{time}.img", "web01"), "beta-20261121-1002.img web01-alpha-"));
	CHECK(strstr(find("{host}-[ab]{disk}-{date}-{time}.img", "web01"), "];")); /* no words of their own */
	/* One of them is a link that leads nowhere: it is missing. Where all are, nothing is left. */
	clear();
	put("web01-sda-20261121-1000.img");
	NEED(symlink("nowhere", "web01-sdb-20261121-1002.img") == 0);
	CHECK_STR(FROM("web01", "."), "error corrupt");
	NEED(unlink("web01-sda-20261121-1000.img") == 0 && symlink("none", "web01-sda-20261121-1000.img") == 0);
	CHECK_STR(FROM("web01", "."), "error io");
	/* More than anybody has. */
	clear();
	for (int i = 0; i < 200; i++) {
		char name[64];
		snprintf(name, sizeof name, "web01-part%d-20261121-%02d%02d%02d.img", i + 1, i / 3600, i / 60 % 60, i % 60);
		put(name);
	}
	CHECK(strstr(FROM("web01", "."), "];"));
}

static void test_twice(void)
{
	clear();
	put("2026-11-20/web01-2026-11-20.img");
	put("2026-11-21/web01-2026-11-20.img"); /* contradicts itself */
	CHECK_STR(find("{date}/{host}-{date}.img", "web01"), "2026-11-20[web01-2026-11-20.img]");
	put("c/0300/web01-2026-11-20-0300.img");
	put("c/0300/web01-2026-11-20-0400.img");
	CHECK_STR(find("c/{time}/{host}-{date}-{time}.img", "web01"),
		  "c/0300/web01-2026-11-20-0300.img[web01-2026-11-20-0300.img]");
	put("d/sda/web01-2026-11-20-sda.img");
	put("d/sdb/web01-2026-11-20-sda.img");
	CHECK(strstr(find("d/{disk}/{host}-{date}-{disk}.img", "web01"), "[web01-2026-11-20-sda.img]"));
	/* The host, too. */
	put("e/web01/web01-2026-11-20.img");
	put("e/web01/web02-2026-11-21.img");
	CHECK_STR(find("e/{host}/{host}-{date}.img", "web01"), "e/web01/web01-2026-11-20.img[web01-2026-11-20.img]");
	CHECK_STR(find("e/{host}/{host}-{date}.img", "web02"), "");
}

static void test_globs(void)
{
	clear();
	put("web01-a1-2026-11-20.img");
	put("web01-b2-2026-11-21.img");
	put("web01-z3-2026-11-22.img");
	CHECK_STR(find("{host}-[a-c]?-{date}.img", "web01"),
		  "web01-b2-2026-11-21.img[web01-b2-2026-11-21.img];web01-a1-2026-11-20.img[web01-a1-2026-11-20.img]");
	CHECK_STR(find("{host}-[!a-c]?-{date}.img", "web01"), "web01-z3-2026-11-22.img[web01-z3-2026-11-22.img]");
	CHECK_STR(find("{host}-[^az]?-{date}.img", "web01"), "web01-b2-2026-11-21.img[web01-b2-2026-11-21.img]");
	CHECK_STR(find("{host}-[]a]?-{date}.img", "web01"), "web01-a1-2026-11-20.img[web01-a1-2026-11-20.img]");
	CHECK_STR(find("{host}-[a-]?-{date}.img", "web01"), "web01-a1-2026-11-20.img[web01-a1-2026-11-20.img]");
	CHECK_STR(find("*-{date}.img", "web01"),
		  "web01-z3-2026-11-22.img[web01-z3-2026-11-22.img];web01-b2-2026-11-21.img[web01-b2-2026-11-21.img];"
		  "web01-a1-2026-11-20.img[web01-a1-2026-11-20.img]");
}

static void test_bad_patterns(void)
{
	static const char *const bad[] = {"",	 "/a",	  "a//b",      "a/",	  "../{host}",	 "a/./b",  "{host",
					  "{x}", "[abc", "{disk}{part}x[", "a/../b", "{host}{host}[", "}{"};
	bool has_host;
	struct text t = {0};
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		memset(&why, 0, sizeof why);
		if (catalog_match_check(bad[i], &has_host, &why) == 0)
			CHECK_STR(bad[i], "a bad pattern");
		CHECK(why.cls != ERROR_NONE && *why.text);
	}
	/* More of anything than a pattern may have. */
	static const char *const many[] = {"*a", "a/", "?", "x", "[a]"};
	for (size_t i = 0; i < ARRAY_SIZE(many); i++) {
		text_free(&t);
		for (int k = 0; k < 3000; k++)
			text_put(&t, many[i]);
		text_put(&t, "z");
		CHECK_INT(catalog_match_check(text_str(&t), &has_host, &why), -1);
	}
	text_free(&t);
	CHECK_INT(catalog_match_check("{host}/{date}/*.img", &has_host, &why), 0);
	CHECK(has_host);
	CHECK_INT(catalog_match_check("x-{date}.img", &has_host, &why), 0);
	CHECK(!has_host);
}

/* --- chains --- */

static void put_image(const char *name, const char *backing)
{
	uint8_t head[160] = "QFI\xfb\0\0\0\3";
	size_t n = strlen(backing);
	NEED(n <= 96);
	if (n) {
		head[15] = 64;
		head[19] = (uint8_t)n;
		memcpy(head + 64, backing, n);
	}
	int fd = open(full(name), O_WRONLY | O_CREAT | O_TRUNC, 0644);
	NEED(fd >= 0 && write(fd, head, sizeof head) == (ssize_t)sizeof head && close(fd) == 0);
}

static void test_chains(void)
{
	clear();
	NEED(mkdir("w", 0755) == 0);
	put_image("w/web01-2026-11-21.qcow2", "/elsewhere/base.qcow2");
	CHECK_STR(FROM("web01", "w/web01-2026-11-21.qcow2"), "web01-2026-11-21.qcow2[web01-2026-11-21.qcow2]");
	CHECK_STR(FROM("web01", "w"), "web01-2026-11-21.qcow2[web01-2026-11-21.qcow2]");
	/* Round, and on themselves: each file is there once. */
	put_image("w/base.qcow2", "web01-2026-11-21.qcow2");
	CHECK_STR(find("w/{host}-{date}.qcow2", "web01"), "w/web01-2026-11-21.qcow2[web01-2026-11-21.qcow2 base.qcow2]");
	put_image("w/base.qcow2", "base.qcow2");
	CHECK_STR(find("w/{host}-{date}.qcow2", "web01"), "w/web01-2026-11-21.qcow2[web01-2026-11-21.qcow2 base.qcow2]");
	/* Names that lead out, and nowhere. */
	static const char *const names[] = {"..", ".", "x/..", "/", "w/", "json:{\"file\":\"/etc/passwd\"}"};
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		put_image("w/base.qcow2", names[i]);
		CHECK_STR(find("w/{host}-{date}.qcow2", "web01"),
			  "w/web01-2026-11-21.qcow2[web01-2026-11-21.qcow2 base.qcow2]");
	}
	/* What stands where the base should be is no file. */
	NEED(unlink("w/base.qcow2") == 0 && mkdir("w/base.qcow2", 0755) == 0);
	CHECK_STR(find("w/{host}-{date}.qcow2", "web01"), "w/web01-2026-11-21.qcow2[web01-2026-11-21.qcow2]");
	NEED(rmdir("w/base.qcow2") == 0 && symlink("base.qcow2", "w/base.qcow2") == 0);
	CHECK_STR(find("w/{host}-{date}.qcow2", "web01"), "w/web01-2026-11-21.qcow2[web01-2026-11-21.qcow2]");
	/* One that we may not read is for its reader to miss. */
	NEED(unlink("w/base.qcow2") == 0);
	put_image("w/base.qcow2", "deeper.qcow2");
	put_image("w/deeper.qcow2", "");
	NEED(chmod("w/base.qcow2", 0) == 0);
	uid_t self = geteuid();
	NEED(self != 0 || seteuid(65534) == 0);
	CHECK_STR(find("w/{host}-{date}.qcow2", "web01"), "w/web01-2026-11-21.qcow2[web01-2026-11-21.qcow2 base.qcow2]");
	NEED(self != 0 || seteuid(self) == 0);
	NEED(chmod("w/base.qcow2", 0644) == 0);
	CHECK_STR(find("w/{host}-{date}.qcow2", "web01"),
		  "w/web01-2026-11-21.qcow2[web01-2026-11-21.qcow2 base.qcow2 deeper.qcow2]");
	/* An older one's chain, when somebody asks. */
	put_image("w/web01-2026-11-20.qcow2", "base.qcow2");
	CHECK(strstr(find("w/{host}-{date}.qcow2", "web01"), "[web01-2026-11-20.qcow2 base.qcow2 deeper.qcow2]"));
	/* However long it is. */
	clear();
	char name[40], next[40];
	for (int i = 0; i < 300; i++) {
		snprintf(name, sizeof name, i ? "step%03d.qcow2" : "web01-2026-11-21.qcow2", i);
		snprintf(next, sizeof next, "step%03d.qcow2", i + 1);
		put_image(name, next);
	}
	char *items[] = {root};
	const struct strings paths = {items, 1, 1};
	memset(&c, 0, sizeof c);
	NEED(catalog_from_paths(&paths, "web01", &c, &why) == 0 && c.count);
	CHECK_STR(c.items[0].label, "web01-2026-11-21.qcow2");
	CHECK_INT(c.items[0].count, 257);
	catalog_free(&c);
}

/* --- what goes away --- */

static void test_gone(void)
{
	struct repository r = {(char *)"r", root, (char *)"files", (char *)"{host}-{date}-{disk}.img", NULL};
	clear();
	for (int day = 19; day < 23; day++)
		for (int disk = 'a'; disk < 'c'; disk++) {
			char name[60];
			snprintf(name, sizeof name, "web01-2026-11-%d-sd%c.img", day, disk);
			put(name);
		}
	autodestroy(catalog_index_destroy_auto) struct catalog_index *x = catalog_index_open(&r, NULL, &why);
	NEED(x);
	memset(&c, 0, sizeof c);
	NEED(catalog_index_find(x, "web01", &c, &why) == 0 && c.count == 4);
	/* A disk of an older one; both of a still older one; all that is behind it. */
	NEED(unlink("web01-2026-11-21-sda.img") == 0 && unlink("web01-2026-11-20-sda.img") == 0 &&
	     unlink("web01-2026-11-20-sdb.img") == 0);
	CHECK_INT(catalog_settle(&c, 1, &why), 0);
	CHECK(c.items[1].count == 1 && !strcmp(path_base(c.items[1].items[0].path), "web01-2026-11-21-sdb.img"));
	CHECK_INT(catalog_settle(&c, 2, &why), 0);
	CHECK(c.count == 3 && strstr(c.items[2].label, "2026-11-19"));
	NEED(unlink("web01-2026-11-19-sda.img") == 0 && unlink("web01-2026-11-19-sdb.img") == 0);
	CHECK_INT(catalog_settle(&c, 3, &why), 0);
	CHECK_INT(c.count, 3);
	catalog_free(&c);
	/* The newest, after its name was read: the one before is it, and nothing is made up. */
	NEED(unlink("web01-2026-11-22-sda.img") == 0 && unlink("web01-2026-11-22-sdb.img") == 0);
	CHECK_INT(catalog_index_newest(x, "web01", 1, &c, &why), 1); /* another may be there instead */
	NEED(catalog_index_find(x, "web01", &c, &why) == 0 && c.count == 1);
	CHECK(strstr(c.items[0].label, "2026-11-21"));
	CHECK_INT(c.items[0].count, 1);
	catalog_free(&c);
	/* All of it: then there is none. A directory that can't be looked into any more is no absence. */
	NEED(unlink("web01-2026-11-21-sdb.img") == 0);
	CHECK_INT(catalog_index_newest(x, "web01", 1, &c, &why), 1);
	CHECK_INT(catalog_index_newest(x, "web02", 1, &c, &why), 0); /* nothing was known of it */
	NEED(catalog_index_find(x, "web01", &c, &why) == 0);
	CHECK_INT(c.count, 0);
	catalog_free(&c);
}

/* Pieces of which the last letters mean something else by themselves are told by the piece before them. */
static void test_late_pieces(void)
{
	clear();
	put("web01-2026-11-21.img.zst.me");
	put("web01-2026-11-21.img.zst.mf");
	put("web01-2026-11-21.img.zst.bq");
	put("web01-2026-11-21.img.zst.br");
	CHECK_STR(FROM("web01", "web01-2026-11-21.img.zst.me"),
		  "web01-2026-11-21.img.zst[web01-2026-11-21.img.zst.me web01-2026-11-21.img.zst.mf]");
	CHECK(strstr(FROM("web01", "web01-2026-11-21.img.zst.bq"), "web01-2026-11-21.img.zst.br]"));
	CHECK(strstr(FROM("web01", "."), "web01-2026-11-21.img.zst.mf"));
	/* Given, it is there once; what is not there is not made up; and what is no file is none. */
	CHECK_STR(FROM("web01", "web01-2026-11-21.img.zst.bq", "web01-2026-11-21.img.zst.br"),
		  "web01-2026-11-21.img.zst[web01-2026-11-21.img.zst.bq web01-2026-11-21.img.zst.br]");
	NEED(unlink("web01-2026-11-21.img.zst.mf") == 0);
	CHECK_STR(FROM("web01", "web01-2026-11-21.img.zst.me"), "web01-2026-11-21.img.zst[web01-2026-11-21.img.zst.me]");
	NEED(mkdir("web01-2026-11-21.img.zst.mf", 0755) == 0);
	CHECK_STR(FROM("web01", "web01-2026-11-21.img.zst.me"), "web01-2026-11-21.img.zst[web01-2026-11-21.img.zst.me]");
}

/* Of three letters only the first few tell; the others go on from them, whatever they mean elsewhere. */
static void test_many_letters(void)
{
	clear();
	char name[64];
	for (int i = 0; i < 90; i++) {
		snprintf(name, sizeof name, "web01.img.a%c%c", 'a' + i / 26, 'a' + i % 26);
		put(name);
	}
	/* .adi is an image's suffix. */
	const char *all = FROM("web01", ".");
	CHECK(strstr(all, "web01.img.aaa") && strstr(all, "web01.img.aba") && strstr(all, "web01.img.adi"));
	CHECK(strchr(all, '[') && !strchr(strchr(all, '[') + 1, '['));
	all = find("w*", "web01");
	CHECK(strstr(all, "web01.img.aaa") && strstr(all, "web01.img.aba") && strstr(all, "web01.img.adi"));
	CHECK(strchr(all, '[') && !strchr(strchr(all, '[') + 1, '['));
	/* A gap ends nothing. */
	NEED(unlink("web01.img.aba") == 0 && unlink("web01.img.acx") == 0);
	CHECK(strstr(FROM("web01", "."), "web01.img.adl"));
	/* Nor is a piece what has only such a name. */
	NEED(truncate("web01.img.aaa", 1000) == 0);
	put("web01.img.bak");
	put("web01.img.age");
	all = FROM("web01", ".");
	CHECK(strstr(all, "web01.img.adl") && !strstr(all, ".bak") && !strstr(all, ".age"));
	put("web01.img.tar");
	CHECK(strstr(find("w*", "web01"), "[web01.img.tar]"));
	/* A link that leads nowhere among them. */
	NEED(symlink("nowhere", "web01.img.aba") == 0);
	CHECK_STR(FROM("web01", "web01.img.aaa"), "error corrupt");
}

/* Directories that hold no backups of anybody, and names longer than any. */
static void test_odd_entries(void)
{
	clear();
	put("lost+found/web01-2026-11-22.img");
	put("#recycle/web01-2026-11-22.img");
	put("web01-2026-11-20.img");
	CHECK_STR(FROM("web01", "."), "web01-2026-11-20.img[web01-2026-11-20.img]");
	CHECK_STR(find("*/{host}-{date}.img", "web01"), "");
	char name[260];
	memset(name, 'x', 250);
	strcpy(name + 250, ".img");
	put(name);
	CHECK_STR(FROM("web01", "."), "web01-2026-11-20.img[web01-2026-11-20.img]");
	/* Sockets and pipes with the names of backups. */
	NEED(mkfifo("web01-2026-11-23.img", 0644) == 0);
	CHECK_STR(FROM("web01", "."), "web01-2026-11-20.img[web01-2026-11-20.img]");
	CHECK_STR(find("{host}-{date}.img", "web01"), "web01-2026-11-20.img[web01-2026-11-20.img]");
}

int main(void)
{
	const char *tmp = getenv("TMPDIR");
	snprintf(root, sizeof root, "%.40s/catalog.XXXXXX", tmp ? tmp : "/tmp");
	NEED(getcwd(home, sizeof home) && mkdtemp(root));
	RUN(test_given);
	RUN(test_directories);
	RUN(test_days);
	RUN(test_neighbours);
	RUN(test_minutes);
	RUN(test_twice);
	RUN(test_globs);
	RUN(test_bad_patterns);
	RUN(test_chains);
	RUN(test_gone);
	RUN(test_late_pieces);
	RUN(test_many_letters);
	RUN(test_odd_entries);
	clear();
	NEED(chdir(home) == 0 && rmdir(root) == 0);
	return test_done();
}
