// SPDX-License-Identifier: GPL-3.0-or-later
/* What names in a seal may be. */
#ifndef SEAL_NAMES_H
#define SEAL_NAMES_H

#include "backproof/seal.h"

/* A file's own name, that a terminal can show and a directory can hold. */
bool seal_name_is_plain(const char *name);
/* No two files of it have one name. -1: memory. */
int seal_names_differ(const struct seal *s, bool *differ, struct error *e) must_check;
/* NAME of NAME.seal; what has another suffix is its own NAME. Length of the base name, which *base is set to. */
size_t seal_stem(const char *path, const char **base);
/* "NAME.0123456789abcdef.seal-tree", the digits being the beginning of its digest. Allocated. */
char *seal_tree_name(const char *stem, size_t length, const uint8_t sha256[32]) must_check;
/* true when name is one that seal_tree_name gives to that stem. */
bool seal_owns_tree(const char *stem, size_t length, const char *name);
/* PATH with another base name. Allocated. */
char *seal_beside(const char *path, const char *name) must_check;

/*
 * Where the hashes of each file will lie, and that they are the file's: fills first and chunks of the files, and
 * s->tree_size, which is 0 where no file has any.
 */
int seal_tree_place(struct seal *s, const struct chunks *const *chunks, struct error *e) must_check;
/* The side file to fd, which is empty: fills s->tree_sha256. */
int seal_tree_write(struct seal *s, const struct chunks *const *chunks, int fd, const char *name,
		    struct error *e) must_check;
/* How the side file begins. */
extern const uint8_t seal_tree_magic[SEAL_TREE_HEAD];

#endif
