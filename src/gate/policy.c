// SPDX-License-Identifier: GPL-3.0-or-later
#include "backproof/policy.h"

#include "config_keys.h"

_Static_assert(sizeof(enum depth) == sizeof(unsigned) && sizeof(enum evidence) == sizeof(unsigned) &&
		       sizeof(enum boot_policy) == sizeof(unsigned) &&
		       sizeof(enum io_class) == sizeof(unsigned) && sizeof(enum waiver_policy) == sizeof(unsigned),
	       "the table of keys writes enums as unsigned");

int policy_defaults(struct policy *p, const char *name)
{
	size_t count;
	const struct config_key *keys = config_keys(CONFIG_POLICY, &count);
	memset(p, 0, sizeof *p);
	p->name = strdup(name);
	for (size_t i = 0; p->name && i < count; i++)
		if (keys[i].value && config_value_set(&keys[i], keys[i].value, p, NULL) < 0) {
			policy_free(p);
			return -1;
		}
	return p->name ? 0 : -1;
}

static int copy_all(struct strings *to, const struct strings *from)
{
	for (size_t i = 0; i < from->count; i++)
		if (strings_add(to, from->items[i]) < 0)
			return -1;
	return 0;
}

int policy_copy(struct policy *to, const struct policy *from)
{
	*to = *from;
	to->name = strdup(from->name);
	to->scratch = strdup(from->scratch);
	memset(&to->critical, 0, sizeof to->critical);
	memset(&to->exclude, 0, sizeof to->exclude);
	memset(&to->trusted_keys, 0, sizeof to->trusted_keys);
	memset(&to->on_missing, 0, sizeof to->on_missing);
	memset(&to->on_stale, 0, sizeof to->on_stale);
	memset(&to->waiver_keys, 0, sizeof to->waiver_keys);
	to->history = from->history ? strdup(from->history) : NULL;
	to->pass_key = from->pass_key ? strdup(from->pass_key) : NULL;
	bool failed = !to->name || !to->scratch || (from->history && !to->history) || (from->pass_key && !to->pass_key);
	failed = failed || copy_all(&to->critical, &from->critical) < 0 || copy_all(&to->exclude, &from->exclude) < 0 ||
		 copy_all(&to->trusted_keys, &from->trusted_keys) < 0 ||
		 copy_all(&to->on_missing, &from->on_missing) < 0 || copy_all(&to->on_stale, &from->on_stale) < 0 ||
		 copy_all(&to->waiver_keys, &from->waiver_keys) < 0;
	if (failed)
		policy_free(to);
	return failed ? -1 : 0;
}

void policy_free(struct policy *p)
{
	free(p->name);
	free(p->scratch);
	strings_free(&p->critical);
	strings_free(&p->exclude);
	strings_free(&p->trusted_keys);
	strings_free(&p->on_missing);
	strings_free(&p->on_stale);
	strings_free(&p->waiver_keys);
	free(p->history);
	free(p->pass_key);
	memset(p, 0, sizeof *p);
}

const char *depth_name(enum depth d)
{
	static const char *const names[] = {
		[DEPTH_AUTO] = "auto", [DEPTH_SAMPLE] = "sample", [DEPTH_FULL] = "full"};
	return names[d];
}

const char *evidence_name(enum evidence v)
{
	static const char *const names[] = {
		[EVIDENCE_NONE] = "none",	  [EVIDENCE_READ] = "read",
		[EVIDENCE_WITNESS] = "witness",	  [EVIDENCE_CHECKSUM] = "checksum",
		[EVIDENCE_DIGEST] = "digest",
	};
	return names[v];
}
