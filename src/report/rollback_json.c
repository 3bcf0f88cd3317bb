// SPDX-License-Identifier: GPL-3.0-or-later
/* The way back, for programs. The order of members is part of the contract. */
#include "backproof/rollback.h"
#include "common.h"
#include "shell.h"

static void put_files(struct text *out, const struct rollback *r)
{
	text_put(out, ",\"files\":[");
	for (size_t i = 0; i < r->states.count; i++) {
		autotext struct text word = {0};
		text_put(out, i ? ",{\"path\":" : "{\"path\":");
		text_put_json(out, r->patch->files.items[i].path);
		/* What a name that is no UTF-8 is called can only be said so. */
		shell_put(&word, r->patch->files.items[i].path);
		text_put_member(out, "shell", text_str(&word));
		text_put_member(out, "state", rollback_state_name(r->states.items[i]));
		text_put(out, "}");
		out->failed |= word.failed;
	}
	text_put(out, "]");
}

static void put_steps(struct text *out, const struct rollback *r)
{
	text_put(out, ",\"steps\":[");
	for (size_t i = 0; i < r->steps.count; i++) {
		const struct rollback_step *s = &r->steps.items[i];
		text_put(out, i ? ",\n{\"title\":" : "\n{\"title\":");
		text_put_json(out, s->title);
		text_put(out, ",\"lines\":[");
		for (size_t k = 0; k < s->lines.count; k++) {
			text_put(out, k ? "," : "");
			text_put(out, s->lines.items[k].is_command ? "{\"command\":" : "{\"text\":");
			text_put_json(out, s->lines.items[k].text);
			text_put(out, "}");
		}
		text_put(out, "]}");
	}
	text_put(out, "]");
}

void rollback_json(struct text *out, const struct rollback *r)
{
	struct strings warnings = {0};
	if (rollback_warnings(r, &warnings) < 0)
		out->failed = true;
	text_put(out, "{\"format_version\":\"" REPORT_FORMAT_VERSION "\",\"type\":\"rollback\"");
	text_put_member(out, "host", r->patch->host);
	text_printf(out, ",\"exit\":%d,\"patch\":{", rollback_code(r));
	patch_json_members(out, r->patch);
	text_put(out, "}");
	text_put_member(out, "suspect", r->suspect);
	text_printf(out, ",\"sealed\":%s", r->is_sealed ? "true" : "false");
	put_files(out, r);
	text_put(out, ",\"warnings\":");
	text_put_json_list(out, &warnings);
	put_steps(out, r);
	text_put(out, "}\n");
	strings_free(&warnings);
}
