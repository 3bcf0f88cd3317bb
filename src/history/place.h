// SPDX-License-Identifier: GPL-3.0-or-later
/* Where a history lies: whether it may be believed there, and whether it is one, before SQLite is let near it. */
#ifndef HISTORY_PLACE_H
#define HISTORY_PLACE_H

#include "backproof/base.h"

struct place {
	char *path;	/* absolute, without symbolic links */
	bool exists;
	bool empty;	/* exists, and holds nothing yet */
	bool network;	/* of a kind whose shared memory no WAL can count on */
};
/*
 * MISSING: no such file (make: no such directory). make: it is made, empty. CORRUPT: no history. IO: not to be had, or
 * others than root, this user and the directory's owner could have put it there.
 */
int place_find(struct place *p, const char *path, bool make, struct error *e) must_check;
void place_free(struct place *p);

#endif
