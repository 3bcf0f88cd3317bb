// SPDX-License-Identifier: GPL-3.0-or-later
/* From a host's result to what its pass says. */
#include "backproof/pass.h"

#include <ctype.h>

#include "backproof/gate.h"

int gate_pass_key(const struct config *c, const struct gate_overrides *o, const char *host, const char **out,
		  struct error *e)
{
	const char *name = config_policy_name(o->policy, config_host(c, host));
	const struct policy *p = config_policy(c, name);
	if (!p)
		return error_set(e, ERROR_UNSUPPORTED, ERROR_NO_OFFSET, "there is no policy \"%s\"", name);
	*out = p->pass_key;
	return 0;
}

static int copy(char **to, const char *text)
{
	return (*to = strdup(text)) ? 0 : -1;
}

/*
 * A machine id as systemd writes it, in lower case; what else a backup holds in that place (nothing, "uninitialized",
 * zeros, rubbish) is none that a machine could be held against.
 */
static int copy_machine_id(char **to, const char *id)
{
	if (!id || strlen(id) != 32 || strspn(id, "0123456789abcdefABCDEF") != 32 || strspn(id, "0") == 32)
		return 0;
	if (copy(to, id) < 0)
		return -1;
	for (char *s = *to; *s; s++)
		*s = (char)tolower((unsigned char)*s);
	return 0;
}

static int copy_hostname(char **to, const char *name)
{
	return name && *name && strlen(name) <= PASS_NAME_MAX && text_is_utf8(name) ? copy(to, name) : 0;
}

/* The digest that a seal or the history gives counts where a sample was held against it, and all is well. */
static int add_subject(const struct host_result *r, const struct proved_file *f, struct pass *out)
{
	const char *slash = strrchr(f->path, '/');
	bool sampled = r->verdict.code == CODE_SAFE && r->sample.total && !r->sample.bad && f->has_known;
	struct pass_subject *to = vec_push(&out->subjects);
	if (!to || copy(&to->name, slash && slash[1] ? slash + 1 : f->path) < 0)
		return -1;
	to->size = f->size;
	to->has_sha256 = f->has_sha256;
	memcpy(to->sha256, f->sha256, sizeof to->sha256);
	to->has_fsverity = f->has_fsverity || sampled;
	memcpy(to->fsverity, f->has_fsverity ? f->fsverity : f->known, sizeof to->fsverity);
	return 0;
}

/*
 * valid_for after the check began. One that passed is never good for longer than the backup is fresh, one that was
 * waived for longer than the waiver; where it has stopped being fresh by then (age is no part of the policy), not for a
 * moment.
 */
static int64_t expiry(const struct host_result *r)
{
	int64_t valid = r->valid_for < PASS_VALID_MAX ? r->valid_for : PASS_VALID_MAX, stale;
	int64_t end = r->checked_at + (valid > 0 ? valid : 0);
	if (r->verdict.code == CODE_SAFE && r->taken_at && !add_overflows(r->taken_at, r->max_age, &stale) &&
	    stale < end)
		end = stale;
	if (r->verdict.code == CODE_WAIVED && r->waiver->ends_at < end)
		end = r->waiver->ends_at;
	return end > r->checked_at ? end : r->checked_at;
}

static int copy_any(char **to, const char *text)
{
	return text && *text ? copy(to, text) : 0;
}

static int fill_waiver(const struct host_result *r, struct pass_waiver *out)
{
	const struct waiver *w = r->waiver;
	if (r->verdict.code != CODE_WAIVED)
		return 0;
	out->covers = (int)r->verdict.waived;
	out->recorded_at = w->recorded_at;
	out->ends_at = w->ends_at;
	return copy(&out->user, w->user) < 0 || copy(&out->reason, w->reason) < 0 ||
			       copy_any(&out->login, w->login) < 0 || copy_any(&out->ticket, w->ticket) < 0 ||
			       copy_any(&out->approved_by, w->approved_by) < 0
		       ? -1
		       : 0;
}

static int fill(const struct host_result *r, struct pass *out)
{
	out->code = (int)r->verdict.code;
	out->verified_at = r->checked_at;
	out->expires_at = expiry(r);
	out->taken_at = r->taken_at > 0 ? r->taken_at : 0;
	memcpy(out->policy_digest, r->policy_digest, sizeof out->policy_digest);
	if (r->sample.total && r->sample.confidence && r->sample.damage) {
		out->confidence = r->sample.confidence;
		out->damage = r->sample.damage;
	}
	if (copy(&out->host, r->host) < 0 || copy(&out->policy, r->policy) < 0 ||
	    copy(&out->depth, r->depth == DEPTH_SAMPLE ? "sample" : "full") < 0 ||
	    (r->point_label && copy(&out->label, r->point_label) < 0) || fill_waiver(r, &out->waiver) < 0 ||
	    copy_any(&out->suspect, r->suspect) < 0 ||
	    copy_hostname(&out->hostname, r->hostname) < 0 || copy_machine_id(&out->machine_id, r->machine_id) < 0)
		return -1;
	for (int i = 0; i < PROOF_COUNT; i++)
		if (copy(&out->proofs[i], outcome_name(r->verdict.proofs[i])) < 0)
			return -1;
	for (size_t i = 0; i < r->verdict.reasons.count; i++)
		if (strings_add(&out->reasons, r->verdict.reasons.items[i]) < 0)
			return -1;
	for (size_t i = 0; i < r->files.count; i++)
		if (add_subject(r, &r->files.items[i], out) < 0)
			return -1;
	return 0;
}

int gate_pass_fill(const struct host_result *r, struct pass *out, struct error *e)
{
	memset(out, 0, sizeof *out);
	out->code = CODE_INTERNAL;
	if (!r->host || !r->policy || (r->verdict.code == CODE_WAIVED && !r->waiver))
		return error_set(e, ERROR_INTERNAL, ERROR_NO_OFFSET, "there is no result to write a pass of");
	return fill(r, out) < 0 ? error_nomem(e) : 0;
}
