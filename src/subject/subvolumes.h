// SPDX-License-Identifier: GPL-3.0-or-later
#ifndef SUBJECT_SUBVOLUMES_H
#define SUBJECT_SUBVOLUMES_H

#include "backproof/subject.h"

/* Where no volume is a root by itself: the one with a subvolume that is, which it shows from then on. Or NULL. */
struct subject_volume *subvolumes_find_root(struct subject *s, struct findings *f);
/* Mounts the subvolumes that fstab names besides; volumes may move in memory. -1: memory. */
int subvolumes_mount(struct subject *s, struct error *e) must_check;
/* The volume shows this subvolume from now on. */
int subvolume_enter(struct subject_volume *v, const char *path, uint64_t id, struct error *e) must_check;

#endif
