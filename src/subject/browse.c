// SPDX-License-Identifier: GPL-3.0-or-later
/* A walk through the merged tree: from one volume into those that are mounted on it. */
#include "parts.h"

struct walk {
	struct subject_volume *volume;
	const char *mount; /* of the volume, without slashes around; "" for the root or a volume by itself */
	subject_visit_fn *visit;
	void *ctx;
	const struct budget *budget;
};

static int show(void *ctx, const struct fs_entry *entry, struct error *e)
{
	struct walk *w = ctx;
	char full[8192];
	struct fs_entry shown = *entry;
	if (budget_check(w->budget, e) < 0)
		return -1;
	int n = snprintf(full, sizeof full, "%s%s%s", w->mount, *w->mount && *entry->path ? "/" : "", entry->path);
	if (n < 0 || (size_t)n >= sizeof full)
		return error_set(e, ERROR_LIMIT, ERROR_NO_OFFSET, "a path is longer than %zu bytes", sizeof full);
	shown.path = full;
	return w->visit(w->ctx, w->volume, &shown, e);
}

/* The entry itself, and what is below it. */
static int walk_volume(struct walk *w, const char *rest, struct error *e)
{
	struct fs_entry entry;
	int rc = fs_lookup(w->volume->fs, rest, *rest == '\0', &entry, e);
	if (rc <= 0)
		return rc;
	entry.path = rest;
	if (*rest && (rc = show(w, &entry, e)) != 0)
		return rc < 0 ? -1 : 1;
	if (entry.type != ENTRY_DIR)
		return 1;
	return fs_walk(w->volume->fs, rest, w->budget, show, w, e) < 0 ? -1 : 1;
}

/* "/boot/efi/" -> "boot/efi" */
static char *bare(const char *path)
{
	while (*path == '/')
		path++;
	char *copy = strdup(path);
	for (size_t n = copy ? strlen(copy) : 0; n && copy[n - 1] == '/'; n--)
		copy[n - 1] = '\0';
	return copy;
}

static bool is_below(const char *path, const char *directory)
{
	size_t n = strlen(directory);
	return !n || (!strncmp(path, directory, n) && (path[n] == '/' || !path[n]));
}

int subject_walk(struct subject *s, struct subject_volume *only, const char *path, const struct budget *b,
		 subject_visit_fn *visit, void *ctx, struct error *e)
{
	autofree char *wanted = bare(path);
	bool found = false;
	if (!wanted)
		return error_nomem(e);
	struct walk w = {.visit = visit, .ctx = ctx, .budget = b, .volume = only, .mount = ""};
	if (only)
		return walk_volume(&w, wanted, e);
	struct subject_volume *holder;
	struct fs_entry entry;
	int rc = subject_lookup(s, wanted, false, &holder, &entry, e);
	if (rc < 0)
		return -1;
	vec_each(&s->volumes, v)
	{
		autofree char *mount = v->fs && v->mount ? bare(v->mount) : NULL;
		if (!mount)
			continue;
		/* The volume that holds the path from there on, those mounted below it whole. */
		if (v != holder && !(is_below(mount, wanted) && strcmp(mount, wanted)))
			continue;
		w.volume = v;
		w.mount = mount;
		const char *rest = v == holder ? wanted + strlen(mount) : "";
		rest += strspn(rest, "/");
		rc = walk_volume(&w, rest, e);
		if (rc < 0)
			return -1;
		found |= rc > 0;
	}
	return found;
}
