// SPDX-License-Identifier: GPL-3.0-or-later
/* One entry of a file tree, whether a file system or an archive holds it. */
#ifndef BACKPROOF_ENTRY_H
#define BACKPROOF_ENTRY_H

#include "backproof/base.h"

enum entry_type { ENTRY_FILE, ENTRY_DIR, ENTRY_LINK, ENTRY_OTHER };

struct fs_entry {
	const char *path; /* valid during the call that shows it */
	uint64_t id;	  /* inode number, or what serves as one; stable while open */
	enum entry_type type;
	uint32_t mode;	  /* permission bits and S_IFMT */
	uint32_t uid, gid, links;
	uint64_t size;
	int64_t mtime, ctime; /* seconds since 1970 UTC; 0 when the file system has none */
	uint64_t place;	  /* byte offset of the first data on the source, to read in order; 0 if unknown */
};

#endif
