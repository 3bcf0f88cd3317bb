// SPDX-License-Identifier: GPL-3.0-or-later
#ifndef GATE_APPLIED_H
#define GATE_APPLIED_H

#include "backproof/gate.h"

/* The policy of the host that is asked about, with what options say over it. -1 (UNSUPPORTED: none has that name). */
int policy_applied(const struct gate_request *r, struct policy *out, struct error *e) must_check;

#endif
