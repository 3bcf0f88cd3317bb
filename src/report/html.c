// SPDX-License-Identifier: GPL-3.0-or-later
/* One page that stands alone: no scripts, nothing fetched, light and dark, fit for print. */
#include "html.h"
#include "backproof/person.h"
#include "html_style.h"

static void put_head(struct text *out, const char *title)
{
	text_put(out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
		      "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
		      "<meta http-equiv=\"Content-Security-Policy\" "
		      "content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
		      "<meta name=\"color-scheme\" content=\"light dark\">\n");
	html_put(out, "title", title);
	text_put(out, "\n<style>\n");
	text_put(out, html_style);
	text_put(out, "</style>\n</head>\n<body>\n");
}

static void put_counts(struct text *out, const size_t *counts)
{
	text_put(out, "<ul class=counts>\n");
	for (size_t i = REPORT_CODES; i-- > 0;)
		if (counts[i])
			text_printf(out, "<li class=%s><b>%zu</b> %s</li>\n", html_class(report_codes[i]), counts[i],
				    code_name(report_codes[i]));
	text_put(out, "</ul>\n");
}

static void put_row(struct text *out, const struct host_result *r, size_t index)
{
	char buf[32];
	enum code c = r->verdict.code;
	text_printf(out, "<tr><td class=name><a href=\"#h%zu\">", index);
	text_put_xml(out, report_host(r));
	text_printf(out, "</a></td><td><span class=\"tag %s\">%s</span></td><td class=num>%s</td>", html_class(c),
		    code_name(c), r->has_point && r->taken_at ? format_duration(r->age, buf) : "-");
	text_printf(out, "<td class=num>%s</td>", r->has_point ? format_size(r->bytes, buf) : "-");
	text_printf(out, "<td class=num>%llu</td><td>", (unsigned long long)r->measures.files_restored);
	if (c == CODE_SAFE && r->older)
		text_put(out, "an older restore point: the newest is not safe");
	else if (c == CODE_SAFE && host_result_near_max_age(r))
		text_put(out, "soon too old");
	else if (c == CODE_WAIVED)
		text_printf(out, "not safe, %s: ", code_name(r->verdict.waived));
	if (c != CODE_SAFE)
		text_put_xml(out, report_reason(r));
	if (r->suspect) {
		text_put(out, " <span class=\"tag bad\">suspect</span> ");
		text_put_xml(out, r->suspect);
	}
	text_put(out, "</td></tr>\n");
}

/* In a table of their own: each was somebody's decision, and ends. */
static void put_waivers(struct text *out, const struct host_result **sorted, size_t count)
{
	char buf[32];
	size_t n = 0;
	for (size_t i = 0; i < count; i++) {
		const struct waiver *w = report_waiver(sorted[i]);
		struct text who autotext = {0};
		if (!w)
			continue;
		if (!n++)
			text_put(out, "<h2>Waivers in force</h2>\n<div class=scroll><table>\n<tr><th>Host</th>"
				      "<th>Covers</th><th>Until</th><th>By</th><th>Reason</th></tr>\n");
		person_put(&who, w->user, w->login, w->terminal, w->origin);
		if (w->approved_by)
			text_printf(&who, "; approved by %s", w->approved_by);
		out->failed |= who.failed;
		text_printf(out, "<tr><td class=name><a href=\"#h%zu\">", i);
		text_put_xml(out, report_host(sorted[i]));
		text_printf(out, "</a></td><td><span class=\"tag waived\">%s</span></td><td class=fix>%s</td>",
			    sorted[i]->verdict.code == CODE_WAIVED ? code_name(sorted[i]->verdict.waived) : "nothing",
			    format_rfc3339(w->ends_at, buf));
		html_put(out, "td class=name", text_str(&who));
		text_put(out, "<td>");
		text_put_xml(out, w->reason);
		text_put(out, w->ticket ? " [" : "");
		text_put_xml(out, w->ticket ? w->ticket : "");
		text_put(out, w->ticket ? "]</td></tr>\n" : "</td></tr>\n");
	}
	if (n)
		text_put(out, "</table></div>\n");
}

/* Not yet escaped. */
static void put_title(struct text *out, const struct host_result *const *all, size_t count, const size_t *counts,
		      enum code overall)
{
	size_t safe = counts[report_gravity(CODE_SAFE)], waived = counts[report_gravity(CODE_WAIVED)];
	if (!count)
		text_put(out, "No host was checked");
	else if (report_is_cut(all, count, overall))
		text_put(out, "Not every host could be checked");
	else if (count == 1)
		text_printf(out, "%s is %ssafe to patch%s", report_host(all[0]), safe ? "" : "not ",
			    waived ? ", and waived" : "");
	else if (safe == count)
		text_printf(out, "All %zu hosts are safe to patch", count);
	else
		text_printf(out, "%zu of %zu hosts are not safe to patch", count - safe, count);
	if (waived && count > 1)
		text_printf(out, "; %zu of them waived", waived);
}

static void put_table(struct text *out, const struct host_result **sorted, size_t count)
{
	text_put(out, "<h2>Hosts</h2>\n<div class=scroll><table>\n<tr><th>Host</th><th>Verdict</th>"
		      "<th class=num>Age</th><th class=num>Size</th><th class=num>Files restored</th>"
		      "<th>Reason</th></tr>\n");
	for (size_t i = 0; i < count; i++)
		put_row(out, sorted[i], i);
	text_put(out, "</table></div>\n<h2>Details</h2>\n");
}

static void html_end(struct text *out, const struct host_result *const *all, size_t count,
		     enum code overall, int exit, const struct report_options *o)
{
	char when[32];
	size_t counts[REPORT_CODES];
	struct text title autotext = {0};
	autofree const struct host_result **sorted = report_sorted(out, all, count);
	if (!sorted)
		return;
	report_count(all, count, counts);
	put_title(&title, all, count, counts, overall);
	out->failed |= title.failed;
	put_head(out, text_str(&title));
	text_printf(out, "<h1 class=%s>", html_class(overall));
	text_put_xml(out, text_str(&title));
	text_printf(out, "</h1>\n<p class=soft>Backups checked by backproof at %s. Result: %s (exit %d).</p>\n",
		    format_rfc3339(o->now, when), code_name(overall), exit);
	if (count > 1)
		put_counts(out, counts);
	put_waivers(out, sorted, count);
	if (count > 1) {
		put_table(out, sorted, count);
	}
	for (size_t i = 0; i < count; i++)
		html_host(out, sorted[i], i, count == 1);
	text_put(out, "</body>\n</html>\n");
}

const struct report_format report_html = {.name = "html", .end = html_end};
