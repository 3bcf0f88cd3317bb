// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Changes to stored ext2, 3 and 4 volumes, some with a log to replay; the checksums of superblock, groups, inodes,
 * blocks of directories and of extents are made right again for some. What must hold of any: what is called HELD can
 * be walked, and each of its files read; where no checksum was mended, it is what was stored, or what that was before
 * the last transactions of its log, where these can't be told from some that were never completely written.
 */
#include "fs_patched.h"

#include "ext_mend.h"

static struct fs_tour tour = {.type = "ext4", .most = 600};
static const bool strong_sums = true;

/* Where the commit block of a transaction is; 0: nowhere. */
static size_t commit_at(const uint8_t *plain, size_t size, size_t block, uint32_t sequence)
{
	for (size_t at = 0; at + block <= size; at += block)
		if (get_be32(plain + at) == 0xc03b3998 && get_be32(plain + at + 4) == 2 &&
		    get_be32(plain + at + 8) == sequence)
			return at;
	return 0;
}

static bool differs(const struct patched *p, const uint8_t *plain, size_t from, size_t to)
{
	return from < to && memcmp(p->data + from, plain + from, to - from);
}

/*
 * The sum of a commit block tells when only its header or only the rest of it is damaged: not when both are, or when
 * what comes before it is, too. With asynchronous commits, any damage makes it one that was not written yet.
 */
static bool log_ends_earlier(const struct patched *p, uint8_t *plain)
{
	size_t block = (size_t)1024 << (get_le32(plain + 1024 + 24) & 3), log = 0;
	while (log + block <= p->stored && (get_be32(plain + log) != 0xc03b3998 || get_be32(plain + log + 4) != 4))
		log += block;
	if (log + block > p->stored || !get_be32(plain + log + 28))
		return false;
	uint32_t next = get_be32(plain + log + 24);
	size_t before = 0, commit = 0;
	for (size_t at; (at = commit_at(plain, p->stored, block, next)); next++)
		before = commit, commit = at;
	if (!commit)
		return false;
	bool head = differs(p, plain, commit, commit + 12), body = differs(p, plain, commit + 12, commit + block);
	bool rest = differs(p, plain, (before ? before : log) + block, commit);
	memset(plain + commit, 0, block);
	return get_be32(plain + log + 40) & 4 ? head || body || rest : body && (head || rest);
}
static bool (*const ends_earlier)(const struct patched *p, uint8_t *plain) = log_ends_earlier;

PATCHES_MAIN(1200, "fixtures/ext/*.img.zst", "fixtures/ext_small/*.img", "fixtures/ext/rich/*.img.zst")
