// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Codecs whose pieces can be decoded each by itself: they find out where these lie without decoding anything. Such a
 * function gives 1 and the decoded bytes as a source that borrows the stored ones; 0: there are no such pieces, or
 * nothing says how large they are, or they are too large: then the stream is for them. -1 CORRUPT: what is said about
 * the pieces contradicts the stored bytes.
 */
#ifndef CODEC_RANDOM_H
#define CODEC_RANDOM_H

#include "backproof/frames.h"

int zstd_open_random(struct source *stored, struct source **out, struct error *e) must_check;
int xz_open_random(struct source *stored, struct source **out, struct error *e) must_check;
int bgzf_open_random(struct source *stored, struct source **out, struct error *e) must_check;

/* A few bytes here and there of a source, and those behind them as well. */
#define LOOK_SIZE 512
struct look {
	struct source *src;
	uint64_t at;
	size_t length;
	uint8_t data[LOOK_SIZE];
};
/* want (<= LOOK_SIZE) bytes at off; fewer at the end: *got. NULL: failed. */
const uint8_t *look_at(struct look *l, uint64_t off, size_t want, size_t *got, struct error *e) must_check;

/* Makes a source of an index that is complete. 1 or 0, as above; -1. */
int random_open(struct source *stored, struct frames *x, struct source **out, struct error *e) must_check;

#endif
