// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * How fast stored bytes are read: what one policy allows is shared by all threads and hosts of a process that go by it.
 */
#ifndef BACKPROOF_PACE_H
#define BACKPROOF_PACE_H

#include "backproof/budget.h"

struct pace;

/* bytes_per_second > 0. NULL: memory. */
struct pace *pace_new(uint64_t bytes_per_second, struct error *e) must_check;
/* One that another process keeps: ask(bytes) returns when they may be read; false: it is time to stop. */
struct pace *pace_asking(size_t piece, bool (*ask)(uint64_t bytes), struct error *e) must_check;
void pace_destroy(struct pace *p);
DEFINE_AUTO(struct pace, pace_destroy)
/* The most to take at once, so that reading goes on evenly. */
size_t pace_piece(const struct pace *p);
/* Returns when len bytes may be read. What budget_check says when it is time to stop: LIMIT. By several threads. */
int pace_take(struct pace *p, size_t len, const struct budget *b, struct error *e) must_check;

#endif
