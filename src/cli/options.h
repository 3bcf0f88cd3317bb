// SPDX-License-Identifier: GPL-3.0-or-later
/* The one table of options: parsing, --help and the test against the manual come from it. */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include "backproof/gate.h"
#include "backproof/report.h"

enum command_bit {
	FOR_CHECK = 1,
	FOR_AUDIT = 2,
	FOR_INSPECT = 4,
	FOR_CONFIG = 8,
	FOR_EXTRACT = 16,
	FOR_ALL = 31,
};

enum when { WHEN_AUTO, WHEN_ALWAYS, WHEN_NEVER };

struct options {
	struct gate_overrides overrides;
	struct strings from;
	const char *config, *output;
	const char *directory, *list, *cat; /* list: "" for everything */
	unsigned fs;
	const struct report_format *format; /* NULL: text */
	enum exit_style exit_style;
	bool quiet, verbose, help;
	enum when progress, color;
	unsigned jobs; /* 0: as many as there are cores */
	struct strings arguments;
};

/*
 * Parses what follows the command. 0, or -1 with e->text for the user: a usage error. Strings point into argv.
 */
int options_parse(struct options *o, enum command_bit command, int argc, char **argv,
		  struct error *e) must_check;
void options_free(struct options *o);
/* The lines of --help for a command. */
void options_help(struct text *out, enum command_bit command);

#endif
