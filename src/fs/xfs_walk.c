// SPDX-License-Identifier: GPL-3.0-or-later
/* Paths: walking below a directory, and finding one entry. */
#include "xfs.h"

#define LINKS_MAX 40

/* The entries of one directory of the walk that are still to be shown. */
struct level {
	uint8_t *names; /* {inode, length, name} packed */
	size_t len, capacity, pos;
	size_t path_len; /* of the path of the directory */
};

struct walk {
	const struct xfs *x;
	const struct budget *b;
	fs_visit_fn *visit;
	void *ctx;
	VEC(struct level) levels;
	struct text path;
	uint64_t *seen; /* directories entered, in a table of open addressing */
	size_t slots, used;
	uint64_t entries;
	const struct xfs_inode *dir;
};

static void walk_free(struct walk *w)
{
	vec_each(&w->levels, l) free(l->names);
	vec_free(&w->levels);
	text_free(&w->path);
	free(w->seen);
}

static uint64_t *seen_slot(uint64_t *seen, size_t slots, uint64_t number)
{
	struct rng r = {number};
	for (size_t i = (size_t)rng_next(&r);; i++)
		if (!seen[i & (slots - 1)] || seen[i & (slots - 1)] == number)
			return &seen[i & (slots - 1)];
}

/* 1 when it was there already. */
static int see(struct walk *w, uint64_t number, struct error *e)
{
	if (w->used * 2 >= w->slots) {
		size_t slots = w->slots ? w->slots * 2 : 1024;
		uint64_t *grown = calloc(slots, sizeof *grown);
		if (!grown)
			return error_nomem(e);
		for (size_t i = 0; i < w->slots; i++)
			if (w->seen[i])
				*seen_slot(grown, slots, w->seen[i]) = w->seen[i];
		free(w->seen);
		w->seen = grown;
		w->slots = slots;
	}
	uint64_t *slot = seen_slot(w->seen, w->slots, number);
	if (*slot)
		return 1;
	*slot = number;
	w->used++;
	return 0;
}

static int keep_name(void *ctx, const struct xfs_dirent *d, struct error *e)
{
	struct walk *w = ctx;
	struct level *l = &w->levels.items[w->levels.count - 1];
	if (xfs_dirent_dots(d))
		return 0;
	if (!xfs_dirent_named(d))
		return error_set(e, ERROR_CORRUPT, (int64_t)w->dir->place,
				 "directory inode %llu: a name with a slash or a NUL in it",
				 (unsigned long long)w->dir->number);
	if (w->b && budget_check(w->b, e) < 0)
		return -1;
	if (l->len + 9 + d->length > l->capacity) {
		size_t want = l->capacity * 2 + 4096;
		uint8_t *grown = realloc(l->names, want);
		if (!grown)
			return error_nomem(e);
		l->names = grown;
		l->capacity = want;
	}
	memcpy(l->names + l->len, &d->inode, 8);
	l->names[l->len + 8] = d->length;
	memcpy(l->names + l->len + 9, d->name, d->length);
	l->len += 9u + d->length;
	return 0;
}

static int enter(struct walk *w, const struct xfs_inode *dir, struct error *e)
{
	int rc = see(w, dir->number, e);
	if (rc < 0)
		return -1;
	if (rc)
		return error_set(e, ERROR_CORRUPT, (int64_t)dir->place,
				 "directory inode %llu is in two places: %s",
				 (unsigned long long)dir->number, text_str(&w->path));
	struct level *l = vec_push(&w->levels);
	if (!l)
		return error_nomem(e);
	l->path_len = w->path.length;
	w->dir = dir;
	return xfs_dir_each(w->x, dir, NULL, keep_name, w, e);
}

static void cut_path(struct walk *w, size_t len)
{
	w->path.length = len;
	if (w->path.data)
		w->path.data[len] = 0;
}

/* Shows the next entry of the innermost directory; goes in when it is one. */
static int step(struct walk *w, struct error *e)
{
	struct level *l = &w->levels.items[w->levels.count - 1];
	struct xfs_inode in;
	struct fs_entry entry;
	uint64_t number;
	cut_path(w, l->path_len);
	if (l->pos == l->len) {
		free(l->names);
		w->levels.count--;
		return 0;
	}
	const uint8_t *p = l->names + l->pos;
	memcpy(&number, p, 8);
	l->pos += 9u + p[8];
	if (w->b && budget_check(w->b, e) < 0)
		return -1;
	if (w->b && w->b->max_entries && ++w->entries > w->b->max_entries)
		return error_set(e, ERROR_LIMIT, ERROR_NO_OFFSET, "more than %llu entries",
				 (unsigned long long)w->b->max_entries);
	if (w->path.length)
		text_put(&w->path, "/");
	text_put_bytes(&w->path, p + 9, p[8]);
	if (w->path.failed)
		return error_nomem(e);
	if (w->path.length > XFS_PATH_MAX)
		return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "a path longer than %u bytes",
				 XFS_PATH_MAX);
	if (xfs_inode_read(w->x, number, &in, e) < 0)
		return error_prefix(e, "%.200s", text_str(&w->path));
	if (!in.mode || !in.links)
		return error_set(e, ERROR_CORRUPT, (int64_t)in.place,
				 "%.200s: inode %llu is not in use", text_str(&w->path),
				 (unsigned long long)number);
	xfs_inode_entry(w->x, &in, &entry);
	entry.path = text_str(&w->path);
	int rc = w->visit(w->ctx, &entry, e);
	if (rc || entry.type != ENTRY_DIR)
		return rc;
	return enter(w, &in, e);
}

int xfs_walk(void *self, const char *path, const struct budget *b, fs_visit_fn *visit, void *ctx,
	     struct error *e)
{
	struct xfs *x = self;
	struct walk w autodestroy(walk_free) = {.x = x, .b = b, .visit = visit, .ctx = ctx};
	struct fs_entry start;
	struct xfs_inode in;
	while (*path == '/')
		path++;
	int rc = xfs_lookup(self, path, true, &start, e);
	if (rc < 0)
		return -1;
	if (!rc || start.type != ENTRY_DIR)
		return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "/%s: no such directory", path);
	size_t len = strlen(path);
	while (len && path[len - 1] == '/')
		len--;
	text_put_bytes(&w.path, path, len);
	if (xfs_inode_read(x, start.id, &in, e) < 0 || enter(&w, &in, e) < 0)
		return -1;
	while (w.levels.count) {
		rc = step(&w, e);
		if (rc)
			return rc < 0 ? -1 : 0;
	}
	return 0;
}

/*
 * The path is worked off from the left; `stack` holds the directories above, so that ".." needs no
 * entry of the image to be believed.
 */
int xfs_lookup(void *self, const char *path, bool follow, struct fs_entry *out, struct error *e)
{
	struct xfs *x = self;
	autofree char *left = strdup(path);
	struct xfs_inode in;
	VEC(uint64_t) stack = {0};
	autofree uint64_t *items = NULL;
	unsigned links = 0;
	const char *p = left;
	if (!left)
		return error_nomem(e);
	if (strlen(path) > XFS_PATH_MAX)
		return 0;
	if (xfs_inode_read(x, x->root, &in, e) < 0)
		return -1;
	for (;;) {
		while (*p == '/')
			p++;
		if (!*p)
			break;
		size_t len = strcspn(p, "/");
		const char *rest = p + len + strspn(p + len, "/");
		bool last = !*rest;
		if (xfs_inode_type(in.mode) != XFS_FT_DIR)
			return 0;
		if (len == 1 && p[0] == '.') {
			p = rest;
			continue;
		}
		if (len == 2 && p[0] == '.' && p[1] == '.') {
			uint64_t up = stack.count ? stack.items[--stack.count] : x->root;
			p = rest;
			if (xfs_inode_read(x, up, &in, e) < 0)
				return -1;
			continue;
		}
		uint64_t parent = in.number, child;
		int rc = xfs_dirs_find(x, &in, p, len, &child, e);
		if (rc <= 0)
			return rc;
		if (xfs_inode_read(x, child, &in, e) < 0)
			return -1;
		if (xfs_inode_type(in.mode) == XFS_FT_LINK && (!last || follow)) {
			if (++links > LINKS_MAX)
				return 0;
			autofree char *target = xfs_link_target(x, &in, e);
			if (!target)
				return -1;
			if (target[0] == '/')
				stack.count = 0;
			char *joined = text_format("%s%s%s", target, *rest ? "/" : "", rest);
			if (!joined)
				return error_nomem(e);
			free(left);
			p = left = joined;
			if (strlen(joined) > XFS_PATH_MAX)
				return 0;
			if (xfs_inode_read(x, target[0] == '/' ? x->root : parent, &in, e) < 0)
				return -1;
			continue;
		}
		uint64_t *above = vec_push(&stack);
		items = stack.items;
		if (!above)
			return error_nomem(e);
		*above = parent;
		p = rest;
	}
	xfs_inode_entry(x, &in, out);
	return 1;
}
