// SPDX-License-Identifier: GPL-3.0-or-later
/* Words for a shell, from text that is anybody's. */
#ifndef REPORT_SHELL_H
#define REPORT_SHELL_H

#include "backproof/text.h"

/*
 * One word for bash, zsh and ksh that means s to the letter and nothing else, and can be shown on any terminal: plain
 * where that is safe, in '...', or as $'...' with octal numbers where there is something that can't be printed.
 */
void shell_put(struct text *out, const char *s);
/* Is $'...' needed? */
bool shell_is_odd(const char *s);

#endif
