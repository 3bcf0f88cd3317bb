// SPDX-License-Identifier: GPL-3.0-or-later
/* What people have said about a host, put to its verdict. */
#ifndef GATE_WAIVED_H
#define GATE_WAIVED_H

#include "backproof/subject.h"

/*
 * When the verdict is there, and was not broken off: a waiver that held when the check began and does now, after so
 * many seconds, makes it WAIVED.
 */
void waive(const struct check_parameters *p, int64_t seconds, struct host_result *out);
/*
 * Of each restore point that was judged: why it must not be trusted for a clean restore. reason is recorded of them
 * first, where it is given; where it can't be, the verdict is INTERNAL: it would be forgotten.
 */
void suspect(const struct check_parameters *p, const char *reason, struct host_result *out);

#endif
