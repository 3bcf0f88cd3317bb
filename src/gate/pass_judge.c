// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * What a pass is worth on the machine that is to be patched: a pure function of the pass and of what is asked. Whatever
 * is asked and can't be shown is refused.
 */
#include <strings.h>

#include "backproof/gate.h"
#include "backproof/pass.h"
#include "backproof/subject.h"

static enum code refuse(enum code code, struct text *why, const char *before, const char *name, const char *after)
{
	text_put(why, before);
	text_put_safe(why, name);
	text_put(why, after);
	return code;
}

static bool held(const struct pass *p, enum proof proof)
{
	return p->proofs[proof] && !strcmp(p->proofs[proof], outcome_name(OUTCOME_HELD));
}

/* Machines that nobody has named are all called the same. */
static bool is_nameless(const char *name)
{
	return !strcasecmp(name, "localhost") || !strncasecmp(name, "localhost.", 10) || !strcmp(name, "(none)");
}

/*
 * This machine may be known under another name to the backup server; then the name that was found inside counts, if it
 * was proved that the backup is the host's. A name that was given must be the one that was checked.
 */
static enum code judge_host(const struct pass *p, const struct pass_claims *c, struct text *why)
{
	const char *want = c->host ? c->host : c->self, *id = c->machine_id ? c->machine_id : c->self_id;
	bool told = c->host || !is_nameless(want) || (p->machine_id && id && !strcasecmp(p->machine_id, id));
	if (told && same_host(p->host, want))
		return CODE_SAFE;
	if (!c->host && p->hostname && held(p, PROOF_IDENTITY) && !is_nameless(want) && same_host(p->hostname, want))
		return CODE_SAFE;
	if (!told)
		return refuse(CODE_INCOMPLETE, why, "many machines are called ", want,
			      ", and no machine id tells that it is for this one (--host says so)");
	text_put(why, "it is for ");
	text_put_safe(why, p->host);
	return refuse(CODE_INCOMPLETE, why, ", not for ", want, "");
}

/*
 * The id found in the backup against the one that was given, or else this machine's own where the pass is for this
 * machine. Where either has none (a container, a Windows, an image before its first boot) the name has to do.
 */
static enum code judge_machine(const struct pass *p, const struct pass_claims *c, struct text *why)
{
	bool self = !c->host || same_host(c->host, c->self);
	const char *want = c->machine_id ? c->machine_id : self ? c->self_id : NULL;
	if (!want || (!p->machine_id && !c->machine_id))
		return CODE_SAFE;
	if (!p->machine_id)
		return refuse(CODE_INCOMPLETE, why, "it has no machine id to hold against ", want, "");
	if (!strcasecmp(p->machine_id, want))
		return CODE_SAFE;
	text_put(why, "the backup is of the machine ");
	text_put_safe(why, p->machine_id);
	return refuse(CODE_INCOMPLETE, why, ", not of ", want, "");
}

static enum code judge_policy(const struct pass *p, const struct pass_claims *c, struct text *why)
{
	if (c->policy && strcmp(c->policy, p->policy))
		return refuse(CODE_INCOMPLETE, why, "it is by the policy \"", p->policy, "\"");
	if (c->policy_digest && memcmp(c->policy_digest, p->policy_digest, sizeof p->policy_digest))
		return refuse(CODE_INCOMPLETE, why, "its policy \"", p->policy, "\" has another digest");
	return CODE_SAFE;
}

static enum code judge_time(const struct pass *p, const struct pass_claims *c, struct text *why)
{
	char buf[32], ago[32];
	if (p->verified_at > c->now && p->verified_at - c->now > PASS_CLOCK_SKEW)
		return refuse(CODE_STALE, why, "it was verified in the future, ", format_rfc3339(p->verified_at, buf),
			      ": is the clock of this machine right?");
	if (c->now < p->expires_at)
		return CODE_SAFE;
	text_printf(why, "it expired at %s, ", format_rfc3339(p->expires_at, buf));
	text_printf(why, "%s ago", format_duration(c->now - p->expires_at, ago));
	return CODE_STALE;
}

/* Something that is no code of a verdict must not be taken for one. */
static enum code code_of(const struct pass *p)
{
	static const enum code codes[] = {CODE_NO_BACKUP, CODE_STALE, CODE_DAMAGED, CODE_INCOMPLETE, CODE_CANNOT_TELL,
					  CODE_BUSY};
	for (size_t i = 0; i < ARRAY_SIZE(codes); i++)
		if (p->code == (int)codes[i])
			return codes[i];
	return CODE_INTERNAL;
}

static void describe(const struct pass *p, const struct pass_claims *c, struct text *why)
{
	char buf[32];
	text_printf(why, "verified %s ", format_rfc3339(p->verified_at, buf));
	int64_t age = c->now > p->verified_at ? c->now - p->verified_at : 0;
	text_printf(why, "(%s ago) by the policy \"", format_duration(age, buf));
	text_put_safe(why, p->policy);
	text_printf(why, "\"%s, good for %s more", strcmp(p->depth, "full") ? " with a sample" : "",
		    format_duration(p->expires_at - c->now, buf));
	if (!p->suspect)
		return;
	text_put(why, "; this backup is SUSPECT, not to be trusted for a clean restore: ");
	text_put_safe(why, p->suspect);
}

/* Not safe, and a person says to go on: who that is and why is said first. */
static enum code describe_waiver(const struct pass *p, const struct pass_claims *c, struct text *why)
{
	char until[32];
	const struct pass_waiver *w = &p->waiver;
	enum code covers = (enum code)w->covers;
	if (!w->user || !w->reason || !code_can_be_waived(covers) || c->now >= w->ends_at)
		return refuse(CODE_INTERNAL, why, "it is waived by a waiver that does not hold", "", "");
	text_printf(why, "not safe, %s: ", code_name(covers));
	text_put_safe(why, p->reasons.count ? p->reasons.items[0] : code_name(covers));
	text_printf(why, "; waived until %s by ", format_rfc3339(w->ends_at, until));
	text_put_safe(why, w->user);
	if (w->approved_by) {
		text_put(why, ", approved by ");
		text_put_safe(why, w->approved_by);
	}
	text_put(why, ": ");
	text_put_safe(why, w->reason);
	text_put(why, "; ");
	describe(p, c, why);
	return CODE_WAIVED;
}

enum code pass_judge(const struct pass *p, const struct pass_claims *c, bool *ours, struct text *why)
{
	enum code code = CODE_SAFE;
	*ours = false;
	if (!p->trusted)
		return refuse(CODE_INCOMPLETE, why, "it is signed by none of the given keys, but by ",
			      *p->key_id ? p->key_id : "one without a name", "");
	if ((code = judge_host(p, c, why)) != CODE_SAFE || (code = judge_machine(p, c, why)) != CODE_SAFE ||
	    (code = judge_policy(p, c, why)) != CODE_SAFE)
		return code;
	*ours = p->verified_at <= c->now || p->verified_at - c->now <= PASS_CLOCK_SKEW;
	if ((code = judge_time(p, c, why)) != CODE_SAFE)
		return code;
	if (p->code == (int)CODE_SAFE) {
		describe(p, c, why);
		return CODE_SAFE;
	}
	if (p->code == (int)CODE_WAIVED)
		return describe_waiver(p, c, why);
	code = code_of(p);
	return refuse(code, why, "the check did not pass: ",
		      p->reasons.count ? p->reasons.items[0] : code_name(code), "");
}
