// SPDX-License-Identifier: GPL-3.0-or-later
/* What the two halves of vouching share: finding the files, and reading them. */
#ifndef SUBJECT_VOUCH_H
#define SUBJECT_VOUCH_H

#include "backproof/subject.h"

/* A file that a package vouches for, where it lies. */
struct target {
	const struct vouched *vouched; /* of a program that vouches for itself: its path alone */
	struct subject_volume *volume;
	uint64_t id, place, size;
	int64_t mtime, ctime;
	enum outcome result; /* HELD, BROKEN (mismatch), UNREADABLE; of programs what pe_check says */
	struct error *why;   /* what is to be told of it, or NULL */
	const char *check;   /* ... as a finding of this check */
};

struct vouch {
	struct subject *s;
	const struct check_parameters *p;
	struct findings *f;
	struct vouchers vouchers;
	VEC(struct target) targets;
	bool programs; /* the targets are Windows' programs, and no package knows them */
	bool no_dos;   /* ... and none of them can be of DOS or Windows 3 */
	uint64_t documents_missing, programs_missing, late_asked;
};

/* At depth SAMPLE a seeded choice of the targets stays, in the same order. */
void vouch_thin_out(struct vouch *x);
/* Digests all targets, on all cores, and sets their results. -1: it could not be carried out to the end. */
int vouch_read(struct vouch *x, struct error *e) must_check;

/* vouch_programs.c: the programs of a Windows, which carry checksums. */
int vouch_programs(struct vouch *x, struct error *e) must_check;
/* Reads one of them: t->result, and what is broken in t->why. buf: VOUCH_CHUNK. -1: it is not the file's fault. */
#define VOUCH_CHUNK (256 * KIB)
struct fs;
int vouch_program(struct vouch *x, struct fs *fs, struct target *t, uint8_t *buf, struct error *e) must_check;
/* A finding to come: findings are made when all is read, so that their order does not depend on how threads ran. */
int vouch_tell(struct target *t, const char *check, const struct error *why, struct error *e) must_check;

/* vouch_read.c: one that reads, on one core. Targets come from one queue, so none waits while there is work left. */
struct volume_reader {
	const struct subject_volume *volume;
	struct fs *fs;
};
struct vouch_queue {
	struct target **items;
	size_t count;
	_Atomic size_t next;
};
struct vouch_reading;
struct vouch_reader {
	struct vouch_reading *all;
	struct vouch *x;
	VEC(struct volume_reader) volumes; /* readers of most file systems share no state */
	struct findings opened; /* what opening them again says was said before */
	struct digest *digests[DIGEST_KINDS];
	uint8_t *buf;
	int result;
	struct error error;
};
/* The next of a queue; NULL: no more, or there is no point in going on. */
struct target *vouch_next(struct vouch_reader *r, struct vouch_queue *q);
/* Its content. NULL: t->result says why, or r->result. */
struct stream *vouch_open(struct vouch_reader *r, struct target *t);
void vouch_compare(struct target *t, const uint8_t *digest);
/* What went wrong while it was read. */
void vouch_unread(struct vouch_reader *r, struct target *t, const struct error *why);
/* All readers stop. */
void vouch_stop(struct vouch_reader *r, const struct error *why);

/* vouch_lanes.c: all files of a queue by MD5, `lanes` of them at a time, each with so many bytes of buffer. */
void vouch_read_lanes(struct vouch_reader *r, struct vouch_queue *q, unsigned lanes, size_t chunk);

#endif
