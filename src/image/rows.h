// SPDX-License-Identifier: GPL-3.0-or-later
/* The image formats; subject/registry.c joins them with the other kinds. */
#ifndef IMAGE_ROWS_H
#define IMAGE_ROWS_H

#include "backproof/format.h"

extern const struct format *const image_rows[];
extern const size_t image_row_count;

#endif
