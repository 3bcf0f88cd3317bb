// SPDX-License-Identifier: GPL-3.0-or-later
/* Names of pieces: what split(1) gives, in its order, and what only looks like it. */
#include "backproof/piece.h"

#include "backproof/text.h"
#include "../test.h"

static bool told(const char *mark)
{
	return piece_told(mark, strlen(mark));
}

static size_t mark_of(const char *name)
{
	return piece_mark(name, strlen(name));
}

static void marks(void)
{
	CHECK_INT(mark_of("a.img.aa"), 6);
	CHECK_INT(mark_of("/x.y/a.img.aaa"), 11);
	CHECK_INT(mark_of("a.img.part-aa"), 11);
	CHECK_INT(mark_of("a.img.part_00"), 11);
	CHECK_INT(mark_of("a.img.part01"), 10);
	CHECK_INT(mark_of("a.00f0"), 2);
	CHECK_INT(mark_of("a.part"), 2);
	static const char *const none[] = {"a", "aa", ".aa", "/b/.aa", "a.", "a.a", "a.b/aa", "a.AA", "a.img.E01", "a.a-b",
					   "a.abcdefghi", "a.x1", "a.1x", ""};
	for (size_t i = 0; i < ARRAY_SIZE(none); i++)
		CHECK_INT(mark_of(none[i]), 0);
}

static void by_themselves(void)
{
	static const char *const yes[] = {"aa", "zq", "aaa", "aaz", "aaaa", "aaab", "aaaaa", "00", "99", "000", "123", "0000",
					  "0009", "00001", "0a", "00f"};
	static const char *const no[] = {"a", "gz", "mf", "tar", "bak", "img", "sha", "iso", "raw", "old", "gpg", "age", "aba",
					 "zaaa", "2026", "0010", "9000", "e01", "b2", "aaaaaa", "000000", "1a", "0g"};
	for (size_t i = 0; i < ARRAY_SIZE(yes); i++)
		CHECK(told(yes[i]));
	for (size_t i = 0; i < ARRAY_SIZE(no); i++)
		CHECK(!told(no[i]));
	struct piece_row row;
	CHECK(piece_first("aaa", 3, &row) && row.digits == PIECE_LETTERS && row.width == 3 && !row.longer);
	CHECK(piece_first("01", 2, &row) && row.digits == PIECE_DECIMAL && row.width == 2);
	CHECK(piece_first("0000", 4, &row) && !piece_first("aab", 3, &row) && !piece_first("02", 2, &row));
	CHECK(!piece_first("0a", 2, &row) && !piece_first("a", 1, &row) && !piece_first("aaaaaa", 6, &row));
}

/* From one to the next, and back. */
static void numbers(void)
{
	static const struct {
		struct piece_row row;
		long number;
		const char *mark;
	} t[] = {
		{{PIECE_LETTERS, 2, false}, 0, "aa"},	    {{PIECE_LETTERS, 2, false}, 675, "zz"},
		{{PIECE_LETTERS, 2, true}, 649, "yz"},	    {{PIECE_LETTERS, 2, true}, 650, "zaaa"},
		{{PIECE_LETTERS, 2, true}, 650 + 25 * 676 - 1, "zyzz"},
		{{PIECE_LETTERS, 2, true}, 650 + 25 * 676, "zzaaaa"},
		{{PIECE_LETTERS, 3, false}, 26, "aba"},	    {{PIECE_LETTERS, 5, false}, 26 * 26 + 1, "aabab"},
		{{PIECE_DECIMAL, 2, true}, 89, "89"},	    {{PIECE_DECIMAL, 2, true}, 90, "9000"},
		{{PIECE_DECIMAL, 2, true}, 989, "9899"},    {{PIECE_DECIMAL, 2, true}, 990, "990000"},
		{{PIECE_DECIMAL, 2, true}, 9990, "99900000"},
		{{PIECE_DECIMAL, 2, false}, 99, "99"},	    {{PIECE_DECIMAL, 2, false}, 100, "100"},
		{{PIECE_DECIMAL, 3, false}, 1000, "1000"},  {{PIECE_DECIMAL, 4, false}, 12, "0012"},
		{{PIECE_HEX, 2, false}, 0x1f, "1f"},	    {{PIECE_HEX, 2, true}, 0xef, "ef"},
		{{PIECE_HEX, 2, true}, 0xf0, "f000"},	    {{PIECE_HEX, 3, false}, 0xabc, "abc"},
	};
	char out[PIECE_MARK_MAX + 1];
	for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
		CHECK_INT(piece_number(&t[i].row, t[i].mark, strlen(t[i].mark)), t[i].number);
		CHECK(piece_text(&t[i].row, t[i].number, out));
		CHECK_STR(out, t[i].mark);
	}
	const struct piece_row two = {PIECE_LETTERS, 2, false}, grown = {PIECE_LETTERS, 2, true};
	static const char *const none[] = {"aaa", "yaaa", "zzaa", "zzzaaa", "a", "zzzzaaaaa", "00", "aA", "zaaaa"};
	for (size_t i = 0; i < ARRAY_SIZE(none); i++)
		CHECK_INT(piece_number(&two, none[i], strlen(none[i])), -1);
	CHECK(!piece_text(&two, 676, out) && !piece_text(&two, -1, out) && !piece_text(&grown, 1L << 40, out));
	const struct piece_row three = {PIECE_DECIMAL, 3, false};
	CHECK_INT(piece_number(&three, "0100", 4), -1);
}

static void followers(void)
{
	CHECK(piece_follows("a.img.me", "a.img.mf") && piece_follows("a.img.asb", "a.img.asc"));
	CHECK(piece_follows("/b/a.yz", "/b/a.zaaa") && piece_follows("a.89", "a.9000") && piece_follows("a.b1", "a.b2"));
	CHECK(piece_follows("a.part-ab", "a.part-ac") && piece_follows("a.0f", "a.10") && piece_follows("a.09", "a.10"));
	CHECK(!piece_follows("b.img.me", "a.img.mf") && !piece_follows("a.img.md", "a.img.mf"));
	CHECK(!piece_follows("aa.img.me", "a.img.mf") && !piece_follows(".me", ".mf") && !piece_follows("a.me", "a.mx"));
	CHECK(!piece_follows("a.az", "a.baa") && !piece_follows("a.mf", "a.me") && !piece_follows("a.part-ab", "a.part_ac"));
}

/* "NAME:SIZE NAME:SIZE ..." -> the numbers of those in a row with the file in front, "-" for others. */
static const char *rows(const char *files)
{
	static char out[4096];
	struct strings names = {0};
	struct piece all[64] = {{0}};
	NEED(strings_split(&names, files) == 0 && names.count <= ARRAY_SIZE(all));
	for (size_t i = 0; i < names.count; i++) {
		char *colon = strchr(names.items[i], ':');
		all[i].size = colon ? strtoull(colon + 1, NULL, 10) : 10;
		if (colon)
			*colon = 0;
		all[i].path = names.items[i];
	}
	NEED(pieces_find(all, names.count) == 0);
	size_t n = 0;
	for (size_t i = 0; i < names.count; i++)
		n += (size_t)(all[i].head == PIECE_NONE ? snprintf(out + n, sizeof out - n, " -")
							 : snprintf(out + n, sizeof out - n, " %zu/%ld", all[i].head,
								    all[i].number));
	strings_free(&names);
	return n ? out + 1 : "";
}

static void found(void)
{
	CHECK_STR(rows("a.aa a.ab a.ac:3"), "0/0 0/1 0/2");
	CHECK_STR(rows("a.ab a.aa b.aa a.aaa"), "1/1 1/0 2/0 3/0");
	CHECK_STR(rows("a.img a.img.sha256 a.xz"), "- - -");
	/* The first may be missing. */
	CHECK_STR(rows("a.aac a.aab a.xyz"), "1/2 1/1 -");
	CHECK_STR(rows("a.02 a.03"), "0/2 0/3");
	CHECK_STR(rows("a.000 a.001 a.01"), "0/0 0/1 2/1");
	/* Both ways to count. */
	CHECK_STR(rows("a.00 a.09 a.0a a.10 a.0f"), "0/0 0/9 0/10 0/16 0/15");
	CHECK_STR(rows("a.00 a.09 a.10"), "0/0 0/9 0/10");
	CHECK_STR(rows("a.yz a.aa a.zaaa a.zaab:2"), "1/649 1/0 1/650 1/651");
	/* Not of one row: what has the same number. */
	CHECK_STR(rows("a.aa a.yz a.za a.zaaa"), "0/0 0/649 0/650 -");
	/* Suffixes of another meaning, unless they are between pieces or as large. */
	CHECK_STR(rows("a.aaa a.aab:4 a.tar:5 a.bak:99 a.img:7 a.foo:3"), "0/0 0/1 - - - -");
	CHECK_STR(rows("a.aa a.ab:4 a.gz:5 a.mf:1"), "0/0 0/1 - -");
	CHECK_STR(rows("a.aaa a.aaz a.aba a.abb:4"), "0/0 0/25 0/26 0/27");
	CHECK_STR(rows("a.aa a.me a.mf a.mg:2"), "0/0 0/316 0/317 0/318");
	CHECK_STR(rows("a.00 a.b2:3 a.01"), "0/0 - 0/1");
	/* Behind a gap: as large as the first; or smaller, the last. */
	CHECK_STR(rows("a.aaa a.aaz a.acd"), "0/0 0/25 0/55");
	CHECK_STR(rows("a.aaa a.aaz a.abb:4"), "0/0 0/25 0/27");
	CHECK_STR(rows("a.aaa a.aaz a.abb:40"), "0/0 0/25 -");
	CHECK_STR(rows("a.aaa a.aaz a.age:40 a.old:4"), "0/0 0/25 - -");
	CHECK_STR(rows("a.0000 a.0001 a.0012 a.2026:4"), "0/0 0/1 0/12 -");
	CHECK_STR(rows(""), "");
}

int main(void)
{
	RUN(marks);
	RUN(by_themselves);
	RUN(numbers);
	RUN(followers);
	RUN(found);
	return test_done();
}
