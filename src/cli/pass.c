// SPDX-License-Identifier: GPL-3.0-or-later
/* backproof pass verify FILE, backproof pass show FILE */
#include "backproof/pass.h"

#include <errno.h>
#include <time.h>

#include "backproof/digest.h"
#include "backproof/whole_file.h"
#include "commands.h"
#include "output.h"
#include "pass_show.h"

#define MACHINE_ID_MAX 64

/* 0: none that counts. systemd writes "uninitialized" before the first boot. */
static bool machine_id_of(const char *path, char id[33])
{
	size_t length;
	autofree char *text = whole_file_read(path, MACHINE_ID_MAX, &length, NULL);
	if (!text)
		return false;
	text[strcspn(text, "\n")] = '\0';
	if (strlen(text) != 32 || strspn(text, "0123456789abcdefABCDEF") != 32 || strspn(text, "0") == 32)
		return false;
	memcpy(id, text, 33);
	return true;
}

/*
 * The pass of a file, under the keys given. A code and *e for what is none: missing is STALE, for then there is no
 * verdict that is young enough; what is not exactly as a key signed it is INCOMPLETE; what can't be read or is of a
 * version that is not known CANNOT_TELL.
 */
static enum code load(const char *path, const struct trusted_keys *keys, struct pass *out, struct error *e)
{
	size_t length;
	autofree char *text = whole_file_read(path, PASS_MAX, &length, e);
	if (!text && (e->sys == ENOENT || e->sys == ENOTDIR)) {
		error_prefix(e, "there is no pass");
		return CODE_STALE;
	}
	if (!text)
		return e->cls == ERROR_INTERNAL ? CODE_INTERNAL : CODE_CANNOT_TELL;
	if (pass_open(text, length, keys, out, e) == 0)
		return CODE_SAFE;
	error_prefix(e, "%s", path);
	return e->cls == ERROR_CORRUPT ? CODE_INCOMPLETE : e->cls == ERROR_INTERNAL ? CODE_INTERNAL : CODE_CANNOT_TELL;
}

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
	char self[256] = "", id[33];
	uint8_t digest[32];
	struct error e = {0};
	struct pass_claims c = {.host = o->host,
				.self = self,
				.machine_id = o->overrides.machine_id,
				.policy = o->overrides.policy,
				.now = o->overrides.now ? o->overrides.now : (int64_t)time(NULL)};
	bool ours;
	(void)gethostname(self, sizeof self - 1);
	if (machine_id_of("/etc/machine-id", id) || machine_id_of("/var/lib/dbus/machine-id", id))
		c.self_id = id;
	if (o->policy_digest && hex_decode(o->policy_digest, digest, sizeof digest) == 0)
		c.policy_digest = digest;
	enum code code = pass_judge(p, &c, &ours, why);
	if (!o->state || !ours)
		return code;
	/* Also of one that did not pass: it is newer than those that did. */
	int rc = pass_state_update(o->state, p, &e);
	if (rc == 0)
		return code;
	why->length = 0;
	text_put_safe(why, rc < 0 ? e.text : "it is a replay: a newer pass of this host was seen here");
	return rc > 0 ? CODE_INCOMPLETE : e.cls == ERROR_INTERNAL ? CODE_INTERNAL : CODE_CANNOT_TELL;
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
	code = load(o->arguments.items[0], &keys, &p, &e);
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
	code = load(o->arguments.items[0], &keys, &p, &e);
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
