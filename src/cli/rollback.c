// SPDX-License-Identifier: GPL-3.0-or-later
/* backproof rollback */
#include "commands.h"

int command_rollback(struct options *o)
{
	(void)o;
	return complain(CODE_INTERNAL, "rollback: not in this build");
}
