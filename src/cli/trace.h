// SPDX-License-Identifier: GPL-3.0-or-later
#ifndef CLI_TRACE_H
#define CLI_TRACE_H

#include "options.h"

/*
 * A verdict as an entry of the system's journal, once its report was written; with reported false it says that it was
 * not, and is no verdict then. Changes nothing. Safe to be called by several threads.
 */
void trace_verdict(const struct options *o, const char *command, const struct host_result *r, bool reported);

/*
 * That a waiver was recorded (state: what that means now: "in-force", "pending"), approved or ended, by whom. true:
 * somebody took it.
 */
struct person;
bool trace_waiver(const struct options *o, const char *what, const struct waiver *w, const char *state,
		  const struct person *who);

/* The same of a patch that begins, or has ended. */
void trace_patch(const struct host_result *r, bool begins);

#endif
