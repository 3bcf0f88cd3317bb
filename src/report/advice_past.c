// SPDX-License-Identifier: GPL-3.0-or-later
/* What to do where only the history speaks against a backup. */
#include "common.h"

static const struct {
	const char *check, *advice;
} odd[] = {
	{"history.opaque",
	 "Do not patch, and look at the host before its next backup pushes out a good one: its files look as if they "
	 "had been encrypted. If that is how they should be, check once with a policy of max_opaque = none."},
	{"history.renamed",
	 "Do not patch, and look at the host before its next backup pushes out a good one: most of its files are gone, "
	 "with others in their place. If that is right, check once with a policy of max_renamed = none."},
	{"history.digest",
	 "Do not patch. The backup was changed after it was first read: find out what wrote to it, make a new one, "
	 "and do not use this one."},
	{"history.seal",
	 "Do not patch. A seal and an earlier full check contradict each other: find out who wrote the seal, and make "
	 "a new backup."},
	{"history.identity",
	 "Do not patch. This is another machine than before. If the host was set up anew, say so: --machine-id or "
	 "--hostname, or machine_id and hostname in its section of the configuration."},
	{"history.files",
	 "Do not patch. There is much less inside than before: see whether something is missing. If that is right, "
	 "check once with a policy of max_shrink = none."},
	{"history.size",
	 "Do not patch. There is much less inside than before: see whether something is missing. If that is right, "
	 "check once with a policy of max_shrink = none."},
	{"history.rate",
	 "Do not patch on this. A restore might take much longer than before: find out what slows it down, or change "
	 "the policy's max_slowdown."},
};

static bool is_past(const struct finding *it)
{
	return !strncmp(it->check, "history.", 8);
}

const char *report_advice_past(const struct host_result *r)
{
	size_t best = ARRAY_SIZE(odd);
	for (size_t i = 0; i < r->findings.count; i++) {
		const struct finding *it = &r->findings.items[i];
		if (it->outcome == OUTCOME_HELD || it->outcome == OUTCOME_SKIPPED)
			continue;
		if (!is_past(it))
			return NULL;
		for (size_t k = 0; k < best; k++)
			best = strcmp(it->check, odd[k].check) ? best : k;
	}
	return best < ARRAY_SIZE(odd) ? odd[best].advice : NULL;
}
