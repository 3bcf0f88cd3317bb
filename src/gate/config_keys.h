// SPDX-License-Identifier: GPL-3.0-or-later
/* Every key of the configuration: one table for reading, dump, messages, and the test of the manual. */
#ifndef GATE_CONFIG_KEYS_H
#define GATE_CONFIG_KEYS_H

#include "backproof/config.h"

enum config_kind { CONFIG_REPOSITORY, CONFIG_POLICY, CONFIG_HOST, CONFIG_GROUP, CONFIG_HOOK, CONFIG_KINDS };

enum config_type {
	TYPE_PATH,	 /* char *, absolute */
	TYPE_FILE,	 /* char *, absolute, or "none" */
	TYPE_LAYOUT,	 /* char *, one this build has */
	TYPE_PATTERN,	 /* char *, for catalog_match_check */
	TYPE_NAME,	 /* char *, a policy */
	TYPE_HOSTNAME,	 /* char * */
	TYPE_MACHINE_ID, /* char *, 32 hexadecimal digits, made lower case */
	TYPE_NAMES,	 /* struct strings, repositories */
	TYPE_WORDS,	 /* struct strings */
	TYPE_PATHS,	 /* struct strings, absolute */
	TYPE_COMMAND,	 /* struct strings, the first an absolute path: see words_split */
	TYPE_DURATION,	 /* int64_t */
	TYPE_SPAN,	 /* int64_t; "none" is 0 */
	TYPE_SIZE,	 /* uint64_t */
	TYPE_RATE,	 /* uint64_t, bytes a second; "none" is 0 */
	TYPE_ROOM,	 /* uint64_t, bytes; "none" is 0 */
	TYPE_COUNT,	 /* uint32_t */
	TYPE_LIMIT,	 /* uint64_t, a number; "none" is 0 */
	TYPE_SHARE,	 /* uint32_t, millionths: "99.9%"; "none" is 0 */
	TYPE_CHOICE,	 /* an enum: index into choices */
	TYPE_SWITCH,	 /* bool: choices[0] is false, choices[1] true */
	TYPE_BOOL,	 /* bool */
	TYPE_PROOFS,	 /* unsigned, a bit a proof */
};

struct config_key {
	enum config_kind kind;
	const char *name;
	enum config_type type;
	size_t offset;		    /* in the struct of its kind */
	const char *value;	    /* the default as it would be written; NULL: none */
	const char *const *choices; /* NULL-terminated; "" is no choice */
	uint64_t least;		    /* of durations (seconds), sizes and counts */
	bool required;
	uint64_t most;		    /* of counts; 0: a million */
};

/* Of one kind, in the order of the manual. */
const struct config_key *config_keys(enum config_kind kind, size_t *count);
const char *config_kind_name(enum config_kind kind); /* "repository" */
/* NULL: no such key. */
const struct config_key *config_key_find(enum config_kind kind, const char *name);
#define CONFIG_KEYS_MAX 56 /* of one kind */

/*
 * Sets the field of target, releasing what it held. -1: target is as before, and *e says what was expected, without
 * place and key. `target` is of the key's kind.
 */
int config_value_set(const struct config_key *k, const char *value, void *target,
		     struct error *e) must_check;
/* The field as it would be written, unquoted; "" for one that is not given. */
void config_value_put(const struct config_key *k, const void *target, struct text *out);

/* A name of a host or section, for use in paths and lists. NULL: fine, else what is wrong with it. */
const char *config_name_fault(enum config_kind kind, const char *name);

#endif
