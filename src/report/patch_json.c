// SPDX-License-Identifier: GPL-3.0-or-later
/* Patches for programs. The order of members is part of the contract. */
#include "backproof/rollback.h"
#include "common.h"

const char *patch_state_name(enum program_state s)
{
	static const char *const names[] = {"none", "running", "exited", "signalled", "failed"};
	return (unsigned)s < ARRAY_SIZE(names) ? names[s] : "failed";
}

static void put_program(struct text *out, const char *key, enum program_state state, int status, int64_t ended)
{
	text_printf(out, ",\"%s\":{\"state\":\"%s\"", key, patch_state_name(state));
	if (state == PROGRAM_NONE || state == PROGRAM_RUNNING)
		text_put(out, ",\"status\":null");
	else
		text_printf(out, ",\"status\":%d", status);
	text_put_member_time(out, "ended_at", ended);
	text_put(out, "}");
}

static void put_point(struct text *out, const struct patch_record *r)
{
	if (!r->label) {
		text_put(out, ",\"restore_point\":null");
		return;
	}
	text_put(out, ",\"restore_point\":{\"label\":");
	text_put_json(out, r->label);
	text_put_member_time(out, "taken_at", r->taken_at);
	text_put(out, ",\"format\":");
	text_put_json_list(out, &r->formats);
	text_put(out, ",\"files\":[");
	for (size_t i = 0; i < r->files.count; i++) {
		text_put(out, i ? "," : "");
		report_put_file(out, &r->files.items[i]);
		text_put(out, "}");
	}
	text_put(out, "]}");
}

/* Members without the braces around them. */
void patch_json_members(struct text *out, const struct patch_record *r)
{
	const char *found = code_name((enum code)r->code), *code = r->waiver ? code_name(CODE_WAIVED) : found;
	text_printf(out, "\"id\":%lld", (long long)r->id);
	text_put_member(out, "host", r->host);
	text_put(out, ",\"command\":");
	text_put_json_list(out, &r->command);
	text_put_member(out, "user", r->user);
	text_put_member_time(out, "started_at", r->started_at);
	put_program(out, "result", r->state, r->status, r->ended_at);
	text_put_member(out, "post", r->post);
	put_program(out, "post_result", r->post_state, r->post_status, r->post_ended_at);
	text_printf(out, ",\"verdict\":\"%s\",\"code\":\"%s\"", code, code);
	report_put_waiver_id(out, r->waiver, found);
	text_put_member(out, "suspect", r->suspect);
	text_put_member_time(out, "checked_at", r->checked_at);
	text_put_member(out, "policy", r->policy);
	put_point(out, r);
}

void patch_json_row(struct text *out, const struct patch_record *r, const char *type)
{
	text_put(out, "{");
	if (type)
		text_printf(out, "\"type\":\"%s\",\"format_version\":\"" REPORT_FORMAT_VERSION "\",", type);
	patch_json_members(out, r);
	text_put(out, "}");
}

void patch_json_head(struct text *out, const char *path)
{
	report_put_list_head(out, "patches", path, "patches");
}

void patch_jsonl_end(struct text *out, const char *path, size_t patches)
{
	report_put_list_end(out, path, "patches", patches);
}
