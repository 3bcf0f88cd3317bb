// SPDX-License-Identifier: GPL-3.0-or-later
/* What the ways of `backproof waive` share. */
#ifndef CLI_WAIVE_H
#define CLI_WAIVE_H

#include "backproof/person.h"
#include "commands.h"

struct waive {
	const struct options *o;
	struct config config;
	const struct policy *policy; /* of the host; of --list without one, that of --policy, or the default */
	const char *host;	     /* NULL: none was given */
	const char *path;	     /* of the history */
	struct history *history;
	int64_t now;
	struct person who;
	bool json;
};
/* Each returns the exit status. */
int waive_record(struct waive *x);
int waive_approve(struct waive *x);
int waive_end(struct waive *x);
int waive_list(struct waive *x);

/* JSON: one waiver, with its host and what it is worth now. state: "in-force", "pending" or "void". */
void waive_json(struct text *out, const struct waiver *w, const char *state, const char *why);
/* One line, or the object with --format json, on standard output. */
int waive_say(const struct waive *x, const struct waiver *w, const char *state, const char *why, struct text *line);
/* What it is worth under the policy of its host, by which w->approved_by is filled too. NULL: can't be told. */
const char *waive_state(const struct waive *x, struct waiver *w, struct text *why, struct error *e);

#endif
