// SPDX-License-Identifier: GPL-3.0-or-later
/* What policy lets one restore point use. */
#ifndef GATE_BUDGETS_H
#define GATE_BUDGETS_H

#include "backproof/budget.h"
#include "backproof/policy.h"

/* Sets the budgets of one restore point, whose time begins now. */
void budgets_begin(const struct policy *p, struct budget *b);

#endif
