// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The blocks of .xz files (The .xz File Format 1.1.0) at random: the index at the end of each stream says where they
 * are. liblzma compares it with the headers and footers of the streams; what it says of a block is compared with the
 * block when that is decoded.
 */
#include "random.h"
#include "xz_blocks.h"

#if defined(HAVE_LIBLZMA) && LZMA_VERSION >= UINT32_C(50040002) /* 5.4.0: the first with the file decoder */

#define INDEX_MEMORY (32 * MIB)
#define BUFFER (64 * KIB)

static int index_failed(lzma_ret rc, struct error *e)
{
	enum error_class cls = rc == LZMA_MEM_ERROR		? ERROR_INTERNAL
			       : rc == LZMA_MEMLIMIT_ERROR	? ERROR_LIMIT
			       : rc == LZMA_OPTIONS_ERROR	? ERROR_UNSUPPORTED
								: ERROR_CORRUPT;
	return error_set(e, cls, ERROR_NO_OFFSET, "xz: the index of its blocks %s (lzma %d)",
			 cls == ERROR_LIMIT ? "is too large" : "is damaged", (int)rc);
}

static int read_index(lzma_stream *s, struct source *src, struct error *e)
{
	autofree uint8_t *buf = malloc(BUFFER);
	uint64_t size = source_size(src), at = 0;
	if (!buf)
		return error_nomem(e);
	for (;;) {
		if (!s->avail_in) {
			s->next_in = buf;
			s->avail_in = size - at < BUFFER ? (size_t)(size - at) : BUFFER;
			if (source_read_at(src, at, buf, s->avail_in, e) < 0)
				return -1;
			at += s->avail_in;
		}
		bool at_end = !s->avail_in;
		lzma_ret rc = lzma_code(s, LZMA_RUN);
		if (rc == LZMA_STREAM_END)
			return 0;
		if (rc == LZMA_SEEK_NEEDED && s->seek_pos <= size) {
			at = s->seek_pos;
			s->avail_in = 0;
		} else if (rc != LZMA_OK || at_end) {
			return index_failed(rc == LZMA_OK ? LZMA_DATA_ERROR : rc, e);
		}
	}
}

/* 1, 0, -1 as in random.h. */
static int take_blocks(const lzma_index *index, struct frames *x, struct error *e)
{
	lzma_index_iter it;
	lzma_index_iter_init(&it, index);
	while (!lzma_index_iter_next(&it, LZMA_INDEX_ITER_BLOCK)) {
		/* Nobody would read a block that is empty. */
		if (!it.block.uncompressed_size || it.block.uncompressed_size > FRAMES_PIECE_MAX ||
		    it.block.total_size > UINT32_MAX ||
		    !it.stream.flags || !lzma_check_is_supported(it.stream.flags->check))
			return 0;
		struct frames_piece p = {
			.stored = it.block.compressed_file_offset,
			.stored_length = (uint32_t)it.block.total_size,
			.length = (uint32_t)it.block.uncompressed_size,
			.check = it.stream.flags->check,
		};
		int rc = frames_add(x, &p, e);
		if (rc <= 0)
			return rc;
		x->units++;
		x->unchecked += it.stream.flags->check == LZMA_CHECK_NONE;
	}
	return 1;
}

/* liblzma keeps nothing between blocks. */
static void *xz_open(struct error *e)
{
	void *nothing = malloc(1);
	if (!nothing)
		error_nomem(e);
	return nothing;
}

static int xz_decode(void *decoder, const struct frames_piece *p, const uint8_t *in, uint8_t *out, struct error *e)
{
	size_t taken, made;
	(void)decoder;
	if (xz_block_decode((lzma_check)p->check, in, p->stored_length, out, p->length, &taken, &made, e) < 0) {
		e->offset = 0;
		return -1;
	}
	if (taken != p->stored_length || made != p->length)
		return error_set(e, ERROR_CORRUPT, 0,
				 "the block is %zu bytes and decodes to %zu, the index says %u and %u", taken, made,
				 p->stored_length, p->length);
	return 0;
}

static const struct frames_ops ops = {"xz", "block", xz_open, xz_decode, free};

int xz_open_random(struct source *stored, struct source **out, struct error *e)
{
	autoframes struct frames x = {.ops = &ops};
	lzma_stream s = LZMA_STREAM_INIT;
	lzma_index *index = NULL;
	lzma_ret made = lzma_file_info_decoder(&s, &index, INDEX_MEMORY, source_size(stored));
	int rc = made == LZMA_OK ? read_index(&s, stored, e) : index_failed(made, e);
	lzma_end(&s);
	if (rc == 0)
		rc = take_blocks(index, &x, e);
	lzma_index_end(index, NULL);
	return rc > 0 ? random_open(stored, &x, out, e) : rc;
}
#else
int xz_open_random(struct source *stored, struct source **out, struct error *e)
{
	(void)stored, (void)out, (void)e;
	return 0;
}
#endif
