// SPDX-License-Identifier: GPL-3.0-or-later
#ifndef CATALOG_LATE_PIECE_H
#define CATALOG_LATE_PIECE_H

#include "candidate.h"

/* Drops those that are pieces of another one, though their names alone do not say so: late_pieces_add finds them. */
int candidates_drop_pieces(struct candidates *cs, struct error *e) must_check;
/* Adds the pieces whose names alone do not say that they are some. -1: also where the directory can't be read. */
int late_pieces_add(struct restore_point *p, struct error *e) must_check;

#endif
