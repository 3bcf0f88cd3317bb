// SPDX-License-Identifier: GPL-3.0-or-later
/* Untrusted text on a terminal of limited width. All of it passes through text_put_safe. */
#ifndef REPORT_CELLS_H
#define REPORT_CELLS_H

#include "backproof/text.h"

/* Columns that s takes: characters, as no control character is left in safe text. */
size_t cells_width(const char *safe);
enum cells_cut { CELLS_CUT_END, CELLS_CUT_MIDDLE };
/* At most room columns of untrusted s, with "..." where it was cut. Returns the columns used. */
size_t cells_put(struct text *out, const char *s, size_t room, enum cells_cut cut);
/* The same, padded with spaces to room. */
void cells_put_padded(struct text *out, const char *s, size_t room, enum cells_cut cut);
/*
 * Breaks untrusted s at spaces into lines of `width` columns, at most `lines` of them (0: no limit; the last is
 * cut). The first line starts where the caller stands, at column `indent`; the others are indented so. Ends with "\n".
 */
void cells_wrap(struct text *out, const char *s, size_t indent, size_t width, size_t lines);

#endif
