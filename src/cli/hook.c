// SPDX-License-Identifier: GPL-3.0-or-later
/* backproof hook */
#include "commands.h"

int command_hook(struct options *o)
{
	(void)o;
	return complain(CODE_INTERNAL, "hook: not in this build");
}
