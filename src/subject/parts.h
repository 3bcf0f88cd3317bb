// SPDX-License-Identifier: GPL-3.0-or-later
/* The rooms that subject_open goes through. */
#ifndef SUBJECT_PARTS_H
#define SUBJECT_PARTS_H

#include "backproof/subject.h"

/*
 * Opens one file of the restore point and reads it. Findings hold what was wrong; the part is then as
 * far open as it could be. -1: memory or internal.
 */
int part_open(struct subject *s, struct part *pt, size_t index, const struct check_parameters *p,
	      struct findings *f, struct error *e) must_check;
void part_close(struct part *pt);
/* Waits for the background digest of a raw disk, if there is one. */
void part_join(struct part *pt, const struct check_parameters *p, struct findings *f);

/* Finds the volumes of a disk part and opens their file systems. -1: memory. */
int part_volumes(struct subject *s, struct part *pt, struct findings *f, struct error *e) must_check;

/* Reads an archive part to its end: keeps what facts and witnesses need, restores samples in passing. */
int archive_pass(struct subject *s, struct part *pt, struct stream *in, const struct check_parameters *p,
		 struct findings *f, struct error *e) must_check;
void archive_tree_free(struct archive_tree *t);
struct tree_reader archive_tree_reader(struct archive_tree *t);

/* Maps the fstab of the root onto the volumes. -1: memory. */
int mounts_assign(struct subject *s) must_check;

#endif
