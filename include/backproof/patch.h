// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * A patch: the command that only runs when the verdict lets it, the check after it, and what is kept of both. The steps
 * are those of struct patch_record: admit, begin, run, end.
 */
#ifndef BACKPROOF_PATCH_H
#define BACKPROOF_PATCH_H

#include "backproof/gate.h"

struct patch_request {
	const struct gate_request *gate;
	const struct strings *command; /* without a shell */
	const char *post;	       /* for sh, or NULL */
	void (*say)(const char *text); /* what can't wait until the end, a line */
};

struct patch;
/*
 * Before anything is read: whether what policy asks of a patch can be had at all. NULL: *code, and *e. The strings of q
 * are borrowed.
 */
struct patch *patch_open(const struct patch_request *q, enum code *code, struct error *e) must_check;
void patch_destroy(struct patch *p);
/*
 * After the check. Only when its verdict is safe or waived, every file is still the one that was read, and the places
 * in the host's groups are taken: true. Otherwise the verdict of r says why not. r->patch is there from now on.
 */
bool patch_admit(struct patch *p, struct host_result *r) must_check;
/* The history knows of it. patch_end comes after it in any case. */
void patch_begin(struct patch *p, struct host_result *r);
/*
 * Looks at the files once more (false, and as above), and runs the command with our streams, and the check after it.
 * Signals that were sent to this process alone are the command's; those that a terminal sends it gets itself. Nothing
 * is started when somebody has asked us to stop before: then the state is NONE.
 */
bool patch_run(struct patch *p, struct host_result *r) must_check;
/* The history knows how it ended, and the places are free again. */
void patch_end(struct patch *p, struct host_result *r);

/* The check after it did not say that all is well. */
bool patch_post_failed(const struct patch_record *r);

#endif
