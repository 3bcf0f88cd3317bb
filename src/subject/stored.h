// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The stored bytes of a part, read once from front to back: one file, or the pieces it was split into. Each
 * file is digested by itself, for that is what sidecars speak of.
 */
#ifndef SUBJECT_STORED_H
#define SUBJECT_STORED_H

#include "watch.h"

struct stored {
	struct part *part;
	struct watch *watches; /* the part's own, then one a piece */
	struct watch whole;	/* of all of them together, where somebody speaks of that */
	size_t count, at;
	uint64_t left; /* of the file at */
	struct stream *stream; /* owned until somebody takes it */
};

/* The part and its pieces are open. Digests that the sidecars speak of are taken, and SHA-256; chunks if asked for. */
int stored_open(struct stored *x, const struct subject *s, struct part *pt, const struct check_parameters *p,
		struct error *e) must_check;
/* After the stream has finished: fills digests and read_whole of the part and its pieces. */
int stored_end(struct stored *x, struct error *e) must_check;
void stored_free(struct stored *x);

/* The hashes of its chunks are kept: for others, or to say where it is not what it was. */
bool stored_wants_chunks(const struct part *pt, const struct check_parameters *p);
/* For a stream: what the sidecars and seals speak of; without a seal SHA-256 of the stored bytes is always taken. */
unsigned stored_digests_wanted(const struct subject *s, const struct check_parameters *p, size_t index, bool content);
/* Of the pieces of a part together. */
unsigned stored_digests_joined(const struct subject *s, const struct part *pt);
/* The same of a file that can be read at random: SHA-256 where it is asked for, fs-verity's digest otherwise. */
unsigned stored_digests_at_random(const struct subject *s, const struct check_parameters *p, size_t index);
/* The part, then its pieces. */
struct part *stored_file(struct part *pt, size_t i);

#endif
