// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * What one check may use: time and bytes. Also carries cancellation (signals) into long loops and
 * the counters that progress shows.
 */
#ifndef BACKPROOF_BUDGET_H
#define BACKPROOF_BUDGET_H

#include <signal.h>
#include <stdatomic.h>

#include "backproof/base.h"

struct pace;

struct budget {
	int64_t deadline_ns;	    /* CLOCK_MONOTONIC, 0: none */
	unsigned width;		    /* of the pool of a process that works for it; 0: all cores */
	int64_t limit_ns;	    /* the same, of this restore point: time_limit after it was begun */
	int64_t time_limit;	    /* seconds, as the policy has it */
	/* What is above these is LIMIT, told with the key of policy that it is; 0: none. */
	uint64_t max_entries;	    /* entries walked in one file system or archive */
	uint64_t max_expansion;	    /* bytes that are not zero decoded from each stored byte of a file */
	uint64_t max_decoded;	    /* bytes decoded from one file, zeros too */
	uint32_t max_path_depth;    /* directories in each other */
	uint32_t max_chain;	    /* images on each other */
	struct pace *pace;	    /* borrowed, of the reading of stored bytes; NULL: as fast as it goes */
	_Atomic uint64_t bytes_read; /* stored bytes */
	_Atomic uint64_t bytes_total; /* stored bytes that will be read, 0 when unknown */
	_Atomic uint64_t bytes_decoded;
	_Atomic(const char *) stage; /* a literal, for progress */
};

void budget_init(struct budget *b);
/* LIMIT when the deadline has passed or a signal asked to stop. Call it once a MiB or an entry. */
int budget_check(const struct budget *b, struct error *e) must_check;

/* One entry more, the count so far in *entries; also budget_check. b may be NULL. */
int budget_entry(const struct budget *b, uint64_t *entries, struct error *e) must_check;
/* LIMIT when so many directories lie in each other. */
int budget_depth(const struct budget *b, size_t depth, struct error *e) must_check;
/*
 * What has been decoded of `stored` bytes so far, and what of that is not zero. The first `spare` of these don't count:
 * a small thing may well be a pattern; and zeros hardly do.
 */
#define BUDGET_SPARE GIB	/* of what ends as a disk or an archive */
#define BUDGET_SPARE_INNER (4 * MIB) /* of what is compressed itself: that does not shrink much again */
int budget_decoded(const struct budget *b, uint64_t stored, uint64_t decoded, uint64_t data, uint64_t spare,
		   struct error *e) must_check;

/* Set by signal handlers: the signal's number, 0 when none. */
extern volatile sig_atomic_t stop_signal;

int64_t monotonic_ns(void);
/* So many seconds behind start_ns; INT64_MAX where that is further than any clock goes. */
int64_t seconds_after(int64_t start_ns, int64_t seconds);
/* Bytes of memory that can be had without swapping, by this process's control group too; 0: not known. */
uint64_t memory_available(void);
/* Before a process is confined: memory_available goes on answering. */
void system_keep(void);

#endif
