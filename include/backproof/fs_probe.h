// SPDX-License-Identifier: GPL-3.0-or-later
#ifndef BACKPROOF_FS_PROBE_H
#define BACKPROOF_FS_PROBE_H

#include "backproof/source.h"

/* true when a valid ext backup superblock lies on a volume; *offset is where. Without libext2fs. */
bool ext_backup_superblock(struct source *src, uint64_t *offset);

#endif
