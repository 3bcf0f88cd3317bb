// SPDX-License-Identifier: GPL-3.0-or-later
#include "table.h"

#include "cells.h"

size_t table_width(const struct report_options *o)
{
	unsigned width = o->width ? o->width : 100;
	return width < 60 ? 60 : width;
}

const char *table_color(const struct report_options *o, enum code c)
{
	if (!o->color)
		return "";
	switch (c) {
	case CODE_SAFE:
		return "\033[32m";
	case CODE_WAIVED:
		return "\033[1;35m";
	case CODE_NO_BACKUP:
	case CODE_STALE:
	case CODE_DAMAGED:
	case CODE_INCOMPLETE:
		return "\033[1;31m";
	default:
		return "\033[33m";
	}
}

const char *table_color_end(const struct report_options *o)
{
	return o->color ? "\033[0m" : "";
}

void table_put_finding(struct text *out, const struct finding *it, bool brief, size_t room)
{
	const char *subject = it->subject ? it->subject : "";
	const char *detail = it->detail && *it->detail ? it->detail : it->check;
	if (brief && *subject) {
		/* The words matter more than the path; of the path, its end. */
		size_t words = cells_width(detail) + 2, most = room / 3;
		if (room > words && room - words > most)
			most = room - words;
		cells_put(out, subject, most, CELLS_CUT_MIDDLE);
		text_put(out, ": ");
	} else if (*subject) {
		text_printf(out, "%s: ", subject);
	}
	text_put(out, detail);
	if (brief)
		return;
	if (it->expected)
		text_printf(out, ", expected %s", it->expected);
	if (it->measured)
		text_printf(out, ", measured %s", it->measured);
	if (it->offset >= 0)
		text_printf(out, ", at offset %lld", (long long)it->offset);
	if (it->error != ERROR_NONE)
		text_printf(out, " [%s]", error_class_name(it->error));
}

/* The longest name, but no more than a quarter of the line: the reasons need the room. */
static size_t widest_host(const struct host_result *const *all, size_t count, size_t width)
{
	size_t most = 4;
	for (size_t i = 0; i < count; i++) {
		struct text safe autotext = {0};
		text_put_safe(&safe, report_host(all[i]));
		size_t wide = cells_width(text_str(&safe));
		if (wide > most)
			most = wide;
	}
	return most > width / 4 ? width / 4 : most;
}

static void put_row(struct text *out, const struct host_result *r, size_t host_width,
		    const struct report_options *o)
{
	char age[32] = "-", size[32] = "-";
	enum code c = r->verdict.code;
	cells_put_padded(out, report_host(r), host_width, CELLS_CUT_MIDDLE);
	if (r->has_point && r->taken_at)
		format_duration(r->age, age);
	if (r->has_point)
		format_size(r->bytes, size);
	text_printf(out, "  %s%-11s%s  %7s  %9s", table_color(o, c), code_name(c), table_color_end(o), age, size);
	struct text why autotext = {0};
	if (c == CODE_SAFE && r->older)
		text_printf(&why, "an older restore point; the newest is %s",
			    code_name(report_newest(r)->verdict.code));
	else if (c == CODE_SAFE && host_result_near_max_age(r))
		text_put(&why, "soon too old");
	else
		text_printf(&why, "%s%s%s", c == CODE_WAIVED ? code_name(r->verdict.waived) : "",
			    c == CODE_WAIVED ? ": " : "", report_reason(r));
	report_put_suspect(&why, why.length ? "; " : "", r);
	if (why.length) {
		text_put(out, "  ");
		cells_put(out, text_str(&why), o->verbose ? SIZE_MAX : table_width(o) - host_width - 35,
			  CELLS_CUT_END);
	}
	text_put(out, "\n");
}

/* All of them, each night, until they end. */
static void put_waivers(struct text *out, const struct host_result *const *sorted, size_t count,
			const struct report_options *o)
{
	bool first = true;
	for (size_t i = 0; i < count; i++) {
		const struct waiver *w = report_waiver(sorted[i]);
		struct text line autotext = {0};
		if (!w)
			continue;
		text_put(out, first ? "\nWaivers in force:\n  " : "  ");
		text_printf(&line, "%s: ", report_host(sorted[i]));
		report_put_waiver(&line, w, o->now);
		cells_wrap(out, text_str(&line), 4, table_width(o), 0);
		out->failed |= line.failed;
		first = false;
	}
}

void table_end(struct text *out, const struct host_result *const *all, size_t count, enum code overall,
	       int exit, const struct report_options *o)
{
	if (!o->audit && count)
		return;
	if (!count) {
		text_printf(out, "No host was checked: %s (exit %d)\n", code_name(overall), exit);
		return;
	}
	size_t counts[REPORT_CODES], host_width = widest_host(all, count, table_width(o));
	autofree const struct host_result **sorted = report_sorted(out, all, count);
	if (!sorted)
		return;
	text_printf(out, "%-*s  %-11s  %7s  %9s  %s\n", (int)host_width, "HOST", "VERDICT", "AGE", "SIZE",
		    "REASON");
	for (size_t i = 0; i < count; i++)
		put_row(out, sorted[i], host_width, o);
	put_waivers(out, sorted, count, o);
	report_count(all, count, counts);
	text_printf(out, "\n%zu host%s: ", count, count == 1 ? "" : "s");
	bool first = true;
	for (size_t i = REPORT_CODES; i-- > 0;) {
		if (!counts[i])
			continue;
		text_printf(out, "%s%zu %s", first ? "" : ", ", counts[i], code_name(report_codes[i]));
		first = false;
	}
	text_printf(out, "%s (exit %d)\n", report_is_cut(all, count, overall) ? "; others were not checked" : "", exit);
}
