// SPDX-License-Identifier: GPL-3.0-or-later
#ifndef GATE_POLICY_DIGEST_H
#define GATE_POLICY_DIGEST_H

#include "backproof/policy.h"

/* SHA-256 of what a policy asks to be proved. */
int policy_digest(const struct policy *p, uint8_t out[32], struct error *e) must_check;

#endif
