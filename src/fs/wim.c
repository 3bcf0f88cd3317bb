// SPDX-License-Identifier: GPL-3.0-or-later
/* WIM as a row of the registry. After open only the decoded chunk of a solid resource changes, under a lock. */
#include <sys/stat.h>

#include "wim.h"

#define MAX_LINKS 40u
#define MAX_REPARSE (64 * KIB)

static void wim_destroy(void *self)
{
	struct wim *w = self;
	if (!w)
		return;
	vec_each(&w->solid, c) wim_chunks_free(c);
	vec_free(&w->solid);
	vec_free(&w->blobs);
	vec_free(&w->metadata);
	vec_free(&w->nodes);
	text_free(&w->names);
	free(w->description);
	wim_codec_free(&w->codec);
	free(w->cache);
	pthread_mutex_destroy(&w->lock);
	free(w);
}
static void wim_auto(struct wim **p)
{
	wim_destroy(*p);
}

/*
 * The image was made when it was captured; a later time of change counts only as far as there are files as new: a
 * description that is edited makes no content younger.
 */
static void fill_times(const struct wim *w, struct fs_info *info)
{
	int64_t changed, newest;
	wim_xml_times(w, w->header.images, &info->made, &changed);
	newest = info->made;
	vec_each(&w->nodes, n) if (n->ctime > newest) newest = n->ctime;
	info->written = changed > info->made ? (newest < changed ? newest : changed) : info->made;
}

static void tell_others(const struct wim *w, const char *subject, struct findings *f)
{
	char name[128], last[128];
	wim_xml_name(w, w->header.images, last, sizeof last);
	for (uint32_t i = 1; i < w->header.images && i <= 20; i++) {
		wim_xml_name(w, i, name, sizeof name);
		finding_add(f, PROOF_STRUCTURE, "wim.image", subject, OUTCOME_SKIPPED, NULL,
			    "image %u (%s) is not looked into: the last one is, %u (%s)", i, name,
			    w->header.images, last);
	}
}

static void tell_lost(const struct wim *w, const char *subject, struct findings *f)
{
	autotext struct text path = {0};
	wim_path(w, w->first_lost, &path);
	finding_add(f, PROOF_STRUCTURE, "wim.contents", subject, OUTCOME_BROKEN,
		    &(struct finding_text){.error = ERROR_CORRUPT},
		    "the contents of %llu streams are not in the file, the first in /%s (a delta WIM, which needs "
		    "the file that it was made from, is not read here)",
		    (unsigned long long)w->lost, text_str(&path));
}

static int wim_open(struct source *src, const char *subject, struct findings *f, void **self, struct fs_info *info,
		    struct error *e)
{
	memset(info, 0, sizeof *info);
	autodestroy(wim_auto) struct wim *w = calloc(1, sizeof *w);
	if (!w)
		return error_nomem(e);
	pthread_mutex_init(&w->lock, NULL);
	w->src = src;
	w->cached = UINT64_MAX;
	if (wim_header_read(src, &w->header, e) < 0 || wim_table_read(w, e) < 0 || wim_xml_read(w, e) < 0 ||
	    wim_tree_build(w, &w->metadata.items[w->header.images - 1], e) < 0)
		return -1;
	snprintf(info->type, sizeof info->type, "wim");
	hex_encode(w->header.guid, sizeof w->header.guid, info->uuid);
	wim_xml_name(w, w->header.images, info->label, sizeof info->label);
	info->size = source_size(src);
	info->block_size = w->header.chunk;
	info->clean = true;
	info->checksums = true;
	fill_times(w, info);
	tell_others(w, subject, f);
	if (w->lost)
		tell_lost(w, subject, f);
	finding_add(f, PROOF_STRUCTURE, "wim.tree", subject, OUTCOME_HELD, NULL,
		    "%zu entries, %zu contents; the tree's SHA-1 holds", w->nodes.count, w->blobs.count);
	*self = take(w);
	return 0;
}

/* What is no file or directory of its own, by its reparse tag: sockets, devices and aliases of programs. */
static enum entry_type type_of(const struct wim_node *n)
{
	if (n->attributes & WIM_ATTR_REPARSE) {
		switch (n->tag) {
		case WIM_TAG_SYMLINK:
		case WIM_TAG_JUNCTION:
		case WIM_TAG_LINUX:
			return ENTRY_LINK;
		case 0x8000001b:
		case 0x80000023:
		case 0x80000024:
		case 0x80000025:
		case 0x80000026:
			return ENTRY_OTHER;
		}
		if (n->tag & 0x20000000)
			return ENTRY_OTHER;
	}
	return n->attributes & WIM_ATTR_DIR ? ENTRY_DIR : ENTRY_FILE;
}

static void show(const struct wim *w, uint32_t index, struct fs_entry *out)
{
	const struct wim_node *n = w->nodes.items + index;
	static const uint32_t formats[] = {
		[ENTRY_FILE] = S_IFREG | 0644, [ENTRY_DIR] = S_IFDIR | 0755, [ENTRY_LINK] = S_IFLNK | 0777,
		[ENTRY_OTHER] = S_IFREG | 0644};
	memset(out, 0, sizeof *out);
	out->id = n->leader;
	out->type = type_of(n);
	out->mode = formats[out->type];
	if (n->attributes & WIM_ATTR_READ_ONLY && out->type == ENTRY_FILE)
		out->mode &= ~UINT32_C(0222);
	out->links = n->links;
	out->mtime = n->mtime;
	out->ctime = n->ctime;
	if (out->type == ENTRY_FILE && n->blob != WIM_NO_BLOB) {
		out->size = w->blobs.items[n->blob].size;
		out->place = wim_blob_place(w, &w->blobs.items[n->blob]);
	}
}

static const char *name_of(const struct wim *w, uint32_t index)
{
	return text_str(&w->names) + w->nodes.items[index].name;
}

/* Of several names that differ in case alone the one spelt like this is taken. */
static bool find_child(const struct wim *w, uint32_t dir, const char *name, size_t len, uint32_t *out)
{
	const struct wim_node *d = w->nodes.items + dir;
	uint32_t low = d->first, high = d->first + d->count;
	while (low < high) {
		uint32_t mid = low + (high - low) / 2;
		const char *at = name_of(w, mid);
		if (wim_name_compare(at, strlen(at), name, len) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	*out = low;
	for (uint32_t i = low; i < d->first + d->count; i++) {
		const char *at = name_of(w, i);
		if (wim_name_compare(at, strlen(at), name, len))
			return i > low;
		if (!memcmp(at, name, len)) {
			*out = i;
			return true;
		}
	}
	return low < d->first + d->count;
}

/* Windows' paths as ours: "\??\C:\x" on a drive becomes "/x", of this tree as far as anybody can tell. */
static char *as_path(const char *s, bool relative)
{
	if (!strncmp(s, "\\??\\", 4) || !strncmp(s, "\\\\?\\", 4))
		s += 4;
	if (!relative && ((*s >= 'A' && *s <= 'Z') || (*s >= 'a' && *s <= 'z')) && s[1] == ':')
		s += 2;
	char *out = strdup(s);
	for (char *c = out; c && *c; c++)
		if (*c == '\\')
			*c = '/';
	size_t n = out ? strlen(out) : 0;
	if (n > 1 && out[n - 1] == '/')
		out[n - 1] = 0;
	return out;
}

static char *wim_read_link(void *self, uint64_t id, struct error *e)
{
	struct wim *w = self;
	const struct wim_node *n = id < w->nodes.count ? w->nodes.items + id : NULL;
	if (!n || type_of(n) != ENTRY_LINK || n->reparse == WIM_NO_BLOB) {
		error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "WIM: no link, or its target is not in the file");
		return NULL;
	}
	const struct wim_blob *b = &w->blobs.items[n->reparse];
	autofree uint8_t *p = wim_read_blob(w, b, MAX_REPARSE, e);
	if (!p)
		return NULL;
	size_t size = (size_t)b->size, head = n->tag == WIM_TAG_SYMLINK ? 12 : 8;
	if (n->tag == WIM_TAG_LINUX && size > 4)
		return strndup((char *)p + 4, size - 4);
	size_t at = size > head ? get_le16(p + 4) : 0, bytes = size > head ? get_le16(p + 6) : 0;
	if (size > head && !bytes) {
		at = get_le16(p);
		bytes = get_le16(p + 2);
	}
	if (!bytes || head + at + bytes > size) {
		error_set(e, ERROR_CORRUPT, (int64_t)b->offset, "WIM: the target of a link lies outside it");
		return NULL;
	}
	autofree char *text = malloc(bytes / 2 * 3 + 8);
	if (!text) {
		error_nomem(e);
		return NULL;
	}
	utf16le_text(p + head + at, bytes / 2, text, bytes / 2 * 3 + 8);
	char *out = as_path(text, n->tag == WIM_TAG_SYMLINK && get_le32(p + 8) & 1);
	if (!out)
		error_nomem(e);
	return out;
}

/* 1 found, 0 not, -1. */
static int find(struct wim *w, const char *path, bool follow, uint32_t *out, struct error *e)
{
	autofree char *rest = strdup(path);
	uint32_t at = 0, links = 0;
	char *p = rest;
	if (!rest)
		return error_nomem(e);
	for (;;) {
		p += strspn(p, "/");
		size_t len = strcspn(p, "/");
		uint32_t child;
		if (!len)
			break;
		if (len <= 2 && !strncmp(p, "..", len)) {
			at = len == 2 ? w->nodes.items[at].parent : at;
			p += len;
			continue;
		}
		if (type_of(w->nodes.items + at) != ENTRY_DIR || !find_child(w, at, p, len, &child))
			return 0;
		p += len;
		if (type_of(w->nodes.items + child) != ENTRY_LINK || (!follow && !p[strspn(p, "/")])) {
			at = child;
			continue;
		}
		if (++links > MAX_LINKS)
			return 0;
		autofree char *target = wim_read_link(w, child, e);
		if (!target)
			return -1;
		char *next = text_format("%s/%s", target, p);
		if (!next)
			return error_nomem(e);
		at = *target == '/' ? 0 : at;
		free(rest);
		p = rest = next;
	}
	*out = at;
	return 1;
}

static int wim_lookup(void *self, const char *path, bool follow, struct fs_entry *out, struct error *e)
{
	uint32_t index;
	int rc = find(self, path, follow, &index, e);
	if (rc == 1)
		show(self, index, out);
	return rc;
}

struct walk {
	struct wim *w;
	const struct budget *b;
	fs_visit_fn *visit;
	void *ctx;
	struct text path;
	uint64_t entries;
};

static int walk_dir(struct walk *k, uint32_t dir, struct error *e)
{
	const struct wim_node *d = k->w->nodes.items + dir;
	int rc = budget_depth(k->b, d->depth, e);
	for (uint32_t i = d->first; !rc && i < d->first + d->count; i++) {
		struct fs_entry shown;
		size_t length = k->path.length;
		if (budget_entry(k->b, &k->entries, e) < 0)
			return -1;
		text_printf(&k->path, "%s%s", length ? "/" : "", name_of(k->w, i));
		if (k->path.failed)
			return error_nomem(e);
		show(k->w, i, &shown);
		shown.path = text_str(&k->path);
		rc = k->visit(k->ctx, &shown, e);
		if (!rc && shown.type == ENTRY_DIR)
			rc = walk_dir(k, i, e);
		k->path.length = length;
		k->path.data[length] = 0;
	}
	return rc;
}

static int wim_walk(void *self, const char *path, const struct budget *b, fs_visit_fn *visit, void *ctx,
		    struct error *e)
{
	struct walk k = {.w = self, .b = b, .visit = visit, .ctx = ctx};
	uint32_t dir;
	path += strspn(path, "/");
	int rc = find(self, path, true, &dir, e);
	if (rc < 0)
		return -1;
	if (!rc || type_of(k.w->nodes.items + dir) != ENTRY_DIR)
		return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "%s: no such directory", path);
	text_put(&k.path, path);
	while (k.path.length && k.path.data[k.path.length - 1] == '/')
		k.path.data[--k.path.length] = 0;
	rc = walk_dir(&k, dir, e);
	text_free(&k.path);
	return rc < 0 ? -1 : 0;
}

static struct stream *wim_open_file(void *self, uint64_t id, struct error *e)
{
	struct wim *w = self;
	const struct wim_node *n = id < w->nodes.count ? w->nodes.items + id : NULL;
	if (!n || type_of(n) != ENTRY_FILE)
		error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "WIM: this is no file");
	else if (n->lost)
		error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "WIM: the content of this file is not in it");
	else if (n->attributes & WIM_ATTR_ENCRYPTED)
		error_set(e, ERROR_ENCRYPTED, ERROR_NO_OFFSET, "WIM: the file is encrypted (EFS)");
	else if (n->attributes & WIM_ATTR_REPARSE)
		error_set(e, ERROR_UNSUPPORTED, ERROR_NO_OFFSET,
			  "WIM: its content is kept elsewhere (reparse tag %08x)", n->tag);
	else if (n->blob == WIM_NO_BLOB)
		return wim_open_empty(w, e);
	else
		return wim_open_blob(w, &w->blobs.items[n->blob], e);
	return NULL;
}

static const char *const types[] = {"wim", NULL};
const struct fs_ops fs_wim = {
	.name = "wim",
	.types = types,
	.open = wim_open,
	.verify = wim_verify,
	.scrub = wim_scrub,
	.walk = wim_walk,
	.lookup = wim_lookup,
	.open_file = wim_open_file,
	.read_link = wim_read_link,
	.destroy = wim_destroy,
};
