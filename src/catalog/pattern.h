// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The pattern of layout "files": components between '/', each made of text, globs (* ? [a-z] [!a-z], never
 * matching '/'), \x for x itself, and the fields {host} {date} {time} {disk} {part}.
 */
#ifndef CATALOG_PATTERN_H
#define CATALOG_PATTERN_H

#include "name.h"

#define PATTERN_DEPTH 8
#define PATTERN_NODES 32 /* a component */
#define PATTERN_FIELD 64 /* bytes of {disk} and {part} */

struct pattern;
/* NULL: class CORRUPT, with what is wrong and where. */
struct pattern *pattern_new(const char *text, struct error *e) must_check;
void pattern_free(struct pattern *p);
DEFINE_AUTO(struct pattern, pattern_free)
#define autopattern autodestroy(pattern_free_auto)

size_t pattern_depth(const struct pattern *p);
/* The component that {host} stands in first, or -1. */
int pattern_host_level(const struct pattern *p);
/* That component is {host} and nothing else. */
bool pattern_host_is_whole(const struct pattern *p);
/* In that component {host} always stands between separators. */
bool pattern_host_is_apart(const struct pattern *p);
bool pattern_has_date(const struct pattern *p);
bool pattern_has_disk(const struct pattern *p); /* or {part} */
/* The text of a component without globs and fields, else NULL. */
const char *pattern_literal(const struct pattern *p, size_t level);

/* What the fields matched so far, from the first component on. */
struct captures {
	struct civil civil;
	char disk[PATTERN_FIELD + 1], part[PATTERN_FIELD + 1]; /* "": none */
};
struct pattern_match {
	struct captures captures; /* with those of before */
	struct span disk, part;	  /* in this name */
	uint64_t glob[NAME_LIMIT / 64 + 1]; /* the bytes that globs matched */
};
/*
 * host: the name that {host} stands for, case ignored; NULL: any. A field given again must match the same. Time and
 * memory are bounded by nodes times bytes, whatever the name.
 */
bool pattern_match(const struct pattern *p, size_t level, const char *name, const char *host,
		   const struct captures *before, struct pattern_match *out);

#endif
