// SPDX-License-Identifier: GPL-3.0-or-later
/* Finds restore points: which files make up which backup of which host. One file a layout. */
#ifndef BACKPROOF_CATALOG_H
#define BACKPROOF_CATALOG_H

#include "backproof/base.h"

/* Where backups are kept. */
struct repository {
	char *name, *path, *layout, *match; /* match: the pattern of layout "files", or NULL */
	char *host; /* where match has no {host}: whose backups all of them are. NULL: whoever asks */
};
/* Is it a pattern of layout "files"? -1: *e says what is wrong, and in which column. */
int catalog_match_check(const char *match, bool *has_host, struct error *e) must_check;

/* Can this build read a layout of this name? "files" is always there. */
bool catalog_has_layout(const char *name);

struct point_file {
	char *path;	/* openable */
	char *disk;	/* "sda", "0", ... as the name says, or NULL */
	char *part;	/* "1", "root", ... or NULL */
	uint64_t size;
	int64_t mtime;	/* seconds */
	int64_t since;	/* when the run began that is to have written it, as its name tells; 0: not known */
	bool note;	/* no image: a small file that belongs to it (log, configuration, XML) */
};

struct restore_point {
	char *label;	/* what people would call it: path below the repository, without disk and part */
	/* The time in the name, as a range in seconds UTC: a date alone is a whole day. Both 0: none. */
	int64_t named_from, named_to;
	bool named_zone; /* it has its zone with it; else it is taken for local time */
	struct point_file *items;
	size_t count, capacity;
	int64_t order;	/* what newest is decided by: named_from, else the newest mtime */
	char *missing;	/* what its own lists name and is not there, as a sentence; NULL: nothing is known of */
	unsigned todo;	/* catalog_settle's; 0: its files are known in full */
};

struct catalog {
	struct restore_point *items; /* newest first */
	size_t count, capacity;
	struct strings partial; /* unfinished files newer than the newest point, or that match */
};
void catalog_free(struct catalog *c);
/*
 * Of restore points that are found, only the newest is known in full: of older ones the label, the order and the
 * names, disks and partitions of files. This looks at the one at index, too; what is gone meanwhile is left out, so
 * that another may stand there afterwards, or none. -1: a file can't be looked at, or CORRUPT with sys ENOENT when
 * some of its parts are missing.
 */
int catalog_settle(struct catalog *c, size_t index, struct error *e) must_check;

/* What in the paths of p is called by the short name of host in another domain: a copy, NULL where nothing is. */
char *point_elsewhere(const struct restore_point *p, const char *host);

/*
 * From --from PATHs. Files: they are the parts of one restore point. A directory: the restore points in it (and
 * up to two levels below) are found by name. Returns 0 with no points when there are none,
 * nothing at all is there, say; -1: unreadable, or CORRUPT with sys ENOENT when some of the parts are missing, as far
 * as that is known before the newest is settled.
 */
int catalog_from_paths(const struct strings *paths, const char *host, struct catalog *out,
		       struct error *e) must_check;

/* All restore points of all hosts in a repository, read once. One stat a file at most, and none for
 * files of hosts that nobody asks for, nor for older ones whose names tell their time. */
struct catalog_index;
struct catalog_index *catalog_index_open(const struct repository *r, const char *only_host,
					 struct error *e) must_check;
void catalog_index_destroy(struct catalog_index *x);
DEFINE_AUTO(struct catalog_index, catalog_index_destroy)
/* The points of a host, newest first; its files are stat'ed here. Thread-safe. Short and full host names
 * are told apart: only the exact name (case ignored) matches. -1: as catalog_settle says of the newest, too. */
int catalog_index_find(struct catalog_index *x, const char *host, struct catalog *out,
		       struct error *e) must_check;
/* The same where the newest ones are enough, so many of them: older ones are left out where finding them takes long.
 * The newest is not settled yet. 1: of an index of all hosts, files of this one are gone since it was read, and others
 * may be there: a new one, of this host, tells. */
int catalog_index_newest(struct catalog_index *x, const char *host, size_t newest, struct catalog *out,
			 struct error *e) must_check;

/* true for names that mean "not finished yet": .tmp .part .partial .filepart .crdownload ~ .swp
 * .nfsXXXX, rsync's ".name.XXXXXX", and all other dot names. base: without directories. */
bool is_partial_name(const char *base);

#endif
