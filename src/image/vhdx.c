// SPDX-License-Identifier: GPL-3.0-or-later
/* Opens a VHDX, in the order that the specification sets: nothing but the header before the log. */
#include "vhdx.h"

#include "known.h"

static int bid_vhdx(const struct probe *p)
{
	return HEAD_HAS(p, 0, "vhdxfile") ? 95 : 0;
}

/* The first three fields are little-endian numbers, so the bytes are turned round in the text. */
void vhdx_guid_text(const uint8_t g[VHDX_GUID], char out[64])
{
	snprintf(out, 64, "%08x-%04x-%04x-%02x%02x-%02x%02x%02x%02x%02x%02x", get_le32(g), get_le16(g + 4),
		 get_le16(g + 6), g[8], g[9], g[10], g[11], g[12], g[13], g[14], g[15]);
}

static void vhdx_destroy(void *self)
{
	struct vhdx *v = self;
	source_destroy(v->table);
	source_destroy(v->table_window);
	source_destroy(v->replayed);
	source_destroy(v->longer);
	free(v);
}

static const struct image_ops vhdx_ops = {.verify = NULL, .destroy = vhdx_destroy};

static int open_vhdx(struct source *src, const struct image_context *c, struct image *out, struct error *e)
{
	uint8_t magic[8];
	if (source_size(src) < MIB)
		return error_set(e, ERROR_CORRUPT, (int64_t)source_size(src),
				 "VHDX: the file ends inside its first MiB, which holds the headers");
	if (source_size(src) > VHDX_FILE_MOST)
		return error_set(e, ERROR_LIMIT, ERROR_NO_OFFSET, "VHDX: the file is larger than 128 TiB");
	if (source_read_at(src, 0, magic, sizeof magic, e) < 0)
		return -1;
	if (memcmp(magic, "vhdxfile", 8))
		VHDX_FINDING(c, "vhdx.identifier", OUTCOME_BROKEN, 0, "the file does not begin with \"vhdxfile\"");
	struct vhdx *v = calloc(1, sizeof *v);
	if (!v)
		return error_nomem(e);
	out->ops = &vhdx_ops;
	out->self = v;
	v->stored = v->view = src;
	if (vhdx_read_header(v, c, e) < 0)
		return -1;
	vhdx_guid_text(v->header.data_write, out->id);
	if (vhdx_replay(v, c, e) < 0 || vhdx_read_regions(v, c, e) < 0 || vhdx_read_metadata(v, c, e) < 0 ||
	    vhdx_check_map(v, c, e) < 0)
		return -1;
	if (v->has_parent && vhdx_open_parent(v, c, out, e) < 0)
		return -1;
	struct source *disk = vhdx_source(v, source_name(src), e);
	return disk ? image_add_disk(out, NULL, disk, e) : -1;
}

const struct format image_vhdx = {
    .name = "vhdx",
    .kind = FORMAT_IMAGE,
    .suffixes = SUFFIXES(".vhdx", ".avhdx"),
    .bid = bid_vhdx,
    .checksums = CHECKSUMS_METADATA,
    .product = "Microsoft virtual hard disk (VHDX)",
    .open_image = open_vhdx,
};
