// SPDX-License-Identifier: GPL-3.0-or-later
/* The history for people: a line a verdict, and what is behind it with --verbose. */
#include "backproof/history_report.h"

#include "cells.h"
#include "table.h"

size_t history_host_width(const char *host, const struct report_options *o)
{
	struct text safe autotext = {0};
	text_put_safe(&safe, host);
	size_t wide = cells_width(text_str(&safe)), most = table_width(o) / 4;
	return wide < 4 ? 4 : wide > most ? most : wide;
}

/* "+3%", "-41%", "x12" */
static char *format_change(uint64_t now, uint64_t median, char buf[32])
{
	double change = (double)now / (double)median - 1;
	if (change >= 9)
		snprintf(buf, 32, change < 9999 ? "x%.0f" : "> x9999", change + 1);
	else
		snprintf(buf, 32, "%+.0f%%", change * 100);
	return buf;
}

void history_text_head(struct text *out, const struct report_options *o, size_t host_width)
{
	if (host_width)
		text_printf(out, "%-*s  ", (int)host_width, "HOST");
	text_printf(out, "%-17s  %-11s  %-6s  %7s  %9s  ", "CHECKED", "VERDICT", "DEPTH", "AGE", "SIZE");
	text_put(out, o->audit ? "+-SIZE  +-RATE  REASON\n" : "   TOOK         RATE  BACKUP, OR REASON\n");
}

static const char *reason_of(const struct history_record *r)
{
	const char *line = r->reasons.count ? r->reasons.items[0] : "", *word = code_name((enum code)r->code);
	size_t len = strlen(word);
	if (strncmp(line, word, len) || strncmp(line + len, ": ", 2))
		return line;
	line += len + 2;
	len = strlen(r->host);
	return strncmp(line, r->host, len) || strncmp(line + len, ": ", 2) ? line : line + len + 2;
}

/* "2026-11-22/sda.img" of "web01/2026-11-22/sda.img": whose it is stands elsewhere, and there is little room. */
static const char *short_label(const struct history_record *r)
{
	size_t len = strlen(r->host);
	if (!r->label)
		return "";
	return strncmp(r->label, r->host, len) || r->label[len] != '/' || !r->label[len + 1] ? r->label
											     : r->label + len + 1;
}

/*
 * Verdict, depth and age, in columns of 11, 6 and 7. "waived (stale)" is longer than any verdict: it takes the room
 * that the next ones leave, so that what follows stands where it does in other lines.
 */
static void put_verdict(struct text *out, const struct history_record *r, const char *age,
			const struct report_options *o)
{
	char verdict[40];
	enum code c = (enum code)r->code;
	const char *depth = depth_name((enum depth)r->depth);
	if (r->waiver)
		snprintf(verdict, sizeof verdict, "waived (%s)", code_name(c));
	else
		snprintf(verdict, sizeof verdict, "%s", code_name(c));
	int left = 11 + 2 + 6 + 2 + 7;
	text_printf(out, "%s%s%s", table_color(o, r->waiver ? CODE_WAIVED : c), verdict, table_color_end(o));
	int used = (int)strlen(verdict);
	text_printf(out, "%*s%s", used < 11 ? 13 - used : 2, "", depth);
	used = (used < 11 ? 13 : used + 2) + (int)strlen(depth);
	text_printf(out, " %*s  ", left - used - 1 > 0 ? left - used - 1 : 0, age);
}

static void put_trend_columns(struct text *out, const struct history_trend *t)
{
	char size[32] = "-", rate[32] = "-";
	uint64_t now, median;
	if (history_trend_size(t, &now, &median))
		format_change(now, median, size);
	if (history_trend_rate(t, &now, &median))
		format_change(now, median, rate);
	text_printf(out, "%6.6s  %6.6s  ", size, rate);
}

static void put_cost_columns(struct text *out, const struct history_record *r)
{
	char rate[32] = "-", size[32];
	struct text took autotext = {0};
	uint64_t speed = report_rate_of(r->bytes_restored, r->restore_seconds);
	if (speed)
		snprintf(rate, sizeof rate, "%.20s/s", format_size(speed, size));
	report_put_duration(&took, r->duration_seconds);
	text_printf(out, "%7s  %11s  ", text_str(&took), rate);
}

/* A line, wrapped below its label. */
static void put_detail(struct text *out, const char *label, const char *value, const struct report_options *o)
{
	if (!value || !*value)
		return;
	text_printf(out, "    %-10s ", label);
	cells_wrap(out, value, 15, table_width(o), 0);
}

static void put_digest(struct text *to, const char *name, bool has, const uint8_t digest[32])
{
	if (has)
		text_printf(to, ", %s ", name);
	for (size_t i = 0; has && i < 32; i++)
		text_printf(to, "%02x", digest[i]);
}

static void put_details(struct text *out, const struct history_record *r, const struct report_options *o)
{
	char a[32], b[32];
	struct text line autotext = {0};
	for (size_t i = 0; i < r->reasons.count; i++)
		put_detail(out, i ? "" : "Reasons", r->reasons.items[i], o);
	for (size_t i = 0; i < r->files.count; i++) {
		const struct history_file *f = &r->files.items[i];
		line.length = 0;
		text_printf(&line, "%s, %s", f->path, format_size(f->size, a));
		put_digest(&line, "sha256", f->has_sha256, f->sha256);
		put_digest(&line, "fs-verity", f->has_fsverity, f->fsverity);
		put_detail(out, i ? "" : "Files", text_str(&line), o);
	}
	line.length = 0;
	for (int p = 0; p < PROOF_COUNT; p++)
		text_printf(&line, "%s%s %s", p ? ", " : "", proof_name((enum proof)p),
			    outcome_name((enum outcome)r->proofs[p]));
	put_detail(out, "Proofs", text_str(&line), o);
	line.length = 0;
	text_printf(&line, "%s%s%s%s%s", r->hostname ? r->hostname : "", r->machine_id ? ", machine id " : "",
		    r->machine_id ? r->machine_id : "", r->system ? ", " : "", r->system ? r->system : "");
	put_detail(out, "Machine", text_str(&line), o);
	line.length = 0;
	text_printf(&line, "%s read, %llu files restored", format_size(r->bytes_read, a),
		    (unsigned long long)r->files_restored);
	if (r->entries)
		text_printf(&line, ", %llu files inside", (unsigned long long)r->entries);
	if (r->opaque_known)
		text_printf(&line, ", %s of what was sampled can't be compressed", format_share(r->opaque, a));
	if (r->confidence)
		text_printf(&line, ", damage of %s would have been seen with %s probability",
			    format_share(r->damage, a), format_share(r->confidence, b));
	put_detail(out, "Measures", text_str(&line), o);
	line.length = 0;
	text_printf(&line, "%s, seed %llu", r->policy ? r->policy : "", (unsigned long long)r->seed);
	put_detail(out, "Policy", text_str(&line), o);
}

void history_text_row(struct text *out, const struct history_record *r, const struct history_trend *t,
		      const struct report_options *o, size_t host_width)
{
	char when[32], age[32] = "-", size[32] = "-";
	enum code c = (enum code)r->code;
	if (host_width) {
		cells_put_padded(out, r->host, host_width, CELLS_CUT_MIDDLE);
		text_put(out, "  ");
	}
	if (r->taken_at)
		format_duration(seconds_since(r->taken_at, r->checked_at), age);
	if (r->label)
		format_size(r->bytes, size);
	/* Minutes are enough here: 2026-11-22 08:54Z */
	format_rfc3339(r->checked_at, when);
	text_printf(out, "%.10s %.5sZ  ", when, when + 11);
	put_verdict(out, r, age, o);
	text_printf(out, "%9s  ", size);
	if (t)
		put_trend_columns(out, t);
	else
		put_cost_columns(out, r);
	const char *why = c == CODE_SAFE ? (t ? "" : short_label(r)) : reason_of(r);
	size_t used = (host_width ? host_width + 2 : 0) + 60 + (t ? 16 : 22), width = table_width(o);
	/* A line that has no room left for words gets a few all the same: lines of a terminal wrap. */
	cells_put(out, why, o->verbose ? SIZE_MAX : width > used + 16 ? width - used : 16,
		  c == CODE_SAFE ? CELLS_CUT_MIDDLE : CELLS_CUT_END);
	while (out->length && out->data[out->length - 1] == ' ')
		out->data[--out->length] = 0;
	text_put(out, "\n");
	if (o->verbose)
		put_details(out, r, o);
}

static void put_trend(struct text *out, const char *label, uint64_t now, uint64_t median, const char *unit)
{
	char a[32], b[32], change[32];
	text_printf(out, "%-7s  %s%s, %s against %s%s, the median of those before\n", label, format_size(now, a), unit,
		    format_change(now, median, change), format_size(median, b), unit);
}

void history_text_trend(struct text *out, const struct history_trend *t)
{
	uint64_t now, median;
	bool size = history_trend_size(t, &now, &median);
	if (size)
		put_trend(out, "Size", now, median, "");
	bool rate = history_trend_rate(t, &now, &median);
	if (rate)
		put_trend(out, "Restore", now, median, "/s");
	if (!size && !rate)
		text_put(out, "No trend yet: that takes a few backups.\n");
}
