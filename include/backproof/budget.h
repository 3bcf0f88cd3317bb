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
	uint64_t max_entries;	    /* entries walked in one file system or archive, 0: none */
	unsigned width;		    /* of the pool of a process that works for it; 0: all cores */
	uint64_t scratch_limit;	    /* bytes, 0: none */
	struct pace *pace;	    /* borrowed, of the reading of stored bytes; NULL: as fast as it goes */
	_Atomic uint64_t bytes_read; /* stored bytes */
	_Atomic uint64_t bytes_total; /* stored bytes that will be read, 0 when unknown */
	_Atomic uint64_t bytes_decoded;
	_Atomic(const char *) stage; /* a literal, for progress */
};

void budget_init(struct budget *b);
/* LIMIT when the deadline has passed or a signal asked to stop. Call it once a MiB or an entry. */
int budget_check(const struct budget *b, struct error *e) must_check;

/* Set by signal handlers: the signal's number, 0 when none. */
extern volatile sig_atomic_t stop_signal;

int64_t monotonic_ns(void);
/* Bytes of memory that can be had without swapping, by this process's control group too; 0: not known. */
uint64_t memory_available(void);
/* Before a process is confined: memory_available goes on answering. */
void system_keep(void);

#endif
