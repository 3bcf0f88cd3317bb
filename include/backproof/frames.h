// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Compressed bytes that consist of pieces, each of which can be decoded without the others: an index of them, and a
 * source that decodes the pieces that are read. An index says where to look and nothing else: a piece counts only once
 * it was decoded, came out in exactly the size that the index gives, and its checksum held.
 */
#ifndef BACKPROOF_FRAMES_H
#define BACKPROOF_FRAMES_H

#include "backproof/budget.h"
#include "backproof/source.h"

/* Larger pieces are not worth their memory, nor the time for a few bytes of them. */
#define FRAMES_PIECE_MAX ((uint64_t)(16 * MIB))
/* What a source holds at most of decoded pieces and of the stored ones it is at, for all threads. */
#define FRAMES_CACHE ((size_t)(48 * MIB))
#define FRAMES_MAX ((size_t)512 * 1024)

struct frames_piece {
	uint64_t stored, decoded; /* offsets */
	uint32_t stored_length, length;
	uint32_t check; /* the codec's own: what the piece is to be compared with */
};

struct frames_ops {
	const char *codec, *unit; /* "zstd", "frame" */
	/* What decodes one piece after the other, in one thread at a time. */
	void *(*open)(struct error *e);
	/* All of a piece, verified; CORRUPT where it is not what the index says. e->offset is one of `in`. */
	int (*decode)(void *decoder, const struct frames_piece *p, const uint8_t *in, uint8_t *out, struct error *e);
	void (*close)(void *decoder);
};

struct frames {
	const struct frames_ops *ops;
	struct frames_piece *items;
	size_t count, capacity;
	uint64_t size;		   /* decoded, of all */
	uint64_t units, unchecked; /* frames with content; those without a checksum */
	bool merge;		   /* neighbours may be one piece: decode goes on to the end of what it gets */
	uint64_t grain;		   /* ... as long as they are not larger than this together */
};

/*
 * The next piece; one without content is left out. 1, or 0: these bytes can't well be read at random (the piece is too
 * large, or there are too many that can't be merged). -1 memory.
 */
int frames_add(struct frames *x, const struct frames_piece *p, struct error *e) must_check;
void frames_free(struct frames *x);
#define autoframes autodestroy(frames_free)

/* The decoded bytes. stored is borrowed; the pieces of x are taken on success. */
struct source *source_frames(struct source *stored, struct frames *x, struct error *e) must_check;

/* Decodes all pieces on all cores, each verified; the error is that of the first that is damaged. */
int source_frames_verify(struct source *s, const struct budget *b, struct error *e) must_check;

/* What such a source has done so far. */
struct frames_told {
	const char *codec, *unit;
	uint64_t pieces, units, unchecked;
	uint64_t held, bytes; /* pieces that were decoded and verified, and their content; each counts once */
	uint64_t work;	      /* bytes decoded, again and again */
	struct error failure; /* of the first piece that is damaged or could not be read; class NONE: there was none */
};
/* false: s is of another kind. */
bool source_frames_told(const struct source *s, struct frames_told *out);

#endif
