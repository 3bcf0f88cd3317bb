// SPDX-License-Identifier: GPL-3.0-or-later
/* Volumes that libntfs-3g changed: files made in a copy of the small one. */
#ifndef NTFS_MAKE_H
#define NTFS_MAKE_H

#include "ntfs_help.h"

#include <sys/stat.h>

#include <ntfs-3g/attrib.h>
#include <ntfs-3g/dir.h>
#include <ntfs-3g/inode.h>
#include <ntfs-3g/logging.h>
#include <ntfs-3g/volume.h>

static inline size_t wide(uint8_t *to, const char *s)
{
	size_t n = strlen(s);
	for (size_t i = 0; i < n; i++)
		put(to + 2 * i, (uint8_t)s[i], 2);
	return 2 * n;
}

typedef void make_fn(ntfs_volume *vol, ntfs_inode *root);
static inline struct image changed(make_fn *make)
{
	char path[] = "/tmp/ntfs-XXXXXX";
	int fd = mkstemp(path);
	NEED(fd >= 0 && write(fd, whole.data, whole.size) == (ssize_t)whole.size);
	ntfs_volume *vol = ntfs_mount(path, 0);
	ntfs_inode *root = vol ? ntfs_inode_open(vol, FILE_root) : NULL;
	NEED(root);
	make(vol, root);
	NEED(!ntfs_inode_close(root) && !ntfs_umount(vol, FALSE) && !close(fd));
	size_t size;
	struct image i = {load_file(path, &size), size};
	i.size = size;
	unlink(path);
	return i;
}

static inline ntfs_inode *new_file(ntfs_inode *root, const char *name, mode_t mode)
{
	uint8_t units[512];
	size_t n = wide(units, name) / 2;
	ntfs_inode *ni = ntfs_create(root, const_cpu_to_le32(0), (void *)units, (u8)n, mode);
	NEED(ni);
	return ni;
}

#endif
