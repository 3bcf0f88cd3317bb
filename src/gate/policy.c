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

/* All that a policy has lists in. */
static const size_t lists[] = {
	offsetof(struct policy, critical),   offsetof(struct policy, exclude),	offsetof(struct policy, trusted_keys),
	offsetof(struct policy, on_missing), offsetof(struct policy, on_stale), offsetof(struct policy, waiver_keys),
};

static struct strings *list_of(struct policy *p, size_t i)
{
	return (struct strings *)((char *)p + lists[i]);
}

int policy_copy(struct policy *to, const struct policy *from)
{
	const char *base = (const char *)from;
	*to = *from;
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
		memset(list_of(to, i), 0, sizeof(struct strings));
	to->name = strdup(from->name);
	to->scratch = strdup(from->scratch);
	bool failed = string_copy(&to->history, from->history) < 0;
	failed |= string_copy(&to->pass_key, from->pass_key) < 0 || !to->name || !to->scratch;
	for (size_t i = 0; i < ARRAY_SIZE(lists) && !failed; i++)
		failed = strings_add_all(list_of(to, i), (const struct strings *)(base + lists[i])) < 0;
	if (failed)
		policy_free(to);
	return failed ? -1 : 0;
}

void policy_free(struct policy *p)
{
	free(p->name);
	free(p->scratch);
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
		strings_free(list_of(p, i));
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
