// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The tree of an image: security descriptors, which are passed over, then entries of 102 bytes and their name, each
 * followed by its streams beyond the first. A directory names the place of its children's list, which ends with a
 * length of zero. The SHA-1 of all of it was compared before; all the same nothing in it is trusted.
 */
#include "wim.h"

#define ENTRY 102u
#define STREAM 38u
#define MAX_METADATA GIB
#define MAX_NODES (UINT64_C(4) << 20)

struct tree {
	struct wim *w;
	const uint8_t *p;
	uint64_t size;
};

static int bad(uint64_t at, const char *what, struct error *e)
{
	return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "WIM: the tree, at %llu: %s", (unsigned long long)at, what);
}

static uint64_t align8(uint64_t v)
{
	return (v + 7) & ~UINT64_C(7);
}

static char fold(char c)
{
	return c >= 'a' && c <= 'z' ? (char)(c - 32) : c;
}

int wim_name_compare(const char *a, size_t a_length, const char *b, size_t b_length)
{
	size_t n = a_length < b_length ? a_length : b_length;
	for (size_t i = 0; i < n; i++) {
		unsigned char x = (unsigned char)fold(a[i]), y = (unsigned char)fold(b[i]);
		if (x != y)
			return x < y ? -1 : 1;
	}
	return a_length < b_length ? -1 : a_length > b_length;
}

static const char *name_of(const struct wim *w, const struct wim_node *n)
{
	return text_str(&w->names) + n->name;
}

void wim_path(const struct wim *w, uint32_t node, struct text *t)
{
	uint32_t up[WIM_MAX_DEPTH + 1];
	size_t n = 0;
	for (; node && n <= WIM_MAX_DEPTH; node = w->nodes.items[node].parent)
		up[n++] = node;
	while (n--)
		text_printf(t, "%s%s", name_of(w, &w->nodes.items[up[n]]), n ? "/" : "");
}

/* A stream of node: which content it is. */
static void take_stream(struct wim *w, struct wim_node *n, const uint8_t *sha1, bool named)
{
	if (is_zero(sha1, WIM_SHA1))
		return;
	uint32_t blob = wim_blob_find(w, sha1);
	w->streams++;
	if (blob == WIM_NO_BLOB) {
		w->lost++;
		n->lost |= !named;
	}
	if (named)
		return;
	if (n->attributes & WIM_ATTR_REPARSE && n->reparse == WIM_NO_BLOB)
		n->reparse = blob;
	else if (n->blob == WIM_NO_BLOB)
		n->blob = blob;
}

static int take_name(struct tree *t, const uint8_t *d, size_t units, uint64_t at, struct wim_node *n, struct error *e)
{
	autofree char *name = malloc(units * 3 + 2);
	if (!name)
		return error_nomem(e);
	utf16le_text(d, units, name, units * 3 + 2);
	for (size_t i = 0; i < units; i++)
		if (!get_le16(d + 2 * i) || get_le16(d + 2 * i) == '/')
			return bad(at, "a name that can't be one", e);
	if (!*name || !strcmp(name, ".") || !strcmp(name, ".."))
		return bad(at, "a name that can't be one", e);
	n->name = (uint32_t)t->w->names.length;
	text_put_bytes(&t->w->names, name, strlen(name) + 1);
	return t->w->names.failed ? error_nomem(e) : 0;
}

/* The entry at *at. 1: read, 0: the list ends here. *at: what follows it. */
static int read_entry(struct tree *t, uint64_t *at, bool root, struct wim_node *n, struct error *e)
{
	memset(n, 0, sizeof *n);
	if (*at % 8 || *at > t->size || t->size - *at < 8)
		return bad(*at, "an entry outside it", e);
	const uint8_t *d = t->p + *at;
	uint64_t length = get_le64(d), here = *at;
	if (length <= 8)
		return 0;
	if (length < ENTRY || length > t->size - *at)
		return bad(here, "an entry with an impossible length", e);
	unsigned extra = get_le16(d + 96), name_bytes = get_le16(d + 100);
	if (name_bytes % 2 || ENTRY + (uint64_t)name_bytes > length)
		return bad(here, "a name that is longer than its entry", e);
	n->attributes = get_le32(d + 8);
	n->children = get_le64(d + 16);
	int64_t made = wim_time(get_le64(d + 40));
	n->mtime = wim_time(get_le64(d + 56));
	n->ctime = made > n->mtime ? made : n->mtime;
	n->links = 1;
	n->blob = n->reparse = WIM_NO_BLOB;
	if (n->attributes & WIM_ATTR_REPARSE)
		n->tag = get_le32(d + 88);
	else if (!(n->attributes & WIM_ATTR_DIR))
		n->group = get_le64(d + 88);
	if (!root && take_name(t, d + ENTRY, name_bytes / 2, here, n, e) < 0)
		return -1;
	take_stream(t->w, n, d + 64, false);
	*at = align8(*at + length);
	for (unsigned i = 0; i < extra; i++) {
		if (*at > t->size || t->size - *at < STREAM)
			return bad(here, "its streams lie outside the tree", e);
		d = t->p + *at;
		length = get_le64(d);
		if (length < STREAM || length > t->size - *at || STREAM + (uint64_t)get_le16(d + 36) > length)
			return bad(here, "a stream with an impossible length", e);
		take_stream(t->w, n, d + 16, get_le16(d + 36) != 0);
		*at = align8(*at + length);
	}
	return 1;
}

static int by_name(const void *a, const void *b, void *ctx)
{
	const char *x = name_of(ctx, a), *y = name_of(ctx, b);
	int c = wim_name_compare(x, strlen(x), y, strlen(y));
	return c ? c : strcmp(x, y);
}

/* Sorts the children of a directory; two of one name are told. */
static int sort_children(struct wim *w, const struct wim_node *dir, struct error *e)
{
	struct wim_node *first = w->nodes.items + dir->first;
	if (dir->count < 2)
		return 0;
	qsort_r(first, dir->count, sizeof *first, by_name, w);
	for (uint32_t i = 1; i < dir->count; i++)
		/* What is no character was replaced: names may have been different before. */
		if (!strcmp(name_of(w, first + i), name_of(w, first + i - 1)) &&
		    !strstr(name_of(w, first + i), "\xef\xbf\xbd"))
			return bad(dir->children, "two entries of one name in a directory", e);
	return 0;
}

static int read_children(struct tree *t, uint32_t index, struct error *e)
{
	struct wim *w = t->w;
	struct wim_node dir = w->nodes.items[index], child;
	uint64_t at = dir.children, most = t->size / ENTRY + 1;
	int rc;
	if (!(dir.attributes & WIM_ATTR_DIR) || !at)
		return !at ? 0 : bad(at, "children of something that is no directory", e);
	if (dir.depth >= WIM_MAX_DEPTH)
		return error_budget(e, "budget.depth", "WIM: directories lie more than %u deep in each other",
				    WIM_MAX_DEPTH);
	dir.first = (uint32_t)w->nodes.count;
	while ((rc = read_entry(t, &at, false, &child, e)) > 0) {
		/* More than there is room for: a list belongs to two directories, or leads back to itself. */
		if (w->nodes.count >= most)
			return bad(dir.children, "directories share their children", e);
		if (w->nodes.count >= MAX_NODES)
			return error_set(e, ERROR_LIMIT, ERROR_NO_OFFSET, "WIM: more than %llu entries",
					 (unsigned long long)MAX_NODES);
		struct wim_node *n = vec_push(&w->nodes);
		if (!n)
			return error_nomem(e);
		*n = child;
		n->parent = index;
		n->depth = (uint16_t)(dir.depth + 1);
		dir.count++;
	}
	w->nodes.items[index] = dir;
	return rc < 0 ? -1 : sort_children(w, &dir, e);
}

static int by_group(const void *a, const void *b, void *ctx)
{
	uint32_t i = *(const uint32_t *)a, k = *(const uint32_t *)b;
	const struct wim_node *x = ((struct wim *)ctx)->nodes.items + i, *y = ((struct wim *)ctx)->nodes.items + k;
	if (x->group != y->group)
		return x->group < y->group ? -1 : 1;
	if (x->blob != y->blob)
		return x->blob < y->blob ? -1 : 1;
	return i < k ? -1 : i > k;
}

/* Entries of one group with one content are one file. */
static int join_links(struct wim *w, struct error *e)
{
	size_t n = 0;
	autofree uint32_t *list = calloc(w->nodes.count, sizeof *list);
	if (!list)
		return error_nomem(e);
	for (uint32_t i = 0; i < w->nodes.count; i++) {
		w->nodes.items[i].leader = i;
		if (w->nodes.items[i].group)
			list[n++] = i;
	}
	qsort_r(list, n, sizeof *list, by_group, w);
	for (size_t i = 0, end; i < n; i = end) {
		struct wim_node *lead = w->nodes.items + list[i];
		for (end = i; end < n; end++) {
			struct wim_node *it = w->nodes.items + list[end];
			if (it->group != lead->group || it->blob != lead->blob)
				break;
			it->leader = list[i];
		}
		for (size_t k = i; k < end; k++)
			w->nodes.items[list[k]].links = (uint32_t)(end - i);
	}
	return 0;
}

int wim_tree_build(struct wim *w, const struct wim_blob *metadata, struct error *e)
{
	autofree uint8_t *p = wim_read_blob(w, metadata, MAX_METADATA, e);
	struct tree t = {.w = w, .p = p, .size = metadata->size};
	struct wim_node root;
	if (!p)
		return -1;
	if (t.size < 8)
		return bad(0, "cut off", e);
	uint64_t at = align8(get_le32(p) < 8 ? 8 : get_le32(p));
	int rc = read_entry(&t, &at, true, &root, e);
	if (rc < 0)
		return -1;
	if (!rc || !(root.attributes & WIM_ATTR_DIR))
		return bad(at, "it has no root directory", e);
	struct wim_node *n = vec_push(&w->nodes);
	if (!n)
		return error_nomem(e);
	*n = root;
	for (uint32_t i = 0; i < w->nodes.count; i++) {
		uint64_t lost = w->lost;
		if (read_children(&t, i, e) < 0)
			return -1;
		if (!lost && w->lost)
			w->first_lost = i;
	}
	return join_links(w, e);
}
