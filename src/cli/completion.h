// SPDX-License-Identifier: GPL-3.0-or-later
/* What a shell is told of the two tables. */
#ifndef CLI_COMPLETION_H
#define CLI_COMPLETION_H

#include "command_table.h"
#include "option_rows.h"

enum word_kind { WORD_NONE, WORD_ANY, WORD_CHOICE, WORD_FILE, WORD_DIRECTORY, WORD_HOST, WORD_POLICY, WORD_COMMAND };
/* What stands behind an option. choices: of CHOICE, with blanks between them. */
enum word_kind completion_value(const struct option_row *row, enum command_bit command, struct text *choices);
/* The words that may follow a command, as "verify show"; "" where there are none. */
void completion_words(const struct command *c, struct text *out);
/* What its other arguments are. more: there may be several. */
enum word_kind completion_argument(const struct command *c, bool *more);
/* "--depth" with its help for that command; text of ours, so only quotes matter. */
const char *completion_help(const struct option_row *row, enum command_bit command);

void completion_bash(struct text *out);
void completion_zsh(struct text *out);
void completion_fish(struct text *out);

/*
 * A shell's words for names in sections of the configuration that is read without --config: only those that mean
 * nothing to a shell.
 */
#define COMPLETION_NAMES(kind)                                                                                         \
	"backproof config dump 2>/dev/null | sed -n 's/^\\[" kind " \"\\([A-Za-z0-9_.-]*\\)\"\\]$/\\1/p'"

#endif
