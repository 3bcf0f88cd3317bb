// SPDX-License-Identifier: GPL-3.0-or-later
/* backproof waive HOST: a person takes it on themselves, and that is written down before anything else. */
#include "waive.h"

#include <time.h>

#include "backproof/waiver.h"
#include "output.h"
#include "trace.h"

static int refuse(enum code code, struct text *t)
{
	return complain(code, t->failed ? "out of memory" : text_str(t));
}

int waive_say(const struct waive *x, const struct waiver *w, const char *state, const char *why, struct text *line)
{
	autotext struct text out = {0};
	if (x->json) {
		waive_json(&out, w, state, why);
		text_put(&out, "\n");
	} else {
		text_put_safe(&out, text_str(line));
		text_put(&out, "\n");
	}
	return output_show(&out);
}

const char *waive_state(const struct waive *x, struct waiver *w, struct text *why, struct error *e)
{
	static const char *const states[] = {"in-force", "pending", "void"};
	struct trusted_keys keys;
	const char *unused;
	const struct policy *p = gate_policy(&x->config, &x->o->overrides, w->host, &unused);
	if (!p) {
		text_put(why, "the policy of its host is not there");
		return states[WAIVER_VOID];
	}
	if (waiver_keys_load(p, &keys, e) < 0)
		return NULL;
	free(take(w->approved_by));
	enum waiver_state state = waiver_judge(w, p, &keys, x->now, &w->approved_by, why);
	trusted_keys_free(&keys);
	return states[state];
}

/* What policy has against it before anybody has signed. 0: nothing. */
static int check_policy(const struct waive *x)
{
	char a[32], b[32];
	autotext struct text t = {0};
	const struct policy *p = x->policy;
	if (p->waivers == WAIVERS_NO) {
		text_printf(&t, "policy \"%s\" allows no waivers (waivers = no)", p->name);
		return refuse(CODE_CONFIG, &t);
	}
	if (p->waivers == WAIVERS_SIGNED && !p->waiver_keys.count) {
		text_printf(&t, "policy \"%s\" says waivers = signed and names no waiver_keys: nobody could "
				"approve one", p->name);
		return refuse(CODE_CONFIG, &t);
	}
	if (p->max_waiver && x->o->lasting > p->max_waiver) {
		text_printf(&t, "--for %s is longer than policy \"%s\" allows: at most %s (max_waiver)",
			    format_duration(x->o->lasting, a), p->name, format_duration(p->max_waiver, b));
		return refuse(CODE_USAGE, &t);
	}
	return 0;
}

/* A key that nobody knows would say nothing of who asks. */
static int check_key(const struct waive *x, const struct signer *key)
{
	struct error e = {0};
	struct trusted_keys keys;
	bool known = x->policy->waivers != WAIVERS_SIGNED;
	if (waiver_keys_load(x->policy, &keys, &e) < 0)
		return complain(CODE_CONFIG, e.text);
	vec_each(&keys.items, k) known |= !strcmp(k->id, signer_id(key));
	trusted_keys_free(&keys);
	return known ? 0 : complain(CODE_USAGE, "the key of --key is none of the policy's waiver_keys");
}

static int sign(const struct waive *x, struct waiver *w)
{
	struct error e = {0};
	autotext struct text t = {0};
	if (!x->o->keys.count)
		return 0;
	autodestroy(signer_destroy_auto) struct signer *key = signer_load(x->o->keys.items[0], &e);
	if (!key)
		return complain(CODE_USAGE, e.text);
	int status = check_key(x, key);
	if (status)
		return status;
	if (waiver_request(w, key, &t, &e) < 0)
		return complain(CODE_INTERNAL, e.text);
	return (w->envelope = strdup(text_str(&t))) ? 0 : complain(CODE_INTERNAL, "out of memory");
}

static int add(struct waive *x, struct waiver *w)
{
	struct error e = {0};
	autotext struct text why = {0}, line = {0};
	int status = sign(x, w);
	if (status)
		return status;
	if (history_waiver_add(x->history, w, &e) < 0) {
		error_prefix(&e, "nothing is waived, for it could not be recorded");
		return complain(e.cls == ERROR_INTERNAL ? CODE_INTERNAL : CODE_CANNOT_TELL, e.text);
	}
	const char *state = waive_state(x, w, &why, &e);
	if (!state) {
		state = "void";
		text_put(&why, e.text);
	}
	bool told = trace_waiver(x->o, "recorded", w, state, &x->who);
	bool holds = !strcmp(state, "in-force");
	text_printf(&line, holds ? "%s: WAIVED " : "%s: NOT waived yet: a waiver ", w->host);
	report_put_waiver(&line, w, x->now);
	if (!holds)
		text_printf(&line, ": %s", text_str(&why));
	text_printf(&line, ". Recorded as waiver %lld in %s%s.", (long long)w->id, x->path,
		    told ? ", and in the journal" : "");
	int rc = waive_say(x, w, state, text_str(&why), &line);
	/* Recorded, and worth nothing yet: who goes on when this succeeds must not. */
	return rc || holds ? rc : CODE_CANNOT_TELL;
}

int waive_record(struct waive *x)
{
	struct error e = {0};
	const struct options *o = x->o;
	int status = check_policy(x);
	struct waiver w = {.host = (char *)(uintptr_t)x->host, .reason = (char *)(uintptr_t)o->reason,
			   .ticket = (char *)(uintptr_t)o->ticket, .user = x->who.user, .login = x->who.login,
			   .terminal = x->who.terminal, .origin = x->who.origin, .uid = x->who.uid,
			   .recorded_at = x->now};
	if (status)
		return status;
	if (add_overflows(x->now, o->lasting, &w.ends_at))
		return complain(CODE_USAGE, "--for: longer than time goes");
	if (waiver_check(&w, &e) < 0)
		return complain(CODE_USAGE, e.text);
	status = add(x, &w);
	free(w.envelope);
	free(w.approved_by);
	return status;
}

static const char *misuse(const struct options *o)
{
	int ways = o->end + o->approve + o->list_all;
	size_t hosts = o->arguments.count;
	const char *format = o->format ? o->format->name : "text";
	if (strcmp(format, "text") && strcmp(format, "json"))
		return "waive writes text or json";
	if (ways > 1)
		return "--approve, --end and --list are three different things";
	if (hosts > 1)
		return "waive takes one HOST; there is a stray argument";
	if (hosts ? !*o->arguments.items[0] : !o->list_all)
		return hosts ? "the HOST is empty" : "waive needs a HOST: backproof waive HOST --reason TEXT --for 2h";
	if (hosts && *o->arguments.items[0] == '@')
		return "waive takes one HOST, and no group";
	if (ways && (o->reason || o->ticket || o->lasting))
		return "--reason, --ticket and --for are of a new waiver: not with --approve, --end or --list";
	if (!ways && !o->reason)
		return "a waiver needs a reason, which everybody will read: --reason TEXT";
	if (!ways && !o->lasting)
		return "a waiver ends by itself: say when, with --for 2h";
	if (o->keys.count > 1 || (o->keys.count && (o->end || o->list_all)))
		return "--key is for one who asks or approves, and given once";
	if (o->approve && !o->keys.count)
		return "--approve signs: give the key, with --key FILE";
	return NULL;
}

/* A name that is spelt wrong would waive nothing, and nobody would know why. */
static int check_host(const struct waive *x)
{
	if (!x->host || !x->config.host_count || config_host(&x->config, x->host) || x->o->overrides.history)
		return 0;
	const char *near = config_near_host(&x->config, x->host);
	autotext struct text t = {0};
	text_printf(&t, "%s is not configured%s%s%s", x->host, near ? "; is " : "", near ? near : "",
		    near ? " meant?" : " (with --history FILE it need not be)");
	return refuse(CODE_USAGE, &t);
}

static int run(struct waive *x)
{
	struct error e = {0};
	const struct options *o = x->o;
	x->policy = gate_policy(&x->config, &o->overrides, x->host ? x->host : "", &x->path);
	if (!x->policy)
		return complain(CODE_CONFIG, "there is no policy of that name");
	int status = check_host(x);
	if (status)
		return status;
	if (!x->path)
		return complain(CODE_CONFIG, "no history is kept, and what is not recorded is not waived: make "
					     HISTORY_DIRECTORY ", or say history = FILE");
	x->history = history_open(x->path, o->list_all ? HISTORY_READ : HISTORY_WRITE, &e);
	if (!x->history || person_now(&x->who, &e) < 0)
		return complain(e.cls == ERROR_INTERNAL ? CODE_INTERNAL : CODE_CANNOT_TELL, e.text);
	if (o->list_all)
		return waive_list(x);
	return o->end ? waive_end(x) : o->approve ? waive_approve(x) : waive_record(x);
}

int command_waive(struct options *o)
{
	struct waive x = {.o = o,
			  .host = o->arguments.count ? o->arguments.items[0] : NULL,
			  .now = o->overrides.now ? o->overrides.now : (int64_t)time(NULL),
			  .json = o->format && !strcmp(o->format->name, "json")};
	const char *wrong = misuse(o);
	if (wrong)
		return complain(CODE_USAGE, wrong);
	if (load_config(o, &x.config) < 0)
		return CODE_CONFIG;
	int status = run(&x);
	history_destroy(x.history);
	person_free(&x.who);
	config_free(&x.config);
	return status;
}
