// SPDX-License-Identifier: GPL-3.0-or-later
/* The parts of gate_hook. */
#ifndef GATE_HOOK_H
#define GATE_HOOK_H

#include "backproof/config.h"
#include "backproof/hook.h"
#include "backproof/ledger.h"

/* What the child tells while it is at work; whoever waits for it reads it at any time. */
struct hook_shared {
	volatile int64_t timeout; /* seconds; 0: not known yet */
	char doing[400];	  /* what it is at */
	char waived[400];	  /* not empty: a waiver is in force, whatever else is found out */
};

struct hook_job {
	const struct hook_request *request;
	const struct config *config;
	const struct hook_config *hook;
	char self[256];	    /* this machine's name */
	const char *host;   /* as configured, else self */
	int64_t now;
	int64_t deadline_ns; /* monotonic */
	struct hook_shared *shared;
};
void hook_doing(struct hook_shared *s, const char *what, const char *path);
/* All of it: what the child does. */
void hook_work(const struct hook_request *r, struct hook_shared *shared, struct hook_answer *out);

/* Of apt. 1: an upgrade that somebody has to allow; 0: go on, and out is the answer; -1. */
int hook_ask_apt(struct hook_shared *shared, struct hook_answer *out, struct error *e) must_check;
/* Puts that together, name escaped; returns code. */
enum code hook_say(struct text *why, enum code code, const char *before, const char *name, const char *after);

/* By the pass of the section. why: one line, untrusted parts escaped. */
enum code hook_pass(const struct hook_job *j, struct text *why);
/* Runs `fetch` once. why: appended to when it did not do well. */
void hook_fetch(const struct hook_job *j, struct text *why);
/* By the history of the policy. */
enum code hook_history(const struct hook_job *j, struct history *h, const struct policy *p, struct text *why);
/*
 * What a verdict in the history is worth now, but for its files and the machine it is of: pure, so that a clock that
 * was wrong can be tried.
 */
enum code hook_record_judge(const struct history_record *r, const struct policy *p, int64_t max_verdict_age,
			    int64_t now, struct text *why);
/* Whether files are what they were. */
enum code hook_files_judge(const struct history_files *files, struct hook_shared *shared, struct text *why);

#endif
