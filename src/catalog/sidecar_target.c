// SPDX-License-Identifier: GPL-3.0-or-later
#include "sidecar_target.h"

#include "backproof/format.h"
#include "backproof/piece.h"
#include "name.h"
#include "sidecar_names.h"

void sidecar_targets_free(struct sidecar_target *t, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		free(t[i].full);
		free(t[i].dir);
		free(t[i].common);
	}
	free(t);
}

/* disk.img.zst.aa, disk.001: a piece of an image. */
static bool is_of_image(const struct sidecar_target *t)
{
	size_t stem, n = strlen(t->base);
	struct span segment = {0, 0};
	return name_kind(t->base, n, &stem, &segment) != NAME_OTHER && segment.to == n;
}

/* Only the first one stands for all. */
static int find_pieces(struct sidecar_target *all, const struct restore_point *point)
{
	size_t count = point->count;
	autofree struct piece *pieces = calloc(count + 1, sizeof *pieces);
	if (!pieces)
		return -1;
	for (size_t i = 0; i < count; i++)
		pieces[i] = (struct piece){.path = all[i].full, .size = point->items[i].size, .left_out = all[i].note};
	if (pieces_find(pieces, count) < 0)
		return -1;
	for (size_t i = 0; i < count; i++)
		if (pieces[i].head != PIECE_NONE && is_of_image(&all[i])) {
			struct sidecar_target *first = &all[pieces[i].head];
			first->joined = (size_t)(strrchr(first->full, '.') - first->full);
		}
	for (size_t i = 0; i < count; i++) {
		const struct piece *p = &pieces[i];
		all[i].first = p->head != PIECE_NONE && all[p->head].joined ? &all[p->head] : NULL;
		if (!all[i].first)
			continue;
		all[i].first->row = p->row;
		all[i].first->end = p->number > all[i].first->end ? p->number : all[i].first->end;
	}
	return 0;
}

void sidecar_cover_pieces(struct sidecar_target *all, size_t count, const struct sidecar_target *first)
{
	for (size_t i = 0; i < count && first->joined; i++)
		all[i].covered = all[i].covered || all[i].first == first;
}

bool sidecar_is_piece(const struct sidecar_target *all, size_t count, const char *dir, const char *name)
{
	bool is = false;
	for (size_t i = 0; i < count && !is; i++)
		is = all[i].first && !strcmp(name, all[i].base) && !strcmp(all[i].dir, dir);
	return is;
}

bool sidecar_is_uncovered(const struct sidecar_target *t)
{
	return !t->covered && !t->note && (!sidecar_is_one(t->base) || t->first);
}

/* What the name without that many bytes' worth of suffixes is, decoded. */
static int set_stem(struct sidecar_target *t)
{
	size_t stem = 0, from = (size_t)(t->base - t->full);
	autofree char *whole = t->joined ? strndup(t->base, t->joined - from) : strdup(t->base);
	if (!whole)
		return -1;
	const struct format *format = format_by_suffix(whole, &stem);
	if (format && format->kind == FORMAT_CODEC && stem)
		t->stem = from + stem;
	return 0;
}

/* The name without what tells one file of a restore point from another. out: NAME_LIMIT + 1 bytes. */
static bool common_name(const char *base, char *out)
{
	struct name_info n;
	size_t len = strlen(base);
	name_read(base, len, &n);
	const struct span cuts[] = {n.disk, n.part, n.segment};
	if (n.kind != NAME_IMAGE || len > NAME_LIMIT || (!n.disk.to && !n.part.to && !n.segment.to))
		return false;
	size_t left = name_cut(out, base, len, cuts, ARRAY_SIZE(cuts), false);
	out[left] = '\0';
	return left;
}

static int fill(struct sidecar_target *t, const struct point_file *file)
{
	t->note = file->note;
	t->full = sidecar_absolute(file->path);
	if (!t->full)
		return -1;
	char *slash = strrchr(t->full, '/');
	t->dir = slash > t->full ? strndup(t->full, (size_t)(slash - t->full)) : strdup("/");
	t->base = slash + 1;
	char common[NAME_LIMIT + 1];
	bool shared = common_name(t->base, common);
	t->common = shared ? strdup(common) : NULL;
	return t->dir && (t->common || !shared) ? 0 : -1;
}

int sidecar_targets(const struct restore_point *point, struct sidecar_target **out, size_t *count)
{
	struct sidecar_target *all = *out = calloc(point->count ? point->count : 1, sizeof *all);
	*count = 0;
	if (!all)
		return -1;
	for (size_t i = 0; i < point->count; i++) {
		*count = i + 1;
		if (fill(&all[i], &point->items[i]) < 0)
			return -1;
	}
	if (find_pieces(all, point) < 0)
		return -1;
	for (size_t i = 0; i < *count; i++)
		if (set_stem(&all[i]) < 0)
			return -1;
	return 0;
}

/* A piece that goes on from these, though its letters may mean something else elsewhere. */
static bool goes_on(const struct sidecar_target *all, size_t count, const char *full)
{
	size_t at = piece_mark(full, strlen(full));
	for (size_t i = 0; i < count && at; i++) {
		const struct sidecar_target *t = &all[i];
		if (!t->joined || piece_mark(t->full, strlen(t->full)) != at || memcmp(t->full, full, at))
			continue;
		long n = piece_number(&t->row, full + at, strlen(full + at));
		if (n >= 0 && n <= t->end + 1)
			return true;
	}
	return false;
}

bool sidecar_is_sister(const struct sidecar_target *all, size_t count, const char *full)
{
	if (goes_on(all, count, full))
		return true;
	const char *base = strrchr(full, '/') + 1;
	char common[NAME_LIMIT + 1];
	size_t dir = (size_t)(base - full);
	bool shared = common_name(base, common);
	for (size_t i = 0; i < count && shared; i++)
		if (all[i].common && (size_t)(all[i].base - all[i].full) == dir && !strncmp(all[i].full, full, dir) &&
		    !strcmp(all[i].common, common))
			return true;
	return false;
}
