// SPDX-License-Identifier: GPL-3.0-or-later
/* PNG (W3C Recommendation, 5.3 Chunk layout): every chunk carries a CRC. */
#include <ctype.h>

#include "rows.h"

static const uint8_t signature[8] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
static const char *const suffixes[] = {".png", ".apng", NULL};

static bool recognise(const char *path, const uint8_t *head, size_t len)
{
	if (len >= 8 && !memcmp(head, signature, 8))
		return true;
	return witness_suffix(path, suffixes) && witness_lost_head(head, len);
}

static int read_chunk(int fd, uint64_t size, uint64_t *at, char type[5], struct error *e)
{
	uint8_t head[8], buf[64 * KIB];
	uint64_t start = *at;
	if (witness_read(fd, size, start, head, 8, e) < 0)
		return -1;
	uint32_t left = get_be32(head), crc = witness_crc32(0, head + 4, 4);
	memcpy(type, head + 4, 4);
	type[4] = 0;
	for (int i = 0; i < 4; i++)
		if (!isalpha((unsigned char)type[i]) || left > INT32_MAX)
			return error_set(e, ERROR_CORRUPT, (int64_t)start, "no chunk header");
	*at += 8;
	while (left) {
		size_t n = left < sizeof buf ? left : sizeof buf;
		if (witness_read(fd, size, *at, buf, n, e) < 0)
			return -1;
		crc = witness_crc32(crc, buf, n);
		*at += n;
		left -= (uint32_t)n;
	}
	if (witness_read(fd, size, *at, head, 4, e) < 0)
		return -1;
	if (get_be32(head) != crc)
		return error_set(e, ERROR_CORRUPT, (int64_t)start,
				 "chunk %s: CRC is %08x, stored is %08x", type, crc, get_be32(head));
	*at += 4;
	return 0;
}

static int read_chunks(int fd, uint64_t size, struct error *e)
{
	uint64_t at = sizeof signature;
	char type[5] = "";
	bool image = false, begun = false;
	do {
		uint64_t start = at;
		if (read_chunk(fd, size, &at, type, e) < 0)
			return -1;
		/* Apple's own variant puts a CgBI chunk first. */
		if (!begun && strcmp(type, "IHDR") && strcmp(type, "CgBI"))
			return error_set(e, ERROR_CORRUPT, (int64_t)start, "does not begin with IHDR");
		begun = true;
		image |= !strcmp(type, "IDAT");
	} while (strcmp(type, "IEND"));
	return image ? 0 : error_set(e, ERROR_CORRUPT, (int64_t)at, "no image data");
}

static enum outcome check(int fd, uint64_t size, const char *path, struct error *e)
{
	uint8_t head[16] = {0};
	if (witness_read(fd, size, 0, head, size < 16 ? (size_t)size : 16, e) < 0)
		return witness_failed(path, e);
	if (memcmp(head, signature, 8)) {
		if (!recognise(path, head, size < 16 ? (size_t)size : 16))
			return OUTCOME_SKIPPED;
		error_set(e, ERROR_CORRUPT, 0, "zeros where a PNG header belongs");
		return witness_failed(path, e);
	}
	return read_chunks(fd, size, e) < 0 ? witness_failed(path, e) : OUTCOME_HELD;
}

const struct witness witness_png = {"png", recognise, check};
