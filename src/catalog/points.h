// SPDX-License-Identifier: GPL-3.0-or-later
/* Restore points as the program that wrote them lays them out: read from a directory first, then chosen by host. */
#ifndef CATALOG_POINTS_H
#define CATALOG_POINTS_H

#include "asked.h"
#include "candidate.h"
#include "links.h"

/* One restore point as the layout has it, before its files are looked at. */
struct found_point {
	char *label;
	char *guest;	      /* whose it is, as the layout's own files say; NULL: only names tell */
	char *number;	      /* a name of numbers that it goes by too (VMID), or NULL */
	struct civil civil;   /* the time in its name */
	struct strings files; /* paths */
	struct strings notes; /* paths of small files that belong to it */
	char *unfinished;     /* why it is no restore point (yet), or NULL */
	bool bare;	      /* a list of disks, and none of them is there */
	char *missing;	      /* the first file that its own descriptor names and that is not there, or NULL */
};
/* What may tell of a backup, and could not be looked into. */
struct found_unread {
	char *label; /* below the repository */
	char *why;
	bool empty;   /* a file without anything in it: of this layout only if it is called by the host */
	bool certain; /* it is of this layout, if anything is; else it may be another's that we may not read, say */
};
struct found_points {
	VEC(struct found_point) points;
	VEC(struct found_unread) unread;
	struct links links;
	struct civil top; /* the time that the repository's own directory is called by */
};
void found_free(struct found_points *l);

/* By what its own files say, or by its number: above all that a label may say. */
#define FOUND_EXACT 4
/*
 * How well a point fits the host. By its guest: FOUND_EXACT, 2 and 1 by short names, 0 with any other word in it. By
 * its label, where nothing else tells: see name_host_rank.
 */
int found_rank(const struct found_point *p, const struct asked *a);
/* Two names are the same but for their domains. */
bool found_same_short(const char *a, const char *b);
/* A guest with a domain that has the short name of the host. */
bool found_is_of_short(const char *guest, const char *host);
/* Are all guests that may be the host one machine: no two of its short name have different domains? */
bool found_is_kin(const struct found_points *l, const struct asked *a);
/* The points of at least this rank (0: all) that are meant, sorted, and what is unfinished of them. */
int found_choose(const struct found_points *l, const struct asked *a, int least, struct catalog *out,
		 struct error *e) must_check;
/* The points that fit the host best. Unless all are its own, only what is exactly its. */
int found_answer(const struct found_points *l, const struct asked *a, struct catalog *out,
		 struct error *e) must_check;

/* A list of disks none of which is beside it: it is a link, and they lie where that leads. */
bool found_list_is_elsewhere(const char *list);
/* What is missing first is what is told of. -1: no memory. */
int found_add_missing(struct found_point *p, const char *file) must_check;
/* -1: no memory. */
int found_add_unread(struct found_points *l, const char *label, const struct error *why, bool certain) must_check;
/* A directory that could not be read: what lies beside one that we may not read is none the worse. Else, -1. */
int found_add_forbidden(struct found_points *l, const char *label, const struct error *why, struct error *e) must_check;
/*
 * out: what was found of a host. -1: what could not be looked into may be a newer backup of it, as its name goes; or
 * any of it, where nothing was found.
 */
int found_check_unread(const struct found_points *l, const struct asked *a, const struct catalog *out,
		       struct error *e) must_check;
/*
 * For layouts where only names say whose a backup is: -1: what is certain to be one is the newest itself; or see
 * found_check_unread for what is not.
 */
int found_check_named(const struct found_points *l, const struct asked *a, const struct catalog *out,
		      struct error *e) must_check;
/* See links_check. Where the newest is not called by the host's name, a link need not be either. */
int found_check_links(const struct found_points *l, const struct asked *a, const struct catalog *out,
		      struct error *e) must_check;
/* What is certain to be of this layout could not be looked into, or what is called by the host. */
bool found_has_failed(const struct found_points *l, const struct asked *a);

#endif
