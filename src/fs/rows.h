// SPDX-License-Identifier: GPL-3.0-or-later
/* One line a file system; fs.c looks them up by libblkid's type. */
#ifndef FS_ROWS_H
#define FS_ROWS_H

#include "backproof/fs.h"

#ifdef HAVE_EXT2FS
extern const struct fs_ops fs_ext;
#endif
extern const struct fs_ops fs_fat;
extern const struct fs_ops fs_xfs;
extern const struct fs_ops fs_exfat;
extern const struct fs_ops fs_btrfs;
extern const struct fs_ops fs_wim;
#ifdef HAVE_LIBNTFS_3G
extern const struct fs_ops fs_ntfs;
#endif

#endif
