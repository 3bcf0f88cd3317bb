// SPDX-License-Identifier: GPL-3.0-or-later
/* The command that brings a new pass. */
#include "backproof/budget.h"
#include "backproof/program.h"
#include "hook.h"

#define SECOND INT64_C(1000000000)
#define SPARE 3 /* seconds to end it, and to judge what it has brought */

static int with_host(const struct strings *from, const char *host, struct strings *out)
{
	static const char field[] = "{host}";
	for (size_t i = 0; i < from->count; i++) {
		autotext struct text word = {0};
		const char *at = from->items[i], *next;
		for (; (next = strstr(at, field)); at = next + sizeof field - 1) {
			text_put_bytes(&word, at, (size_t)(next - at));
			text_put(&word, host);
		}
		text_put(&word, at);
		if (word.failed || strings_add(out, text_str(&word)) < 0)
			return -1;
	}
	return 0;
}

void hook_fetch(const struct hook_job *j, struct text *why)
{
	struct strings words = {0};
	struct program p = {.state = PROGRAM_NONE};
	struct error e = {0};
	int64_t left = (j->deadline_ns - monotonic_ns()) / SECOND;
	struct program_request r = {.words = &words,
				    .out = PROGRAM_STDERR,
				    .err = PROGRAM_STDERR,
				    .own_group = true,
				    .seconds = left > 2 * SPARE ? left - SPARE : left > 1 ? left / 2 : 1};
	hook_doing(j->shared, "waiting for fetch: ", j->hook->fetch.items[0]);
	if (with_host(&j->hook->fetch, j->host, &words) == 0)
		program_run(&r, &p, &e);
	strings_free(&words);
	if (p.state != PROGRAM_EXITED || p.status) {
		text_put(why, "; and fetch did not do well: ");
		if (p.timed_out)
			text_put(why, "it took too long");
		else
			program_put(p.state, p.status, why);
	}
	program_free(&p);
}
