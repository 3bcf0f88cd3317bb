// SPDX-License-Identifier: GPL-3.0-or-later
/* The row: opening, with the log replayed, and closing. */
#ifdef HAVE_EXT2FS
#include "dirs.h"
#include "ext.h"

#include "rows.h"

static void ext_destroy(void *self)
{
	struct ext *x = self;
	if (!x)
		return;
	if (x->fs)
		ext2fs_free(x->fs);
	dirs_destroy(x->dirs);
	source_destroy(x->src);
	source_destroy(x->overlay);
	free(x);
}

static void destroy_auto(struct ext **x)
{
	ext_destroy(*x);
}

/* What is to be seen: the image, or the image with its log replayed. */
static int attach_source(struct ext *x, struct error *e)
{
	if (x->fs)
		ext2fs_free(x->fs);
	x->fs = NULL;
	source_destroy(x->src);
	x->src = source_cached(x->overlay ? x->overlay : x->base, EXT_CLUSTER, EXT_CLUSTERS, e);
	return x->src ? 0 : -1;
}

static int attach(struct ext *x, const struct ext_super *s, struct error *e)
{
	x->fs = ext_io_open(x->src, s->block_size, e);
	if (!x->fs)
		return -1;
	x->blocks = s->blocks;
	x->first_block = s->first_block;
	x->block_size = s->block_size;
	x->groups = x->fs->group_desc_count;
	x->inodes = x->fs->super->s_inodes_count;
	x->inodes_per_group = x->fs->super->s_inodes_per_group;
	x->inode_size = EXT2_INODE_SIZE(x->fs->super);
	x->seed = x->fs->csum_seed;
	x->cluster_bits = (unsigned)x->fs->cluster_ratio_bits;
	x->csum = ext2fs_has_feature_metadata_csum(x->fs->super);
	x->group_csum = ext2fs_has_group_desc_csum(x->fs);
	return 0;
}

static int ext_open(struct source *src, const char *subject, struct findings *f, void **self,
		    struct fs_info *info, struct error *e)
{
	struct ext_super s;
	__attribute__((cleanup(destroy_auto))) struct ext *x = calloc(1, sizeof *x);
	if (!x)
		return error_nomem(e);
	x->base = src;
	x->dirs = dirs_new(e);
	if (!x->dirs || ext_super_read(src, &s, e) < 0)
		return -1;
	ext_super_info(&s, info);
	if (attach_source(x, e) < 0 || attach(x, &s, e) < 0 ||
	    ext_log_replay(x, &s, subject, f, info, e) < 0)
		return -1;
	if (x->overlay) {
		struct fs_info before = *info;
		if (attach_source(x, e) < 0)
			return -1;
		if (ext_super_read(x->src, &s, e) < 0 || attach(x, &s, e) < 0)
			return error_prefix(e, "after the log was replayed");
		ext_super_info(&s, info);
		info->clean = false;
		info->errors |= before.errors;
	}
	x->stale = info->stale_view;
	x->clean = info->clean;
	x->settled = !x->stale && (info->clean || info->replayed);
	ext_super_judge(x, &s, subject, f, info);
	*self = take(x);
	return 0;
}

static const char *const types[] = {"ext2", "ext3", "ext4", "ext4dev", NULL};

const struct fs_ops fs_ext = {
	.name = "ext",
	.types = types,
	.open = ext_open,
	.verify = ext_verify,
	.walk = ext_walk,
	.lookup = ext_lookup,
	.open_file = ext_open_file,
	.read_link = ext_read_link,
	.xattrs = ext_xattrs,
	.destroy = ext_destroy,
	.used_at = ext_used_at,
	.shared = true,
};
#endif
