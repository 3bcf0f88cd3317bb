// SPDX-License-Identifier: GPL-3.0-or-later
/* What a path below a repository says of the backup that it is of. */
#ifndef CATALOG_LABEL_H
#define CATALOG_LABEL_H

#include "name.h"

/* The best fit of any component, see name_host_rank. */
int label_rank(const char *label, const char *host);
/* ... with base in the place of the last of them. */
int label_rank_as(const char *label, const char *base, const char *host);
/* It has the host's name only in longer ones that may be another's, see name_host_has_neighbour. */
bool label_has_neighbour(const char *label, const char *host);
/* The time in it: its last component that has one counts. Where none has, *c is left as it is. */
bool label_time(const char *label, struct civil *c);
/* The time that the directory is called by whose files have labels: it is that of what has none of its own. */
int label_top_time(const char *top, struct civil *c, struct error *e) must_check;
/*
 * The last component that says something: "." and ".." are resolved. Where it is a piece of a date, with those before
 * it that are pieces of it, too: 2026/11. NULL: the root. -1: no memory.
 */
int path_last_names(const char *path, char **out) must_check;

/* All of the time in it is before `than`. false: it has none. */
bool label_is_older(const char *label, int64_t than);
/*
 * There is a word in it that may be another's name: own, which names the host, does not have it beside that. In
 * unread.c.
 */
bool label_names_another(const char *label, const char *own, const char *host);

#endif
