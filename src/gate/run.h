// SPDX-License-Identifier: GPL-3.0-or-later
#ifndef GATE_RUN_H
#define GATE_RUN_H

#include "backproof/subject.h"

/*
 * Opens one restore point and runs every check over it; fills what the report shows of it. Findings stay
 * unsealed. A failure inside leaves findings that prove nothing.
 */
void run_point(const struct restore_point *point, struct check_parameters *p, struct host_result *out);

/* The same in this process, after and before the history is asked. files (may be NULL): one for each of the point. */
struct reader_file;
void run_here(const struct restore_point *point, struct check_parameters *p, struct host_result *out,
	      struct reader_file *files);

/* Every check over what is open. */
void run_checks(struct subject *s, const struct check_parameters *p, struct findings *f);

/* Files with their digests, host name, machine id and system, as far as they were found. */
void proved_collect(const struct subject *s, struct host_result *out);

#endif
