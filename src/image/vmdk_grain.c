// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * A compressed grain (RFC 1950) begins with a marker: the sector of the disk that it holds, and its compressed
 * length; its Adler-32 is checked.
 */
#ifdef HAVE_LIBDEFLATE
#include <libdeflate.h>
#elif defined(HAVE_ZLIB)
#include <zlib.h>
#endif

#include "vmdk.h"

#define MARKER 12

/* 1: all of the input made n bytes, 0: it did not, -1: memory, -2: there is no library. */
#ifdef HAVE_LIBDEFLATE
static int inflate_all(struct libdeflate_decompressor *d, const uint8_t *in, size_t in_len, uint8_t *out, size_t room,
		       size_t *n)
{
	size_t used = 0;
	enum libdeflate_result rc = libdeflate_zlib_decompress_ex(d, in, in_len, out, room, &used, n);
	return rc == LIBDEFLATE_SUCCESS && used == in_len ? 1 : 0;
}
#elif defined(HAVE_ZLIB)
static int inflate_all(void *d, const uint8_t *in, size_t in_len, uint8_t *out, size_t room, size_t *n)
{
	z_stream z = {.next_in = (uint8_t *)in, .avail_in = (uInt)in_len, .next_out = out, .avail_out = (uInt)room};
	(void)d;
	if (inflateInit(&z) != Z_OK)
		return -1;
	int rc = inflate(&z, Z_FINISH);
	*n = room - z.avail_out;
	inflateEnd(&z);
	return rc == Z_STREAM_END && !z.avail_in ? 1 : 0;
}
#else
static int inflate_all(void *d, const uint8_t *in, size_t in_len, uint8_t *out, size_t room, size_t *n)
{
	(void)d, (void)in, (void)in_len, (void)out, (void)room, (void)n;
	return -2;
}
#endif

struct vmdk_decoder {
#ifdef HAVE_LIBDEFLATE
	struct libdeflate_decompressor *inflate;
#else
	void *inflate;
#endif
	uint8_t *in, *out;
};

void vmdk_decoder_free(struct vmdk_decoder *d)
{
	if (!d)
		return;
#ifdef HAVE_LIBDEFLATE
	if (d->inflate)
		libdeflate_free_decompressor(d->inflate);
#endif
	free(d->in);
	free(d->out);
	free(d);
}
DEFINE_AUTO(struct vmdk_decoder, vmdk_decoder_free)

/* deflate never grows data more */
size_t vmdk_grain_room(const struct vmdk_sparse *s)
{
	size_t full = (size_t)(s->grain * VMDK_SECTOR);
	return MARKER + full + full / 8 + 1024;
}

/* Room for what is read, for what it decodes to, or for neither. */
static struct vmdk_decoder *new_decoder(const struct vmdk_sparse *s, bool in, bool out, struct error *e)
{
	struct vmdk_decoder *d = calloc(1, sizeof *d);
	bool ok = d;
#ifdef HAVE_LIBDEFLATE
	ok = ok && (d->inflate = libdeflate_alloc_decompressor());
#endif
	ok = ok && (!in || (d->in = malloc(vmdk_grain_room(s))));
	ok = ok && (!out || (d->out = malloc((size_t)(s->grain * VMDK_SECTOR))));
	if (ok)
		return d;
	vmdk_decoder_free(d);
	error_nomem(e);
	return NULL;
}

struct vmdk_decoder *vmdk_decoder_new(const struct vmdk_sparse *s, struct error *e)
{
	return new_decoder(s, false, true, e);
}

int vmdk_grain_error(const struct vmdk_sparse *s, uint64_t grain, uint64_t at, const char *what, struct error *e)
{
	return error_set(e, ERROR_CORRUPT, (int64_t)at, "%s: grain %llu: %s", source_name(s->src),
			 (unsigned long long)grain, what);
}

/* Of the compressed length in a marker; left: bytes of the file from the marker on. */
static const char *check_marker(const struct vmdk_sparse *s, uint64_t grain, const uint8_t *in, uint64_t left,
				size_t *len)
{
	*len = get_le32(in + 8);
	if (get_le64(in) != grain * s->grain)
		return "its marker says that it is another one";
	if (!*len || *len > vmdk_grain_room(s) - MARKER)
		return "its marker gives a length that can't be";
	return *len > left - MARKER ? "the file ends inside it" : NULL;
}

/* *wrong stays NULL when it came out well. *n: what it decompresses to. */
static int inflate_grain(const struct vmdk_sparse *s, struct vmdk_decoder *d, uint64_t grain, const uint8_t *in,
			 size_t len, uint8_t *out, size_t *n, const char **wrong, struct error *e)
{
	*n = 0;
	switch (inflate_all(d->inflate, in + MARKER, len, out, (size_t)(s->grain * VMDK_SECTOR), n)) {
	case 1:
		if (*n < vmdk_grain_length(s, grain))
			*wrong = "it decompresses to less than a grain";
		return 0;
	case 0:
		*wrong = "it can't be decompressed, or its Adler-32 does not match";
		return 0;
	case -1:
		return error_nomem(e);
	default:
		return error_set(e, ERROR_UNSUPPORTED, ERROR_NO_OFFSET,
				 "built without a library for compressed grains");
	}
}

int vmdk_grain_try(const struct vmdk_sparse *s, struct vmdk_decoder *d, uint64_t grain, const uint8_t *in, size_t room,
		   size_t *used, const char **wrong, struct error *e)
{
	size_t len, n;
	*used = 0;
	*wrong = room < MARKER ? "the file ends inside its marker" : check_marker(s, grain, in, room, &len);
	if (*wrong)
		return 0;
	*used = MARKER + len;
	return inflate_grain(s, d, grain, in, len, d->out, &n, wrong, e);
}

int vmdk_grain_decode(struct vmdk_sparse *s, uint64_t grain, uint32_t sector, uint8_t *out, struct error *e)
{
	uint64_t at = sector * VMDK_SECTOR, left = source_size(s->src) - at;
	size_t full = (size_t)(s->grain * VMDK_SECTOR), len = 0, n = 0;
	size_t guess = full / 2 + VMDK_SECTOR < left ? full / 2 + VMDK_SECTOR : (size_t)left;
	autodestroy(vmdk_decoder_free_auto) struct vmdk_decoder *d = new_decoder(s, true, false, e);
	if (!d)
		return -1;
	if (left < MARKER)
		return vmdk_grain_error(s, grain, at, "the file ends inside its marker", e);
	if (source_read_at(s->src, at, d->in, guess, e) < 0)
		return -1;
	const char *wrong = check_marker(s, grain, d->in, left, &len);
	if (!wrong) {
		if (MARKER + len > guess &&
		    source_read_at(s->src, at + guess, d->in + guess, MARKER + len - guess, e) < 0)
			return -1;
		if (inflate_grain(s, d, grain, d->in, len, out, &n, &wrong, e) < 0)
			return -1;
	}
	if (wrong)
		return vmdk_grain_error(s, grain, at, wrong, e);
	memset(out + n, 0, full - n);
	if (s->decoded)
		s->decoded[grain / 64] |= UINT64_C(1) << grain % 64;
	return 0;
}
