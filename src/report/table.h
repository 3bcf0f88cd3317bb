// SPDX-License-Identifier: GPL-3.0-or-later
/* The table of an audit, and what it shares with the screen for one host. */
#ifndef REPORT_TABLE_H
#define REPORT_TABLE_H

#include "common.h"

/* Of the terminal, never under 60. */
size_t table_width(const struct report_options *o);
/* Escape sequences of our own, "" without colour. */
const char *table_color(const struct report_options *o, enum code c);
const char *table_color_end(const struct report_options *o);
/* "subject: detail"; NOT yet escaped. brief: one line of about `room` columns, for which a long path is cut
 * in the middle; else with what was expected and measured, and where. */
void table_put_finding(struct text *out, const struct finding *it, bool brief, size_t room);
/* The end of a text report: the table, the worst first, and the counts. */
void table_end(struct text *out, const struct host_result *const *all, size_t count, enum code overall,
	       int exit, const struct report_options *o);

#endif
