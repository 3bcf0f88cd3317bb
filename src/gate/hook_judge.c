// SPDX-License-Identifier: GPL-3.0-or-later
/* May packages be upgraded? Asked of apt first, then of a pass or the history, and of a person's waiver last. */
#include <time.h>

#include "backproof/budget.h"
#include "backproof/gate.h"
#include "backproof/pass.h"
#include "hook.h"
#include "remember.h"

static void refusal(struct hook_answer *out, const char *host, enum code code, const char *safe_why)
{
	out->code = code;
	text_put(&out->says, "backproof: NOT upgraded: ");
	if (host)
		text_put_safe(&out->says, host);
	text_printf(&out->says, "%s%s\n  why: %s\n", host ? ": " : "", code_name(code), safe_why);
}

static void refuse_plainly(struct hook_answer *out, const char *host, enum code code, const char *unsafe_why)
{
	autotext struct text t = {0};
	text_put_safe(&t, unsafe_why);
	refusal(out, host, code, text_str(&t));
}

static enum code code_of(const struct error *e)
{
	return e->cls == ERROR_INTERNAL ? CODE_INTERNAL : CODE_CANNOT_TELL;
}

static enum code load_keys(const struct hook_config *h, struct trusted_keys *keys, struct text *why)
{
	struct error e = {0};
	for (size_t i = 0; i < h->pass_keys.count; i++)
		if (trusted_keys_add(keys, h->pass_keys.items[i], &e) < 0) {
			text_put(why, "pass_keys: ");
			text_put_safe(why, e.text);
			return e.cls == ERROR_INTERNAL ? CODE_INTERNAL : CODE_CONFIG;
		}
	return CODE_SAFE;
}

enum code hook_pass(const struct hook_job *j, struct text *why)
{
	const struct hook_config *h = j->hook;
	struct trusted_keys keys = {0};
	struct pass p = {.code = -1};
	struct error e = {0};
	struct pass_claims c = {.host = h->host, .policy = h->policy, .now = j->now};
	hook_doing(j->shared, "looking at the pass: ", h->pass);
	enum code code = load_keys(h, &keys, why);
	if (code == CODE_SAFE && (code = pass_load(h->pass, &keys, &p, &e)) != CODE_SAFE)
		text_put_safe(why, e.text);
	else if (code == CODE_SAFE)
		code = pass_check(&p, &c, h->state, why);
	pass_free(&p);
	trusted_keys_free(&keys);
	return code;
}

/* By whom, until when, why. */
static bool is_waived(const struct hook_job *j, struct history *h, const struct policy *p, struct text *says)
{
	struct waiver w;
	struct error e = {0};
	char until[32];
	if (gate_waiver(h, p, j->host, j->now, &w, NULL, &e) <= 0)
		return false;
	text_put_safe(says, w.user ? w.user : "somebody");
	text_printf(says, " takes it on until %s: ", format_rfc3339(w.ends_at, until));
	text_put_safe(says, w.reason ? w.reason : "");
	waiver_free(&w);
	snprintf(j->shared->waived, sizeof j->shared->waived, "%s: %s", j->host, text_str(says));
	return true;
}

/* What to type now. */
static void advise(const struct hook_job *j, bool history, const struct policy *p, enum code code, struct text *out)
{
	autotext struct text host = {0};
	text_put_safe(&host, j->host);
	if (code == CODE_CONFIG || code == CODE_INTERNAL) {
		text_printf(out, "  now: see [hook \"%s\"] in backproof.conf(5)\n", j->hook->name);
		return;
	}
	if (j->hook->pass) {
		text_printf(out, "  now: where the backups are, backproof check %s --pass FILE; bring FILE here as ",
			    text_str(&host));
		text_put_safe(out, j->hook->pass);
	} else if (!history) {
		text_put(out, "  now: let a history be kept (backproof(1), FILES), then ");
	}
	if (!j->hook->pass)
		text_printf(out, "%sbackproof check %s%s%s", history ? "  now: " : "", text_str(&host),
			    j->hook->policy ? " --policy " : "", j->hook->policy ? j->hook->policy : "");
	text_put(out, "\n");
	if (!code_can_be_waived(code) || (p && p->waivers == WAIVERS_NO) || (!history && !j->hook->pass))
		return;
	text_printf(out, "  or, if it can't wait%s: backproof waive %s --reason TEXT --for 2h (that is recorded)\n",
		    history ? "" : ", there, for a pass that says so", text_str(&host));
}

static enum code ask(const struct hook_job *j, struct history *h, const struct error *no_history,
		     const struct policy *p, struct text *why)
{
	enum code code;
	if (j->hook->pass) {
		code = hook_pass(j, why);
		bool again = code != CODE_SAFE && code != CODE_WAIVED && code != CODE_CONFIG && code != CODE_INTERNAL;
		autotext struct text fetched = {0};
		if (!again || !j->hook->fetch.count)
			return code;
		hook_fetch(j, &fetched);
		why->length = 0;
		code = hook_pass(j, why);
		if (code != CODE_SAFE && code != CODE_WAIVED)
			text_put(why, text_str(&fetched));
		return code;
	}
	if (h)
		return hook_history(j, h, p, why);
	text_put(why, "there is no pass, and no history: ");
	text_put_safe(why, no_history->text);
	return no_history->cls == ERROR_MISSING ? CODE_STALE : code_of(no_history);
}

/* NULL: there is none, and why. */
static struct history *open_history(const struct policy *p, struct error *e)
{
	const char *path = p ? remember_path(p) : NULL;
	if (path)
		return history_open(path, HISTORY_READ, e);
	error_set(e, ERROR_MISSING, ERROR_NO_OFFSET, p ? "none is kept on this machine" : "there is no such policy");
	return NULL;
}

static void judge(const struct hook_job *j, const struct policy *p, struct hook_answer *out)
{
	struct error e = {0};
	autotext struct text why = {0}, waived = {0};
	hook_doing(j->shared, "asking the history", NULL);
	autodestroy(history_destroy_auto) struct history *h = open_history(p, &e);
	bool is = h && p && is_waived(j, h, p, &waived);
	enum code code = ask(j, h, &e, p, &why);
	if (code == CODE_SAFE) {
		out->code = CODE_SAFE;
		return;
	}
	if (code == CODE_WAIVED || (is && code_can_be_waived(code))) {
		out->code = CODE_WAIVED;
		text_put(&out->says, "backproof: WAIVED: ");
		text_put_safe(&out->says, j->host);
		text_printf(&out->says, ": %s\n", text_str(code == CODE_WAIVED ? &why : &waived));
		return;
	}
	refusal(out, j->host, code, text_str(&why));
	advise(j, p && remember_path(p), p, code, &out->says);
}

static void no_section(struct hook_answer *out, const char *name)
{
	refuse_plainly(out, NULL, CODE_CONFIG, "nothing says what to hold the upgrade against");
	text_printf(&out->says,
		    "  now: write into /etc/backproof/conf.d/hook.conf a section [hook \"%s\"] or "
		    "[hook \"default\"]\n"
		    "       with `pass` and `pass_keys`, or with nothing in it to ask the history: "
		    "backproof-hooks(7)\n",
		    name);
}

static void judge_section(const struct hook_request *r, const struct config *c, struct hook_shared *shared,
			  int64_t start, struct hook_answer *out)
{
	const struct hook_config *h = config_hook(c, r->name);
	struct hook_job j = {.request = r, .config = c, .hook = h, .shared = shared};
	if (!h) {
		no_section(out, r->name);
		return;
	}
	shared->timeout = h->timeout;
	if (gethostname(j.self, sizeof j.self - 1) < 0)
		j.self[0] = '\0';
	j.host = h->host ? h->host : j.self;
	j.now = r->now ? r->now : (int64_t)time(NULL);
	j.deadline_ns = seconds_after(start, h->timeout);
	const struct policy *p = config_policy(c, config_policy_name(h->policy, config_host(c, j.host)));
	/* What a pass says of a policy is the server's; who may waive here is for one that is here. */
	judge(&j, p || !h->pass ? p : config_policy(c, "default"), out);
}

void hook_work(const struct hook_request *r, struct hook_shared *shared, struct hook_answer *out)
{
	struct config c;
	struct error e = {0};
	int64_t start = monotonic_ns();
	if (!strcmp(r->name, "apt")) {
		int rc = hook_ask_apt(shared, out, &e);
		if (rc < 0)
			refuse_plainly(out, NULL, code_of(&e), e.text);
		if (rc <= 0)
			return;
	}
	hook_doing(shared, "reading the configuration", NULL);
	if (config_load(r->config, NULL, &c, &e) < 0) {
		refuse_plainly(out, NULL, CODE_CONFIG, e.text);
		return;
	}
	judge_section(r, &c, shared, start, out);
	config_free(&c);
}
