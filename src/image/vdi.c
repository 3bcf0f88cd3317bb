// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * VirtualBox disk images, header version 1.1: after VDICore.h and the description of the format in VirtualBox's
 * forum ("All about VDIs"). Little-endian. A map of one number a block; nothing in it carries a checksum.
 * A differencing image names its parent by UUID only, and names are all that can be asked for: it is MISSING.
 */
#include "known.h"

#define HEADER 0x200
#define SIGNATURE 0xbeda107fu
#define FREE_BLOCK UINT32_C(0xffffffff) /* never written: the parent's, or zeros */
#define ZERO_BLOCK UINT32_C(0xfffffffe)
#define MAX_BLOCKS (UINT32_C(32) << 20) /* 128 MiB of map */

enum { VDI_DYNAMIC = 1, VDI_FIXED = 2, VDI_UNDO = 3, VDI_DIFFERENCE = 4 };

struct vdi {
	struct source *file;
	uint64_t file_size, size, data;
	uint32_t type, block, count, allocated;
	uint32_t *map; /* as in the file: little-endian */
};

static int corrupt(struct error *e, int64_t offset, const char *what)
{
	return error_set(e, ERROR_CORRUPT, offset, "VDI header: %s", what);
}

static uint64_t place(const struct vdi *v, uint32_t entry)
{
	return v->data + (uint64_t)entry * v->block;
}

static bool is_data(uint32_t entry)
{
	return entry != FREE_BLOCK && entry != ZERO_BLOCK;
}

/* The bytes of a block that the disk has: its last one may be longer than that. */
static uint64_t used(const struct vdi *v, uint32_t index)
{
	uint64_t left = v->size - (uint64_t)index * v->block;
	return left < v->block ? left : v->block;
}

static bool in_file(const struct vdi *v, uint32_t index, uint32_t entry)
{
	uint64_t at = place(v, entry);
	return entry < v->allocated && at <= v->file_size && used(v, index) <= v->file_size - at;
}

static int read_at(void *self, uint64_t off, void *buf, size_t len, struct error *e)
{
	const struct vdi *v = self;
	uint8_t *to = buf;
	while (len) {
		uint32_t i = (uint32_t)(off / v->block), entry = get_le32(&v->map[i]), next = entry;
		uint64_t in = off % v->block, n = v->block - in;
		if (is_data(entry) && !in_file(v, i, entry))
			return error_set(e, ERROR_CORRUPT, (int64_t)(place(v, entry) & INT64_MAX),
					 "VDI: block %u lies beyond the end of the file: it is cut", i);
		/* Blocks that follow each other in the file are read in one go. */
		while (n < len && is_data(entry) && get_le32(&v->map[++i]) == ++next && in_file(v, i, next))
			n += v->block;
		if (n > len)
			n = len;
		if (!is_data(entry))
			memset(to, 0, (size_t)n);
		else if (source_read_at(v->file, place(v, entry) + in, to, (size_t)n, e) < 0)
			return -1;
		off += n;
		to += n;
		len -= (size_t)n;
	}
	return 0;
}

static int extent_at(void *self, uint64_t off, struct extent *out, struct error *e)
{
	const struct vdi *v = self;
	uint32_t i = (uint32_t)(off / v->block), entry = get_le32(&v->map[i]), next = entry;
	uint64_t n = v->block - off % v->block, at = place(v, entry) + off % v->block;
	bool data = is_data(entry), whole = data && in_file(v, i, entry);
	while (++i < v->count) {
		uint32_t it = get_le32(&v->map[i]);
		if (data ? it != ++next || !whole || !in_file(v, i, it) : is_data(it))
			break;
		n += v->block;
	}
	if (n > v->size - off)
		n = v->size - off;
	*out = (struct extent){n, !data};
	if (!whole)
		return 0;
	if (source_extent_at(v->file, at, out, e) < 0)
		return -1;
	if (out->length > n)
		out->length = n;
	return 0;
}

static void destroy(void *self)
{
	struct vdi *v = self;
	free(v->map);
	free(v);
}

static const struct source_ops vdi_source_ops = {"vdi", read_at, extent_at, NULL};
static const struct image_ops vdi_ops = {.destroy = destroy};

static void uuid_text(const uint8_t *u, char out[64])
{
	snprintf(out, 64, "%08x-%04x-%04x-%02x%02x-%02x%02x%02x%02x%02x%02x", get_le32(u), get_le16(u + 4),
		 get_le16(u + 6), u[8], u[9], u[10], u[11], u[12], u[13], u[14], u[15]);
}

static int judge_header(struct vdi *v, const uint8_t *h, uint64_t map, struct error *e)
{
	uint32_t length = get_le32(h + 0x48);
	if (length < 0x180 || length > UINT32_MAX - 0x48 || map < (uint64_t)length + 0x48)
		return corrupt(e, 0x48, "its length is impossible, or the block map lies in it");
	if (v->type == VDI_UNDO || v->type > VDI_DIFFERENCE || !v->type)
		return error_set(e, ERROR_UNSUPPORTED, 0x4c, "VDI: images of type %u are not known", v->type);
	if (get_le32(h + 0x17c))
		return error_set(e, ERROR_UNSUPPORTED, 0x17c, "VDI: blocks with extra data");
	if (!v->block || v->block % 512 || (v->block & (v->block - 1)))
		return corrupt(e, 0x178, "its block size is impossible");
	if (v->size % 512 || v->size > INT64_MAX)
		return corrupt(e, 0x170, "the size of the disk is impossible");
	if (v->size / v->block + (v->size % v->block != 0) != v->count)
		return corrupt(e, 0x180, "the number of blocks does not make the size of the disk");
	if (v->count > MAX_BLOCKS)
		return error_set(e, ERROR_LIMIT, 0x180, "VDI: a map of %u blocks", v->count);
	if (v->allocated > v->count)
		return corrupt(e, 0x184, "more blocks are in use than there are");
	if (v->data % 512 || v->data < map || v->data - map < (uint64_t)v->count * 4)
		return corrupt(e, 0x158, "the block map and the data overlap");
	if (v->data > v->file_size)
		return corrupt(e, (int64_t)v->file_size, "the file ends before the data begins");
	return 0;
}

static void told(const struct image_context *c, enum outcome o, int64_t offset, const char *text)
{
	finding_add(c->f, PROOF_STRUCTURE, "vdi.map", c->subject, o,
		    &(struct finding_text){.offset = offset,
					   .has_offset = offset >= 0,
					   .error = o == OUTCOME_BROKEN ? ERROR_CORRUPT : ERROR_NONE},
		    "%s", text);
}

/* Every block in use is in the file, and used once; and there are as many as the header says. */
static int judge_map(const struct vdi *v, const struct image_context *c, struct error *e)
{
	autofree uint8_t *seen = calloc(1, v->allocated / 8 + 1);
	uint32_t count = 0, outside = 0, twice = 0;
	int64_t first_outside = -1, first_twice = -1;
	char text[160];
	if (!seen)
		return error_nomem(e);
	for (uint32_t i = 0; i < v->count; i++) {
		uint32_t entry = get_le32(&v->map[i]);
		if (!is_data(entry))
			continue;
		count++;
		if (!in_file(v, i, entry)) {
			if (!outside++)
				first_outside = (int64_t)(place(v, entry) & INT64_MAX);
		} else if (seen[entry / 8] >> (entry % 8) & 1) {
			if (!twice++)
				first_twice = (int64_t)place(v, entry);
		} else {
			seen[entry / 8] |= (uint8_t)(1u << (entry % 8));
		}
	}
	if (outside) {
		snprintf(text, sizeof text, "%u blocks lie beyond the end of the file: it is cut", outside);
		told(c, OUTCOME_BROKEN, first_outside, text);
	}
	if (twice) {
		snprintf(text, sizeof text, "%u blocks of the disk are in the same place as others", twice);
		told(c, OUTCOME_BROKEN, first_twice, text);
	}
	if (count != v->allocated) {
		snprintf(text, sizeof text, "%u blocks are in use, the header says %u", count, v->allocated);
		told(c, OUTCOME_BROKEN, 0x184, text);
	}
	snprintf(text, sizeof text, "%u of %u blocks in use: all in the file, each once", count, v->count);
	if (!outside && !twice && count == v->allocated)
		told(c, OUTCOME_HELD, -1, text);
	return 0;
}

static int open_image(struct source *src, const struct image_context *c, struct image *out, struct error *e)
{
	uint8_t h[HEADER];
	struct vdi *v = calloc(1, sizeof *v);
	if (!v)
		return error_nomem(e);
	out->self = v;
	out->ops = &vdi_ops;
	v->file = src;
	v->file_size = source_size(src);
	if (v->file_size < sizeof h)
		return corrupt(e, (int64_t)v->file_size, "the file ends inside it");
	if (source_read_at(src, 0, h, sizeof h, e) < 0)
		return -1;
	if (get_le32(h + 0x40) != SIGNATURE)
		return corrupt(e, 0x40, "no signature");
	if (get_le32(h + 0x44) >> 16 != 1)
		return error_set(e, ERROR_UNSUPPORTED, 0x44, "VDI: version %u.%u", get_le32(h + 0x44) >> 16,
				 get_le32(h + 0x44) & 0xffff);
	uint64_t map = get_le32(h + 0x154);
	v->type = get_le32(h + 0x4c);
	v->data = get_le32(h + 0x158);
	v->size = get_le64(h + 0x170);
	v->block = get_le32(h + 0x178);
	v->count = get_le32(h + 0x180);
	v->allocated = get_le32(h + 0x184);
	if (judge_header(v, h, map, e) < 0)
		return -1;
	uuid_text(h + 0x188, out->id);
	if (v->type == VDI_DIFFERENCE || !is_zero(h + 0x1a8, 16)) {
		char parent[64];
		uuid_text(h + 0x1a8, parent);
		snprintf(out->parent, sizeof out->parent, "%s", parent);
		return error_set(e, ERROR_MISSING, 0x1a8,
				 "VDI: a differencing image, which holds changes only: it needs the image %s", parent);
	}
	v->map = malloc((size_t)v->count * 4 + 1);
	if (!v->map)
		return error_nomem(e);
	if (source_read_at(src, map, v->map, (size_t)v->count * 4, e) < 0)
		return -1;
	finding_add(c->f, PROOF_STRUCTURE, "vdi.header", c->subject, OUTCOME_HELD, NULL,
		    "version 1.%u, %s, blocks of %u bytes", get_le32(h + 0x44) & 0xffff,
		    v->type == VDI_FIXED ? "fixed" : "dynamic", v->block);
	if (judge_map(v, c, e) < 0)
		return -1;
	struct source *disk = source_new(&vdi_source_ops, v, v->size, source_name(src), e);
	return disk ? image_add_disk(out, NULL, disk, e) : -1;
}

static int bid(const struct probe *p)
{
	return HEAD_HAS(p, 0x40, "\x7f\x10\xda\xbe") ? 90 : 0;
}

const struct format image_vdi = {
    .name = "vdi",
    .kind = FORMAT_IMAGE,
    .suffixes = SUFFIXES(".vdi"),
    .bid = bid,
    .product = "VirtualBox disk image (VDI)",
    .open_image = open_image,
};
