// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * What gzip.c needs of a library: raw deflate and CRC-32. Members, headers and trailers are
 * gzip.c's own, the same over each library.
 */
#ifndef CODEC_GZIP_H
#define CODEC_GZIP_H

#include "backproof/format.h"
#include "feed.h"

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
