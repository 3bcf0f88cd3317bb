// SPDX-License-Identifier: GPL-3.0-or-later
#include "backproof/fs_probe.h"

/* Fields of a superblock, by offset; Linux, Documentation/filesystems/ext4/super.rst. */
enum {
	BLOCKS = 4,
	FIRST_BLOCK = 20,
	LOG_BLOCK = 24,
	PER_GROUP = 32,
	INODES_PER_GROUP = 40,
	MAGIC = 56,
	STATE = 58,
	REVISION = 76,
	INODE_SIZE = 88,
	GROUP = 90,
};

static bool plausible(const uint8_t *s, unsigned log, uint32_t group)
{
	uint32_t block_size = 1024u << log, inode_size = get_le16(s + INODE_SIZE);
	uint32_t number = get_le16(s + GROUP);
	if (get_le16(s + MAGIC) != 0xef53 || get_le32(s + LOG_BLOCK) != log ||
	    get_le32(s + REVISION) > 1 || get_le32(s + FIRST_BLOCK) != (log == 0))
		return false;
	/* Kernels that resize leave the number of the primary in the copies. */
	if (number && number != group)
		return false;
	if (get_le32(s + REVISION) &&
	    (inode_size < 128 || inode_size > block_size || inode_size & (inode_size - 1)))
		return false;
	return get_le32(s + PER_GROUP) == 8 * block_size && get_le32(s + BLOCKS) &&
	       get_le32(s + INODES_PER_GROUP) && get_le32(s + INODES_PER_GROUP) <= 8 * block_size;
}

bool ext_backup_superblock(struct source *src, uint64_t *offset)
{
	static const uint32_t groups[] = {1, 3};
	for (size_t g = 0; g < ARRAY_SIZE(groups); g++) {
		for (unsigned log = 0; log <= 2; log++) {
			uint64_t bs = UINT64_C(1024) << log;
			uint64_t at = (groups[g] * 8 * bs + (log == 0)) * bs;
			uint8_t s[1024];
			struct error e;
			if (at + sizeof s > source_size(src) ||
			    source_read_at(src, at, s, sizeof s, &e) < 0)
				continue;
			if (plausible(s, log, groups[g])) {
				*offset = at;
				return true;
			}
		}
	}
	return false;
}
