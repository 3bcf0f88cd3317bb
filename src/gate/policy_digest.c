// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The digest of a policy as it applied: SHA-256 over "key=value\n" of its keys, in the order of the manual and as the
 * manual writes values. What changes nothing of what is proved, but only where and how fast that is done, or what is
 * made of the verdict afterwards, is left out: so a host may be moved to another server and keep its policy's digest.
 */
#include "policy_digest.h"

#include "backproof/digest.h"
#include "backproof/text.h"
#include "config_keys.h"

static bool proves_nothing(const char *key)
{
	static const char *const keys[] = {"scratch",	    "scratch_limit", "rate_limit",     "nice",
					   "ionice",	    "history",	     "pass_key",       "valid_for",
					   "max_expansion", "max_decoded",   "max_entries",    "max_path_depth",
					   "max_chain",	    "memory_limit",  "time_limit",     "confine",
					   "on_missing",    "on_stale",	     "backup_time_limit",
					   "waivers",	    "waiver_keys",   "max_waiver"};
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (!strcmp(keys[i], key))
			return true;
	return false;
}

int policy_digest(const struct policy *p, uint8_t out[32], struct error *e)
{
	size_t count;
	const struct config_key *keys = config_keys(CONFIG_POLICY, &count);
	autotext struct text t = {0};
	for (size_t i = 0; i < count; i++) {
		if (proves_nothing(keys[i].name))
			continue;
		text_printf(&t, "%s=", keys[i].name);
		config_value_put(&keys[i], p, &t);
		text_put(&t, "\n");
	}
	/* The same list means more when a person wrote it: then each of it must be there. */
	text_printf(&t, "critical.given=%s\n", p->critical_given ? "yes" : "no");
	/* Where the history lies proves nothing; without one nothing is held against earlier backups. */
	text_printf(&t, "history.used=%s\n", p->history && !strcmp(p->history, "none") ? "no" : "yes");
	if (t.failed)
		return error_nomem(e);
	uint8_t hash[DIGEST_MAX];
	autodestroy(digest_destroy_auto) struct digest *d = digest_new(DIGEST_SHA256, e);
	if (!d)
		return -1;
	digest_update(d, t.data, t.length);
	if (digest_final(d, hash, e) < 0)
		return -1;
	memcpy(out, hash, 32);
	return 0;
}
