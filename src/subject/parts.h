// SPDX-License-Identifier: GPL-3.0-or-later
/* The rooms that subject_open goes through. */
#ifndef SUBJECT_PARTS_H
#define SUBJECT_PARTS_H

#include "backproof/subject.h"

/* What opening needs everywhere. */
struct opener {
	struct subject *s;
	const struct check_parameters *p;
	struct findings *f;
};

/* BYTES: decoded, at random, whatever they are. CONTENT: what is in them as well. */
enum part_depth { PART_BYTES, PART_CONTENT };
/*
 * Opens one file of the restore point (and the pieces behind it) and reads it; other files are opened by it
 * when its image needs them. Findings and pt->failure hold what was wrong; the part is then as far open as it
 * could be. -1: memory or internal.
 */
int part_open(struct opener *o, struct part *pt, enum part_depth depth, struct error *e) must_check;
/* Opens the image in bytes that are open. 0 also where there is none, or it is broken: see pt->failure. */
int part_image(struct opener *o, struct part *pt, const struct format *row, struct error *e) must_check;
void part_close(struct part *pt);
/* Waits until what was given up is gone. */
void subject_given_up(struct subject *s);
/* Waits for the background digest of stored bytes, if there is one. */
void part_join(struct part *pt, const struct check_parameters *p, struct findings *f);
/* How many bytes have been read and decoded, as of now. */
void subject_measure(struct subject *s);
/* What a part that was read at random has to say of its compression. */
void seek_join(struct part *pt, const struct check_parameters *p, struct findings *f);
int part_add_format(struct part *pt, const char *name, struct error *e) must_check;

/* Which files are pieces of one that was split, by their names. What is missing is a finding. -1: memory. */
int pieces_assign(struct subject *s, struct findings *f, struct error *e) must_check;

/* Other files for an image of `asking` (NULL: of the restore point as a whole), while it is opened. */
struct companion_desk {
	struct opener *o;
	struct part *asking;
	struct companions companions;
};
/* The part that a name in the asking image means. 0 with NULL: there is none. AMBIGUOUS: there are several. */
int companion_find(const struct companion_desk *d, const char *name, struct part **out, struct error *e) must_check;
void companion_desk_init(struct companion_desk *d, struct opener *o, struct part *asking);

/* Makes the disks of all parts known, and opens what is on them. -1: memory. */
int disks_open(struct opener *o, struct error *e) must_check;
/*
 * Finds the volumes of one more disk and opens their file systems; takes nothing. assembled: what it was put together
 * as, or NULL. -1: memory.
 */
int disk_open(struct opener *o, struct part *pt, const char *name, const char *device, struct source *source,
	      const struct assembled_volume *assembled, struct error *e) must_check;
/* What could not be opened by itself is said, now that all disks are known. */
void volumes_settle(struct subject *s, struct findings *f);
void disks_close(struct subject *s);
/* Puts volume groups and arrays together, of all disks there are, and opens what comes out. -1: memory. */
int groups_open(struct opener *o, struct error *e) must_check;
void groups_close(struct subject *s);
bool is_group_member(const struct volume *v);

/* Reads an archive part to its end: keeps what facts and witnesses need, restores samples in passing. */
int archive_pass(struct subject *s, struct part *pt, struct stream *in, const struct check_parameters *p,
		 struct findings *f, struct error *e) must_check;
void archive_tree_free(struct archive_tree *t);
struct tree_reader archive_tree_reader(struct archive_tree *t);

/* Maps the fstab of the root onto the volumes. -1: memory. */
int mounts_assign(struct subject *s) must_check;

#endif
