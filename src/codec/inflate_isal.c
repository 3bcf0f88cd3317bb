// SPDX-License-Identifier: GPL-3.0-or-later
/* ISA-L's inflate: three times the speed of zlib's. */
#include "gzip.h"

#ifdef HAVE_LIBISAL
#include <isa-l/crc.h>
#include <isa-l/igzip_lib.h>

static int isal_reset(void *self, struct error *e)
{
	struct inflate_state *s = self;
	(void)e;
	isal_inflate_init(s);
	s->crc_flag = ISAL_DEFLATE; /* no wrapper: gzip.c compares the trailer */
	s->hist_bits = 15;
	return 0;
}

static void *isal_new(void)
{
	return calloc(1, sizeof(struct inflate_state));
}

static const char *isal_error(int rc)
{
	switch (rc) {
	case ISAL_INVALID_BLOCK:
		return "invalid deflate block";
	case ISAL_INVALID_SYMBOL:
		return "invalid deflate symbol";
	case ISAL_INVALID_LOOKBACK:
		return "deflate distance reaches before the start";
	default:
		return "deflate data is damaged";
	}
}

static int isal_run(void *self, struct feed *f, void *buf, size_t cap, size_t *produced,
		    struct error *e)
{
	struct inflate_state *s = self;
	s->next_in = (uint8_t *)feed_at(f);
	s->avail_in = (uint32_t)feed_left(f);
	s->next_out = buf;
	s->avail_out = (uint32_t)cap;
	int rc = isal_inflate(s);
	feed_take(f, feed_left(f) - s->avail_in);
	*produced = cap - s->avail_out;
	if (rc < 0 || rc == ISAL_NEED_DICT)
		return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "%s", isal_error(rc));
	if (s->block_state != ISAL_BLOCK_FINISH)
		return 0;
	/* It reads up to eight bytes at once: whole ones behind the last block are the trailer's.
	 */
	if (s->read_in_length < 0 || !feed_back(f, (size_t)s->read_in_length / 8))
		return error_set(e, ERROR_INTERNAL, ERROR_NO_OFFSET, "ISA-L took %d bits too many",
				 s->read_in_length);
	return 1;
}

static uint32_t isal_crc32(uint32_t crc, const void *p, size_t len)
{
	return crc32_gzip_refl(crc, p, len);
}

const struct inflater inflate_isal = {isal_new, free, isal_reset, isal_run, isal_crc32};
#endif
