// SPDX-License-Identifier: GPL-3.0-or-later
/* The sample of chunks: who draws (chunk_draw.c), and who reads and compares (chunk_read.c). */
#ifndef SUBJECT_CHUNK_DRAW_H
#define SUBJECT_CHUNK_DRAW_H

#include "backproof/population.h"
#include "backproof/subject.h"

/* A stored file whose chunks are known. Those of all files are numbered one after the other. */
struct known_part {
	struct part *part;
	uint64_t first, count;
	uint64_t holes;		/* bytes of those that are holes */
	_Atomic uint64_t good;	/* compared, and right */
};

/* A chunk that is not what it should be, or can't be read. */
struct bad_chunk {
	uint64_t index;
	uint8_t expected[MERKLE_HASH], measured[MERKLE_HASH];
	struct error error; /* why it could not be read; class NONE: it differs */
};

struct chunk_work {
	struct known_part *parts;
	size_t count;
	struct budget budget; /* ends before that of the check, which still has to be finished then */
	_Atomic uint64_t *progress;
	_Atomic uint64_t bytes_read, good;
	VEC(struct bad_chunk) bad; /* in no order; the first BAD_KEPT */
	uint64_t bad_count;
	_Atomic bool failed; /* memory */
};
#define BAD_KEPT 1000

const struct known_part *chunk_part(const struct chunk_work *w, uint64_t index);
/* Bytes of a chunk. */
size_t chunk_length(const struct known_part *k, uint64_t index);
/* One that was found bad. Not by several threads. */
void chunk_bad(struct chunk_work *w, const struct bad_chunk *b);
/*
 * Reads the chunks of an ascending list on all cores and compares them. false: the budget was over before the end, and
 * what was read is no sample of the list; or memory was out.
 */
bool chunks_compare(struct chunk_work *w, const uint64_t *list, size_t count);

#endif
