// SPDX-License-Identifier: GPL-3.0-or-later
#include "domain_disk.h"

#include "backproof/format.h"
#include "backproof/piece.h"
#include "backproof/text.h"
#include "name.h"

#define RUN_DIGITS 10 /* seconds since 1970, from 2001 to 2286 */

/* What a name says: its bytes before the suffixes of each kind. */
struct parsed {
	char text[NAME_LIMIT + 1]; /* without the mark of a piece and a compression */
	size_t piece;		   /* bytes before the mark of a piece; 0: it is none */
	size_t stem;		   /* bytes of text before the suffix of an image */
	size_t before;		   /* bytes of text before a run; 0: there is none */
	int64_t run;
};

static size_t without_kind(const char *name)
{
	static const char *const kinds[] = {".img",  ".raw", ".dd",  ".qcow2", ".qcow", ".qed",
					    ".vmdk", ".vhd", ".vhdx", ".vdi",  NULL};
	return text_ends_in(name, kinds) ? (size_t)(strrchr(name, '.') - name) : strlen(name);
}

static void parse(const char *name, struct parsed *out)
{
	size_t n = strlen(name), mark = piece_mark(name, n), stem;
	*out = (struct parsed){.piece = 0};
	memcpy(out->text, name, n + 1);
	if (mark && piece_told(name + mark, n - mark)) {
		out->piece = (size_t)(strrchr(name, '.') - name);
		out->text[out->piece] = 0;
	}
	const struct format *packed = format_by_suffix(out->text, &stem);
	if (packed && packed->kind == FORMAT_CODEC)
		out->text[stem] = 0;
	char *dot = strrchr(out->text, '.');
	if (dot && dot > out->text && strlen(dot + 1) == RUN_DIGITS &&
	    strspn(dot + 1, "0123456789") == RUN_DIGITS && dot[1] != '0') {
		out->run = strtoll(dot + 1, NULL, 10);
		out->before = (size_t)(dot - out->text);
	}
	out->stem = without_kind(out->text);
}

static enum disk_way way_of(const char *name, const char *disk, size_t stem, const struct strings *disks,
			    struct parsed *p)
{
	if (!strcmp(name, disk))
		return DISK_NAMED;
	if (strlen(name) > NAME_LIMIT)
		return DISK_NOWHERE;
	parse(name, p);
	/* An overlay may be called by a number, too, that of its snapshot. */
	if (!strcmp(p->text, disk))
		return DISK_PACKED;
	/* What bears the name of another disk is that one's. */
	if (strings_sorted_has(disks, name) || strings_sorted_has(disks, p->text))
		return DISK_NOWHERE;
	if (p->before && strlen(disk) == p->before && !memcmp(p->text, disk, p->before))
		return DISK_OF_RUN;
	bool same = p->stem == stem && p->text[stem] && !memcmp(p->text, disk, stem);
	return same ? DISK_CONVERTED : DISK_NOWHERE;
}

/* The first of the sorted names that is not before one with so many bytes of text. */
static size_t first_with(const struct strings *names, const char *text, size_t n)
{
	size_t low = 0, high = names->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (strncmp(names->items[middle], text, n) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct disk_file disk_file_find(const struct strings *names, const struct strings *disks, const char *disk,
				enum disk_way least)
{
	struct disk_file best = {.way = DISK_NOWHERE};
	size_t stem = without_kind(disk);
	for (size_t i = first_with(names, disk, stem);
	     i < names->count && !strncmp(names->items[i], disk, stem); i++) {
		struct parsed p = {.run = 0};
		enum disk_way way = way_of(names->items[i], disk, stem, disks, &p);
		if (way < least)
			continue;
		if (way < best.way || (way == DISK_OF_RUN && way == best.way && p.run > best.run))
			best = (struct disk_file){way, names->items[i], way == DISK_OF_RUN ? p.run : 0};
	}
	return best;
}

static int add(struct strings *to, const char *directory, const char *name)
{
	autofree char *path = text_format("%s/%s", directory, name);
	return path ? strings_add(to, path) : -1;
}

int disk_file_add(const struct disk_file *f, const struct strings *names, const char *directory, struct strings *to)
{
	struct parsed p = {.piece = 0}, other;
	if (f->way != DISK_NAMED)
		parse(f->name, &p);
	if (!p.piece)
		return add(to, directory, f->name);
	for (size_t i = first_with(names, f->name, p.piece + 1);
	     i < names->count && !strncmp(names->items[i], f->name, p.piece + 1); i++) {
		const char *name = names->items[i];
		if (strlen(name) > NAME_LIMIT)
			continue;
		parse(name, &other);
		if (other.piece == p.piece && add(to, directory, name) < 0)
			return -1;
	}
	return 0;
}
