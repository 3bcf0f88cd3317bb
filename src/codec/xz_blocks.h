// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * A stream of .xz (The .xz File Format 1.1.0, chapters 2 to 4) block by block: where the headers tell sizes, blocks are
 * decoded apart from each other. liblzma decodes, and compares the index with what the blocks were.
 */
#ifndef CODEC_XZ_BLOCKS_H
#define CODEC_XZ_BLOCKS_H

#include "member.h"

#define XZ_HEADER_SIZE 12

#ifdef HAVE_LIBLZMA
#include <lzma.h>

/* The dictionary of 256 MiB is within the limit: the decoder's own needs come on top. */
#define XZ_MEMORY_MAX (CODEC_WINDOW_MAX + 16 * MIB)

/* What liblzma's answer means; "here". */
int xz_failed(lzma_ret rc, struct error *e);

/* One call of the decoder, which takes from the feed and makes *made bytes. */
lzma_ret xz_step(lzma_stream *s, struct feed *f, void *buf, size_t cap, size_t *made);

struct xz_blocks {
	lzma_stream lzma; /* decodes a block in passing */
	lzma_block block; /* that one */
	lzma_stream_flags flags;
	lzma_index_hash *seen; /* the sizes of all blocks so far */
	enum { XZ_BETWEEN, XZ_BLOCK, XZ_INDEX, XZ_FOOTER } place;
	lzma_ret broken; /* LZMA_OK, or why the blocks that were decoded apart can't be all of one stream */
};

/* The header of the stream was taken; b is zeroed, or as an earlier stream has left it. */
int xz_blocks_begin(struct xz_blocks *b, const lzma_stream_flags *flags, struct error *e) must_check;
void xz_blocks_free(struct xz_blocks *b);
/* As member_ops have them. */
ssize_t xz_blocks_decode(struct xz_blocks *b, struct feed *f, void *buf, size_t cap, bool *done, struct error *e);
enum split xz_blocks_split(const struct xz_blocks *b, const uint8_t *p, size_t len, struct unit *u);
ssize_t xz_blocks_part(const struct unit *u, const uint8_t *p, uint8_t *out);
void xz_blocks_joined(struct xz_blocks *b, const struct unit *units, size_t count);

/* What begins at p: a block that tells its sizes? */
enum split xz_block_look(lzma_check check, const uint8_t *p, size_t len, struct unit *u);
/* One block at hand, its header and check with it. *taken of the len bytes, *made of room. */
int xz_block_decode(lzma_check check, const uint8_t *in, size_t len, uint8_t *out, size_t room, size_t *taken,
		    size_t *made, struct error *e) must_check;
#endif

#endif
