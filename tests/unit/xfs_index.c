// SPDX-License-Identifier: GPL-3.0-or-later
/* Indexes of XFS directories, trees of attributes, and what a superblock may say that is seldom seen. */
#include "xfs_log_help.h"

static uint8_t *block_of(const char *magic, unsigned at_magic, unsigned skip)
{
	size_t from = log_start(), to = from + log_sectors() * 512;
	for (size_t at = 0; at + 4096 <= im.len; at += 512)
		if ((at < from || at >= to) && !memcmp(im.data + at + at_magic, magic, strlen(magic)) && !skip--)
			return im.data + at;
	return NULL;
}
static void told(int line, const char *check)
{
	seen = open_xfs(&im, true);
	if (!has_finding(&seen.f, check, OUTCOME_BROKEN))
		show_here(line, "not told as damage");
	close_image(&seen);
	memcpy(im.data, whole.data, im.len);
}
static void holds(int line)
{
	seen = open_xfs(&im, true);
	if (findings_proof(&seen.f, PROOF_STRUCTURE) != OUTCOME_HELD)
		show_here(line, "not held");
	close_image(&seen);
	memcpy(im.data, whole.data, im.len);
}

static void test_entries(void)
{
	images_open("fixtures/xfs/plain.zst");
	uint8_t *b = block_of("XDB3", 0, 0), *entry;
	NEED(b);
	uint32_t count = get_be32(b + 4088);
	entry = b + 4088 - 8 * count;
	memset(entry + 4, 0, 4); /* a name that is not in the index */
	put_be(b + 4092, get_be32(b + 4092) + 1, 4);
	xfs_mend(b, 4096, 4);
	told(__LINE__, "xfs.directories");
	memcpy(entry + 8, entry, 8); /* a name that is in it twice */
	xfs_mend(b, 4096, 4);
	told(__LINE__, "xfs.directories");
	/* Where case does not count, the index goes by small letters. */
	for (int fold = 0; fold < 2; fold++) {
		NEED(b[96 + 9] >= 'a' && b[96 + 9] <= 'z');
		b[96 + 9] ^= 0x20;
		xfs_mend(b, 4096, 4);
		if (!fold) {
			told(__LINE__, "xfs.directories");
			continue;
		}
		im.data[100] |= 0x40;
		xfs_mend(im.data, 512, 224);
		holds(__LINE__);
	}
	images_close();
}

static void test_nodes(void)
{
	static const char *const images[] = {"fixtures/xfs/plain.zst", "fixtures/xfs/small-blocks.zst"};
	static const struct {
		unsigned at, bytes;
		uint32_t value;
	} bad[] = {{56, 2, 0}, {56, 2, 600}, {58, 2, 0}, {58, 2, 7}, {58, 2, 2}, {64, 4, 0}, {68, 4, UINT32_MAX}, {68, 4, 0}};
	unsigned dirs = 0, attributes = 0, frees = 0;
	for (size_t k = 0; k < ARRAY_SIZE(images); k++) {
		images_open(images[k]);
		uint32_t leaf = (uint32_t)((UINT64_C(1) << 35) / get_be32(im.data + 4)), size = get_be32(im.data + 4);
		for (unsigned skip = 0; skip < 12; skip++) {
			uint8_t *b = block_of("\x3e\xbe", 8, skip);
			bool dir = b && get_be32(b + 68) >= leaf;
			/* (What lies in free blocks is older: nobody reads it.) */
			if (!b || (dir ? dirs : attributes) > 1)
				continue;
			for (size_t n = 0; n < ARRAY_SIZE(bad); n++) {
				put_be(b + bad[n].at, bad[n].value, bad[n].bytes);
				xfs_mend(b, dir ? 4096 : size, 12);
				seen = open_xfs(&im, true);
				bool broken = findings_proof(&seen.f, PROOF_STRUCTURE) == OUTCOME_BROKEN;
				if (broken)
					CHECK(has_finding(&seen.f, dir ? "xfs.directories" : "xfs.xattrs", OUTCOME_BROKEN));
				else
					CHECK(!n); /* not in use */
				close_image(&seen);
				memcpy(im.data, whole.data, im.len);
				if (!broken)
					break;
				dirs += dir && n + 1 == ARRAY_SIZE(bad);
				attributes += !dir && n + 1 == ARRAY_SIZE(bad);
			}
		}
		static const unsigned fields[] = {40, 48, 52, 56};
		uint8_t *b = block_of("XDF3", 0, 0);
		for (size_t n = 0; b && n < ARRAY_SIZE(fields); n++) {
			put_be(b + fields[n], 9999, 4);
			xfs_mend(b, 4096, 4);
			told(__LINE__, "xfs.directories");
			frees++;
		}
		images_close();
	}
	CHECK(dirs > 0 && attributes > 0 && frees > 0);
}

static void test_superblock(void)
{
	images_open("fixtures/xfs/plain.zst");
	/* The identifier of the metadata apart from that of the file system. */
	put_be(im.data + 216, get_be32(im.data + 216) | 4, 4);
	memcpy(im.data + 248, im.data + 32, 16);
	xfs_mend(im.data, 512, 224);
	holds(__LINE__);
	put_be(im.data + 216, get_be32(im.data + 216) | 4, 4); /* of nothing that is here */
	xfs_mend(im.data, 512, 224);
	told(__LINE__, "xfs.groups");
	/* Sectors larger than blocks; the log where no block is. */
	put_be(im.data + 102, 8192, 2);
	im.data[121] = 13;
	xfs_mend(im.data, 8192, 224);
	told(__LINE__, "xfs.open");
	put_be(im.data + 96, 0, 4);
	xfs_mend(im.data, 512, 224);
	told(__LINE__, "xfs.open");
	put_be(im.data + 84, 0x40000000, 4); /* groups larger than there are */
	im.data[124] = 30;
	xfs_mend(im.data, 512, 224);
	told(__LINE__, "xfs.open");
	/* No kinds in entries: then they are not held against the inodes. */
	put_be(im.data + 216, get_be32(im.data + 216) & ~1u, 4);
	put_be(im.data + 200, get_be32(im.data + 200) & ~0x200u, 4);
	xfs_mend(im.data, 512, 224);
	told(__LINE__, "xfs.directories");
	images_close();
}

int main(void)
{
	RUN(test_entries);
	RUN(test_nodes);
	RUN(test_superblock);
	return test_done();
}
