// SPDX-License-Identifier: GPL-3.0-or-later
/* Digests in passing: of a stream that is read for its content, or of stored bytes in the background. */
#ifndef SUBJECT_WATCH_H
#define SUBJECT_WATCH_H

#include "backproof/subject.h"

#define RING_SLOT (1 * MIB)

/* Digests and counters that watch one stream. */
struct watch {
	struct digest *digests[DIGEST_KINDS];
	_Atomic uint64_t *counter; /* of the budget; may be NULL */
	struct chunks *chunks;	   /* shown by DIGEST_FSVERITY; NULL: not wanted. Owned */
	uint64_t bytes;
};

/* mask: kinds wanted. */
int watch_open(struct watch *w, unsigned mask, struct error *e) must_check;
void watch_bytes(struct watch *w, const void *data, size_t len);
/* Before the first byte, with DIGEST_FSVERITY in the mask: keeps its chunks. */
int watch_chunks(struct watch *w, struct error *e) must_check;
/* Opens it, and hangs it on a stream, whose reading it outlives. */
int watch_start(struct watch *w, struct stream *s, unsigned mask, struct error *e) must_check;
/* After the stream has finished: the digests, and which there are. */
int watch_end(struct watch *w, uint8_t out[DIGEST_KINDS][DIGEST_MAX], unsigned *mask,
	      struct error *e) must_check;
void watch_free(struct watch *w);

/* Those that were seen of a file that was read to its end, if all were: moved out of where they were. */
struct chunks *watch_take_chunks(struct chunks **c, const struct part *pt);

/* An image is looked into while a thread still digests the stored bytes; part_join waits for that. */
int reading_start(const struct subject *s, struct part *pt, const struct check_parameters *p,
		  struct error *e) must_check;
void reading_free(struct reading *r);

#endif
