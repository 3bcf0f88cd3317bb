// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * What the history is used for: how deep `depth = auto` goes, which bytes need only be sampled, and what is odd about a
 * backup when it is held against earlier ones. All that is said here speaks against a backup, or for neither side.
 */
#ifndef GATE_PAST_H
#define GATE_PAST_H

#include "backproof/history.h"
#include "backproof/subject.h"
#include "backproof/wire.h"

/* Of a file with this digest. */
struct past_chunks {
	uint8_t fsverity[MERKLE_HASH];
	uint64_t size;
	struct chunks *chunks; /* NULL: given away */
};

/* Of one restore point, from before it is opened until it was judged. All zeros: there is no history. */
struct past {
	struct history *history; /* borrowed; NULL: none is kept, or it can't be used */
	bool failed;		 /* one was wanted, and can't be used: it was said so */
	bool damaged;		 /* its last check found a fault in one of these very files */
	VEC(struct known_file) known;
	VEC(struct history_file) proofs; /* whose chunks the known ones borrow */
	bool seals_read;		 /* ... and then these are what was in them */
	VEC(struct past_chunks) sealed;
};

/*
 * Before the files are opened: decides on p->depth (of a policy of AUTO) and fills p->known. history NULL: there is
 * none; why: and that is a failure (may be NULL). p borrows from x until past_end.
 */
void past_begin(struct past *x, struct history *history, const struct error *why, const struct restore_point *point,
		struct check_parameters *p, struct findings *f);
/* When all checks have run: holds the run (its verdict not yet given) against what is remembered. */
void past_judge(struct past *x, const struct history_record *now, const struct check_parameters *p,
		struct findings *f);
void past_end(struct past *x, struct check_parameters *p);

/* Chunks for a proof that has none, from the seals beside the restore point. */
void past_add_sealed_chunks(struct past *x, const struct restore_point *point, const struct check_parameters *p,
			    struct history_file *proof);
/* In a reader: what all these seals have. */
void past_seals_inside(const struct restore_point *point, struct wire_out *result);

/* What follows only compares, and is pure. */

/* The same files, of the same size and time: the same restore point again. */
bool past_is_same(const struct history_record *now, const struct history_record *then);
/* Backups of one kind, by the names of their files: of two kinds, sizes and numbers tell nothing. */
bool past_is_alike(const struct history_record *now, const struct history_record *then);
/* Two machines, as far as both tell. */
bool past_is_other_machine(const struct history_record *now, const struct history_record *then);
void past_identity(const struct history_record *now, const struct history_record *then,
		   const struct check_parameters *p, struct findings *f);
/* Sizes, number of files, names, what nothing can compress, speed. */
void past_figures(const struct history_record *now, const struct history_record *then, const struct policy *p,
		  struct findings *f);
/* Files of that size and more have to be alike for an image to be a copy. 0: there is none. */
uint64_t past_large(const struct history_record *now);
/* The bytes of an older restore point under a newer time. true: a finding was made. */
bool past_copy(const struct history_record *now, const struct history_record *then, const struct check_parameters *p,
	       struct findings *f);
/* Both have a digest of one kind, and these differ. */
bool past_differs(const struct history_file *a, const struct history_file *b);
/* A file whose bytes are not those that were seen first, though neither size nor time changed. */
void past_first_digest(const struct history_file *now, const struct history_file *then, int64_t checked_at,
		       struct findings *f);
/* The share of then's paths in place of which there are others, in millionths. false: too few are known to tell. */
bool past_renamed(const struct history_record *now, const struct history_record *then, uint32_t *share);

#endif
