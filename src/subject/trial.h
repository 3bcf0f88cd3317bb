// SPDX-License-Identifier: GPL-3.0-or-later
/* The trial restore: shared by archives, which pass once, and file systems. */
#ifndef SUBJECT_TRIAL_H
#define SUBJECT_TRIAL_H

#include "backproof/sample.h"
#include "backproof/subject.h"

#define LARGE_FILE (64 * KIB) /* a quarter of the sample is drawn from files of this size and more */

/* Slots of the sample: the seeded choice, and what was restored into each. */
struct trial {
	struct restorer *restorer;
	struct reservoir small, large;
	struct restored *slots; /* small.slots + large.slots */
	size_t slot_count;
	VEC(struct restored) critical;
	uint64_t bytes, limit;
	uint64_t failed;
	bool *pattern_met;	/* one per critical pattern of the policy */
	/* Whose seal may know the files. mount: where their paths begin, without slashes around; NULL: nowhere. */
	const struct subject *subject;
	const char *mount;
	bool repeats; /* one path may stand for several files (archives): one that is another says nothing */
	bool noting;		/* for sealing: */
	struct manifest manifest; /* what came out, below the root of what it came from */
};

int trial_open(struct trial *t, const struct check_parameters *p, uint32_t files, uint64_t salt,
	       struct error *e) must_check;
void trial_close(struct trial *t);
/* true when path is on the policy's critical list; remembers which pattern was met. */
bool trial_is_critical(struct trial *t, const struct policy *policy, const char *path);
/* The slot that a file of this size is drawn into, or NULL. */
struct restored *trial_draw(struct trial *t, uint64_t size);
/*
 * Reads back and asks the witnesses, of several at once; adds PROOF_RESTORE findings under subject, in the order in
 * which the files were chosen, and to the numbers.
 */
void trial_prove(struct trial *t, struct sample_result *sample, const char *subject, struct findings *f);

/* What came out is noted as of the tree in which this is mounted there (no slashes around). */
void trial_note(struct trial *t, const char *mount, struct manifest *to, struct findings *f);
void manifest_free(struct manifest *m);

#endif
