// SPDX-License-Identifier: GPL-3.0-or-later
/* For people: the answer first, then what it rests on, then what to do. Fits a screen of 80 by 24. */
#include "cells.h"
#include "table.h"

#define LABEL_WIDTH 11

static void put_label(struct text *out, const char *label)
{
	text_printf(out, "  %-*s", LABEL_WIDTH - 2, label);
}

static void put_headline(struct text *out, const struct host_result *r, const struct report_options *o)
{
	enum code c = r->verdict.code;
	text_put_safe(out, report_host(r));
	text_put(out, ": ");
	text_put(out, table_color(o, c));
	if (c == CODE_SAFE)
		text_put(out, "SAFE to patch");
	else if (c == CODE_WAIVED)
		text_printf(out, "WAIVED, not safe to patch: %s", code_name(r->verdict.waived));
	else
		text_printf(out, "NOT SAFE to patch: %s", code_name(c));
	text_put(out, table_color_end(o));
	text_printf(out, " (%s check, ", report_depth(r));
	report_put_duration(out, r->measures.duration_seconds);
	if (c == CODE_SAFE)
		text_put(out, ")\n");
	else
		text_printf(out, ", exit %d)\n", exit_status(c, EXIT_PLAIN, false));
}

static void put_reasons(struct text *out, const struct host_result *r, const struct report_options *o,
			size_t width)
{
	const struct strings *why = &r->verdict.reasons;
	for (size_t i = 0; i < why->count && (o->verbose || i < 1); i++) {
		text_put(out, "  ");
		cells_wrap(out, i ? why->items[i] : report_reason(r), 2, width, o->verbose ? 0 : 2);
	}
	if (!o->verbose && why->count > 1)
		text_printf(out, "  and %zu more reason%s: see --verbose\n", why->count - 1,
			    why->count > 2 ? "s" : "");
}

/* What people have said, beside what was found. */
static void put_said(struct text *out, const struct host_result *r, const struct report_options *o, size_t width)
{
	struct text line autotext = {0};
	if (r->waiver) {
		text_put(&line, "waived ");
		report_put_waiver(&line, r->waiver, o->now);
	} else if (r->standing) {
		text_put(&line, "a waiver is in force ");
		report_put_waiver(&line, r->standing, o->now);
	}
	if (line.length) {
		text_put(out, "  ");
		cells_wrap(out, text_str(&line), 2, width, 0);
	}
	line.length = 0;
	report_put_suspect(&line, "", r);
	if (!r->suspect)
		return;
	text_put(out, "  ");
	cells_wrap(out, text_str(&line), 2, width, 0);
}

static void put_newer(struct text *out, const struct host_result *newer, size_t width)
{
	struct text line autotext = {0};
	text_printf(&line, "The newest restore point is not safe (%s: %s). All below is about an older one.",
		    code_name(newer->verdict.code), report_reason(newer));
	text_put(out, "  ");
	cells_wrap(out, text_str(&line), 2, width, 2);
}

static void put_point(struct text *out, const struct host_result *r, const struct report_options *o,
		      size_t width)
{
	char when[32], age[32], limit[32], size[32];
	put_label(out, "Backup");
	if (!r->has_point) {
		text_put(out, "none was found\n");
		return;
	}
	for (size_t i = 0; i < r->paths.count && (o->verbose || !i); i++) {
		text_printf(out, "%*s", i ? LABEL_WIDTH : 0, "");
		size_t room = o->verbose ? SIZE_MAX : width - LABEL_WIDTH - (r->paths.count > 1 ? 15 : 0);
		cells_put(out, r->paths.items[i], room, CELLS_CUT_MIDDLE);
		if (!o->verbose && r->paths.count > 1)
			text_printf(out, " and %zu more", r->paths.count - 1);
		text_put(out, "\n");
	}
	if (!r->paths.count)
		text_put(out, "no file\n");
	put_label(out, "Taken");
	if (r->taken_at)
		text_printf(out, "%s, %s ago (at most %s is allowed)\n", format_rfc3339(r->taken_at, when),
			    format_duration(r->age, age), format_duration(r->max_age, limit));
	else
		text_put(out, "at an unknown time\n");
	put_label(out, "Size");
	text_printf(out, "%s stored", format_size(r->bytes, size));
	struct text formats autotext = {0};
	for (size_t i = 0; i < r->formats.count; i++)
		text_printf(&formats, "%s%s", i ? ", " : ": ", r->formats.items[i]);
	cells_put(out, text_str(&formats), o->verbose ? SIZE_MAX : width - LABEL_WIDTH - 17, CELLS_CUT_END);
	text_put(out, "\n");
	if (!r->seal.path)
		return;
	struct text seal autotext = {0};
	report_put_seal(&seal, &r->seal);
	put_label(out, "Sealed");
	cells_put(out, text_str(&seal), o->verbose ? SIZE_MAX : width - LABEL_WIDTH, CELLS_CUT_END);
	text_put(out, "\n");
}

/* As much of what was held as fits. */
static void put_held(struct text *line, const struct host_result *r, enum proof p, size_t room)
{
	size_t said = 0, all = 0, used = 0;
	for (size_t i = 0; i < r->findings.count; i++) {
		const struct finding *it = &r->findings.items[i];
		if (it->proof != p || it->outcome != OUTCOME_HELD)
			continue;
		const char *detail = it->detail && *it->detail ? it->detail : it->check;
		size_t width = cells_width(detail) + 2;
		all++;
		/* The first always, and then no gaps, so that the order of the checks stays. */
		if (said + 1 < all || (said && used + width + 15 > room))
			continue;
		text_printf(line, "%s%s", said++ ? "; " : "", detail);
		used += width;
	}
	if (said < all)
		text_printf(line, " (and %zu more)", all - said);
}

static void put_proof(struct text *out, const struct host_result *r, enum proof p,
		      const struct report_options *o, size_t width)
{
	enum outcome whole = r->verdict.proofs[p];
	const char *mark = whole == OUTCOME_HELD ? "ok" : whole == OUTCOME_BROKEN ? "FAIL" : "??";
	enum code tint = whole == OUTCOME_HELD	   ? CODE_SAFE
			 : whole == OUTCOME_BROKEN ? CODE_DAMAGED
						   : CODE_CANNOT_TELL;
	struct text line autotext = {0};
	size_t others;
	const struct finding *it = report_evidence(r, p, &others);
	if (!it && !r->has_point)
		return; /* follows from there being no backup */
	text_printf(out, "  %s%-5s%s%-10s ", table_color(o, tint), mark, table_color_end(o), proof_name(p));
	/* A safe verdict with a proof that isn't held: the policy did not ask for it. */
	if (whole != OUTCOME_HELD && r->verdict.code == CODE_SAFE)
		text_put(&line, "(not required) ");
	const struct finding *summary = whole == OUTCOME_HELD ? report_summary(r, p) : NULL;
	if (summary)
		cells_put(&line, summary->detail ? summary->detail : "", SIZE_MAX, CELLS_CUT_END);
	else if (!it || it->outcome == OUTCOME_SKIPPED)
		text_put(&line, "nothing speaks for it");
	else if (whole == OUTCOME_HELD)
		put_held(&line, r, p, width - 18);
	else
		table_put_finding(&line, it, !o->verbose, width - 18);
	if (others && it->outcome != OUTCOME_SKIPPED && whole != OUTCOME_HELD)
		text_printf(&line, " (and %zu more)", others);
	cells_wrap(out, text_str(&line), 18, width, o->verbose ? 0 : 1);
}

static void put_findings(struct text *out, const struct host_result *r, size_t width)
{
	struct text line autotext = {0};
	text_put(out, "\n");
	for (int p = 0; p < PROOF_COUNT; p++) {
		for (size_t i = 0; i < r->findings.count; i++) {
			const struct finding *it = &r->findings.items[i];
			if ((int)it->proof != p)
				continue;
			text_printf(out, "  %-9s  %-11s  ", proof_name(p), outcome_name(it->outcome));
			line.length = 0;
			text_printf(&line, "%s: ", it->check);
			table_put_finding(&line, it, false, 0);
			cells_wrap(out, text_str(&line), 26, width, 0);
		}
		if (r->findings.dropped[p])
			text_printf(out, "  %-9s  and %zu more of a kind listed above\n", proof_name(p),
				    r->findings.dropped[p]);
	}
}

static void put_measures(struct text *out, const struct host_result *r, const struct report_options *o, size_t width)
{
	const char *sample = report_sample(r);
	const struct measures *m = &r->measures;
	char a[32], b[32], c[32];
	uint64_t rate = report_rate(r);
	int64_t whole = report_restore_estimate(r);
	put_label(out, "Read");
	text_printf(out, "%s of the backup", format_size(m->bytes_read, a));
	if (m->bytes_decoded)
		text_printf(out, ", decoded to %s", format_size(m->bytes_decoded, b));
	text_put(out, "\n");
	if (sample) {
		put_label(out, "Sample");
		cells_wrap(out, sample, LABEL_WIDTH, width, 0);
	}
	put_label(out, "Restored");
	text_printf(out, "%llu file%s, %s", (unsigned long long)m->files_restored,
		    m->files_restored == 1 ? "" : "s", format_size(m->bytes_restored, a));
	if (rate)
		text_printf(out, ", at %s/s", format_size(rate, b));
	text_put(out, "\n");
	if (whole >= 0)
		text_printf(out, "%*sAll %s at that rate: about %s, an estimate from this sample\n", LABEL_WIDTH,
			    "", format_size(m->image_data, c), whole ? format_duration(whole, a) : "a second");
	if (o->verbose) {
		put_label(out, "Policy");
		text_put_safe(out, r->policy ? r->policy : "");
		text_printf(out, ", seed %llu, checked at %s\n", (unsigned long long)r->seed,
			    format_rfc3339(r->checked_at, a));
	}
}

static void put_confinement(struct text *out, const struct host_result *r)
{
	struct text lines autotext = {0};
	confinement_text(&r->confinement, &lines);
	put_label(out, "Reader");
	for (const char *line = text_str(&lines); *line;) {
		size_t n = strcspn(line, "\n");
		text_printf(out, "%*s%.*s\n", line == text_str(&lines) ? 0 : LABEL_WIDTH, "", (int)n, line);
		line += n + (line[n] == '\n');
	}
}

static void put_line(struct text *out, const char *label, const struct text *line, size_t width)
{
	if (!line->length)
		return;
	put_label(out, label);
	cells_wrap(out, text_str(line), LABEL_WIDTH, width, 0);
	out->failed |= line->failed;
}

static void put_ran(struct text *out, const struct host_result *r, size_t width)
{
	struct text made autotext = {0}, patch autotext = {0}, post autotext = {0};
	report_put_backup_now(&made, r->backup_now);
	report_put_patch(&patch, r->patch);
	report_put_post(&post, r->patch);
	put_line(out, "Made now", &made, width);
	put_line(out, "Patch", &patch, width);
	put_line(out, "After it", &post, width);
}

static void text_host(struct text *out, const struct host_result *r, const struct report_options *o,
		      size_t index)
{
	size_t width = table_width(o);
	struct text advice autotext = {0};
	if (o->audit && !o->verbose)
		return; /* table.c says it all at the end, the worst first */
	if (index)
		text_put(out, "\n");
	put_headline(out, r, o);
	put_said(out, r, o, width);
	put_reasons(out, r, o, width);
	if (r->older)
		put_newer(out, report_newest(r), width);
	text_put(out, "\n");
	put_point(out, r, o, width);
	if (r->has_point || r->findings.count)
		text_put(out, "\n");
	for (int p = 0; p < PROOF_COUNT; p++)
		put_proof(out, r, p, o, width);
	if (o->verbose)
		put_findings(out, r, width);
	text_put(out, "\n");
	put_measures(out, r, o, width);
	if (o->confinement && r->has_point)
		put_confinement(out, r);
	put_ran(out, r, width);
	report_advice(&advice, r);
	if (advice.length) {
		text_put(out, "\n");
		cells_wrap(out, text_str(&advice), 0, width, 0);
	}
	if (o->audit)
		text_put(out, "\n");
}

const struct report_format report_text = {.name = "text", .host = text_host, .end = table_end};
