// SPDX-License-Identifier: GPL-3.0-or-later
/* Lists of sums under names that nobody can know beforehand: which there are in a directory, and which come first. */
#include <errno.h>
#include <strings.h>

#include "backproof/door.h"
#include "backproof/sidecar.h"
#include "name.h"
#include "sidecar_names.h"

/* How many names of lists a directory may have, and how many of these are read. */
#define NAMES_MOST 1000000
#define LISTS_MOST 4096

static bool is_of_kind(const char *name)
{
	return sidecar_naming(name).has_kind && sidecar_may_list(name);
}

static bool same_day(const struct civil *a, const struct civil *b)
{
	return a->year == b->year && a->month == b->month && a->day == b->day;
}

/* 2: base begins with the name of the list. 1: that stands in it, or is of the same day. 0: neither. */
static int nearness(const char *list, const char *base)
{
	struct sidecar_naming n = sidecar_naming(list);
	const char *dot = strrchr(list, '.');
	size_t len = n.has_kind ? n.stem : dot ? (size_t)(dot - list) : 0;
	char stem[NAME_LIMIT + 1];
	struct civil mine, its;
	struct span where;
	if (!len || len > NAME_LIMIT)
		return 0;
	memcpy(stem, list, len);
	stem[len] = '\0';
	if (!strncasecmp(base, stem, len))
		return 2;
	return strcasestr(base, stem) || (name_time_find(base, strlen(base), &mine, &where) &&
					  name_time_find(stem, len, &its, &where) && same_day(&mine, &its));
}

/* Those from `from` on that are near go there. Returns where the others begin. */
static size_t bring_forward(struct strings *names, size_t from, const char *base, int near)
{
	for (size_t i = from; i < names->count; i++) {
		char *name = names->items[i];
		if (nearness(name, base) < near)
			continue;
		names->items[i] = names->items[from];
		names->items[from++] = name;
	}
	return from;
}

int sidecar_find_lists(const char *dir, const char *base, bool manifests, struct strings *out, size_t *left,
		       struct error *e)
{
	int rc = 0;
	/* Searchable but not readable: files are still opened by name. */
	if (door_names(dir, manifests ? sidecar_may_list : is_of_kind, NAMES_MOST, out) < 0 && !door_absent(errno))
		rc = errno == EOVERFLOW ? 1 : error_sys(e, "can't list it");
	*left = rc > 0 || out->count == NAMES_MOST;
	bring_forward(out, bring_forward(out, 0, base, 2), base, 1);
	for (; out->count > LISTS_MOST; (*left)++)
		free(out->items[--out->count]);
	return rc < 0 ? -1 : 0;
}
