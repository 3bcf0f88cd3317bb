// SPDX-License-Identifier: GPL-3.0-or-later
#include "finder.h"

#include <errno.h>
#include <fcntl.h>

#include "backproof/text.h"
#include "candidate.h"
#include "scan.h"

static const struct finder *const rows[] = {&finder_windows_image, &finder_vzdump, &finder_clonezilla, &finder_libvirt,
					    &finder_ova};

const struct finder *finder_by_name(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (!strcmp(rows[i]->name, name))
			return rows[i];
	return NULL;
}

bool catalog_has_layout(const char *name)
{
	return !strcmp(name, "files") || finder_by_name(name);
}

const struct finder *finder_hinted(const char *name, bool directory)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i]->hints(name, directory))
			return rows[i];
	return NULL;
}

static int add_name(void *ctx, int dir, const char *name, enum scan_type type, struct error *e)
{
	(void)dir;
	(void)type;
	return strings_add(ctx, name) < 0 ? error_nomem(e) : 0;
}

int finder_list(const char *directory, struct strings *names, struct error *e)
{
	bool unreadable = false;
	autoclose int fd = scan_open(AT_FDCWD, directory, true);
	if (fd < 0)
		return error_sys(e, "%s: directory can't be read", directory);
	if (scan_dir(fd, directory, add_name, names, &unreadable, e) < 0)
		return -1;
	strings_sort(names);
	return 0;
}

int finder_add_file(struct restore_point *p, const char *directory, const char *name, bool note, struct error *e)
{
	struct candidate c = {.partial = false};
	autofree char *path = text_format("%s/%s", directory, name);
	if (!path)
		return error_nomem(e);
	int found = candidate_look(AT_FDCWD, path, path, &c, e);
	if (found <= 0)
		return found;
	struct point_file *f = vec_push(p);
	if (!f)
		return error_nomem(e);
	f->path = take(path);
	f->size = c.size;
	f->mtime = c.mtime;
	f->note = note;
	return 0;
}

static int newest_first(const void *x, const void *y)
{
	const struct restore_point *a = x, *b = y;
	if (a->order != b->order)
		return a->order < b->order ? 1 : -1;
	return strcmp(a->label, b->label);
}

void finder_sort(struct catalog *c)
{
	if (c->count)
		qsort(c->items, c->count, sizeof *c->items, newest_first);
}
