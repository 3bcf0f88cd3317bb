// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * What a patch's record has of a restore point are the names of its files and the formats that were found in them. A
 * suffix counts where its format was found; what no name tells is what is left over of those, or unclear.
 */
#include "rollback_units.h"

#include <ctype.h>
#include <strings.h>

void units_free(struct units *u)
{
	vec_each(u, it) strings_free(&it->files);
	vec_free(u);
}

/* Where the piece suffix of a split file begins (".aa", ".001", ".part-aa"), or NULL. */
static const char *piece_of(const char *path)
{
	const char *dot = strrchr(path_base(path), '.'), *s = dot ? dot + 1 : "";
	if (!strncmp(s, "part-", 5))
		s += 5;
	size_t n = strlen(s), letters = 0, digits = 0;
	for (const char *c = s; *c; c++) {
		letters += *c >= 'a' && *c <= 'z';
		digits += *c >= '0' && *c <= '9';
	}
	return n >= 2 && n <= 4 && (letters == n || digits == n) ? dot : NULL;
}

static bool is_first_piece(const char *piece)
{
	const char *s = strrchr(piece, '-') ? strrchr(piece, '-') + 1 : piece + 1;
	size_t n = strlen(s);
	if (strspn(s, "a") == n || strspn(s, "0") == n)
		return true;
	return n && strspn(s, "0") == n - 1 && s[n - 1] == '1';
}

static bool same_but_for(const char *a, const char *a_end, const char *b, const char *b_end)
{
	return a_end && b_end && a_end - a == b_end - b && !memcmp(a, b, (size_t)(a_end - a));
}

/* A piece is one where the first of them is there: "disk.img.xz" is none. */
static const char *real_piece(const struct patch_record *r, const char *path)
{
	const char *piece = piece_of(path);
	for (size_t i = 0; piece && i < r->files.count; i++) {
		const char *other = r->files.items[i].path, *end = piece_of(other);
		if (same_but_for(path, piece, other, end) && is_first_piece(end))
			return piece;
	}
	return NULL;
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
static struct unit *unit_with(const struct patch_record *r, struct units *u, const char *path, const char *piece,
			      const char *segment)
{
	vec_each(u, it)
	{
		if (it->kind == UNIT_CLONEZILLA && in_same_directory(it->name, path))
			return it;
		if (piece && same_but_for(path, piece, it->name, real_piece(r, it->name)))
			return it;
		if (segment && same_but_for(path, segment, it->name, segment_of(r, it->name)))
			return it;
	}
	return NULL;
}

/* "zb" is behind "aa", and ".100" behind ".99". */
static int by_piece(const void *a, const void *b)
{
	const char *x = *(char *const *)a, *y = *(char *const *)b, *p = piece_of(x), *q = piece_of(y);
	if (p && q && isdigit((unsigned char)p[1]) && strlen(p) != strlen(q))
		return strlen(p) < strlen(q) ? -1 : 1;
	return strcmp(x, y);
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

static int add_file(const struct patch_record *r, struct units *out, const char *path)
{
	const char *piece = real_piece(r, path), *segment = piece ? NULL : segment_of(r, path);
	struct unit *u = unit_with(r, out, path, piece, segment);
	if (u)
		return strings_add(&u->files, path);
	u = vec_push(out);
	if (!u || strings_add(&u->files, path) < 0)
		return -1;
	u->name = path;
	autofree char *name = piece ? strndup(path, (size_t)(piece - path)) : strdup(path);
	if (!name)
		return -1;
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
	qsort(u->files.items, u->files.count, sizeof u->files.items[0], by_piece);
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
	for (size_t i = 0; i < r->files.count; i++)
		if (add_file(r, out, r->files.items[i].path) < 0)
			return -1;
	vec_each(out, it) put_first(it);
	give_codecs(r, out);
	give_kinds(r, out);
	return 0;
}
