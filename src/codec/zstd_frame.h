// SPDX-License-Identifier: GPL-3.0-or-later
/* The headers of Zstandard's frames and blocks (RFC 8878, 3.1.1), as the stream and the index of pieces read them. */
#ifndef CODEC_ZSTD_FRAME_H
#define CODEC_ZSTD_FRAME_H

#include "backproof/base.h"

#define ZSTD_FRAME_MAGIC 0xfd2fb528u
/* 3.1.1.1: Frame_Header_Descriptor. Bit 4 is unused and to be ignored. */
#define FHD_DICTIONARY 0x03
#define FHD_CHECKSUM 0x04
#define FHD_RESERVED 0x08
#define FHD_SINGLE_SEGMENT 0x20
#define ZSTD_HEADER_MAX 18 /* with the magic */
#define ZSTD_BLOCK_MAX (128 * KIB)

struct zstd_header {
	size_t length; /* with the magic */
	uint64_t window, content;
	uint32_t dictionary;
	bool sized, checksum; /* sized: content is set */
};

static inline uint64_t zstd_get_le(const uint8_t *p, size_t len)
{
	uint64_t v = 0;
	while (len)
		v = v << 8 | p[--len];
	return v;
}

/* The magic is there already. false: len bytes do not hold all of the header. */
static inline bool zstd_header_parse(const uint8_t *p, size_t len, struct zstd_header *h)
{
	static const uint8_t id_sizes[] = {0, 1, 2, 4}, content_sizes[] = {0, 2, 4, 8};
	if (len < 5)
		return false;
	uint8_t fhd = p[4];
	bool single = fhd & FHD_SINGLE_SEGMENT;
	size_t id_size = id_sizes[fhd & FHD_DICTIONARY], content_size = content_sizes[fhd >> 6];
	if (single && !content_size)
		content_size = 1;
	h->length = 5 + !single + id_size + content_size;
	if (len < h->length)
		return false;
	p += 5;
	if (!single) {
		h->window = UINT64_C(1) << (10 + (*p >> 3));
		h->window += h->window / 8 * (*p & 7);
		p++;
	}
	h->dictionary = (uint32_t)zstd_get_le(p, id_size);
	h->sized = content_size > 0;
	h->content = zstd_get_le(p + id_size, content_size) + (content_size == 2 ? 256 : 0);
	if (single)
		h->window = h->content;
	h->checksum = fhd & FHD_CHECKSUM;
	return true;
}

/* 3.1.1.2: a header of three bytes says how long a block is; the last one says that it is. */
enum zstd_block_type { BLOCK_RAW, BLOCK_RLE, BLOCK_COMPRESSED, BLOCK_RESERVED };
struct zstd_block {
	enum zstd_block_type type;
	uint32_t size;	 /* as it is said: of what is stored, for BLOCK_RLE of what comes out */
	uint32_t stored; /* with the header */
	bool last;
};

static inline struct zstd_block zstd_block_parse(const uint8_t p[3])
{
	uint32_t word = (uint32_t)zstd_get_le(p, 3);
	struct zstd_block b = {word >> 1 & 3, word >> 3, 0, word & 1};
	b.stored = 3 + (b.type == BLOCK_RLE ? 1 : b.size);
	return b;
}

#endif
