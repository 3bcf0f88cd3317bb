// SPDX-License-Identifier: GPL-3.0-or-later
/* The header of a WIM file carries no checksum: every field is held against the others and the file's size. */
#include "backproof/wim.h"

#define FLAG_COMPRESSED 0x2u
#define FLAG_SPANNED 0x8u
#define FLAG_RESOURCES_ONLY 0x10u
#define FLAG_METADATA_ONLY 0x20u
#define FLAG_WRITING 0x40u
#define FLAG_XPRESS 0x20000u
#define FLAG_LZX 0x40000u
#define FLAG_LZMS 0x80000u
#define FLAG_XPRESS_2 0x200000u
#define VERSION_USUAL 0x10d00u
#define VERSION_SOLID 0xe00u
#define MAX_IMAGES 4096u
#define MAX_CHUNK (64 * MIB)

const char *wim_compression_name(enum wim_compression c)
{
	static const char *const names[] = {"not compressed", "XPRESS", "LZX", "LZMS"};
	return names[c];
}

void wim_resource_parse(const uint8_t *p, struct wim_resource *out)
{
	uint64_t first = get_le64(p);
	out->stored = first & UINT64_C(0xffffffffffffff);
	out->flags = (uint8_t)(first >> 56);
	out->offset = get_le64(p + 8);
	out->size = get_le64(p + 16);
}

static int corrupt(struct error *e, int64_t at, const char *what)
{
	return error_set(e, ERROR_CORRUPT, at, "WIM header: %s", what);
}

static int judge_resource(const struct wim_resource *r, uint64_t size, const char *name, int64_t at, struct error *e)
{
	if (r->offset < WIM_HEADER_SIZE || r->offset > size || r->stored > size - r->offset)
		return error_set(e, ERROR_CORRUPT, at,
				 "WIM header: the %s is at %llu, %llu bytes long: the file has %llu", name,
				 (unsigned long long)r->offset, (unsigned long long)r->stored,
				 (unsigned long long)size);
	if (!(r->flags & WIM_COMPRESSED) && r->stored != r->size)
		return error_set(e, ERROR_CORRUPT, at, "WIM header: the %s has two sizes", name);
	return 0;
}

static int judge_compression(struct wim_header *h, struct error *e)
{
	unsigned kinds = 0;
	if (h->flags & (FLAG_XPRESS | FLAG_XPRESS_2))
		h->compression = WIM_XPRESS, kinds++;
	if (h->flags & FLAG_LZX)
		h->compression = WIM_LZX, kinds++;
	if (h->flags & FLAG_LZMS)
		h->compression = WIM_LZMS, kinds++;
	if (!(h->flags & FLAG_COMPRESSED)) {
		h->compression = WIM_NONE;
		return kinds ? corrupt(e, 16, "compressed in a way, and not compressed") : 0;
	}
	if (kinds != 1)
		return corrupt(e, 16, kinds ? "compressed in two ways" : "compressed, and not said how");
	static const uint64_t least[] = {0, 4 * KIB, 32 * KIB, 32 * KIB}, most[] = {0, 64 * KIB, 2 * MIB, MAX_CHUNK};
	if (!h->chunk || h->chunk & (h->chunk - 1) || h->chunk < least[h->compression])
		return corrupt(e, 20, "an impossible size of chunks");
	if (h->chunk > most[h->compression])
		return h->compression == WIM_LZMS
			       ? error_set(e, ERROR_LIMIT, 20, "WIM: chunks of %u bytes are too large", h->chunk)
			       : corrupt(e, 20, "an impossible size of chunks");
	return 0;
}

static int judge_kind(const uint8_t *h, struct wim_header *out, struct error *e)
{
	unsigned part = get_le16(h + 40), parts = get_le16(h + 42);
	if (!memcmp(h, "WLPWM\0\0\0", 8))
		return error_set(e, ERROR_UNSUPPORTED, 0, "WIM: a pipable one, which is not read here "
							  "(wimoptimize --not-pipable makes it an ordinary one)");
	if (memcmp(h, WIM_MAGIC, 8))
		return corrupt(e, 0, "no signature");
	if (out->version != VERSION_USUAL && out->version != VERSION_SOLID)
		return error_set(e, ERROR_UNSUPPORTED, 12, "WIM: version %u.%u is not known", out->version >> 16,
				 out->version >> 8 & 0xff);
	if (get_le32(h + 8) != WIM_HEADER_SIZE)
		return corrupt(e, 8, "its own size is wrong");
	if (out->flags & FLAG_WRITING)
		return error_set(e, ERROR_BUSY, 16, "WIM: it is being written, or its writing was broken off");
	if (!part || !parts || part > parts)
		return corrupt(e, 40, "an impossible number of parts");
	if (parts > 1)
		return error_set(e, ERROR_UNSUPPORTED, 40,
				 "WIM: part %u of %u of a split one, which is not read here (wimjoin joins them)", part,
				 parts);
	if (out->flags & (FLAG_SPANNED | FLAG_RESOURCES_ONLY | FLAG_METADATA_ONLY))
		return error_set(e, ERROR_UNSUPPORTED, 16, "WIM: its content is partly in other files: not read here");
	return 0;
}

int wim_header_read(struct source *src, struct wim_header *out, struct error *e)
{
	uint8_t h[WIM_HEADER_SIZE];
	uint64_t size = source_size(src);
	memset(out, 0, sizeof *out);
	if (size < sizeof h)
		return corrupt(e, (int64_t)size, "the file ends inside it");
	if (source_read_at(src, 0, h, sizeof h, e) < 0)
		return -1;
	out->version = get_le32(h + 12);
	out->flags = get_le32(h + 16);
	out->chunk = get_le32(h + 20);
	memcpy(out->guid, h + 24, sizeof out->guid);
	out->images = get_le32(h + 44);
	out->boot = get_le32(h + 120);
	wim_resource_parse(h + 48, &out->table);
	wim_resource_parse(h + 72, &out->xml);
	wim_resource_parse(h + 124, &out->integrity);
	if (judge_kind(h, out, e) < 0 || judge_compression(out, e) < 0)
		return -1;
	if (!out->images || out->images > MAX_IMAGES)
		return corrupt(e, 44, out->images ? "an impossible number of images" : "there is no image in it");
	if (out->boot > out->images)
		return corrupt(e, 120, "an image to boot that is not there");
	if (judge_resource(&out->table, size, "table of contents", 48, e) < 0 ||
	    judge_resource(&out->xml, size, "description (XML)", 72, e) < 0)
		return -1;
	if (!out->table.stored || !out->xml.stored)
		return corrupt(e, 48, "no table of contents, or no description (XML)");
	if (!out->integrity.stored && !out->integrity.offset && !out->integrity.size)
		return 0;
	if (out->integrity.flags & WIM_COMPRESSED)
		return corrupt(e, 124, "a compressed integrity table");
	return judge_resource(&out->integrity, size, "integrity table", 124, e);
}
