// SPDX-License-Identifier: GPL-3.0-or-later
#ifndef CLI_PASS_SHOW_H
#define CLI_PASS_SHOW_H

#include "backproof/pass.h"

/* What a pass says, in words or as JSON. keyed: keys were given, so that p->trusted means something. */
void pass_show(struct text *out, const struct pass *p, bool keyed, bool json, int64_t now);

#endif
