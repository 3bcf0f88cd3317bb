// SPDX-License-Identifier: GPL-3.0-or-later
#include "backproof/budget.h"

#include <string.h>
#include <time.h>

volatile sig_atomic_t stop_signal;

int64_t monotonic_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
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
	if (b && b->deadline_ns && monotonic_ns() > b->deadline_ns)
		return error_set(e, ERROR_LIMIT, ERROR_NO_OFFSET, "the deadline has passed");
	return 0;
}
