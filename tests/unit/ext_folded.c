// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Hash trees of ext directories that do not regard case, with and without encryption, and of two levels; and what is
 * said of what is not looked at.
 */
#include "ext_edit.h"

static struct image folded;

#define CASEFOLD 0x40000000u
#define ENCRYPT 0x800u

static struct where leaf(unsigned k)
{
	return find(&folded, "Folded", k);
}

static uint8_t *name_in(struct image *im, const char *name)
{
	uint8_t *p = memmem(im->data, im->len, name, strlen(name));
	NEED(p);
	return p;
}

static void or_le32(uint8_t *p, uint32_t bits)
{
	put(p, get_le32(p) | bits, 4);
}

static void test_names(void)
{
	struct image im = copy_of(&folded);
	struct opened o = open_image(&im, true);
	autofree char *list = list_fs(o.fs, 65536, &o.e);
	CHECK(list && strstr(list, " Folded/Straße\n") && strstr(list, " Folded/\u0130stanbul\n") &&
	      strstr(list, " Folded/e\u0301\n"));
	close_image(&o);
	EXPECT(&im, OUTCOME_HELD, "ext.directories");
	/* Other letters, the same hash; a kernel that regards case would look elsewhere. */
	uint8_t *p = name_in(&im, "A-Name-Long-Enough-To-Fill-The-Blocks-16");
	for (unsigned k = 0; k < 6; k++)
		p[k] = (uint8_t)(p[k] >= 'a' && p[k] <= 'z' ? p[k] - 32 : p[k] >= 'A' && p[k] <= 'Z' ? p[k] + 32 : p[k]);
	EXPECT(&im, OUTCOME_HELD, "ext.directories");
	p = im.data + leaf(0).inode + 32;
	put(p, get_le32(p) & ~CASEFOLD, 4);
	EXPECT(&im, OUTCOME_BROKEN, "ext.directories");
	free(im.data);
	/* Another name, with another hash. */
	im = copy_of(&folded);
	*name_in(&im, "Name-Long-Enough-To-Fill-The-Blocks-16") = 'X';
	EXPECT(&im, OUTCOME_BROKEN, "ext.directories");
	free(im.data);
	/* Beyond ASCII that is not known to be damage. */
	im = copy_of(&folded);
	p = name_in(&im, "\u00c9COLE");
	unsigned told = 0;
	for (unsigned c = 'a'; c <= 'z'; c++) {
		p[3] = (uint8_t)c;
		struct opened t = open_image(&im, true);
		enum outcome out = findings_proof(&t.f, PROOF_STRUCTURE);
		CHECK(out == OUTCOME_HELD || (out == OUTCOME_UNPROVEN && has_finding(&t.f, "ext.directories", out) &&
					      !has_finding(&t.f, "ext.directories", OUTCOME_HELD)));
		told += out == OUTCOME_UNPROVEN;
		close_image(&t);
	}
	CHECK(told > 5 && told < 26);
	/* What is no text is not folded. */
	uint8_t *text = name_in(&im, "A-Name-Long-Enough-To-Fill-The-Blocks-16"), before = text[3];
	memcpy(im.data, folded.data, im.len);
	text[0] = 0xff;
	unsigned held = 0, others = 0;
	for (unsigned c = 'A'; c <= 'Z' + 26; c++) {
		ext2_dirhash_t hash, minor;
		uint32_t seed[4];
		text[3] = (uint8_t)(c > 'Z' ? c - 26 : c);
		/* Of bytes with a sign, and of such without, as the machine had them that made it. */
		im.data[1024 + 0x160] = c > 'Z' ? 2 : 1;
		memcpy(seed, im.data + 1024 + 0xec, 16);
		NEED(!ext2fs_dirhash(EXT2_HASH_HALF_MD4 + (im.data[1024 + 0x160] & 2 ? EXT2_HASH_LEGACY_UNSIGNED : 0),
				     (char *)text, 40, seed, &hash, &minor));
		uint8_t *root = im.data + leaf(0).block;
		unsigned at = 0;
		while (leaf(get_le32(root + 36 + at * 8)).block != (uint64_t)(text - im.data) / 1024 * 1024)
			at++;
		bool here = (!at || hash >= get_le32(root + 32 + at * 8)) && (at == 2 || hash < get_le32(root + 40 + at * 8));
		held += here;
		/* (Other names that are not folded to ASCII have other hashes then.) */
		EXPECT(&im, here && c <= 'Z' ? OUTCOME_HELD : OUTCOME_UNPROVEN, "ext.directories");
		struct opened o2 = open_image(&im, true);
		for (size_t i = 0; c > 'Z' && i < o2.f.count; i++)
			if (o2.f.items[i].outcome == OUTCOME_UNPROVEN) {
				unsigned n = (unsigned)atoi(o2.f.items[i].detail);
				others = others ? others : n - !here;
				CHECK_INT(n, others + !here);
			}
		close_image(&o2);
	}
	text[3] = before;
	CHECK(held > 0 && held < 52 && others > 0);
	free(im.data);
}

static void test_tables(void)
{
	struct image im = copy_of(&folded);
	put(im.data + 1024 + 0x27c, 9, 2);
	EXPECT(&im, OUTCOME_UNPROVEN, "ext.features");
	/* The rest is verified all the same. */
	put(im.data + leaf(0).block + 36 + 8, 1, 4);
	EXPECT(&im, OUTCOME_BROKEN, "ext.directories");
	free(im.data);
}

/* Names that are encrypted, too, have their hash beside them. */
static void test_beside(void)
{
	struct image im = copy_of(&folded);
	uint8_t *root = im.data + leaf(0).block;
	struct where inode = leaf(0);
	struct {
		uint32_t inode;
		uint8_t length, type;
		char name[256];
	} names[64];
	unsigned count = 0, done = 0;
	for (unsigned k = 1; k < 4; k++)
		for (unsigned at = 0; at < 1024;) {
			const uint8_t *p = folded.data + leaf(k).block + at;
			NEED(count < ARRAY_SIZE(names) && get_le16(p + 4));
			names[count].inode = get_le32(p);
			names[count].length = p[6];
			names[count].type = p[7];
			memcpy(names[count++].name, p + 8, p[6]);
			at += get_le16(p + 4);
		}
	uint8_t *last = NULL;
	for (unsigned k = 1; k < 4; k++) {
		uint8_t *p = im.data + leaf(k).block;
		uint32_t low = k > 1 ? get_le32(root + 32 + 8 * (k - 1)) : 0;
		memset(p, 0, 1024);
		for (unsigned at = 0; done < count; done++) {
			unsigned padded = (names[done].length + 3) / 4 * 4, len = 8 + padded + 8;
			if (at + len > 1024)
				break;
			last = p + at;
			put(last, names[done].inode, 4);
			put(last + 4, len, 2);
			last[6] = names[done].length;
			last[7] = names[done].type;
			memcpy(last + 8, names[done].name, names[done].length);
			put(last + 8 + padded, low + 2 * done, 4);
			at += len;
		}
		put(last + 4, get_le16(last + 4) + 1024 - (size_t)(last + get_le16(last + 4) - p), 2);
	}
	NEED(done == count && last);
	or_le32(im.data + 1024 + 0x60, 0x10000);
	or_le32(im.data + inode.inode + 32, ENCRYPT);
	/* The hash is none that has no key. */
	EXPECT(&im, OUTCOME_BROKEN, "ext.directories");
	root[28] = EXT2_HASH_SIPHASH;
	EXPECT(&im, OUTCOME_HELD, "ext.directories");
	uint8_t *beside = last + 8 + (last[6] + 3u) / 4 * 4;
	put(beside, 2, 4);
	EXPECT(&im, OUTCOME_BROKEN, "ext.directories");
	put(beside, get_le32(root + 32 + 16), 4);
	EXPECT(&im, OUTCOME_HELD, "ext.directories");
	/* And one that has a key is in no other directory; nor is there room for it where the names end. */
	put(im.data + inode.inode + 32, get_le32(im.data + inode.inode + 32) & ~ENCRYPT, 4);
	EXPECT(&im, OUTCOME_BROKEN, "ext.directories");
	free(im.data);
	im = copy_of(&folded);
	or_le32(im.data + 1024 + 0x60, 0x10000);
	or_le32(im.data + inode.inode + 32, ENCRYPT);
	im.data[inode.block + 28] = EXT2_HASH_SIPHASH;
	EXPECT(&im, OUTCOME_BROKEN, "ext.directories");
	free(im.data);
}

/* Names with one hash may go on in the next leaf, whose bound is odd then. */
static void test_collisions(void)
{
	struct image im = copy_of(&folded);
	struct where root = find(&folded, "deep", 0);
	uint64_t inner = find(&folded, "deep", get_le32(im.data + root.block + 36)).block;
	const uint8_t *p = im.data + find(&folded, "deep", get_le32(im.data + inner + 12)).block;
	uint32_t seed[4], most = 0;
	memcpy(seed, im.data + 1024 + 0xec, 16);
	for (unsigned at = 0; at < 1024; at += get_le16(p + at + 4)) {
		ext2_dirhash_t hash, minor;
		NEED(get_le32(p + at) && !ext2fs_dirhash(EXT2_HASH_HALF_MD4, (const char *)p + at + 8, p[at + 6], seed, &hash,
							 &minor));
		most = hash > most ? hash : most;
	}
	NEED(most < get_le32(im.data + inner + 16));
	put(im.data + inner + 16, most, 4);
	EXPECT(&im, OUTCOME_BROKEN, "ext.directories");
	put(im.data + inner + 16, most | 1, 4);
	EXPECT(&im, OUTCOME_HELD, "ext.directories");
	put(im.data + inner + 16, get_le32(folded.data + inner + 16) | 1, 4);
	EXPECT(&im, OUTCOME_HELD, "ext.directories");
	/* Names that are encrypted are hashed as they are stored. */
	or_le32(im.data + 1024 + 0x60, 0x10000);
	or_le32(im.data + root.inode + 32, ENCRYPT);
	EXPECT(&im, OUTCOME_HELD, "ext.directories");
	free(im.data);
}

static void test_levels(void)
{
	static const struct {
		unsigned inner, at, width;
		uint32_t value;
	} cases[] = {
		{0, 30, 1, 0}, {0, 30, 1, 2}, {0, 36, 4, 0},	 {0, 44, 4, 135},     {0, 40, 4, 0xfffffff0},
		{1, 8, 2, 9},  {1, 10, 2, 0}, {1, 10, 2, 1000}, {1, 16, 4, 0xfffffff0}, {1, 20, 4, 0},
		{1, 20, 4, 135}, {1, 20, 4, 1},
	};
	struct where root = find(&folded, "deep", 0);
	uint64_t inner = find(&folded, "deep", get_le32(folded.data + root.block + 36)).block;
	for (size_t k = 0; k < ARRAY_SIZE(cases); k++) {
		struct image im = copy_of(&folded);
		int before = test_bad_here;
		put(im.data + (cases[k].inner ? inner : root.block) + cases[k].at, cases[k].value, cases[k].width);
		EXPECT(&im, OUTCOME_BROKEN, "ext.directories");
		/* A third level only by a feature. */
		or_le32(im.data + 1024 + 0x60, 0x4000);
		EXPECT(&im, OUTCOME_BROKEN, "ext.directories");
		if (test_bad_here != before)
			fprintf(stderr, "case %zu\n", k);
		free(im.data);
	}
}

/* Trees of fs-verity are not read, and that is told. */
static void test_verity(void)
{
	struct image im = copy_of(&folded);
	or_le32(im.data + 1024 + 0x64, 0x8000);
	EXPECT(&im, OUTCOME_HELD, NULL);
	or_le32(im.data + find(&folded, "one", 0).inode + 32, 0x100000);
	EXPECT(&im, OUTCOME_HELD, NULL);
	struct opened o = open_image(&im, true);
	CHECK(has_finding(&o.f, "ext.verity", OUTCOME_SKIPPED));
	close_image(&o);
	free(im.data);
}

int main(void)
{
	folded = load_zst("fixtures/ext/rich/folded.img.zst");
	RUN(test_names);
	RUN(test_tables);
	RUN(test_beside);
	RUN(test_collisions);
	RUN(test_levels);
	RUN(test_verity);
	free(folded.data);
	return test_done();
}
