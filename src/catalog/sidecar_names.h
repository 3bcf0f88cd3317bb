// SPDX-License-Identifier: GPL-3.0-or-later
/* What the name of a sidecar says about its lines, the names it is looked for under, and its bytes. */
#ifndef CATALOG_SIDECAR_NAMES_H
#define CATALOG_SIDECAR_NAMES_H

#include <sys/stat.h>

#include "backproof/digest.h"

#define SIDECAR_MAX (16 * MIB)

struct sidecar_naming {
	bool has_kind; /* the name tells the kind: lines of another length are cut or garbled */
	enum digest_kind kind;
	size_t stem; /* length of the name of the one file it stands beside, 0 for a list of files */
};
/* base: without directories. */
struct sidecar_naming sidecar_naming(const char *base);

/* Suffixes of a sidecar of one file, and names of lists; NULL-terminated. */
extern const char *const sidecar_suffixes[];
extern const char *const sidecar_lists[];

/* true for names that hold digests or signatures of other files: no digest is required of them. */
bool sidecar_is_one(const char *base);
/* SHA256SUMS and its like. */
bool sidecar_is_list(const char *base);
/* Also checksums.sha256, 2026-11-21.md5, sha256, web01.mf. web02.img.sha256 says whose one digest it has. */
bool sidecar_may_list(const char *base);
/*
 * The names of the lists in a directory, those first that are called as the file `base` is, or by its day. manifests:
 * *.mf too. *left: how many there are besides, at least. -1: the directory can't be read; what was found is in out.
 */
int sidecar_find_lists(const char *dir, const char *base, bool manifests, struct strings *out, size_t *left,
		       struct error *e) must_check;

/* Drops "." and empty components: "./a//b" and "a/b" name the same file. In place. */
void sidecar_normalise(char *path);
/* The absolute, normalised path; owned. NULL when memory is out. */
char *sidecar_absolute(const char *path) must_check;

/*
 * What a line means that names no file of ours: it was written elsewhere, or from a directory above. "/old/web01/a.img"
 * is a.img in any dir that is called web01; any: in all others, too. full and dir: absolute,
 * normalised. Owned: the file in dir, or full again. NULL: memory.
 */
char *sidecar_here(const char *full, const char *dir, bool any) must_check;

/* 1: opened, 0: not there (or not meant as a sidecar), -1: e says why it can't be opened. */
int sidecar_open(const char *path, int *fd, struct stat *st, struct error *e) must_check;
/* All of it, or its first SIDECAR_MAX + 1 bytes. expected: what fstat said. */
int sidecar_read(int fd, size_t expected, char **data, size_t *len, struct error *e) must_check;

#endif
