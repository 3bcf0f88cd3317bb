// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * What gzip.c needs of a library: raw deflate and CRC-32. Members, headers and trailers are
 * gzip.c's own, the same over each library.
 */
#ifndef CODEC_GZIP_H
#define CODEC_GZIP_H

#include "backproof/format.h"
#include "feed.h"

/*
 * BGZF (SAM/BAM format specification, 4.1): a field of two bytes, "BC", in a member's extra fields (len bytes at p)
 * says how long the member is, less one. 0: there is none.
 */
static inline size_t bgzf_length(const uint8_t *p, size_t len)
{
	for (size_t at = 0; len - at >= 4;) {
		size_t size = get_le16(p + at + 2);
		if (size > len - at - 4)
			return 0;
		if (p[at] == 'B' && p[at + 1] == 'C' && size == 2)
			return (size_t)get_le16(p + at + 4) + 1;
		at += 4 + size;
	}
	return 0;
}

struct inflater {
	void *(*new)(void); /* NULL when memory is out */
	void (*free)(void *self);
	int (*reset)(void *self, struct error *e);
	/*
	 * Inflates from f into buf; *produced is set. 1: the last block has ended, all of its
	 * content is out and f stands at the byte behind it; 0: goes on; -1: failed. cap < 4 GiB.
	 */
	int (*run)(void *self, struct feed *f, void *buf, size_t cap, size_t *produced,
		   struct error *e);
	uint32_t (*crc32)(uint32_t crc, const void *p, size_t len);
};

/* The first that was built in serves codec_gzip. */
#ifdef HAVE_LIBISAL
extern const struct inflater inflate_isal;
extern const struct format codec_gzip_isal; /* not registered: for tests */
#endif
#ifdef HAVE_ZLIB
extern const struct inflater inflate_zlib;
extern const struct format codec_gzip_zlib; /* not registered: for tests */
#endif

#endif
