// SPDX-License-Identifier: GPL-3.0-or-later
/* What check and run have in common: one host, from the command line to its verdict. */
#ifndef CLI_JUDGE_H
#define CLI_JUDGE_H

#include "pass_file.h"

struct judging {
	const struct options *o;
	struct config config;
	struct passes passes;
	struct budget budget;
	struct gate_request request;
	struct host_result result; /* when judge_host has returned */
	bool judged;
};
/* 0, or the exit status of what was complained about. name: of the command. To be freed with judge_free in any case. */
int judge_prepare(struct judging *j, const struct options *o, const char *name);
/* The verdict, with a backup made now where policy asks for one. Notes on it have been told. */
void judge_host(struct judging *j);
/* It lets a patch begin, and could not be told: the history is told that. */
void judge_unreported(struct judging *j);
/* The report of it. short_text: with --quiet, as text. */
void judge_report(const struct options *o, const struct host_result *r, int status, struct text *out);
/* Verdict and reasons in a few lines; nothing for a safe one, and of a waiver mention_said tells. */
void judge_short(const struct host_result *r, struct text *out);
/* -1 when the output is one of the files that it speaks for. */
int judge_spares(const struct options *o, const struct host_result *r, struct error *e) must_check;
void judge_free(struct judging *j);
/* complain, where no code hangs on it. */
void judge_say(const char *text);

#endif
