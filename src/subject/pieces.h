// SPDX-License-Identifier: GPL-3.0-or-later
#ifndef SUBJECT_PIECES_H
#define SUBJECT_PIECES_H

#include <stdbool.h>

/* A piece of a split file by its name, whose stem names an image or a compression: "disk.img.zst.aa". */
bool is_piece_name(const char *name);

#endif
