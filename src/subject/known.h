// SPDX-License-Identifier: GPL-3.0-or-later
#ifndef SUBJECT_KNOWN_H
#define SUBJECT_KNOWN_H

#include "backproof/subject.h"

/*
 * Once the stored bytes of a part are open: what the history knows of them, unless the file is no longer the one that
 * was proved. What a seal says goes before it; that both say different things is damage.
 */
void known_from_history(struct part *pt, const struct check_parameters *p, struct findings *f);

#endif
