// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * What a patch's record has of a restore point are the names of its files and the formats that were found in them. A
 * suffix counts where its format was found; what no name tells is what is left over of those, or unclear.
 */
#include "rollback_units.h"

#include <ctype.h>
#include <strings.h>

#include "backproof/piece.h"

void units_free(struct units *u)
{
	vec_each(u, it) strings_free(&it->files);
	vec_free(u);
}

static bool same_but_for(const char *a, const char *a_end, const char *b, const char *b_end)
{
	return a_end && b_end && a_end - a == b_end - b && !memcmp(a, b, (size_t)(a_end - a));
}

/* Where "-flat" or "-s001" of a VMDK's extent begins, before its suffix at dot; NULL: it is none. */
static const char *extent_of(const char *path, const char *dot)
{
	const char *dash = strrchr(path_base(path), '-');
	if (!dash || dash > dot)
		return NULL;
	if (!strncasecmp(dash, "-flat.", 6))
		return dash;
	return dash[1] && strchr("sf", dash[1]) && strspn(dash + 2, "0123456789") == 3 && dash + 5 == dot ? dash : NULL;
}

/* Segments of one image that its reader finds by itself: .E01 .E02, disk-s001.vmdk of disk.vmdk, .swm. */
static const char *segment_of(const struct patch_record *r, const char *path)
{
	const char *dot = strrchr(path_base(path), '.');
	if (!dot)
		return NULL;
	if (strings_has(&r->formats, "ewf") && strchr("EeSsLl", dot[1]) && dot[1]) {
		const char *s = dot + 2 + (dot[2] == 'x');
		if (strlen(s) == 2 && isalnum((unsigned char)s[0]) && isalnum((unsigned char)s[1]))
			return dot;
	}
	if (strings_has(&r->formats, "vmdk") && !strcasecmp(dot, ".vmdk")) {
		const char *extent = extent_of(path, dot);
		return extent ? extent : dot;
	}
	if (strings_has(&r->formats, "wim") && !strcasecmp(dot, ".swm")) {
		while (dot > path_base(path) && isdigit((unsigned char)dot[-1]))
			dot--;
		return dot;
	}
	return NULL;
}

static bool is_note(const char *path)
{
	static const char *const suffixes[] = {".log",	".notes", ".conf", ".cfg", ".xml",  ".txt", ".protected",
					       ".ovf",	".mf",	  ".vmx",  ".json", ".nvram", ".cert", ".seal"};
	const char *dot = strrchr(path_base(path), '.');
	for (size_t i = 0; dot && i < ARRAY_SIZE(suffixes); i++)
		if (!strcasecmp(dot, suffixes[i]))
			return true;
	return false;
}

static bool in_same_directory(const char *a, const char *b)
{
	size_t n = (size_t)(path_base(a) - a);
	return n == (size_t)(path_base(b) - b) && !memcmp(a, b, n);
}

static bool is_clonezilla(const struct patch_record *r, const char *path)
{
	bool parts = false, image = false;
	for (size_t i = 0; i < r->files.count; i++) {
		const char *other = r->files.items[i].path, *base = path_base(other);
		if (!in_same_directory(path, other))
			continue;
		if (!strcmp(base, "clonezilla-img"))
			return true;
		parts |= !strcmp(base, "parts") || !strcmp(base, "disk");
		image |= strstr(base, "-ptcl-img") != NULL;
	}
	return parts && image;
}

/* The unit that a file is one more of, or NULL. */
static struct unit *unit_with(const struct patch_record *r, struct units *u, const char *path, size_t piece,
			      const char *segment)
{
	vec_each(u, it)
	{
		if (it->kind == UNIT_CLONEZILLA && in_same_directory(it->name, path))
			return it;
		if (piece != PIECE_NONE && it->piece == piece)
			return it;
		if (segment && same_but_for(path, segment, it->name, segment_of(r, it->name)))
			return it;
	}
	return NULL;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The pieces of a file stand in their order, where the first one is. */
static int by_number(const void *a, const void *b)
{
	const struct piece *x = *(const struct piece *const *)a, *y = *(const struct piece *const *)b;
	if (x->head != y->head)
		return x->head < y->head ? -1 : 1;
	return (x->number > y->number) - (x->number < y->number);
}

/* A piece is one where the first of them is there: "disk.img.xz" is none. Others are each their own head. */
static int find_pieces(const struct patch_record *r, struct piece *all, const struct piece **sorted)
{
	size_t count = r->files.count;
	struct piece_row row;
	for (size_t i = 0; i < count; i++) {
		all[i] = (struct piece){.path = r->files.items[i].path, .size = r->files.items[i].size};
		sorted[i] = &all[i];
	}
	if (pieces_find(all, count) < 0)
		return -1;
	for (size_t i = 0; i < count; i++) {
		const char *first = all[i].head == PIECE_NONE ? "" : all[all[i].head].path;
		size_t at = piece_mark(first, strlen(first));
		if (!at || !piece_first(first + at, strlen(first + at), &row))
			all[i].number = -1;
	}
	for (size_t i = 0; i < count; i++)
		all[i].head = all[i].number < 0 ? i : all[i].head;
	if (count)
		qsort(sorted, count, sizeof *sorted, by_number);
	return 0;
}

static const struct format *found(const struct patch_record *r, const struct format *row)
{
	return row && strings_has(&r->formats, row->name) ? row : NULL;
}

static const struct format *row_of(const char *name)
{
	size_t count;
	const struct format *const *all = format_rows(&count);
	for (size_t i = 0; i < count; i++)
		if (!strcmp(all[i]->name, name))
			return all[i];
	return NULL;
}

static void peel(const struct patch_record *r, struct unit *u, char *name)
{
	size_t stem;
	const struct format *row;
	while (u->codecs < UNIT_CODECS && (row = found(r, format_by_suffix(name, &stem))) &&
	       row->kind == FORMAT_CODEC) {
		u->codec[u->codecs++] = row;
		u->named = true;
		name[stem] = 0;
	}
	row = found(r, format_by_suffix(name, &stem));
	u->format = row && row->kind != FORMAT_CODEC ? row : NULL;
}

static enum unit_kind kind_of(const struct format *row)
{
	static const struct {
		const char *name;
		enum unit_kind kind;
	} kinds[] = {
		{"raw", UNIT_RAW},	{"qcow2", UNIT_DISK},	{"qed", UNIT_DISK},	{"vmdk", UNIT_DISK},
		{"vhd", UNIT_DISK},	{"vhdx", UNIT_DISK},	{"vdi", UNIT_DISK},	{"parallels", UNIT_DISK},
		{"ova", UNIT_OVA},	{"ova.tar", UNIT_OVA},	{"vma", UNIT_VMA},	{"tar", UNIT_TAR},
		{"cpio", UNIT_CPIO},	{"partclone", UNIT_PARTCLONE}, {"ewf", UNIT_EWF}, {"wim", UNIT_WIM},
	};
	for (size_t i = 0; row && i < ARRAY_SIZE(kinds); i++)
		if (!strcmp(row->name, kinds[i].name))
			return kinds[i].kind;
	return row ? UNIT_OTHER : UNIT_RAW;
}

static int add_file(const struct patch_record *r, struct units *out, const struct piece *file)
{
	const char *path = file->path;
	size_t piece = file->number < 0 ? PIECE_NONE : file->head;
	const char *segment = piece != PIECE_NONE ? NULL : segment_of(r, path);
	struct unit *u = unit_with(r, out, path, piece, segment);
	if (u)
		return strings_add(&u->files, path);
	u = vec_push(out);
	if (!u || strings_add(&u->files, path) < 0)
		return -1;
	u->name = path;
	u->piece = piece;
	autofree char *name = strdup(path);
	if (!name)
		return -1;
	if (piece != PIECE_NONE)
		*strrchr(name, '.') = '\0';
	if (is_clonezilla(r, path)) {
		u->kind = UNIT_CLONEZILLA;
		return 0;
	}
	peel(r, u, name);
	u->kind = u->format ? kind_of(u->format) : is_note(path) ? UNIT_NOTE : UNIT_UNCLEAR;
	return 0;
}

/* Codecs that no name tells: all that were found, where no name tells of any. */
static void give_codecs(const struct patch_record *r, struct units *out)
{
	vec_each(out, it) if (it->codecs) return;
	vec_each(out, it)
	{
		if (it->kind == UNIT_NOTE || it->kind == UNIT_CLONEZILLA)
			continue;
		for (size_t i = 0; i < r->formats.count && it->codecs < UNIT_CODECS; i++) {
			const struct format *row = row_of(r->formats.items[i]);
			if (row && row->kind == FORMAT_CODEC)
				it->codec[it->codecs++] = row;
		}
	}
}

/* What was found and no name tells is what the others are, where that is one thing. */
static void give_kinds(const struct patch_record *r, struct units *out)
{
	const struct format *left = NULL;
	size_t candidates = 0, unclear = 0;
	vec_each(out, it) unclear += it->kind == UNIT_UNCLEAR;
	for (int all = 0; all <= 1; all++) {
		const struct format *one = NULL;
		size_t count = 0;
		for (size_t i = 0; i < r->formats.count; i++) {
			const char *name = r->formats.items[i];
			const struct format *row = row_of(name);
			bool told = false;
			if (strcmp(name, "raw") && (!row || row->kind == FORMAT_CODEC))
				continue;
			vec_each(out, it) told |= row && it->format == row;
			if (told && !all)
				continue;
			one = row;
			count++;
		}
		/* Of several such files each may be anything that was found at all. */
		if (all ? unclear > 1 : unclear <= 1) {
			left = one;
			candidates = count;
		}
	}
	vec_each(out, it)
	{
		if (it->kind != UNIT_UNCLEAR || candidates != 1)
			continue;
		it->format = left;
		it->kind = kind_of(left);
	}
}

/* The one that its reader is given: the first piece or segment, or what describes the others. */
static void put_first(struct unit *u)
{
	if (u->piece == PIECE_NONE)
		qsort(u->files.items, u->files.count, sizeof u->files.items[0], by_text);
	u->name = u->files.items[0];
	vec_each(&u->files, it)
	{
		const char *dot = strrchr(path_base(*it), '.');
		if (u->format && !strcmp(u->format->name, "vmdk") && dot && !extent_of(*it, dot))
			u->name = *it;
	}
}

int units_find(const struct patch_record *r, struct units *out)
{
	size_t count = r->files.count;
	autofree struct piece *all = calloc(count + 1, sizeof *all);
	autofree const struct piece **sorted = calloc(count + 1, sizeof *sorted);
	if (!all || !sorted || find_pieces(r, all, sorted) < 0)
		return -1;
	for (size_t i = 0; i < count; i++)
		if (add_file(r, out, sorted[i]) < 0)
			return -1;
	vec_each(out, it) put_first(it);
	give_codecs(r, out);
	give_kinds(r, out);
	return 0;
}
