// SPDX-License-Identifier: GPL-3.0-or-later
/* The configuration: strict INI, each value with the file and line it came from. */
#ifndef BACKPROOF_CONFIG_H
#define BACKPROOF_CONFIG_H

#include "backproof/catalog.h"
#include "backproof/policy.h"

struct host_config {
	char *name;
	struct strings repositories; /* none: all */
	char *policy;		     /* NULL: "default" */
	struct strings groups;
	char *hostname, *machine_id; /* NULL: not given */
	struct strings disks;	     /* none: not given */
};

/* Hosts that are patched together. */
struct group_config {
	char *name; /* as hosts name it in their `group` */
	uint32_t max_parallel_patching; /* 0: no limit */
};

/* What a package manager asks on the machine that is patched: see backproof-hooks(7). */
struct hook_config {
	char *name;	/* "apt", "dnf", ...; "default" for those that have none */
	char *host;	/* NULL: this machine */
	char *policy;	/* NULL: the host's */
	char *pass;	/* path of a pass, or NULL */
	struct strings pass_keys; /* public keys that are trusted with it */
	char *state;	/* keeps the newest pass, against replays; or NULL */
	struct strings fetch; /* command that brings a new pass, when there is none that is good; none: not given */
	int64_t timeout; /* seconds for all of it */
	int64_t max_verdict_age; /* seconds since a verdict in the history, without a pass */
};

struct config {
	struct repository *repositories;
	size_t repository_count;
	struct policy *policies; /* always holds "default" */
	size_t policy_count;
	struct host_config *hosts; /* in the order of the files */
	size_t host_count;
	struct group_config *groups;
	size_t group_count;
	struct hook_config *hooks;
	size_t hook_count;
	struct config_values *values; /* as read, for dump */
};

/*
 * file: read this alone. NULL: the .conf files of /usr/lib/backproof, then /etc/backproof/backproof.conf, then
 * those of /etc/backproof/conf.d, sorted by name (a later file wins over an earlier one key by key; a repeated key in
 * one file is an error). used_policy (may be NULL) counts as used. -1: *e names file and line; its
 * class is IO when a file can't be read, CORRUPT for what is written in it.
 */
int config_load(const char *file, const char *used_policy, struct config *out,
		struct error *e) must_check;
void config_free(struct config *c);
const struct host_config *config_host(const struct config *c, const char *name);
/* The name of the configured host that may be meant by one that is not configured, or NULL. */
const char *config_near_host(const struct config *c, const char *name);
/* The policy for a host (NULL: one that is not configured): the one that is given, or the host's, or "default". */
const char *config_policy_name(const char *given, const struct host_config *h);
const struct policy *config_policy(const struct config *c, const char *name);
/* NULL: nothing is said of that group. */
const struct group_config *config_group(const struct config *c, const char *name);
/* The section of that name, else "default", else NULL. */
const struct hook_config *config_hook(const struct config *c, const char *name);
const struct repository *config_repository(const struct config *c, const char *name);
/* Every effective value, defaults too, with "; file:line" or "; default" behind it. Untrusted text is escaped. */
struct text;
void config_dump(const struct config *c, struct text *out);

#endif
