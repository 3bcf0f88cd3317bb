// SPDX-License-Identifier: GPL-3.0-or-later
#include "xz_blocks.h"

#ifdef HAVE_LIBLZMA

/* In a unit's mark: the type of check, and above it how many bytes of padding the block has. */
#define CHECK_BITS 4
#define WORK_SPARE (512 * KIB)

/* As lzma_filters_free does it, which came with 5.4. */
static void free_filters(lzma_filter *filters)
{
	for (size_t i = 0; i < LZMA_FILTERS_MAX && filters[i].id != LZMA_VLI_UNKNOWN; i++)
		free(filters[i].options);
}

/* Reads a header that is there as a whole. On success the filters have to be freed. */
static lzma_ret read_header(lzma_check check, const uint8_t *p, lzma_filter *filters, lzma_block *block,
			    uint64_t *memory)
{
	filters[0].id = LZMA_VLI_UNKNOWN;
	*block = (lzma_block){
		.version = 1,
		.check = check,
		.header_size = lzma_block_header_size_decode(p[0]),
		.filters = filters,
	};
	lzma_ret rc = lzma_block_header_decode(block, NULL, p);
	if (rc == LZMA_OK)
		*memory = lzma_raw_decoder_memusage(filters);
	return rc;
}

static int too_much(uint64_t memory, struct error *e)
{
	if (memory == UINT64_MAX)
		return xz_failed(LZMA_OPTIONS_ERROR, e);
	return error_set(e, ERROR_LIMIT, ERROR_NO_OFFSET, "wants %llu MiB of memory, more than %llu",
			 (unsigned long long)(memory / MIB), (unsigned long long)(XZ_MEMORY_MAX / MIB));
}

enum split xz_block_look(lzma_check check, const uint8_t *p, size_t len, struct unit *u)
{
	lzma_filter filters[LZMA_FILTERS_MAX + 1];
	lzma_block block;
	uint64_t memory = 0;
	if (!len)
		return SPLIT_MORE;
	if (!p[0]) /* the index */
		return SPLIT_NONE;
	u->length = lzma_block_header_size_decode(p[0]);
	if (len < u->length)
		return SPLIT_MORE;
	if (read_header(check, p, filters, &block, &memory) != LZMA_OK)
		return SPLIT_NONE;
	free_filters(filters);
	lzma_vli total = lzma_block_total_size(&block);
	if (!total || total == LZMA_VLI_UNKNOWN || block.uncompressed_size == LZMA_VLI_UNKNOWN || total > UNIT_ROOM ||
	    block.uncompressed_size > UNIT_ROOM || memory > XZ_MEMORY_MAX)
		return SPLIT_NONE;
	u->length = (size_t)total;
	u->room = (size_t)block.uncompressed_size;
	/* Of the dictionary no more is ever touched than there is content. */
	u->work = memory < u->room + WORK_SPARE ? (size_t)memory : u->room + WORK_SPARE;
	u->mark = (uint32_t)check | (uint32_t)(total - lzma_block_unpadded_size(&block)) << CHECK_BITS;
	return u->length > len ? SPLIT_MORE : SPLIT_UNIT;
}

int xz_block_decode(lzma_check check, const uint8_t *in, size_t len, uint8_t *out, size_t room, size_t *taken,
		    size_t *made, struct error *e)
{
	lzma_filter filters[LZMA_FILTERS_MAX + 1];
	lzma_block block;
	uint64_t memory = 0;
	if (!len || !in[0] || lzma_block_header_size_decode(in[0]) > len)
		return xz_failed(LZMA_DATA_ERROR, e);
	lzma_ret rc = read_header(check, in, filters, &block, &memory);
	if (rc != LZMA_OK)
		return xz_failed(rc, e);
	*taken = block.header_size;
	*made = 0;
	if (memory <= XZ_MEMORY_MAX)
		rc = lzma_block_buffer_decode(&block, NULL, in, taken, len, out, made, room);
	free_filters(filters);
	if (memory > XZ_MEMORY_MAX)
		return too_much(memory, e);
	return rc == LZMA_OK ? 0 : xz_failed(rc, e);
}

int xz_blocks_begin(struct xz_blocks *b, const lzma_stream_flags *flags, struct error *e)
{
	lzma_index_hash *seen = lzma_index_hash_init(b->seen, NULL);
	b->seen = seen;
	if (!seen)
		return error_nomem(e);
	b->flags = *flags;
	b->place = XZ_BETWEEN;
	b->broken = LZMA_OK;
	return 0;
}

void xz_blocks_free(struct xz_blocks *b)
{
	lzma_end(&b->lzma);
	lzma_index_hash_end(b->seen, NULL);
}

enum split xz_blocks_split(const struct xz_blocks *b, const uint8_t *p, size_t len, struct unit *u)
{
	return b->place == XZ_BETWEEN ? xz_block_look(b->flags.check, p, len, u) : SPLIT_NONE;
}

ssize_t xz_blocks_part(const struct unit *u, const uint8_t *p, uint8_t *out)
{
	lzma_check check = (lzma_check)(u->mark & ((1u << CHECK_BITS) - 1));
	size_t taken, made;
	struct error e;
	if (xz_block_decode(check, p, u->length, out, u->room, &taken, &made, &e) < 0 || taken != u->length)
		return -1;
	return (ssize_t)made;
}

void xz_blocks_joined(struct xz_blocks *b, const struct unit *units, size_t count)
{
	for (size_t i = 0; i < count && b->broken == LZMA_OK; i++)
		b->broken = lzma_index_hash_append(b->seen, units[i].length - (units[i].mark >> CHECK_BITS),
						   units[i].produced);
}

/* The header of a block, or the first byte of the index. */
static int open_next(struct xz_blocks *b, struct feed *f, struct error *e)
{
	lzma_filter filters[LZMA_FILTERS_MAX + 1];
	uint64_t memory = 0;
	if (!*feed_at(f)) {
		b->place = XZ_INDEX;
		return 0;
	}
	size_t size = lzma_block_header_size_decode(*feed_at(f));
	if (feed_fill(f, size, e) < 0)
		return -1;
	if (feed_left(f) < size)
		return 0;
	lzma_ret rc = read_header(b->flags.check, feed_at(f), filters, &b->block, &memory);
	if (rc != LZMA_OK)
		return xz_failed(rc, e);
	if (memory <= XZ_MEMORY_MAX)
		rc = lzma_block_decoder(&b->lzma, &b->block);
	free_filters(filters);
	b->block.filters = NULL;
	if (memory > XZ_MEMORY_MAX)
		return too_much(memory, e);
	if (rc != LZMA_OK)
		return xz_failed(rc, e);
	feed_take(f, size);
	b->place = XZ_BLOCK;
	return 0;
}

static ssize_t read_block(struct xz_blocks *b, struct feed *f, void *buf, size_t cap, struct error *e)
{
	size_t made;
	lzma_ret rc = xz_step(&b->lzma, f, buf, cap, &made);
	if (rc == LZMA_STREAM_END) {
		b->place = XZ_BETWEEN;
		rc = lzma_index_hash_append(b->seen, lzma_block_unpadded_size(&b->block), b->block.uncompressed_size);
	}
	if (rc == LZMA_OK || (rc == LZMA_BUF_ERROR && !feed_left(f) && f->ended))
		return (ssize_t)made;
	return xz_failed(rc, e);
}

static int read_index(struct xz_blocks *b, struct feed *f, struct error *e)
{
	size_t taken = 0;
	if (!feed_left(f))
		return 0;
	lzma_ret rc = lzma_index_hash_decode(b->seen, feed_at(f), &taken, feed_left(f));
	feed_take(f, taken);
	if (rc == LZMA_STREAM_END)
		b->place = XZ_FOOTER;
	return rc == LZMA_OK || rc == LZMA_STREAM_END ? 0 : xz_failed(rc, e);
}

static int read_footer(struct xz_blocks *b, struct feed *f, bool *done, struct error *e)
{
	lzma_stream_flags footer;
	if (feed_fill(f, XZ_HEADER_SIZE, e) < 0)
		return -1;
	if (feed_left(f) < XZ_HEADER_SIZE)
		return 0;
	lzma_ret rc = lzma_stream_footer_decode(&footer, feed_at(f));
	if (rc == LZMA_OK && footer.backward_size != lzma_index_hash_size(b->seen))
		rc = LZMA_DATA_ERROR;
	if (rc == LZMA_OK)
		rc = lzma_stream_flags_compare(&b->flags, &footer);
	if (rc != LZMA_OK)
		return xz_failed(rc == LZMA_FORMAT_ERROR ? LZMA_DATA_ERROR : rc, e);
	feed_take(f, XZ_HEADER_SIZE);
	*done = true;
	return 0;
}

ssize_t xz_blocks_decode(struct xz_blocks *b, struct feed *f, void *buf, size_t cap, bool *done, struct error *e)
{
	if (b->broken != LZMA_OK)
		return xz_failed(b->broken, e);
	if (!feed_left(f))
		return 0;
	if (b->place == XZ_BETWEEN && open_next(b, f, e) < 0)
		return -1;
	switch (b->place) {
	case XZ_BLOCK:
		return read_block(b, f, buf, cap, e);
	case XZ_INDEX:
		return read_index(b, f, e);
	case XZ_FOOTER:
		return read_footer(b, f, done, e);
	default:
		return 0; /* a header that is cut */
	}
}
#endif
