// SPDX-License-Identifier: GPL-3.0-or-later
/* The row: opening, with the log replayed; views from one subvolume; closing. */
#include "btrfs.h"

#include <ctype.h>
#include <sys/stat.h>

#include "backproof/text.h"

#define META_CLUSTER (64 * 1024)
#define META_CLUSTERS 128
#define RUNS_MAX (4u << 20) /* 64 MiB */

static void btrfs_free(struct btrfs *fs)
{
	if (!fs)
		return;
	vec_each(&fs->trees, t)
	{
		free(t->name);
		btrfs_overlay_destroy(t->overlay);
	}
	vec_each(&fs->log_sums, s) free(s->data);
	vec_free(&fs->trees);
	vec_free(&fs->log_sums);
	vec_free(&fs->chunks);
	btrfs_cache_destroy(fs->cache);
	source_destroy(fs->meta);
	free(fs);
}
DEFINE_AUTO(struct btrfs, btrfs_free)

static void btrfs_destroy(void *self)
{
	struct btrfs_view *v = self;
	if (!v)
		return;
	if (!--v->fs->users)
		btrfs_free(v->fs);
	free(v);
}

static struct btrfs_view *view_of(struct btrfs *fs, const struct btrfs_tree *top, struct error *e)
{
	struct btrfs_view *v = calloc(1, sizeof *v);
	if (!v) {
		error_nomem(e);
		return NULL;
	}
	*v = (struct btrfs_view){fs, top};
	fs->users++;
	return v;
}

/* The newest change of any subvolume: inode updates date their root. */
static void take_times(const struct btrfs *fs, struct fs_info *info)
{
	vec_each(&fs->trees, t)
	{
		if (btrfs_is_subvolume(t->id) && t->ctime > info->written)
			info->written = t->ctime;
		if (t->id == BTRFS_FS_TREE)
			info->made = t->otime;
	}
}

static int btrfs_open(struct source *src, const char *subject, struct findings *f, void **self, struct fs_info *info,
		      struct error *e)
{
	autodestroy(btrfs_free_auto) struct btrfs *fs = calloc(1, sizeof *fs);
	if (!fs)
		return error_nomem(e);
	fs->src = src;
	fs->runs_max = RUNS_MAX;
	if (btrfs_super_open(fs, subject, f, info, e) < 0)
		return -1;
	fs->meta = source_cached(src, META_CLUSTER, META_CLUSTERS, e);
	fs->cache = btrfs_cache_new(fs->node, e);
	if (!fs->meta || !fs->cache || btrfs_chunks_open(fs, e) < 0 || btrfs_roots_open(fs, e) < 0)
		return -1;
	take_times(fs, info);
	if (btrfs_log_open(fs, subject, f, info, e) < 0)
		return -1;
	const struct btrfs_tree *top = btrfs_tree_by_id(fs, fs->default_tree);
	struct btrfs_inode root;
	if (btrfs_inode_read(fs, top, top->dirid, &root, e) < 0)
		return -1;
	if (!S_ISDIR(root.mode))
		return btrfs_bad(e, ERROR_NO_OFFSET, "the root of subvolume %llu is no directory",
				 (unsigned long long)top->id);
	if (root.ctime > info->written)
		info->written = root.ctime;
	btrfs_finding(f, "btrfs.chunks", subject, OUTCOME_HELD, -1, "%zu chunks, none overlapping; %zu trees%s",
		      fs->chunks.count, fs->trees.count,
		      fs->devices > 1 ? "; other devices hold copies of what is here" : "");
	*self = view_of(fs, top, e);
	if (!*self)
		return -1;
	fs = NULL;
	return 0;
}

static struct stream *btrfs_open_file(void *self, uint64_t id, struct error *e)
{
	struct btrfs_view *v = self;
	struct btrfs_inode in;
	if (btrfs_inode_by_id(v->fs, id, &in, e) < 0)
		return NULL;
	if (!S_ISREG(in.mode)) {
		btrfs_bad(e, ERROR_NO_OFFSET, "inode %llu is no regular file", (unsigned long long)in.number);
		return NULL;
	}
	return btrfs_open_inode(v->fs, &in, e);
}

/* The subvolume that a path from the top level leads to, as the mount option takes it. */
static const struct btrfs_tree *by_path(struct btrfs *fs, const char *path, struct error *e)
{
	struct btrfs_view top = {fs, btrfs_tree_by_id(fs, BTRFS_FS_TREE)};
	struct btrfs_inode in;
	int rc = btrfs_lookup_inode(&top, path, false, &in, e);
	if (rc < 0)
		return NULL;
	if (!rc || in.empty || in.number != in.tree->dirid) {
		error_set(e, ERROR_MISSING, ERROR_NO_OFFSET, "btrfs: there is no subvolume %s", path);
		return NULL;
	}
	return in.tree;
}

static int btrfs_subvolume(void *self, const char *path, uint64_t id, void **out, struct error *e)
{
	struct btrfs_view *v = self;
	const struct btrfs_tree *t = path ? by_path(v->fs, path, e) : NULL;
	if (path && !t)
		return -1;
	/* 0 has always meant the top level. */
	if (!path && btrfs_is_subvolume(id ? id : BTRFS_FS_TREE))
		t = btrfs_tree_by_id(v->fs, id ? id : BTRFS_FS_TREE);
	if (!t || !t->refs || (path && id && t->id != id))
		return error_set(e, ERROR_MISSING, ERROR_NO_OFFSET, "btrfs: there is no subvolume %llu%s%s",
				 (unsigned long long)id, path ? " at " : "", path ? path : "");
	*out = view_of(v->fs, t, e);
	return *out ? 0 : -1;
}

static int btrfs_subvolumes(void *self, fs_subvolume_fn *fn, void *ctx, struct error *e)
{
	struct btrfs_view *v = self;
	vec_each(&v->fs->trees, t)
	{
		if (!btrfs_is_subvolume(t->id) || !t->refs)
			continue;
		autofree char *path = NULL;
		int rc = btrfs_tree_path(v->fs, t, &path, e);
		if (rc < 0)
			return -1;
		struct fs_subvolume s = {.path = path, .id = t->id, .is_default = t->id == v->fs->default_tree,
					 .read_only = t->flags & 1, .changed = t->ctime};
		rc = path ? fn(ctx, &s, e) : 0;
		if (rc)
			return rc < 0 ? -1 : 0;
	}
	return 0;
}

static const char *const types[] = {"btrfs", NULL};
const struct fs_ops fs_btrfs = {
	.name = "btrfs",
	.types = types,
	.open = btrfs_open,
	.verify = btrfs_verify,
	.walk = btrfs_walk,
	.lookup = btrfs_lookup,
	.open_file = btrfs_open_file,
	.read_link = btrfs_read_link,
	.xattrs = btrfs_xattrs,
	.destroy = btrfs_destroy,
	.scrub = btrfs_scrub,
	.subvolumes = btrfs_subvolumes,
	.subvolume = btrfs_subvolume,
};
