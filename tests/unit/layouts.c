// SPDX-License-Identifier: GPL-3.0-or-later
/* Restore points as vzdump and Clonezilla lay them out: whose they are, which files they have, what is unfinished. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <time.h>

#include "backproof/catalog.h"
#include "backproof/text.h"
#include "test.h"

static char root[64];

static void clear(void)
{
	char cmd[200];
	snprintf(cmd, sizeof cmd, "rm -rf %s && mkdir %s", root, root);
	NEED(system(cmd) == 0);
}

static void put_text(const char *name, int64_t mtime, const char *text)
{
	char path[400];
	snprintf(path, sizeof path, "%s/%s", root, name);
	for (char *s = path + strlen(root) + 1; (s = strchr(s, '/')); s++) {
		*s = 0;
		NEED(mkdir(path, 0755) == 0 || errno == EEXIST);
		*s = '/';
	}
	FILE *f = fopen(path, "w");
	NEED(f && fputs(text, f) >= 0 && !fclose(f));
	struct timespec t[2] = {{.tv_sec = mtime}, {.tv_sec = mtime}};
	NEED(utimensat(AT_FDCWD, path, t, 0) == 0);
}

static void put(const char *name, int64_t mtime)
{
	put_text(name, mtime, "x");
}

static const char *base(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? slash + 1 : path;
}

/* "label[images + notes];..." newest first, then "|unfinished". */
static char *show(const struct catalog *c)
{
	static struct text t;
	text_free(&t);
	vec_each(c, p) {
		text_printf(&t, "%s%s[", p == c->items ? "" : ";", p->label);
		size_t n = 0;
		vec_each(p, f)
			if (!f->note)
				text_printf(&t, "%s%s", n++ ? " " : "", base(f->path));
		vec_each(p, f)
			if (f->note)
				text_printf(&t, " +%s", base(f->path));
		text_put(&t, "]");
	}
	for (size_t i = 0; i < c->partial.count; i++)
		text_printf(&t, "|%s", base(c->partial.items[i]));
	return (char *)text_str(&t);
}

/* In a repository of that layout. */
static const char *find(const char *layout, const char *match, const char *owner, const char *host)
{
	struct error e;
	struct catalog c = {0};
	struct repository r = {(char *)"r", root, (char *)layout, (char *)match, (char *)owner};
	autodestroy(catalog_index_destroy_auto) struct catalog_index *x = catalog_index_open(&r, NULL, &e);
	if (!x || catalog_index_find(x, host, &c, &e) < 0) {
		static char text[600];
		snprintf(text, sizeof text, "error %s: %s", error_class_name(e.cls), e.text);
		return text;
	}
	const char *s = show(&c);
	catalog_free(&c);
	return s;
}

static const char *from(const char *below, const char *host)
{
	struct error e;
	struct catalog c = {0};
	struct strings paths = {0};
	char path[400];
	snprintf(path, sizeof path, "%s%s%s", root, *below ? "/" : "", below);
	NEED(!strings_add(&paths, path));
	int rc = catalog_from_paths(&paths, host, &c, &e);
	rc = rc ? rc : catalog_settle(&c, 0, &e);
	const char *s = rc < 0 ? error_class_name(e.cls) : show(&c);
	catalog_free(&c);
	strings_free(&paths);
	return s;
}

#define LOG(name)                                                                                                      \
	"2026-11-20 03:00:02 INFO: Starting Backup of VM 100 (qemu)\n2026-11-20 03:00:02 INFO: status = running\n"      \
	"2026-11-20 03:00:03 INFO: " name "\n2026-11-20 03:09:00 INFO: Finished Backup of VM 100 (00:08:58)\n"
#define STEM "vzdump-qemu-100-2026_11_20-03_00_00"

static void test_whose_dump(void)
{
	clear();
	put(STEM ".vma.zst", 100);
	put_text(STEM ".log", 100, LOG("VM Name: web01"));
	put_text(STEM ".vma.zst.notes", 100, "anything at all");
	put(STEM ".vma.zst.protected", 100);
	put("vzdump-qemu-100-2026_11_19-03_00_00.vma.zst", 90);
	put_text("vzdump-qemu-100-2026_11_19-03_00_00.vma.zst.notes", 90, "web01\n");
	put("vzdump-lxc-101-2026_11_21-03_00_00.tar.zst", 110);
	put_text("vzdump-lxc-101-2026_11_21-03_00_00.log", 110, LOG("CT Name: db01.example.com"));
	put("vzdump-qemu-102-2026_11_22-03_00_00.vma.gz", 120);
	put("other.txt", 120);
	const char *web = STEM "[" STEM ".vma.zst +" STEM ".log +" STEM ".vma.zst.notes +" STEM
			       ".vma.zst.protected];vzdump-qemu-100-2026_11_19-03_00_00["
			       "vzdump-qemu-100-2026_11_19-03_00_00.vma.zst +vzdump-qemu-100-2026_11_19-03_00_00.vma.zst.notes]";
	CHECK_STR(find("vzdump", NULL, NULL, "web01"), web);
	CHECK_STR(find("vzdump", NULL, NULL, "WEB01"), web);
	CHECK_STR(find("vzdump", NULL, NULL, "100"), web);
	CHECK_STR(from("", "web01"), web);
	CHECK_STR(from("", "100"), web);
	CHECK_STR(from("", "web01.example.com"), web);
	CHECK_STR(find("vzdump", NULL, NULL, "web0"), "");
	CHECK_STR(find("vzdump", NULL, NULL, "10"), "");
	CHECK_STR(find("vzdump", NULL, NULL, "2026"), "");
	CHECK_STR(find("vzdump", NULL, NULL, "anything"), ""); /* the log has the name, and the log counts */
	CHECK_STR(find("vzdump", NULL, NULL, "db01"), "");
	CHECK(strstr(find("vzdump", NULL, NULL, "db01.example.com"), "vzdump-lxc-101"));
	/* Nothing names 102 but its number, or a pattern. */
	CHECK_STR(find("vzdump", NULL, NULL, "102"),
		  "vzdump-qemu-102-2026_11_22-03_00_00[vzdump-qemu-102-2026_11_22-03_00_00.vma.gz]");
	CHECK_STR(find("vzdump", "vzdump-qemu-100-*", "web01", "web01"), web);
	CHECK_STR(find("vzdump", "vzdump-qemu-100-*", "web01", "db01"), "");
	CHECK_STR(find("vzdump", "vzdump-qemu-99-*", "web01", "web01"), "");
	/* Archives of which nothing says whose they are don't stand before one that a name tells. */
	clear();
	put(STEM ".vma.zst", 100);
	put("web01-2026-11-19.img.zst", 90);
	CHECK_STR(from("", "web01"), "web01-2026-11-19.img.zst[web01-2026-11-19.img.zst]");
	/* And another guest's dump is not this host's. */
	put_text(STEM ".log", 100, LOG("VM Name: db01"));
	CHECK_STR(from("", "web01"), "web01-2026-11-19.img.zst[web01-2026-11-19.img.zst]");
	CHECK(strstr(find("vzdump", "a/b", "web01", "web01"), "without \"/\""));
}

static void test_unfinished_dump(void)
{
	clear();
	put(STEM ".vma.zst", 100);
	put_text(STEM ".log", 100, LOG("VM Name: web01"));
	/* One that failed and left its archive, one that left its log alone, one that is being written. */
	put("vzdump-qemu-100-2026_11_21-03_00_00.vma.zst", 200);
	put_text("vzdump-qemu-100-2026_11_21-03_00_00.log", 200,
		 "INFO: VM Name: web01\nERROR: Backup of VM 100 failed - job failed with err -5 - Input/output error\n");
	put_text("vzdump-qemu-100-2026_11_22-03_00_00.log", 300, "INFO: VM Name: web01\nERROR: Backup of VM 100 failed - x\n");
	put("vzdump-qemu-100-2026_11_23-03_00_00.vma.dat", 400);
	put("vzdump-qemu-100-2026_11_24-03_00_00.vma.zst", 500);
	put_text("vzdump-qemu-100-2026_11_24-03_00_00.log", 500, "INFO: VM Name: web01\nINFO:  42% (4.2 GiB of 10.0 GiB)\n");
	put_text("vzdump-qemu-100-2026_11_10-03_00_00.log", 10, LOG("VM Name: web01")); /* pruned */
	/* A log that can't be read may say that it failed. */
	put("vzdump-qemu-100-2026_11_25-03_00_00.vma.zst", 600);
	put("vzdump-qemu-100-2026_11_25-03_00_00.log/x", 600);
	put_text("vzdump-qemu-100-2026_11_25-03_00_00.vma.zst.notes", 600, "web01\n");
	const char *good = STEM "[" STEM ".vma.zst +" STEM ".log]";
	autofree char *all = text_format("%s|vzdump-qemu-100-2026_11_21-03_00_00.vma.zst"
					 "|vzdump-qemu-100-2026_11_22-03_00_00.log"
					 "|vzdump-qemu-100-2026_11_23-03_00_00.vma.dat"
					 "|vzdump-qemu-100-2026_11_24-03_00_00.vma.zst"
					 "|vzdump-qemu-100-2026_11_25-03_00_00.vma.zst",
					 good);
	CHECK_STR(find("vzdump", NULL, NULL, "100"), all);
	CHECK(!strncmp(find("vzdump", NULL, NULL, "web01"), good, strlen(good)));
	CHECK(!strstr(find("vzdump", NULL, NULL, "web01"), "11_10"));
}

/* One night of many guests. */
static void put_night(int day, const char *failed)
{
	for (int i = 0; i < 70; i++) {
		char stem[100], name[140], log[400];
		snprintf(stem, sizeof stem, "vzdump-qemu-%d-2026_11_%02d-03_00_%02d", 100 + i, day, i % 60);
		snprintf(name, sizeof name, "%s.vma.zst", stem);
		put(name, day);
		snprintf(name, sizeof name, "%s.log", stem);
		snprintf(log, sizeof log, LOG("VM Name: web%02d"), i);
		put_text(name, day, failed && !strcmp(failed, stem) ? "INFO: VM Name: web05\nINFO: 42%\n" : log);
	}
}

static size_t count_newest(struct catalog_index *x, const char *host, size_t newest, const char **text)
{
	struct error e;
	struct catalog c;
	NEED(catalog_index_newest(x, host, newest, &c, &e) == 0);
	size_t n = c.count;
	*text = show(&c);
	catalog_free(&c);
	return n;
}

/* Only the logs of as many nights are read as are asked for, and each of them once. */
static void test_nights(void)
{
	struct error e;
	const char *text;
	struct repository r = {(char *)"r", root, (char *)"vzdump", NULL, NULL};
	clear();
	put_night(21, NULL);
	put_night(20, "vzdump-qemu-105-2026_11_20-03_00_05");
	put_night(19, NULL);
	autodestroy(catalog_index_destroy_auto) struct catalog_index *x = catalog_index_open(&r, NULL, &e);
	NEED(x);
	CHECK_INT(count_newest(x, "web05", 1, &text), 1);
	CHECK_STR(text, "vzdump-qemu-105-2026_11_21-03_00_05[vzdump-qemu-105-2026_11_21-03_00_05.vma.zst "
			"+vzdump-qemu-105-2026_11_21-03_00_05.log]");
	CHECK_INT(count_newest(x, "105", 1, &text), 1);
	CHECK_INT(count_newest(x, "web5", 1, &text), 0); /* all logs were read for that */
	CHECK_INT(count_newest(x, "web05", 2, &text), 2);
	CHECK(strstr(text, ";vzdump-qemu-105-2026_11_19-03_00_05["));
	CHECK_INT(count_newest(x, "web06", SIZE_MAX, &text), 3);
	catalog_index_destroy(x);
	x = catalog_index_open(&r, NULL, &e);
	NEED(x && count_newest(x, "web05", 1, &text) == 1);
	/* What has been read is not read again; what has not, only now. */
	put_text("vzdump-qemu-106-2026_11_21-03_00_06.log", 21, LOG("VM Name: other"));
	put_text("vzdump-qemu-106-2026_11_20-03_00_06.log", 20, LOG("VM Name: other"));
	CHECK_INT(count_newest(x, "web06", SIZE_MAX, &text), 2);
	CHECK_INT(count_newest(x, "other", SIZE_MAX, &text), 1);
	/* The newest went away: the next one is it, although the first night seemed to have enough. */
	char path[200];
	snprintf(path, sizeof path, "%s/vzdump-qemu-107-2026_11_21-03_00_07.vma.zst", root);
	NEED(unlink(path) == 0);
	CHECK_INT(count_newest(x, "web07", 1, &text), 1);
	CHECK(!strncmp(text, "vzdump-qemu-107-2026_11_20-03_00_07[", 36));
	/* The newest failed: the one before counts, and it is told of. */
	clear();
	put_night(20, "vzdump-qemu-105-2026_11_20-03_00_05");
	put_night(19, NULL);
	catalog_index_destroy(x);
	x = catalog_index_open(&r, NULL, &e);
	NEED(x);
	CHECK_INT(count_newest(x, "web05", 1, &text), 1);
	CHECK(strstr(text, "11_19-03_00_05.log]|vzdump-qemu-105-2026_11_20-03_00_05.vma.zst"));
}

struct asking {
	struct catalog_index *x;
	int from;
	size_t found;
};

static void *ask_many(void *ctx)
{
	struct asking *a = ctx;
	for (int i = 0; i < 70; i++) {
		struct catalog c;
		struct error e;
		char host[16];
		snprintf(host, sizeof host, "web%02d", (i + a->from) % 70);
		if (catalog_index_newest(a->x, host, 1 + (size_t)i % 2, &c, &e) == 0) {
			a->found += c.count;
			catalog_free(&c);
		}
	}
	return NULL;
}

static void test_nights_threads(void)
{
	struct error e;
	struct repository r = {(char *)"r", root, (char *)"vzdump", NULL, NULL};
	clear();
	put_night(21, NULL);
	put_night(20, NULL);
	autodestroy(catalog_index_destroy_auto) struct catalog_index *x = catalog_index_open(&r, NULL, &e);
	NEED(x);
	pthread_t threads[3];
	struct asking asking[3];
	for (int i = 0; i < 3; i++) {
		asking[i] = (struct asking){x, i * 20, 0};
		NEED(pthread_create(&threads[i], NULL, ask_many, &asking[i]) == 0);
	}
	for (int i = 0; i < 3; i++) {
		pthread_join(threads[i], NULL);
		CHECK_INT(asking[i].found, 35 + 70);
	}
}

static void image(const char *dir, int64_t mtime)
{
	static const char *const names[] = {"disk",	   "parts",	      "clonezilla-img",		"sda-pt.sf",
					    "sda-gpt-1st", "Info-saved-by-cmd.txt", "sda1.vfat-ptcl-img.zst.aa",
					    "sda2.ext4-ptcl-img.zst.aa", "sda2.ext4-ptcl-img.zst.ab", "SHA256SUMS"};
	char name[200];
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		snprintf(name, sizeof name, "%s/%s", dir, names[i]);
		put(name, mtime);
	}
}
#define FILES                                                                                                          \
	"[sda1.vfat-ptcl-img.zst.aa sda2.ext4-ptcl-img.zst.aa sda2.ext4-ptcl-img.zst.ab +Info-saved-by-cmd.txt "        \
	"+clonezilla-img +disk +parts +sda-gpt-1st +sda-pt.sf]"

static void test_clonezilla(void)
{
	clear();
	image("web01-2026-11-20", 100);
	image("web01-2026-11-21-img", 200);
	image("web02-2026-11-22", 300);
	put("web01-2026-11-23/notes.txt", 400); /* no image */
	put("web01.txt", 400);
	CHECK_STR(find("clonezilla", NULL, NULL, "web01"), "web01-2026-11-21-img" FILES ";web01-2026-11-20" FILES);
	CHECK_STR(find("clonezilla", NULL, NULL, "web02"), "web02-2026-11-22" FILES);
	CHECK_STR(find("clonezilla", NULL, NULL, "web0"), "");
	CHECK_STR(find("clonezilla", "{host}-{date}", NULL, "web01"), "web01-2026-11-20" FILES);
	CHECK_STR(find("clonezilla", "{host}-{date}", NULL, "web02"), "web02-2026-11-22" FILES);
	CHECK_STR(from("", "web01"), "web01-2026-11-21-img" FILES ";web01-2026-11-20" FILES);
	/* The directory itself, whatever it is called. */
	CHECK_STR(from("web01-2026-11-20", "web01"), "web01-2026-11-20" FILES);
	CHECK_STR(from("web01-2026-11-20/", "mail"), "web01-2026-11-20" FILES);
	put("web01-2026-11-21-img/sda2.ext4-ptcl-img.zst.ac.part", 250);
	CHECK_STR(find("clonezilla", NULL, NULL, "web02"), "web02-2026-11-22" FILES);
	CHECK(!strncmp(find("clonezilla", NULL, NULL, "web01"), "web01-2026-11-20" FILES "|sda1", 40));
	clear();
	image("2026-11-20-03-img", 100);
	CHECK_STR(find("clonezilla", NULL, NULL, "web01"), "");
	CHECK_STR(find("clonezilla", "*-img", "web01", "web01"), "2026-11-20-03-img" FILES);
	CHECK_STR(find("clonezilla", "*-img", "web01", "web02"), "");
	CHECK_STR(from("2026-11-20-03-img", "web01"), "2026-11-20-03-img" FILES);
}

int main(void)
{
	snprintf(root, sizeof root, "/tmp/backproof-layouts-%d", (int)getpid());
	setenv("TZ", "UTC", 1);
	RUN(test_whose_dump);
	RUN(test_unfinished_dump);
	RUN(test_nights);
	RUN(test_nights_threads);
	RUN(test_clonezilla);
	char cmd[200];
	snprintf(cmd, sizeof cmd, "rm -rf %s", root);
	NEED(system(cmd) == 0);
	return test_done();
}
