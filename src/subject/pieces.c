// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Files that were split: disk.img.zst.aa and .ab as split(1) and Clonezilla name them, .00 as split -d does, disk.000
 * or disk.001 as imaging programs do, .part-aa as people do; see piece.h. A gap and a piece of another size than the
 * first are said; that the last one is there, only what is inside can tell.
 */
#include "pieces.h"

#include "backproof/piece.h"
#include "backproof/text.h"
#include "parts.h"

bool is_piece_name(const char *name)
{
	size_t stem = 0, at = piece_mark(name, strlen(name)), n;
	char whole[512];
	if (!at || !piece_told(name + at, strlen(name + at)) ||
	    (n = (size_t)(strrchr(name, '.') - name)) >= sizeof whole)
		return false;
	memcpy(whole, name, n);
	whole[n] = '\0';
	/* disk.gz names a format and is no piece; disk.img.gz.aa is one. */
	return !format_by_suffix(name, &stem) &&
	       (format_by_suffix(whole, &stem) || strstr(whole, ".img") || strstr(whole, ".dd") ||
		strstr(whole, "-img") || strstr(whole, ".raw"));
}

static void say_missing(struct part *head, const struct piece_row *row, long number, struct findings *f)
{
	struct finding_text more = {.blame = BLAME_INCOMPLETE, .error = ERROR_MISSING};
	char mark[PIECE_MARK_MAX + 1] = "?";
	(void)!piece_text(row, number, mark);
	error_set(&head->failure, ERROR_MISSING, ERROR_NO_OFFSET, "its piece .%s is not in the restore point", mark);
	finding_add(f, PROOF_PRESENCE, "part.pieces", head->name, OUTCOME_BROKEN, &more, "%s", head->failure.text);
}

static uint64_t size_of(const struct part *head, size_t i)
{
	return i ? head->pieces.items[i - 1]->file->size : head->file->size;
}

/*
 * split -b fills all pieces but the last. split -n makes as many as asked for: the last one is longer by what can't be
 * divided, or (from coreutils 9.2 on) that many of the first ones by a byte each.
 */
static bool is_divided(const struct part *head)
{
	size_t count = 1 + head->pieces.count;
	bool last = true, each = true;
	uint64_t total = 0;
	for (size_t i = 0; i < count; i++)
		total += size_of(head, i);
	uint64_t size = total / count, rest = total % count;
	for (size_t i = 0; i < count; i++) {
		last = last && size_of(head, i) == size + (i + 1 == count ? rest : 0);
		each = each && size_of(head, i) == size + (i < rest);
	}
	return last || each;
}

/* The pieces in their order: nothing between them is missing, and all but the last are of one size. */
static void judge(struct part *head, const struct piece *first, const struct piece *const *row, struct findings *f)
{
	long expected = first->number + 1, start = first->row.digits == PIECE_LETTERS ? 0 : 1;
	uint64_t size = head->file->size;
	if (first->number > start) {
		say_missing(head, &first->row, start, f);
		return;
	}
	bool divided = is_divided(head);
	for (size_t i = 0; i < head->pieces.count; i++, expected++) {
		struct part *piece = head->pieces.items[i];
		bool last = i + 1 == head->pieces.count;
		struct finding_text more = {.error = ERROR_CORRUPT};
		if (row[i + 1]->number != expected) {
			say_missing(head, &first->row, expected, f);
			return;
		}
		if (!divided && (last ? piece->file->size > size : piece->file->size != size))
			finding_add(f, PROOF_STRUCTURE, "part.pieces", piece->name, OUTCOME_BROKEN, &more,
				    "%llu bytes where the pieces before have %llu: it was cut, or is of another file",
				    (unsigned long long)piece->file->size, (unsigned long long)size);
	}
}

static int by_number(const void *a, const void *b)
{
	long x = (*(const struct piece *const *)a)->number, y = (*(const struct piece *const *)b)->number;
	return (x > y) - (x < y);
}

/* row: the pieces of one file, in any order; of pieces, one a part. */
static int join(struct subject *s, const struct piece *all, const struct piece **row, size_t count, struct findings *f,
		struct error *e)
{
	qsort(row, count, sizeof *row, by_number);
	struct part *head = &s->parts[row[0] - all];
	for (size_t i = 1; i < count; i++) {
		struct part *pt = &s->parts[row[i] - all], **slot = vec_push(&head->pieces);
		if (!slot)
			return error_nomem(e);
		*slot = pt;
		pt->kind = PART_PIECE;
		pt->head = head;
	}
	if (count > 1 || is_piece_name(head->name))
		judge(head, row[0], row, f);
	return 0;
}

int pieces_assign(struct subject *s, struct findings *f, struct error *e)
{
	autofree struct piece *all = calloc(s->part_count + 1, sizeof *all);
	autofree const struct piece **row = calloc(s->part_count + 1, sizeof *row);
	if (!all || !row)
		return error_nomem(e);
	for (size_t i = 0; i < s->part_count; i++) {
		const struct part *pt = &s->parts[i];
		all[i] = (struct piece){.path = pt->file->path, .size = pt->file->size};
		all[i].left_out = pt->head || pt->pieces.count || pt->note;
	}
	if (pieces_find(all, s->part_count) < 0)
		return error_nomem(e);
	for (size_t i = 0; i < s->part_count; i++) {
		size_t count = 0;
		if (all[i].head != i)
			continue;
		for (size_t k = 0; k < s->part_count; k++)
			if (all[k].head == i)
				row[count++] = &all[k];
		if (join(s, all, row, count, f, e) < 0)
			return -1;
	}
	return 0;
}
