// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * What lies behind an image in a directory: the parents of a disk, its extents, the file with its data have names of
 * their own, such as base.qcow2, and belong to each restore point that is built on them. Only the directory that the
 * image itself is in is looked at: a name in an image is a wish.
 */
#include "candidate.h"

#include <fcntl.h>

#include "backproof/footprint.h"
#include "backproof/format.h"
#include "backproof/text.h"
#include "peek_rows.h"

#define CHAIN_MAX 256 /* as many as max_chain may be */
#define HEAD (64 * KIB) /* where most names are */

/* The names of what is behind the image; none, too, where it can't be opened: its reader will say. */
static int backing_of(const char *path, struct strings *out, struct error *e)
{
	struct stat st;
	autoclose int fd = -1;
	autodestroy(footprint_close_auto) struct footprint *print = NULL;
	if (peek_open(AT_FDCWD, path, &fd, e) < 0)
		return peek_forbidden(e) ? 0 : -1;
	if (fd < 0)
		return 0;
	if (fstat(fd, &st) == 0 && footprint_open(fd, &st, &print, e) < 0)
		return -1;
	footprint_before(print, 0, HEAD);
	return peek(PEEK_BACKING, fd, out, e) < 0 ? error_prefix(e, "%s", path) : 0;
}

/* The file by that name beside path. NULL: out of memory. */
static char *beside(const char *path, const char *name)
{
	const char *slash = strrchr(path, '/');
	return text_format("%.*s%s", slash ? (int)(slash + 1 - path) : 0, path, name);
}

/*
 * Nothing lies behind what is compressed as a whole, and a file that is so by its name alone is refused. To open each
 * newest backup of a fleet, and to read its first block from disk, took longer than to find it.
 */
static bool is_compressed(const char *path)
{
	const struct format *named = format_by_suffix(path, NULL);
	return named && named->kind == FORMAT_CODEC;
}

static bool has_file(const struct restore_point *p, const char *path)
{
	vec_each(p, f)
		if (!strcmp(f->path, path))
			return true;
	return false;
}

/* Adds the file beside path that is called name, if there is one and it is not there yet. */
static int add_behind(struct restore_point *p, const char *path, const char *name, struct error *e)
{
	struct candidate c = {.partial = false};
	autofree char *behind = beside(path, name);
	if (!behind)
		return error_nomem(e);
	if (has_file(p, behind))
		return 0;
	int found = candidate_look(AT_FDCWD, behind, behind, &c, e);
	struct point_file *f = found > 0 ? vec_push(p) : NULL;
	if (found > 0 && !f)
		return error_nomem(e);
	if (found > 0)
		*f = (struct point_file){.path = take(behind), .size = c.size, .mtime = c.mtime};
	return found < 0 ? -1 : 0;
}

int chain_complete(struct restore_point *p, struct error *e)
{
	size_t given = p->count;
	for (size_t i = 0; i < p->count && p->count < given + CHAIN_MAX; i++) {
		autodestroy(strings_free) struct strings names = {0};
		if (!p->items[i].note && !is_compressed(p->items[i].path) &&
		    backing_of(p->items[i].path, &names, e) < 0)
			return -1;
		for (size_t k = 0; k < names.count; k++)
			if (add_behind(p, p->items[i].path, names.items[k], e) < 0)
				return -1;
	}
	return 0;
}

int chains_complete(struct catalog *c, struct error *e)
{
	vec_each(c, p)
		p->todo |= p == c->items ? 0 : POINT_CHAIN;
	if (!c->count || c->items[0].missing || chain_complete(c->items, e) == 0)
		return 0;
	catalog_free(c);
	return -1;
}
