// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * A source read once from front to back, and digested while it is read: by trees on all cores, by other kinds each on a
 * core of its own. What the source knows to be zero is not read, and costs a tree nothing.
 */
#ifndef BACKPROOF_SWEEP_H
#define BACKPROOF_SWEEP_H

#include "backproof/budget.h"
#include "backproof/digest.h"
#include "backproof/merkle.h"
#include "backproof/source.h"

struct sweep {
	/* Given: */
	unsigned mask;		     /* kinds of digests wanted, 1u << kind */
	const struct budget *budget; /* asked at least once in 64 MiB of data; may be NULL */
	_Atomic uint64_t *progress;  /* grows by what has been passed, zeros included; may be NULL */
	merkle_observer *observer;   /* with DIGEST_FSVERITY: sees its chunks, in the caller's thread; may be NULL */
	void *ctx;
	/* Others that see all bytes, too, and go on with the next source: DIGEST_KINDS, NULL where none; or NULL. */
	struct digest *const *beside;
	/* Filled: */
	uint8_t digests[DIGEST_KINDS][DIGEST_MAX]; /* those of mask: all, once sweep_source has returned 0 */
	uint64_t read, zero; /* bytes that were read, and that the source knew to be zero: together its size */
};

/*
 * Blocks until the end. -1: as reading failed, or the budget was used up; no digest means anything then. That the file
 * has not changed meanwhile is for the caller to ask (source_same). Takes some MiB of memory, whatever the size.
 */
int sweep_source(struct source *src, struct sweep *w, struct error *e) must_check;

#endif
