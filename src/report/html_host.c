// SPDX-License-Identifier: GPL-3.0-or-later
#include "html.h"

const char *html_class(enum code c)
{
	switch (c) {
	case CODE_SAFE:
		return "good";
	case CODE_WAIVED:
		return "waived";
	case CODE_NO_BACKUP:
	case CODE_STALE:
	case CODE_DAMAGED:
	case CODE_INCOMPLETE:
		return "bad";
	default:
		return "doubt";
	}
}

void html_put(struct text *out, const char *element, const char *untrusted)
{
	text_printf(out, "<%s>", element);
	text_put_xml(out, untrusted);
	text_printf(out, "</%.*s>", (int)strcspn(element, " "), element);
}

static const char *proof_class(enum outcome o)
{
	return o == OUTCOME_HELD ? "good" : o == OUTCOME_BROKEN ? "bad" : "doubt";
}

static void put_row(struct text *out, const char *label, const char *untrusted)
{
	html_put(out, "dt", label);
	html_put(out, "dd", untrusted);
	text_put(out, "\n");
}

static void put_facts(struct text *out, const struct host_result *r)
{
	const struct measures *m = &r->measures;
	struct text value autotext = {0};
	char a[32], b[32], c[32];
	int64_t whole = report_restore_estimate(r);
	text_put(out, "<dl>\n");
	if (!r->has_point)
		put_row(out, "Backup", "none was found");
	for (size_t i = 0; r->has_point && i < r->paths.count; i++)
		put_row(out, i ? "" : "Backup", r->paths.items[i]);
	if (r->has_point && r->taken_at) {
		text_printf(&value, "%s, %s old; %s is allowed", format_rfc3339(r->taken_at, a),
			    format_duration(r->age, b), format_duration(r->max_age, c));
		put_row(out, "Taken", text_str(&value));
	}
	if (r->has_point)
		put_row(out, "Size", format_size(r->bytes, a));
	value.length = 0;
	for (size_t i = 0; i < r->formats.count; i++)
		text_printf(&value, "%s%s", i ? ", " : "", r->formats.items[i]);
	if (r->formats.count)
		put_row(out, "Formats", text_str(&value));
	value.length = 0;
	report_put_seal(&value, &r->seal);
	if (r->seal.path)
		put_row(out, "Sealed", text_str(&value));
	value.length = 0;
	text_printf(&value, "%s read, decoded to %s, in ", format_size(m->bytes_read, a),
		    format_size(m->bytes_decoded, b));
	report_put_duration(&value, m->duration_seconds);
	put_row(out, "Check", text_str(&value));
	if (report_sample(r))
		put_row(out, "Sample", report_sample(r));
	value.length = 0;
	text_printf(&value, "%llu of %llu sampled files (%s), %llu of them proved themselves",
		    (unsigned long long)m->files_restored, (unsigned long long)m->files_sampled,
		    format_size(m->bytes_restored, a), (unsigned long long)m->files_witnessed);
	put_row(out, "Restored", text_str(&value));
	if (whole >= 0) {
		value.length = 0;
		text_printf(&value, "about %s for %s, an estimate from this sample",
			    whole ? format_duration(whole, a) : "a second",
			    format_size(m->image_data, b));
		put_row(out, "Whole restore", text_str(&value));
	}
	value.length = 0;
	text_printf(&value, "%s, %s check, seed %llu, %s", r->policy ? r->policy : "", report_depth(r),
		    (unsigned long long)r->seed, format_rfc3339(r->checked_at, a));
	put_row(out, "Policy", text_str(&value));
	text_put(out, "</dl>\n");
}

static void put_proofs(struct text *out, const struct host_result *r)
{
	text_put(out, "<div class=scroll><table>\n<tr><th>Proof</th><th>Result</th><th>Evidence</th></tr>\n");
	for (int p = 0; p < PROOF_COUNT; p++) {
		size_t others;
		const struct finding *it = report_evidence(r, p, &others);
		enum outcome whole = r->verdict.proofs[p];
		text_printf(out, "<tr><td class=fix>%s</td><td><span class=\"tag %s\">%s</span></td><td>",
			    proof_name(p),
			    proof_class(whole), outcome_name(whole));
		if (whole != OUTCOME_HELD && r->verdict.code == CODE_SAFE)
			text_put(out, "(not required) ");
		const struct finding *summary = whole == OUTCOME_HELD ? report_summary(r, p) : NULL;
		if (summary) {
			text_put_xml(out, summary->detail ? summary->detail : "");
		} else if (it && it->outcome != OUTCOME_SKIPPED) {
			text_put_xml(out, it->subject ? it->subject : "");
			text_put(out, it->subject && *it->subject ? ": " : "");
			text_put_xml(out, it->detail && *it->detail ? it->detail : it->check);
			if (others)
				text_printf(out, " <span class=soft>and %zu more</span>", others);
		} else {
			text_put(out, "nothing speaks for it");
		}
		text_put(out, "</td></tr>\n");
	}
	text_put(out, "</table></div>\n");
}

static void put_findings(struct text *out, const struct host_result *r)
{
	size_t dropped = report_dropped(r);
	text_printf(out, "<details><summary>All %zu findings</summary>\n<div class=scroll><table class=small>\n"
			 "<tr><th>Proof</th><th>Check</th><th>Outcome</th><th>Subject</th><th>Detail</th></tr>\n",
		    r->findings.count);
	for (size_t i = 0; i < r->findings.count; i++) {
		const struct finding *it = &r->findings.items[i];
		text_printf(out, "<tr><td class=fix>%s</td>", proof_name(it->proof));
		html_put(out, "td class=fix", it->check);
		text_printf(out, "<td class=fix>%s</td>", outcome_name(it->outcome));
		html_put(out, "td", it->subject ? it->subject : "");
		text_put(out, "<td>");
		text_put_xml(out, it->detail ? it->detail : "");
		if (it->expected) {
			text_put(out, "<br>expected ");
			text_put_xml(out, it->expected);
		}
		if (it->measured) {
			text_put(out, "<br>measured ");
			text_put_xml(out, it->measured);
		}
		if (it->offset >= 0)
			text_printf(out, "<br>at offset %lld", (long long)it->offset);
		text_put(out, "</td></tr>\n");
	}
	text_put(out, "</table></div>\n");
	if (dropped)
		text_printf(out, "<p>%zu more of these kinds were counted and are not listed.</p>\n", dropped);
	text_put(out, "</details>\n");
}

/* What people have said, beside what was found. */
static void put_said(struct text *out, const struct host_result *r)
{
	struct text line autotext = {0};
	if (r->waiver)
		text_printf(&line, "Not safe (%s), and waived ", code_name(r->verdict.waived));
	else if (r->standing)
		text_put(&line, "A waiver is in force ");
	if (report_waiver(r)) {
		report_put_waiver(&line, report_waiver(r), 0);
		html_put(out, "p class=waived", text_str(&line));
	}
	out->failed |= line.failed;
	line.length = 0;
	report_put_suspect(&line, "", r);
	if (r->suspect)
		html_put(out, "p class=bad", text_str(&line));
	out->failed |= line.failed;
}

static void put_run(struct text *out, const char *title, const struct text *line)
{
	if (!line->length)
		return;
	text_printf(out, "<p>%s: ", title);
	text_put_xml(out, text_str(line));
	text_put(out, "</p>\n");
	out->failed |= line->failed;
}

static void put_ran(struct text *out, const struct host_result *r)
{
	struct text made autotext = {0}, patch autotext = {0}, post autotext = {0};
	report_put_backup_now(&made, r->backup_now);
	report_put_patch(&patch, r->patch);
	report_put_post(&post, r->patch);
	put_run(out, "A backup was to be made now", &made);
	put_run(out, "Patch", &patch);
	put_run(out, "Check after it", &post);
}

void html_host(struct text *out, const struct host_result *r, size_t index, bool open)
{
	struct text advice autotext = {0};
	enum code c = r->verdict.code;
	text_printf(out, "<details id=\"h%zu\"%s><summary>", index, open ? " open" : "");
	text_put_xml(out, report_host(r));
	text_printf(out, " <span class=\"tag %s\">%s</span></summary>\n", html_class(c), code_name(c));
	put_said(out, r);
	report_advice(&advice, r);
	if (advice.length)
		html_put(out, "p", text_str(&advice));
	if (r->verdict.reasons.count) {
		text_put(out, "<h3>Why</h3>\n<ul>\n");
		for (size_t i = 0; i < r->verdict.reasons.count; i++)
			html_put(out, "li", r->verdict.reasons.items[i]);
		text_put(out, "</ul>\n");
	}
	if (r->older) {
		text_printf(out, "<p>The newest restore point is %s: ", code_name(report_newest(r)->verdict.code));
		text_put_xml(out, report_reason(report_newest(r)));
		text_put(out, "</p>\n");
	}
	put_facts(out, r);
	put_ran(out, r);
	put_proofs(out, r);
	put_findings(out, r);
	text_put(out, "</details>\n");
}
