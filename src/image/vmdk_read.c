// SPDX-License-Identifier: GPL-3.0-or-later
/* Reading grains. Those that lie side by side are read together. */
#include "vmdk.h"

#define BATCH 512 /* entries looked up at a time */

/* A part of one compressed grain. Whole ones are decoded in place. */
static int read_compressed(struct vmdk_sparse *s, uint64_t grain, uint32_t sector, size_t in, uint8_t *buf, size_t len,
			   struct error *e)
{
	size_t full = (size_t)(s->grain * VMDK_SECTOR);
	if (len == full)
		return vmdk_grain_decode(s, grain, sector, buf, e);
	if (vmdk_cache_get(s->cached_grains, s, grain, in, buf, len))
		return 0;
	autofree uint8_t *out = malloc(full);
	if (!out)
		return error_nomem(e);
	if (vmdk_grain_decode(s, grain, sector, out, e) < 0)
		return -1;
	memcpy(buf, out + in, len);
	vmdk_cache_put(s->cached_grains, s, grain, take(out), full);
	return 0;
}

/* What the extent does not hold: the parent's, or zeros; a parent may be shorter. */
static int read_hole(struct vmdk_sparse *s, uint64_t off, uint8_t *buf, size_t len, struct error *e)
{
	uint64_t at = s->parent_at + off, size = s->parent ? source_size(s->parent) : 0;
	size_t n = at >= size ? 0 : size - at < len ? (size_t)(size - at) : len;
	memset(buf + n, 0, len - n);
	return n ? source_read_at(s->parent, at, buf, n, e) : 0;
}

/* Bytes of the run that begins with entry i: all unallocated, all zero, or side by side in the file. */
static uint64_t run_length(const struct vmdk_sparse *s, const uint32_t *entries, uint32_t i, uint32_t count)
{
	uint32_t n = 1;
	bool hole = entries[i] == VMDK_GRAIN_UNALLOCATED || (s->zero_grains && entries[i] == VMDK_GRAIN_ZERO);
	if (!hole && s->compressed)
		return s->grain * VMDK_SECTOR;
	while (i + n < count && entries[i + n] == (hole ? entries[i] : entries[i] + (uint64_t)n * s->grain))
		n++;
	return n * s->grain * VMDK_SECTOR;
}

static int read_run(struct vmdk_sparse *s, uint32_t sector, uint64_t off, uint8_t *buf, size_t len, struct error *e)
{
	uint64_t bytes = s->grain * VMDK_SECTOR, in = off % bytes;
	if (sector == VMDK_GRAIN_UNALLOCATED)
		return read_hole(s, off, buf, len, e);
	if (sector == VMDK_GRAIN_ZERO && s->zero_grains) {
		memset(buf, 0, len);
		return 0;
	}
	if (s->compressed)
		return read_compressed(s, off / bytes, sector, (size_t)in, buf, len, e);
	return source_read_at(s->src, sector * VMDK_SECTOR + in, buf, len, e);
}

/* The entries that off .. off+len needs, as many as one table and the room have. */
static int look_up(struct vmdk_sparse *s, uint64_t off, uint64_t len, uint32_t *entries, uint32_t *count,
		   struct error *e)
{
	uint64_t bytes = s->grain * VMDK_SECTOR, first = off / bytes, n = (off + len - 1) / bytes - first + 1;
	uint64_t in_table = s->per_table - first % s->per_table;
	n = n < in_table ? n : in_table;
	*count = n < BATCH ? (uint32_t)n : BATCH;
	return vmdk_tables_get(s, first, *count, entries, e);
}

int vmdk_sparse_read(struct vmdk_sparse *s, uint64_t off, uint8_t *buf, size_t len, struct error *e)
{
	uint32_t entries[BATCH], count;
	uint64_t bytes = s->grain * VMDK_SECTOR;
	while (len) {
		uint64_t first = off / bytes;
		if (look_up(s, off, len, entries, &count, e) < 0)
			return -1;
		while (len && off / bytes - first < count) {
			uint32_t i = (uint32_t)(off / bytes - first);
			uint64_t run = run_length(s, entries, i, count) - off % bytes;
			size_t n = run < len ? (size_t)run : len;
			if (read_run(s, entries[i], off, buf, n, e) < 0)
				return -1;
			off += n;
			buf += n;
			len -= n;
		}
	}
	return 0;
}

/* A hole of the extent in the parent's words. */
static int extent_of_parent(struct vmdk_sparse *s, uint64_t off, struct extent *out, struct error *e)
{
	uint64_t most = out->length, at = s->parent_at + off;
	*out = (struct extent){most, true};
	if (!s->parent || at >= source_size(s->parent))
		return 0;
	if (source_extent_at(s->parent, at, out, e) < 0)
		return -1;
	if (out->length > most)
		out->length = most;
	return 0;
}

int vmdk_sparse_extent(struct vmdk_sparse *s, uint64_t off, struct extent *out, struct error *e)
{
	uint32_t entries[BATCH], count, kind = VMDK_GRAIN_UNALLOCATED;
	uint64_t bytes = s->grain * VMDK_SECTOR, table = bytes * s->per_table, end = s->capacity * VMDK_SECTOR,
		 at = off;
	/* Whole tables that are not there, in one step. */
	while (at < end && !s->directory[at / table])
		at = (at / table + 1) * table;
	if (at == off) {
		bool same = true;
		if (look_up(s, off, table, entries, &count, e) < 0)
			return -1;
		kind = entries[0] <= VMDK_GRAIN_ZERO ? entries[0] : 2;
		for (uint32_t i = 0; same && i < count && at < end; i++) {
			same = (entries[i] <= VMDK_GRAIN_ZERO ? entries[i] : 2) == kind;
			if (same)
				at = (off / bytes + i + 1) * bytes;
		}
	}
	*out = (struct extent){(at < end ? at : end) - off, kind == VMDK_GRAIN_ZERO};
	return kind == VMDK_GRAIN_UNALLOCATED ? extent_of_parent(s, off, out, e) : 0;
}
