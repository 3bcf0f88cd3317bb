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
static size_t number; /* of the case */
static void told(int line, const char *check)
{
	seen = open_xfs(&im, true);
	if (!has_finding(&seen.f, check, OUTCOME_BROKEN)) {
		show_here(line, "not told as damage");
		fprintf(stderr, "case %zu\n", number);
	}
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

/* Tables of free space, which Linux holds against the block whenever it reads one; the head of leaves of attributes. */
static void test_rooms(void)
{
	images_open("fixtures/xfs/plain.zst");
	static const char *const magics[] = {"XDB3", "XDD3"};
	for (unsigned k = 0; k < ARRAY_SIZE(magics); k++) {
		unsigned skip = 0, at = 0, len = 0;
		uint8_t *b;
		do {
			b = block_of(magics[k], 0, skip++);
			NEED(b);
			at = get_be16(b + 48), len = get_be16(b + 50);
		} while (len < 64 || get_be16(b + 54));
		NEED(get_be16(b + at) == 0xffff && get_be16(b + at + 2) == len);
		static const struct {
			unsigned at, value;
		} cases[] = {{48, 1}, {50, 8}, {52, 64}, {54, 64}, {56, 64}, {58, 64}};
		for (size_t n = 0; n < ARRAY_SIZE(cases); n++) {
			number = n;
			put_be(b + cases[n].at, get_be16(b + cases[n].at) + cases[n].value, 2);
			xfs_mend(b, 4096, 4);
			told(__LINE__, "xfs.directories");
		}
		memset(b + 48, 0, 4); /* larger than what is in the table */
		xfs_mend(b, 4096, 4);
		told(__LINE__, "xfs.directories");
		put_be(b + 52, get_be32(b + 48), 4); /* twice */
		xfs_mend(b, 4096, 4);
		told(__LINE__, "xfs.directories");
		/* In two, side by side. */
		put_be(b + 50, len - 32, 2);
		put_be(b + 52, at + len - 32, 2);
		put_be(b + 54, 32, 2);
		put_be(b + at + 2, len - 32, 2);
		put_be(b + at + len - 34, at, 2);
		put_be(b + at + len - 32, 0xffff, 2);
		put_be(b + at + len - 30, 32, 2);
		put_be(b + at + len - 2, at + len - 32, 2);
		xfs_mend(b, 4096, 4);
		told(__LINE__, "xfs.directories");
	}
	uint8_t *leaf;
	static const struct {
		unsigned at, value;
	} heads[] = {{60, 80}, {60, 0}, {60, 4097}, {60, 4092}, {64, 2}, {66, 2}, {64, 4096}, {66, 4096}, {70, 4100}, {74, 4097}};
	unsigned leaves = 0;
	for (unsigned skip = 0; skip < 8; skip++) {
		if (!(leaf = block_of("\x3b\xee", 8, skip)) || !get_be16(leaf + 56))
			continue;
		for (size_t n = 0; n < ARRAY_SIZE(heads); n++) {
			number = n;
			put_be(leaf + heads[n].at, heads[n].value, 2);
			if (heads[n].at == 66 && heads[n].value == 4096)
				put_be(leaf + 64, 8, 2);
			xfs_mend(leaf, 4096, 12);
			told(__LINE__, "xfs.xattrs");
		}
		leaves++;
	}
	CHECK(leaves > 0);
	images_close();
}

/* An index of a single leaf, in blocks of directories that are two blocks. */
static void test_leaf(void)
{
	static const struct {
		unsigned at, bytes;
		uint32_t value;
	} cases[] = {{8188, 4, 4064}, {8188, 4, 3000}, {8188, 4, UINT32_MAX}, {56, 2, 3}, {56, 2, 5000}, {58, 2, 9}, {0, 4, 9},
		     {4, 4, 9}, {64, 4, UINT32_MAX}, {68, 4, 1}, {76, 4, 8}};
	images_open("fixtures/xfs/wide.zst");
	uint8_t *leaf = block_of("\x3d\xf1", 8, 0);
	NEED(leaf);
	for (size_t n = 0; n < ARRAY_SIZE(cases); n++) {
		number = n;
		put_be(leaf + cases[n].at, cases[n].value, cases[n].bytes);
		xfs_mend(leaf, 8192, 12);
		told(__LINE__, "xfs.directories");
	}
	images_close();
}

/* Entries and attributes in inodes. */
static void test_short(void)
{
	images_open("fixtures/xfs/plain.zst");
	uint8_t *p = im.data + xfs_inode_at(&im, number_of("etc"));
	uint8_t *q = im.data + xfs_inode_at(&im, number_of("etc/hostname"));
	uint8_t *empty = im.data + xfs_inode_at(&im, number_of("empty"));
	NEED(p[5] == 1 && p[176] == 1 && !p[177] && p[182] == 8 && empty[5] == 1 && !empty[176] && q[82] && q[83] == 1);
	static const unsigned places[] = {0, 95, 0xfff0, 4048};
	for (size_t n = 0; n < ARRAY_SIZE(places); n++) {
		number = n;
		put_be(p + 183, places[n], 2);
		xfs_mend(p, 512, 100);
		told(__LINE__, "xfs.directories");
	}
	/* Wide numbers, where none is needed, and one that there can't be. */
	uint64_t parent = get_be32(empty + 178);
	for (unsigned n = 0; n < 2; n++) {
		empty[177] = 1;
		put_be(empty + 178, parent | (uint64_t)n << 33, 8);
		put_be(empty + 56, 10, 8);
		xfs_mend(empty, 512, 100);
		told(__LINE__, "xfs.directories");
	}
	uint64_t host = get_be32(p + 194);
	p[177] = 1;
	memmove(p + 186, p + 182, 12);
	put_be(p + 178, parent, 8);
	put_be(p + 198, host, 8);
	put_be(p + 56, 30, 8);
	xfs_mend(p, 512, 100);
	told(__LINE__, "xfs.directories");
	static const struct {
		unsigned at, value;
	} attrs[] = {{6, 1}, {6, 6}, {6, 0x80}, {4, 0}};
	uint8_t *a = q + 176 + q[82] * 8;
	for (size_t n = 0; n < ARRAY_SIZE(attrs); n++) {
		number = n;
		if (attrs[n].at == 4)
			a[5] = (uint8_t)(a[5] + a[4]);
		a[attrs[n].at] = (uint8_t)attrs[n].value;
		xfs_mend(q, 512, 100);
		told(__LINE__, "xfs.xattrs");
	}
	images_close();
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
	RUN(test_rooms);
	RUN(test_leaf);
	RUN(test_short);
	RUN(test_superblock);
	return test_done();
}
