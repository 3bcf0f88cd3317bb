// SPDX-License-Identifier: GPL-3.0-or-later
/* The policy as it applies: named by option, by the host, or the default; then what options say. */
#include "applied.h"

#include "remember.h"

int policy_applied(const struct gate_request *r, struct policy *out, struct error *e)
{
	const struct gate_overrides *o = r->overrides;
	const char *name = config_policy_name(o->policy, config_host(r->config, r->host));
	const struct policy *p = config_policy(r->config, name);
	if (!p)
		return error_set(e, ERROR_UNSUPPORTED, ERROR_NO_OFFSET, "there is no policy \"%s\"", name);
	if (policy_copy(out, p) < 0)
		return error_nomem(e);
	if (o->depth >= 0)
		out->depth = (enum depth)o->depth;
	if (o->max_age >= 0)
		out->max_age = o->max_age;
	if (o->sample_files >= 0)
		out->sample_files = (uint32_t)o->sample_files;
	if (o->sample_bytes >= 0)
		out->sample_bytes = (uint64_t)o->sample_bytes;
	if (o->scratch_limit >= 0)
		out->scratch_limit = (uint64_t)o->scratch_limit;
	if (o->valid_for > 0)
		out->valid_for = o->valid_for;
	if (o->no_confine && out->confine == CONFINE_REQUIRED)
		return error_set(e, ERROR_UNSUPPORTED, ERROR_NO_OFFSET,
				 "--no-confine is refused: policy \"%s\" says confine = required", name);
	if (o->no_confine)
		out->confine = CONFINE_NO;
	if (o->confidence > 0)
		out->confidence = (uint32_t)o->confidence;
	if (o->damage > 0)
		out->damage = (uint32_t)o->damage;
	if (o->trusted_keys && strings_add_all(&out->trusted_keys, o->trusted_keys) < 0)
		return error_nomem(e);
	if (o->history && (free(out->history), !(out->history = strdup(o->history))))
		return error_nomem(e);
	if (o->scratch) {
		char *copy = strdup(o->scratch);
		if (!copy)
			return error_nomem(e);
		free(out->scratch);
		out->scratch = copy;
	}
	return 0;
}

const struct policy *gate_policy(const struct config *c, const struct gate_overrides *o, const char *host,
				 const char **history)
{
	const struct policy *p = config_policy(c, config_policy_name(o->policy, config_host(c, host)));
	*history = NULL;
	if (p && o->history)
		*history = strcmp(o->history, "none") ? o->history : NULL;
	else if (p)
		*history = remember_path(p);
	return p;
}
