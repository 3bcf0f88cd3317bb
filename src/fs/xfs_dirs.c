// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Directories that lookups went through, sorted by name: a package manager's list asks for
 * thousands of names in the same few directories.
 */
#include "xfs.h"

#define KEPT 64
#define KEPT_BYTES (16u * 1024 * 1024)

struct name {
	const char *text; /* into the directory's bytes, set once they are complete */
	size_t at;
	uint64_t inode;
	uint8_t length;
};

struct dir {
	uint64_t inode;
	uint64_t used; /* 0: empty slot */
	char *bytes;
	size_t len, capacity;
	VEC(struct name) names;
};

struct xfs_dirs {
	pthread_mutex_t lock;
	struct dir dirs[KEPT];
	uint64_t clock;
	size_t bytes;
};

struct xfs_dirs *xfs_dirs_new(struct error *e)
{
	struct xfs_dirs *d = calloc(1, sizeof *d);
	if (!d) {
		error_nomem(e);
		return NULL;
	}
	pthread_mutex_init(&d->lock, NULL);
	return d;
}

static size_t weight(const struct dir *d)
{
	return d->capacity + d->names.capacity * sizeof *d->names.items;
}

static void dir_free(struct dir *d)
{
	free(d->bytes);
	vec_free(&d->names);
	memset(d, 0, sizeof *d);
}

void xfs_dirs_destroy(struct xfs_dirs *d)
{
	if (!d)
		return;
	for (size_t i = 0; i < KEPT; i++)
		dir_free(&d->dirs[i]);
	pthread_mutex_destroy(&d->lock);
	free(d);
}

static int keep(void *ctx, const struct xfs_dirent *e, struct error *err)
{
	struct dir *d = ctx;
	if (d->len + e->length > d->capacity) {
		size_t want = d->capacity * 2 + 1024;
		char *grown = realloc(d->bytes, want);
		if (!grown)
			return error_nomem(err);
		d->bytes = grown;
		d->capacity = want;
	}
	struct name *n = vec_push(&d->names);
	if (!n)
		return error_nomem(err);
	*n = (struct name){NULL, d->len, e->inode, e->length};
	memcpy(d->bytes + d->len, e->name, e->length);
	d->len += e->length;
	return 0;
}

static int compare(const char *a, size_t a_len, const char *b, size_t b_len)
{
	int rc = memcmp(a, b, a_len < b_len ? a_len : b_len);
	return rc ? rc : (a_len > b_len) - (a_len < b_len);
}

static int by_name(const void *a, const void *b)
{
	const struct name *x = a, *y = b;
	return compare(x->text, x->length, y->text, y->length);
}

static struct dir *load(struct xfs_dirs *d, const struct xfs *x, const struct xfs_inode *in,
			struct error *e)
{
	struct dir *slot = &d->dirs[0];
	for (size_t i = 0; i < KEPT; i++) {
		if (d->dirs[i].used && d->dirs[i].inode == in->number)
			return &d->dirs[i];
		if (d->dirs[i].used < slot->used)
			slot = &d->dirs[i];
	}
	d->bytes -= weight(slot);
	dir_free(slot);
	if (xfs_dir_each(x, in, NULL, keep, slot, e) < 0) {
		dir_free(slot);
		return NULL;
	}
	vec_each(&slot->names, n) n->text = slot->bytes + n->at;
	if (slot->names.count)
		qsort(slot->names.items, slot->names.count, sizeof *slot->names.items, by_name);
	slot->inode = in->number;
	d->bytes += weight(slot);
	return slot;
}

/* Lets go of the oldest until what is kept is small again; never of the one just used. */
static void shrink(struct xfs_dirs *d, const struct dir *keep_this)
{
	while (d->bytes > KEPT_BYTES) {
		struct dir *oldest = NULL;
		for (size_t i = 0; i < KEPT; i++) {
			struct dir *it = &d->dirs[i];
			if (it->used && it != keep_this && (!oldest || it->used < oldest->used))
				oldest = it;
		}
		if (!oldest)
			return;
		d->bytes -= weight(oldest);
		dir_free(oldest);
	}
}

static int find_locked(struct xfs_dirs *d, const struct xfs *x, const struct xfs_inode *in,
		       const char *name, size_t len, uint64_t *out, struct error *e)
{
	struct dir *dir = load(d, x, in, e);
	if (!dir)
		return -1;
	dir->used = ++d->clock;
	shrink(d, dir);
	size_t low = 0, high = dir->names.count;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		const struct name *n = &dir->names.items[mid];
		int rc = compare(name, len, n->text, n->length);
		if (!rc) {
			*out = n->inode;
			return 1;
		}
		if (rc < 0)
			high = mid;
		else
			low = mid + 1;
	}
	return 0;
}

int xfs_dirs_find(const struct xfs *x, const struct xfs_inode *dir, const char *name, size_t len,
		  uint64_t *out, struct error *e)
{
	pthread_mutex_lock(&x->dirs->lock);
	int rc = find_locked(x->dirs, x, dir, name, len, out, e);
	pthread_mutex_unlock(&x->dirs->lock);
	return rc;
}
