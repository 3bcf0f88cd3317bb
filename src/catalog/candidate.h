// SPDX-License-Identifier: GPL-3.0-or-later
/* Files that may be parts of restore points, and how they are put together. */
#ifndef CATALOG_CANDIDATE_H
#define CATALOG_CANDIDATE_H

#include <sys/stat.h>

#include "arena.h"
#include "backproof/catalog.h"
#include "name.h"

/* All text is borrowed, from the arena of its candidates or from the caller. */
struct candidate {
	const char *path;  /* openable */
	const char *label; /* of its restore point */
	const char *key;   /* equal keys: one restore point */
	/* When that puts the same disk into a restore point twice, these tell them apart. NULL: as above. */
	const char *fine_label, *fine_key;
	const char *disk, *part, *segment; /* NULL: none */
	int64_t named_from, named_to;
	bool named_zone;
	bool looked; /* candidate_look was asked; else it is a regular file, and all of these are unknown: */
	int64_t mtime;
	uint64_t size;
	dev_t device;
	ino_t inode;
	bool link;    /* reached through a symbolic link */
	bool lost;    /* a link that leads nowhere: there is nothing but its name */
	bool partial; /* not finished: path is what there is, the rest is not filled in */
	bool loose;   /* all files with this key belong together, also those that name no disk */
};
struct candidates {
	struct candidate *items;
	size_t count, capacity;
	struct arena texts;
	size_t lost; /* so many of them are */
	const char *host; /* borrowed: whose they are by their names alone, or NULL */
	bool eager;  /* all of them are looked at */
};
void candidates_free(struct candidates *cs);
/* Adds a copy of what can't be looked at (c->lost). false: no memory. */
bool candidates_add_lost(struct candidates *cs, const struct candidate *c) must_check;

/*
 * Looks at name in dir (or AT_FDCWD) and fills in path-independent fields. 1: a regular file (or a directory, when
 * c->partial). 0: something else, gone again, or a link that leads nowhere (c->lost). -1: can't be looked at; shown is
 * its path for messages.
 */
int candidate_look(int dir, const char *name, const char *shown, struct candidate *c,
		   struct error *e) must_check;

/*
 * Groups them into restore points, newest first. What was not looked at yet is looked at where it decides anything;
 * of all the others catalog_settle asks later. 1: files went away meanwhile; only where all were looked at (eager),
 * it is sure what is the newest. What is lost is no backup; but a newest one that is, or a part of it, is not passed
 * over.
 */
int candidates_assemble(struct candidates *cs, struct catalog *out, struct error *e) must_check;
/* All of them are one restore point. */
int candidates_join(struct candidates *cs, const char *label, struct catalog *out,
		    struct error *e) must_check;

/* Adds what lies behind the newest one's images in the same directories, and leaves the others. -1: *c is freed. */
int chains_complete(struct catalog *c, struct error *e) must_check;
/* For one of them. */
int chain_complete(struct restore_point *p, struct error *e) must_check;

/* What is left to be done for a restore point. */
enum {
	POINT_LOOK = 1,
	POINT_PIECES = 2,
	POINT_CHAIN = 4,
	POINT_LOST = 8,
	POINT_HOLLOW = 16,
	POINT_VOLUMES = 32,
	POINT_TOLD = 64, /* more than a name says that it is the host's */
	POINT_BARE = 128, /* a list of disks without any of them */
};
/* POINT_LOOK: 1 when all of its files are there, 0: what is not is left out. */
int point_look(struct restore_point *p, struct error *e) must_check;
/* ... and POINT_PIECES. */
int point_gather(struct restore_point *p, struct error *e) must_check;
/* Of sorted points: POINT_LOST, a file is lost; POINT_HOLLOW, all of them: drops these. -1: it is the newest. */
int points_judge_lost(struct catalog *c, struct error *e) must_check;

/*
 * web01-db's are no backups of web01: what has a longer name is left out of the sorted points where there is one of
 * nothing but the host's name that is not a day older.
 */
void points_drop_neighbours(struct catalog *c, const char *host);
/*
 * Of sorted points: disks with a minute of their own in each name make up the newest together. 1: files are
 * gone meanwhile.
 */
int points_join_disks(struct catalog *c, struct error *e) must_check;
/* The newest time of modification of its files. */
int64_t point_newest(const struct restore_point *p);
/* Sets what newest is decided by, once its files and times are there. */
void point_set_order(struct restore_point *p);
void points_sort(struct catalog *out);
/*
 * For POINT_VOLUMES: has a Windows image all the volumes that it names? -1: CORRUPT with sys ENOENT when it has not,
 * or that can't be told.
 */
int windows_image_check(const struct restore_point *p, struct error *e) must_check;
void point_free(struct restore_point *p);

#endif
