// SPDX-License-Identifier: GPL-3.0-or-later
/* Counting, and the sketch: of all hashes of paths the least, so that two trees can be held against each other. */
#include "traits.h"

#include "backproof/history.h"
#include "backproof/xxh64.h"

/* Hashes wait unsorted until there are so many. */
#define WAITING ((size_t)8 * SKETCH_SIZE)

/* Caches and what is thrown away: that these come and go is no sign of anything. */
static bool is_fleeting(const char *path)
{
	static const char *const below[] = {
		"tmp/", "var/tmp/", "var/cache/", "var/spool/", "run/", "proc/", "sys/", "dev/",
		"var/lib/docker/overlay2/", "var/lib/containers/storage/overlay/",
		"Windows/Temp/", "Windows/Prefetch/", "Windows/SoftwareDistribution/",
	};
	static const char *const inside[] = {"/.cache/", "/AppData/Local/", "/.git/objects/"};
	for (size_t i = 0; i < ARRAY_SIZE(below); i++)
		if (!strncmp(path, below[i], strlen(below[i])))
			return true;
	for (size_t i = 0; i < ARRAY_SIZE(inside); i++)
		if (strstr(path, inside[i]))
			return true;
	return false;
}

static int by_value(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;
	return *x < *y ? -1 : *x > *y;
}

/* Sorts, leaves out what is there twice (a path may be on several volumes), and keeps the least. */
static size_t settle(uint64_t *hashes, size_t count)
{
	size_t kept = 0;
	if (count)
		qsort(hashes, count, sizeof *hashes, by_value);
	for (size_t i = 0; i < count && kept < SKETCH_SIZE; i++)
		if (!kept || hashes[i] != hashes[kept - 1])
			hashes[kept++] = hashes[i];
	return kept;
}

void traits_see(struct traits_walk *w, const char *path)
{
	w->entries++;
	uint64_t hash = xxh64(path, strlen(path));
	if (w->lost || (w->bar && hash >= w->bar) || is_fleeting(path))
		return;
	if (!w->hashes && !(w->hashes = malloc(WAITING * sizeof *w->hashes))) {
		w->lost = true;
		return;
	}
	w->hashes[w->count++] = hash;
	if (w->count < WAITING)
		return;
	w->count = settle(w->hashes, w->count);
	if (w->count == SKETCH_SIZE)
		w->bar = w->hashes[SKETCH_SIZE - 1];
}

int traits_add(struct tree_traits *t, struct traits_walk *w)
{
	if (t->spoilt)
		return w->lost ? -1 : 0;
	if (w->lost) {
		traits_spoil(t);
		return -1;
	}
	w->count = settle(w->hashes, w->count);
	t->entries += w->entries;
	if (!w->count)
		return 0;
	uint64_t *both = realloc(t->sketch, (t->sketch_count + w->count) * sizeof *both);
	if (!both) {
		traits_spoil(t);
		return -1;
	}
	memcpy(both + t->sketch_count, w->hashes, w->count * sizeof *both);
	t->sketch = both;
	t->sketch_count = settle(both, t->sketch_count + w->count);
	return 0;
}

void traits_spoil(struct tree_traits *t)
{
	free(t->sketch);
	t->sketch = NULL;
	t->sketch_count = 0;
	t->entries = 0;
	t->spoilt = true;
}

void traits_walk_free(struct traits_walk *w)
{
	free(w->hashes);
	memset(w, 0, sizeof *w);
}
