// SPDX-License-Identifier: GPL-3.0-or-later
#ifndef GATE_BACK_UP_H
#define GATE_BACK_UP_H

#include "backproof/gate.h"

/* The program that gate_back_up runs after such a verdict, as policy has it; NULL: none. */
const struct strings *back_up_program(const struct gate_request *r, const struct policy *p, enum code code);

#endif
