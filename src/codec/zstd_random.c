// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Zstandard frames (RFC 8878) at random: files of several frames whose headers all give the size of their content, and
 * the seekable format (contrib/seekable_format of the zstd project, 0.1.0), whose table is in a skippable frame at the
 * end. That table has no checksum: each of its entries is compared with the header of the frame that it names, and
 * where that gives no size, with what the blocks of the frame can come to.
 */
#include "backproof/xxh64.h"
#include "random.h"

#ifdef HAVE_LIBZSTD
#include <zstd.h>

#include "member.h"
#include "zstd_frame.h"

#define TABLE_MAGIC 0x184d2a5eu
#define TABLE_FOOTER_MAGIC 0x8f92eab1u
#define TABLE_FOOTER 9
#define TABLE_CHECKSUMS 0x80
#define TABLE_RESERVED 0x7c
#define TABLE_ENTRIES_MAX 0x8000000u

struct frame {
	bool skippable, foreign; /* foreign: not for us, for one reason or another */
	bool sized, checksum;
	uint64_t content, window;
	uint64_t length; /* of the header; of a skippable frame all of it */
	uint64_t least, most; /* what the blocks come to: see walk_blocks */
};

static int cut(uint64_t at, struct error *e)
{
	return error_set(e, ERROR_CORRUPT, (int64_t)at, "zstd: the data ends inside the frame from byte %llu",
			 (unsigned long long)at);
}

static int read_header(struct look *l, uint64_t at, struct frame *f, struct error *e)
{
	struct zstd_header h = {0};
	size_t got;
	const uint8_t *p = look_at(l, at, ZSTD_HEADER_MAX, &got, e);
	memset(f, 0, sizeof *f);
	if (!p)
		return -1;
	if (got < 8)
		return cut(at, e);
	if (is_skippable(p)) {
		f->skippable = true;
		f->length = 8 + (uint64_t)get_le32(p + 4);
		return f->length > source_size(l->src) - at ? cut(at, e) : 0;
	}
	if (get_le32(p) != ZSTD_FRAME_MAGIC)
		return error_set(e, ERROR_CORRUPT, (int64_t)at, "zstd: no frame begins at byte %llu",
				 (unsigned long long)at);
	if (!zstd_header_parse(p, got, &h))
		return cut(at, e);
	f->foreign = p[4] & (FHD_DICTIONARY | FHD_RESERVED) || h.window > CODEC_WINDOW_MAX;
	f->checksum = h.checksum;
	f->sized = h.sized;
	f->content = h.content;
	f->window = h.window;
	f->length = h.length;
	return 0;
}

/* To the end of a frame with content: *at. A block says how much of it is stored, and some also what they decode to. */
static int walk_blocks(struct look *l, uint64_t *at, struct frame *f, struct error *e)
{
	uint64_t began = *at, size = source_size(l->src);
	uint64_t most = f->window < ZSTD_BLOCK_MAX ? f->window : ZSTD_BLOCK_MAX;
	bool last = false;
	size_t got;
	*at += f->length;
	while (!last) {
		const uint8_t *p = look_at(l, *at, 3, &got, e);
		if (!p)
			return -1;
		if (got < 3)
			return cut(began, e);
		struct zstd_block b = zstd_block_parse(p);
		last = b.last;
		if (b.type == BLOCK_RESERVED || b.size > ZSTD_BLOCK_MAX)
			return error_set(e, ERROR_CORRUPT, (int64_t)*at, "zstd: no block begins at byte %llu",
					 (unsigned long long)*at);
		f->least += b.type == BLOCK_COMPRESSED ? 0 : b.size;
		f->most += b.type == BLOCK_COMPRESSED ? most : b.size;
		*at += b.stored;
		if (*at > size)
			return cut(began, e);
	}
	*at += f->checksum ? 4 : 0;
	if (*at > size)
		return cut(began, e);
	if (f->sized && (f->content < f->least || f->content > f->most))
		return error_set(e, ERROR_CORRUPT, (int64_t)began,
				 "zstd: the blocks of the frame from byte %llu don't come to the size in its header",
				 (unsigned long long)began);
	return 0;
}

/* All frames of a file without a table. 1, 0, -1 as in random.h. */
static int walk_frames(struct look *l, struct frames *x, struct error *e)
{
	uint64_t size = source_size(l->src), at = 0;
	struct frame f;
	x->merge = true;
	while (at < size) {
		uint64_t began = at;
		if (read_header(l, at, &f, e) < 0)
			return -1;
		if (f.skippable) {
			at += f.length;
			continue;
		}
		if (f.foreign || !f.sized || !f.content || f.content > FRAMES_PIECE_MAX)
			return 0;
		if (walk_blocks(l, &at, &f, e) < 0)
			return -1;
		struct frames_piece p = {.stored = began, .length = (uint32_t)f.content};
		p.stored_length = at - began > UINT32_MAX ? UINT32_MAX : (uint32_t)(at - began);
		int rc = frames_add(x, &p, e);
		if (rc <= 0)
			return rc;
		x->units++;
		x->unchecked += !f.checksum;
	}
	return 1;
}

struct table {
	uint64_t at; /* its frame; 0: there is no table */
	uint64_t entries_at;
	uint32_t entries, entry_size;
};

static int lies(uint64_t at, const char *what, struct error *e)
{
	return error_set(e, ERROR_CORRUPT, (int64_t)at, "zstd: the seek table at the end %s (byte %llu)", what,
			 (unsigned long long)at);
}

static int find_table(struct look *l, struct table *t, struct error *e)
{
	uint64_t size = source_size(l->src);
	size_t got;
	memset(t, 0, sizeof *t);
	if (size < 8 + TABLE_FOOTER)
		return 0;
	const uint8_t *p = look_at(l, size - TABLE_FOOTER, TABLE_FOOTER, &got, e);
	if (!p)
		return -1;
	if (get_le32(p + 5) != TABLE_FOOTER_MAGIC)
		return 0;
	t->entries = get_le32(p);
	t->entry_size = p[4] & TABLE_CHECKSUMS ? 12 : 8;
	if (p[4] & TABLE_RESERVED)
		return lies(size - 5, "has reserved bits set", e);
	if (t->entries > TABLE_ENTRIES_MAX)
		return lies(size - TABLE_FOOTER, "has more entries than it may have", e);
	uint64_t length = (uint64_t)t->entries * t->entry_size + TABLE_FOOTER;
	if (length + 8 > size)
		return lies(size - TABLE_FOOTER, "has more entries than there is room for", e);
	t->at = size - length - 8;
	t->entries_at = t->at + 8;
	p = look_at(l, t->at, 8, &got, e);
	if (!p)
		return -1;
	if (get_le32(p) != TABLE_MAGIC || get_le32(p + 4) != length)
		return lies(t->at, "has not the length that its footer says", e);
	return 0;
}

/* Entries are read in runs. */
#define ENTRY_RUN 4096

/* What an entry says against what is there. 1, 0, -1 as in random.h. */
static int take_entry(struct look *l, struct frames *x, const uint8_t *entry, bool checks, uint64_t *at,
		      struct error *e)
{
	struct frames_piece p = {.stored = *at, .stored_length = get_le32(entry), .length = get_le32(entry + 4)};
	uint64_t end = *at;
	struct frame f;
	if (read_header(l, *at, &f, e) < 0)
		return -1;
	if (f.foreign)
		return 0;
	*at += p.stored_length;
	if (f.skippable)
		return f.length != p.stored_length || p.length ? lies(end, "does not fit a skippable frame", e) : 1;
	if (f.sized && f.content != p.length)
		return lies(end, "gives another size than the header of a frame", e);
	if (!f.sized) {
		if (walk_blocks(l, &end, &f, e) < 0)
			return -1;
		if (end != *at || p.length < f.least || p.length > f.most)
			return lies(p.stored, "gives a size that a frame does not have", e);
	}
	/* Nobody would read a frame that is empty. */
	if (!p.length)
		return 0;
	p.check = checks ? get_le32(entry + 8) : 0;
	x->units++;
	x->unchecked += !f.checksum && !checks;
	return frames_add(x, &p, e);
}

static int take_table(struct look *l, const struct table *t, struct frames *x, struct error *e)
{
	autofree uint8_t *run = malloc(ENTRY_RUN * 12);
	bool checks = t->entry_size == 12;
	uint64_t at = 0;
	if (!run)
		return error_nomem(e);
	x->merge = !checks;
	for (uint32_t i = 0; i < t->entries; i++) {
		uint32_t n = t->entries - i < ENTRY_RUN ? t->entries - i : ENTRY_RUN;
		if (i % ENTRY_RUN == 0 && source_read_at(l->src, t->entries_at + (uint64_t)i * t->entry_size, run,
							 (size_t)n * t->entry_size, e) < 0)
			return -1;
		if (at >= t->at)
			return lies(at, "has more frames than there are", e);
		int rc = take_entry(l, x, run + i % ENTRY_RUN * t->entry_size, checks, &at, e);
		if (rc <= 0)
			return rc;
		if (at > t->at)
			return lies(at, "has a frame that reaches beyond the last one", e);
	}
	return at == t->at ? 1 : lies(at, "leaves frames out", e);
}

/* Files that were put one behind the other: the last one's table says nothing of those before it. */
static int is_of_last_file(struct look *l, const struct table *t, bool *out, struct error *e)
{
	uint64_t length = 0;
	uint8_t entry[8];
	size_t got;
	*out = false;
	for (uint32_t i = 0; i < t->entries; i++) {
		const uint8_t *p = look_at(l, t->entries_at + (uint64_t)i * t->entry_size, sizeof entry, &got, e);
		if (!p)
			return -1;
		length += get_le32(p);
	}
	if (length + TABLE_FOOTER > t->at)
		return 0;
	const uint8_t *p = look_at(l, t->at - length - 4, 4, &got, e);
	if (!p)
		return -1;
	*out = get_le32(p) == TABLE_FOOTER_MAGIC;
	return 0;
}

static void *zstd_open(struct error *e)
{
	ZSTD_DCtx *d = ZSTD_createDCtx();
	if (!d)
		error_nomem(e);
	return d;
}

static void zstd_close(void *decoder)
{
	ZSTD_freeDCtx(decoder);
}

/* Frame by frame: the library's word for several at once would be the sum of their sizes. */
static int zstd_decode(void *decoder, const struct frames_piece *p, const uint8_t *in, uint8_t *out, struct error *e)
{
	size_t at = 0, done = 0;
	while (at < p->stored_length) {
		size_t left = p->stored_length - at, n = ZSTD_findFrameCompressedSize(in + at, left);
		size_t r = n;
		if (!ZSTD_isError(n))
			r = ZSTD_decompressDCtx(decoder, out + done, p->length - done, in + at, n);
		if (ZSTD_isError(r))
			return error_set(e, ERROR_CORRUPT, (int64_t)at, "%s", ZSTD_getErrorName(r));
		at += n;
		done += r;
	}
	if (done != p->length)
		return error_set(e, ERROR_CORRUPT, 0, "the content is %zu bytes, the index says %u", done, p->length);
	return 0;
}

static int zstd_decode_checked(void *decoder, const struct frames_piece *p, const uint8_t *in, uint8_t *out,
			       struct error *e)
{
	if (zstd_decode(decoder, p, in, out, e) < 0)
		return -1;
	/* The table holds the lower half. */
	uint32_t hash = (uint32_t)xxh64(out, p->length);
	if (hash != p->check)
		return error_set(e, ERROR_CORRUPT, 0, "the content's XXH64 is %08x, the seek table says %08x", hash,
				 p->check);
	return 0;
}

static const struct frames_ops ops = {"zstd", "frame", zstd_open, zstd_decode, zstd_close};
static const struct frames_ops checked_ops = {"zstd", "frame", zstd_open, zstd_decode_checked, zstd_close};

int zstd_open_random(struct source *stored, struct source **out, struct error *e)
{
	struct look l = {.src = stored};
	autoframes struct frames x = {.ops = &ops};
	struct table t;
	struct error why = {0};
	if (find_table(&l, &t, e) < 0)
		return -1;
	if (t.at && t.entry_size == 12)
		x.ops = &checked_ops;
	int rc = t.at ? take_table(&l, &t, &x, &why) : walk_frames(&l, &x, &why);
	if (rc < 0 && why.cls == ERROR_CORRUPT && t.at) {
		bool of_last;
		if (is_of_last_file(&l, &t, &of_last, e) < 0)
			return -1;
		rc = of_last ? 0 : -1;
	}
	if (rc < 0)
		*e = why;
	return rc > 0 ? random_open(stored, &x, out, e) : rc;
}
#else
int zstd_open_random(struct source *stored, struct source **out, struct error *e)
{
	(void)stored, (void)out, (void)e;
	return 0;
}
#endif
