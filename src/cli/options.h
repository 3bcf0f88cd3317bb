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
	FOR_SEAL = 32,
	FOR_KEY = 64,
	FOR_PASS = 128,
	FOR_HISTORY = 256,
	FOR_RUN = 512,
	FOR_WAIVE = 1024,
	FOR_ROLLBACK = 2048,
	FOR_HOOK = 4096,
	FOR_COMPLETION = 8192,
	FOR_ALL = 16383,
	FOR_GATE = FOR_CHECK | FOR_RUN, /* one host */
	FOR_VERDICT = FOR_GATE | FOR_AUDIT,
};

enum when { WHEN_AUTO, WHEN_ALWAYS, WHEN_NEVER };

struct options {
	struct gate_overrides overrides;
	struct strings from, trust;
	struct strings keys; /* --key: private ones to sign with, public ones to verify */
	const char *host, *against, *pass, *pass_dir, *state, *policy_digest;
	unsigned limit; /* 0: none */
	const char *post, *suspect, *reason, *ticket; /* NULL: not given */
	int64_t lasting, patch;	/* --for, seconds; --patch: an id; 0: not given */
	bool approve, end, list_all, patches;
	char **command; /* run: what stands behind "--", NULL-terminated; NULL: there was none */
	const char *config, *output;
	const char *directory, *list, *cat; /* list: "" for everything */
	unsigned fs;
	const struct report_format *format; /* NULL: text */
	enum exit_style exit_style;
	bool quiet, verbose, help, show_confinement;
	enum when progress, color;
	unsigned jobs; /* 0: as many as there are cores */
	struct strings arguments;
};

/*
 * Parses what follows the command. 0, or -1 with e->text for the user: a usage error. Strings point into argv.
 */
int options_parse(struct options *o, enum command_bit command, int argc, char **argv,
		  struct error *e) must_check;
/* How the status of a usage error is told: by the first --exit-style that can be read in all of a command line. */
enum exit_style options_style(int argc, char **argv);
void options_free(struct options *o);
/* The lines of --help for a command. */
void options_help(struct text *out, enum command_bit command);
/* What is said of an option of that command in place of what its row says, or NULL. */
const char *option_words(const char *name, enum command_bit command);

#endif
