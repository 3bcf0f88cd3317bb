// SPDX-License-Identifier: GPL-3.0-or-later
/* Paths: walking below a directory, through the subvolumes linked there, and finding one entry. */
#include <sys/stat.h>

#include "btrfs.h"
#include "lookup.h"
#include "walk.h"

#define PATH_BYTES (64 * 1024)

struct level {
	struct btrfs_inode dir;
	uint64_t index; /* of the next entry; UINT64_MAX + 1 is never needed */
	bool ended;
	size_t path_len;
};

struct tour {
	struct walk w;
	struct btrfs *fs;
	VEC(struct level) levels;
	struct btrfs_cursor at;
};

static void tour_free(struct tour *t)
{
	btrfs_cursor_end(&t->at);
	vec_free(&t->levels);
	walk_free(&t->w);
}

static int enter(struct tour *t, const struct btrfs_inode *dir, struct error *e)
{
	/* Empty places of subvolumes have no content and share the number of the directory around them. */
	int rc = dir->empty ? 1 : walk_see(&t->w, btrfs_id(t->fs, dir), e);
	if (rc < 0)
		return -1;
	if (!rc)
		return btrfs_bad(e, ERROR_NO_OFFSET, "the directory %.200s is in two places", text_str(&t->w.path));
	struct level *l = vec_push(&t->levels);
	if (!l)
		return error_nomem(e);
	l->dir = *dir;
	l->ended = dir->empty;
	l->path_len = t->w.path.length;
	return 0;
}

/* Goes to the next entry of the innermost directory. 1, 0 at its end. */
static int next_entry(struct tour *t, struct level *l, struct error *e)
{
	struct btrfs_key key = {l->dir.number, KEY_DIR_INDEX, l->index};
	struct btrfs_cursor *c = &t->at;
	int rc = !l->ended;
	if (rc && c->nodes[0] && c->tree == l->dir.tree && c->key.objectid == key.objectid &&
	    c->key.type == KEY_DIR_INDEX && c->key.offset + 1 == key.offset)
		rc = btrfs_next(c, e);
	else if (rc)
		rc = btrfs_seek(c, t->fs, l->dir.tree, &key, e);
	if (rc <= 0 || c->key.objectid != key.objectid || c->key.type != KEY_DIR_INDEX) {
		l->ended = true;
		return rc < 0 ? -1 : 0;
	}
	l->index = c->key.offset + 1;
	l->ended = !l->index;
	return 1;
}

/* Shows the next entry of the innermost directory; goes in when it is one. */
static int step(struct tour *t, struct error *e)
{
	struct level *l = &t->levels.items[t->levels.count - 1];
	struct walk *w = &t->w;
	struct btrfs_inode in;
	struct btrfs_dirent d;
	struct fs_entry entry;
	walk_cut(w, l->path_len);
	int rc = next_entry(t, l, e);
	if (rc <= 0) {
		t->levels.count--;
		return rc;
	}
	if (walk_count(w, e) < 0 || btrfs_dirent_at(t->at.data, t->at.size, &d, e) < 0)
		return -1;
	if (!btrfs_name_sane(d.name, d.name_len))
		return btrfs_bad(e, btrfs_cursor_place(&t->at), "%.200s holds a name that can't be",
				 text_str(&w->path));
	if (walk_name(w, d.name, d.name_len, e) < 0)
		return -1;
	if (btrfs_follow(t->fs, &l->dir, &d, &in, e) < 0)
		return error_prefix(e, "%.200s", text_str(&w->path));
	btrfs_entry(t->fs, &in, &entry);
	entry.path = text_str(&w->path);
	rc = w->visit(w->ctx, &entry, e);
	return rc || entry.type != ENTRY_DIR ? rc : enter(t, &in, e);
}

int btrfs_walk(void *self, const char *path, const struct budget *b, fs_visit_fn *visit, void *ctx, struct error *e)
{
	struct btrfs_view *v = self;
	struct tour t autodestroy(tour_free) = {
		.w = {.who = "btrfs: ", .path_max = PATH_BYTES, .b = b, .visit = visit, .ctx = ctx}, .fs = v->fs};
	struct btrfs_inode in;
	int rc = btrfs_lookup_inode(v, path, true, &in, e);
	if (rc < 0)
		return -1;
	if (!rc || !S_ISDIR(in.mode))
		return btrfs_bad(e, ERROR_NO_OFFSET, "%s: no such directory", path + strspn(path, "/"));
	if (walk_start(&t.w, path, e) < 0 || enter(&t, &in, e) < 0)
		return -1;
	for (rc = 0; !rc && t.levels.count;)
		rc = step(&t, e);
	return rc < 0 ? -1 : 0;
}

static char *link_target(struct btrfs *fs, const struct btrfs_inode *in, struct error *e)
{
	if (!S_ISLNK(in->mode) || in->size > BTRFS_LINK_BYTES) {
		btrfs_bad(e, ERROR_NO_OFFSET, "inode %llu is no symbolic link", (unsigned long long)in->number);
		return NULL;
	}
	autostream struct stream *s = btrfs_open_inode(fs, in, e);
	autofree char *target = calloc((size_t)in->size + 1, 1);
	if (!s || !target) {
		if (!target)
			error_nomem(e);
		return NULL;
	}
	return stream_read_full(s, target, (size_t)in->size + 1, e) < 0 ? NULL : take(target);
}

char *btrfs_read_link(void *self, uint64_t id, struct error *e)
{
	struct btrfs_view *v = self;
	struct btrfs_inode in;
	return btrfs_inode_by_id(v->fs, id, &in, e) < 0 ? NULL : link_target(v->fs, &in, e);
}

/* Where a path has led to. */
struct place {
	struct btrfs *fs;
	struct btrfs_inode in;
};

static int go(void *at, const void *node, enum entry_type *type, struct error *e)
{
	struct place *p = at;
	(void)e;
	memcpy(&p->in, node, sizeof p->in);
	*type = S_ISDIR(p->in.mode) ? ENTRY_DIR : S_ISLNK(p->in.mode) ? ENTRY_LINK : ENTRY_OTHER;
	return 0;
}

static int find(void *at, const char *name, size_t len, void *node, struct error *e)
{
	struct place *p = at;
	return btrfs_dir_find(p->fs, &p->in, name, len, node, e);
}

static char *target(void *at, struct error *e)
{
	struct place *p = at;
	return link_target(p->fs, &p->in, e);
}

int btrfs_lookup_inode(struct btrfs_view *v, const char *path, bool follow, struct btrfs_inode *out, struct error *e)
{
	static const struct lookup_ops ops = {sizeof *out, PATH_BYTES, NULL, go, find, target};
	struct place p = {.fs = v->fs};
	struct btrfs_inode root;
	if (btrfs_inode_read(v->fs, v->top, v->top->dirid, &root, e) < 0)
		return -1;
	int rc = lookup_path(&ops, &p, &root, path, follow, e);
	if (rc > 0)
		*out = p.in;
	return rc;
}

int btrfs_lookup(void *self, const char *path, bool follow, struct fs_entry *out, struct error *e)
{
	struct btrfs_view *v = self;
	struct btrfs_inode in;
	int rc = btrfs_lookup_inode(v, path, follow, &in, e);
	if (rc > 0)
		btrfs_entry(v->fs, &in, out);
	return rc;
}

int btrfs_xattrs(void *self, uint64_t id, fs_xattr_fn *fn, void *ctx, struct error *e)
{
	struct btrfs_view *v = self;
	struct btrfs_inode in;
	struct btrfs_cursor c autocursor = {0};
	struct btrfs_dirent d;
	char name[256];
	if (btrfs_inode_by_id(v->fs, id, &in, e) < 0)
		return -1;
	struct btrfs_key key = {in.number, KEY_XATTR, 0};
	int rc = in.empty ? 0 : btrfs_seek(&c, v->fs, in.tree, &key, e);
	for (; rc > 0 && c.key.objectid == in.number && c.key.type == KEY_XATTR; rc = btrfs_next(&c, e))
		for (uint32_t at = 0; at < c.size; at += d.bytes) {
			if (btrfs_dirent_at(c.data + at, c.size - at, &d, e) < 0)
				return -1;
			if (d.name_len > 255 || memchr(d.name, 0, d.name_len))
				return btrfs_bad(e, btrfs_cursor_place(&c), "an attribute with a name that can't be");
			memcpy(name, d.name, d.name_len);
			name[d.name_len] = 0;
			int stop = fn(ctx, name, d.data, d.data_len, e);
			if (stop)
				return stop < 0 ? -1 : 0;
		}
	return rc < 0 ? -1 : 0;
}
