// SPDX-License-Identifier: GPL-3.0-or-later
/* A small repository, what is found in it, and whoever looks into its files and does not survive some of them. */
#ifndef TESTS_REPOSITORY_HELP_H
#define TESTS_REPOSITORY_HELP_H

#include <sys/stat.h>

#include "backproof/catalog.h"
#include "backproof/peek.h"
#include "put_file.h"
#include "test.h"

static char root[64];

static inline char *full(const char *name)
{
	return path_below(root, name);
}

static inline void clear(void)
{
	fresh_root(root);
}

static inline void put(const char *name, const char *text)
{
	put_file(root, name, text);
}

/* At the beginning, and at the end. */
static inline void make_root(void)
{
	const char *tmp = getenv("TMPDIR");
	snprintf(root, sizeof root, "%.40s/layouts.XXXXXX", tmp ? tmp : "/tmp");
	NEED(mkdtemp(root));
}

static inline void remove_root(void)
{
	clear();
	NEED(rmdir(root) == 0);
}

/* The first file's name of the newest restore point, or "error CLASS: MESSAGE", or "none". */
static inline const char *said(int rc, struct catalog *c, const struct error *e)
{
	static char text[700];
	if (rc < 0)
		snprintf(text, sizeof text, "error %s: %s", error_class_name(e->cls), e->text);
	else if (!c->count)
		snprintf(text, sizeof text, "none%s%s", c->partial.count ? ", but " : "",
			 c->partial.count ? c->partial.items[0] : "");
	else
		snprintf(text, sizeof text, "%zu of %s", c->items[0].count, c->items[0].label);
	catalog_free(c);
	return text;
}

static struct error why;

static inline const char *find(const char *layout, const char *match, const char *host)
{
	struct catalog c = {0};
	struct repository r = {(char *)"r", root, (char *)layout, (char *)match, NULL};
	memset(&why, 0, sizeof why);
	autodestroy(catalog_index_destroy_auto) struct catalog_index *x = catalog_index_open(&r, NULL, &why);
	return said(x ? catalog_index_find(x, host, &c, &why) : -1, &c, &why);
}

/* Up to two paths below root; NULL: there is no second one. */
static inline const char *from_both(const char *one, const char *two, const char *host)
{
	struct catalog c = {0};
	struct strings paths = {0};
	NEED(strings_add(&paths, full(one)) == 0 && (!two || strings_add(&paths, full(two)) == 0));
	memset(&why, 0, sizeof why);
	int rc = catalog_from_paths(&paths, host, &c, &why);
	strings_free(&paths);
	return said(rc ? rc : catalog_settle(&c, 0, &why), &c, &why);
}

static inline const char *from(const char *below, const char *host)
{
	return from_both(below, NULL, host);
}

#define DISK(name) "<disk type='file' device='disk'><source file='/v/" name "'/></disk>"
#define DOMAIN(host, disks) "<domain type='kvm'><name>" host "</name><devices>" disks "</devices></domain>"

#define OVF(files) "<Envelope><References>" files "</References></Envelope>"
#define HREF(id, name) "<File ovf:id=\"" id "\" ovf:href=\"" name "\"/>"

#define DUMP(number, day) "vzdump-qemu-" number "-2026_11_" day "-03_00_00"

/* A finished backup of a guest. */
static inline void put_dump(const char *stem, const char *guest)
{
	char name[120], log[200];
	snprintf(name, sizeof name, "%s.vma.zst", stem);
	put(name, "x");
	snprintf(name, sizeof name, "%s.log", stem);
	snprintf(log, sizeof log, "INFO: VM Name: %s\nINFO: Finished Backup of VM 100 (00:00:09)\n", guest);
	put(name, log);
}

/* A domain with one disk, in a directory of its own. */
static inline void put_guest(const char *directory, const char *guest, const char *disk)
{
	char name[200], xml[400];
	snprintf(name, sizeof name, "%s/domain.xml", directory);
	snprintf(xml, sizeof xml, DOMAIN("%s", DISK("%s")), guest, disk);
	put(name, xml);
	snprintf(name, sizeof name, "%s/%s", directory, disk);
	put(name, "x");
}

/* Whoever looks into files comes to an end over one of them: the others are looked into. */
static inline int ends_over_bad_ones(enum peek_kind kind, int fd, struct strings *out, struct error *e)
{
	char first[4] = "";
	if (pread(fd, first, 3, 0) == 3 && !strcmp(first, "BAD"))
		return error_set(e, ERROR_IO, ERROR_NO_OFFSET, "the process that looks into it was ended");
	return peek_here(kind, fd, out, e);
}

#endif
