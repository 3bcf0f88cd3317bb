// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The input side of a codec: a window onto the upstream's bytes that a decoder takes from. Knows
 * its offset in the compressed data, for messages.
 *
 * A decoder is shown bytes up to the next multiple of FEED_STEP, whatever the sizes in which they arrive and
 * however far ahead they have been read: so what it says of damage, and where, depends on the data alone.
 */
#ifndef CODEC_FEED_H
#define CODEC_FEED_H

#include "backproof/stream.h"

#define FEED_STEP (256 * KIB)
/* Bytes that can be handed back after they were taken: decoders of bit streams read ahead. */
#define FEED_BACK 16
/* Holds a unit or some: a block of lz4, a frame of pzstd. Larger ones are made for what is larger. */
#define FEED_ARENA (4 * MIB + 64 * KIB)
#define FEED_SPARES 2

/* Memory for much, which goes back to the system at once: freed heap of many threads would stay. NULL: none left. */
void *pages_new(size_t size);
void pages_free(void *p, size_t size);

/* Memory for bytes read. Whoever decodes a part of them elsewhere holds it, and it stays as it is. */
struct arena {
	unsigned holders; /* counted by the reader's thread alone */
	size_t size;
	uint8_t data[];
};

struct feed {
	struct stream *upstream; /* owned; NULL when all there is lies in memory */
	struct arena *arena;
	struct arena *spares[FEED_SPARES]; /* large ones, for another time */
	uint8_t *data;	       /* of the arena */
	size_t start, end;     /* what is shown and left: data[start .. end) */
	size_t filled;	       /* what has been read: data[start .. filled) */
	bool roomy;	       /* much is read ahead: new arenas are large ones */
	size_t memory;	       /* of all arenas */
	uint64_t offset;       /* of data[start] in the compressed data */
	bool ended;	       /* there is no more than what is shown */
	bool upstream_ended;   /* ... than what has been read, */
	bool upstream_failed;  /* for this reason, which is told when what lies before has been taken */
	bool told;
	struct error failure;
};

/* Does not take upstream: put it into f->upstream on success. */
int feed_init(struct feed *f, struct error *e) must_check;
/* All of p, which is borrowed: needs no release. */
void feed_over(struct feed *f, const uint8_t *p, size_t len);
/* Destroys the upstream. */
void feed_release(struct feed *f);

/* Shows at least want bytes; fewer only when upstream has ended. */
int feed_fill(struct feed *f, size_t want, struct error *e) must_check;
/* Forgets what has been shown: as if it had not been read yet. */
void feed_hide(struct feed *f);
/* Drops n bytes. 1 done, 0 when upstream ended before, -1 failed. */
int feed_skip(struct feed *f, uint64_t n, struct error *e) must_check;

/*
 * For who looks ahead: reads until want bytes are there, or as many as there are. -1 when there is no memory for
 * them. What has been read may have moved then, unless its arena is held.
 */
int feed_read(struct feed *f, size_t want) must_check;
/* The bytes read, shown or not. */
static inline size_t feed_ahead(const struct feed *f)
{
	return f->filled - f->start;
}
/* Takes n bytes that have been read, and hides the rest. */
void feed_pass(struct feed *f, size_t n);
struct arena *feed_hold(struct feed *f);
void feed_let_go(struct feed *f, struct arena *a);
/* Gives up what is not in use. */
void feed_shrink(struct feed *f);
/* Bytes that were passed come again: those of spans, the last of which ends where f starts. Holds none of them. */
struct span {
	const uint8_t *data;
	size_t length;
};
int feed_rewind(struct feed *f, const struct span *spans, size_t count, struct error *e) must_check;

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
