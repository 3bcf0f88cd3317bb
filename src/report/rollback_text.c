// SPDX-License-Identifier: GPL-3.0-or-later
/* The way back, for people: warnings first, and commands on lines of their own that are never broken. */
#include "backproof/rollback.h"
#include "cells.h"
#include "table.h"

static void put_line(struct text *out, const char *label, const char *value, const struct report_options *o)
{
	text_printf(out, "%-8s ", label);
	cells_wrap(out, value, 9, table_width(o), 0);
}

static void put_head(struct text *out, const struct rollback *r, const struct report_options *o)
{
	char when[32];
	const struct patch_record *p = r->patch;
	autotext struct text line = {0};
	text_printf(&line, "%lld of %s: ", (long long)p->id, p->host);
	patch_put_command(&line, p);
	put_line(out, "Patch", text_str(&line), o);
	line.length = 0;
	if (p->started_at)
		text_printf(&line, "%s%s%s: ", format_rfc3339(p->started_at, when), p->user ? " by " : "",
			    p->user ? p->user : "");
	patch_put_result(&line, p->state, p->status);
	if (p->post) {
		text_printf(&line, "; post-check %s: ", p->post);
		patch_put_result(&line, p->post_state, p->post_status);
	}
	put_line(out, "Ran", text_str(&line), o);
	line.length = 0;
	text_put(&line, p->label ? p->label : "none");
	if (p->taken_at)
		text_printf(&line, ", of %s", format_rfc3339(p->taken_at, when));
	if (p->checked_at)
		text_printf(&line, ", %s at %s", p->code ? "checked" : "proved", format_rfc3339(p->checked_at, when));
	put_line(out, "Backup", text_str(&line), o);
	for (size_t i = 0; i < p->files.count; i++) {
		char size[32];
		line.length = 0;
		text_printf(&line, "%s, %s, %s", p->files.items[i].path, format_size(p->files.items[i].size, size),
			    i < r->states.count ? rollback_state_name(r->states.items[i]) : "");
		put_line(out, i ? "" : "Files", text_str(&line), o);
	}
}

void rollback_text(struct text *out, const struct rollback *r, const struct report_options *o)
{
	struct strings warnings = {0};
	put_head(out, r, o);
	if (rollback_warnings(r, &warnings) < 0)
		out->failed = true;
	for (size_t i = 0; i < warnings.count; i++) {
		text_printf(out, "%s%sWARNING%s  ", i ? "" : "\n", table_color(o, CODE_DAMAGED), table_color_end(o));
		cells_wrap(out, warnings.items[i], 9, table_width(o), 0);
	}
	strings_free(&warnings);
	if (r->steps.count)
		text_put(out, "\nNothing is restored by this command. The steps, for bash; what is in capitals is "
			      "yours to fill in:\n");
	for (size_t i = 0; i < r->steps.count; i++) {
		const struct rollback_step *s = &r->steps.items[i];
		text_printf(out, "\n%zu. %s\n", i + 1, s->title);
		vec_each(&s->lines, it)
		{
			text_put(out, it->is_command ? "       " : "   ");
			if (it->is_command) {
				/* All of it is escaped already: this is to be pasted as it is. */
				text_put(out, it->text);
				text_put(out, "\n");
			} else {
				cells_wrap(out, it->text, 3, table_width(o), 0);
			}
		}
	}
}
