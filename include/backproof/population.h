// SPDX-License-Identifier: GPL-3.0-or-later
/* What is drawn from: numbers below a total, of which each can be taken once. */
#ifndef BACKPROOF_POPULATION_H
#define BACKPROOF_POPULATION_H

#include "backproof/base.h"

/* Takes a bit each: so many are 64 MiB, and stand for 256 TiB in chunks of 512 KiB. */
#define POPULATION_MAX (UINT64_C(1) << 29)

struct population;
/* LIMIT above POPULATION_MAX. */
struct population *population_new(uint64_t total, struct error *e) must_check;
void population_destroy(struct population *p);
DEFINE_AUTO(struct population, population_destroy)

uint64_t population_left(const struct population *p);
/* Takes first .. first+count out (all below the total). Returns how many of them were still there. */
uint64_t population_take(struct population *p, uint64_t first, uint64_t count);
/*
 * Takes n out by lot (n <= what is left), each set of n being as likely: out gets them in ascending order. What comes
 * out of several such calls together is as if it had been drawn in one. -1: memory, and nothing is taken.
 */
int population_draw(struct population *p, struct rng *r, uint64_t n, uint64_t *out, struct error *e) must_check;

#endif
