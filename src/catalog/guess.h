// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Restore points by their names alone, where no pattern says how they are kept: collect, then finish. A file's path
 * below top tells its host, time, disk and partition; files are stat'ed only once they are known to be wanted.
 */
#ifndef CATALOG_GUESS_H
#define CATALOG_GUESS_H

#include "candidate.h"
#include "finder.h"
#include "links.h"
#include "scan.h"

struct guess_item {
	char *path; /* openable */
	size_t rel; /* where the path below top begins in it */
	const char *top_name; /* borrowed; NULL: says nothing */
	int rank;   /* how well it fits the host */
	enum name_kind kind;
	enum scan_type type;
	bool partial;
};
/* A directory below which something may be of a program's layout: as far up as that layout looks down. */
struct guess_layout {
	const struct finder *row;
	char *path;
	size_t rel;	     /* where the path below top begins in it */
	int rank;	     /* how well it fits the host, as far as is known */
	int hinted;	     /* ... as far as what hints at it says */
	struct strings dirs; /* sorted, each with a slash: what lies in these is for the layout to tell */
	struct catalog found;
};
/* A directory that can't be read, or a list in one. */
struct guess_unread {
	char *rel; /* below top */
	int rank;  /* how well its name fits the host */
	bool list;
	struct error why;
};
struct guess {
	const char *host; /* borrowed */
	bool own;	  /* everything here is the host's, whatever its name */
	bool eager;	  /* see candidates */
	bool below;	  /* layouts of programs are looked for */
	struct guess_item *items;
	size_t count, capacity;
	VEC(struct guess_unread) unread;
	struct links links;
	VEC(struct guess_layout) layouts; /* see below.h */
	int told;			  /* the rank of what was found in these; -1: nothing was */
};
void guess_init(struct guess *g, const char *host);
void guess_free(struct guess *g);
/* One file or one partial directory. rel is below top. Names that can't be backups are left out. */
int guess_add(struct guess *g, const char *top, const char *top_name, const char *rel,
	      enum scan_type type, struct error *e) must_check;
/*
 * The directory rel below top ("" : top itself, opened by the caller as fd) and depth levels below it, and further down
 * the directories that are called by the host or a date.
 */
int guess_walk(struct guess *g, int fd, const char *top, const char *top_name, const char *rel,
	       int depth, struct error *e) must_check;
/* -1 also when a directory that may hold the host's newest can't be read, or is linked. May be asked again. */
int guess_finish(struct guess *g, struct catalog *out, struct error *e) must_check;

/* What can't be read, rel below top, may be the host's. rank: how well names say so. */
int guess_note_unread(struct guess *g, const char *rel, int rank, bool list, const struct error *why,
		      struct error *e) must_check;

/* Fills in what the name of path says; rel: where the part below top begins in it. */
int guess_describe(struct candidate *c, struct arena *a, const char *top_name, const char *path, size_t rel,
		   struct error *e) must_check;

#endif
