// SPDX-License-Identifier: GPL-3.0-or-later
/* What was run for a host: a program that makes a backup now, the patch, and the check after it. */
#include "backproof/rollback.h"
#include "common.h"

void report_put_backup_now(struct text *out, const struct backup_now *b)
{
	struct text words autotext = {0};
	if (!b)
		return;
	words_put(&b->command, &words);
	text_put(out, text_str(&words));
	text_put(out, ": ");
	if (b->timed_out)
		text_put(out, "took too long, ");
	program_put(b->state, b->status, out);
	if (b->state != PROGRAM_NONE) {
		text_put(out, ", after ");
		report_put_duration(out, b->seconds);
	}
	text_printf(out, ", for it was %s", code_name(b->because));
	out->failed |= words.failed;
}

void report_put_patch(struct text *out, const struct patch_record *p)
{
	char took[32];
	if (!p)
		return;
	patch_put_command(out, p);
	text_put(out, ": ");
	program_put(p->state, p->status, out);
	if (p->ended_at > p->started_at && p->started_at)
		text_printf(out, ", after %s", format_duration(p->ended_at - p->started_at, took));
	if (p->id)
		text_printf(out, " (patch %lld)", (long long)p->id);
}

void report_put_post(struct text *out, const struct patch_record *p)
{
	if (!p || !p->post)
		return;
	text_put(out, p->post);
	text_put(out, ": ");
	program_put(p->post_state, p->post_status, out);
}

void report_put_ran_members(struct text *out, const struct host_result *r)
{
	const struct backup_now *b = r->backup_now;
	if (b) {
		text_printf(out, ",\"backup_now\":{\"because\":\"%s\",\"command\":", code_name(b->because));
		text_put_json_list(out, &b->command);
		text_printf(out, ",\"state\":\"%s\"", patch_state_name(b->state));
		if (b->state == PROGRAM_NONE)
			text_put(out, ",\"status\":null");
		else
			text_printf(out, ",\"status\":%d", b->status);
		text_printf(out, ",\"timed_out\":%s,\"seconds\":", b->timed_out ? "true" : "false");
		report_put_seconds(out, b->seconds);
		text_put(out, "}");
	} else {
		text_put(out, ",\"backup_now\":null");
	}
	text_put(out, ",\"patch\":");
	if (r->patch) {
		text_put(out, "{");
		patch_json_members(out, r->patch);
		text_put(out, "}");
	} else {
		text_put(out, "null");
	}
}
