// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * What changes little from one backup of a machine to the next, taken where a tree is gone through anyway: how many
 * files there are, a sketch of their paths, and how much of what was restored nothing can compress.
 */
#ifndef SUBJECT_TRAITS_H
#define SUBJECT_TRAITS_H

#include "backproof/subject.h"

/* One walk, of one thread. All zeros to begin with. */
struct traits_walk {
	uint64_t entries;
	uint64_t *hashes;
	size_t count;
	uint64_t bar; /* hashes from here on are not among the least; 0: not known yet */
	bool lost;    /* memory ran out */
};

/* A file of that path (no leading slash) is there. Caches count, but come and go: they are no part of the sketch. */
void traits_see(struct traits_walk *w, const char *path);
/* Adds a walk that came to its end. -1: memory ran out, and nothing can be told by it. */
int traits_add(struct tree_traits *t, struct traits_walk *w);
/* A walk broke off: what was counted tells nothing. */
void traits_spoil(struct tree_traits *t);
void traits_walk_free(struct traits_walk *w);

/*
 * Tries how well the beginning of a restored file can be compressed: adds to *opaque of *tried bytes. 1: tried; 0: left
 * out, as it is of a kind that is always compressed, or too small to tell; -1: it could not be read back.
 */
int traits_try(int fd, uint64_t size, const char *path, uint64_t *opaque, uint64_t *tried,
	       struct error *e) must_check;

#endif
