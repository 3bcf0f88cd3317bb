// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The pieces of split files by their names: disk.img.zst.aa, .aaa, .00, .0000, .part-aa, as split(1) of GNU coreutils
 * numbers them: letters, decimal or hexadecimal digits (-d, -x, from 0 or 1), as wide as -a says. Two digits that were
 * not asked for grow where they run out: .yz .zaaa, .89 .9000, .ef .f000, .zyzz .zzaaaa.
 */
#ifndef BACKPROOF_PIECE_H
#define BACKPROOF_PIECE_H

#include "backproof/base.h"

enum piece_digits { PIECE_LETTERS, PIECE_DECIMAL, PIECE_HEX };
/* How the pieces of one file are numbered. */
struct piece_row {
	enum piece_digits digits;
	size_t width; /* of the first one */
	bool longer;  /* it has grown: there are wider ones */
};

#define PIECE_MARK_MIN 2
#define PIECE_MARK_MAX 8
#define PIECE_WIDTH_MAX 5 /* of a first one */

/*
 * Where what split may have put begins in name[0 .. len), which may have directories: behind the last dot, and behind
 * "part", "part-" or "part_" there. 0: there is nothing that could be. It may be a suffix of another meaning.
 */
size_t piece_mark(const char *name, size_t len);
/*
 * A mark that hardly means anything else: two letters, two or three digits, and of wider ones the first few (.aaa to
 * .aaz). All others are pieces only where they go on from these.
 */
bool piece_told(const char *mark, size_t len);
/* The first of a row: "aa", "000", "01". */
bool piece_first(const char *mark, size_t len, struct piece_row *row);
/* The number of a mark in a row, or -1. */
long piece_number(const struct piece_row *row, const char *mark, size_t len);
/* The mark with that number. false: there is none. */
bool piece_text(const struct piece_row *row, long number, char out[PIECE_MARK_MAX + 1]);
/* name is the next piece after before, whatever else its letters mean. */
bool piece_follows(const char *before, const char *name);

#define PIECE_NONE SIZE_MAX
struct piece {
	const char *path;
	uint64_t size;
	bool left_out;	 /* it takes no part */
	/* What pieces_find says: */
	size_t head;	 /* which of them is the first of its row that is there; PIECE_NONE: it is no piece */
	long number;
	struct piece_row row;
};
/*
 * Which of these files are pieces of one: alike but for their marks, and in one row. What bears a suffix of another
 * meaning, as .tar or .bak beside .aaa, is one only where the piece before or behind it is there, or it has the size
 * of the first; so a gap does not end a row. The first may be missing, and what is in a row may lack others: that is
 * for the caller to judge. -1: memory.
 */
int pieces_find(struct piece *all, size_t count) must_check;

#endif
