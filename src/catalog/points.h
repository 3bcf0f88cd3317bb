// SPDX-License-Identifier: GPL-3.0-or-later
/* Restore points as the program that wrote them lays them out: read from a directory first, then chosen by host. */
#ifndef CATALOG_POINTS_H
#define CATALOG_POINTS_H

#include "candidate.h"

/* One restore point as the layout has it, before its files are looked at. */
struct found_point {
	char *label;
	char *guest;	      /* whose it is, as the layout's own files say; NULL: only names tell */
	char *number;	      /* a name of numbers that it goes by too (VMID), or NULL */
	struct civil civil;   /* the time in its name */
	struct strings files; /* paths */
	struct strings notes; /* paths of small files that belong to it */
	char *unfinished;     /* why it is no restore point (yet), or NULL */
};
struct found_points {
	VEC(struct found_point) points;
	struct strings missing; /* "LABEL\nFILE": its own descriptor names a file that is not there */
	struct strings unread;	/* files below the repository that may tell of more, and that we may not read */
};
void found_free(struct found_points *l);

/* How well a point fits host: 3 exactly, 2 and 1 by short names (see name_host_rank), 0 not. */
int found_rank(const struct found_point *p, const char *host);
/*
 * The points of at least this rank (0: all), sorted, and what is unfinished of them. -1, CORRUPT with sys ENOENT: not
 * all files of the newest are there.
 */
int found_choose(const struct found_points *l, const char *host, int least, struct catalog *out,
		 struct error *e) must_check;
/*
 * own: all are the host's, but for those whose own files say that they are another's. Else only what is exactly the
 * host's.
 */
int found_answer(const struct found_points *l, const char *host, bool own, struct catalog *out,
		 struct error *e) must_check;

#endif
