// SPDX-License-Identifier: GPL-3.0-or-later
/* Where a report goes. A verdict counts only when its report was written. */
#ifndef CLI_OUTPUT_H
#define CLI_OUTPUT_H

#include "backproof/text.h"

struct output {
	int fd;
	char *path, *temporary; /* NULL on standard output, or when path is no regular file */
};
/* path NULL: standard output. */
int output_open(struct output *o, const char *path, struct error *e) must_check;
/* -1 when path is one of files, under whatever name: a report must not replace the backup that it speaks for. */
int output_spares(const char *path, const struct strings *files, struct error *e) must_check;
/* Writes and empties t. */
int output_write(struct output *o, struct text *t, struct error *e) must_check;
/* Flushes to the disk and puts the file in its place. */
int output_commit(struct output *o, struct error *e) must_check;
/* Closes; a report that was not committed is removed. */
void output_close(struct output *o);
/* All of t and nothing else, from opening to closing; empties t. */
int output_text(const char *path, struct text *t, struct error *e) must_check;
/* The same to standard output. 0, or CODE_INTERNAL after complaining. */
int output_show(struct text *t) must_check;

#endif
