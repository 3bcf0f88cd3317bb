// SPDX-License-Identifier: GPL-3.0-or-later
/* Layout "files" with a pattern: walks only where the pattern leads. */
#ifndef CATALOG_FILES_H
#define CATALOG_FILES_H

#include "candidate.h"
#include "pattern.h"
#include "scan.h"

/* Of names below a repository: a component each is no longer than NAME_LIMIT. */
#define PLACE_LIMIT (PATTERN_DEPTH * (NAME_LIMIT + 1))

/* A directory on the way: its path below the repository, and what matched so far. */
struct place {
	const char *rel; /* "" : the repository itself */
	const char *key; /* rel without {disk} and {part} */
	struct captures captures;
	size_t dated; /* bytes of key up to a directory whose name has the date; 0: none */
};

struct files_walk {
	const struct pattern *pattern;
	const char *path; /* the repository's */
	const char *host; /* NULL: any, and the walk ends at the component that holds {host} */
	/* Called for each entry of that component. -1 ends the walk. */
	int (*entry)(void *ctx, const struct place *in, const char *name, enum scan_type type,
		     struct error *e);
	void *ctx;
	struct candidates found;    /* with a host: whole and partial files */
	struct strings unreadable;  /* directories below the repository */
	struct strings links;	    /* directories that would match, but are links */
};
void files_walk_free(struct files_walk *w);

/* Everything below the open directory fd, which is the place and lies at a component's level. */
int files_walk_below(struct files_walk *w, int fd, const struct place *in, size_t level,
		     struct error *e) must_check;
/* One entry of the open directory fd; w->host must be set. */
int files_walk_entry(struct files_walk *w, int fd, const struct place *in, size_t level,
		     const char *name, enum scan_type type, struct error *e) must_check;

#endif
