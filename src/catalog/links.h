// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Links to directories in a place where backups are looked for are not followed: a backup that is reached by one only
 * is not found. What lies behind them is looked at as far as it takes to tell whether it may be newer than what was.
 */
#ifndef CATALOG_LINKS_H
#define CATALOG_LINKS_H

#include <sys/types.h>

#include "backproof/catalog.h"

struct links {
	VEC(struct link) found;
	VEC(struct entered) entered;
};
struct link {
	char *label; /* below top */
	char *path;
	bool nowhere; /* it leads to nothing that is there */
};
struct entered {
	dev_t device;
	ino_t inode;
};
void links_free(struct links *l);

/* A directory that is looked through: a link to it hides nothing. -1: no memory. */
int links_entered(struct links *l, int fd) must_check;
/* name in dir may be a link to a directory, or to nothing, and is not looked through; others are left out. */
int links_add(struct links *l, int dir, const char *name, const char *path, const char *label,
	      struct error *e) must_check;
/*
 * out: what was found of a host. all: what names nobody, or another, may be the host's as well. -1, UNSUPPORTED: what
 * lies behind a link may be newer than that; or may be the host's, where nothing was found.
 */
int links_check(const struct links *l, const char *host, bool all, const struct catalog *out,
		struct error *e) must_check;

#endif
