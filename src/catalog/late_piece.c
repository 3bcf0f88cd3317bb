// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Pieces of a split file whose two letters mean something else by themselves: disk.img.zst.br is the 44th and no
 * Brotli, disk.img.zst.mf the 318th and no manifest. They are told by the piece before them.
 */
#include "late_piece.h"

#include <fcntl.h>

#include "backproof/text.h"
#include "candidate.h"
#include "name.h"

/* The next piece, where its name alone would not say that it is one. false: it would, or path is no piece. */
static bool unclear_next(const char *path, char next[NAME_LIMIT + 1])
{
	const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
	size_t stem, n = strlen(base);
	struct span segment;
	if (n < 4 || n > NAME_LIMIT || base[n - 1] == 'z' || name_kind(base, n, &stem, &segment) == NAME_OTHER ||
	    segment.from != n - 2 || segment.to != n)
		return false;
	strcpy(next, base);
	next[n - 1]++;
	return name_kind(next, n, &stem, &segment) == NAME_BESIDE || segment.from != n - 2;
}

static bool has_file(const struct restore_point *p, const char *path)
{
	vec_each(p, f)
		if (!strcmp(f->path, path))
			return true;
	return false;
}

int late_pieces_add(struct restore_point *p, struct error *e)
{
	size_t given = p->count;
	for (size_t i = 0; i < given; i++) {
		const char *path = p->items[i].path, *slash = strrchr(path, '/');
		char next[NAME_LIMIT + 1];
		struct candidate c = {.partial = false};
		if (p->items[i].note || !unclear_next(path, next))
			continue;
		autofree char *full = text_format("%.*s%s", slash ? (int)(slash + 1 - path) : 0, path, next);
		if (!full)
			return error_nomem(e);
		int found = has_file(p, full) ? 0 : candidate_look(AT_FDCWD, full, full, &c, e);
		struct point_file *f = found > 0 ? vec_push(p) : NULL;
		if (found < 0 || (found && !f))
			return found < 0 ? -1 : error_nomem(e);
		if (f)
			*f = (struct point_file){.path = take(full), .size = c.size, .mtime = c.mtime};
	}
	return 0;
}
