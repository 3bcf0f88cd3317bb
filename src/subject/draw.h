// SPDX-License-Identifier: GPL-3.0-or-later
/* The trial restore of one volume. The choice is made by names first; only what is kept in the end is read. */
#ifndef SUBJECT_DRAW_H
#define SUBJECT_DRAW_H

#include "databases.h"
#include "traits.h"
#include "trial.h"

struct candidate {
	char *path;
	struct fs_entry entry;
};

struct draw {
	struct subject_volume *volume;
	struct findings findings; /* its own: in the end they stand in the order of the volumes */
	bool kept;		  /* findings has been set up */
	bool chosen;		  /* nothing went wrong so far */
	struct sample_result sample;
	struct fs *fs; /* opened for the trial alone */
	const struct check_parameters *p;
	struct trial trial;
	struct candidate *slots;
	size_t slot_count;
	VEC(struct candidate) critical;
	const char *mount; /* without slashes around */
	uint64_t bytes;
	uint64_t logs_after; /* ignore times later than this */
	struct subject *s;
	struct databases *databases;
	struct traits_walk traits;
	bool walked;	/* all its names were gone through */
	int64_t newest; /* inode change of all of them that is not in the future; 0: none */
};

/* Goes through the names of a volume and chooses up to `files`. What goes wrong is a finding, here and in draw_try. */
void draw_begin(struct draw *d, struct subject *s, size_t index, const struct check_parameters *p, uint32_t files,
		struct databases *databases);
/* Restores what was chosen, and has it proved: of any thread, and beside the beginning of another. */
void draw_try(struct draw *d);
/* Its findings, numbers and met patterns are added to the whole's. */
void draw_end(struct draw *d, struct subject *s, bool *met, struct findings *f);

#endif
