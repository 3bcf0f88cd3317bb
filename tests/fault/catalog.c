// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Repositories of each layout while the Nth allocation, look at a file, opening or listing fails: what is found is what
 * is there, or it is told that this can't be known. A newest restore point that could not be looked at is never passed over
 * for an older one. The calls are wrapped by the linker.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/stat.h>

#include "backproof/catalog.h"
#include "backproof/text.h"
#include "put_file.h"
#include "test.h"

enum kind { ALLOCATION, STAT, OPEN, LIST, READ, KINDS };
static int errno_of(enum kind k)
{
	return k == ALLOCATION ? ENOMEM : EIO;
}

#include "nth.h"
WRAP_MEMORY(ALLOCATION)
WRAP_FILES(READ, KINDS, KINDS)
WRAP(KINDS, int, -1, fsync, (int fd), (fd))
WRAP(ALLOCATION, int, -1, vasprintf, (char **out, const char *f, va_list a), (out, f, a))
WRAP(ALLOCATION, int, -1, __vasprintf_chk, (char **out, int flag, const char *f, va_list a), (out, flag, f, a))
WRAP(STAT, int, -1, stat64, (const char *path, struct stat64 *out), (path, out))
WRAP(STAT, int, -1, lstat64, (const char *path, struct stat64 *out), (path, out))
WRAP(STAT, int, -1, fstat64, (int fd, struct stat64 *out), (fd, out))
WRAP(STAT, int, -1, fstatat64, (int at, const char *path, struct stat64 *out, int how), (at, path, out, how))
WRAP(STAT, char *, NULL, realpath, (const char *path, char *out), (path, out))
WRAP(OPEN, int, -1, openat64, (int at, const char *path, int how), (at, path, how))
WRAP(OPEN, int, -1, open64, (const char *path, int how), (path, how))
/* Where the compiler checks that a mode is not wanted. */
WRAP(OPEN, int, -1, __openat64_2, (int at, const char *path, int how), (at, path, how))
WRAP(OPEN, int, -1, __open64_2, (const char *path, int how), (path, how))
WRAP(OPEN, DIR *, NULL, opendir, (const char *path), (path))
WRAP(OPEN, DIR *, NULL, fdopendir, (int fd), (fd))
WRAP(OPEN, FILE *, NULL, fopen64, (const char *path, const char *how), (path, how))
WRAP(LIST, struct dirent64 *, NULL, readdir64, (DIR *d), (d))

static char root[64];
static struct error e;

static void put(const char *name, const char *text)
{
	put_file(root, name, text);
}

static void show(const struct catalog *c, struct text *t)
{
	vec_each(c, p)
	{
		text_printf(t, "%s %lld[", p->label, (long long)p->named_from);
		/* Of older ones it is said what they are when somebody asks. */
		vec_each(p, f) text_printf(t, " %s %s %s%s", p == c->items ? f->path : "", f->disk ? f->disk : "",
					   f->part ? f->part : "", f->note ? "+" : "");
		text_put(t, "];");
	}
	for (size_t i = 0; i < c->partial.count; i++)
		text_printf(t, "|%s", c->partial.items[i]);
}

struct question {
	const char *layout, *match, *host, *below; /* layout NULL: --from */
	size_t points;
	const char *more; /* a second path for --from, or NULL */
};

/* 0: *t says what was found. */
static int ask(const struct question *q, struct text *t)
{
	struct catalog c = {0};
	char path[200], more[200];
	int rc;
	snprintf(more, sizeof more, "%s/%s", root, q->more ? q->more : "");
	snprintf(path, sizeof path, "%s/%s", root, q->below);
	if (q->layout) {
		struct repository r = {(char *)"r", path, (char *)(uintptr_t)q->layout, (char *)(uintptr_t)q->match, NULL};
		struct catalog_index *x = catalog_index_open(&r, NULL, &e);
		rc = x ? catalog_index_find(x, q->host, &c, &e) : -1;
		catalog_index_destroy(x);
	} else {
		char *items[] = {path, more};
		const struct strings paths = {items, q->more ? 2 : 1, 2};
		rc = catalog_from_paths(&paths, q->host, &c, &e);
		if (rc == 0 && (rc = catalog_settle(&c, 0, &e)) < 0)
			catalog_free(&c);
	}
	bool hit = fired;
	end();
	if (rc == 0)
		show(&c, t);
	for (size_t i = 1; i < c.count && rc == 0; i++)
		if (catalog_settle(&c, i, &e) < 0)
			CHECK(!"an older one is there");
	if (rc == 0)
		catalog_free(&c);
	fired = hit;
	return rc;
}

#define OVF "<Envelope><References><File ovf:id=\"f1\" ovf:href=\"db01-disk1.vmdk\" ovf:size=\"1\"/>" \
	    "</References><DiskSection><Disk ovf:fileRef=\"f1\"/></DiskSection></Envelope>"
#define DOMAIN "<domain type='kvm'><name>web01</name><devices><disk type='file' device='disk'>" \
	       "<source file='/v/web01-1&amp;2.qcow2'/></disk></devices></domain>"

static void fill(void)
{
	static const char *const names[] = {
	    "f/web01/2026-11-20/sda.img.zst", "f/web01/2026-11-20/sdb.img.zst", "f/web01/2026-11-21/sda.img.zst",
	    "f/web01/2026-11-21/sdb.img.zst", "f/web01/2026-11-22/sda.img.zst.part", "f/db01/2026-11-20/sda.img.zst",
	    "d/web01-2026-11-20.img", "d/web01-2026-11-21.img", "d/web01-2026-11-21.img.sha256", "d/db01.img",
	    "d/web01-20261119.img.gz.aa", "d/web01-20261119.img.gz.ab",
	    "p/web01-1.img.aaa", "p/web01-1.img.aab", "p/web01-1.img.aba", "p/web01-1.img.abb", "p/web01-1.img.tar",
	    "v/dump/vzdump-qemu-100-2026_11_20-01_02_03.vma.zst",
	    "v/dump/vzdump-qemu-100-2026_11_21-01_02_03.vma.zst", "v/dump/vzdump-lxc-101-2026_11_21-01_02_03.tar.zst",
	    "c/web01-2026-11-20/sda1.ext4-ptcl-img.zst.aa", "c/web01-2026-11-20/sda-mbr", "c/web01-2026-11-21/sda-mbr",
	    "c/web01-2026-11-21/sda1.ext4-ptcl-img.zst.aa", "c/web01-2026-11-21/sda1.ext4-ptcl-img.zst.ab",
	    "w/WindowsImageBackup/WEB01/Backup 2026-11-20 190012/a.vhdx",
	    "w/WindowsImageBackup/WEB01/Backup 2026-11-21 190012/a.vhdx",
	    "w/WindowsImageBackup/WEB01/Backup 2026-11-21 190012/x_Components.xml",
	    "w/WindowsImageBackup/WEB01/Catalog/GlobalCatalog", "w/WindowsImageBackup/WEB01/MediaId",
	    "y/windowsimagebackup/WEB01/Backup 2026-11-21 190012/a.vhdx", "y/windowsimagebackup/WEB01/MediaId",
	    "l/web01/2026-11-21/web01-1&2.qcow2", "o/web01-2026-11-20.ova", "o/web01-2026-11-21.ova",
	    "o/db01/db01-disk1.vmdk"};
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		put(names[i], "x");
	static const char *const clones[] = {"c/web01-2026-11-20", "c/web01-2026-11-21"};
	for (size_t i = 0; i < 2; i++) {
		char name[100];
		snprintf(name, sizeof name, "%s/parts", clones[i]);
		put(name, "sda1\n");
		snprintf(name, sizeof name, "%s/disk", clones[i]);
		put(name, "sda\n");
		snprintf(name, sizeof name, "%s/clonezilla-img", clones[i]);
		put(name, "x\n");
	}
	put("v/dump/vzdump-qemu-100-2026_11_21-01_02_03.vma.zst.notes", "web01\n");
	put("v/dump/vzdump-qemu-100-2026_11_20-01_02_03.vma.zst.notes", "web01\n");
	put("l/web01/2026-11-21/web01.xml", DOMAIN);
	put("o/db01/db01.ovf", OVF);
	put("n/a/web01/web01.xml", DOMAIN);
	put("n/a/web01/web01-1&2.qcow2", "x");
	put("n/2026/vzdump-qemu-100-2026_11_20-01_02_03.vma.zst", "x");
	put("n/2026/vzdump-qemu-100-2026_11_20-01_02_03.vma.zst.notes", "web01\n");
	put("n/2026/vzdump-qemu-101-2026_11_21-01_02_03.vma.zst", "x");
	put("n/2026/vzdump-qemu-101-2026_11_21-01_02_03.vma.zst.notes", "db01\n");
	put("m/web01/web01.xml", DOMAIN);
	put("m/web01/web01-1&2.qcow2", "x");
	put("m/web01-2026-11-19.img", "x");
	put("g/vzdump-qemu-100-2026_11_20-01_02_03.vma.zst", "x");
	put("g/vzdump-qemu-100-2026_11_20-01_02_03.log", "INFO: VM Name: web01\nINFO: Finished Backup of VM 100 (00:00:09)\n");
	put("g/web01-2026-11-20.ovf", OVF);
	put("k/2026-01-01/web01.xml", "<domain><name>web01");
	put("k/web01-2026-11-21.img", "x");
	put("k/domain.xml", DOMAIN);
}

static const struct question questions[] = {
	{"files", "{host}/{date}/*.img.zst", "web01", "f", 2},
	{"files", NULL, "web01", "d", 3},
	{"vzdump", NULL, "100", "v", 2},
	{"clonezilla", NULL, "web01", "c", 2},
	{"vzdump", NULL, "web01", "v", 2},
	{"windows-image", NULL, "WEB01", "w", 2},
	{"windows-image", NULL, "WEB01", "y", 1},
	{NULL, NULL, "WEB01", "y", 1},
	{"libvirt", NULL, "web01", "l", 1},
	{"ova", NULL, "web01", "o", 2},
	{NULL, NULL, "web01", "f", 0},
	{NULL, NULL, "web01", "d", 3},
	{NULL, NULL, "100", "v", 2},
	{NULL, NULL, "web01", "c", 2},
	{NULL, NULL, "web01", "l", 1},
	{NULL, NULL, "mail", "l", 0}, /* all of it is another's */
	{NULL, NULL, "WEB01", "w", 2},
	{NULL, NULL, "web01", "o", 2},
	{NULL, NULL, "web01", "d/web01-2026-11-20.img", 1},
	{NULL, NULL, "web01", "p", 1},
	{"files", "{host}-*", "web01", "p", 2},
	{NULL, NULL, "web01", "m", 2},
	{NULL, NULL, "web01", "n/a", 2, "n/2026"},
	{NULL, NULL, "db01", "o/db01/db01.ovf", 1},
	{NULL, NULL, "db01", "o/db01/db01.ovf", 1, "o/db01/db01-disk1.vmdk"},
	{NULL, NULL, "db01", "o/db01/db01.ovf", 1, "m/web01/web01.xml"},
	{NULL, NULL, "web01", "m/web01/web01.xml", 1, "m/web01/web01-1&2.qcow2"},
	{NULL, NULL, "web01", "m/web01/web01.xml", 1, "l/web01/2026-11-21/web01-1&2.qcow2"},
	{NULL, NULL, "web01", "g/web01-2026-11-20.ovf", 1, "o/db01/db01-disk1.vmdk"},
	{NULL, NULL, "web01", "g/vzdump-qemu-100-2026_11_20-01_02_03.vma.zst", 1},
	{NULL, NULL, "web01", "k", 1},
};

/* Whose an older dump is, of which the notes can't be read, nobody needs to know: the newest is the same. */
static bool lacks_older(const struct question *q, struct text *t, struct text *clean)
{
	const char *newest = strstr(text_str(clean), "];");
	bool dumps = q->layout ? !strcmp(q->layout, "vzdump") : q->more && strstr(q->more, "2026");
	return dumps && newest &&
	       !strncmp(text_str(t), text_str(clean), (size_t)(newest + 2 - text_str(clean)));
}

static void found_or_told(void)
{
	uint64_t told = 0;
	for (size_t i = 0; i < ARRAY_SIZE(questions); i++) {
		const struct question *q = &questions[i];
		struct text clean = {0};
		if (ask(q, &clean) < 0) {
			fprintf(stderr, "%zu: %s\n", i, e.text);
			CHECK(!"it is found");
			continue;
		}
		size_t points = 0;
		for (const char *s = text_str(&clean); (s = strstr(s, "];")); s += 2)
			points++;
		if (points < q->points)
			fprintf(stderr, "%zu: %s\n", i, text_str(&clean));
		CHECK(points >= q->points);
		for (int k = 0; k < KINDS; k++)
			for (uint64_t n = 1; n < 20000; n++) {
				struct text t = {0};
				begin((enum kind)k, n);
				e = (struct error){0};
				int rc = ask(q, &t);
				bool same = rc < 0 || !strcmp(text_str(&t), text_str(&clean)) || lacks_older(q, &t, &clean);
				if (rc < 0)
					told++;
				else if (!same)
					fprintf(stderr, "%zu, kind %d, %llu:\n%s\n%s\n", i, k, (unsigned long long)n,
						text_str(&t), text_str(&clean));
				CHECK(rc == 0 ? same : fired && e.cls != ERROR_NONE && e.cls != ERROR_CORRUPT && e.text[0]);
				text_free(&t);
				if (!fired)
					break;
			}
		text_free(&clean);
	}
	end();
	CHECK(told > 300);
}

int main(void)
{
	const char *tmp = getenv("TMPDIR");
	char cmd[100];
	snprintf(root, sizeof root, "%.40s/fault-catalog.XXXXXX", tmp ? tmp : "/tmp");
	NEED(mkdtemp(root));
	fill();
	RUN(found_or_told);
	snprintf(cmd, sizeof cmd, "rm -rf %s", root);
	NEED(system(cmd) == 0);
	return test_done();
}
