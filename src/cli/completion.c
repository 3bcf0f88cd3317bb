// SPDX-License-Identifier: GPL-3.0-or-later
/* backproof completion */
#include "commands.h"

int command_completion(struct options *o)
{
	(void)o;
	return complain(CODE_INTERNAL, "completion: not in this build");
}
