// SPDX-License-Identifier: GPL-3.0-or-later
/* One line an archive format; subject/registry.c lists them. */
#ifndef ARCHIVE_ROWS_H
#define ARCHIVE_ROWS_H

#include "backproof/format.h"

extern const struct format archive_tar, archive_cpio;

#endif
