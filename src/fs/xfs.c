// SPDX-License-Identifier: GPL-3.0-or-later
/* The row: opening, with the log replayed, and closing. */
#include "dirs.h"
#include "xfs.h"

#include "rows.h"

#define CLUSTER (64 * 1024)
#define CLUSTERS 256

static void xfs_destroy(void *self)
{
	struct xfs *x = self;
	if (!x)
		return;
	dirs_destroy(x->dirs);
	free(x->pieces);
	source_destroy(x->src);
	source_destroy(x->overlay);
	free(x);
}

static void destroy_auto(struct xfs **x)
{
	xfs_destroy(*x);
}

/* What is to be seen: the image, or the image with its log replayed. */
static int attach(struct xfs *x, struct error *e)
{
	source_destroy(x->src);
	x->plain = x->overlay ? x->overlay : x->base;
	x->src = source_cached(x->plain, CLUSTER, CLUSTERS, e);
	return x->src ? 0 : -1;
}

static int xfs_open(struct source *src, const char *subject, struct findings *f, void **self,
		    struct fs_info *info, struct error *e)
{
	__attribute__((cleanup(destroy_auto))) struct xfs *x = calloc(1, sizeof *x);
	if (!x)
		return error_nomem(e);
	x->base = src;
	x->dirs = dirs_new(e);
	if (!x->dirs || xfs_super_read(x, src, e) < 0)
		return -1;
	xfs_super_info(x, info);
	if (attach(x, e) < 0 || xfs_log_replay(x, subject, f, info, e) < 0)
		return -1;
	if (x->overlay) {
		if (attach(x, e) < 0)
			return -1;
		if (xfs_super_read(x, x->src, e) < 0)
			return error_prefix(e, "after the log was replayed");
		bool clean = info->clean, replayed = info->replayed, stale = info->stale_view;
		xfs_super_info(x, info);
		info->clean = clean;
		info->replayed = replayed;
		info->stale_view = stale;
	}
	x->stale = info->stale_view;
	x->clean = info->clean;
	x->settled = !x->stale && (info->clean || info->replayed);
	if (!x->clean)
		xfs_super_count(x, info);
	xfs_super_judge(x, subject, f, info);
	*self = take(x);
	return 0;
}

static const char *const types[] = {"xfs", NULL};

const struct fs_ops fs_xfs = {
    .name = "xfs",
    .types = types,
    .open = xfs_open,
    .verify = xfs_verify,
    .walk = xfs_walk,
    .lookup = xfs_lookup,
    .open_file = xfs_open_file,
    .read_link = xfs_read_link,
    .xattrs = xfs_xattrs,
    .destroy = xfs_destroy,
    .shared = true,
};
