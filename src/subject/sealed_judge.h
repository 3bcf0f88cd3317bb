// SPDX-License-Identifier: GPL-3.0-or-later
#ifndef SUBJECT_SEALED_JUDGE_H
#define SUBJECT_SEALED_JUDGE_H

#include "backproof/sealed.h"

/* What can be said of the seals before any byte of the restore point is read; fills what is known of the parts. */
int sealed_judge(struct subject *s, const struct check_parameters *p, struct findings *f, struct error *e) must_check;
/* Something of that name lies where the seal says it does. */
bool sealed_file_exists(const struct seal *s, const char *name);

#endif
