// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The cores of this machine, shared by all hosts and stages of one process: whoever has work that can be done beside
 * other work gives it here, so that many hosts at once do not mean many times the threads.
 */
#ifndef BACKPROOF_POOL_H
#define BACKPROOF_POOL_H

#include "backproof/base.h"

/* One piece of work, in memory of its owner. What goes wrong in it is said through the owner's own fields. */
struct task {
	void (*run)(struct task *t);
	struct task *next, *previous; /* the pool's own, as all below */
	unsigned char state;
};

/*
 * Pieces of work that can be done at the same time: the cores that this process may use, or as many as
 * BACKPROOF_THREADS says. At least 1.
 */
unsigned pool_width(void);
/* Before anything else of the pool is used. */
void pool_set_width(unsigned wanted);
/* t belongs to the pool until task_wait has returned. Never fails: what no thread takes is done by who waits for it. */
void task_begin(struct task *t);
/*
 * Returns when run has returned. A task that nobody has begun yet is run here and now: so a task may begin others and
 * wait for them, and with a width of 1 all is done in the order of waiting.
 */
void task_wait(struct task *t);
/* fn(ctx, i) for every i below count, on all cores; returns when all have returned. */
void pool_each(size_t count, void (*fn)(void *ctx, size_t i), void *ctx);

#endif
