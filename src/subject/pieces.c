// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Files that were split: disk.img.zst.aa and .ab as split(1) and Clonezilla name them, .00 as split -d does, disk.000
 * or disk.001 as imaging programs do, .part-aa as people do. A gap and a piece of another size than the first are
 * said; that the last one is there, only what is inside can tell.
 */
#include <ctype.h>
#include <strings.h>

#include "backproof/text.h"
#include "parts.h"
#include "pieces.h"

/* Behind the last dot, and behind "part-", "part_" or "part" there: "aa" or "000". NULL: no dot. */
static const char *piece_mark(const char *name)
{
	const char *dot = strrchr(name, '.'), *s = dot ? dot + 1 : NULL;
	if (!dot || dot == name)
		return NULL;
	if (!strncmp(s, "part", 4))
		s += 4 + (s[4] == '-' || s[4] == '_');
	return s;
}

/* ".aa", ".00" or ".000": the number of the piece, counted from 0, and how it is written; -1: none. */
static long piece_number(const char *name, bool *letters)
{
	const char *mark = piece_mark(name);
	size_t n = mark ? strlen(mark) : 0;
	const unsigned char *s = (const unsigned char *)mark;
	if (n != 2 && n != 3)
		return -1;
	*letters = n == 2 && islower(s[0]);
	if (*letters)
		return islower(s[1]) ? (s[0] - 'a') * 26 + (s[1] - 'a') : -1;
	return strspn(mark, "0123456789") == n ? strtol(mark, NULL, 10) : -1;
}

bool is_piece_name(const char *name)
{
	bool letters;
	size_t stem = 0, n;
	char whole[512];
	if (piece_number(name, &letters) < 0 || (n = (size_t)(strrchr(name, '.') - name)) >= sizeof whole)
		return false;
	memcpy(whole, name, n);
	whole[n] = '\0';
	/* disk.gz names a format and is no piece; disk.img.gz.aa is one. */
	return !format_by_suffix(name, &stem) &&
	       (format_by_suffix(whole, &stem) || strstr(whole, ".img") || strstr(whole, ".dd") ||
		strstr(whole, "-img") || strstr(whole, ".raw"));
}

static size_t stem_length(const char *path)
{
	return (size_t)(strrchr(path, '.') - path);
}

/* Two files of the same directory whose names differ in the piece alone. */
static bool same_whole(const struct part *a, const struct part *b)
{
	bool x, y;
	size_t n = stem_length(a->file->path);
	return piece_number(a->name, &x) >= 0 && piece_number(b->name, &y) >= 0 && x == y &&
	       strlen(a->name) == strlen(b->name) && n == stem_length(b->file->path) &&
	       !strncmp(a->file->path, b->file->path, n);
}

static int by_number(const void *a, const void *b)
{
	bool letters;
	long x = piece_number((*(struct part *const *)a)->name, &letters);
	long y = piece_number((*(struct part *const *)b)->name, &letters);
	return (x > y) - (x < y);
}

static void say_missing(struct part *head, long number, bool letters, struct findings *f)
{
	struct finding_text more = {.blame = BLAME_INCOMPLETE, .error = ERROR_MISSING};
	char suffix[24];
	if (letters)
		snprintf(suffix, sizeof suffix, "%c%c", (int)('a' + number / 26), (int)('a' + number % 26));
	else
		snprintf(suffix, sizeof suffix, "%0*ld", (int)strlen(piece_mark(head->name)), number);
	error_set(&head->failure, ERROR_MISSING, ERROR_NO_OFFSET, "its piece .%s is not in the restore point", suffix);
	finding_add(f, PROOF_PRESENCE, "part.pieces", head->name, OUTCOME_BROKEN, &more, "%s", head->failure.text);
}

/* The pieces in their order: nothing between them is missing, and all but the last are of one size. */
static void judge(struct part *head, struct findings *f)
{
	bool letters;
	long first = piece_number(head->name, &letters), expected = first + 1;
	uint64_t size = head->file->size;
	if (first > (letters ? 0 : 1)) {
		say_missing(head, letters ? 0 : 1, letters, f);
		return;
	}
	for (size_t i = 0; i < head->pieces.count; i++, expected++) {
		struct part *piece = head->pieces.items[i];
		bool last = i + 1 == head->pieces.count;
		struct finding_text more = {.error = ERROR_CORRUPT};
		if (piece_number(piece->name, &letters) != expected) {
			say_missing(head, expected, letters, f);
			return;
		}
		if (last ? piece->file->size > size : piece->file->size != size)
			finding_add(f, PROOF_STRUCTURE, "part.pieces", piece->name, OUTCOME_BROKEN, &more,
				    "%llu bytes where the pieces before have %llu: it was cut, or is of another file",
				    (unsigned long long)piece->file->size, (unsigned long long)size);
	}
}

static int join(struct part *head, struct part **all, size_t count, struct findings *f, struct error *e)
{
	qsort(all, count, sizeof *all, by_number);
	head = all[0];
	for (size_t i = 1; i < count; i++) {
		struct part **slot = vec_push(&head->pieces);
		if (!slot)
			return error_nomem(e);
		*slot = all[i];
		all[i]->kind = PART_PIECE;
		all[i]->head = head;
	}
	judge(head, f);
	return 0;
}

int pieces_assign(struct subject *s, struct findings *f, struct error *e)
{
	autofree struct part **all = calloc(s->part_count + 1, sizeof *all);
	bool letters;
	if (!all)
		return error_nomem(e);
	for (size_t i = 0; i < s->part_count; i++) {
		struct part *pt = &s->parts[i];
		size_t count = 0;
		if (pt->head || pt->pieces.count || pt->note || piece_number(pt->name, &letters) < 0)
			continue;
		all[count++] = pt;
		for (size_t k = i + 1; k < s->part_count; k++)
			if (!s->parts[k].head && !s->parts[k].note && same_whole(pt, &s->parts[k]))
				all[count++] = &s->parts[k];
		if (count > 1 ? join(pt, all, count, f, e) < 0 : is_piece_name(pt->name) && (judge(pt, f), false))
			return -1;
	}
	return 0;
}
