// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Compressed resources of a WIM: a table of places, then chunks, each compressed for itself, or stored as it is where
 * that is no shorter. The table of an ordinary resource counts from its own end and leaves out the first chunk; a solid
 * one begins with its size and way of compression, and its table has the sizes of all chunks.
 */
#ifdef HAVE_WIM
#include <wimlib.h>
#endif

#include "wim.h"

#define MAX_TABLE (128 * MIB)
#define SOLID_HEAD 16u
#define MAX_CHUNK (64 * MIB)

static int bad(const struct wim_chunks *c, const char *what, struct error *e)
{
	return error_set(e, ERROR_CORRUPT, (int64_t)c->res.offset, "WIM: compressed data: %s", what);
}

size_t wim_chunk_size(const struct wim_chunks *c, uint64_t i)
{
	uint64_t left = c->res.size - i * c->chunk;
	return left < c->chunk ? (size_t)left : c->chunk;
}

static int read_solid_head(struct wim *w, struct wim_chunks *c, struct error *e)
{
	uint8_t h[SOLID_HEAD];
	if (c->res.stored < sizeof h)
		return bad(c, "cut off", e);
	if (source_read_at(w->src, c->res.offset, h, sizeof h, e) < 0)
		return -1;
	c->res.size = get_le64(h);
	c->chunk = get_le32(h + 8);
	if (get_le32(h + 12) > WIM_LZMS)
		return bad(c, "compressed in a way that is not known", e);
	c->kind = (enum wim_compression)get_le32(h + 12);
	if (!c->res.size || !c->chunk || c->chunk & (c->chunk - 1) || c->chunk < 4096)
		return bad(c, "an impossible size of chunks", e);
	if (c->chunk > MAX_CHUNK)
		return error_set(e, ERROR_LIMIT, (int64_t)c->res.offset, "WIM: chunks of %u bytes are too large",
				 c->chunk);
	return 0;
}

/* From sizes or places, as stored, to places in the file. */
static int set_starts(struct wim_chunks *c, const uint8_t *table, uint64_t data, bool solid, unsigned width,
		      struct error *e)
{
	uint64_t end = c->res.offset + c->res.stored;
	c->starts[0] = data;
	for (uint64_t i = 1; i < c->count + solid; i++) {
		uint64_t v = width == 8 ? get_le64(table + 8 * (i - 1)) : get_le32(table + 4 * (i - 1));
		if (v > end)
			return bad(c, "a chunk beyond its end", e);
		c->starts[i] = solid ? c->starts[i - 1] + v : data + v;
	}
	if (solid && c->starts[c->count] != end)
		return bad(c, "the sizes of its chunks and its own do not agree", e);
	c->starts[c->count] = end;
	for (uint64_t i = 0; i < c->count; i++)
		if (c->starts[i] >= c->starts[i + 1] || c->starts[i + 1] > end ||
		    c->starts[i + 1] - c->starts[i] > wim_chunk_size(c, i))
			return bad(c, "its table of chunks contradicts itself", e);
	return 0;
}

int wim_chunks_load(struct wim *w, struct wim_chunks *c, bool solid, struct error *e)
{
	if (solid && read_solid_head(w, c, e) < 0)
		return -1;
	if (!solid && c->kind == WIM_NONE)
		return bad(c, "in a file that says it has none", e);
	if (!c->res.size)
		return bad(c, "of nothing", e);
	c->count = (c->res.size - 1) / c->chunk + 1;
	unsigned width = !solid && c->res.size > UINT32_MAX ? 8 : 4;
	uint64_t entries = solid ? c->count : c->count - 1, head = solid ? SOLID_HEAD : 0;
	if (entries > c->res.stored / width || head + entries * width >= c->res.stored)
		return bad(c, "cut off", e);
	if (entries * width > MAX_TABLE)
		return error_set(e, ERROR_LIMIT, (int64_t)c->res.offset, "WIM: a table of %llu chunks",
				 (unsigned long long)entries);
	autofree uint8_t *table = malloc((size_t)(entries * width) + 1);
	c->starts = calloc((size_t)c->count + 1, sizeof *c->starts);
	if (!table || !c->starts)
		return error_nomem(e);
	if (entries && source_read_at(w->src, c->res.offset + head, table, (size_t)(entries * width), e) < 0)
		return -1;
	return set_starts(c, table, c->res.offset + head + entries * width, solid, width, e);
}

void wim_chunks_free(struct wim_chunks *c)
{
	free(c->starts);
	c->starts = NULL;
}

#ifdef HAVE_WIM
static int prepare(struct wim_codec *codec, const struct wim_chunks *c, struct error *e)
{
	static const enum wimlib_compression_type types[] = {
		[WIM_NONE] = WIMLIB_COMPRESSION_TYPE_NONE, [WIM_XPRESS] = WIMLIB_COMPRESSION_TYPE_XPRESS,
		[WIM_LZX] = WIMLIB_COMPRESSION_TYPE_LZX, [WIM_LZMS] = WIMLIB_COMPRESSION_TYPE_LZMS};
	struct wimlib_decompressor *lib = NULL;
	if (codec->in && codec->kind == c->kind && codec->chunk == c->chunk)
		return 0;
	wim_codec_free(codec);
	codec->in = malloc(c->chunk);
	if (!codec->in)
		return error_nomem(e);
	codec->kind = c->kind;
	codec->chunk = c->chunk;
	if (c->kind == WIM_NONE)
		return 0;
	switch (wimlib_create_decompressor(types[c->kind], c->chunk, &lib)) {
	case 0:
		codec->lib = lib;
		return 0;
	case WIMLIB_ERR_NOMEM:
		wim_codec_free(codec);
		return error_nomem(e);
	default:
		wim_codec_free(codec);
		return bad(c, "an impossible size of chunks", e);
	}
}

static int decode(struct wim_codec *codec, size_t stored, uint8_t *out, size_t full)
{
	return codec->lib ? wimlib_decompress(codec->in, stored, out, full, codec->lib) : -1;
}

void wim_codec_free(struct wim_codec *codec)
{
	wimlib_free_decompressor(codec->lib);
	free(codec->in);
	memset(codec, 0, sizeof *codec);
}
#else
static int prepare(struct wim_codec *codec, const struct wim_chunks *c, struct error *e)
{
	(void)codec;
	return error_set(e, ERROR_UNSUPPORTED, (int64_t)c->res.offset,
			 "WIM: compressed content is not read by this build (libwim)");
}

static int decode(struct wim_codec *codec, size_t stored, uint8_t *out, size_t full)
{
	(void)codec, (void)stored, (void)out, (void)full;
	return -1;
}

void wim_codec_free(struct wim_codec *codec)
{
	memset(codec, 0, sizeof *codec);
}
#endif

int wim_chunk_read(struct wim *w, const struct wim_chunks *c, struct wim_codec *codec, uint64_t i, uint8_t *out,
		   struct error *e)
{
	size_t full = wim_chunk_size(c, i), stored = (size_t)(c->starts[i + 1] - c->starts[i]);
	if (stored == full)
		return source_read_at(w->src, c->starts[i], out, full, e);
	if (prepare(codec, c, e) < 0 || source_read_at(w->src, c->starts[i], codec->in, stored, e) < 0)
		return -1;
	if (decode(codec, stored, out, full))
		return error_set(e, ERROR_CORRUPT, (int64_t)c->starts[i], "WIM: %s data is damaged",
				 wim_compression_name(c->kind));
	return 0;
}
