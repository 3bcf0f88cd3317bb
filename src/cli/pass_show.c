// SPDX-License-Identifier: GPL-3.0-or-later
#include "pass_show.h"

#include "backproof/digest.h"
#include "backproof/person.h"
#include "backproof/verdict.h"

static void row(struct text *out, const char *name, const char *value)
{
	text_printf(out, "  %-10s ", name);
	text_put_safe(out, value ? value : "not known");
	text_put(out, "\n");
}

static void time_row(struct text *out, const char *name, int64_t t, int64_t now, const char *after)
{
	char buf[32], far[32];
	int64_t distance = t > now ? t - now : now - t;
	text_printf(out, "  %-10s %s, %s%s%s%s\n", name, format_rfc3339(t, buf), t > now ? "in " : "",
		    format_duration(distance, far), t > now ? "" : " ago", after);
}

static void show_signature(struct text *out, const struct pass *p, bool keyed)
{
	text_put(out, "  Signature  ");
	if (!keyed)
		text_put(out, "NOT CHECKED: give --key FILE; anyone may have written this. It says it is by ");
	else if (p->trusted)
		text_put(out, "checked, and right: by ");
	else
		text_put(out, "NOT BY ANY OF THE KEYS GIVEN: anyone may have written this. It says it is by ");
	text_put_safe(out, *p->key_id ? p->key_id : "nobody");
	text_put(out, "\n");
}

static void show_proofs(struct text *out, const struct pass *p)
{
	for (size_t i = 0; i < PROOF_COUNT; i++) {
		text_printf(out, "  %-10s %s", i ? "" : "Proofs", proof_name((enum proof)i));
		text_printf(out, "%*s%s\n", (int)(11 - strlen(proof_name((enum proof)i))), "", p->proofs[i]);
	}
}

static void show_waiver(struct text *out, const struct pass_waiver *w, int64_t now)
{
	autotext struct text by = {0};
	if (!w->user)
		return;
	person_put(&by, w->user, w->login, NULL, NULL);
	row(out, "Waived by", text_str(&by));
	if (w->approved_by)
		row(out, "Approved", w->approved_by);
	row(out, "Reason", w->reason);
	if (w->ticket)
		row(out, "Ticket", w->ticket);
	time_row(out, "Until", w->ends_at, now, "");
}

static void show_verdict(struct text *out, const struct pass *p)
{
	text_put_safe(out, p->host);
	if (p->code == CODE_SAFE)
		text_put(out, ": this pass says: SAFE to patch\n");
	else if (p->code == CODE_WAIVED)
		text_printf(out, ": this pass says: WAIVED: not safe to patch (%s), and a person says to go on\n",
			    code_name((enum code)p->waiver.covers));
	else
		text_printf(out, ": this pass says: NOT SAFE to patch: %s (exit %d)\n", code_name((enum code)p->code),
			    p->code);
}

static void show_text(struct text *out, const struct pass *p, bool keyed, int64_t now)
{
	char hex[65], a[32], b[32];
	show_verdict(out, p);
	for (size_t i = 0; i < p->reasons.count; i++) {
		text_put(out, "  ");
		text_put_safe(out, p->reasons.items[i]);
		text_put(out, "\n");
	}
	text_put(out, "\n");
	show_signature(out, p, keyed);
	show_waiver(out, &p->waiver, now);
	time_row(out, "Verified", p->verified_at, now, "");
	time_row(out, "Expires", p->expires_at, now, p->expires_at > now ? "" : ": EXPIRED");
	if (p->taken_at)
		time_row(out, "Taken", p->taken_at, now, "");
	else
		row(out, "Taken", NULL);
	row(out, "Backup", p->label);
	if (p->suspect)
		row(out, "SUSPECT", p->suspect);
	row(out, "Host name", p->hostname);
	row(out, "Machine id", p->machine_id);
	row(out, "Policy", p->policy);
	row(out, "", hex_encode(p->policy_digest, 32, hex));
	row(out, "Depth", p->depth);
	if (p->confidence) {
		text_printf(out, "  %-10s if %s or more of it were damaged, ", "", format_share(p->damage, a));
		text_printf(out, "this would have shown with %s probability\n", format_share(p->confidence, b));
	}
	show_proofs(out, p);
	vec_each(&p->subjects, it)
	{
		row(out, it == p->subjects.items ? "Files" : "", it->name);
		text_printf(out, "  %-10s   %s\n", "", format_size(it->size, a));
		if (it->has_sha256)
			text_printf(out, "  %-10s   sha256   %s\n", "", hex_encode(it->sha256, 32, hex));
		if (it->has_fsverity)
			text_printf(out, "  %-10s   fsverity %s\n", "", hex_encode(it->fsverity, 32, hex));
	}
	row(out, "Id", p->id);
}

static void show_waiver_json(struct text *out, const struct pass_waiver *w)
{
	text_put(out, ",\"waiver\":");
	if (!w->user) {
		text_put(out, "null");
		return;
	}
	text_printf(out, "{\"covers\":\"%s\"", code_name((enum code)w->covers));
	text_put_member(out, "user", w->user);
	text_put_member(out, "login", w->login);
	text_put_member(out, "reason", w->reason);
	text_put_member(out, "ticket", w->ticket);
	text_put_member(out, "approved_by", w->approved_by);
	text_put_member_time(out, "recorded_at", w->recorded_at);
	text_put_member_time(out, "ends_at", w->ends_at);
	text_put(out, "}");
}

static void show_files(struct text *out, const struct pass *p)
{
	char hex[65];
	text_put(out, ",\"files\":[");
	vec_each(&p->subjects, it)
	{
		text_put(out, it == p->subjects.items ? "{\"name\":" : ",{\"name\":");
		text_put_json(out, it->name);
		text_printf(out, ",\"bytes\":%llu", (unsigned long long)it->size);
		text_put_member(out, "sha256", it->has_sha256 ? hex_encode(it->sha256, 32, hex) : NULL);
		text_put_member(out, "fsverity", it->has_fsverity ? hex_encode(it->fsverity, 32, hex) : NULL);
		text_put(out, "}");
	}
	text_put(out, "]");
}

/* The keys are those of a check's report where they mean the same. */
static void show_json(struct text *out, const struct pass *p, bool keyed, int64_t now)
{
	char hex[65], share[16];
	text_put(out, "{\"format_version\":\"" PASS_FORMAT_VERSION "\"");
	text_put_member(out, "host", p->host);
	text_put_member(out, "code", code_name((enum code)p->code));
	text_printf(out, ",\"exit\":%d,\"reasons\":[", exit_status((enum code)p->code, EXIT_PLAIN, false));
	for (size_t i = 0; i < p->reasons.count; i++) {
		text_put(out, i ? "," : "");
		text_put_json(out, p->reasons.items[i]);
	}
	text_put(out, "]");
	text_put_member(out, "signature", !keyed ? "not-checked" : p->trusted ? "held" : "unknown-key");
	text_put_member(out, "key_id", *p->key_id ? p->key_id : NULL);
	text_put_member(out, "id", p->id);
	text_put_member_time(out, "checked_at", p->verified_at);
	text_put_member_time(out, "expires_at", p->expires_at);
	text_printf(out, ",\"expired\":%s", p->expires_at > now ? "false" : "true");
	text_put_member_time(out, "taken_at", p->taken_at);
	text_put_member(out, "restore_point", p->label);
	text_put_member(out, "hostname", p->hostname);
	text_put_member(out, "machine_id", p->machine_id);
	text_put_member(out, "policy", p->policy);
	text_put_member(out, "policy_digest", hex_encode(p->policy_digest, 32, hex));
	text_put_member(out, "depth", p->depth);
	text_put_member(out, "confidence", p->confidence ? format_share(p->confidence, share) : NULL);
	text_put_member(out, "damage", p->damage ? format_share(p->damage, share) : NULL);
	text_put(out, ",\"proofs\":{");
	for (size_t i = 0; i < PROOF_COUNT; i++)
		text_printf(out, "%s\"%s\":\"%s\"", i ? "," : "", proof_name((enum proof)i), p->proofs[i]);
	text_put(out, "}");
	show_files(out, p);
	show_waiver_json(out, &p->waiver);
	text_put_member(out, "suspect", p->suspect);
	text_put(out, "}\n");
}

void pass_show(struct text *out, const struct pass *p, bool keyed, bool json, int64_t now)
{
	if (json)
		show_json(out, p, keyed, now);
	else
		show_text(out, p, keyed, now);
}
