// SPDX-License-Identifier: GPL-3.0-or-later
#ifndef CHECK_ROWS_H
#define CHECK_ROWS_H

#include "backproof/subject.h"

/* In the order in which they run: what others build on comes first; presence ends it, because a file
 * that changed under any of them has changed under all. */
extern const struct check check_structure, check_restore, check_identity, check_freshness, check_coverage,
	check_integrity, check_presence;

/* Two names of one host: equal, or one is the short form of the other. Case is ignored. */
bool same_host(const char *a, const char *b);

/* The file systems that are mounted on this machine are in the restore point. */
void coverage_live(struct subject *s, struct findings *f);

#endif
