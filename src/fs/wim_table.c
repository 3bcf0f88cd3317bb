// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The table of contents: an entry of 50 bytes for each content and for the tree of each image. Entries of solid
 * resources stand in runs: those whose size is a marker are the resources, the others' places count through
 * all resources of the run as if they were one.
 */
#include "wim.h"

#define ENTRY 50u
#define MAX_ENTRIES (UINT64_C(16) << 20)
#define SOLID_MARK (UINT64_C(1) << 32)

static int bad(const struct wim *w, uint64_t i, const char *what, struct error *e)
{
	return error_set(e, ERROR_CORRUPT, (int64_t)w->header.table.offset, "WIM: table of contents, entry %llu: %s",
			 (unsigned long long)i, what);
}

static bool is_solid(const uint8_t *entry)
{
	return entry[7] & WIM_SOLID;
}

static int add_blob(struct wim *w, const uint8_t *p, uint64_t i, struct error *e)
{
	struct wim_resource r;
	wim_resource_parse(p, &r);
	if (r.flags & WIM_SPANNED || get_le16(p + 24) != 1)
		return bad(w, i, "its content is in another file", e);
	if (r.offset < WIM_HEADER_SIZE || r.offset > source_size(w->src) || r.stored > source_size(w->src) - r.offset)
		return bad(w, i, "its content lies beyond the end of the file", e);
	if (!(r.flags & WIM_COMPRESSED) && r.stored != r.size)
		return bad(w, i, "its content has two sizes", e);
	if (!r.size)
		return r.flags & WIM_METADATA ? bad(w, i, "an image without a tree", e) : 0;
	struct wim_blob *b = r.flags & WIM_METADATA ? vec_push(&w->metadata) : vec_push(&w->blobs);
	if (!b)
		return error_nomem(e);
	*b = (struct wim_blob){.offset = r.offset, .stored = r.stored, .size = r.size, .flags = r.flags};
	memcpy(b->sha1, p + 30, WIM_SHA1);
	return 0;
}

static int add_resource(struct wim *w, const uint8_t *p, uint64_t i, struct error *e)
{
	struct wim_resource r;
	wim_resource_parse(p, &r);
	if (r.offset < WIM_HEADER_SIZE || r.offset > source_size(w->src) || r.stored > source_size(w->src) - r.offset ||
	    get_le16(p + 24) != 1)
		return bad(w, i, "its content lies beyond the end of the file", e);
	if (w->solid.count >= 65536)
		return error_set(e, ERROR_LIMIT, ERROR_NO_OFFSET, "WIM: too many solid resources");
	struct wim_chunks *c = vec_push(&w->solid);
	if (!c)
		return error_nomem(e);
	c->res = r;
	return wim_chunks_load(w, c, true, e);
}

static int add_solid_blob(struct wim *w, const uint8_t *p, size_t first, uint64_t i, struct error *e)
{
	struct wim_resource r;
	wim_resource_parse(p, &r);
	uint64_t at = r.offset;
	if (r.flags & WIM_METADATA)
		return bad(w, i, "a tree inside a solid resource", e);
	if (!r.stored)
		return 0;
	for (size_t k = first; k < w->solid.count; k++) {
		uint64_t size = w->solid.items[k].res.size;
		if (r.stored <= size && at <= size - r.stored) {
			struct wim_blob *b = vec_push(&w->blobs);
			if (!b)
				return error_nomem(e);
			*b = (struct wim_blob){.offset = at, .stored = r.stored, .size = r.stored, .flags = r.flags,
					       .solid = (uint32_t)k + 1};
			memcpy(b->sha1, p + 30, WIM_SHA1);
			return 0;
		}
		if (at < size)
			break;
		at -= size;
	}
	return bad(w, i, "its content lies outside its solid resource", e);
}

/* A run of solid entries from the i-th on; *next: what follows it. */
static int add_run(struct wim *w, const uint8_t *table, uint64_t i, uint64_t count, uint64_t *next, struct error *e)
{
	uint64_t end = i;
	size_t first = w->solid.count;
	while (end < count && is_solid(table + end * ENTRY))
		end++;
	for (uint64_t k = i; k < end; k++)
		if (get_le64(table + k * ENTRY + 16) == SOLID_MARK && add_resource(w, table + k * ENTRY, k, e) < 0)
			return -1;
	for (uint64_t k = i; k < end; k++)
		if (get_le64(table + k * ENTRY + 16) != SOLID_MARK &&
		    add_solid_blob(w, table + k * ENTRY, first, k, e) < 0)
			return -1;
	*next = end;
	return 0;
}

static int by_sha1(const void *a, const void *b)
{
	return memcmp(((const struct wim_blob *)a)->sha1, ((const struct wim_blob *)b)->sha1, WIM_SHA1);
}

int wim_table_read(struct wim *w, struct error *e)
{
	const struct wim_resource *r = &w->header.table;
	uint64_t count = r->size / ENTRY, next;
	if (!count || r->size % ENTRY)
		return error_set(e, ERROR_CORRUPT, (int64_t)r->offset,
				 "WIM: the table of contents has an impossible size");
	if (count > MAX_ENTRIES)
		return error_set(e, ERROR_LIMIT, (int64_t)r->offset, "WIM: a table of %llu contents",
				 (unsigned long long)count);
	autofree uint8_t *table = wim_read_plain(w, r, MAX_ENTRIES * ENTRY, e);
	if (!table)
		return -1;
	for (uint64_t i = 0; i < count; i = next) {
		next = i + 1;
		if (is_solid(table + i * ENTRY) ? add_run(w, table, i, count, &next, e) < 0
						: add_blob(w, table + i * ENTRY, i, e) < 0)
			return -1;
	}
	if (w->metadata.count != w->header.images)
		return error_set(e, ERROR_CORRUPT, (int64_t)r->offset,
				 "WIM: the header says %u images, the table of contents has %zu", w->header.images,
				 w->metadata.count);
	if (w->blobs.count)
		qsort(w->blobs.items, w->blobs.count, sizeof *w->blobs.items, by_sha1);
	return 0;
}

uint32_t wim_blob_find(const struct wim *w, const uint8_t *sha1)
{
	struct wim_blob key;
	memcpy(key.sha1, sha1, WIM_SHA1);
	struct wim_blob *b = w->blobs.count ? bsearch(&key, w->blobs.items, w->blobs.count, sizeof key, by_sha1) : NULL;
	return b ? (uint32_t)(b - w->blobs.items) : WIM_NO_BLOB;
}
