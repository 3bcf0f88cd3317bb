// SPDX-License-Identifier: GPL-3.0-or-later
/* Paths: walking below a directory, and finding one entry. */
#ifdef HAVE_EXT2FS
#include "ext.h"

#include "dirs.h"
#include "lookup.h"
#include "walk.h"

/* Where a path has led to. */
struct place {
	const struct ext *x;
	struct ext_inode in;
	struct walk *w;
};

static int keep_name(void *ctx, const struct ext_dirent *d, struct error *e)
{
	struct place *p = ctx;
	char text[40];
	if (ext_dirent_dots(d))
		return 0;
	if (ext_dirent_named(d))
		return walk_keep(p->w, d->inode, d->name, d->length, e);
	if (!(p->in.flags & EXT4_ENCRYPT_FL))
		return error_set(e, ERROR_CORRUPT, (int64_t)p->in.place,
				 "directory inode %u: a name with a slash or a NUL in it", p->in.number);
	int n = snprintf(text, sizeof text, "encrypted name of inode %u", d->inode);
	return walk_keep(p->w, d->inode, text, (uint16_t)n, e);
}

static int list(struct walk *w, void *at, struct error *e)
{
	struct place *p = at;
	int rc = walk_see(w, p->in.number, e);
	if (rc < 0)
		return -1;
	if (!rc)
		return error_set(e, ERROR_CORRUPT, (int64_t)p->in.place, "directory inode %u is in two places: %s",
				 p->in.number, text_str(&w->path));
	p->w = w;
	return ext_dir_each(p->x, &p->in, keep_name, p, e);
}

static int show(struct walk *w, void *at, uint64_t number, struct fs_entry *out, struct error *e)
{
	struct place *p = at;
	if (ext_inode_read(p->x, (uint32_t)number, &p->in, e) < 0)
		return error_prefix(e, "%.200s", text_str(&w->path));
	if (!p->in.mode || !p->in.links)
		return error_set(e, ERROR_CORRUPT, (int64_t)p->in.place, "%.200s: inode %u is not in use",
				 text_str(&w->path), p->in.number);
	ext_inode_entry(p->x, &p->in, out);
	return 0;
}

/* A link's target; at most a block. */
static char *link_target(const struct ext *x, const struct ext_inode *in, struct error *e)
{
	if (!LINUX_S_ISLNK(in->mode) || in->size > x->block_size) {
		error_set(e, ERROR_CORRUPT, (int64_t)in->place, "inode %u is no symbolic link",
			  in->number);
		return NULL;
	}
	char *target = calloc((size_t)in->size + 1, 1);
	if (!target) {
		error_nomem(e);
		return NULL;
	}
	if (ext_inode_fast_link(x, in)) {
		memcpy(target, in->raw + 0x28, (size_t)in->size);
	} else if (ext_read_small(x, in, (uint8_t *)target, (size_t)in->size, e) < 0) {
		free(target);
		return NULL;
	}
	return target;
}

char *ext_read_link(void *self, uint64_t id, struct error *e)
{
	struct ext *x = self;
	struct ext_inode in;
	if (id > UINT32_MAX || ext_inode_read(x, (uint32_t)id, &in, e) < 0)
		return NULL;
	return link_target(x, &in, e);
}

static int go(void *at, const void *node, enum entry_type *type, struct error *e)
{
	struct place *p = at;
	const uint32_t *number = node;
	if (ext_inode_read(p->x, *number, &p->in, e) < 0)
		return -1;
	*type = LINUX_S_ISDIR(p->in.mode) ? ENTRY_DIR : LINUX_S_ISLNK(p->in.mode) ? ENTRY_LINK : ENTRY_OTHER;
	return 0;
}

static int put(void *ctx, const struct ext_dirent *d, struct error *e)
{
	return dirs_put(ctx, d->inode, d->name, d->length, e);
}

static int fill(void *at, struct dirs_one *one, struct error *e)
{
	struct place *p = at;
	return ext_dir_each(p->x, &p->in, put, one, e);
}

static int find(void *at, const char *name, size_t len, void *node, struct error *e)
{
	struct place *p = at;
	uint64_t number = 0;
	int rc = dirs_find(p->x->dirs, p->in.number, fill, p, name, len, &number, e);
	*(uint32_t *)node = (uint32_t)number;
	return rc;
}

static char *target(void *at, struct error *e)
{
	struct place *p = at;
	return link_target(p->x, &p->in, e);
}

static int go_along(struct place *p, const char *path, bool follow, struct error *e)
{
	static const uint32_t root = EXT2_ROOT_INO;
	static const struct lookup_ops ops = {sizeof root, EXT_PATH_MAX, NULL, go, find, target};
	return lookup_path(&ops, p, &root, path, follow, e);
}

int ext_lookup(void *self, const char *path, bool follow, struct fs_entry *out, struct error *e)
{
	struct place p = {.x = self};
	int rc = go_along(&p, path, follow, e);
	if (rc > 0)
		ext_inode_entry(p.x, &p.in, out);
	return rc;
}

int ext_walk(void *self, const char *path, const struct budget *b, fs_visit_fn *visit, void *ctx,
	     struct error *e)
{
	static const struct walk_ops ops = {show, list};
	struct walk w autodestroy(walk_free) = {
		.who = "", .path_max = EXT_PATH_MAX, .b = b, .visit = visit, .ctx = ctx};
	struct place p = {.x = self};
	int rc = go_along(&p, path, true, e);
	if (rc < 0)
		return -1;
	if (!rc || !LINUX_S_ISDIR(p.in.mode))
		return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "/%s: no such directory",
				 path + strspn(path, "/"));
	return walk_start(&w, path, e) < 0 ? -1 : walk_tree(&w, &ops, &p, e);
}
#endif
