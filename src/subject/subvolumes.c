// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Trees inside one file system (btrfs): which of them is the system's root, and those that its fstab mounts. Snapshots
 * hold an /etc/fstab too, but it names another subvolume than the one it lies in.
 */
#include "subvolumes.h"

#include <stdlib.h>

#include "backproof/text.h"
#include "facts.h"
#include "parts.h"

#define LOOKED_AT 1024

/* subvol=@home, subvolid=257 among the options of a line. true: it names one. */
static bool named_subvolume(const char *options, char path[1024], uint64_t *id)
{
	*path = '\0';
	*id = 0;
	for (const char *p = options; p && *p; p = strchr(p, ',') ? strchr(p, ',') + 1 : NULL) {
		size_t n = strcspn(p, ",");
		if (!strncmp(p, "subvol=", 7) && n - 7 < 1024) {
			const char *name = p + 7;
			size_t len = n - 7;
			while (len && *name == '/') {
				name++;
				len--;
			}
			while (len && name[len - 1] == '/')
				len--;
			memcpy(path, name, len);
			path[len] = '\0';
			return true;
		}
		if (!strncmp(p, "subvolid=", 9)) {
			*id = strtoull(p + 9, NULL, 10);
			return true;
		}
	}
	return false;
}

bool subvolume_is_named(const struct fstab_line *l)
{
	char path[1024];
	uint64_t id;
	return named_subvolume(l->options, path, &id);
}

struct candidates {
	struct strings paths;
	uint64_t ids[LOOKED_AT];
	bool read_only[LOOKED_AT];
};

static int collect(void *ctx, const struct fs_subvolume *x, struct error *e)
{
	struct candidates *c = ctx;
	if (c->paths.count == LOOKED_AT)
		return 1;
	c->ids[c->paths.count] = x->id;
	c->read_only[c->paths.count] = x->read_only;
	return strings_add(&c->paths, x->path) < 0 ? error_nomem(e) : 0;
}

/* How likely a subvolume is the root: 0 not at all, 3 its own fstab says so. */
static int rank(struct fs *fs, const char *path, uint64_t id, bool read_only, struct error *e)
{
	autofree char *text = NULL;
	struct fs_entry entry;
	struct facts x = {0};
	char named[1024];
	uint64_t named_id;
	size_t len;
	int rc = fs_read_file(fs, "etc/fstab", MIB, &text, &len, e), best = 0;
	if (rc < 0)
		return -1;
	if (rc == 0) {
		rc = fs_lookup(fs, "etc/os-release", true, &entry, e);
		return rc <= 0 ? rc : read_only ? 1 : 2;
	}
	best = read_only ? 1 : 2;
	if (fstab_parse(text, &x) < 0) {
		facts_free(&x);
		return error_nomem(e);
	}
	vec_each(&x.fstab, l)
	{
		if (strcmp(l->mount, "/") || !named_subvolume(l->options, named, &named_id))
			continue;
		bool same = *named ? !strcmp(named, path) : named_id == id;
		best = same ? 3 : 1;
	}
	facts_free(&x);
	return best;
}

int subvolume_enter(struct subject_volume *v, const char *path, uint64_t id, struct error *e)
{
	struct fs *inner = fs_open_subvolume(v->fs, *path || !id ? path : NULL, id, e);
	char *copy = inner ? strdup(path) : NULL;
	if (!copy) {
		fs_destroy(inner);
		return inner ? error_nomem(e) : -1;
	}
	free(v->subvolume);
	v->subvolume = copy;
	v->subvolume_id = id;
	fs_destroy(v->fs);
	v->fs = inner;
	return 0;
}

/* 1: v has a root in one of its subvolumes, and shows that now. */
static int search(struct subject_volume *v, struct error *e)
{
	autofree struct candidates *c = calloc(1, sizeof *c);
	int best = 0;
	size_t which = 0;
	if (!c)
		return error_nomem(e);
	int rc = fs_subvolumes(v->fs, collect, c, e) < 0 ? -1 : 0;
	for (size_t i = 0; i < c->paths.count && rc == 0 && best < 3; i++) {
		autodestroy(fs_destroy_auto) struct fs *inner =
			fs_open_subvolume(v->fs, c->paths.items[i], c->ids[i], e);
		int r = inner ? rank(inner, c->paths.items[i], c->ids[i], c->read_only[i], e) : -1;
		if (r < 0)
			rc = -1;
		if (r > best) {
			best = r;
			which = i;
		}
	}
	if (rc == 0 && best)
		rc = subvolume_enter(v, c->paths.items[which], c->ids[which], e) < 0 ? -1 : 1;
	strings_free(&c->paths);
	return rc;
}

struct subject_volume *subvolumes_find_root(struct subject *s, struct findings *f)
{
	vec_each(&s->volumes, v)
	{
		struct error e = {0};
		int rc = v->fs && fs_has_subvolumes(v->fs) ? search(v, &e) : 0;
		if (rc < 0)
			finding_error(f, PROOF_STRUCTURE, "root.lookup", v->name, &e);
		if (rc > 0)
			return v;
	}
	return NULL;
}

/* One more place where a volume shows, by another of its trees. */
static int add_alias(struct subject *s, size_t of, const char *path, uint64_t id, const char *mount, struct error *e)
{
	struct subject_volume *alias = vec_push(&s->volumes), *v = &s->volumes.items[of];
	if (!alias)
		return error_nomem(e);
	alias->disk = v->disk;
	alias->volume = v->volume;
	alias->alias = true;
	alias->name = text_format("%s[%s]", v->name, *path ? path : mount);
	alias->mount = strdup(mount);
	alias->subvolume = strdup(path);
	alias->subvolume_id = id;
	if (!alias->name || !alias->mount || !alias->subvolume)
		return error_nomem(e);
	struct error why = {0};
	alias->fs = fs_open_subvolume(v->fs, *path || !id ? path : NULL, id, &why);
	/* What is not there is told by coverage, which finds nothing mounted. */
	return alias->fs || why.cls != ERROR_INTERNAL ? 0 : (*e = why, -1);
}

int subvolumes_mount(struct subject *s, struct error *e)
{
	for (size_t i = 0; i < s->facts.fstab.count; i++) {
		const struct fstab_line *l = &s->facts.fstab.items[i];
		char path[1024];
		uint64_t id;
		if (*l->mount != '/' || !strcmp(l->mount, "/") || !named_subvolume(l->options, path, &id))
			continue;
		struct subject_volume *v = subject_volume_by_spec(s, l->spec);
		if (!v || !v->fs || !fs_has_subvolumes(v->fs))
			continue;
		if (v->mount && strcmp(v->mount, l->mount)) {
			if (add_alias(s, (size_t)(v - s->volumes.items), path, id, l->mount, e) < 0)
				return -1;
		} else if (!v->subvolume && subvolume_enter(v, path, id, e) < 0 && e->cls == ERROR_INTERNAL) {
			return -1;
		}
	}
	return 0;
}
