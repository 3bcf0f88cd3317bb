// SPDX-License-Identifier: GPL-3.0-or-later
#ifndef GATE_POLITE_H
#define GATE_POLITE_H

#include "backproof/config.h"
#include "backproof/gate.h"
#include "backproof/pace.h"

/* A pace for each policy that has a limit, for all hosts together. */
struct paces;
struct paces *paces_new(const struct config *c, struct error *e) must_check;
void paces_destroy(struct paces *p);
DEFINE_AUTO(struct paces, paces_destroy)
/* NULL: the policy has no limit. */
struct pace *paces_find(const struct paces *p, const char *policy);

#endif
