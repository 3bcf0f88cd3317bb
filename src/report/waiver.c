// SPDX-License-Identifier: GPL-3.0-or-later
/* Who took it on themselves, and backups that are suspect: what all formats say alike. */
#include "common.h"

#include "backproof/person.h"

void report_put_waiver(struct text *out, const struct waiver *w, int64_t now)
{
	char until[32], left[32];
	text_printf(out, "until %s", format_rfc3339(w->ends_at, until));
	if (now && now < w->ends_at)
		text_printf(out, " (%s)", format_duration(w->ends_at - now, left));
	text_put(out, " by ");
	person_put(out, w->user, w->login, NULL, w->origin);
	if (w->approved_by)
		text_printf(out, ", approved by %s", w->approved_by);
	text_printf(out, ": %s", w->reason);
	if (w->ticket)
		text_printf(out, " [%s]", w->ticket);
}

void report_put_waiver_members(struct text *out, const struct waiver *w, const char *covers)
{
	text_printf(out, "\"id\":%lld", (long long)w->id);
	text_put_member(out, "covers", covers);
	text_put_member(out, "reason", w->reason);
	text_put_member(out, "ticket", w->ticket);
	text_put_member(out, "user", w->user);
	text_put_member_u64(out, "uid", w->uid);
	text_put_member(out, "login", w->login);
	text_put_member(out, "terminal", w->terminal);
	text_put_member(out, "origin", w->origin);
	text_put_member(out, "approved_by", w->approved_by);
	text_put_member_time(out, "recorded_at", w->recorded_at);
	text_put_member_time(out, "ends_at", w->ends_at);
}

const struct waiver *report_waiver(const struct host_result *r)
{
	return r->waiver ? r->waiver : r->standing;
}

enum code report_found(const struct host_result *r)
{
	return r->verdict.code == CODE_WAIVED ? r->verdict.waived : r->verdict.code;
}

void report_put_suspect(struct text *out, const char *before, const struct host_result *r)
{
	if (r->suspect)
		text_printf(out, "%sSUSPECT: %s (this backup counts for the patch, and must not be trusted for a clean "
			    "restore)", before, r->suspect);
}
