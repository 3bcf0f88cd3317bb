// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The seals that speak for a restore point: found beside its files, opened with the policy's keys, and held against
 * what is there. A chain's parent may have a seal of its own, which says nothing of the machine's last state.
 */
#ifndef BACKPROOF_SEALED_H
#define BACKPROOF_SEALED_H

#include "backproof/seal.h"
#include "backproof/subject.h"

#define SEALED_NONE SIZE_MAX

struct sealed_one {
	struct seal seal;
	const char *name;     /* base name, in seal.path: the subject of findings */
	struct chunks **tree; /* as seal_tree_load gives it, or NULL: */
	struct error no_tree; /* why */
	size_t *parts;	      /* of each of seal.files: its index in the restore point, or SEALED_NONE */
	bool *lists;	      /* of each part: it is in the list */
	bool vouches;	      /* its signature is not what spoils it */
};

struct sealed {
	VEC(struct sealed_one) items;
	struct trusted_keys keys;
	char *rejected; /* path of one that can't be believed or read, or NULL */
};

/*
 * Finds and opens the seals of a restore point whose parts are named, and none of which is open. Fills s->sealed and
 * what is known of the parts. Adds "seal.keys", "seal.format", "seal.signature", "seal.files", "seal.size",
 * "seal.conflict", "seal.coverage" and "seal.tree". -1: memory.
 */
int sealed_load(struct subject *s, const struct check_parameters *p, struct findings *f, struct error *e) must_check;
void sealed_free(struct sealed *x);

/* After the parts are open: it is of this restore point, and not only of parents that it stands on. */
bool sealed_is_own(const struct subject *s, const struct sealed_one *x);
/* ... and it is of all its files but notes: then its tree of files is the restore point's. */
bool sealed_is_whole(const struct subject *s, const struct sealed_one *x);
/* What a seal of the whole says of a file inside (absolute path in the merged tree), or NULL. */
const struct seal_entry *sealed_entry(const struct subject *s, const char *path);

/* Paths of seals that may speak for it: those that are named after a file of it; */
int sealed_find_beside(const struct restore_point *point, struct strings *out, struct error *e) must_check;
/* and all others in the directories of its files, where these are few enough, or named after such a directory. */
int sealed_find_around(const struct restore_point *point, struct strings *out, struct error *e) must_check;

#endif
