// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Reads the disk. Neighbours that are of one kind, and where they are stored one behind the other, are one
 * run: a file that was written in order is read in long pieces.
 */
#include "backing.h"
#include "vhdx.h"

#define ENTRIES 512u		   /* of the table, read at once */
#define RUN_BLOCKS (64 * KIB)	   /* looked at for one run */
#define PIECE 512u		   /* bytes of a bitmap read at once */

enum run_kind { RUN_ZERO, RUN_PARENT, RUN_FILE, RUN_PARTIAL };

struct run {
	enum run_kind kind;
	uint64_t length;
	uint64_t at;	 /* FILE, PARTIAL: in the file */
	uint64_t bitmap; /* PARTIAL: offset of the chunk's bitmap in the file */
};

/* Entries of the table from `first` on. */
struct entries {
	uint64_t first, count;
	uint8_t raw[ENTRIES * 8];
};

static int entry_at(const struct vhdx *v, struct entries *n, uint64_t index, uint64_t ahead, uint64_t *out,
		    struct error *e)
{
	if (index < n->first || index >= n->first + n->count) {
		uint64_t want = v->entries - index;
		want = want < ENTRIES ? want : ENTRIES;
		want = ahead && want > ahead ? ahead : want;
		n->count = 0;
		if (source_read_at(v->table, index * 8, n->raw, (size_t)want * 8, e) < 0)
			return -1;
		n->first = index;
		n->count = want;
	}
	*out = get_le64(n->raw + (index - n->first) * 8);
	return 0;
}

static int classify(const struct vhdx *v, uint64_t block, uint64_t entry, struct run *r, struct error *e)
{
	switch (VHDX_STATE(entry)) {
	case VHDX_NOT_PRESENT:
		r->kind = v->has_parent ? RUN_PARENT : RUN_ZERO;
		return 0;
	case VHDX_UNDEFINED: /* anything may be read: zeros tell nothing that was not there */
	case VHDX_UNMAPPED:
	case VHDX_ZERO:
		r->kind = RUN_ZERO;
		return 0;
	case VHDX_PARTIAL:
		if (!v->has_parent)
			break;
		r->kind = RUN_PARTIAL;
		r->at = VHDX_OFFSET(entry);
		return 0;
	case VHDX_FULL:
		r->kind = RUN_FILE;
		r->at = VHDX_OFFSET(entry);
		return 0;
	}
	return error_set(e, ERROR_CORRUPT, (int64_t)(v->bat.at + vhdx_payload_index(v, block) * 8),
			 "VHDX: block %llu has the state %llu, which can't be", (unsigned long long)block,
			 (unsigned long long)(entry & 7));
}

static int bitmap_of(const struct vhdx *v, uint64_t block, uint64_t *at, struct error *e)
{
	uint8_t raw[8];
	uint64_t index = vhdx_bitmap_index(v, block);
	if (source_read_at(v->table, index * 8, raw, 8, e) < 0)
		return -1;
	if (VHDX_STATE(get_le64(raw)) != VHDX_FULL)
		return error_set(e, ERROR_CORRUPT, (int64_t)(v->bat.at + index * 8),
				 "VHDX: nothing says which parts of block %llu are the parent's",
				 (unsigned long long)block);
	*at = VHDX_OFFSET(get_le64(raw));
	return 0;
}

/* The run at off, of at most `most` bytes; off + most lies on the disk. */
static int find_run(const struct vhdx *v, uint64_t off, uint64_t most, struct run *r, struct error *e)
{
	struct entries n;
	uint64_t block = off / v->block_size, in = off % v->block_size, entry;
	uint64_t ahead = (in + most - 1) / v->block_size + 1;
	n.first = n.count = 0;
	ahead += ahead / v->ratio + 1;
	if (entry_at(v, &n, vhdx_payload_index(v, block), ahead, &entry, e) < 0 || classify(v, block, entry, r, e) < 0)
		return -1;
	r->length = v->block_size - in;
	if (r->kind == RUN_PARTIAL && bitmap_of(v, block, &r->bitmap, e) < 0)
		return -1;
	if (r->kind == RUN_PARTIAL)
		most = most < r->length ? most : r->length;
	for (uint64_t k = 1; r->length < most && k < RUN_BLOCKS && block + k < v->blocks; k++) {
		struct run next = {0};
		/* What is wrong with a later block is told when that is read. */
		if (entry_at(v, &n, vhdx_payload_index(v, block + k), ahead, &entry, e) < 0)
			return -1;
		if (classify(v, block + k, entry, &next, NULL) < 0 || next.kind != r->kind ||
		    (r->kind == RUN_FILE && next.at != r->at + k * v->block_size))
			break;
		r->length += v->block_size;
	}
	r->at += in;
	if (r->length > most)
		r->length = most;
	return 0;
}

/* len bytes of one block, some of its sectors here and some in the parent. */
static int read_partial(const struct vhdx *v, const struct run *r, uint64_t off, uint8_t *to, size_t len,
			struct error *e)
{
	uint8_t bits[PIECE];
	const uint64_t chunk_sectors = UINT64_C(1) << 23, first = off / v->sector_size % chunk_sectors;
	uint64_t in = off % v->sector_size, at = r->at, from = 0, have = 0;
	for (uint64_t sector = first; len;) {
		if (sector < from || sector >= from + have) {
			uint64_t left = chunk_sectors / 8 - sector / 8, n = left < PIECE ? left : PIECE;
			if (source_read_at(v->view, r->bitmap + sector / 8, bits, (size_t)n, e) < 0)
				return -1;
			from = sector / 8 * 8;
			have = n * 8;
		}
#define HERE(s) (bits[((s)-from) / 8] >> ((s)-from) % 8 & 1)
		uint64_t end = sector + (in + len - 1) / v->sector_size + 1, next = sector + 1;
		const int here = HERE(sector);
		while (next < end && next < from + have && HERE(next) == here)
			next++;
#undef HERE
		uint64_t bytes = (next - sector) * v->sector_size - in;
		size_t n = bytes < len ? (size_t)bytes : len;
		if ((here ? source_read_at(v->view, at, to, n, e) : backing_read(v->parent, off, to, n, e)) < 0)
			return -1;
		sector = next;
		in = 0;
		at += n;
		off += n;
		to += n;
		len -= n;
	}
	return 0;
}

static int disk_read_at(void *self, uint64_t off, void *buf, size_t len, struct error *e)
{
	const struct vhdx *v = self;
	uint8_t *to = buf;
	while (len) {
		struct run r = {0};
		if (find_run(v, off, len, &r, e) < 0)
			return -1;
		size_t n = (size_t)r.length;
		int rc = r.kind == RUN_FILE	 ? source_read_at(v->view, r.at, to, n, e)
			 : r.kind == RUN_PARTIAL ? read_partial(v, &r, off, to, n, e)
						 : backing_read(r.kind == RUN_PARENT ? v->parent : NULL, off, to, n, e);
		if (rc < 0)
			return -1;
		off += n;
		to += n;
		len -= n;
	}
	return 0;
}

static int disk_extent_at(void *self, uint64_t off, struct extent *out, struct error *e)
{
	const struct vhdx *v = self;
	struct run r = {0};
	if (find_run(v, off, v->size - off, &r, e) < 0)
		return -1;
	*out = (struct extent){.length = r.length, .zero = r.kind == RUN_ZERO};
	if (r.kind == RUN_PARENT)
		return backing_extent(v->parent, off, r.length, out, e);
	/* Fixed disks have all blocks, and the file itself may have holes. */
	if (r.kind == RUN_FILE && r.at < source_size(v->view)) {
		if (source_extent_at(v->view, r.at, out, e) < 0)
			return -1;
		if (out->length > r.length)
			out->length = r.length;
	}
	return 0;
}

static const struct source_ops disk_ops = {"VHDX", disk_read_at, disk_extent_at, NULL};

struct source *vhdx_source(struct vhdx *v, const char *name, struct error *e)
{
	return source_new(&disk_ops, v, v->size, name, e);
}
