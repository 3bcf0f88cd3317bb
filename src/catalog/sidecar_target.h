// SPDX-License-Identifier: GPL-3.0-or-later
/* The files of a restore point as sidecars may name them: as they are, decoded, and as they were before a split. */
#ifndef CATALOG_SIDECAR_TARGET_H
#define CATALOG_SIDECAR_TARGET_H

#include "backproof/catalog.h"
#include "backproof/piece.h"

struct sidecar_target {
	char *full;	  /* absolute, normalised */
	char *dir;	  /* absolute directory */
	const char *base; /* in full */
	size_t stem;	  /* length of full without a compression suffix, 0: it has none */
	size_t joined;	  /* of the first piece: length of full without the piece's mark; 0: it is none */
	char *common;	  /* its name without its disk, partition or number of a piece; NULL: it has none of these */
	struct sidecar_target *first; /* of the pieces of an image: the one that stands for all; NULL: it is none */
	struct piece_row row; /* of the first piece, */
	long end;	      /* and the number of the last */
	bool covered;
	bool note; /* a log or a configuration: nobody keeps digests of these */
};

/* One a file of the point, in its order. -1: memory; *count of them are to be freed all the same. */
int sidecar_targets(const struct restore_point *point, struct sidecar_target **out, size_t *count) must_check;
void sidecar_targets_free(struct sidecar_target *t, size_t count);
/* A digest of what the first piece begins covers all pieces. */
void sidecar_cover_pieces(struct sidecar_target *all, size_t count, const struct sidecar_target *first);
/* A file of this name in dir is a piece of an image. */
bool sidecar_is_piece(const struct sidecar_target *all, size_t count, const char *dir, const char *name);
/* No digest of it is known, and there should be one where others have theirs. */
bool sidecar_is_uncovered(const struct sidecar_target *t);
/* full, absolute, has the name of a further disk, partition or piece of what one of these is of. */
bool sidecar_is_sister(const struct sidecar_target *all, size_t count, const char *full);

#endif
