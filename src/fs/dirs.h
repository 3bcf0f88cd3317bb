// SPDX-License-Identifier: GPL-3.0-or-later
/* Directories that lookups went through, kept sorted by name, for file systems that have no quick way to one name. */
#ifndef FS_DIRS_H
#define FS_DIRS_H

#include "backproof/base.h"

struct dirs;
struct dirs *dirs_new(struct error *e) must_check;
void dirs_destroy(struct dirs *d);

/* One directory as it is read: fill calls dirs_put for every name in it. */
struct dirs_one;
typedef int dirs_fill_fn(void *ctx, struct dirs_one *one, struct error *e);
int dirs_put(struct dirs_one *one, uint64_t id, const char *name, uint8_t length, struct error *e) must_check;

/* 1 found, 0 not, -1. Any thread; fill is called with the lock held when directory `dir` is not kept (any more). */
int dirs_find(struct dirs *d, uint64_t dir, dirs_fill_fn *fill, void *ctx, const char *name, size_t len, uint64_t *out,
	      struct error *e) must_check;

#endif
