// SPDX-License-Identifier: GPL-3.0-or-later
/* Stored files that tests read whole into memory, with a NUL behind. */
#ifndef FIXTURE_H
#define FIXTURE_H

#include <zstd.h>

#include "backproof/base.h"
#include "test.h"

/* NULL when there is no such file. */
static inline uint8_t *fixture_file(const char *path, size_t *size)
{
	FILE *fp = fopen(path, "rb");
	if (!fp)
		return NULL;
	fseek(fp, 0, SEEK_END);
	*size = (size_t)ftell(fp);
	rewind(fp);
	uint8_t *p = malloc(*size + 1);
	NEED(p && fread(p, 1, *size, fp) == *size);
	p[*size] = 0;
	fclose(fp);
	return p;
}

/* What comes out of a file of zstd. */
static inline uint8_t *fixture_zst(const char *path, size_t *size)
{
	size_t stored = 0;
	autofree uint8_t *raw = fixture_file(path, &stored);
	NEED(raw);
	*size = (size_t)ZSTD_getFrameContentSize(raw, stored);
	NEED(*size <= 64 * MIB);
	uint8_t *p = malloc(*size + 1);
	NEED(p && ZSTD_decompress(p, *size, raw, stored) == *size);
	p[*size] = 0;
	return p;
}

#endif
