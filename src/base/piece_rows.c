// SPDX-License-Identifier: GPL-3.0-or-later
/* Which files are pieces of one. */
#include "piece_mark.h"

/* One of those that are alike but for their marks. */
struct member {
	size_t index; /* in all files */
	const char *mark;
	size_t len;
	uint64_t size;
	long number; /* -1: it can't be in the row */
	bool in;
};

/* .0a, and no .10 behind .09: the digits are hexadecimal. "e01" says nothing. */
static void ask_for_hex(const struct member *m, size_t count, struct piece_row *row)
{
	for (size_t i = 0; i < count && row->digits == PIECE_DECIMAL; i++)
		if (m[i].len == row->width && *m[i].mark <= '9' && mark_is_of(m[i].mark, m[i].len, PIECE_HEX) &&
		    !mark_is_of(m[i].mark, m[i].len, PIECE_DECIMAL))
			row->digits = PIECE_HEX;
}

/* How they are numbered: by the first one, digits and short ones before others; else by what can only be a piece. */
static bool find_row(const struct member *m, size_t count, struct piece_row *row)
{
	struct piece_row r;
	bool found = false;
	for (size_t i = 0; i < count; i++) {
		if (!piece_first(m[i].mark, m[i].len, &r))
			continue;
		bool before = r.digits != row->digits ? r.digits == PIECE_DECIMAL : r.width < row->width;
		if (found && !before)
			continue;
		*row = r;
		found = true;
	}
	for (size_t i = 0; i < count && !found; i++)
		if (piece_told(m[i].mark, m[i].len)) {
			bool letters = mark_is_of(m[i].mark, m[i].len, PIECE_LETTERS);
			*row = (struct piece_row){letters ? PIECE_LETTERS : PIECE_DECIMAL, m[i].len, false};
			found = true;
		}
	if (found)
		ask_for_hex(m, count, row);
	return found;
}

static int by_number(const void *a, const void *b)
{
	const struct member *x = a, *y = b;
	if (x->number != y->number)
		return (unsigned long)x->number < (unsigned long)y->number ? -1 : 1;
	return x->len != y->len ? (x->len < y->len ? -1 : 1) : (x->index > y->index) - (x->index < y->index);
}

/* Whatever stands beside a piece is one. */
static void join_neighbours(struct member *m, size_t count)
{
	for (size_t i = 1; i < count; i++)
		m[i].in = m[i].in || (m[i - 1].in && m[i].number == m[i - 1].number + 1);
	for (size_t i = count; i-- > 1;)
		m[i - 1].in = m[i - 1].in || (m[i].in && m[i].number == m[i - 1].number + 1);
}

/* Behind a gap: what has the size of the first, or may well be the last. */
static void join_behind(struct member *m, size_t count)
{
	long end = 0;
	for (size_t i = 0; i < count; i++)
		end = m[i].in ? m[i].number : end;
	for (size_t i = 1; i < count; i++) {
		bool last = m[i].size < m[0].size && m[i].number <= 2 * (end + 1) + 26;
		m[i].in = m[i].in || m[i].size == m[0].size || (last && !mark_is_suffix(m[i].mark, m[i].len));
	}
}

/* Sorts them: the row in front. Returns how many can be in it. */
static size_t fill_row(struct member *m, size_t count, struct piece_row *row)
{
	size_t numbered = 0;
	for (size_t i = 0; i < count; i++) {
		m[i].number = piece_number(row, m[i].mark, m[i].len);
		m[i].in = mark_told(row, m[i].mark, m[i].len);
		numbered += m[i].number >= 0;
	}
	size_t kept = numbered;
	qsort(m, count, sizeof *m, by_number);
	/* ".zaaa" has the number of ".za": they are not of one row. */
	for (size_t i = numbered; i-- > 1;)
		if (m[i].number == m[i - 1].number) {
			m[i].number = -1;
			kept--;
		}
	qsort(m, count, sizeof *m, by_number);
	struct piece_row first;
	join_neighbours(m, kept);
	if (kept && piece_first(m[0].mark, m[0].len, &first)) {
		join_behind(m, kept);
		join_neighbours(m, kept);
	}
	for (size_t i = 0; i < kept; i++)
		row->longer = row->longer || (m[i].in && m[i].len > row->width);
	return kept;
}

/* One row after the other, until none is left. */
static void find_rows(struct piece *all, struct member *m, size_t count)
{
	struct piece_row row = {PIECE_LETTERS, 0, false};
	while (count && find_row(m, count, &row)) {
		size_t kept = fill_row(m, count, &row), left = 0, head = PIECE_NONE;
		for (size_t i = 0; i < count; i++) {
			if (i >= kept || !m[i].in) {
				m[left++] = m[i];
				continue;
			}
			struct piece *p = &all[m[i].index];
			head = head == PIECE_NONE ? m[i].index : head;
			p->head = head;
			p->number = m[i].number;
			p->row = row;
		}
		if (left == count)
			return;
		count = left;
		row = (struct piece_row){PIECE_LETTERS, 0, false};
	}
}

int pieces_find(struct piece *all, size_t count)
{
	autofree struct member *m = calloc(count + 1, sizeof *m);
	autofree size_t *marks = calloc(count + 1, sizeof *marks);
	if (!m || !marks)
		return -1;
	for (size_t i = 0; i < count; i++) {
		all[i].head = PIECE_NONE;
		all[i].number = -1;
		marks[i] = all[i].left_out ? 0 : piece_mark(all[i].path, strlen(all[i].path));
	}
	for (size_t i = 0; i < count; i++) {
		size_t at = marks[i], n = 0;
		for (size_t k = i; k < count && at; k++) {
			if (marks[k] != at || memcmp(all[k].path, all[i].path, at))
				continue;
			const char *mark = all[k].path + at;
			m[n++] = (struct member){.index = k, .mark = mark, .len = strlen(mark), .size = all[k].size};
			marks[k] = 0;
		}
		find_rows(all, m, n);
	}
	return 0;
}
