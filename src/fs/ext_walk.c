// SPDX-License-Identifier: GPL-3.0-or-later
/* Paths: walking below a directory, and finding one entry. */
#ifdef HAVE_EXT2FS
#include "ext.h"

#include "backproof/text.h"

#define LINKS_MAX 40

/* The entries of one directory of the walk that are still to be shown. */
struct level {
	uint8_t *names; /* {inode, length, name} packed */
	size_t len, capacity, pos;
	size_t path_len; /* of the path of the directory */
};

struct walk {
	const struct ext *x;
	const struct budget *b;
	fs_visit_fn *visit;
	void *ctx;
	VEC(struct level) levels;
	struct text path;
	uint8_t *seen; /* a bit for each directory entered */
	uint64_t entries;
	const struct ext_inode *dir;
};

static void walk_free(struct walk *w)
{
	vec_each(&w->levels, l) free(l->names);
	vec_free(&w->levels);
	text_free(&w->path);
	free(w->seen);
}

static int keep_name(void *ctx, const struct ext_dirent *d, struct error *e)
{
	struct walk *w = ctx;
	struct level *l = &w->levels.items[w->levels.count - 1];
	if (ext_dirent_dots(d))
		return 0;
	if (!(w->dir->flags & EXT4_ENCRYPT_FL) && !ext_dirent_named(d))
		return error_set(e, ERROR_CORRUPT, (int64_t)w->dir->place,
				 "directory inode %u: a name with a slash or a NUL in it",
				 w->dir->number);
	if (budget_check(w->b, e) < 0)
		return -1;
	if (l->len + 5 + d->length > l->capacity) {
		size_t want = l->capacity * 2 + 4096;
		uint8_t *grown = realloc(l->names, want);
		if (!grown)
			return error_nomem(e);
		l->names = grown;
		l->capacity = want;
	}
	memcpy(l->names + l->len, &d->inode, 4);
	l->names[l->len + 4] = d->length;
	memcpy(l->names + l->len + 5, d->name, d->length);
	l->len += 5u + d->length;
	return 0;
}

static int enter(struct walk *w, const struct ext_inode *dir, struct error *e)
{
	uint32_t bit = dir->number;
	if (w->seen[bit / 8] & 1 << bit % 8)
		return error_set(e, ERROR_CORRUPT, (int64_t)dir->place,
				 "directory inode %u is in two places: %s", bit, text_str(&w->path));
	w->seen[bit / 8] |= (uint8_t)(1 << bit % 8);
	struct level *l = vec_push(&w->levels);
	if (!l)
		return error_nomem(e);
	l->path_len = w->path.length;
	w->dir = dir;
	return ext_dir_each(w->x, dir, keep_name, w, e);
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
	struct ext_inode in;
	struct fs_entry entry;
	uint32_t number;
	cut_path(w, l->path_len);
	if (l->pos == l->len) {
		free(l->names);
		w->levels.count--;
		return 0;
	}
	const uint8_t *p = l->names + l->pos;
	memcpy(&number, p, 4);
	l->pos += 5u + p[4];
	if (budget_check(w->b, e) < 0)
		return -1;
	if (w->b && w->b->max_entries && ++w->entries > w->b->max_entries)
		return error_set(e, ERROR_LIMIT, ERROR_NO_OFFSET, "more than %llu entries",
				 (unsigned long long)w->b->max_entries);
	if (w->path.length)
		text_put(&w->path, "/");
	const char *name = (const char *)p + 5;
	struct ext_dirent d = {.length = p[4], .name = name};
	if (ext_dirent_named(&d))
		text_put_bytes(&w->path, name, p[4]);
	else
		text_printf(&w->path, "encrypted name of inode %u", number);
	if (w->path.failed)
		return error_nomem(e);
	if (w->path.length > EXT_PATH_MAX)
		return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "a path longer than %u bytes",
				 EXT_PATH_MAX);
	if (ext_inode_read(w->x, number, &in, e) < 0)
		return error_prefix(e, "%.200s", text_str(&w->path));
	if (!in.mode || !in.links)
		return error_set(e, ERROR_CORRUPT, (int64_t)in.place,
				 "%.200s: inode %u is not in use", text_str(&w->path), number);
	ext_inode_entry(w->x, &in, &entry);
	entry.path = text_str(&w->path);
	int rc = w->visit(w->ctx, &entry, e);
	if (rc || entry.type != ENTRY_DIR)
		return rc;
	return enter(w, &in, e);
}

int ext_walk(void *self, const char *path, const struct budget *b, fs_visit_fn *visit, void *ctx,
	     struct error *e)
{
	struct ext *x = self;
	struct walk w autodestroy(walk_free) = {.x = x, .b = b, .visit = visit, .ctx = ctx};
	struct fs_entry start;
	struct ext_inode in;
	while (*path == '/')
		path++;
	int rc = ext_lookup(self, path, true, &start, e);
	if (rc < 0)
		return -1;
	if (!rc || start.type != ENTRY_DIR)
		return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "/%s: no such directory", path);
	w.seen = calloc(x->inodes / 8 + 1, 1);
	if (!w.seen)
		return error_nomem(e);
	size_t len = strlen(path);
	while (len && path[len - 1] == '/')
		len--;
	text_put_bytes(&w.path, path, len);
	if (ext_inode_read(x, (uint32_t)start.id, &in, e) < 0 || enter(&w, &in, e) < 0)
		return -1;
	while (w.levels.count) {
		rc = step(&w, e);
		if (rc)
			return rc < 0 ? -1 : 0;
	}
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

/* What is left of a path when a link in it is replaced by its target. */
static char *spliced(const char *target, const char *rest)
{
	return text_format("%s%s%s", target, *rest ? "/" : "", rest);
}

/*
 * The path is worked off from the left; `stack` holds the directories above, so that ".." needs no
 * entry of the image to be believed.
 */
int ext_lookup(void *self, const char *path, bool follow, struct fs_entry *out, struct error *e)
{
	struct ext *x = self;
	autofree char *left = strdup(path);
	struct ext_inode in;
	VEC(uint32_t) stack = {0};
	autofree uint32_t *items = NULL;
	unsigned links = 0;
	const char *p = left;
	if (!left)
		return error_nomem(e);
	if (strlen(path) > EXT_PATH_MAX)
		return 0;
	if (ext_inode_read(x, EXT2_ROOT_INO, &in, e) < 0)
		return -1;
	for (;;) {
		while (*p == '/')
			p++;
		if (!*p)
			break;
		size_t len = strcspn(p, "/");
		const char *rest = p + len + strspn(p + len, "/");
		bool last = !*rest;
		if (!LINUX_S_ISDIR(in.mode))
			return 0;
		if (len == 1 && p[0] == '.') {
			p = rest;
			continue;
		}
		if (len == 2 && p[0] == '.' && p[1] == '.') {
			uint32_t up = stack.count ? stack.items[--stack.count] : EXT2_ROOT_INO;
			p = rest;
			if (ext_inode_read(x, up, &in, e) < 0)
				return -1;
			continue;
		}
		uint32_t parent = in.number, child;
		int rc = ext_dirs_find(x, &in, p, len, &child, e);
		if (rc <= 0)
			return rc;
		if (ext_inode_read(x, child, &in, e) < 0)
			return -1;
		if (LINUX_S_ISLNK(in.mode) && (!last || follow)) {
			if (++links > LINKS_MAX)
				return 0;
			autofree char *target = link_target(x, &in, e);
			if (!target)
				return -1;
			if (target[0] == '/')
				stack.count = 0;
			char *joined = spliced(target, rest);
			if (!joined)
				return error_nomem(e);
			free(left);
			p = left = joined;
			if (strlen(joined) > EXT_PATH_MAX)
				return 0;
			uint32_t from = target[0] == '/' ? EXT2_ROOT_INO : parent;
			if (ext_inode_read(x, from, &in, e) < 0)
				return -1;
			continue;
		}
		uint32_t *above = vec_push(&stack);
		items = stack.items;
		if (!above)
			return error_nomem(e);
		*above = parent;
		p = rest;
	}
	ext_inode_entry(x, &in, out);
	return 1;
}
#endif
