// SPDX-License-Identifier: GPL-3.0-or-later
/* Compressed extents: a zlib stream, a zstd frame, or LZO in segments of a sector each. */
#ifdef HAVE_LIBDEFLATE
#include <libdeflate.h>
#elif defined(HAVE_ZLIB)
#include <zlib.h>
#endif
#ifdef HAVE_LZO2
#include <lzo/lzo1x.h>
#endif
#include <zstd.h>

#include "btrfs.h"

struct btrfs_unpacker {
	ZSTD_DStream *zstd;
#ifdef HAVE_LIBDEFLATE
	struct libdeflate_decompressor *zlib;
#endif
};

struct btrfs_unpacker *btrfs_unpacker_new(struct error *e)
{
	struct btrfs_unpacker *u = calloc(1, sizeof *u);
	if (!u)
		error_nomem(e);
	return u;
}

void btrfs_unpacker_destroy(struct btrfs_unpacker *u)
{
	if (!u)
		return;
	ZSTD_freeDStream(u->zstd);
#ifdef HAVE_LIBDEFLATE
	if (u->zlib)
		libdeflate_free_decompressor(u->zlib);
#endif
	free(u);
}

/* Each gives the bytes made, or -1. Fewer than wanted after a clean end are zeros, as the kernel has it. */
static ssize_t unpack_zlib(struct btrfs_unpacker *u, const uint8_t *in, size_t in_len, uint8_t *out, size_t out_len,
			   struct error *e)
{
#ifdef HAVE_LIBDEFLATE
	size_t used, made;
	if (!u->zlib && !(u->zlib = libdeflate_alloc_decompressor()))
		return error_nomem(e);
	if (libdeflate_zlib_decompress_ex(u->zlib, in, in_len, out, out_len, &used, &made) != LIBDEFLATE_SUCCESS)
		return btrfs_bad(e, ERROR_NO_OFFSET, "damaged zlib data");
	return (ssize_t)made;
#elif defined(HAVE_ZLIB)
	z_stream z = {.next_in = (Bytef *)in, .avail_in = (uInt)in_len, .next_out = out, .avail_out = (uInt)out_len};
	(void)u;
	if (inflateInit(&z) != Z_OK)
		return error_nomem(e);
	int rc = inflate(&z, Z_FINISH);
	inflateEnd(&z);
	if (rc != Z_STREAM_END)
		return btrfs_bad(e, ERROR_NO_OFFSET, "damaged zlib data");
	return (ssize_t)(out_len - z.avail_out);
#else
	(void)u, (void)in, (void)in_len, (void)out, (void)out_len;
	return error_set(e, ERROR_UNSUPPORTED, ERROR_NO_OFFSET, "btrfs: zlib data, and this build has no zlib");
#endif
}

static ssize_t unpack_zstd(struct btrfs_unpacker *u, const uint8_t *in, size_t in_len, uint8_t *out, size_t out_len,
			   struct error *e)
{
	ZSTD_inBuffer from = {in, in_len, 0};
	ZSTD_outBuffer to = {out, out_len, 0};
	if (!u->zstd && !(u->zstd = ZSTD_createDStream()))
		return error_nomem(e);
	ZSTD_initDStream(u->zstd);
	for (;;) {
		size_t before = from.pos + to.pos, rc = ZSTD_decompressStream(u->zstd, &to, &from);
		if (ZSTD_isError(rc))
			return btrfs_bad(e, ERROR_NO_OFFSET, "damaged zstd data: %s", ZSTD_getErrorName(rc));
		if (!rc)
			return (ssize_t)to.pos;
		if (from.pos + to.pos == before)
			return btrfs_bad(e, ERROR_NO_OFFSET, "a zstd frame that does not end");
	}
}

static ssize_t unpack_lzo(uint32_t sector, const uint8_t *in, size_t in_len, uint8_t *out, size_t out_len,
			  struct error *e)
{
#ifdef HAVE_LZO2
	size_t total = in_len >= 8 ? get_le32(in) : 0, at = 4, made = 0;
	if (total < 8 || total > in_len)
		return btrfs_bad(e, ERROR_NO_OFFSET, "damaged LZO data: a length of %zu in %zu bytes", total, in_len);
	while (at < total && made < out_len) {
		/* The head of a segment never lies across two sectors. */
		if (sector - at % sector < 4)
			at += sector - at % sector;
		if (total - at < 4 || at > total)
			break;
		size_t n = get_le32(in + at);
		lzo_uint got = out_len - made < sector ? out_len - made : sector;
		at += 4;
		if (!n || n > total - at || lzo1x_decompress_safe(in + at, n, out + made, &got, NULL) != LZO_E_OK)
			return btrfs_bad(e, ERROR_NO_OFFSET, "damaged LZO data");
		at += n;
		made += got;
		if (got < sector)
			break;
	}
	return (ssize_t)made;
#else
	(void)sector, (void)in, (void)in_len, (void)out, (void)out_len;
	return error_set(e, ERROR_UNSUPPORTED, ERROR_NO_OFFSET, "btrfs: LZO data, and this build has no liblzo2");
#endif
}

ssize_t btrfs_unpack(struct btrfs_unpacker *u, const struct btrfs *fs, unsigned kind, const uint8_t *in, size_t in_len,
		     uint8_t *out, size_t out_len, struct error *e)
{
	ssize_t n = kind == BTRFS_ZLIB   ? unpack_zlib(u, in, in_len, out, out_len, e)
		    : kind == BTRFS_ZSTD ? unpack_zstd(u, in, in_len, out, out_len, e)
					 : unpack_lzo(fs->sector, in, in_len, out, out_len, e);
	if (n < 0)
		return -1;
	memset(out + n, 0, out_len - (size_t)n);
	return n;
}
