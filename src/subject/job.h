// SPDX-License-Identifier: GPL-3.0-or-later
/* The work on one part while it is opened: shared by the rooms that do it. */
#ifndef SUBJECT_JOB_H
#define SUBJECT_JOB_H

#include "parts.h"
#include "stored.h"

#define MAX_CODECS 4

/* The bytes at both ends that bids look at. */
struct ends {
	uint8_t head[STREAM_PEEK], tail[4096];
	struct probe probe;
};

struct job {
	struct opener *o;
	struct part *pt;
	struct ends *ends;
	struct stored stored;
	struct stream *stream;
	struct watch content; /* what the outermost codec decodes to: digests beside it are of that */
	struct watch inner;   /* ... and the innermost, where there are several */
	struct codec_info info[MAX_CODECS];
	const struct format *codec[MAX_CODECS];
	size_t codecs;
	size_t stem; /* length of the name without the suffixes understood so far */
	struct source *random; /* the decoded bytes, where the outermost codec keeps them in pieces, */
	struct error lies;     /* or why what it says of its pieces can't be right */
	bool tried;
};

/* Every stage runs beside the others. Takes *s. */
int job_overlap(struct stream **s, struct error *e) must_check;
/* All bytes that are stored of it. */
uint64_t job_stored(const struct job *j);
/* What has been decoded so far is held against the budget of that. */
int job_meter(struct job *j, uint64_t spare, struct error *e) must_check;
/* What the rest of the name promises and the bytes don't keep. */
void job_bad_format(struct job *j, const char *expected, const char *what);
/* The format that the rest of the name speaks of, or NULL. */
const struct format *job_named(struct job *j, size_t *stem);
/* Peels all codecs off. 0 done, -1 error, -2 finding made: give up. */
int job_peel(struct job *j, struct error *e) must_check;
/* The bytes at both ends of a stream, or of a source, or the beginning of one and the end of the other. */
int job_look(struct ends *x, struct stream *s, struct source *src, struct error *e) must_check;
/*
 * Whether the bytes below this codec can be read at random, and are wanted so: 1, then j->random gives them, and
 * j->ends is of them. 0: no. -1: memory or internal.
 */
int job_seek(struct job *j, const struct format *row, struct error *e) must_check;
/*
 * After a clean end: -1 CORRUPT when the outermost codec says something else of its pieces than what was decoded. Also
 * compares the checksums that it keeps elsewhere than in them: j->info.
 */
int job_seek_agrees(struct job *j, struct error *e) must_check;
/* After the stream has finished: digests, and what the codecs say. */
int job_finished(struct job *j, struct error *e) must_check;

#endif
