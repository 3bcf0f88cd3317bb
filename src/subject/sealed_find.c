// SPDX-License-Identifier: GPL-3.0-or-later
/* Where the seals of a restore point may lie. */
#include <errno.h>
#include <sys/stat.h>

#include "backproof/door.h"
#include "backproof/sealed.h"

/* A directory may hold the backups of a whole fleet: then only those are looked into whose own file is gone. */
#define NAMES_MAX 20000
#define SEALS_MAX 64
#define ORPHANS_MAX 256
#define BYTES_MAX (16 * MIB)

static int add_if_there(struct strings *out, const char *name, struct error *e)
{
	autofree char *path = text_format("%s" SEAL_SUFFIX, name);
	struct stat st;
	if (!path)
		return error_nomem(e);
	/* A link that leads nowhere is there: whoever opens it says so. */
	if (door_stat(path, false, &st) < 0)
		return door_absent(errno) ? 0 : error_sys(e, "%s", path);
	if (S_ISDIR(st.st_mode) || strings_has(out, path))
		return 0;
	return strings_add(out, path) < 0 ? error_nomem(e) : 0;
}

int sealed_find_beside(const struct restore_point *point, struct strings *out, struct error *e)
{
	int rc = 0;
	for (size_t i = 0; i < point->count && rc == 0; i++)
		rc = add_if_there(out, point->items[i].path, e);
	return rc;
}

static bool is_seal(const char *name)
{
	size_t n = strlen(name), m = strlen(SEAL_SUFFIX);
	return n > m && *name != '.' && !strcmp(name + n - m, SEAL_SUFFIX);
}

struct around {
	struct strings *out;
	size_t seals, orphans;
	uint64_t bytes;
};

static int add_around(struct around *a, const char *directory, const char *name, bool only_orphans, struct error *e)
{
	struct stat st, own;
	autofree char *path = text_format("%s/%s", directory, name), *stem = path ? strdup(path) : NULL;
	if (!stem)
		return error_nomem(e);
	stem[strlen(stem) - strlen(SEAL_SUFFIX)] = 0;
	if (door_stat(path, true, &st) < 0)
		return door_absent(errno) ? 0 : error_sys(e, "%s", path);
	if (!S_ISREG(st.st_mode) || strings_has(a->out, path))
		return 0;
	bool orphan = door_stat(stem, false, &own) < 0;
	if (orphan ? a->orphans++ >= ORPHANS_MAX : only_orphans)
		return 0;
	a->bytes += (uint64_t)st.st_size;
	return a->bytes > BYTES_MAX && !orphan ? 0 : strings_add(a->out, path) < 0 ? error_nomem(e) : 0;
}

/* Names are collected first: what is written meanwhile must not make this endless. */
static int list(struct around *a, const char *directory, struct error *e)
{
	struct strings names = {0};
	int rc = 0;
	/* Searchable, but not readable: seals are still found by their names. */
	if (door_names(directory, is_seal, NAMES_MAX, &names) < 0 && !door_absent(errno))
		rc = error_sys(e, "%s", directory);
	a->seals += names.count;
	for (size_t i = 0; i < names.count && rc == 0; i++)
		rc = add_around(a, directory, names.items[i], a->seals > SEALS_MAX, e);
	strings_free(&names);
	return rc;
}

int sealed_find_around(const struct restore_point *point, struct strings *out, struct error *e)
{
	struct strings seen = {0};
	struct around a = {.out = out};
	int rc = 0;
	for (size_t i = 0; i < point->count && rc == 0; i++) {
		autofree char *directory = path_directory(point->items[i].path);
		if (!directory)
			rc = error_nomem(e);
		else if (!strings_has(&seen, directory))
			rc = strings_add(&seen, directory) < 0		? error_nomem(e)
			     : add_if_there(out, directory, e) < 0 ? -1
								   : list(&a, directory, e);
	}
	strings_free(&seen);
	return rc;
}
