// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * What lies behind an image in a directory: the backing files of a qcow2 (docs/interop/qcow2.txt of QEMU) have names
 * of their own, such as base.qcow2, and belong to each restore point that is built on them. Only the directory that
 * the image itself is in is looked at: a name in an image is a wish.
 */
#include "candidate.h"

#include <fcntl.h>

#include "backproof/footprint.h"
#include "backproof/format.h"
#include "backproof/text.h"
#include "peek_rows.h"

#define CHAIN_MAX 256 /* as many as max_chain may be */
#define NAME_MAX_BYTES 1023 /* of a backing file's name, as the format has it */
#define HEAD (64 * KIB) /* what is before the name, and the name: in the first cluster */

/* 1: read, 0: the file ends before that. */
static int read_all(int fd, void *to, size_t n, uint64_t at, struct error *e)
{
	ssize_t got = at <= INT64_MAX ? read_whole_at(fd, to, n, (off_t)at) : 0;
	return got < 0 ? error_sys(e, "the head of an image") : got == (ssize_t)n;
}

int peek_backing(int fd, struct strings *out, struct error *e)
{
	uint8_t head[24];
	char name[NAME_MAX_BYTES + 1] = "";
	int rc = read_all(fd, head, sizeof head, 0, e);
	if (rc <= 0 || memcmp(head, "QFI\xfb", 4))
		return rc < 0 ? -1 : 0;
	uint64_t at = get_be64(head + 8);
	uint32_t length = get_be32(head + 16);
	if (!at || !length || length > NAME_MAX_BYTES)
		return 0;
	rc = read_all(fd, name, length, at, e);
	if (rc <= 0 || strlen(name) != length)
		return rc < 0 ? -1 : 0;
	const char *slash = strrchr(name, '/'), *base = slash ? slash + 1 : name;
	return peek_plain(base) && strings_add(out, base) < 0 ? error_nomem(e) : 0;
}

/* The last part of the name of what is behind the image, or NULL: none, or not to be opened; its reader will say. */
static int backing_of(const char *path, char **out, struct error *e)
{
	struct strings names = {0};
	struct stat st;
	*out = NULL;
	autoclose int fd = -1;
	autodestroy(footprint_close_auto) struct footprint *print = NULL;
	if (peek_open(AT_FDCWD, path, &fd, e) < 0)
		return peek_forbidden(e) ? 0 : -1;
	if (fd < 0)
		return 0;
	if (fstat(fd, &st) == 0 && footprint_open(fd, &st, &print, e) < 0)
		return -1;
	footprint_before(print, 0, HEAD);
	if (peek(PEEK_BACKING, fd, &names, e) < 0)
		return error_prefix(e, "%s", path);
	*out = names.count ? strdup(names.items[0]) : NULL;
	bool lost = names.count && !*out;
	strings_free(&names);
	return lost ? error_nomem(e) : 0;
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

int chain_complete(struct restore_point *p, struct error *e)
{
	size_t given = p->count;
	for (size_t i = 0; i < p->count && p->count < given + CHAIN_MAX; i++) {
		struct candidate c = {.partial = false};
		autofree char *name = NULL;
		if (!p->items[i].note && !is_compressed(p->items[i].path) &&
		    backing_of(p->items[i].path, &name, e) < 0)
			return -1;
		autofree char *path = name ? beside(p->items[i].path, name) : NULL;
		if (name && !path)
			return error_nomem(e);
		if (!name || has_file(p, path))
			continue;
		int found = candidate_look(AT_FDCWD, path, path, &c, e);
		if (found < 0)
			return -1;
		struct point_file *f = found ? vec_push(p) : NULL;
		if (found && !f)
			return error_nomem(e);
		if (found)
			*f = (struct point_file){.path = take(path), .size = c.size, .mtime = c.mtime};
	}
	return 0;
}

int chains_complete(struct catalog *c, struct error *e)
{
	vec_each(c, p)
		p->todo |= p == c->items ? 0 : POINT_CHAIN;
	if (!c->count || chain_complete(c->items, e) == 0)
		return 0;
	catalog_free(c);
	return -1;
}
