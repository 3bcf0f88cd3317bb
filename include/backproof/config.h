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

struct config {
	struct repository *repositories;
	size_t repository_count;
	struct policy *policies; /* always holds "default" */
	size_t policy_count;
	struct host_config *hosts; /* in the order of the files */
	size_t host_count;
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
const struct policy *config_policy(const struct config *c, const char *name);
const struct repository *config_repository(const struct config *c, const char *name);
/* Every effective value, defaults too, with "; file:line" or "; default" behind it. Untrusted text is escaped. */
struct text;
void config_dump(const struct config *c, struct text *out);

#endif
