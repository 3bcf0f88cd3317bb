// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Replays a log in memory: sectors of data in an overlay, zeroed ranges and what lies behind the end of the
 * stored file in a source below it. The newest change wins, whichever kind it is of.
 */
#include "vhdx_log.h"

#define ZEROED_MOST 65536

struct longer {
	struct source *stored;
	VEC(struct vhdx_region) zeroed; /* sorted, apart from each other once all are in */
};

/* The first range that ends behind off, or NULL. */
static const struct vhdx_region *zeroed_from(const struct longer *z, uint64_t off)
{
	size_t low = 0, high = z->zeroed.count;
	while (low < high) {
		size_t mid = (low + high) / 2;
		if (z->zeroed.items[mid].at + z->zeroed.items[mid].length > off)
			high = mid;
		else
			low = mid + 1;
	}
	return low < z->zeroed.count ? &z->zeroed.items[low] : NULL;
}

static int longer_read_at(void *self, uint64_t off, void *buf, size_t len, struct error *e)
{
	struct longer *z = self;
	uint64_t size = source_size(z->stored), end = off + len;
	size_t n = off >= size ? 0 : size - off < len ? (size_t)(size - off) : len;
	memset((uint8_t *)buf + n, 0, len - n);
	if (n && source_read_at(z->stored, off, buf, n, e) < 0)
		return -1;
	const struct vhdx_region *r = zeroed_from(z, off);
	for (; r && r < z->zeroed.items + z->zeroed.count && r->at < end; r++) {
		uint64_t from = r->at > off ? r->at : off, to = r->at + r->length < end ? r->at + r->length : end;
		memset((uint8_t *)buf + (from - off), 0, (size_t)(to - from));
	}
	return 0;
}

static int longer_extent_at(void *self, uint64_t off, struct extent *out, struct error *e)
{
	struct longer *z = self;
	out->zero = off >= source_size(z->stored);
	return out->zero ? 0 : source_extent_at(z->stored, off, out, e);
}

static void longer_destroy(void *self)
{
	struct longer *z = self;
	vec_free(&z->zeroed);
	free(z);
}

static const struct source_ops longer_ops = {"VHDX log", longer_read_at, longer_extent_at, longer_destroy};

/* Calls fn for each descriptor of the active sequence, oldest first; data NULL for a zeroed range. */
typedef int each_change(void *ctx, uint64_t at, uint64_t length, const uint8_t *data, struct error *e);

static int each_entry(const struct vhdx_log *l, each_change *fn, void *ctx, struct error *e)
{
	for (uint32_t at = l->tail;; at = (uint32_t)((at + (uint64_t)vhdx_slot_at(l, at)->length) % l->length)) {
		const uint8_t *p = l->bytes + at, *d = p + 64;
		uint32_t count = get_le32(p + 24);
		const uint8_t *sector = p + vhdx_descriptor_bytes(count);
		for (uint32_t i = 0; i < count; i++, d += 32) {
			uint8_t data[VHDX_LOG_SECTOR];
			if (!memcmp(d, "zero", 4)) {
				if (fn(ctx, get_le64(d + 16), get_le64(d + 8), NULL, e) < 0)
					return -1;
				continue;
			}
			memcpy(data, sector, sizeof data);
			memcpy(data, d + 8, 8);
			memcpy(data + sizeof data - 4, d + 4, 4);
			sector += VHDX_LOG_SECTOR;
			if (fn(ctx, get_le64(d + 16), sizeof data, data, e) < 0)
				return -1;
		}
		if (at == l->head)
			return 0;
	}
}

/* First pass: how long the file becomes. */
static int measure(void *ctx, uint64_t at, uint64_t length, const uint8_t *data, struct error *e)
{
	uint64_t *size = ctx, end;
	(void)data;
	if (add_overflows(at, length, &end) || end > VHDX_FILE_MOST)
		return error_set(e, ERROR_LIMIT, ERROR_NO_OFFSET, "VHDX: the log writes beyond 128 TiB");
	if (end > *size)
		*size = end;
	return 0;
}

struct replay {
	struct longer *longer;
	struct source *overlay;
	VEC(uint64_t) blocks; /* that were put; some of them twice */
};

/* Second pass. */
static int change(void *ctx, uint64_t at, uint64_t length, const uint8_t *data, struct error *e)
{
	static const uint8_t nothing[VHDX_LOG_SECTOR];
	struct replay *r = ctx;
	if (data) {
		uint64_t *b = vec_push(&r->blocks);
		if (!b)
			return error_nomem(e);
		*b = at / VHDX_LOG_SECTOR;
		return overlay_put(r->overlay, *b, data, e);
	}
	if (!length)
		return 0;
	vec_each(&r->blocks, b)
	{
		if (*b * VHDX_LOG_SECTOR >= at && *b * VHDX_LOG_SECTOR < at + length &&
		    overlay_put(r->overlay, *b, nothing, e) < 0)
			return -1;
	}
	if (r->longer->zeroed.count >= ZEROED_MOST)
		return error_set(e, ERROR_LIMIT, ERROR_NO_OFFSET, "VHDX: the log zeroes more than %d ranges",
				 ZEROED_MOST);
	struct vhdx_region *z = vec_push(&r->longer->zeroed);
	if (!z)
		return error_nomem(e);
	*z = (struct vhdx_region){at, length};
	return 0;
}

static int compare_regions(const void *a, const void *b)
{
	const struct vhdx_region *x = a, *y = b;
	return x->at < y->at ? -1 : x->at > y->at;
}

static void join_regions(struct longer *z)
{
	size_t n = 0;
	if (!z->zeroed.count)
		return;
	qsort(z->zeroed.items, z->zeroed.count, sizeof *z->zeroed.items, compare_regions);
	for (size_t i = 1; i < z->zeroed.count; i++) {
		struct vhdx_region *last = &z->zeroed.items[n], *r = &z->zeroed.items[i];
		uint64_t end = r->at + r->length;
		if (r->at > last->at + last->length)
			z->zeroed.items[++n] = *r;
		else if (end > last->at + last->length)
			last->length = end - last->at;
	}
	z->zeroed.count = n + 1;
}

int vhdx_apply(struct vhdx *v, const struct vhdx_log *l, const struct image_context *c, struct error *e)
{
	const uint8_t *head = l->bytes + l->head;
	const uint64_t stored = source_size(v->stored), flushed = get_le64(head + 48), last = get_le64(head + 56);
	uint64_t size = stored;
	if (flushed > stored)
		return error_set(e, ERROR_CORRUPT, (int64_t)stored,
				 "VHDX: the file was cut: its log says that it had %llu bytes, there are %llu",
				 (unsigned long long)flushed, (unsigned long long)stored);
	if (measure(&size, last, 0, NULL, e) < 0 || each_entry(l, measure, &size, e) < 0)
		return -1;
	/* Allowed, and what a power cut leaves; but the end of a damaged file looks the same. */
	if (size > stored)
		VHDX_FINDING(c, "vhdx.length", OUTCOME_UNPROVEN, stored,
			     "replay of the log makes the file longer, from %llu to %llu bytes: what was there is not "
			     "known",
			     (unsigned long long)stored, (unsigned long long)size);
	struct longer *z = calloc(1, sizeof *z);
	if (!z)
		return error_nomem(e);
	z->stored = v->stored;
	v->longer = source_new(&longer_ops, z, size, source_name(v->stored), e);
	if (!v->longer) {
		free(z);
		return -1;
	}
	v->replayed = source_overlay(v->longer, VHDX_LOG_SECTOR, e);
	if (!v->replayed)
		return -1;
	struct replay r = {.longer = z, .overlay = v->replayed};
	int rc = each_entry(l, change, &r, e);
	join_regions(z);
	size_t sectors = r.blocks.count;
	free(r.blocks.items);
	if (rc < 0)
		return -1;
	v->view = v->replayed;
	finding_add(c->f, PROOF_STRUCTURE, "vhdx.log", c->subject, OUTCOME_HELD, NULL,
		    "the log was replayed up to entry %llu: %zu sectors written, %zu ranges zeroed",
		    (unsigned long long)vhdx_slot_at(l, l->head)->sequence, sectors, z->zeroed.count);
	return 0;
}
