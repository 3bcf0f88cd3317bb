// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * One file of a restore point: its stored bytes are read once, digested in passing, decoded as deep
 * as codecs go, and end as disks that can be read at random or as an archive that has passed by.
 */
#include "backproof/door.h"
#include "backproof/text.h"
#include "job.h"
#include "known.h"
#include "pieces.h"

/* Opens the stored bytes of one file. -1: a finding was made. */
static int open_stored(struct opener *o, struct part *pt)
{
	struct error *why = &pt->failure;
	struct finding_text empty = {.blame = BLAME_DAMAGED, .error = ERROR_CORRUPT};
	struct finding_text busy = {.blame = BLAME_BUSY, .error = ERROR_BUSY};
	pt->source = source_open_file(pt->file->path, why);
	if (!pt->source) {
		finding_error(o->f, PROOF_PRESENCE, "part.open", pt->name, why);
		return -1;
	}
	source_pace(pt->source, o->p->budget);
	known_from_history(pt, o->p, o->f);
	if (o->p->depth == DEPTH_SAMPLE && source_note_reads(pt->source, MERKLE_CHUNK, why) < 0) {
		finding_error(o->f, PROOF_INTEGRITY, "part.open", pt->name, why);
		return -1;
	}
	if (!source_size(pt->source) && !pt->note) {
		error_set(why, ERROR_CORRUPT, ERROR_NO_OFFSET, "%s is empty", pt->name);
		finding_add(o->f, PROOF_PRESENCE, "part.size", pt->name, OUTCOME_BROKEN, &empty, "the file is empty");
		return -1;
	}
	if (door_written(source_fd(pt->source))) {
		error_set(why, ERROR_BUSY, ERROR_NO_OFFSET, "%s is being written", pt->name);
		finding_add(o->f, PROOF_PRESENCE, "part.writer", pt->name, OUTCOME_BROKEN, &busy,
			    "another program has it open for writing, or holds a lock on it");
		return -1;
	}
	return 0;
}

/* All files of a part that was split. 1: open, 0: a finding was made. */
static int open_all_stored(struct opener *o, struct part *pt, struct error *e)
{
	if (open_stored(o, pt) < 0)
		return 0;
	if (!pt->pieces.count)
		return 1;
	size_t count = 1 + pt->pieces.count;
	autofree struct source **all = calloc(count, sizeof *all);
	if (!all)
		return error_nomem(e);
	all[0] = pt->source;
	for (size_t i = 1; i < count; i++) {
		struct part *piece = pt->pieces.items[i - 1];
		piece->state = PART_OPENED;
		if (open_stored(o, piece) < 0) {
			pt->failure = piece->failure;
			return 0;
		}
		all[i] = piece->source;
	}
	pt->joined = source_concat(all, count, pt->name, e);
	return pt->joined ? 1 : -1;
}

/* The decoded bytes, to be read at random. */
static int open_bytes(struct job *j, struct error *e)
{
	struct part *pt = j->pt;
	const struct check_parameters *p = j->o->p;
	if (!j->codecs) {
		pt->bytes = pt->joined ? pt->joined : pt->source;
		return p->depth == DEPTH_FULL ? reading_start(j->o->s, pt, p, e) : 0;
	}
	if (j->random) {
		pt->bytes = take(j->random);
		return 0;
	}
	if (job_overlap(&j->stream, e) < 0)
		return -1;
	pt->bytes = spool_stream(p->scratch, j->stream, job_stored(j), p->budget, e);
	pt->spooled = pt->bytes;
	if (stream_state(j->stream) != STREAM_FINISHED)
		return -1;
	struct error later;
	if (job_finished(j, &later) < 0) {
		*e = later;
		return -1;
	}
	/* All was proved by the stream; it only could not be kept. */
	if (!pt->bytes && e->cls == ERROR_LIMIT && j->codecs == 1)
		pt->bytes = take(j->random);
	return pt->bytes ? 0 : -1;
}

/* A recognised container: named, and not opened. All the same its stored bytes are digested. */
static int refuse(struct part *pt, const struct format *row, struct error *e)
{
	if (part_add_format(pt, row->name, e) < 0)
		return -1;
	return error_set(e, ERROR_UNSUPPORTED, ERROR_NO_OFFSET, "%s is recognised and has no reader here",
			 row->product ? row->product : row->name);
}

/* What is to be said of a part's failure, and where. */
static void part_failed(struct part *pt, struct findings *f, const struct error *e)
{
	enum proof proof = e->cls == ERROR_BUSY || e->cls == ERROR_MISSING ? PROOF_PRESENCE
			   : e->cls == ERROR_CORRUPT || e->cls == ERROR_IO ? PROOF_INTEGRITY
									   : PROOF_STRUCTURE;
	pt->failure = *e;
	finding_error(f, proof, "part.read", pt->name, e);
}

int part_image(struct opener *o, struct part *pt, const struct format *row, struct error *e)
{
	struct companion_desk desk;
	struct error why = {0};
	if (part_add_format(pt, row ? row->name : "raw", e) < 0)
		return -1;
	if (!row) {
		struct image_disk *d = vec_push(&pt->image.disks);
		if (!d)
			return error_nomem(e);
		*d = (struct image_disk){.source = pt->bytes, .borrowed = true};
		pt->kind = PART_DISK;
		return 0;
	}
	companion_desk_init(&desk, o, pt);
	struct image_context c = {.subject = pt->name,
				  .path = pt->bytes == pt->source ? pt->file->path : NULL,
				  .f = &pt->later,
				  .companions = &desk.companions,
				  .budget = o->p->budget};
	if (row->open_image(pt->bytes, &c, &pt->image, &why) < 0) {
		image_close(&pt->image);
		if (why.cls == ERROR_INTERNAL) {
			*e = why;
			return -1;
		}
		part_failed(pt, &pt->later, &why);
		return 0;
	}
	pt->image.format = row;
	pt->kind = PART_DISK;
	return 0;
}

/* 0: done. -1 error, -2 finding made. */
static int read_content(struct job *j, struct error *e)
{
	const struct format *row, *named, *image;
	struct part *pt = j->pt;
	size_t stem = j->stem;
	named = job_named(j, &stem);
	if (format_identify(&j->ends->probe, FORMAT_ARCHIVE, &row, e) < 0)
		return -1;
	if (!row && named && named->kind == FORMAT_ARCHIVE) {
		job_bad_format(j, named->name, "not");
		return -2;
	}
	if (row && !row->product) {
		pt->kind = PART_ARCHIVE;
		if (part_add_format(pt, row->name, e) < 0 || job_meter(j, BUDGET_SPARE, e) < 0 ||
		    job_overlap(&j->stream, e) < 0 ||
		    archive_pass(j->o->s, pt, j->stream, j->o->p, j->o->f, e) < 0)
			return -1;
		return job_finished(j, e);
	}
	/* An archive that is no system's may be an image: an OVA is a tar of disks. */
	if (format_identify(&j->ends->probe, FORMAT_IMAGE, &image, e) < 0)
		return -1;
	if (!row || (image && image->open_image))
		row = image;
	/* What can't be opened need not be decoded first. */
	if (row && !row->open_image)
		return refuse(pt, row, e);
	if (!row && named && named->kind == FORMAT_IMAGE && named->product && !named->bid)
		return refuse(pt, named, e);
	if (open_bytes(j, e) < 0 || format_identify_source(pt->bytes, FORMAT_IMAGE, &row, e) < 0)
		return -1;
	if (row && !row->open_image)
		return refuse(pt, row, e);
	if (!row && named && named->kind == FORMAT_IMAGE && named->product) {
		job_bad_format(j, named->name, "not");
		return -2;
	}
	return part_image(j->o, pt, row, e);
}

/* A log or a configuration: its bytes are read and digested, and that is all. */
static int read_note(struct job *j, struct error *e)
{
	j->pt->kind = PART_NOTE;
	if (stream_drain(j->stream, e) < 0)
		return -1;
	j->pt->bytes = j->pt->source;
	return job_finished(j, e);
}

/* Is it known what its stored bytes must be? */
static bool has_digest(const struct subject *s, const struct part *pt)
{
	vec_each(&s->sidecars, l) if (l->file == pt->index && !l->content) return true;
	return pt->known_from != NULL;
}

/* What can't be opened here has a digest for all that; and a flipped bit may be all that makes it unknown. */
static bool has_still_to_be_digested(const struct job *j, const struct error *why)
{
	const struct check_parameters *p = j->o->p;
	struct error ended;
	bool unknown = why->cls == ERROR_UNSUPPORTED || why->cls == ERROR_ENCRYPTED;
	if (j->pt->reading || j->pt->read_whole)
		return false;
	if (p->sealing)
		return unknown;
	return p->depth == DEPTH_FULL && has_digest(j->o->s, j->pt) &&
	       (unknown || (why->cls == ERROR_LIMIT && budget_check(p->budget, &ended) == 0));
}

static int run_job(struct job *j, enum part_depth depth, struct error *e)
{
	struct part *pt = j->pt;
	struct error why = {0};
	int rc = open_all_stored(j->o, pt, e);
	if (rc <= 0)
		return rc;
	j->ends = malloc(sizeof *j->ends);
	if (!j->ends)
		return error_nomem(e);
	j->stem = strlen(pt->name);
	/* The suffix of a first piece says nothing of what it is: "disk.img.zst.aa". */
	if (pt->pieces.count || is_piece_name(pt->name))
		j->stem = (size_t)(strrchr(pt->name, '.') - pt->name);
	if (stored_open(&j->stored, j->o->s, pt, j->o->p, e) < 0)
		return -1;
	j->stream = take(j->stored.stream);
	if (pt->note) {
		rc = read_note(j, &why);
	} else {
		rc = job_peel(j, &why);
		if (rc == 0)
			rc = depth == PART_BYTES ? open_bytes(j, &why) : read_content(j, &why);
	}
	if (rc == -1 && why.cls == ERROR_INTERNAL) {
		*e = why;
		return -1;
	}
	if (rc == -1)
		part_failed(pt, j->o->f, &why);
	if (rc == -1 && has_still_to_be_digested(j, &why)) {
		pt->content_checked = false;
		return reading_start(j->o->s, pt, j->o->p, e);
	}
	return 0;
}

int part_open(struct opener *o, struct part *pt, enum part_depth depth, struct error *e)
{
	struct job j = {.o = o, .pt = pt};
	pt->state = PART_OPENING;
	int rc = findings_init(&pt->later) < 0 ? error_nomem(e) : run_job(&j, depth, e);
	pt->state = PART_OPENED;
	stream_destroy(j.stream);
	source_destroy(j.random);
	stored_free(&j.stored);
	watch_free(&j.content);
	watch_free(&j.inner);
	free(j.ends);
	return rc;
}

void part_close(struct part *pt)
{
	reading_free(pt->reading);
	image_close(&pt->raw);
	image_close(&pt->image);
	if (pt->bytes != pt->source && pt->bytes != pt->joined)
		source_destroy(pt->bytes);
	source_destroy(pt->joined);
	source_destroy(pt->source);
	chunks_destroy(pt->chunks);
	findings_free(&pt->later);
	free(pt->pieces.items);
	strings_free(&pt->formats);
	free(pt->name);
}
