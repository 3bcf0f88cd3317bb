// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * A small reader of XML 1.0 for what others wrote, without document types: elements must nest and close; of names only
 * the part behind the prefix is looked at. It keeps nothing but where it is.
 */
#ifndef BACKPROOF_XML_H
#define BACKPROOF_XML_H

#include "backproof/base.h"
#include "backproof/error.h"

#define XML_MAX_DEPTH 64

/* A piece of the text that is read, entities and all. */
struct xml_span {
	const char *p;
	size_t len;
};
struct xml {
	const char *what; /* "the OVF descriptor", for messages */
	void *ctx;
	/* An element has begun: it is the innermost that is open. Each may be NULL; -1 ends it all, with *e. */
	int (*begin)(struct xml *x, struct error *e);
	int (*attribute)(struct xml *x, struct xml_span key, struct xml_span value, struct error *e);
	/* Text right inside the innermost, without the blanks around it; never empty. */
	int (*text)(struct xml *x, struct xml_span text, struct error *e);
	int (*end)(struct xml *x, struct error *e);
	unsigned depth; /* elements that are open: 1 is the root */
	/* The reader's own. */
	const char *at, *stop;
	bool rooted;
	struct xml_span open[XML_MAX_DEPTH];
};
/* -1: CORRUPT, what is cut or does not nest; UNSUPPORTED, a document type; LIMIT, too deep; or what a callback says. */
int xml_read(struct xml *x, const char *text, size_t length, struct error *e) must_check;
/* Is the open element so many levels up (0: the innermost) called so? */
bool xml_is(const struct xml *x, unsigned up, const char *name);
bool xml_span_is(struct xml_span s, const char *name);
/* *to, which may hold something, gets a value with its entities undone. */
int xml_keep(char **to, struct xml_span value, struct error *e) must_check;

#endif
