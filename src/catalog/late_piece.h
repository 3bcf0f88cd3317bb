// SPDX-License-Identifier: GPL-3.0-or-later
#ifndef CATALOG_LATE_PIECE_H
#define CATALOG_LATE_PIECE_H

#include "backproof/catalog.h"

/* Adds the pieces whose names alone do not say that they are some. */
int late_pieces_add(struct restore_point *p, struct error *e) must_check;

#endif
