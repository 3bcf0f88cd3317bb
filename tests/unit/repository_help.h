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

static inline const char *from(const char *below, const char *host)
{
	struct catalog c = {0};
	char *items[] = {full(below)};
	const struct strings paths = {items, 1, 1};
	memset(&why, 0, sizeof why);
	int rc = catalog_from_paths(&paths, host, &c, &why);
	return said(rc ? rc : catalog_settle(&c, 0, &why), &c, &why);
}

#define DISK(name) "<disk type='file' device='disk'><source file='/v/" name "'/></disk>"
#define DOMAIN(host, disks) "<domain type='kvm'><name>" host "</name><devices>" disks "</devices></domain>"

#define OVF(files) "<Envelope><References>" files "</References></Envelope>"
#define HREF(id, name) "<File ovf:id=\"" id "\" ovf:href=\"" name "\"/>"

/* Whoever looks into files comes to an end over one of them: the others are looked into. */
static inline int ends_over_bad_ones(enum peek_kind kind, int fd, struct strings *out, struct error *e)
{
	char first[4] = "";
	if (pread(fd, first, 3, 0) == 3 && !strcmp(first, "BAD"))
		return error_set(e, ERROR_IO, ERROR_NO_OFFSET, "the process that looks into it was ended");
	return peek_here(kind, fd, out, e);
}

#endif
