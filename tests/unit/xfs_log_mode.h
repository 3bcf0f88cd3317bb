// SPDX-License-Identifier: GPL-3.0-or-later
/* Transactions that change the mode of one file: which of them were replayed is seen in it. */
#ifndef XFS_LOG_MODE_H
#define XFS_LOG_MODE_H

#include "xfs_log_help.h"

static uint64_t file; /* an inode */

static inline uint32_t mode_of_file(void)
{
	struct fs_entry it;
	return fs_lookup(seen.fs, "etc/hostname", true, &it, &seen.e) == 1 ? it.mode & 07777 : 0;
}
static inline void put_mode(uint32_t mode)
{
	uint8_t core[176];
	core_of(file, core);
	put_le(core + 2, S_IFREG | mode, 2);
	log_inode(file, 1, core, NULL, 0);
}
static inline void change_mode(uint32_t mode)
{
	ops_id++;
	trans_begin();
	put_mode(mode);
	trans_commit();
}

#endif
