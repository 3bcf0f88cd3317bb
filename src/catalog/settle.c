// SPDX-License-Identifier: GPL-3.0-or-later
/* What is left to be asked of a restore point that is wanted after all. */
#include <errno.h>
#include <fcntl.h>

#include "candidate.h"
#include "label.h"
#include "late_piece.h"

/* Further than a day apart, the longer name may be how the host's backups are called now. */
#define NEIGHBOUR_DAY 86400

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

/* Links without a date, such as one to the latest, stay behind when what they lead to is removed. */
static bool is_left_behind(const struct restore_point *p)
{
	return (p->todo & POINT_HOLLOW) && !p->named_to;
}

int points_judge_lost(struct catalog *c, struct error *e)
{
	size_t kept = 0, i = 0;
	while (i < c->count && is_left_behind(&c->items[i]))
		i++;
	const struct restore_point *newest = i < c->count ? &c->items[i] : c->count ? c->items : NULL;
	for (size_t k = 0; newest && k < newest->count && (newest->todo & POINT_LOST); k++) {
		struct candidate look = {.partial = false};
		const char *path = newest->items[k].path;
		int found = candidate_look(AT_FDCWD, path, path, &look, e);
		if (found < 0 || (found && !newest->items[k].mtime))
			return found; /* mended meanwhile */
		if (found)
			continue;
		bool hollow = newest->todo & POINT_HOLLOW;
		error_set(e, hollow ? ERROR_IO : ERROR_CORRUPT, ERROR_NO_OFFSET, "%s: the link leads nowhere", path);
		e->sys = hollow ? 0 : ENOENT;
		return -1;
	}
	for (i = 0; i < c->count; i++)
		if (c->items[i].todo & POINT_HOLLOW)
			point_free(&c->items[i]);
		else
			c->items[kept++] = c->items[i];
	c->count = kept;
	return 0;
}

static bool is_neighbour(const struct restore_point *p, const char *host)
{
	return !(p->todo & POINT_TOLD) && label_has_neighbour(p->label, host);
}

void points_drop_neighbours(struct catalog *c, const char *host)
{
	size_t kept = 0, own = 0;
	while (own < c->count && is_neighbour(&c->items[own], host))
		own++;
	const int64_t until = own < c->count ? c->items[own].order + NEIGHBOUR_DAY : INT64_MIN;
	for (size_t i = 0; i < c->count; i++)
		if (c->items[i].order <= until && is_neighbour(&c->items[i], host))
			point_free(&c->items[i]);
		else
			c->items[kept++] = c->items[i];
	c->count = kept;
}

/* Only of one that is wanted: what was incomplete long ago is history. */
static int check_parts(struct restore_point *p, struct error *e)
{
	if (p->missing) {
		error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "%s", p->missing);
		e->sys = ENOENT;
		return -1;
	}
	if ((p->todo & POINT_VOLUMES) && windows_image_check(p, e) < 0)
		return -1;
	p->todo &= ~(unsigned)POINT_VOLUMES;
	return 0;
}

int catalog_settle(struct catalog *c, size_t index, struct error *e)
{
	while (index < c->count) {
		struct restore_point *p = &c->items[index];
		if (check_parts(p, e) < 0)
			return -1;
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
