// SPDX-License-Identifier: GPL-3.0-or-later
/* Layout windows-image: the directories that Windows' own backup writes. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "backproof/catalog.h"
#include "backproof/text.h"
#include "test.h"

static char root[] = "/tmp/backproof-wsb-XXXXXX";
#define G1 "9b9cfbc3-369e-11e9-a17c-806e6f6e6963"
#define G2 "9b9cfbc4-369e-11e9-a17c-806e6f6e6963"
#define ID "cd113385-65ff-4ea2-8ced-5630f6feca8f"

static void put(const char *name, const void *data, size_t len)
{
	char path[512];
	snprintf(path, sizeof path, "%s/%s", root, name);
	for (char *s = path + strlen(root) + 1; (s = strchr(s, '/')); s++) {
		*s = 0;
		NEED(mkdir(path, 0755) == 0 || errno == EEXIST);
		*s = '/';
	}
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	NEED(fd >= 0 && write(fd, data, len) == (ssize_t)len);
	close(fd);
}

/* As the program writes it: UTF-16 with a mark. */
static void put_specs(const char *name, const char *text)
{
	char wide[4096] = {(char)0xff, (char)0xfe};
	size_t n = 2;
	for (; *text; text++, n += 2)
		wide[n] = *text;
	put(name, wide, n);
}

static void clear(void)
{
	char cmd[128];
	snprintf(cmd, sizeof cmd, "rm -rf %s && mkdir %s", root, root);
	NEED(system(cmd) == 0);
}

static void backup(const char *top, const char *host, const char *when, bool both)
{
	static const char *const files[] = {
		G1 ".vhdx", G2 ".vhdx", "Esp.vhdx", ID "_Components.xml", ID "_RegistryExcludes.xml",
		ID "_AdditionalFilesc3b9f3c7-5e52-4d5e-8b20-19adc95a34c7.xml",
	};
	char name[400];
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		if (i == 1 && !both)
			continue;
		snprintf(name, sizeof name, "%sWindowsImageBackup/%s/Backup %s/%s", top, host, when, files[i]);
		put(name, "x", 1);
	}
	snprintf(name, sizeof name, "%sWindowsImageBackup/%s/Backup %s/BackupSpecs.xml", top, host, when);
	put_specs(name, "<BackupSpecs><FileSpecs><Volume Name=\"\\\\?\\Volume{" G1 "}\\\" AccessPath=\"\"/>"
			"<Volume Name=\"\\\\?\\Volume{" G2 "}\\\" AccessPath=\"C:\"/>"
			"<Volume Name=\"\\\\?\\Volume{11111111-2222-3333-4444-555555555555}\\\"/></FileSpecs></BackupSpecs>");
	snprintf(name, sizeof name, "%sWindowsImageBackup/%s/MediaId", top, host);
	put(name, "0123456789abcdef", 16);
	snprintf(name, sizeof name, "%sWindowsImageBackup/%s/Catalog/GlobalCatalog", top, host);
	put(name, "x", 1);
	snprintf(name, sizeof name, "%sWindowsImageBackup/%s/SPPMetadataCache/{" ID "}", top, host);
	put(name, "x", 1);
}

static struct catalog found;
static struct error why;

static int from(const char *below, const char *host)
{
	char path[512];
	struct strings paths = {0};
	snprintf(path, sizeof path, "%s%s%s", root, *below ? "/" : "", below);
	NEED(strings_add(&paths, path) == 0);
	memset(&why, 0, sizeof why);
	int rc = catalog_from_paths(&paths, host, &found, &why);
	rc = rc ? rc : catalog_settle(&found, 0, &why);
	if (rc < 0)
		catalog_free(&found);
	strings_free(&paths);
	return rc;
}

static int in_repository(const char *host)
{
	struct repository r = {.name = "nas", .path = root, .layout = (char *)(uintptr_t)"windows-image"};
	memset(&why, 0, sizeof why);
	memset(&found, 0, sizeof found);
	struct catalog_index *x = catalog_index_open(&r, NULL, &why);
	int rc = x ? catalog_index_find(x, host, &found, &why) : -1;
	catalog_index_destroy(x);
	return rc;
}

static void newest_is(const char *label, int64_t when)
{
	size_t disks = 0, notes = 0;
	CHECK(found.count > 0);
	if (!found.count)
		return;
	const struct restore_point *p = &found.items[0];
	for (size_t i = 0; i < p->count; i++) {
		disks += !p->items[i].note;
		notes += p->items[i].note;
	}
	CHECK_STR(p->label, label);
	CHECK_INT(p->named_from, when);
	CHECK_INT(p->named_to, when);
	CHECK_INT(disks, 3);
	CHECK_INT(notes, 4);
}

static void test_places(void)
{
	static const char *const below[] = {"store", "store/WindowsImageBackup", "store/WindowsImageBackup/EX01"};
	clear();
	backup("store/", "EX01", "2026-11-20 190000", true);
	backup("store/", "EX01", "2026-11-21 190001", true);
	NEED(setenv("TZ", "America/New_York", 1) == 0); /* the name is UTC all the same */
	for (size_t i = 0; i < ARRAY_SIZE(below); i++) {
		CHECK_INT(from(below[i], "ex01"), 0);
		CHECK_INT(found.count, 2);
		newest_is("EX01/Backup 2026-11-21 190001", 1795287601);
		catalog_free(&found);
	}
	CHECK_INT(from("store/WindowsImageBackup/EX01/Backup 2026-11-20 190000", "ex01"), 0);
	CHECK_INT(found.count, 1);
	newest_is("Backup 2026-11-20 190000", 1795201200);
	catalog_free(&found);
	NEED(setenv("TZ", "UTC", 1) == 0);
}

static void test_hosts(void)
{
	clear();
	backup("", "EX01", "2026-11-20 190000", true);
	backup("", "EX02", "2026-11-21 190000", true);
	backup("", "AVERYLONGSERVER", "2026-11-22 190000", true);
	static const struct {
		const char *host, *label;
	} cases[] = {{"ex01", "EX01/Backup 2026-11-20 190000"},
		     {"ex02.corp.example", "EX02/Backup 2026-11-21 190000"},
		     {"averylongservername.corp.example", "AVERYLONGSERVER/Backup 2026-11-22 190000"},
		     {"ex0", NULL},
		     {"ex011", NULL}};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		for (int k = 0; k < 2; k++) {
			CHECK_INT(k ? in_repository(cases[i].host) : from("", cases[i].host), 0);
			CHECK_INT(found.count, cases[i].label != NULL);
			if (found.count && cases[i].label)
				CHECK_STR(found.items[0].label, cases[i].label);
			catalog_free(&found);
		}
}

/* One host's alone: whose it is, is asked inside. */
static void test_only(void)
{
	clear();
	backup("", "EX01", "2026-11-20 190000", true);
	CHECK_INT(from("", "mail"), 0);
	CHECK_INT(found.count, 1);
	catalog_free(&found);
	CHECK_INT(in_repository("mail"), 0);
	CHECK_INT(found.count, 0);
	catalog_free(&found);
}

/* The third volume may be the one that is called Esp; with G2 gone two are missing, and there is one Esp. */
static void test_missing_volume(void)
{
	clear();
	backup("", "EX01", "2026-11-20 190000", true);
	backup("", "EX01", "2026-11-21 190000", false);
	CHECK_INT(from("", "ex01"), -1);
	CHECK_INT(why.cls, ERROR_CORRUPT);
	CHECK_INT(why.sys, ENOENT);
	CHECK(strstr(why.text, G2) != NULL);
	CHECK_INT(in_repository("ex01"), -1);
	CHECK_INT(why.sys, ENOENT);
	/* Of an older one it is asked when that is wanted. */
	backup("", "EX01", "2026-11-22 190000", true);
	CHECK_INT(from("", "ex01"), 0);
	CHECK_INT(catalog_settle(&found, 1, &why), -1);
	CHECK_INT(why.sys, ENOENT);
	CHECK_INT(catalog_settle(&found, 2, &why), 0);
	catalog_free(&found);
}

/* When the run began that is to have written it: INT64_MIN where there is no such file. */
static int64_t since(const char *base)
{
	for (size_t i = 0; found.count && i < found.items[0].count; i++)
		if (!strcmp(path_base(found.items[0].items[i].path), base))
			return found.items[0].items[i].since;
	return INT64_MIN;
}

static void test_run(void)
{
	static const char directory[] = "WindowsImageBackup/EX01/Backup 2020-11-20 190000";
	const struct timespec before[2] = {{.tv_sec = 1605898799}, {.tv_sec = 1605898799}};
	char path[512];
	clear();
	backup("", "EX01", "2020-11-20 190000", true);
	snprintf(path, sizeof path, "%s/%s/" G2 ".vhdx", root, directory);
	for (int older = 0; older < 2; older++) {
		CHECK_INT(in_repository("ex01"), 0);
		CHECK_INT(since(G1 ".vhdx"), older ? 1605898800 : 0);
		CHECK_INT(since(G2 ".vhdx"), older ? 1605898800 : 0);
		CHECK_INT(since("Esp.vhdx"), 0);
		CHECK_INT(since("BackupSpecs.xml"), 0);
		catalog_free(&found);
		NEED(utimensat(AT_FDCWD, path, before, 0) == 0);
	}
	/* This run was asked for the one volume only. Upper case is the same. */
	snprintf(path, sizeof path, "%s/BackupSpecs.xml", directory);
	put_specs(path, "<Volume Name=\"\\\\?\\Volume{9B9CFBC3-369E-11E9-A17C-806E6F6E6963}\\\"/>");
	CHECK_INT(in_repository("ex01"), 0);
	CHECK_INT(since(G1 ".vhdx"), 1605898800);
	CHECK_INT(since(G2 ".vhdx"), 0);
	catalog_free(&found);
}

static void test_unfinished(void)
{
	clear();
	backup("", "EX01", "2026-11-20 190000", true);
	put("WindowsImageBackup/EX01/Backup 2026-11-21 190000/BackupSpecs.xml", "", 0);
	CHECK_INT(from("", "ex01"), 0);
	CHECK_INT(found.count, 1);
	CHECK_INT(found.partial.count, 1);
	catalog_free(&found);
	clear();
	put("WindowsImageBackup/EX01/Backup of mine/BackupSpecs.xml", "", 0);
	CHECK_INT(in_repository("ex01"), 0);
	CHECK_INT(found.count, 0);
	catalog_free(&found);
}

int main(void)
{
	NEED(mkdtemp(root));
	RUN(test_places);
	RUN(test_hosts);
	RUN(test_only);
	RUN(test_missing_volume);
	RUN(test_run);
	RUN(test_unfinished);
	char cmd[64];
	snprintf(cmd, sizeof cmd, "rm -rf %s", root);
	NEED(system(cmd) == 0);
	return test_done();
}
