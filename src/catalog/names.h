// SPDX-License-Identifier: GPL-3.0-or-later
/* A set of directory entries that can be asked for by host, compact enough for millions. */
#ifndef CATALOG_NAMES_H
#define CATALOG_NAMES_H

#include "backproof/text.h"
#include "scan.h"

enum names_key {
	NAMES_WHOLE, /* the name is the host's */
	NAMES_WORDS, /* the host's stands between separators in it */
	NAMES_ANY,   /* the host's is somewhere in it: slow */
};
struct names_entry {
	uint32_t place; /* the caller's */
	uint32_t name;	/* offset in text */
	uint8_t type;	/* enum scan_type */
	uint8_t key;	/* enum names_key */
};
struct names {
	struct names_entry *items;
	size_t count, capacity;
	struct text text;
	/* Bucket b holds postings[starts[b] .. starts[b+1]): entries, each next to its repetitions. */
	uint32_t *starts, *postings;
	uint32_t mask;
};
void names_free(struct names *n);
int names_add(struct names *n, uint32_t place, const char *name, enum scan_type type,
	      enum names_key key, struct error *e) must_check;
/* To be called once, after the last names_add. */
int names_build(struct names *n, struct error *e) must_check;
const char *names_text(const struct names *n, const struct names_entry *it);
/* Calls fn for each entry that may be of the host, and some that are not. -1: what fn said. */
typedef int names_fn(void *ctx, const struct names_entry *it, struct error *e);
int names_find(const struct names *n, const char *host, names_fn *fn, void *ctx,
	       struct error *e) must_check;

#endif
