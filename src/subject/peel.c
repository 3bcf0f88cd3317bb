// SPDX-License-Identifier: GPL-3.0-or-later
/* Compression around an image, as deep as it goes. */
#include "job.h"

#define RING_SLOTS 20

int part_add_format(struct part *pt, const char *name, struct error *e)
{
	return strings_add(&pt->formats, name) < 0 ? error_nomem(e) : 0;
}

int job_overlap(struct stream **s, struct error *e)
{
	if (stream_is_ahead(*s))
		return 0;
	struct stream *ahead = stream_ahead(*s, RING_SLOTS, RING_SLOT, e);
	if (!ahead)
		return -1;
	*s = ahead;
	return 0;
}

uint64_t job_stored(const struct job *j)
{
	return source_size(j->pt->joined ? j->pt->joined : j->pt->source);
}

int job_meter(struct job *j, uint64_t spare, struct error *e)
{
	if (!j->codecs)
		return 0;
	struct stream *metered = stream_metered(j->stream, j->o->p->budget, job_stored(j), spare, e);
	if (!metered)
		return -1;
	j->stream = metered;
	return 0;
}

void job_bad_format(struct job *j, const char *expected, const char *what)
{
	struct finding_text more = {.expected = expected, .error = ERROR_CORRUPT};
	error_set(&j->pt->failure, ERROR_CORRUPT, 0, "by its name it should be %s; its first bytes are %s", expected,
		  what);
	finding_add(j->o->f, PROOF_STRUCTURE, "format.magic", j->pt->name, OUTCOME_BROKEN, &more, "%s",
		    j->pt->failure.text);
}

const struct format *job_named(struct job *j, size_t *stem)
{
	/* Not allocated: a failure would look like a name that promises nothing. */
	char name[512];
	if (j->stem >= sizeof name)
		return NULL;
	memcpy(name, j->pt->name, j->stem);
	name[j->stem] = '\0';
	return format_by_suffix(name, stem);
}

int job_look(struct ends *x, struct stream *s, struct source *src, struct error *e)
{
	ssize_t n = (ssize_t)sizeof x->head;
	if (!s && source_size(src) < sizeof x->head)
		n = (ssize_t)source_size(src);
	if (s)
		n = stream_peek(s, x->head, sizeof x->head, e);
	else if (source_read_at(src, 0, x->head, (size_t)n, e) < 0)
		return -1;
	if (n < 0)
		return -1;
	x->probe = (struct probe){.head = x->head, .head_length = (size_t)n, .tail = x->tail};
	if (!src)
		return 0;
	x->probe.size = source_size(src);
	x->probe.tail_length = x->probe.size < sizeof x->tail ? (size_t)x->probe.size : sizeof x->tail;
	return source_read_at(src, x->probe.size - x->probe.tail_length, x->tail, x->probe.tail_length, e);
}

/* Peels one codec off. 1 done, 0 there is none, -1 error, -2 finding made: give up. */
static int peel_one(struct job *j, struct error *e)
{
	struct part *pt = j->pt;
	const struct format *row, *named;
	size_t stem = j->stem;
	if (job_look(j->ends, j->stream, j->codecs ? NULL : pt->joined ? pt->joined : pt->source, e) < 0)
		return -1;
	named = job_named(j, &stem);
	if (format_identify(&j->ends->probe, FORMAT_CODEC, &row, e) < 0) {
		/* zstd and lz4 share their skippable frames: where only these are seen, the name decides. */
		if (e->cls != ERROR_AMBIGUOUS || !named || !named->decode || !named->bid(&j->ends->probe))
			return -1;
		row = named;
	}
	if (named && named->kind == FORMAT_CODEC && row != named && (!row || named->decode)) {
		job_bad_format(j, named->name, row ? row->name : "not");
		return -2;
	}
	if (!row)
		return 0;
	if (named == row)
		j->stem = stem;
	if (part_add_format(pt, row->name, e) < 0)
		return -1;
	if (!row->decode)
		return error_set(e, ERROR_UNSUPPORTED, ERROR_NO_OFFSET, "%s can't be decoded by this build",
				 row->product ? row->product : row->name);
	if (j->codecs == MAX_CODECS)
		return error_set(e, ERROR_LIMIT, ERROR_NO_OFFSET, "more than %d layers of compression",
				 MAX_CODECS);
	int rc = job_seek(j, row, e);
	if (rc < 0)
		return -1;
	if (rc > 0) {
		j->codec[j->codecs++] = row;
		return 0;
	}
	if (job_meter(j, BUDGET_SPARE_INNER, e) < 0 || job_overlap(&j->stream, e) < 0)
		return -1;
	struct stream *decoded = row->decode(j->stream, &j->info[j->codecs], e);
	if (!decoded)
		return -1;
	j->stream = decoded;
	j->codec[j->codecs++] = row;
	if (j->codecs > 1)
		return 1;
	unsigned wanted = stored_digests_wanted(j->o->s, j->o->p, pt->index, true);
	return watch_start(&j->content, decoded, wanted, e) < 0 ? -1 : 1;
}

int job_peel(struct job *j, struct error *e)
{
	int rc = peel_one(j, e);
	while (rc > 0)
		rc = peel_one(j, e);
	if (rc == 0 && j->codecs > 1)
		rc = watch_start(&j->inner, j->stream, 0, e);
	return rc;
}

/* What codecs said, once everything has been finished. */
static void codecs_held(struct job *j)
{
	bool checked = j->codecs > 0;
	const char *name = j->pt->name;
	for (size_t i = 0; i < j->codecs; i++) {
		const struct codec_info *info = &j->info[i];
		/* Any layer that covers its content covers what is inside it, the outermost all of it. */
		checked = i == 0 ? info->unchecked == 0 : checked || info->unchecked == 0;
		finding_add(j->o->f, PROOF_STRUCTURE, "codec.end", name, OUTCOME_HELD, NULL,
			    "%s: clean end, %llu %s", j->codec[i]->name, (unsigned long long)info->members,
			    info->members == 1 ? "frame" : "frames");
		if (info->unchecked)
			finding_add(j->o->f, PROOF_INTEGRITY, "codec.checksum", name, OUTCOME_SKIPPED, NULL,
				    "%s: %llu of %llu frames carry no checksum", j->codec[i]->name,
				    (unsigned long long)info->unchecked, (unsigned long long)info->members);
		else
			finding_add(j->o->f, PROOF_INTEGRITY, "codec.checksum", name, OUTCOME_HELD, NULL,
				    "%s checksums cover all content", j->codec[i]->name);
	}
	j->pt->content_checked = checked;
}

int job_finished(struct job *j, struct error *e)
{
	struct part *pt = j->pt;
	if (stored_end(&j->stored, e) < 0 || watch_end(&j->content, pt->content_digests, &pt->content_mask, e) < 0)
		return -1;
	pt->content_size = j->codecs > 1 ? j->inner.bytes : j->codecs ? j->content.bytes : job_stored(j);
	if (job_seek_agrees(j, e) < 0)
		return -1;
	codecs_held(j);
	return 0;
}
