// SPDX-License-Identifier: GPL-3.0-or-later
/* A package manager's list asks for thousands of names in the same few directories. */
#include "dirs.h"

#include <pthread.h>

#define KEPT 64
#define KEPT_BYTES (16u * 1024 * 1024)

struct name {
	const char *text; /* into the directory's bytes, set once they are complete */
	size_t at;
	uint64_t id;
	uint8_t length;
};

struct dirs_one {
	uint64_t id;
	uint64_t used; /* 0: empty slot */
	char *bytes;
	size_t len, capacity;
	VEC(struct name) names;
};

struct dirs {
	pthread_mutex_t lock;
	struct dirs_one dirs[KEPT];
	uint64_t clock;
	size_t bytes;
};

struct dirs *dirs_new(struct error *e)
{
	struct dirs *d = calloc(1, sizeof *d);
	if (!d) {
		error_nomem(e);
		return NULL;
	}
	pthread_mutex_init(&d->lock, NULL);
	return d;
}

static size_t weight(const struct dirs_one *d)
{
	return d->capacity + d->names.capacity * sizeof *d->names.items;
}

static void one_free(struct dirs_one *d)
{
	free(d->bytes);
	vec_free(&d->names);
	memset(d, 0, sizeof *d);
}

void dirs_destroy(struct dirs *d)
{
	if (!d)
		return;
	for (size_t i = 0; i < KEPT; i++)
		one_free(&d->dirs[i]);
	pthread_mutex_destroy(&d->lock);
	free(d);
}

int dirs_put(struct dirs_one *d, uint64_t id, const char *name, uint8_t length, struct error *e)
{
	if (d->len + length > d->capacity) {
		size_t want = d->capacity * 2 + 1024;
		char *grown = realloc(d->bytes, want);
		if (!grown)
			return error_nomem(e);
		d->bytes = grown;
		d->capacity = want;
	}
	struct name *n = vec_push(&d->names);
	if (!n)
		return error_nomem(e);
	*n = (struct name){NULL, d->len, id, length};
	memcpy(d->bytes + d->len, name, length);
	d->len += length;
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

static struct dirs_one *load(struct dirs *d, uint64_t id, dirs_fill_fn *fill, void *ctx, struct error *e)
{
	struct dirs_one *slot = &d->dirs[0];
	for (size_t i = 0; i < KEPT; i++) {
		if (d->dirs[i].used && d->dirs[i].id == id)
			return &d->dirs[i];
		if (d->dirs[i].used < slot->used)
			slot = &d->dirs[i];
	}
	d->bytes -= weight(slot);
	one_free(slot);
	if (fill(ctx, slot, e) < 0) {
		one_free(slot);
		return NULL;
	}
	vec_each(&slot->names, n) n->text = slot->bytes + n->at;
	if (slot->names.count)
		qsort(slot->names.items, slot->names.count, sizeof *slot->names.items, by_name);
	slot->id = id;
	d->bytes += weight(slot);
	return slot;
}

/* Lets go of the oldest until what is kept is small again; never of the one just used. */
static void shrink(struct dirs *d, const struct dirs_one *keep_this)
{
	while (d->bytes > KEPT_BYTES) {
		struct dirs_one *oldest = NULL;
		for (size_t i = 0; i < KEPT; i++) {
			struct dirs_one *it = &d->dirs[i];
			if (it->used && it != keep_this && (!oldest || it->used < oldest->used))
				oldest = it;
		}
		if (!oldest)
			return;
		d->bytes -= weight(oldest);
		one_free(oldest);
	}
}

static int find_in(const struct dirs_one *dir, const char *name, size_t len, uint64_t *out)
{
	size_t low = 0, high = dir->names.count;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		const struct name *n = &dir->names.items[mid];
		int rc = compare(name, len, n->text, n->length);
		if (!rc) {
			*out = n->id;
			return 1;
		}
		if (rc < 0)
			high = mid;
		else
			low = mid + 1;
	}
	return 0;
}

int dirs_find(struct dirs *d, uint64_t dir, dirs_fill_fn *fill, void *ctx, const char *name, size_t len, uint64_t *out,
	      struct error *e)
{
	int rc = -1;
	pthread_mutex_lock(&d->lock);
	struct dirs_one *one = load(d, dir, fill, ctx, e);
	if (one) {
		one->used = ++d->clock;
		shrink(d, one);
		rc = find_in(one, name, len, out);
	}
	pthread_mutex_unlock(&d->lock);
	return rc;
}
