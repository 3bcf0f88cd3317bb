// SPDX-License-Identifier: GPL-3.0-or-later
#ifndef ATTEMPT_H
#define ATTEMPT_H

#include "backproof/base.h"

enum { ATTEMPT_WORKED = 77, ATTEMPT_REFUSED = 66, ATTEMPT_UNKNOWN = 78 };

/* true: it got what it wanted. */
struct attempt {
	const char *name;
	bool (*run)(const char *argument);
};
/* Up to one without a name. */
extern const struct attempt attempts_break_out[], attempts_lie[], attempts_restore[];
/* Lies later, once all has been read. false: no such order. */
bool seal_lie(const char *order);

#define ORDER_MAGIC "backproof-exploit "
/* Does what is ordered, behind the magic, and ends the process by how it went. */
_Noreturn void obey(char *order);

#endif
