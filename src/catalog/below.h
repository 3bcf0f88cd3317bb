// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Directories that a program has laid out, somewhere below one that is looked through by names: what the program's own
 * files say counts there, and names only where they say nothing of the host.
 */
#ifndef CATALOG_BELOW_H
#define CATALOG_BELOW_H

#include "guess.h"

/* A name in the directory rel below top ("": top itself) hints at this layout; "": it may be of it in any case. */
int below_add(struct guess *g, const struct finder *row, const char *top, const char *rel, const char *name,
	      struct error *e) must_check;
/*
 * Asks all of them for the host's restore points. What is known of them by their programs' files is left out of what
 * names tell, and what is not as surely the host's as the best of both is left out altogether. -1: *g is to be freed.
 */
int below_find(struct guess *g, struct error *e) must_check;
/* Adds what they have to out, newest first. */
int below_merge(struct guess *g, struct catalog *out, struct error *e) must_check;
void below_free(struct guess *g);
/* Files that are the parts of one restore point; a list of disks that is among them tells what they have to be. */
int given_files(const struct strings *paths, const char *host, struct catalog *out, struct error *e) must_check;

#endif
