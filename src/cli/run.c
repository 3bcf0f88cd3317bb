// SPDX-License-Identifier: GPL-3.0-or-later
/* backproof run */
#include "commands.h"

int command_run(struct options *o)
{
	(void)o;
	return complain(CODE_INTERNAL, "run: not in this build");
}
