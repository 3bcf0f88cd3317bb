// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * LZ4 frames whose blocks do not depend on each other (what lz4 writes): block by block, each in one go. Frames of
 * linked blocks are the library's to stream.
 */
#ifndef CODEC_LZ4_H
#define CODEC_LZ4_H

#include "member.h"
#include "xxh32.h"

#define LZ4_MAGIC 0x184d2204u

/* What the frame header says (LZ4 Frame Format 1.6.x, "Frame Descriptor"). */
struct lz4_header {
	size_t length; /* with the magic */
	size_t block_max;
	bool independent, block_sums, content_sum;
	uint64_t content; /* its size; 0: not known */
};

/* The magic is there. false: cut, or there is anything in it that is for the library to refuse. */
bool lz4_parse(const uint8_t *p, size_t len, struct lz4_header *h);

struct lz4_blocks {
	struct lz4_header header;
	struct xxh32 sum;
	uint64_t written;
	uint8_t *block; /* for readers whose buffer may be too small for what is in one */
	size_t size, length, given;
};

void lz4_blocks_begin(struct lz4_blocks *b, const struct lz4_header *h);
void lz4_blocks_free(struct lz4_blocks *b);
/* As the functions of member_ops. */
ssize_t lz4_blocks_decode(struct lz4_blocks *b, struct feed *f, void *buf, size_t cap, bool *done, struct error *e);
enum split lz4_blocks_split(const struct lz4_blocks *b, const uint8_t *p, size_t len, struct unit *u);
ssize_t lz4_blocks_part(const struct unit *u, const uint8_t *p, uint8_t *out);
void lz4_blocks_joined(struct lz4_blocks *b, const uint8_t *out, size_t len);
/* A whole small frame. */
enum split lz4_frame_split(const uint8_t *p, size_t len, bool ended, struct unit *u);

#endif
