// SPDX-License-Identifier: GPL-3.0-or-later
/* The registry of report formats. */
#include "common.h"

static const struct report_format *const rows[] = {
	&report_text,	    &report_json,  &report_jsonl, &report_nagios,
	&report_prometheus, &report_junit, &report_html,
};

const struct report_format *report_format(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (!strcmp(rows[i]->name, name))
			return rows[i];
	return NULL;
}

const char *const *report_format_names(size_t *count)
{
	/* In the order of rows; a constant, so that several threads may ask. */
	static const char *const names[] = {
		"text", "json", "jsonl", "nagios", "prometheus", "junit", "html",
	};
	_Static_assert(ARRAY_SIZE(names) == ARRAY_SIZE(rows), "a name for each row");
	*count = ARRAY_SIZE(names);
	return names;
}
