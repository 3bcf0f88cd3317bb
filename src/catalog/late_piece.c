// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Pieces of a split file whose names mean something else, or nothing, by themselves: disk.img.zst.br is the 44th and no
 * Brotli, disk.img.zst.mf the 318th and no manifest, disk.img.aba the 27th. They are told by the pieces before them.
 */
#include "late_piece.h"

#include <errno.h>
#include <fcntl.h>

#include "backproof/door.h"
#include "backproof/piece.h"
#include "backproof/text.h"
#include "scan.h"

/* Of rows as long as that the directory is read; of shorter ones, so many names behind the last one are looked at. */
#define ROW_LONG 80
#define LOOK_BEHIND 64
#define LOOK_BEHIND_HEX 256 /* .10 may be far behind .09, where the pieces between are lost */

/* The files of a restore point and of its directory that are alike but for their marks. */
struct row {
	size_t at;	     /* of the mark in each path */
	char *room;	     /* a path of it, to be given another mark */
	struct piece *own;   /* what the restore point has of it, sorted by path */
	size_t count;
	struct strings more; /* paths of others that may be pieces too */
};

static void row_free(struct row *r)
{
	free(r->room);
	free(r->own);
	strings_free(&r->more);
}

static int by_path(const void *a, const void *b)
{
	return strcmp(((const struct piece *)a)->path, ((const struct piece *)b)->path);
}

/* Where the mark of a piece of an image begins, or 0. */
static size_t mark_of_image(const char *path)
{
	const char *base = path_base(path);
	size_t stem, len = strlen(path), n = strlen(base), at = piece_mark(path, len);
	struct span segment;
	if (!at || n > NAME_LIMIT || !piece_told(path + at, len - at) ||
	    name_kind(base, n, &stem, &segment) == NAME_OTHER || segment.to != n)
		return 0;
	return at;
}

/* One that the names alone do not tell: the others have been found, or are not meant. */
static int add_unclear(struct row *r, const char *path)
{
	const struct piece key = {.path = path};
	if (piece_mark(path, strlen(path)) != r->at || piece_told(path + r->at, strlen(path + r->at)) ||
	    bsearch(&key, r->own, r->count, sizeof key, by_path))
		return 0;
	return strings_add(&r->more, path);
}

static int visit(void *ctx, int dir, const char *name, enum scan_type type, struct error *e)
{
	struct row *r = ctx;
	size_t from = (size_t)(path_base(r->room) - r->room);
	(void)dir;
	if (type == SCAN_DIR || strncmp(name, r->room + from, r->at - from))
		return 0;
	autofree char *path = text_format("%.*s%s", (int)from, r->room, name);
	return !path || add_unclear(r, path) < 0 ? error_nomem(e) : 0;
}

/* Is the piece with that number there, whose name says nothing? r->room is its path then. errno where it is not. */
static bool look(struct row *r, const struct piece_row *row, long number)
{
	struct stat st;
	errno = ENOENT;
	return piece_text(row, number, r->room + r->at) && !piece_told(r->room + r->at, strlen(r->room + r->at)) &&
	       lstat(r->room, &st) == 0;
}

/* Is there anything behind the last piece that is known? */
static bool goes_on(struct row *r, const struct piece *last)
{
	for (int hex = 0; hex <= (last->row.digits == PIECE_DECIMAL); hex++) {
		struct piece_row row = last->row;
		row.digits = hex ? PIECE_HEX : row.digits;
		for (long n = last->number + 1; n <= last->number + (hex ? LOOK_BEHIND_HEX : LOOK_BEHIND); n++)
			if (look(r, &row, n) || !door_absent(errno))
				return true;
	}
	return false;
}

/* Are there pieces whose names say nothing: between those that are known, or behind them? */
static bool any_unclear(struct row *r)
{
	for (size_t i = 0; i < r->count; i++)
		if (r->own[i].head != PIECE_NONE && r->own[i].number >= ROW_LONG)
			return true;
	for (size_t i = 0; i < r->count; i++) {
		const struct piece *last = &r->own[i];
		long count = 0;
		for (size_t k = 0; k < r->count && r->own[i].head == i; k++)
			if (r->own[k].head == i) {
				last = r->own[k].number > last->number ? &r->own[k] : last;
				count++;
			}
		if (count && (last->number - r->own[i].number + 1 > count || goes_on(r, last)))
			return true;
	}
	return false;
}

/* Of a directory that may be searched, and not listed: what follows on a piece, and on that. */
static int step(struct row *r, const struct piece *own, struct error *e)
{
	for (int longer = 0; longer <= 1; longer++) {
		struct piece_row row = own->row;
		row.longer = longer;
		for (long n = own->number + 1; look(r, &row, n) && !strings_has(&r->more, r->room); n++)
			if (add_unclear(r, r->room) < 0)
				return error_nomem(e);
	}
	return 0;
}

static int list(struct row *r, struct error *e)
{
	autofree char *directory = path_directory(r->room);
	bool unreadable = false;
	if (!directory)
		return error_nomem(e);
	autoclose int fd = scan_open(AT_FDCWD, directory, true);
	if (fd >= 0)
		return scan_dir(fd, directory, visit, r, &unreadable, e);
	if (errno != EACCES)
		return error_sys(e, "%s", directory);
	int rc = 0;
	for (size_t i = 0; i < r->count && rc == 0; i++)
		rc = r->own[i].head == PIECE_NONE ? 0 : step(r, &r->own[i], e);
	return rc;
}

static int add_file(struct restore_point *p, const char *path, const struct candidate *c, struct error *e)
{
	/* As of any other file of the newest. */
	if (c->lost) {
		error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "%s: the link leads nowhere", path);
		e->sys = ENOENT;
		return -1;
	}
	struct point_file *f = vec_push(p);
	if (!f || !(f->path = strdup(path)))
		return error_nomem(e);
	f->size = c->size;
	f->mtime = c->mtime;
	return 0;
}

/* Of r->more those that are in one row with those that are known. */
static int add_found(struct restore_point *p, const struct row *r, struct error *e)
{
	size_t count = r->count;
	autofree struct candidate *looks = calloc(r->more.count + 1, sizeof *looks);
	autofree struct piece *all = calloc(r->count + r->more.count + 1, sizeof *all);
	if (!looks || !all)
		return error_nomem(e);
	memcpy(all, r->own, r->count * sizeof *all);
	for (size_t i = 0; i < r->more.count; i++) {
		struct candidate *c = &looks[count - r->count];
		const char *path = r->more.items[i];
		*c = (struct candidate){.path = path};
		int found = candidate_look(AT_FDCWD, path, path, c, e);
		if (found < 0)
			return -1;
		if (found || c->lost)
			all[count++] = (struct piece){.path = path, .size = c->size};
	}
	if (pieces_find(all, count) < 0)
		return error_nomem(e);
	for (size_t i = r->count; i < count; i++)
		if (all[i].head != PIECE_NONE && add_file(p, all[i].path, &looks[i - r->count], e) < 0)
			return -1;
	return 0;
}

/* The row of a piece whose mark is at `at`. */
static int add_row(struct restore_point *p, const char *path, size_t at, struct error *e)
{
	struct row r __attribute__((cleanup(row_free))) = {.at = at};
	r.room = malloc(at + PIECE_MARK_MAX + 1);
	r.own = calloc(p->count + 1, sizeof *r.own);
	if (!r.room || !r.own)
		return error_nomem(e);
	memcpy(r.room, path, at);
	r.room[at] = '\0';
	for (size_t i = 0; i < p->count; i++) {
		const struct point_file *f = &p->items[i];
		if (!f->note && piece_mark(f->path, strlen(f->path)) == at && !memcmp(f->path, path, at))
			r.own[r.count++] = (struct piece){.path = f->path, .size = f->size};
	}
	qsort(r.own, r.count, sizeof *r.own, by_path);
	if (pieces_find(r.own, r.count) < 0)
		return error_nomem(e);
	if (!any_unclear(&r))
		return 0;
	return list(&r, e) < 0 || add_found(p, &r, e) < 0 ? -1 : 0;
}

int late_pieces_add(struct restore_point *p, struct error *e)
{
	size_t given = p->count;
	struct strings done __attribute__((cleanup(strings_free))) = {0};
	for (size_t i = 0; i < given; i++) {
		const char *path = p->items[i].path;
		size_t at = p->items[i].note ? 0 : mark_of_image(path);
		autofree char *stem = at ? strndup(path, at) : NULL;
		if (!at || (stem && strings_has(&done, stem)))
			continue;
		if (!stem || strings_add(&done, stem) < 0)
			return error_nomem(e);
		if (add_row(p, path, at, e) < 0)
			return -1;
	}
	return 0;
}

/* What is in front of the mark of a piece. */
struct stem {
	const char *path;
	size_t at;
};

static int by_stem(const void *a, const void *b)
{
	const struct stem *x = a, *y = b;
	int r = memcmp(x->path, y->path, x->at < y->at ? x->at : y->at);
	return r ? r : (x->at > y->at) - (x->at < y->at);
}

/* 1: the piece before this one is there. 0: it is not. -1: that can't be told. */
static int is_next(const struct stem *s, char *room, struct error *e)
{
	const char *mark = s->path + s->at;
	size_t len = strlen(mark);
	struct stat st;
	memcpy(room, s->path, s->at);
	for (enum piece_digits d = PIECE_LETTERS; d <= PIECE_HEX; d++)
		for (int k = 0; k < 4; k++) {
			const struct piece_row row = {d, k & 1 ? 2 : len, k & 2};
			if (!piece_text(&row, piece_number(&row, mark, len) - 1, room + s->at))
				continue;
			if (lstat(room, &st) == 0)
				return 1;
			if (!door_absent(errno))
				return error_sys(e, "%s", room);
		}
	return 0;
}

static size_t find_stems(const struct candidates *cs, struct stem *to)
{
	size_t n = 0;
	for (size_t i = 0; i < cs->count; i++) {
		const struct candidate *c = &cs->items[i];
		size_t at = c->segment && !c->partial ? mark_of_image(c->path) : 0;
		if (at)
			to[n++] = (struct stem){c->path, at};
	}
	if (n)
		qsort(to, n, sizeof *to, by_stem);
	return n;
}

int candidates_drop_pieces(struct candidates *cs, struct error *e)
{
	bool any = false;
	size_t kept = 0, longest = 0;
	for (size_t i = 0; i < cs->count; i++) {
		size_t n = strlen(cs->items[i].path);
		longest = n > longest ? n : longest;
		any = any || cs->items[i].segment;
	}
	if (!any)
		return 0;
	autofree struct stem *stems = calloc(cs->count, sizeof *stems);
	autofree char *room = malloc(longest + PIECE_MARK_MAX + 1);
	if (!stems || !room)
		return error_nomem(e);
	size_t count = find_stems(cs, stems);
	for (size_t i = 0; i < cs->count; i++) {
		const struct candidate *c = &cs->items[i];
		const struct stem it = {c->path, c->segment || c->lost ? 0 : piece_mark(c->path, strlen(c->path))};
		bool beside = it.at && count && bsearch(&it, stems, count, sizeof it, by_stem);
		int next = beside ? is_next(&it, room, e) : 0;
		if (next < 0)
			return -1;
		if (!next)
			cs->items[kept++] = *c;
	}
	cs->count = kept;
	return 0;
}
