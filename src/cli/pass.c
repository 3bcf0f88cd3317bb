// SPDX-License-Identifier: GPL-3.0-or-later
/* backproof pass verify FILE, backproof pass show FILE */
#include "backproof/pass.h"

#include <time.h>

#include "backproof/digest.h"
#include "commands.h"
#include "output.h"
#include "pass_show.h"

static enum code load_keys(const struct options *o, struct trusted_keys *keys)
{
	struct error e = {0};
	for (size_t i = 0; i < o->keys.count; i++)
		if (trusted_keys_add(keys, o->keys.items[i], &e) < 0)
			return (enum code)complain(e.cls == ERROR_INTERNAL ? CODE_INTERNAL : CODE_CANNOT_TELL, e.text);
	return CODE_SAFE;
}

static enum code judge(const struct options *o, const struct pass *p, struct text *why)
{
	uint8_t digest[32];
	struct pass_claims c = {.host = o->host,
				.machine_id = o->overrides.machine_id,
				.policy = o->overrides.policy,
				.now = o->overrides.now ? o->overrides.now : (int64_t)time(NULL)};
	if (o->policy_digest && hex_decode(o->policy_digest, digest, sizeof digest) == 0)
		c.policy_digest = digest;
	return pass_check(p, &c, o->state, why);
}

/* In the last fifth of its time, as for the age of a backup. */
static bool is_near_expiry(const struct pass *p, int64_t now)
{
	return now >= p->expires_at - (p->expires_at - p->verified_at) / 5;
}

static int verify(const struct options *o)
{
	struct trusted_keys keys = {0};
	struct pass p = {.code = -1};
	struct error e = {0};
	autotext struct text why = {0}, line = {0};
	bool near = false;
	enum code code = load_keys(o, &keys);
	if (code != CODE_SAFE) {
		trusted_keys_free(&keys);
		return exit_status(code, o->exit_style, false);
	}
	code = pass_load(o->arguments.items[0], &keys, &p, &e);
	if (code == CODE_SAFE) {
		text_put_safe(&line, p.host);
		text_put(&line, ": ");
		code = judge(o, &p, &why);
		near = is_near_expiry(&p, o->overrides.now ? o->overrides.now : (int64_t)time(NULL));
	} else {
		text_put_safe(&why, e.text);
	}
	pass_free(&p);
	trusted_keys_free(&keys);
	if (why.failed || line.failed)
		return exit_status(complain(CODE_INTERNAL, "out of memory"), o->exit_style, false);
	if (o->quiet && code == CODE_SAFE)
		return exit_status(code, o->exit_style, near);
	if (code == CODE_SAFE)
		text_printf(&line, "pass is good: %s\n", text_str(&why));
	else if (code == CODE_WAIVED)
		text_printf(&line, "WAIVED: %s\n", text_str(&why));
	else
		text_printf(&line, "NOT SAFE to patch: %s: %s\n", code_name(code), text_str(&why));
	/* Whoever asks for silence still wants to know why it is not safe: on standard error, as hooks show it. */
	if (o->quiet)
		(void)!write(STDERR_FILENO, text_str(&line), line.length);
	else if (output_show(&line) != 0)
		code = CODE_INTERNAL;
	return exit_status(code, o->exit_style, near);
}

static int show(const struct options *o, bool json)
{
	struct trusted_keys keys = {0};
	struct pass p = {.code = -1};
	struct error e = {0};
	autotext struct text t = {0};
	enum code code = load_keys(o, &keys);
	if (code != CODE_SAFE) {
		trusted_keys_free(&keys);
		return (int)code;
	}
	code = pass_load(o->arguments.items[0], &keys, &p, &e);
	if (code != CODE_SAFE) {
		/* Nothing is judged here: what is not there can't be shown, and that is all. */
		(void)complain(code, e.text);
		code = code == CODE_STALE ? CODE_CANNOT_TELL : code;
	} else {
		int64_t now = o->overrides.now ? o->overrides.now : (int64_t)time(NULL);
		pass_show(&t, &p, keys.items.count > 0, json, now);
		if (output_show(&t) != 0)
			code = CODE_INTERNAL;
		else if (keys.items.count && !p.trusted)
			code = CODE_INCOMPLETE;
	}
	pass_free(&p);
	trusted_keys_free(&keys);
	return (int)code;
}

static int usage(const struct options *o, const char *text)
{
	return exit_status(complain(CODE_USAGE, text), o->exit_style, false);
}

int command_pass(struct options *o)
{
	const char *what = o->arguments.count ? o->arguments.items[0] : "";
	bool verifies = !strcmp(what, "verify");
	const char *format = o->format ? o->format->name : "text";
	if (!verifies && strcmp(what, "show"))
		return usage(o, "pass takes a word first: verify FILE, or show FILE");
	if (o->arguments.count != 2 || !*o->arguments.items[1])
		return usage(o, "pass verify and pass show take one FILE");
	free(o->arguments.items[0]);
	o->arguments.items[0] = o->arguments.items[1];
	o->arguments.count = 1;
	if (strcmp(format, "text") && (verifies || strcmp(format, "json")))
		return usage(o, "pass show prints text or json, and pass verify one line of text");
	if (!verifies)
		return show(o, !strcmp(format, "json"));
	if (!o->keys.count)
		return usage(o, "pass verify needs the public key that is trusted: --key FILE");
	return verify(o);
}
