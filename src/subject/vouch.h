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
/* Digests all targets and sets their results. -1: it could not be carried out to the end. */
int vouch_read(struct vouch *x, struct error *e) must_check;

/* vouch_programs.c: the programs of a Windows, which carry checksums. */
int vouch_programs(struct vouch *x, struct error *e) must_check;
/* Reads one of them: t->result. A finding tells what is broken. -1: it is not the file's fault. */
struct fs;
int vouch_program(struct vouch *x, struct fs *fs, struct target *t, uint8_t *buf, struct error *e) must_check;

#endif
