// SPDX-License-Identifier: GPL-3.0-or-later
/* OK is only what the last verdict says is safe, by the policy that counts, and recent enough. */
#include <stdarg.h>

#include "backproof/ledger.h"
#include "backproof/verdict.h"
#include "plugin.h"

static void say(struct known_host *h, const char *fmt, ...) printf_like(2, 3);
static void say(struct known_host *h, const char *fmt, ...)
{
	va_list ap;
	autofree char *s = NULL;
	va_start(ap, fmt);
	int n = vasprintf(&s, fmt, ap);
	va_end(ap);
	if (n < 0) {
		s = NULL;
		h->says.failed = true;
		return;
	}
	plugin_put(&h->says, s);
}

static void worse(struct known_host *h, enum state s)
{
	h->state = state_worse(h->state, s);
}

static enum state state_of(int code)
{
	switch (code) {
	case CODE_SAFE:
		return STATE_OK;
	case CODE_NO_BACKUP:
	case CODE_STALE:
	case CODE_DAMAGED:
	case CODE_INCOMPLETE:
		return STATE_CRITICAL;
	default:
		return STATE_UNKNOWN;
	}
}

static void judge_code(struct known_host *h, const struct waiver *w)
{
	char until[32];
	const char *word = code_name((enum code)h->code), *reason = h->details.count ? h->details.items[0] : "";
	enum state s = state_of(h->code);
	/* A reason begins with its word. */
	if (!strncmp(reason, word, strlen(word)) && !strncmp(reason + strlen(word), ": ", 2))
		reason += strlen(word) + 2;
	say(h, "%s ", h->name);
	if (h->code != CODE_SAFE && w) {
		s = STATE_WARNING;
		say(h, "waived until %s by %s (%s): ", format_rfc3339(w->ends_at, until), w->user, w->reason);
	}
	say(h, "%s", word);
	if (h->code == CODE_SAFE)
		text_printf(&h->says, ": %s check", depth_name((enum depth)h->depth));
	else if (*reason)
		say(h, ": %s", reason);
	if (h->code != CODE_SAFE && h->waiver && !w)
		text_put(&h->says, "; its waiver has ended");
	worse(h, s);
}

static void judge_ages(struct known_host *h, const struct plugin_options *o)
{
	char a[32], b[32];
	text_printf(&h->says, "%s %s ago", h->code == CODE_SAFE ? "" : ", checked", format_duration(h->age, a));
	if (h->taken_at)
		text_printf(&h->says, ", backup taken %s ago", format_duration(h->backup_age, a));
	if (h->bytes)
		text_printf(&h->says, ", %s", format_size(h->bytes, b));
	if (range_alerts(&o->critical, h->age) || range_alerts(&o->warning, h->age)) {
		worse(h, range_alerts(&o->critical, h->age) ? STATE_CRITICAL : STATE_WARNING);
		text_put(&h->says, "; the verdict's age is out of range");
	}
	/* A range that was asked for, and an age that nobody knows. */
	if (!h->taken_at && h->code == CODE_SAFE && (o->backup_critical.given || o->backup_warning.given)) {
		worse(h, STATE_UNKNOWN);
		text_put(&h->says, "; the backup's age is not known");
	}
	if (h->taken_at &&
	    (range_alerts(&o->backup_critical, h->backup_age) || range_alerts(&o->backup_warning, h->backup_age))) {
		worse(h, range_alerts(&o->backup_critical, h->backup_age) ? STATE_CRITICAL : STATE_WARNING);
		text_put(&h->says, "; the backup's age is out of range");
	}
}

/* What a clock that runs ahead by a little has written is of now. */
static bool age_of(int64_t at, int64_t now, int64_t *age)
{
	*age = now > at ? now - at : 0;
	return at <= now + CLOCK_SKEW;
}

void known_host_judge(struct known_host *h, const struct waiver *waiver, const struct plugin_options *o)
{
	h->state = STATE_OK;
	if (!h->has_verdict) {
		h->state = STATE_CRITICAL;
		say(h, "%s: no verdict, it was never checked", h->name);
		return;
	}
	judge_code(h, waiver);
	bool past = age_of(h->checked_at, o->now, &h->age);
	if (h->taken_at)
		past = age_of(h->taken_at, o->now, &h->backup_age) && past;
	judge_ages(h, o);
	if (!past) {
		worse(h, STATE_UNKNOWN);
		text_put(&h->says, "; it is from the future: a clock is wrong");
	}
	if (h->suspect) {
		worse(h, STATE_WARNING);
		say(h, "; suspect, not for a clean restore: %s", h->suspect);
	}
	if (h->code == CODE_SAFE && h->expected_policy && (!h->policy || strcmp(h->policy, h->expected_policy))) {
		worse(h, STATE_WARNING);
		say(h, "; by policy %s, not %s", h->policy ? h->policy : "(none)", h->expected_policy);
	}
	/* Half a line is no evidence. */
	if (h->says.failed)
		h->state = STATE_UNKNOWN;
}
