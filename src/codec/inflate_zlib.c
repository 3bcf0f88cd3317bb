// SPDX-License-Identifier: GPL-3.0-or-later
#include "gzip.h"

#ifdef HAVE_ZLIB
#include <zlib.h>

static void *zlib_new(void)
{
	z_stream *z = calloc(1, sizeof *z);
	if (z && inflateInit2(z, -MAX_WBITS) == Z_OK)
		return z;
	free(z);
	return NULL;
}

static void zlib_free(void *self)
{
	if (self)
		inflateEnd(self);
	free(self);
}

static int zlib_reset(void *self, struct error *e)
{
	return inflateReset(self) == Z_OK
		   ? 0
		   : error_set(e, ERROR_INTERNAL, ERROR_NO_OFFSET, "zlib was not reset");
}

static int zlib_run(void *self, struct feed *f, void *buf, size_t cap, size_t *produced,
		    struct error *e)
{
	z_stream *z = self;
	z->next_in = (Bytef *)feed_at(f);
	z->avail_in = (uInt)feed_left(f);
	z->next_out = buf;
	z->avail_out = (uInt)cap;
	int rc = inflate(z, Z_NO_FLUSH);
	feed_take(f, feed_left(f) - z->avail_in);
	*produced = cap - z->avail_out;
	switch (rc) {
	case Z_STREAM_END:
		return 1;
	case Z_OK:
	case Z_BUF_ERROR: /* no progress: the caller knows what is missing */
		return 0;
	case Z_MEM_ERROR:
		return error_nomem(e);
	default:
		return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "%s",
				 z->msg ? z->msg : "deflate data is damaged");
	}
}

static uint32_t zlib_crc32(uint32_t crc, const void *p, size_t len)
{
	return (uint32_t)crc32_z(crc, p, len);
}

const struct inflater inflate_zlib = {zlib_new, zlib_free, zlib_reset, zlib_run, zlib_crc32};
#endif
