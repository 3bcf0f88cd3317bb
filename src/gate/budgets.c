// SPDX-License-Identifier: GPL-3.0-or-later
#include "budgets.h"

#define SECOND INT64_C(1000000000)

void budgets_begin(const struct policy *p, struct budget *b)
{
	int64_t now = monotonic_ns();
	b->max_entries = p->max_entries;
	b->max_expansion = p->max_expansion;
	b->max_decoded = p->max_decoded;
	b->max_path_depth = p->max_path_depth;
	b->max_chain = p->max_chain;
	b->time_limit = p->time_limit;
	/* More than three hundred years are no limit. */
	b->limit_ns = p->time_limit && p->time_limit < (INT64_MAX - now) / SECOND ? now + p->time_limit * SECOND : 0;
}
