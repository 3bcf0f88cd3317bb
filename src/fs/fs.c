// SPDX-License-Identifier: GPL-3.0-or-later
/* The registry and the dispatcher of file systems. */
#include "rows.h"

struct fs {
	const struct fs_ops *ops;
	void *self;
	char *subject;
	struct fs_info info;
	_Atomic unsigned others; /* handles on it besides the first: see fs_share */
};

static const struct fs_ops *const rows[] = {
#ifdef HAVE_EXT2FS
	&fs_ext,
#endif
	&fs_fat,
	&fs_xfs,
	&fs_exfat,
	&fs_btrfs,
	&fs_wim,
#ifdef HAVE_LIBNTFS_3G
	&fs_ntfs,
#endif
};

const struct fs_ops *fs_for_type(const char *type)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		for (const char *const *t = rows[i]->types; *t; t++)
			if (!strcmp(*t, type))
				return rows[i];
	return NULL;
}

struct fs *fs_open(const char *type, struct source *src, const char *subject, struct findings *f,
		   struct error *e)
{
	const struct fs_ops *ops = fs_for_type(type);
	if (!ops) {
		error_set(e, ERROR_UNSUPPORTED, ERROR_NO_OFFSET, "no reader for %s here", type);
		return NULL;
	}
	struct fs *fs = calloc(1, sizeof *fs);
	if (!fs || !(fs->subject = strdup(subject))) {
		free(fs);
		error_nomem(e);
		return NULL;
	}
	fs->ops = ops;
	if (ops->open(src, subject, f, &fs->self, &fs->info, e) < 0) {
		free(fs->subject);
		free(fs);
		return NULL;
	}
	return fs;
}

void fs_destroy(struct fs *fs)
{
	if (!fs || fs->others--)
		return;
	fs->ops->destroy(fs->self);
	free(fs->subject);
	free(fs);
}

struct fs *fs_share(struct fs *fs)
{
	if (!fs->ops->shared)
		return NULL;
	fs->others++;
	return fs;
}

const struct fs_info *fs_info(const struct fs *fs)
{
	return &fs->info;
}

const char *fs_subject(const struct fs *fs)
{
	return fs->subject;
}

int fs_verify(struct fs *fs, struct findings *f, const struct budget *b, int64_t now,
	      int64_t *newest, struct error *e)
{
	return fs->ops->verify(fs->self, fs->subject, f, b, now, newest, e);
}

int fs_walk(struct fs *fs, const char *path, const struct budget *b, fs_visit_fn *visit, void *ctx,
	    struct error *e)
{
	return fs->ops->walk(fs->self, path, b, visit, ctx, e);
}

int fs_lookup(struct fs *fs, const char *path, bool follow, struct fs_entry *out, struct error *e)
{
	while (*path == '/')
		path++;
	int rc = fs->ops->lookup(fs->self, path, follow, out, e);
	if (rc == 1)
		out->path = path;
	return rc;
}

struct stream *fs_open_file(struct fs *fs, const struct fs_entry *entry, struct error *e)
{
	return fs->ops->open_file(fs->self, entry->id, e);
}

struct source *fs_open_source(struct fs *fs, const struct fs_entry *entry, struct error *e)
{
	if (fs->ops->open_source)
		return fs->ops->open_source(fs->self, entry->id, e);
	error_set(e, ERROR_UNSUPPORTED, ERROR_NO_OFFSET, "files of %s can't be read at random here", fs->info.type);
	return NULL;
}

char *fs_read_link(struct fs *fs, const struct fs_entry *entry, struct error *e)
{
	return fs->ops->read_link(fs->self, entry->id, e);
}

int fs_xattrs(struct fs *fs, const struct fs_entry *entry, fs_xattr_fn *fn, void *ctx,
	      struct error *e)
{
	return fs->ops->xattrs ? fs->ops->xattrs(fs->self, entry->id, fn, ctx, e) : 0;
}

int fs_scrub(struct fs *fs, struct findings *f, const struct budget *b, struct error *e)
{
	if (!fs->ops->scrub)
		return 0;
	return fs->ops->scrub(fs->self, fs->subject, f, b, e) < 0 ? -1 : 1;
}

int fs_used_at(struct fs *fs, uint64_t off, struct extent *out, struct error *e)
{
	if (!fs->ops->used_at)
		return 0;
	return fs->ops->used_at(fs->self, off, out, e) < 0 ? -1 : 1;
}

bool fs_has_subvolumes(const struct fs *fs)
{
	return fs->ops->subvolume != NULL;
}

int fs_subvolumes(struct fs *fs, fs_subvolume_fn *fn, void *ctx, struct error *e)
{
	return fs->ops->subvolumes ? fs->ops->subvolumes(fs->self, fn, ctx, e) : 0;
}

struct fs *fs_open_subvolume(struct fs *fs, const char *path, uint64_t id, struct error *e)
{
	if (!fs->ops->subvolume) {
		error_set(e, ERROR_UNSUPPORTED, ERROR_NO_OFFSET, "%s has no subvolumes", fs->info.type);
		return NULL;
	}
	struct fs *view = calloc(1, sizeof *view);
	if (!view || !(view->subject = strdup(fs->subject))) {
		free(view);
		error_nomem(e);
		return NULL;
	}
	view->ops = fs->ops;
	view->info = fs->info;
	if (fs->ops->subvolume(fs->self, path, id, &view->self, e) < 0) {
		free(view->subject);
		free(view);
		return NULL;
	}
	return view;
}

int fs_read_file(struct fs *fs, const char *path, size_t max, char **data, size_t *len,
		 struct error *e)
{
	struct fs_entry entry;
	int rc = fs_lookup(fs, path, true, &entry, e);
	if (rc <= 0 || entry.type != ENTRY_FILE)
		return rc < 0 ? -1 : 0;
	if (entry.size > max)
		return error_set(e, ERROR_LIMIT, ERROR_NO_OFFSET, "%s: %llu bytes is more than the %zu expected",
				 path, (unsigned long long)entry.size, max);
	autostream struct stream *s = fs_open_file(fs, &entry, e);
	if (!s)
		return -1;
	autofree char *buf = malloc((size_t)entry.size + 1);
	if (!buf)
		return error_nomem(e);
	ssize_t n = stream_read_full(s, buf, (size_t)entry.size + 1, e);
	if (n < 0)
		return -1;
	if ((uint64_t)n != entry.size)
		return error_set(e, ERROR_CORRUPT, n, "%s: %lld bytes long, its inode says %llu", path,
				 (long long)n, (unsigned long long)entry.size);
	if (stream_finish(s, e) < 0)
		return -1;
	buf[n] = 0;
	*data = take(buf);
	*len = (size_t)n;
	return 1;
}
