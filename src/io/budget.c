// SPDX-License-Identifier: GPL-3.0-or-later
#include "backproof/budget.h"

#include <string.h>
#include <time.h>

#include "backproof/text.h"

/*
 * Zeros cost nothing but time, and an empty disk is nothing else. But no compression makes more than a million and a
 * half of one byte: what comes to four million was compressed twice, to be a bomb.
 */
#define ZEROS_SPARE (64 * GIB)
#define ZEROS_FOR_ONE 4096

volatile sig_atomic_t stop_signal;

int64_t monotonic_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

int64_t seconds_after(int64_t start_ns, int64_t seconds)
{
	int64_t ns;
	if (mul_overflows(seconds, INT64_C(1000000000), &ns) || add_overflows(start_ns, ns, &ns))
		return INT64_MAX;
	return ns;
}

void budget_init(struct budget *b)
{
	memset(b, 0, sizeof *b);
	b->stage = "";
}

int budget_check(const struct budget *b, struct error *e)
{
	int sig = stop_signal;
	if (sig)
		return error_set(e, ERROR_LIMIT, ERROR_NO_OFFSET, "stopped by signal %d (%s)", sig,
				 strsignal(sig));
	if (!b || (!b->deadline_ns && !b->limit_ns))
		return 0;
	int64_t now = monotonic_ns();
	if (b->deadline_ns && now > b->deadline_ns)
		return error_set(e, ERROR_LIMIT, ERROR_NO_OFFSET, "the deadline has passed");
	if (b->limit_ns && now > b->limit_ns) {
		char span[32];
		return error_budget(e, "budget.time", "this restore point took longer than %s (time_limit)",
				    format_duration(b->time_limit, span));
	}
	return 0;
}

int budget_entry(const struct budget *b, uint64_t *entries, struct error *e)
{
	++*entries;
	if (b && b->max_entries && *entries > b->max_entries)
		return error_budget(e, "budget.entries", "more than %llu entries (max_entries)",
				    (unsigned long long)b->max_entries);
	return budget_check(b, e);
}

int budget_depth(const struct budget *b, size_t depth, struct error *e)
{
	if (!b || !b->max_path_depth || depth <= b->max_path_depth)
		return 0;
	return error_budget(e, "budget.depth", "directories lie more than %u deep in each other (max_path_depth)",
			    b->max_path_depth);
}

int budget_decoded(const struct budget *b, uint64_t stored, uint64_t decoded, uint64_t data, uint64_t spare,
		   struct error *e)
{
	char out[32], in[32];
	if (b && b->max_decoded && decoded > b->max_decoded)
		return error_budget(e, "budget.decoded", "it decodes to more than %s (max_decoded)",
				    format_size(b->max_decoded, out));
	uint64_t zeros = decoded - data;
	uint64_t weight = (data > spare ? data - spare : 0) +
			  (zeros > ZEROS_SPARE ? (zeros - ZEROS_SPARE) / ZEROS_FOR_ONE : 0);
	if (!b || !b->max_expansion || weight / b->max_expansion < stored || !weight)
		return 0;
	if (data <= spare)
		return error_budget(e, "budget.expansion",
				    "%s that are stored decode to more than %s of zeros: no disk is compressed so well "
				    "(max_expansion)",
				    format_size(stored, in), format_size(zeros, out));
	return error_budget(e, "budget.expansion",
			    "%s that are stored decode to more than %s that are not zero, %llu bytes from each "
			    "(max_expansion)",
			    format_size(stored, in), format_size(data, out), (unsigned long long)b->max_expansion);
}
