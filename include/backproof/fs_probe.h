// SPDX-License-Identifier: GPL-3.0-or-later
/* Traces of file systems on volumes where none was recognised: a wiped start is damage, not emptiness. */
#ifndef BACKPROOF_FS_PROBE_H
#define BACKPROOF_FS_PROBE_H

#include "backproof/source.h"

/*
 * true when a copy of an ext superblock stands where mke2fs puts copies; *offset is its byte offset.
 * Read errors count as nothing found (source_sticky tells). Works without libext2fs.
 */
bool ext_backup_superblock(struct source *src, uint64_t *offset);

#endif
