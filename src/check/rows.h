// SPDX-License-Identifier: GPL-3.0-or-later
#ifndef CHECK_ROWS_H
#define CHECK_ROWS_H

#include "backproof/subject.h"

/* In the order in which they run: what others build on comes first; presence ends it, because a file
 * that changed under any of them has changed under all. */
extern const struct check check_structure, check_restore, check_identity, check_freshness, check_coverage,
	check_integrity, check_presence;

/* What an earlier full check makes of a file that was read whole at depth sample, as its format leaves no other way. */
enum evidence known_evidence(const struct part *pt, struct findings *f);
/* The system is in a file of files (WIM), which has no place for what starts a machine. */
bool coverage_in_wim(const struct subject *s);
/* The halves of mirrors are alike. */
void mirrors_check(struct subject *s, const struct check_parameters *p, struct findings *f);
/* All of coverage for a Windows machine. */
void coverage_windows(struct subject *s, const struct check_parameters *p, struct findings *f);
/* The file systems that are mounted on this machine are in the restore point. */
void coverage_live(struct subject *s, const struct live_mounts *live, struct findings *f);

#endif
