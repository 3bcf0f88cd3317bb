// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * What the file systems on the source say is in use there. It is asked of the source, and not of the backup: what the
 * backup missed, its own bitmaps may have missed too.
 */
#include "sealing.h"

struct area {
	uint64_t offset, size;
	struct source *window;
	struct fs *fs;
};

struct used_map {
	VEC(struct area) areas;
	struct findings ignored;
};

void used_map_free(struct used_map *m)
{
	if (!m)
		return;
	vec_each(&m->areas, a)
	{
		fs_destroy(a->fs);
		source_destroy(a->window);
	}
	vec_free(&m->areas);
	findings_free(&m->ignored);
	free(m);
}

/* A file system that can't be opened there, or keeps no account that is read here, tells nothing. */
static int add_area(struct used_map *m, const struct subject_volume *v, struct source *source, struct error *e)
{
	struct extent x;
	struct error ignored;
	const struct volume *at = v->volume;
	if (at->offset > source_size(source) || at->size > source_size(source) - at->offset)
		return 0;
	struct area *a = vec_push(&m->areas);
	if (!a)
		return error_nomem(e);
	a->offset = at->offset;
	a->size = at->size;
	if (!(a->window = source_window(source, at->offset, at->size, v->name, e)))
		return -1;
	a->fs = fs_open(at->content.type, a->window, v->name, &m->ignored, &ignored);
	if (a->fs && !fs_info(a->fs)->stale_view && fs_used_at(a->fs, 0, &x, &ignored) > 0)
		return 0;
	fs_destroy(a->fs);
	source_destroy(a->window);
	m->areas.count--;
	return 0;
}

struct used_map *used_map_open(const struct subject *s, const struct subject_disk *d, struct source *source,
			       struct error *e)
{
	struct used_map *m = calloc(1, sizeof *m);
	if (!m || findings_init(&m->ignored) < 0) {
		free(m);
		error_nomem(e);
		return NULL;
	}
	vec_each(&s->volumes, v)
	{
		if (v->disk != d || !v->fs || v->alias || add_area(m, v, source, e) == 0)
			continue;
		used_map_free(m);
		return NULL;
	}
	return m;
}

enum use used_map_at(struct used_map *m, uint64_t off, uint64_t *length)
{
	uint64_t next = UINT64_MAX;
	vec_each(&m->areas, a)
	{
		struct extent x;
		struct error ignored;
		if (off < a->offset && a->offset < next)
			next = a->offset;
		if (off < a->offset || off - a->offset >= a->size)
			continue;
		uint64_t left = a->size - (off - a->offset);
		if (fs_used_at(a->fs, off - a->offset, &x, &ignored) <= 0) {
			*length = left < MIB ? left : MIB;
			return USE_UNKNOWN;
		}
		*length = x.length < left ? x.length : left;
		return x.zero ? USE_FREE : USE_TAKEN;
	}
	*length = next - off;
	return USE_UNKNOWN;
}
