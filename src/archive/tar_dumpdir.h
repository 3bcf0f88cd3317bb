// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * What GNU tar writes of each directory with --listed-incremental: a letter and a name for each entry, ended by NUL,
 * and an empty one behind the last. The GNU tar manual, "Dumpdir".
 */
#ifndef ARCHIVE_TAR_DUMPDIR_H
#define ARCHIVE_TAR_DUMPDIR_H

#include "backproof/base.h"

struct tar_dumpdir {
	bool runs; /* its end has not been seen */
	bool in_name;
};

/* The next bytes, while it runs. true: a file was there, and is not in this archive, as it had not changed. */
bool tar_dumpdir_feed(struct tar_dumpdir *d, const uint8_t *p, size_t len);

#endif
