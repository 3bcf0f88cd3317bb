// SPDX-License-Identifier: GPL-3.0-or-later
#include "walk.h"

/* The entries of one directory that are still to be shown. */
struct walk_level {
	uint8_t *names; /* {number, length, name} packed */
	size_t len, capacity, pos;
	size_t path_len; /* of the path of the directory */
};
#define HEAD (sizeof(uint64_t) + sizeof(uint16_t))

void walk_free(struct walk *w)
{
	vec_each(&w->levels, l) free(l->names);
	vec_free(&w->levels);
	text_free(&w->path);
	free(w->seen);
}

int walk_start(struct walk *w, const char *path, struct error *e)
{
	path += strspn(path, "/");
	size_t len = strlen(path);
	while (len && path[len - 1] == '/')
		len--;
	text_put_bytes(&w->path, path, len);
	return w->path.failed ? error_nomem(e) : 0;
}

int walk_count(struct walk *w, struct error *e)
{
	return budget_entry(w->b, &w->entries, e);
}

int walk_name(struct walk *w, const void *name, size_t len, struct error *e)
{
	if (w->path.length)
		text_put(&w->path, "/");
	text_put_bytes(&w->path, name, len);
	if (w->path.failed)
		return error_nomem(e);
	if (w->path_max && w->path.length > w->path_max)
		return error_budget(e, "budget.depth",
				    "%sa path longer than %zu bytes: directories lie too deep in each other", w->who,
				    w->path_max);
	return 0;
}

void walk_cut(struct walk *w, size_t length)
{
	w->path.length = length;
	if (w->path.data)
		w->path.data[length] = 0;
}

static uint64_t *slot_of(uint64_t *seen, size_t slots, uint64_t key)
{
	struct rng r = {key};
	for (size_t i = (size_t)rng_next(&r);; i++)
		if (!seen[i & (slots - 1)] || seen[i & (slots - 1)] == key)
			return &seen[i & (slots - 1)];
}

int walk_see(struct walk *w, uint64_t number, struct error *e)
{
	uint64_t key = number + 1;
	if (w->used * 2 >= w->slots) {
		size_t slots = w->slots ? w->slots * 2 : 1024;
		uint64_t *grown = calloc(slots, sizeof *grown);
		if (!grown)
			return error_nomem(e);
		for (size_t i = 0; i < w->slots; i++)
			if (w->seen[i])
				*slot_of(grown, slots, w->seen[i]) = w->seen[i];
		free(w->seen);
		w->seen = grown;
		w->slots = slots;
	}
	uint64_t *slot = slot_of(w->seen, w->slots, key);
	if (*slot == key)
		return 0;
	*slot = key;
	w->used++;
	return 1;
}

int walk_keep(struct walk *w, uint64_t number, const void *name, uint16_t length, struct error *e)
{
	struct walk_level *l = &w->levels.items[w->levels.count - 1];
	if (w->b && budget_check(w->b, e) < 0)
		return -1;
	if (l->len + HEAD + length > l->capacity) {
		size_t want = l->capacity * 2 + 4096;
		uint8_t *grown = realloc(l->names, want);
		if (!grown)
			return error_nomem(e);
		l->names = grown;
		l->capacity = want;
	}
	uint8_t *p = l->names + l->len;
	memcpy(p, &number, sizeof number);
	memcpy(p + sizeof number, &length, sizeof length);
	memcpy(p + HEAD, name, length);
	l->len += HEAD + length;
	return 0;
}

static int enter(struct walk *w, const struct walk_ops *ops, void *at, struct error *e)
{
	struct walk_level *l = vec_push(&w->levels);
	if (!l)
		return error_nomem(e);
	if (budget_depth(w->b, w->levels.count - 1, e) < 0)
		return -1;
	l->path_len = w->path.length;
	return ops->list(w, at, e);
}

/* Shows the next entry of the innermost directory; goes in when it is one. */
static int step(struct walk *w, const struct walk_ops *ops, void *at, struct error *e)
{
	struct walk_level *l = &w->levels.items[w->levels.count - 1];
	struct fs_entry entry;
	uint64_t number;
	uint16_t length;
	walk_cut(w, l->path_len);
	if (l->pos == l->len) {
		free(l->names);
		w->levels.count--;
		return 0;
	}
	const uint8_t *p = l->names + l->pos;
	memcpy(&number, p, sizeof number);
	memcpy(&length, p + sizeof number, sizeof length);
	l->pos += HEAD + length;
	if (walk_count(w, e) < 0 || walk_name(w, p + HEAD, length, e) < 0 || ops->show(w, at, number, &entry, e) < 0)
		return -1;
	entry.path = text_str(&w->path);
	int rc = w->visit(w->ctx, &entry, e);
	return rc || entry.type != ENTRY_DIR ? rc : enter(w, ops, at, e);
}

int walk_tree(struct walk *w, const struct walk_ops *ops, void *at, struct error *e)
{
	int rc = enter(w, ops, at, e);
	while (!rc && w->levels.count)
		rc = step(w, ops, at, e);
	return rc < 0 ? -1 : 0;
}
