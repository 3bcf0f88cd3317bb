// SPDX-License-Identifier: GPL-3.0-or-later
/* Reports: sealed results as text for people and programs. A row a format. */
#ifndef BACKPROOF_REPORT_H
#define BACKPROOF_REPORT_H

#include "backproof/text.h"
#include "backproof/verdict.h"

struct report_options {
	bool color;
	bool verbose;	 /* text: every finding, not the weightiest of each proof */
	unsigned width;	 /* of the terminal, 0: 100 */
	bool audit;	 /* many hosts: text gives a line each, and a summary */
	bool confinement; /* text: what confined the process that read the backup */
	int64_t now;
};

struct report_format {
	const char *name; /* "json" */
	/* Each appends to out. NULL: nothing at that point. host is called once a host, in any order. */
	void (*begin)(struct text *out, const struct report_options *o);
	void (*host)(struct text *out, const struct host_result *r, const struct report_options *o,
		     size_t index);
	void (*end)(struct text *out, const struct host_result *const *all, size_t count, enum code overall,
		    int exit, const struct report_options *o);
};
/*
 * A waiver in words, not yet escaped: "until 2026-11-22T18:00:00Z (1h 50m) by root, approved by bob: reason [CHG-1]".
 * now 0: without what is left of it.
 */
void report_put_waiver(struct text *out, const struct waiver *w, int64_t now);
/* JSON: its members, the first of them "id"; the object is the caller's. covers: a word, or NULL. */
void report_put_waiver_members(struct text *out, const struct waiver *w, const char *covers);
const struct report_format *report_format(const char *name);
const char *const *report_format_names(size_t *count);

#endif
