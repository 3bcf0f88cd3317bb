// SPDX-License-Identifier: GPL-3.0-or-later
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include "backproof/budget.h"
#include "options.h"

/* A line on standard error, drawn again a few times a second by a thread of its own. */
struct progress;
/* NULL when none is wanted (no terminal, never) or no thread was to be had: nothing depends on it. */
struct progress *progress_start(const struct options *o, const struct budget *b, const char *host);
/* For an audit: hosts done and in all. */
void progress_hosts(struct progress *p, unsigned done, unsigned all);
void progress_stop(struct progress *p);

/* Whether text on fd is to be coloured. */
bool color_wanted(const struct options *o, int fd);

#endif
