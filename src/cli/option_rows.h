// SPDX-License-Identifier: GPL-3.0-or-later
/* The rows of the table: options.c gives them their meaning. */
#ifndef CLI_OPTION_ROWS_H
#define CLI_OPTION_ROWS_H

#include "options.h"

enum option_id {
	OPT_FROM, OPT_CONFIG, OPT_POLICY, OPT_DEPTH, OPT_MAX_AGE, OPT_HOSTNAME, OPT_MACHINE_ID,
	OPT_SAMPLE_FILES, OPT_SAMPLE_BYTES, OPT_SEED, OPT_SCRATCH, OPT_SCRATCH_LIMIT, OPT_DEADLINE, OPT_NOW,
	OPT_KEY, OPT_TRUST, OPT_HOST, OPT_AGAINST, OPT_PASS, OPT_PASS_DIR,
	OPT_VALID_FOR, OPT_STATE, OPT_POLICY_DIGEST,
	OPT_HISTORY, OPT_CONFIDENCE, OPT_DAMAGE, OPT_LIMIT, OPT_LS, OPT_CAT, OPT_FS,
	OPT_NO_CONFINE, OPT_SHOW_CONFINEMENT,
	OPT_POST, OPT_SUSPECT, OPT_REASON, OPT_TICKET, OPT_FOR, OPT_APPROVE, OPT_END, OPT_LIST, OPT_PATCHES, OPT_PATCH,
	OPT_DIRECTORY, OPT_JOBS, OPT_FORMAT, OPT_OUTPUT, OPT_EXIT_STYLE, OPT_QUIET,
	OPT_VERBOSE, OPT_PROGRESS, OPT_COLOR, OPT_HELP, OPT_COUNT
};

struct option_row {
	const char *name, *value; /* value: NULL for a flag */
	unsigned commands;
	bool repeatable;
	const char *help;
	bool optional; /* the value may be left out */
};
extern const struct option_row option_rows[OPT_COUNT];

#endif
