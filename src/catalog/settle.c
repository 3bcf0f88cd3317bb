// SPDX-License-Identifier: GPL-3.0-or-later
/* What is left to be asked of a restore point that is wanted after all. */
#include <fcntl.h>

#include "candidate.h"
#include "late_piece.h"

int point_look(struct restore_point *p, struct error *e)
{
	size_t kept = 0;
	int rc = 1;
	if (!(p->todo & POINT_LOOK))
		return 1;
	for (size_t i = 0; i < p->count; i++) {
		struct point_file *f = &p->items[i];
		struct candidate c = {.partial = false};
		int found = rc < 0 ? -1 : candidate_look(AT_FDCWD, f->path, f->path, &c, e);
		rc = found < rc ? found : rc;
		if (!found) {
			free(f->path);
			free(f->disk);
			free(f->part);
			continue;
		}
		if (found > 0) {
			f->size = c.size;
			f->mtime = c.mtime;
		}
		if (kept != i)
			p->items[kept] = *f;
		kept++;
	}
	p->count = kept;
	if (rc >= 0)
		p->todo &= ~(unsigned)POINT_LOOK;
	return rc;
}

int point_gather(struct restore_point *p, struct error *e)
{
	int rc = point_look(p, e);
	if (rc >= 0 && p->count && (p->todo & POINT_PIECES)) {
		if (late_pieces_add(p, e) < 0)
			return -1;
		p->todo &= ~(unsigned)POINT_PIECES;
	}
	return rc;
}

int catalog_settle(struct catalog *c, size_t index, struct error *e)
{
	while (index < c->count) {
		struct restore_point *p = &c->items[index];
		if (point_gather(p, e) < 0)
			return -1;
		if (!p->count) {
			point_free(p);
			memmove(p, p + 1, (--c->count - index) * sizeof *p);
			continue;
		}
		/* What can't be read of an older one is for those to say who read it. */
		struct error why = {0};
		if ((p->todo & POINT_CHAIN) && chain_complete(p, &why) < 0 && why.cls == ERROR_INTERNAL) {
			if (e)
				*e = why;
			return -1;
		}
		p->todo = 0;
		break;
	}
	return 0;
}
