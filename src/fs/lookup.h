// SPDX-License-Identifier: GPL-3.0-or-later
/* Finding one entry by its path, links followed: what file systems with symbolic links have in common. */
#ifndef FS_LOOKUP_H
#define FS_LOOKUP_H

#include "backproof/entry.h"
#include "backproof/error.h"

/* `at` is the file system's own: where it is in its tree. */
struct lookup_ops {
	size_t node;	 /* bytes of what stands for a place in the tree: a number, say */
	size_t path_max; /* there is nothing behind a longer path; 0: any length */
	/* A path through more than 40 links is CORRUPT with this word before it. NULL: there is no such entry. */
	const char *endless;
	int (*go)(void *at, const void *node, enum entry_type *type, struct error *e);
	/* In the directory gone to last. 1 and *node, 0 no such name, -1. */
	int (*find)(void *at, const char *name, size_t len, void *node, struct error *e);
	/* Of the link gone to last: owned by the caller. */
	char *(*target)(void *at, struct error *e);
};

/*
 * 1 and `at` gone to the entry, 0 no such entry, -1. Links in the middle are followed, with an absolute target from
 * root on; the last is when follow. ".." is where the path came from: no entry of the image is believed.
 */
int lookup_path(const struct lookup_ops *ops, void *at, const void *root, const char *path, bool follow,
		struct error *e) must_check;

#endif
