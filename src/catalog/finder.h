// SPDX-License-Identifier: GPL-3.0-or-later
/* Layouts that are looked through anew for each host: a constant row each, in finder.c. */
#ifndef CATALOG_FINDER_H
#define CATALOG_FINDER_H

#include "asked.h"
#include "backproof/catalog.h"

struct finder {
	const char *name;
	/*
	 * The restore points of a host below path (a repository), newest first. 0 with none: there is nothing of the
	 * host's.
	 * -1: unreadable, or CORRUPT with sys ENOENT when the newest has not all its parts.
	 */
	int (*find)(const char *path, const struct asked *a, struct catalog *out, struct error *e);
	/* Without configuration: is what is in a directory of this layout? -1: it could not be told of a host. */
	int (*recognise)(const char *path, const struct asked *a, struct error *e);
	/* Is a name in a directory a reason to ask whether that is of this layout? */
	bool (*hints)(const char *name, bool directory);
	bool lists; /* what hints is a file that names the parts of one restore point */
	int levels; /* so many directories below it are looked into; -1: all is of it that is below what hints */
	/* For layouts with many hosts in one directory, which is read once; then any thread asks find_in. */
	void *(*open)(const char *path, struct error *e);
	void (*close)(void *opened);
	/* As find; of the points of a host, as many of the newest as newest says are enough. */
	int (*find_in)(void *opened, const struct asked *a, size_t newest, struct catalog *out, struct error *e);
	/* A file that a list names and that is none of these sorted names: *missing, owned; NULL: all are there. */
	int (*lacks)(const char *list, const struct strings *names, char **missing, struct error *e);
};
const struct finder *finder_by_name(const char *name);
/* The row that a name in a directory hints at. NULL: none. */
const struct finder *finder_hinted(const char *name, bool directory);

extern const struct finder finder_libvirt, finder_ova, finder_windows_image, finder_vzdump, finder_clonezilla;

/* For rows: the names in a directory, sorted. -1: it can't be read. */
int finder_list(const char *directory, struct strings *names, struct error *e) must_check;
/* Adds a file of a directory to a point; not a regular file: nothing is added. */
int finder_add_file(struct restore_point *p, const char *directory, const char *name, bool note,
		    struct error *e) must_check;
/* Sorts the points, newest first. */
void finder_sort(struct catalog *c);

#endif
