// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * One file of a restore point: its stored bytes are read once, digested in passing, decoded as deep
 * as codecs go, and end as a disk that can be read at random or as an archive that has passed by.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>

#include "backproof/text.h"
#include "parts.h"
#include "watch.h"

#define RING_SLOTS 20
#define MAX_CODECS 4

/* What the sidecars speak of; SHA-256 of the stored bytes is always taken. */
static unsigned wanted_digests(const struct subject *s, size_t index, bool content)
{
	unsigned mask = content ? 0 : 1u << DIGEST_SHA256;
	vec_each(&s->sidecars, l) if (l->file == index && l->content == content) mask |= 1u << l->kind;
	return mask;
}

/*
 * A writer has the file open (the kernel refuses a read lease then), or holds a lock on it. Where leases
 * or locks don't work, nothing is learned.
 */
static bool is_held_by_writer(int fd)
{
	if (flock(fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK)
		return true;
	(void)flock(fd, LOCK_UN);
	if (fcntl(fd, F_SETLEASE, F_RDLCK) == 0) {
		(void)fcntl(fd, F_SETLEASE, F_UNLCK);
		return false;
	}
	return errno == EAGAIN;
}

static int add_format(struct part *pt, const char *name, struct error *e)
{
	return strings_add(&pt->formats, name) < 0 ? error_nomem(e) : 0;
}

/* The bytes at both ends that bids look at. */
struct ends {
	uint8_t head[STREAM_PEEK], tail[4096];
	struct probe probe;
};

static int look(struct ends *x, struct stream *s, struct source *src, struct error *e)
{
	ssize_t n = stream_peek(s, x->head, sizeof x->head, e);
	if (n < 0)
		return -1;
	x->probe = (struct probe){.head = x->head, .head_length = (size_t)n, .tail = x->tail};
	if (!src)
		return 0;
	x->probe.size = source_size(src);
	x->probe.tail_length = x->probe.size < sizeof x->tail ? (size_t)x->probe.size : sizeof x->tail;
	return source_read_at(src, x->probe.size - x->probe.tail_length, x->tail, x->probe.tail_length, e);
}

/* The work on one part, while it is opened. */
struct job {
	struct subject *s;
	struct part *pt;
	size_t index;
	const struct check_parameters *p;
	struct findings *f;
	struct ends *ends;
	struct stream *stream;
	struct watch stored, content;
	struct codec_info info[MAX_CODECS];
	const struct format *codec[MAX_CODECS];
	size_t codecs;
	size_t stem; /* length of the name without the suffixes understood so far */
};

/* Every stage runs beside the others. Takes *s. */
static int overlap(struct stream **s, struct error *e)
{
	struct stream *ahead = stream_ahead(*s, RING_SLOTS, RING_SLOT, e);
	if (!ahead)
		return -1;
	*s = ahead;
	return 0;
}

static void bad_format(struct job *j, const char *expected, const char *what)
{
	struct finding_text more = {.expected = expected, .error = ERROR_CORRUPT};
	finding_add(j->f, PROOF_STRUCTURE, "format.magic", j->pt->name, OUTCOME_BROKEN, &more,
		    "by its name it should be %s; its first bytes are %s", expected, what);
}

/* The format that the rest of the name speaks of, or NULL. */
static const struct format *by_name(struct job *j, size_t *stem)
{
	autofree char *name = strndup(j->pt->name, j->stem);
	return name ? format_by_suffix(name, stem) : NULL;
}

/* Peels one codec off. 1 done, 0 there is none, -1 error, -2 finding made: give up. */
static int peel(struct job *j, struct error *e)
{
	const struct format *row, *named;
	size_t stem = j->stem;
	if (look(j->ends, j->stream, j->codecs ? NULL : j->pt->source, e) < 0)
		return -1;
	named = by_name(j, &stem);
	if (format_identify(&j->ends->probe, FORMAT_CODEC, &row, e) < 0) {
		/* zstd and lz4 share their skippable frames: where only these are seen, the name decides. */
		if (e->cls != ERROR_AMBIGUOUS || !named || !named->decode || !named->bid(&j->ends->probe))
			return -1;
		row = named;
	}
	if (named && named->kind == FORMAT_CODEC && row != named && (!row || named->decode)) {
		bad_format(j, named->name, row ? row->name : "not");
		return -2;
	}
	if (!row)
		return 0;
	if (named == row)
		j->stem = stem;
	if (add_format(j->pt, row->name, e) < 0)
		return -1;
	if (!row->decode)
		return error_set(e, ERROR_UNSUPPORTED, ERROR_NO_OFFSET, "%s can't be decoded by this build",
				 row->product ? row->product : row->name);
	if (j->codecs == MAX_CODECS)
		return error_set(e, ERROR_LIMIT, ERROR_NO_OFFSET, "more than %d layers of compression",
				 MAX_CODECS);
	if (overlap(&j->stream, e) < 0)
		return -1;
	struct stream *decoded = row->decode(j->stream, &j->info[j->codecs], e);
	if (!decoded)
		return -1;
	j->stream = decoded;
	j->codec[j->codecs++] = row;
	return 1;
}

/* What codecs said, once everything has been finished. */
static void codecs_held(struct job *j)
{
	bool checked = j->codecs > 0;
	for (size_t i = 0; i < j->codecs; i++) {
		const struct codec_info *info = &j->info[i];
		/* Any layer that covers its content covers what is inside it, the outermost all of it. */
		checked = i == 0 ? info->unchecked == 0 : checked || info->unchecked == 0;
		finding_add(j->f, PROOF_STRUCTURE, "codec.end", j->pt->name, OUTCOME_HELD, NULL,
			    "%s: clean end, %llu %s", j->codec[i]->name, (unsigned long long)info->members,
			    info->members == 1 ? "frame" : "frames");
		if (info->unchecked)
			finding_add(j->f, PROOF_INTEGRITY, "codec.checksum", j->pt->name, OUTCOME_SKIPPED, NULL,
				    "%s: %llu of %llu frames carry no checksum", j->codec[i]->name,
				    (unsigned long long)info->unchecked, (unsigned long long)info->members);
		else
			finding_add(j->f, PROOF_INTEGRITY, "codec.checksum", j->pt->name, OUTCOME_HELD, NULL,
				    "%s checksums cover all content", j->codec[i]->name);
	}
	j->pt->content_checked = checked;
}

/* The stream was read to its proved end. */
static int finished(struct job *j, struct error *e)
{
	struct part *pt = j->pt;
	if (watch_end(&j->stored, pt->digests, &pt->digest_mask, e) < 0 ||
	    watch_end(&j->content, pt->content_digests, &pt->content_mask, e) < 0)
		return -1;
	pt->read_whole = j->stored.bytes == source_size(pt->source);
	pt->clean_end = true;
	pt->content_size = j->codecs ? j->content.bytes : j->stored.bytes;
	codecs_held(j);
	return 0;
}

static int open_disk(struct job *j, struct error *e)
{
	struct part *pt = j->pt;
	pt->kind = PART_DISK;
	if (add_format(pt, "raw", e) < 0)
		return -1;
	if (!j->codecs) {
		pt->disk = pt->source;
		return j->p->depth == DEPTH_FULL
			       ? reading_start(pt, wanted_digests(j->s, j->index, false), j->p->budget, e)
			       : 0;
	}
	if (overlap(&j->stream, e) < 0)
		return -1;
	pt->disk = spool_stream(j->p->scratch, j->stream, j->p->budget, e);
	if (stream_state(j->stream) != STREAM_FINISHED)
		return -1;
	struct error later;
	if (finished(j, &later) < 0) {
		*e = later;
		return -1;
	}
	return pt->disk ? 0 : -1;
}

/* A recognised container: named, and not opened. All the same its stored bytes are digested. */
static int refuse_image(struct job *j, const struct format *row, struct error *e)
{
	if (add_format(j->pt, row->name, e) < 0)
		return -1;
	return error_set(e, ERROR_UNSUPPORTED, ERROR_NO_OFFSET, "%s is recognised and has no reader here",
			 row->product ? row->product : row->name);
}

static int read_part(struct job *j, struct error *e)
{
	const struct format *row, *named;
	size_t stem = j->stem;
	int rc = peel(j, e);
	while (rc > 0)
		rc = peel(j, e);
	if (rc < 0)
		return rc;
	if (j->codecs && watch_start(&j->content, j->stream, wanted_digests(j->s, j->index, true), e) < 0)
		return -1;
	named = by_name(j, &stem);
	if (format_identify(&j->ends->probe, FORMAT_ARCHIVE, &row, e) < 0)
		return -1;
	if (!row && named && named->kind == FORMAT_ARCHIVE) {
		bad_format(j, named->name, "not");
		return -2;
	}
	if (row && !row->product) {
		j->pt->kind = PART_ARCHIVE;
		if (add_format(j->pt, row->name, e) < 0 || overlap(&j->stream, e) < 0 ||
		    archive_pass(j->s, j->pt, j->stream, j->p, j->f, e) < 0)
			return -1;
		return finished(j, e);
	}
	if (!row && format_identify(&j->ends->probe, FORMAT_IMAGE, &row, e) < 0)
		return -1;
	if (row)
		return refuse_image(j, row, e);
	if (named && named->kind == FORMAT_IMAGE && named->product) {
		/* Some are known by name alone, or by their end, which a stream does not show. */
		if (!named->bid || j->codecs)
			return refuse_image(j, named, e);
		bad_format(j, named->name, "not");
		return -2;
	}
	return open_disk(j, e);
}

/* Which proof a failure to read a part speaks to. */
static void part_failed(struct job *j, const struct error *e)
{
	enum proof proof = e->cls == ERROR_BUSY	      ? PROOF_PRESENCE
			   : e->cls == ERROR_CORRUPT ||
					     e->cls == ERROR_IO
				   ? PROOF_INTEGRITY
				   : PROOF_STRUCTURE;
	finding_error(j->f, proof, "part.read", j->pt->name, e);
}

static int run_job(struct job *j, struct error *e)
{
	struct part *pt = j->pt;
	struct error why = {0};
	pt->source = source_open_file(pt->file->path, &why);
	if (!pt->source) {
		finding_error(j->f, PROOF_PRESENCE, "part.open", pt->name, &why);
		return 0;
	}
	if (!source_size(pt->source)) {
		struct finding_text more = {.blame = BLAME_DAMAGED, .error = ERROR_CORRUPT};
		finding_add(j->f, PROOF_PRESENCE, "part.size", pt->name, OUTCOME_BROKEN, &more,
			    "the file is empty");
		return 0;
	}
	if (is_held_by_writer(source_fd(pt->source))) {
		struct finding_text more = {.blame = BLAME_BUSY, .error = ERROR_BUSY};
		finding_add(j->f, PROOF_PRESENCE, "part.writer", pt->name, OUTCOME_BROKEN, &more,
			    "another program has it open for writing, or holds a lock on it");
		return 0;
	}
	j->ends = malloc(sizeof *j->ends);
	if (!j->ends)
		return error_nomem(e);
	j->stem = strlen(pt->name);
	j->stored.counter = &j->p->budget->bytes_read;
	j->stream = stream_from_source(pt->source, &why);
	if (!j->stream ||
	    watch_start(&j->stored, j->stream, wanted_digests(j->s, j->index, false), &why) < 0) {
		*e = why;
		return -1;
	}
	int rc = read_part(j, &why);
	if (rc == -1 && why.cls == ERROR_INTERNAL) {
		*e = why;
		return -1;
	}
	if (rc == -1)
		part_failed(j, &why);
	return 0;
}

int part_open(struct subject *s, struct part *pt, size_t index, const struct check_parameters *p,
	      struct findings *f, struct error *e)
{
	struct job j = {.s = s, .pt = pt, .index = index, .p = p, .f = f};
	int rc = run_job(&j, e);
	stream_destroy(j.stream);
	watch_free(&j.stored);
	watch_free(&j.content);
	free(j.ends);
	return rc;
}

void part_close(struct part *pt)
{
	reading_free(pt->reading);
	disk_layout_free(&pt->layout);
	if (pt->disk != pt->source)
		source_destroy(pt->disk);
	source_destroy(pt->source);
	strings_free(&pt->formats);
	free(pt->name);
}
