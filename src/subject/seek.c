// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Compressed disks that can be read at random as they are. At depth sample only what is looked at is decoded. At depth
 * full everything is, once, by the stream: reading that again from scratch costs less than decoding it again, so the
 * pieces serve only where there is too little scratch.
 */
#include "backproof/frames.h"
#include "job.h"

static int open_random(struct job *j, const struct format *row, struct error *e)
{
	struct part *pt = j->pt;
	if (j->tried || !row->open_random)
		return 0;
	j->tried = true;
	if (row->open_random(pt->joined ? pt->joined : pt->source, &j->random, &j->lies) >= 0)
		return 0;
	switch (j->lies.cls) {
	case ERROR_CORRUPT:
	case ERROR_LIMIT:
	case ERROR_UNSUPPORTED:
	case ERROR_AMBIGUOUS:
		/* What can't be read at random goes through the stream, which says best what is wrong with it. */
		return 0;
	default:
		*e = j->lies;
		return -1;
	}
}

/* What is inside is neither compressed again nor an archive, and its ends can be read. */
static bool is_disk(struct job *j)
{
	size_t stem = j->stem;
	const struct format *codec, *archive, *named = job_named(j, &stem);
	struct error ignored;
	return (!named || named->kind == FORMAT_IMAGE) && job_look(j->ends, NULL, j->random, &ignored) == 0 &&
	       format_identify(&j->ends->probe, FORMAT_CODEC, &codec, &ignored) == 0 && !codec &&
	       format_identify(&j->ends->probe, FORMAT_ARCHIVE, &archive, &ignored) == 0 && !archive;
}

int job_seek(struct job *j, const struct format *row, struct error *e)
{
	if (j->codecs || j->o->p->depth == DEPTH_FULL || stored_digests_wanted(j->o->s, j->o->p, j->pt->index, true))
		return 0;
	if (open_random(j, row, e) < 0)
		return -1;
	if (j->random && !is_disk(j)) {
		source_destroy(j->random);
		j->random = NULL;
	}
	return j->random != NULL;
}

int job_seek_agrees(struct job *j, struct error *e)
{
	if (!j->codecs)
		return 0;
	if (open_random(j, j->codec[0], e) < 0)
		return -1;
	if (j->lies.cls == ERROR_CORRUPT) {
		*e = j->lies;
		return -1;
	}
	/* The seekable format keeps the checksums of frames without one in its table, which a stream passes by. */
	struct frames_told t;
	if (!j->random || !j->info[0].unchecked || !source_frames_told(j->random, &t) || t.unchecked)
		return 0;
	if (source_frames_verify(j->random, j->o->p->budget, e) < 0)
		return -1;
	j->info[0].unchecked = 0;
	return 0;
}

void seek_join(struct part *pt, const struct check_parameters *p, struct findings *f)
{
	struct frames_told t;
	if (!pt->bytes || !source_frames_told(pt->bytes, &t))
		return;
	/* Who met it may have taken it for something else. */
	if (t.failure.cls != ERROR_NONE && pt->failure.cls == ERROR_NONE)
		finding_error(f, t.failure.cls == ERROR_BUSY ? PROOF_PRESENCE : PROOF_INTEGRITY, "part.read", pt->name,
			      &t.failure);
	if (p->depth == DEPTH_FULL)
		return;
	pt->content_size = t.bytes;
	finding_add(f, PROOF_STRUCTURE, "codec.end", pt->name, OUTCOME_SKIPPED, NULL,
		    "%s: %llu of %llu pieces were decoded: only a full check decodes them all", t.codec,
		    (unsigned long long)t.held, (unsigned long long)t.pieces);
	if (t.unchecked)
		finding_add(f, PROOF_INTEGRITY, "codec.checksum", pt->name, OUTCOME_SKIPPED, NULL,
			    "%s: %llu of %llu %ss carry no checksum", t.codec, (unsigned long long)t.unchecked,
			    (unsigned long long)t.units, t.unit);
	else
		finding_add(f, PROOF_INTEGRITY, "codec.checksum", pt->name, OUTCOME_SKIPPED, NULL,
			    "%s checksums cover all content, and were compared where it was decoded", t.codec);
}
