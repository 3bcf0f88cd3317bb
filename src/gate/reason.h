// SPDX-License-Identifier: GPL-3.0-or-later
/* The reasons of a verdict, in words. A memory failure here costs a line of text, never the code. */
#ifndef GATE_REASON_H
#define GATE_REASON_H

#include "backproof/verdict.h"

struct reasons {
	struct strings *lines; /* borrowed */
	size_t hidden;	       /* those beyond the limit */
};

/* Adds a line unless it is there already; beyond the limit it is only counted. */
void reason_line(struct reasons *r, const char *line);
/* "cannot-tell: unsupported: web01.img p2: no reader for xfs here" */
void reason_finding(struct reasons *r, const struct finding *it, enum code code);
/*
 * What else keeps a host from being patched, after its verdict was reached: its code from now on, and the first of its
 * reasons, "CODE: why". A waiver of it stands, and the verdict does not lean on it.
 */
void reason_refuse(struct host_result *r, enum code code, const char *why);
/* "and N more", of those hidden and `also` others. */
void reason_more(struct reasons *r, size_t also);

#endif
