// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Whether a waiver holds. The history may be written to by many, so nothing in it is taken for granted; where policy
 * asks for a signature, only what was signed counts.
 */
#include "backproof/waiver.h"

#include <strings.h>

#include "backproof/gate.h"
#include "backproof/text.h"

static enum waiver_state say(struct text *why, enum waiver_state state, const char *text)
{
	text_put(why, text);
	return state;
}

/* Two people: two keys that are known, or, where who asked has not signed, two whom the kernel tells apart. */
static enum waiver_state judge_people(const struct waiver *w, const struct waiver_signatures *s, struct text *why)
{
	const struct person asker = {.user = w->user, .login = w->login, .uid = w->uid};
	if (!s->approved)
		return say(why, WAIVER_PENDING,
			   "nobody has approved it yet (backproof waive HOST --approve --key FILE)");
	if (!s->approver_trusted)
		return say(why, WAIVER_VOID, "it was approved with a key that is none of waiver_keys");
	if (*s->asker_key && !s->asker_trusted)
		return say(why, WAIVER_VOID, "who asked signed with a key that is none of waiver_keys");
	if (*s->asker_key && !strcmp(s->asker_key, s->approver_key))
		return say(why, WAIVER_VOID, "the same key asked and approved");
	if (!*s->asker_key && person_may_be(&asker, &s->approver))
		return say(why, WAIVER_VOID, "the same person asked and approved");
	return WAIVER_HOLDS;
}

static enum waiver_state judge_signatures(const struct waiver *w, const struct policy *p,
					  const struct trusted_keys *keys, int64_t now, char **approver,
					  struct text *why)
{
	struct waiver_signatures s;
	struct error e = {0};
	enum waiver_state state = WAIVER_VOID;
	if (waiver_signatures(w, keys, &s, &e) < 0) {
		text_put(why, e.text);
	} else {
		state = p->waivers == WAIVERS_SIGNED ? judge_people(w, &s, why) : WAIVER_HOLDS;
		if (state == WAIVER_HOLDS && s.approved && s.approved_at > now)
			state = say(why, WAIVER_PENDING, "it was approved later than that");
		if (state == WAIVER_HOLDS && s.approver_trusted)
			*approver = take(s.approver.user);
	}
	waiver_signatures_free(&s);
	return state;
}

enum waiver_state waiver_judge(const struct waiver *w, const struct policy *p, const struct trusted_keys *keys,
			       int64_t now, char **approver, struct text *why)
{
	char buf[32];
	struct error e = {0};
	*approver = NULL;
	if (waiver_check(w, &e) < 0)
		return say(why, WAIVER_VOID, e.text);
	if (w->ended_at)
		return say(why, WAIVER_VOID, "it was ended");
	if (now < w->recorded_at || now >= w->ends_at)
		return say(why, WAIVER_VOID, now < w->recorded_at ? "it begins later" : "its time is over");
	if (p->waivers == WAIVERS_NO)
		return say(why, WAIVER_VOID, "the policy says waivers = no");
	if (p->max_waiver && w->ends_at - w->recorded_at > p->max_waiver) {
		text_printf(why, "it is for longer than the policy allows: max_waiver = %s",
			    format_duration(p->max_waiver, buf));
		return WAIVER_VOID;
	}
	return judge_signatures(w, p, keys, now, approver, why);
}

int waiver_keys_load(const struct policy *p, struct trusted_keys *keys, struct error *e)
{
	memset(keys, 0, sizeof *keys);
	if (p->waivers != WAIVERS_SIGNED)
		return 0; /* nobody is asked for a signature */
	for (size_t i = 0; i < p->waiver_keys.count; i++)
		if (trusted_keys_add(keys, p->waiver_keys.items[i], e) < 0) {
			trusted_keys_free(keys);
			return -1;
		}
	return 0;
}

struct search {
	const struct policy *policy;
	const char *host;
	const struct trusted_keys *keys;
	int64_t now;
	struct waiver *best; /* host NULL: none yet */
	struct strings *notes;
};

static int note(struct search *s, const struct waiver *w, const struct text *why)
{
	char until[32];
	if (!s->notes)
		return 0;
	autofree char *line = text_format("a waiver by %s until %s does not count: %s", w->user ? w->user : "nobody",
					  format_rfc3339(w->ends_at, until), text_str(why));
	return line ? strings_add(s->notes, line) : -1;
}

static int visit(void *ctx, const struct waiver *w, struct error *e)
{
	struct search *s = ctx;
	autotext struct text why = {0};
	autofree char *approver = NULL;
	if (!w->host || strcasecmp(w->host, s->host))
		return 0;
	if (waiver_judge(w, s->policy, s->keys, s->now, &approver, &why) != WAIVER_HOLDS)
		return note(s, w, &why) < 0 ? error_nomem(e) : 0;
	if (s->best->host && s->best->ends_at >= w->ends_at)
		return 0;
	waiver_free(s->best);
	if (waiver_copy(s->best, w) < 0)
		return error_nomem(e);
	s->best->approved_by = take(approver);
	return 0;
}

int gate_waiver(struct history *h, const struct policy *p, const char *host, int64_t now, struct waiver *out,
		struct strings *notes, struct error *e)
{
	struct trusted_keys keys;
	memset(out, 0, sizeof *out);
	if (waiver_keys_load(p, &keys, e) < 0)
		return -1;
	struct search s = {.policy = p, .host = host, .keys = &keys, .now = now, .best = out, .notes = notes};
	int rc = history_waivers(h, host, now, visit, &s, e);
	trusted_keys_free(&keys);
	if (rc < 0)
		waiver_free(out);
	return rc < 0 ? -1 : out->host != NULL;
}
