// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The input side of a codec: a window onto the upstream's bytes that a decoder takes from. Knows
 * its offset in the compressed data, for messages.
 */
#ifndef CODEC_FEED_H
#define CODEC_FEED_H

#include "backproof/stream.h"

#define FEED_SIZE (256 * KIB)
/* Bytes that can be handed back after they were taken: decoders of bit streams read ahead. */
#define FEED_BACK 16

struct feed {
	struct stream *upstream; /* owned */
	uint8_t *data;		 /* FEED_BACK + FEED_SIZE bytes */
	size_t start, end;	 /* what is left: data[start .. end) */
	uint64_t offset;	 /* of data[start] in the compressed data */
	bool ended;		 /* upstream has no more than what is left here */
};

/* Does not take upstream: put it into f->upstream on success. */
int feed_init(struct feed *f, struct error *e) must_check;
/* Destroys the upstream. */
void feed_release(struct feed *f);

/* Makes at least want (<= FEED_SIZE) bytes available; fewer only when upstream has ended. */
int feed_fill(struct feed *f, size_t want, struct error *e) must_check;
/* Drops n bytes. 1 done, 0 when upstream ended before, -1 failed. */
int feed_skip(struct feed *f, uint64_t n, struct error *e) must_check;

static inline const uint8_t *feed_at(const struct feed *f)
{
	return f->data + f->start;
}
static inline size_t feed_left(const struct feed *f)
{
	return f->end - f->start;
}
/* n <= feed_left */
static inline void feed_take(struct feed *f, size_t n)
{
	f->start += n;
	f->offset += n;
}
/* Hands back the last n bytes taken; false when they are not there any more (n > FEED_BACK). */
static inline must_check bool feed_back(struct feed *f, size_t n)
{
	if (n > FEED_BACK || n > f->start || n > f->offset)
		return false;
	f->start -= n;
	f->offset -= n;
	return true;
}

#endif
