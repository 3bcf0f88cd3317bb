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
/* Writes and empties t. */
/* -1 when path is one of files, under whatever name: a report must not replace the backup that it speaks for. */
int output_spares(const char *path, const struct strings *files, struct error *e) must_check;
int output_write(struct output *o, struct text *t, struct error *e) must_check;
/* Flushes to the disk and puts the file in its place. */
int output_commit(struct output *o, struct error *e) must_check;
/* Closes; a report that was not committed is removed. */
void output_close(struct output *o);

#endif
