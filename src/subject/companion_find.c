// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Which file of a restore point a name in an image means. Two machines may have a "disk.qcow2" each: the one in the
 * place that the name leads to, or beside the image that asks, is meant, and when that does not tell, none is taken:
 * a disk on a strange base would be a mixture of two.
 */
#include <strings.h>

#include "backproof/door.h"
#include "backproof/text.h"
#include "parts.h"
#include "pieces.h"

/* The name that people know a file by: without a piece's suffix, without a compression. */
static size_t known_length(const struct part *pt)
{
	size_t n = strlen(pt->name), stem = n;
	if (pt->pieces.count || is_piece_name(pt->name))
		n = (size_t)(strrchr(pt->name, '.') - pt->name);
	char whole[512];
	if (n >= sizeof whole)
		return n;
	memcpy(whole, pt->name, n);
	whole[n] = '\0';
	const struct format *row = format_by_suffix(whole, &stem);
	return row && row->kind == FORMAT_CODEC ? stem : n;
}

/* The exact name wins over one in other letters, and that over one without its compression. */
enum way { EXACT, OTHER_CASE, UNPACKED, WAYS };

static bool is_called(const struct part *pt, const char *base, enum way way)
{
	size_t n = strlen(base);
	if (pt->kind == PART_PIECE)
		return false;
	return way == EXACT	   ? !strcmp(pt->name, base)
	       : way == OTHER_CASE ? !strcasecmp(pt->name, base)
				   : known_length(pt) == n && !strncasecmp(pt->name, base, n);
}

/* The real directory of a file, or what it is called when that is not there. NULL: no memory. */
static char *place_of(const char *path)
{
	autofree char *directory = path_directory(path);
	char *real = directory ? door_realpath(directory) : NULL;
	return real ? real : directory ? take(directory) : NULL;
}

/* Those of that name in one directory. */
static int in_place(const struct subject *s, const char *base, enum way way, const char *place, struct part **out)
{
	int count = 0;
	for (size_t i = 0; i < s->part_count; i++) {
		struct part *pt = &s->parts[i];
		autofree char *here = is_called(pt, base, way) ? place_of(pt->file->path) : NULL;
		if (!here || strcmp(here, place))
			continue;
		count++;
		*out = pt;
	}
	return count;
}

/* Where a name leads from the image that holds it: "../base/a.qcow2", "/var/lib/libvirt/images/a.qcow2". */
static char *led_to(const struct part *asking, const char *name)
{
	autofree char *beside = path_directory(asking->file->path);
	autofree char *path = !beside ? NULL : *name == '/' ? strdup(name) : text_format("%s/%s", beside, name);
	for (char *c = path; c && (c = strchr(c, '\\'));)
		*c = '/';
	return path ? place_of(path) : NULL;
}

/* Several have the name. 0: *out is the one that is meant. */
static int choose(const struct companion_desk *d, const char *name, const char *base, enum way way, struct part **out,
		  struct error *e)
{
	const struct subject *s = d->o->s;
	bool bare = base == name || *name == '/';
	if (d->asking) {
		autofree char *there = led_to(d->asking, name), *beside = place_of(d->asking->file->path);
		if (!there || !beside)
			return error_nomem(e);
		int count = in_place(s, base, way, there, out);
		/* The files of a machine are kept together, wherever its disks were once. */
		if (!count && bare)
			count = in_place(s, base, way, beside, out);
		if (count == 1)
			return 0;
	}
	return error_set(e, ERROR_AMBIGUOUS, ERROR_NO_OFFSET,
			 "it needs %s, and several files of the restore point may be that", base);
}

int companion_find(const struct companion_desk *d, const char *name, struct part **out, struct error *e)
{
	const struct subject *s = d->o->s;
	const char *base = companion_base(name);
	for (enum way way = EXACT; way < WAYS; way++) {
		size_t count = 0;
		for (size_t i = 0; i < s->part_count; i++)
			if (is_called(&s->parts[i], base, way)) {
				*out = &s->parts[i];
				count++;
			}
		if (count)
			return count == 1 ? 0 : choose(d, name, base, way, out, e);
	}
	*out = NULL;
	return 0;
}
