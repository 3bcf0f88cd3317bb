// SPDX-License-Identifier: GPL-3.0-or-later
/* The one table of commands: main, its help and completions come from it. */
#ifndef CLI_COMMAND_TABLE_H
#define CLI_COMMAND_TABLE_H

#include "options.h"

#define COMMANDS 14
extern const struct command {
	const char *name;
	const char *synopsis; /* with its name; what is written small behind the name is taken as it stands */
	const char *says;
	enum command_bit bit;
	int (*run)(struct options *o);
} commands[COMMANDS];

#endif
