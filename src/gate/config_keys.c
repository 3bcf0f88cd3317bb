// SPDX-License-Identifier: GPL-3.0-or-later
#include "config_keys.h"

static const char *const depths[] = {"auto", "sample", "full", NULL};
/* "none" is no evidence that anyone may ask for. */
static const char *const evidences[] = {"", "read", "witness", "checksum", "digest", NULL};
static const char *const confines[] = {"auto", "required", "no", NULL};
static const char *const boots[] = {"auto", "required", "no", NULL};
static const char *const io_classes[] = {"none", "idle", "best-effort", "best-effort:0", "best-effort:1",
					 "best-effort:2", "best-effort:3", "best-effort:4", "best-effort:5",
					 "best-effort:6", "best-effort:7", NULL};
static const char *const waivers[] = {"no", "recorded", "signed", NULL};
static const char *const unproven[] = {"cannot-tell", "incomplete", NULL};

#define R(field) offsetof(struct repository, field)
#define P(field) offsetof(struct policy, field)
#define H(field) offsetof(struct host_config, field)
#define G(field) offsetof(struct group_config, field)
#define K(field) offsetof(struct hook_config, field)

static const struct config_key repository_keys[] = {
	{CONFIG_REPOSITORY, "path", TYPE_PATH, R(path), NULL, NULL, 0, true},
	{CONFIG_REPOSITORY, "layout", TYPE_LAYOUT, R(layout), "files", NULL, 0, false},
	{CONFIG_REPOSITORY, "match", TYPE_PATTERN, R(match), NULL, NULL, 0, false},
};
static const struct config_key policy_keys[] = {
	{CONFIG_POLICY, "max_age", TYPE_DURATION, P(max_age), "24h", NULL, 1, false},
	{CONFIG_POLICY, "clock_skew", TYPE_DURATION, P(clock_skew), "5m", NULL, 0, false},
	{CONFIG_POLICY, "require", TYPE_PROOFS, P(require),
	 "presence freshness integrity structure identity coverage restore", NULL, 0, false},
	{CONFIG_POLICY, "depth", TYPE_CHOICE, P(depth), "auto", depths, 0, false},
	{CONFIG_POLICY, "full_every", TYPE_DURATION, P(full_every), "7d", NULL, 0, false},
	{CONFIG_POLICY, "sample_files", TYPE_COUNT, P(sample_files), "64", NULL, 1, false},
	{CONFIG_POLICY, "sample_bytes", TYPE_SIZE, P(sample_bytes), "256M", NULL, 1, false},
	{CONFIG_POLICY, "critical", TYPE_PATHS, P(critical), "/etc/fstab /etc/passwd /boot/*", NULL, 0,
	 false},
	{CONFIG_POLICY, "exclude", TYPE_WORDS, P(exclude), NULL, NULL, 0, false},
	{CONFIG_POLICY, "scratch", TYPE_PATH, P(scratch), "/var/tmp/backproof", NULL, 0, false},
	{CONFIG_POLICY, "scratch_limit", TYPE_SIZE, P(scratch_limit), "20G", NULL, 1, false},
	{CONFIG_POLICY, "rate_limit", TYPE_RATE, P(rate_limit), "none", NULL, 64 * KIB, false},
	{CONFIG_POLICY, "max_expansion", TYPE_LIMIT, P(max_expansion), "1000", NULL, 0, false},
	{CONFIG_POLICY, "max_decoded", TYPE_ROOM, P(max_decoded), "none", NULL, MIB, false},
	{CONFIG_POLICY, "max_entries", TYPE_LIMIT, P(max_entries), "100000000", NULL, 0, false},
	{CONFIG_POLICY, "max_path_depth", TYPE_COUNT, P(max_path_depth), "4096", NULL, 1, false, 65536},
	{CONFIG_POLICY, "max_chain", TYPE_COUNT, P(max_chain), "64", NULL, 1, false, 256},
	{CONFIG_POLICY, "memory_limit", TYPE_ROOM, P(memory_limit), "4G", NULL, 256 * MIB, false},
	{CONFIG_POLICY, "time_limit", TYPE_SPAN, P(time_limit), "12h", NULL, 1, false},
	{CONFIG_POLICY, "nice", TYPE_COUNT, P(nice), "0", NULL, 0, false, 19},
	{CONFIG_POLICY, "ionice", TYPE_CHOICE, P(ionice), "none", io_classes, 0, false},
	{CONFIG_POLICY, "min_size", TYPE_SIZE, P(min_size), "0", NULL, 0, false},
	{CONFIG_POLICY, "integrity_evidence", TYPE_CHOICE, P(integrity_evidence), "witness", evidences,
	 0, false},
	{CONFIG_POLICY, "boot", TYPE_CHOICE, P(boot), "auto", boots, 0, false},
	{CONFIG_POLICY, "confine", TYPE_CHOICE, P(confine), "auto", confines, 0, false},
	{CONFIG_POLICY, "fallback", TYPE_BOOL, P(fallback), "no", NULL, 0, false},
	{CONFIG_POLICY, "unproven", TYPE_SWITCH, P(unproven_is_incomplete), "cannot-tell", unproven, 0,
	 false},
	{CONFIG_POLICY, "confidence", TYPE_SHARE, P(confidence), "99.9%", NULL, 1, false, 999999},
	{CONFIG_POLICY, "damage", TYPE_SHARE, P(damage), "0.1%", NULL, 1, false, 1000000},
	{CONFIG_POLICY, "require_signature", TYPE_BOOL, P(require_signature), "no", NULL, 0, false},
	{CONFIG_POLICY, "trusted_keys", TYPE_PATHS, P(trusted_keys), NULL, NULL, 0, false},
	{CONFIG_POLICY, "history", TYPE_FILE, P(history), NULL, NULL, 0, false},
	{CONFIG_POLICY, "pass_key", TYPE_PATH, P(pass_key), NULL, NULL, 0, false},
	{CONFIG_POLICY, "valid_for", TYPE_DURATION, P(valid_for), "4h", NULL, 1, false},
	{CONFIG_POLICY, "on_missing", TYPE_COMMAND, P(on_missing), NULL, NULL, 0, false},
	{CONFIG_POLICY, "on_stale", TYPE_COMMAND, P(on_stale), NULL, NULL, 0, false},
	{CONFIG_POLICY, "backup_time_limit", TYPE_DURATION, P(backup_time_limit), "4h", NULL, 1, false},
	{CONFIG_POLICY, "waivers", TYPE_CHOICE, P(waivers), "recorded", waivers, 0, false},
	{CONFIG_POLICY, "waiver_keys", TYPE_PATHS, P(waiver_keys), NULL, NULL, 0, false},
	{CONFIG_POLICY, "max_waiver", TYPE_SPAN, P(max_waiver), "24h", NULL, 0, false},
	{CONFIG_POLICY, "max_shrink", TYPE_SHARE, P(max_shrink), "50%", NULL, 0, false, 1000000},
	{CONFIG_POLICY, "max_renamed", TYPE_SHARE, P(max_renamed), "50%", NULL, 0, false, 1000000},
	{CONFIG_POLICY, "max_opaque", TYPE_SHARE, P(max_opaque), "50%", NULL, 0, false, 1000000},
	{CONFIG_POLICY, "max_slowdown", TYPE_SHARE, P(max_slowdown), "none", NULL, 0, false, 1000000},
};
static const struct config_key host_keys[] = {
	{CONFIG_HOST, "repository", TYPE_NAMES, H(repositories), NULL, NULL, 0, false},
	{CONFIG_HOST, "policy", TYPE_NAME, H(policy), "default", NULL, 0, false},
	{CONFIG_HOST, "group", TYPE_WORDS, H(groups), NULL, NULL, 0, false},
	{CONFIG_HOST, "hostname", TYPE_HOSTNAME, H(hostname), NULL, NULL, 0, false},
	{CONFIG_HOST, "machine_id", TYPE_MACHINE_ID, H(machine_id), NULL, NULL, 0, false},
	{CONFIG_HOST, "disks", TYPE_WORDS, H(disks), NULL, NULL, 0, false},
};
static const struct config_key group_keys[] = {
	{CONFIG_GROUP, "max_parallel_patching", TYPE_COUNT, G(max_parallel_patching), "0", NULL, 0, false},
};
static const struct config_key hook_keys[] = {
	{CONFIG_HOOK, "host", TYPE_HOSTNAME, K(host), NULL, NULL, 0, false},
	{CONFIG_HOOK, "policy", TYPE_NAME, K(policy), NULL, NULL, 0, false},
	{CONFIG_HOOK, "pass", TYPE_PATH, K(pass), NULL, NULL, 0, false},
	{CONFIG_HOOK, "pass_keys", TYPE_PATHS, K(pass_keys), NULL, NULL, 0, false},
	{CONFIG_HOOK, "state", TYPE_PATH, K(state), NULL, NULL, 0, false},
	{CONFIG_HOOK, "fetch", TYPE_COMMAND, K(fetch), NULL, NULL, 0, false},
	{CONFIG_HOOK, "timeout", TYPE_DURATION, K(timeout), "30s", NULL, 1, false},
	{CONFIG_HOOK, "max_verdict_age", TYPE_DURATION, K(max_verdict_age), "4h", NULL, 1, false},
};

static const struct {
	const char *name;
	const struct config_key *keys;
	size_t count;
} kinds[CONFIG_KINDS] = {
	[CONFIG_REPOSITORY] = {"repository", repository_keys, ARRAY_SIZE(repository_keys)},
	[CONFIG_POLICY] = {"policy", policy_keys, ARRAY_SIZE(policy_keys)},
	[CONFIG_HOST] = {"host", host_keys, ARRAY_SIZE(host_keys)},
	[CONFIG_GROUP] = {"group", group_keys, ARRAY_SIZE(group_keys)},
	[CONFIG_HOOK] = {"hook", hook_keys, ARRAY_SIZE(hook_keys)},
};
_Static_assert(ARRAY_SIZE(policy_keys) <= CONFIG_KEYS_MAX, "CONFIG_KEYS_MAX");

const struct config_key *config_keys(enum config_kind kind, size_t *count)
{
	*count = kinds[kind].count;
	return kinds[kind].keys;
}

const char *config_kind_name(enum config_kind kind)
{
	return kinds[kind].name;
}

const struct config_key *config_key_find(enum config_kind kind, const char *name)
{
	for (size_t i = 0; i < kinds[kind].count; i++)
		if (!strcmp(kinds[kind].keys[i].name, name))
			return &kinds[kind].keys[i];
	return NULL;
}
