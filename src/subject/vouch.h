// SPDX-License-Identifier: GPL-3.0-or-later
/* What the two halves of vouching share: finding the files, and reading them. */
#ifndef SUBJECT_VOUCH_H
#define SUBJECT_VOUCH_H

#include "backproof/subject.h"

/* A file that a package vouches for, where it lies. */
struct target {
	const struct vouched *vouched;
	struct subject_volume *volume;
	uint64_t id, place, size;
	int64_t mtime, ctime;
	enum outcome result; /* HELD, BROKEN (mismatch), UNREADABLE */
};

struct vouch {
	struct subject *s;
	const struct check_parameters *p;
	struct findings *f;
	struct vouchers vouchers;
	VEC(struct target) targets;
	uint64_t documents_missing, programs_missing, late_asked;
};

/* Digests all targets and sets their results. -1: it could not be carried out to the end. */
int vouch_read(struct vouch *x, struct error *e) must_check;

#endif
