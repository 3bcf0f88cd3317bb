// SPDX-License-Identifier: GPL-3.0-or-later
/* What was compressed in pieces, read at random and as a stream: the two never contradict each other. */
#ifndef FRAMES_AGREE_H
#define FRAMES_AGREE_H

#include "../src/codec/rows.h"
#include "backproof/frames.h"
#include "codec_support.h"

#define AGREE_MAX (4 * MIB)

/* FINE: opened, every byte could be read, and the stream says the same. */
enum agreement { NOT_IN_PIECES, REFUSED, FAILED, FINE };

static inline const struct format *row_of(const uint8_t *p, size_t size)
{
	if (size > 1 && p[0] == 0x1f && p[1] == 0x8b)
		return &codec_gzip;
	return size && p[0] == 0xfd ? &codec_xz : &codec_zstd;
}

static inline void agree_complain(const char *what, const struct error *e)
{
	fprintf(stderr, "at random: %s: %s\n", what, e->text);
	abort();
}

/* Reads in steps that are no multiple of anything. */
static inline int read_all(struct source *s, struct bytes *out, struct error *e)
{
	uint64_t size = source_size(s);
	uint8_t buf[10007];
	for (uint64_t at = 0; at < size; at += sizeof buf) {
		size_t n = size - at < sizeof buf ? (size_t)(size - at) : sizeof buf;
		if (source_read_at(s, at, buf, n, e) < 0)
			return -1;
		bytes_put(out, buf, n);
	}
	return 0;
}

static inline void check_extents(struct source *s, const struct bytes *all)
{
	struct extent x;
	struct error e = {0};
	for (uint64_t at = 0; at < all->length; at += x.length)
		if (source_extent_at(s, at, &x, &e) < 0 || (x.zero && !is_zero(all->data + at, x.length)))
			agree_complain("an extent that is not zero", &e);
}

static inline enum agreement agree(const uint8_t *data, size_t size)
{
	const struct format *row = row_of(data, size);
	struct error e = {0};
	autosource struct source *stored = source_memory(data, size, "stored", &e), *random = NULL;
	int rc = row->open_random(stored, &random, &e);
	if (rc < 0 && (e.cls == ERROR_NONE || e.cls == ERROR_INTERNAL || !e.text[0]))
		agree_complain("an error without a reason", &e);
	if (rc <= 0)
		return rc < 0 ? REFUSED : NOT_IN_PIECES;
	if (source_size(random) > AGREE_MAX)
		return NOT_IN_PIECES;
	autobytes struct bytes all = {0};
	struct frames_told told;
	rc = read_all(random, &all, &e);
	if (!source_frames_told(random, &told) || (rc < 0) != (told.failure.cls != ERROR_NONE))
		agree_complain("what failed is not told", &e);
	if (rc < 0)
		return FAILED;
	if (told.held != told.pieces || told.bytes != all.length)
		agree_complain("not all pieces were decoded", &e);
	check_extents(random, &all);
	struct result whole = {0};
	struct run run = {row, 0, 65536, false, 0, false, AGREE_MAX + 1};
	decode_run(&run, data, size, &whole);
	if (!whole.finished || !same_bytes(&whole.out, &all))
		agree_complain(whole.finished ? "other bytes than the stream gives" : "what the stream refuses",
			       &whole.error);
	bytes_free(&whole.out);
	return FINE;
}

#endif
