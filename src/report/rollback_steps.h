// SPDX-License-Identifier: GPL-3.0-or-later
#ifndef REPORT_ROLLBACK_STEPS_H
#define REPORT_ROLLBACK_STEPS_H

#include "backproof/rollback.h"
#include "rollback_units.h"

/* A new step; NULL: memory. */
struct rollback_step *step_new(struct rollback *r, const char *title);
/* Adds a line to it, taking text (NULL: memory; nor does s need to be there). */
int step_say(struct rollback_step *s, char *text) must_check;
int step_run(struct rollback_step *s, struct text *command) must_check; /* empties command */
/* The steps that bring one unit back; `number` of `disks` such. */
int step_unit(struct rollback *r, const struct unit *u, size_t number, size_t disks) must_check;

#endif
