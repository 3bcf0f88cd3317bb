// SPDX-License-Identifier: GPL-3.0-or-later
#ifndef BASE_PIECE_MARK_H
#define BASE_PIECE_MARK_H

#include "backproof/piece.h"

bool mark_is_of(const char *mark, size_t len, enum piece_digits d);
/* It is a known suffix of files as well. */
bool mark_is_suffix(const char *mark, size_t len);
/* As piece_told, of a row. */
bool mark_told(const struct piece_row *r, const char *mark, size_t len);

#endif
