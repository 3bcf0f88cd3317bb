// SPDX-License-Identifier: GPL-3.0-or-later
/* Paths: walking below a directory, through the subvolumes linked there, and finding one entry. */
#include <sys/stat.h>

#include "backproof/text.h"
#include "btrfs.h"

#define LINKS_MAX 40
#define PATH_BYTES (64 * 1024)
#define LINK_BYTES 65536

struct level {
	struct btrfs_inode dir;
	uint64_t index; /* of the next entry; UINT64_MAX + 1 is never needed */
	bool ended;
	size_t path_len;
};

struct walk {
	struct btrfs *fs;
	const struct budget *b;
	fs_visit_fn *visit;
	void *ctx;
	VEC(struct level) levels;
	struct text path;
	uint64_t *seen; /* ids of the directories entered: open addressing, 0 is empty */
	size_t slots, used;
	uint64_t entries;
	struct btrfs_cursor at;
};

static void walk_free(struct walk *w)
{
	btrfs_cursor_end(&w->at);
	vec_free(&w->levels);
	text_free(&w->path);
	free(w->seen);
}

static bool put_seen(uint64_t *slots, size_t count, uint64_t id)
{
	struct rng r = {id};
	for (size_t i = (size_t)rng_next(&r);; i++) {
		uint64_t *s = &slots[i & (count - 1)];
		if (*s == id)
			return false;
		if (!*s) {
			*s = id;
			return true;
		}
	}
}

static int enter(struct walk *w, const struct btrfs_inode *dir, struct error *e)
{
	if (w->used * 2 >= w->slots) {
		size_t bigger = w->slots ? w->slots * 2 : 1024;
		uint64_t *table = calloc(bigger, sizeof *table);
		if (!table)
			return error_nomem(e);
		for (size_t i = 0; i < w->slots; i++)
			if (w->seen[i])
				put_seen(table, bigger, w->seen[i]);
		free(w->seen);
		w->seen = table;
		w->slots = bigger;
	}
	/* Empty places of subvolumes have no content and share the number of the directory around them. */
	if (!dir->empty && !put_seen(w->seen, w->slots, btrfs_id(w->fs, dir) + 1))
		return btrfs_bad(e, ERROR_NO_OFFSET, "the directory %.200s is in two places", text_str(&w->path));
	w->used++;
	struct level *l = vec_push(&w->levels);
	if (!l)
		return error_nomem(e);
	l->dir = *dir;
	l->ended = dir->empty;
	l->path_len = w->path.length;
	return 0;
}

/* Goes to the next entry of the innermost directory. 1, 0 at its end. */
static int next_entry(struct walk *w, struct level *l, struct error *e)
{
	struct btrfs_key key = {l->dir.number, KEY_DIR_INDEX, l->index};
	struct btrfs_cursor *c = &w->at;
	int rc = !l->ended;
	if (rc && c->nodes[0] && c->tree == l->dir.tree && c->key.objectid == key.objectid &&
	    c->key.type == KEY_DIR_INDEX && c->key.offset + 1 == key.offset)
		rc = btrfs_next(c, e);
	else if (rc)
		rc = btrfs_seek(c, w->fs, l->dir.tree, &key, e);
	if (rc <= 0 || c->key.objectid != key.objectid || c->key.type != KEY_DIR_INDEX) {
		l->ended = true;
		return rc < 0 ? -1 : 0;
	}
	l->index = c->key.offset + 1;
	l->ended = !l->index;
	return 1;
}

/* Shows the next entry of the innermost directory; goes in when it is one. */
static int step(struct walk *w, struct error *e)
{
	struct level *l = &w->levels.items[w->levels.count - 1];
	struct btrfs_inode in;
	struct btrfs_dirent d;
	struct fs_entry entry;
	w->path.length = l->path_len;
	if (w->path.data)
		w->path.data[l->path_len] = 0;
	int rc = next_entry(w, l, e);
	if (rc <= 0) {
		w->levels.count--;
		return rc;
	}
	if (w->b && budget_check(w->b, e) < 0)
		return -1;
	if (w->b && w->b->max_entries && ++w->entries > w->b->max_entries)
		return error_set(e, ERROR_LIMIT, ERROR_NO_OFFSET, "btrfs: more than %llu entries",
				 (unsigned long long)w->b->max_entries);
	if (btrfs_dirent_at(w->at.data, w->at.size, &d, e) < 0)
		return -1;
	if (!btrfs_name_sane(d.name, d.name_len))
		return btrfs_bad(e, btrfs_cursor_place(&w->at), "%.200s holds a name that can't be",
				 text_str(&w->path));
	if (w->path.length)
		text_put(&w->path, "/");
	text_put_bytes(&w->path, d.name, d.name_len);
	if (w->path.failed)
		return error_nomem(e);
	if (w->path.length > PATH_BYTES)
		return btrfs_bad(e, ERROR_NO_OFFSET, "a path longer than %u bytes", PATH_BYTES);
	if (btrfs_follow(w->fs, &l->dir, &d, &in, e) < 0)
		return error_prefix(e, "%.200s", text_str(&w->path));
	btrfs_entry(w->fs, &in, &entry);
	entry.path = text_str(&w->path);
	rc = w->visit(w->ctx, &entry, e);
	return rc || entry.type != ENTRY_DIR ? rc : enter(w, &in, e);
}

int btrfs_walk(void *self, const char *path, const struct budget *b, fs_visit_fn *visit, void *ctx, struct error *e)
{
	struct btrfs_view *v = self;
	struct walk w autodestroy(walk_free) = {.fs = v->fs, .b = b, .visit = visit, .ctx = ctx};
	struct btrfs_inode in;
	path += strspn(path, "/");
	int rc = btrfs_lookup_inode(v, path, true, &in, e);
	if (rc < 0)
		return -1;
	if (!rc || !S_ISDIR(in.mode))
		return btrfs_bad(e, ERROR_NO_OFFSET, "%s: no such directory", path);
	size_t len = strlen(path);
	while (len && path[len - 1] == '/')
		len--;
	text_put_bytes(&w.path, path, len);
	if (enter(&w, &in, e) < 0)
		return -1;
	while (w.levels.count) {
		rc = step(&w, e);
		if (rc)
			return rc < 0 ? -1 : 0;
	}
	return 0;
}

static char *link_target(struct btrfs *fs, const struct btrfs_inode *in, struct error *e)
{
	if (!S_ISLNK(in->mode) || in->size > LINK_BYTES) {
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

struct place { /* of a path that is worked off from the left */
	struct btrfs_view *v;
	struct btrfs_inode in, root;
	VEC(struct btrfs_inode) above; /* so that ".." needs no entry of the image */
	char *left;
	const char *p;
	unsigned links;
};

static void place_free(struct place *s)
{
	vec_free(&s->above);
	free(s->left);
}

/* Goes on with the target of the link `in`, which lies in the directory s->in. */
static int splice(struct place *s, const struct btrfs_inode *in, const char *rest, struct error *e)
{
	autofree char *target = link_target(s->v->fs, in, e);
	if (!target)
		return -1;
	char *joined = text_format("%s%s%s", target, *rest ? "/" : "", rest);
	if (!joined)
		return error_nomem(e);
	free(s->left);
	s->p = s->left = joined;
	if (target[0] == '/') {
		s->above.count = 0;
		s->in = s->root;
	}
	return 1;
}

/* One component. 1 gone on, 0 there is none, -1. */
static int component(struct place *s, bool follow, struct error *e)
{
	size_t len = strcspn(s->p, "/");
	const char *rest = s->p + len + strspn(s->p + len, "/"), *name = s->p;
	struct btrfs_inode in;
	if (!S_ISDIR(s->in.mode))
		return 0;
	s->p = rest;
	if (len == 1 && name[0] == '.')
		return 1;
	if (len == 2 && !memcmp(name, "..", 2)) {
		s->in = s->above.count ? s->above.items[--s->above.count] : s->root;
		return 1;
	}
	int rc = btrfs_dir_find(s->v->fs, &s->in, name, len, &in, e);
	if (rc <= 0)
		return rc;
	if (S_ISLNK(in.mode) && (*rest || follow))
		return ++s->links > LINKS_MAX ? 0 : splice(s, &in, rest, e);
	struct btrfs_inode *above = vec_push(&s->above);
	if (!above)
		return error_nomem(e);
	*above = s->in;
	s->in = in;
	return 1;
}

int btrfs_lookup_inode(struct btrfs_view *v, const char *path, bool follow, struct btrfs_inode *out, struct error *e)
{
	struct place s autodestroy(place_free) = {.v = v, .left = strdup(path)};
	if (!s.left)
		return error_nomem(e);
	if (btrfs_inode_read(v->fs, v->top, v->top->dirid, &s.root, e) < 0)
		return -1;
	s.in = s.root;
	for (s.p = s.left;;) {
		if (strlen(s.p) > PATH_BYTES)
			return 0;
		s.p += strspn(s.p, "/");
		if (!*s.p)
			break;
		int rc = component(&s, follow, e);
		if (rc <= 0)
			return rc;
	}
	*out = s.in;
	return 1;
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
