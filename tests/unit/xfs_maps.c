// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * XFS without what newer ones have, with maps of three levels and directories whose blocks lie in pieces; inodes of which
 * some were never made.
 */
#include "xfs_log_help.h"

static uint8_t *inode_of(const char *path)
{
	return im.data + xfs_inode_at(&im, number_of(path));
}

static void back(void)
{
	memcpy(im.data, whole.data, im.len);
}

static void says(int line, const char *check, enum outcome want, const char *word)
{
	seen = open_xfs(&im, true);
	bool said = false;
	for (size_t i = 0; i < seen.f.count; i++)
		said |= !strcmp(seen.f.items[i].check, check) && seen.f.items[i].outcome == want &&
			strstr(seen.f.items[i].detail, word);
	if (!said) {
		fprintf(stderr, "line %d, \"%s\": ", line, word);
		show_here(line, "not said");
	}
	/* Whatever is said, walking it ends. */
	if (seen.fs)
		free(list_fs(seen.fs, 65536, &seen.e));
	close_image(&seen);
}
#define BROKEN(check, word) says(__LINE__, check, OUTCOME_BROKEN, word)

/* A block of the map of `many`: of a level, the n-th on the disk. */
static uint8_t *block_of_map(unsigned level, unsigned skip)
{
	uint64_t owner = number_of("many"), from = log_start(), to = from + log_sectors() * 512;
	for (size_t at = 0; at < im.len; at += 1024) {
		const uint8_t *b = im.data + at;
		if ((at < from || at >= to) && !memcmp(b, "BMA3", 4) && get_be16(b + 4) == level &&
		    get_be64(b + 56 - 16) == get_be64(im.data + 32) && get_be64(b + 56) == owner && !skip--)
			return im.data + at;
	}
	NEED(!"such a block");
	return NULL;
}

static void test_levels(void)
{
	static const struct {
		unsigned level, at, bytes;
		uint64_t value;
		const char *word;
	} cases[] = {
		{1, 6, 2, 0, "a block of it makes no sense"}, {1, 6, 2, 300, "a block of it makes no sense"},
		{1, 4, 2, 0, "a block of it makes no sense"}, {1, 8, 8, 7, "not chained"},
		{1, 16, 8, 7, "do not end"},		      {1, 72, 8, 999, "does not begin where its parent says"},
		{1, 80, 8, 0, "keys out of order"},	      {1, 544, 8, 5ull << 40, "lies outside"},
		{0, 8, 8, 7, "not chained"},		      {0, 16, 8, 7, ""},
		{0, 72, 8, 999 << 9, "does not begin where its parent says"}, {0, 4, 2, 1, "a block of it makes no sense"},
	};
	for (size_t n = 0; n < ARRAY_SIZE(cases); n++) {
		uint8_t *b = block_of_map(cases[n].level, cases[n].level ? 0 : 3);
		put_be(b + cases[n].at, cases[n].value, cases[n].bytes);
		xfs_mend(b, 1024, 64);
		BROKEN("xfs.inodes", cases[n].word);
		back();
	}
	uint8_t *p = inode_of("many");
	NEED(p[5] == 3 && get_be16(p + 176) == 2);
	/* No room for a root. */
	p[82] = 2;
	p[83] = 2;
	put_be(p + 80, 0, 2);
	xfs_mend(p, 512, 100);
	BROKEN("xfs.inodes", "no room for its root");
	back();
	p = inode_of("small/f3");
	NEED(p[82] && p[83] == 2 && get_be16(p + 80));
	p[176 + p[82] * 8] |= 0x80;
	xfs_mend(p, 512, 100);
	BROKEN("xfs.inodes", "attribute map: an unwritten extent");
	back();
	p = inode_of("leaf");
	NEED(p[5] == 2);
	p[176] |= 0x80;
	xfs_mend(p, 512, 100);
	BROKEN("xfs.directories", "of it is missing");
	back();
}

struct extent_of {
	uint64_t logical, fsb, count;
};
static struct extent_of first_extent(const uint8_t *p)
{
	uint64_t a = get_be64(p + 176), b = get_be64(p + 184);
	return (struct extent_of){(a & INT64_MAX) >> 9, (a & 0x1ff) << 43 | b >> 21, b & ((1u << 21) - 1)};
}
static void put_extent(uint8_t *p, unsigned n, struct extent_of x)
{
	put_be(p + 176 + 16 * n, x.logical << 9 | x.fsb >> 43, 8);
	put_be(p + 184 + 16 * n, x.fsb << 21 | x.count, 8);
}

/* A block of a directory that lies in two places, and is logged so. */
static void test_pieces(void)
{
	uint8_t *p = inode_of("small");
	struct extent_of dir = first_extent(p), other = first_extent(inode_of("data"));
	NEED(p[5] == 2 && get_be32(p + 76) == 1 && dir.count == 4 && other.count > 4);
	uint64_t one = xfs_block_at(&im, dir.fsb), two = xfs_block_at(&im, other.fsb + 1);
	memcpy(im.data + two, im.data + one + 2048, 2048);
	memset(im.data + one + 2048, 0, 2048);
	put_be(p + 76, 2, 4);
	put_extent(p, 0, (struct extent_of){0, dir.fsb, 2});
	put_extent(p, 1, (struct extent_of){2, other.fsb + 1, 2});
	xfs_mend(p, 512, 100);
	/* Blocks of another file they are, too; but it is read. */
	says(__LINE__, "xfs.directories", OUTCOME_HELD, "");
	BROKEN("xfs.claims", "belong to something else too");
	uint8_t *before = whole.data;
	whole.data = im.data;
	im.data = malloc(im.len);
	NEED(im.data);
	for (unsigned how = 0; how < 4; how++) {
		uint8_t piece[2048];
		log_begin();
		trans_begin();
		memcpy(piece, im.data + one, sizeof piece);
		memset(piece + 4, 0, 4);
		if (how != 1)
			log_buffer(one, sizeof piece, 0, 10, 0, piece, sizeof piece);
		memcpy(piece, im.data + two, sizeof piece);
		if (how == 3) /* a change without its header: its sum stays as it was in memory */
			piece[2047] ^= 1;
		if (how != 2)
			log_buffer(two, sizeof piece, 0, 10, 0, piece, sizeof piece);
		trans_commit();
		record(0);
		if (how == 3)
			BROKEN("xfs.directories", "");
		else
			says(__LINE__, "xfs.directories", OUTCOME_HELD, "");
		seen = open_xfs(&im, false);
		CHECK(seen.fs && fs_info(seen.fs)->replayed);
		close_image(&seen);
	}
	free(whole.data);
	whole.data = before;
	back();
}

/* Of a chunk of inodes a part may not have been made. */
static void test_sparse(void)
{
	uint8_t *agi = im.data + 2 * 512, *records = im.data + (size_t)get_be32(agi + 20) * 4096, *r = NULL, *full = NULL;
	uint8_t *frees = im.data + (size_t)get_be32(agi + 328) * 4096, *f = NULL;
	NEED(!memcmp(records, "IAB3", 4) && !memcmp(frees, "FIB3", 4) && !get_be16(records + 4));
	for (unsigned i = 0; i < get_be16(records + 6); i++) {
		uint8_t *at = records + 56 + 16 * i;
		if (!get_be16(at + 4) && get_be64(at + 8) >> 56 == 0xff)
			r = at;
		else if (!get_be64(at + 8))
			full = at;
	}
	NEED(r && full);
	for (unsigned i = 0; i < get_be16(frees + 6); i++)
		if (get_be32(frees + 56 + 16 * i) == get_be32(r))
			f = frees + 56 + 16 * i;
	NEED(f);
	for (unsigned k = 0; k < 2; k++) {
		uint8_t *at = k ? f : r;
		put_be(at + 4, 0xc000, 2);
		at[6] = 56;
		at[7] = (uint8_t)(at[7] - 8);
	}
	put_be(agi + 16, get_be32(agi + 16) - 8, 4);
	put_be(agi + 28, get_be32(agi + 28) - 8, 4);
	xfs_mend(records, 4096, 52);
	xfs_mend(frees, 4096, 52);
	xfs_mend(agi, 512, 312);
	/* (The block that holds none is free now, but in no list of such.) */
	says(__LINE__, "xfs.groups", OUTCOME_HELD, "");
	says(__LINE__, "xfs.space", OUTCOME_SKIPPED, "1 blocks");
	seen = open_xfs(&im, true);
	CHECK_INT(findings_proof(&seen.f, PROOF_STRUCTURE), OUTCOME_HELD);
	close_image(&seen);
	/* What was not made is marked free. */
	put_be(r + 8, get_be64(r + 8) & ~(1ull << 60), 8);
	xfs_mend(records, 4096, 52);
	BROKEN("xfs.groups", "a record of inodes that makes no sense");
	back();
	/* In the tree of free ones there is one that has none. */
	put_be(f, get_be32(full), 4);
	put_be(f + 8, 0, 8);
	xfs_mend(frees, 4096, 52);
	BROKEN("xfs.groups", "the tree of free inodes");
	back();
	/* The last of a group goes beyond its end. */
	r = records + 56 + 16 * (get_be16(records + 6) - 1);
	put_be(r, (get_be32(im.data + 84) - 1) * 8, 4);
	xfs_mend(records, 4096, 52);
	BROKEN("xfs.groups", "inodes that lie outside");
	back();
}

static void go_to(const char *path, uint64_t parent, uint64_t child)
{
	uint8_t *p = inode_of(path);
	NEED(p[5] == 1 && p[176] == (child ? 1 : 0) && !p[177]);
	put_be(p + 178, parent, 4);
	if (child)
		put_be(p + 187, child, 4);
	xfs_mend(p, 512, 100);
}

/* Directories that lead to each other, with all counts right: nobody finds them from the root. */
static void test_tree(void)
{
	uint64_t d = number_of("deep"), a = number_of("deep/a"), b = number_of("deep/a/b"), c = number_of("deep/a/b/c");
	uint64_t root = get_be64(im.data + 56);
	go_to("deep", root, c);
	go_to("deep/a/b/c", d, 0);
	go_to("deep/a/b", a, a);
	go_to("deep/a", b, b);
	BROKEN("xfs.directories", "is inside itself");
	says(__LINE__, "xfs.links", OUTCOME_HELD, "");
	back();
	go_to("deep/a/b", a, a);
	BROKEN("xfs.directories", "is in inode");
	BROKEN("xfs.directories", "is in no other");
	back();
	go_to("deep/a/b/c", a, 0);
	BROKEN("xfs.directories", "but it is in inode");
	back();
	/* The root is its own. */
	uint8_t *p = im.data + xfs_inode_at(&im, root);
	if (p[5] == 1) {
		put_be(p + 178, d, 4);
		xfs_mend(p, 512, 100);
		BROKEN("xfs.directories", "but it is in inode");
		back();
	}
}

static void test_super(void)
{
	static const struct {
		unsigned at, bytes;
		uint64_t value;
	} cases[][4] = {
		{{4, 4, 512}, {120, 1, 9}, {104, 2, 1024}, {122, 1, 10}}, /* inodes larger than blocks */
		{{8, 8, 1ull << 52}, {84, 4, 1u << 28}, {124, 1, 28}, {88, 4, 1u << 24}},
		{{8, 8, 0}}, /* a last group of 63 blocks */
	};
	for (size_t n = 0; n < ARRAY_SIZE(cases); n++) {
		for (size_t k = 0; k < 4 && cases[n][k].bytes; k++)
			put_be(im.data + cases[n][k].at, cases[n][k].value, cases[n][k].bytes);
		if (n == 2)
			put_be(im.data + 8, get_be32(im.data + 84) + 63, 8);
		xfs_mend(im.data, 512, 224);
		seen = open_xfs(&im, false);
		CHECK(!seen.fs && seen.e.cls == ERROR_CORRUPT && strstr(seen.e.text, n ? "number of blocks" : "inode size"));
		close_image(&seen);
		back();
	}
	/* Times that are yet to come do not count. */
	struct opened o = open_xfs(&im, false);
	int64_t newest = 0;
	NEED(o.fs && fs_verify(o.fs, &o.f, NULL, 1000, &newest, &o.e) == 0);
	CHECK_INT(newest, 0);
	close_image(&o);
	/* On a device that is not here. */
	put_be(im.data + 16, 5000, 8);
	xfs_mend(im.data, 512, 224);
	uint8_t *p = inode_of("data");
	p[91] |= 1;
	put_be(p + 64, 0, 8);
	xfs_mend(p, 512, 100);
	says(__LINE__, "xfs.realtime", OUTCOME_UNSUPPORTED, "");
	back();
}

int main(void)
{
	images_open("fixtures/xfs/old.zst");
	RUN(test_levels);
	RUN(test_pieces);
	images_close();
	images_open("fixtures/xfs/plain.zst");
	RUN(test_sparse);
	RUN(test_tree);
	RUN(test_super);
	images_close();
	return test_done();
}
