// SPDX-License-Identifier: GPL-3.0-or-later
/* Nagios, Icinga and their kin: one line and performance data; for an audit a line a host after it. */
#include "cells.h"
#include "common.h"

/* Agents pass on a few kilobytes, and what stands behind the words would be cut off. */
#define WORDS_MOST 600

static const char *const states[] = {"OK", "WARNING", "CRITICAL", "UNKNOWN"};

/* A pipe would start the performance data. */
static void put_plain(struct text *out, const char *s)
{
	struct text safe autotext = {0};
	cells_put(&safe, s, WORDS_MOST, CELLS_CUT_END);
	out->failed |= safe.failed;
	for (size_t i = 0; i < safe.length; i++)
		if (safe.data[i] == '|')
			safe.data[i] = '/';
	text_put(out, text_str(&safe));
}

static const char *state_of(const struct host_result *r)
{
	return states[exit_status(r->verdict.code, EXIT_NAGIOS, host_result_near_max_age(r))];
}

static void put_words(struct text *out, const struct host_result *r)
{
	char age[32], limit[32], size[32];
	put_plain(out, report_host(r));
	text_printf(out, " %s: ", code_name(r->verdict.code));
	if (r->verdict.code == CODE_WAIVED && r->waiver) {
		struct text by autotext = {0};
		report_put_waiver(&by, r->waiver, 0);
		put_plain(out, text_str(&by));
		text_printf(out, "; not safe, %s: ", code_name(r->verdict.waived));
	}
	if (r->verdict.code != CODE_SAFE) {
		put_plain(out, report_reason(r));
		if (r->verdict.reasons.count > 1)
			text_printf(out, " (and %zu more)", r->verdict.reasons.count - 1);
		return;
	}
	text_printf(out, "%s check, ", report_depth(r));
	if (r->has_point && r->taken_at)
		text_printf(out, "taken %s ago of at most %s, ", format_duration(r->age, age),
			    format_duration(r->max_age, limit));
	text_printf(out, "%s, %llu files restored", format_size(r->bytes, size),
		    (unsigned long long)r->measures.files_restored);
	if (r->older)
		text_printf(out, "; the newest restore point is %s", code_name(report_newest(r)->verdict.code));
}

static void put_summary(struct text *out, const struct host_result *r)
{
	struct text more autotext = {0};
	put_words(out, r);
	report_put_suspect(&more, "; ", r);
	if (r->suspect)
		put_plain(out, text_str(&more));
}

static void put_perfdata(struct text *out, const struct host_result *r)
{
	text_put(out, " |");
	if (r->has_point && r->taken_at)
		text_printf(out, " age=%llds;%lld;%lld", (long long)r->age, (long long)(r->max_age - r->max_age / 5),
			    (long long)r->max_age);
	if (r->has_point)
		text_printf(out, " bytes=%lluB", (unsigned long long)r->bytes);
	text_put(out, " time=");
	report_put_seconds(out, r->measures.duration_seconds);
	text_printf(out, "s read=%lluB files=%llu\n", (unsigned long long)r->measures.bytes_read,
		    (unsigned long long)r->measures.files_restored);
}

static void put_audit(struct text *out, const struct host_result *const *all, size_t count, enum code overall)
{
	size_t counts[REPORT_CODES];
	bool first = true;
	report_count(all, count, counts);
	const size_t safe = counts[report_gravity(CODE_SAFE)];
	text_printf(out, "%zu of %zu hosts safe", safe, count);
	for (size_t i = 0; i < REPORT_CODES; i++) {
		if (!counts[i] || report_codes[i] == CODE_SAFE)
			continue;
		text_printf(out, "%s%zu %s", first ? ": " : ", ", counts[i], code_name(report_codes[i]));
		first = false;
	}
	if (report_is_cut(all, count, overall))
		text_put(out, ", others were not checked");
	text_printf(out, " | hosts=%zu safe=%zu not_safe=%zu waived=%zu\n", count, safe, count - safe,
		    counts[report_gravity(CODE_WAIVED)]);
	autofree const struct host_result **sorted = report_sorted(out, all, count);
	for (size_t i = 0; sorted && i < count; i++) {
		text_printf(out, "%s - ", state_of(sorted[i]));
		put_summary(out, sorted[i]);
		text_put(out, "\n");
	}
}

static void nagios_end(struct text *out, const struct host_result *const *all, size_t count,
		       enum code overall, int exit, const struct report_options *o)
{
	(void)exit; /* the state follows from the code, whatever exit style was asked for */
	text_printf(out, "BACKPROOF %s - ", states[exit_status(overall, EXIT_NAGIOS, report_near(all, count))]);
	if (!count) {
		text_put(out, "no host was checked\n");
	} else if (o->audit || count > 1) {
		put_audit(out, all, count, overall);
	} else {
		put_summary(out, all[0]);
		put_perfdata(out, all[0]);
	}
}

const struct report_format report_nagios = {.name = "nagios", .end = nagios_end};
