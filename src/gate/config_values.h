// SPDX-License-Identifier: GPL-3.0-or-later
/* The configuration as written: sections and values with the places they came from, before they mean anything. */
#ifndef GATE_CONFIG_VALUES_H
#define GATE_CONFIG_VALUES_H

#include "config_keys.h"

#define CONFIG_LINE_MAX 4096
#define CONFIG_FILE_MAX (16 * MIB)

struct config_place {
	uint32_t file; /* index into files */
	uint32_t line; /* from 1; 0: nowhere */
};
struct config_value {
	char *text; /* NULL: not given */
	struct config_place at;
};
struct config_section {
	enum config_kind kind;
	char *name;
	struct config_place at; /* where it stands last */
	size_t index;		/* among those of its kind in struct config */
	struct config_value values[CONFIG_KEYS_MAX]; /* in the order of config_keys */
};
struct config_values {
	struct strings files;
	struct config_section *items; /* in the order they appear first */
	size_t count, capacity;
	uint32_t *table; /* hash of kind and name: index + 1 */
	size_t slots;
};

void config_values_free(struct config_values *v);
/* Names of hosts are compared without case, others exactly. NULL: none. */
struct config_section *config_values_find(const struct config_values *v, enum config_kind kind,
					  const char *name);
/* A new one, not there yet. NULL: memory. Pointers to sections don't outlive it. */
struct config_section *config_values_add(struct config_values *v, enum config_kind kind,
					 const char *name);
/* Reads one file's text. Values are checked each for itself. -1: "FILE:LINE: ..." of the first fault. */
int config_parse(struct config_values *v, const char *data, size_t len, const char *file,
		 struct error *e) must_check;
/* "FILE:LINE: " before a message. Returns -1. */
int config_fault(const struct config_values *v, struct config_place at, struct error *e,
		 const char *fmt, ...) printf_like(4, 5);

/* What the struct holds, not the struct itself. */
void repository_free(struct repository *r);
void host_config_free(struct host_config *h);
void hook_config_free(struct hook_config *k);

/* Fills in the arrays of c from c->values. */
int config_build(struct config *c, struct error *e) must_check;
/* What no single value can tell: references, sections that nothing uses, patterns without {host}. */
int config_check(struct config *c, const char *used_policy, struct error *e) must_check;
/* As config_load, with the three default places below root: for tests. */
int config_load_below(const char *root, const char *file, const char *used_policy,
		      struct config *out, struct error *e) must_check;

#endif
