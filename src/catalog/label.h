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
/* The time that it names, or the directory that it is in. */
bool label_time(const char *label, struct civil *c);

#endif
