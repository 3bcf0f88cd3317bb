// SPDX-License-Identifier: GPL-3.0-or-later
/* What the commands that ask a history share: which file it is, and that a report does not replace it. */
#ifndef CLI_HISTORY_FILE_H
#define CLI_HISTORY_FILE_H

#include "backproof/text.h"
#include "options.h"

/*
 * As a check of the host (the first argument, if there is one) would have it. NULL: there is none, it was said so, and
 * *status is the exit status.
 */
const char *history_path_of(const struct options *o, const struct config *c, int *status);
/* out to where --output says. */
int history_write_out(const struct options *o, const char *path, struct text *out, struct error *e) must_check;
/* history --patches. Returns the exit status. */
int history_list_patches(struct options *o, const char *path);

#endif
