// SPDX-License-Identifier: GPL-3.0-or-later
/* backproof waive */
#include "commands.h"

int command_waive(struct options *o)
{
	(void)o;
	return complain(CODE_INTERNAL, "waive: not in this build");
}
