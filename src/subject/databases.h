// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * ESE databases (Exchange, Active Directory, DHCP...) of any size: their pages are checked where they lie, without
 * restoring them, and for those that were in use the logs that bring them up to date are looked for.
 */
#ifndef SUBJECT_DATABASES_H
#define SUBJECT_DATABASES_H

#include "backproof/subject.h"

struct database {
	struct subject_volume *volume;
	char *path; /* on its volume */
	struct fs_entry entry;
};

/* Log files of one name in one directory: E00.log, E0000000012.log, E0000000013.log... */
struct log_group {
	char *directory; /* with its volume in front */
	char prefix[4];
	bool current;	 /* the one without a number */
	VEC(uint32_t) numbers;
};

struct databases {
	VEC(struct database) files;
	VEC(struct log_group) logs;
	size_t numbers;
	bool incomplete; /* more than is kept: what is not found may be there */
};
void databases_free(struct databases *d);
/* Shows it one file of a volume; what is neither by its name is passed over. */
int databases_note(struct databases *d, struct subject_volume *v, const struct fs_entry *entry,
		   struct error *e) must_check;
/* All of them: PROOF_RESTORE "ese.pages", "ese.state", "ese.logs". */
void databases_check(struct databases *d, struct subject *s, const struct check_parameters *p, struct findings *f);
/* The group that has the generations low to high, preferably in that directory; NULL: none has. */
const struct log_group *databases_logs(const struct databases *d, const char *directory, uint32_t low, uint32_t high);

/* ese_sample.c: pages of a database that is too large to be read whole. */
struct ese_scan;
struct ese_sample {
	uint64_t pages, checked, held; /* of the file, by lot, and of those written at all */
};
/*
 * Its headers through x, and a seeded choice of pages worth most bytes, in the order of the file. 1: done, 0: it is no
 * database, -1; UNSUPPORTED: this file can't be read at random.
 */
int ese_sample(struct fs *fs, const struct database *db, uint64_t most, const struct check_parameters *p,
	       struct ese_scan *x, struct ese_sample *out, struct error *e) must_check;

#endif
