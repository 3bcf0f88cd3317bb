// SPDX-License-Identifier: GPL-3.0-or-later
/* Paths: walking below a directory, and finding one entry. */
#include "xfs.h"

#include "dirs.h"
#include "lookup.h"
#include "walk.h"

/* Where a path has led to. */
struct place {
	const struct xfs *x;
	struct xfs_inode in;
	struct walk *w;
};

static int keep_name(void *ctx, const struct xfs_dirent *d, struct error *e)
{
	struct place *p = ctx;
	if (xfs_dirent_dots(d))
		return 0;
	if (!xfs_dirent_named(d))
		return error_set(e, ERROR_CORRUPT, (int64_t)p->in.place,
				 "directory inode %llu: a name with a slash or a NUL in it",
				 (unsigned long long)p->in.number);
	return walk_keep(p->w, d->inode, d->name, d->length, e);
}

static int list(struct walk *w, void *at, struct error *e)
{
	struct place *p = at;
	int rc = walk_see(w, p->in.number, e);
	if (rc < 0)
		return -1;
	if (!rc)
		return error_set(e, ERROR_CORRUPT, (int64_t)p->in.place, "directory inode %llu is in two places: %s",
				 (unsigned long long)p->in.number, text_str(&w->path));
	p->w = w;
	return xfs_dir_each(p->x, &p->in, NULL, keep_name, p, e);
}

static int show(struct walk *w, void *at, uint64_t number, struct fs_entry *out, struct error *e)
{
	struct place *p = at;
	if (xfs_inode_read(p->x, number, &p->in, e) < 0)
		return error_prefix(e, "%.200s", text_str(&w->path));
	if (!p->in.mode || !p->in.links)
		return error_set(e, ERROR_CORRUPT, (int64_t)p->in.place, "%.200s: inode %llu is not in use",
				 text_str(&w->path), (unsigned long long)number);
	xfs_inode_entry(p->x, &p->in, out);
	return 0;
}

static int go(void *at, const void *node, enum entry_type *type, struct error *e)
{
	struct place *p = at;
	const uint64_t *number = node;
	if (xfs_inode_read(p->x, *number, &p->in, e) < 0)
		return -1;
	uint8_t kind = xfs_inode_type(p->in.mode);
	*type = kind == XFS_FT_DIR ? ENTRY_DIR : kind == XFS_FT_LINK ? ENTRY_LINK : ENTRY_OTHER;
	return 0;
}

static int put(void *ctx, const struct xfs_dirent *d, struct error *e)
{
	return dirs_put(ctx, d->inode, d->name, d->length, e);
}

static int fill(void *at, struct dirs_one *one, struct error *e)
{
	struct place *p = at;
	return xfs_dir_each(p->x, &p->in, NULL, put, one, e);
}

static int find(void *at, const char *name, size_t len, void *node, struct error *e)
{
	struct place *p = at;
	return dirs_find(p->x->dirs, p->in.number, fill, p, name, len, node, e);
}

static char *target(void *at, struct error *e)
{
	struct place *p = at;
	return xfs_link_target(p->x, &p->in, e);
}

static int go_along(struct place *p, const char *path, bool follow, struct error *e)
{
	static const struct lookup_ops ops = {sizeof(uint64_t), XFS_PATH_MAX, NULL, go, find, target};
	return lookup_path(&ops, p, &p->x->root, path, follow, e);
}

int xfs_lookup(void *self, const char *path, bool follow, struct fs_entry *out, struct error *e)
{
	struct place p = {.x = self};
	int rc = go_along(&p, path, follow, e);
	if (rc > 0)
		xfs_inode_entry(p.x, &p.in, out);
	return rc;
}

int xfs_walk(void *self, const char *path, const struct budget *b, fs_visit_fn *visit, void *ctx,
	     struct error *e)
{
	static const struct walk_ops ops = {show, list};
	struct walk w autodestroy(walk_free) = {
		.who = "", .path_max = XFS_PATH_MAX, .b = b, .visit = visit, .ctx = ctx};
	struct place p = {.x = self};
	int rc = go_along(&p, path, true, e);
	if (rc < 0)
		return -1;
	if (!rc || xfs_inode_type(p.in.mode) != XFS_FT_DIR)
		return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "/%s: no such directory",
				 path + strspn(path, "/"));
	return walk_start(&w, path, e) < 0 ? -1 : walk_tree(&w, &ops, &p, e);
}
