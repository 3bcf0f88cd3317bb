// SPDX-License-Identifier: GPL-3.0-or-later
/* What package managers ask before they upgrade: see backproof-hooks(7). No backup is read. */
#ifndef BACKPROOF_HOOK_H
#define BACKPROOF_HOOK_H

#include "backproof/text.h"
#include "backproof/verdict.h"

struct hook_request {
	const char *name;   /* "apt": the section of the configuration; of apt, what it is about to do is looked at */
	const char *config; /* as for config_load, or NULL */
	int64_t now;	    /* 0: the clock */
};
struct hook_answer {
	enum code code;	  /* SAFE: go on; WAIVED: go on, and say so */
	struct text says; /* lines for people, escaped; empty: nothing */
};
/*
 * Never fails, and never takes much longer than the `timeout` of the section: all that may hang or crash is done by a
 * child, and what it has not said is a refusal. To be freed with text_free(&out->says).
 */
void gate_hook(const struct hook_request *r, struct hook_answer *out);

#endif
