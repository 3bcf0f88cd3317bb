// SPDX-License-Identifier: GPL-3.0-or-later
/* Patches for people: a line each, which says what to restore to be where one was before. */
#include "backproof/rollback.h"
#include "cells.h"
#include "shell.h"
#include "table.h"

void patch_put_result(struct text *out, enum program_state state, int status)
{
	switch (state) {
	case PROGRAM_NONE:
		text_put(out, "-");
		break;
	case PROGRAM_RUNNING: /* or it runs right now: nobody has told its end */
		text_put(out, "not finished");
		break;
	case PROGRAM_EXITED:
		text_printf(out, status ? "exit %d" : "ok", status);
		break;
	case PROGRAM_SIGNALLED:
		text_printf(out, "signal %d", status);
		break;
	case PROGRAM_FAILED:
		text_put(out, "not started");
	}
}

void patch_put_command(struct text *out, const struct patch_record *r)
{
	for (size_t i = 0; i < r->command.count; i++) {
		text_put(out, i ? " " : "");
		shell_put(out, r->command.items[i]);
	}
}

static void put_minute(struct text *out, int64_t t)
{
	char when[32];
	if (t)
		text_printf(out, "%.10s %.5sZ", format_rfc3339(t, when), when + 11);
	else
		text_put(out, "-");
}

void patch_text_head(struct text *out, size_t host_width)
{
	text_printf(out, "%5s  %-17s  ", "PATCH", "STARTED");
	if (host_width)
		text_printf(out, "%-*s  ", (int)host_width, "HOST");
	text_printf(out, "%-12s  %-12s  %s\n", "RESULT", "POST-CHECK", "BACKUP: COMMAND");
}

static void put_detail(struct text *out, const char *label, const char *value, const struct report_options *o)
{
	text_printf(out, "       %-8s ", label);
	cells_wrap(out, value, 16, table_width(o), 0);
}

static void put_digest(struct text *to, const char *name, bool has, const uint8_t digest[32])
{
	if (has)
		text_printf(to, ", %s ", name);
	for (size_t i = 0; has && i < 32; i++)
		text_printf(to, "%02x", digest[i]);
}

static void put_details(struct text *out, const struct patch_record *r, const struct report_options *o)
{
	char size[32];
	autotext struct text line = {0};
	if (r->taken_at) {
		put_minute(&line, r->taken_at);
		put_detail(out, "Backup", text_str(&line), o);
		line.length = 0;
	}
	text_printf(&line, "%s%s at ", r->waiver ? "waived, it was " : "", code_name((enum code)r->code));
	put_minute(&line, r->checked_at);
	put_detail(out, "Verdict", text_str(&line), o);
	if (r->suspect)
		put_detail(out, "Suspect", r->suspect, o);
	for (size_t i = 0; i < r->files.count; i++) {
		const struct history_file *f = &r->files.items[i];
		line.length = 0;
		text_printf(&line, "%s, %s", f->path, format_size(f->size, size));
		put_digest(&line, "sha256", f->has_sha256, f->sha256);
		put_digest(&line, "fs-verity", f->has_fsverity, f->fsverity);
		put_detail(out, i ? "" : "Files", text_str(&line), o);
	}
	if (r->post)
		put_detail(out, "Post", r->post, o);
	if (r->user)
		put_detail(out, "By", r->user, o);
}

void patch_text_row(struct text *out, const struct patch_record *r, const struct report_options *o, size_t host_width)
{
	autotext struct text cell = {0}, command = {0};
	text_printf(out, "%5lld  ", (long long)r->id);
	put_minute(&cell, r->started_at);
	text_printf(out, "%-17s  ", text_str(&cell));
	if (host_width) {
		cells_put_padded(out, r->host, host_width, CELLS_CUT_MIDDLE);
		text_put(out, "  ");
	}
	cell.length = 0;
	patch_put_result(&cell, r->state, r->status);
	text_printf(out, "%-12s  ", text_str(&cell));
	cell.length = 0;
	patch_put_result(&cell, r->post_state, r->post_status);
	text_printf(out, "%-12s  ", text_str(&cell));
	/* What is to be restored is never cut. */
	if (r->label)
		text_put_safe(out, r->label);
	else
		text_put(out, "no backup");
	if (r->waiver)
		text_printf(out, " %s(waived: %s)%s", table_color(o, CODE_WAIVED), code_name((enum code)r->code),
			    table_color_end(o));
	if (r->suspect)
		text_printf(out, " %s(suspect)%s", table_color(o, CODE_DAMAGED), table_color_end(o));
	text_put(out, ": ");
	patch_put_command(&command, r);
	cells_put(out, text_str(&command), o->verbose ? SIZE_MAX : 40, CELLS_CUT_END);
	text_put(out, "\n");
	if (o->verbose)
		put_details(out, r, o);
}
