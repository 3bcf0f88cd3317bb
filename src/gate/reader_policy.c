// SPDX-License-Identifier: GPL-3.0-or-later
/* A policy on the wire: by the table of its keys, so that none can be forgotten. And what confines a reader. */
#include "config_keys.h"
#include "reader.h"

#define TEXT_MOST (64 * KIB)
#define LIST_MOST 65536

enum field { FIELD_STRING, FIELD_STRINGS, FIELD_64, FIELD_32, FIELD_BOOL };

/* How a value lies in its struct. */
static const uint8_t fields[] = {
	[TYPE_PATH] = FIELD_STRING,	  [TYPE_FILE] = FIELD_STRING,	  [TYPE_LAYOUT] = FIELD_STRING,
	[TYPE_PATTERN] = FIELD_STRING,	  [TYPE_NAME] = FIELD_STRING,	  [TYPE_HOSTNAME] = FIELD_STRING,
	[TYPE_MACHINE_ID] = FIELD_STRING, [TYPE_NAMES] = FIELD_STRINGS,	  [TYPE_WORDS] = FIELD_STRINGS,
	[TYPE_PATHS] = FIELD_STRINGS,	  [TYPE_COMMAND] = FIELD_STRINGS, [TYPE_DURATION] = FIELD_64,
	[TYPE_SPAN] = FIELD_64,		  [TYPE_SIZE] = FIELD_64,	  [TYPE_RATE] = FIELD_64,
	[TYPE_ROOM] = FIELD_64,		  [TYPE_LIMIT] = FIELD_64,	  [TYPE_COUNT] = FIELD_32,
	[TYPE_SHARE] = FIELD_32,	  [TYPE_CHOICE] = FIELD_32,	  [TYPE_PROOFS] = FIELD_32,
	[TYPE_SWITCH] = FIELD_BOOL,	  [TYPE_BOOL] = FIELD_BOOL,
};
_Static_assert(ARRAY_SIZE(fields) == TYPE_PROOFS + 1, "each type of a key");

static void put_key(struct wire_out *w, const struct config_key *k, const void *field)
{
	switch (fields[k->type]) {
	case FIELD_STRINGS:
		wire_put_strings(w, field);
		break;
	case FIELD_64:
		wire_put_u64(w, *(const uint64_t *)field);
		break;
	case FIELD_32:
		wire_put_u32(w, *(const uint32_t *)field);
		break;
	case FIELD_BOOL:
		wire_put_u8(w, *(const bool *)field);
		break;
	default:
		wire_put_string(w, *(char *const *)field);
	}
}

static void get_key(struct wire_in *w, const struct config_key *k, void *field)
{
	switch (fields[k->type]) {
	case FIELD_STRINGS:
		wire_get_strings(w, field, LIST_MOST, TEXT_MOST);
		break;
	case FIELD_64:
		*(uint64_t *)field = wire_get_u64(w);
		break;
	case FIELD_32:
		*(uint32_t *)field = wire_get_u32(w);
		break;
	case FIELD_BOOL:
		*(bool *)field = wire_get_bool(w);
		break;
	default:
		*(char **)field = wire_get_string(w, TEXT_MOST);
	}
}

void reader_policy_put(struct wire_out *w, const struct policy *p)
{
	size_t count;
	const struct config_key *keys = config_keys(CONFIG_POLICY, &count);
	wire_put_string(w, p->name);
	for (size_t i = 0; i < count; i++)
		put_key(w, &keys[i], (const char *)p + keys[i].offset);
	wire_put_u8(w, p->critical_given);
}

void reader_policy_get(struct wire_in *w, struct policy *out)
{
	size_t count;
	const struct config_key *keys = config_keys(CONFIG_POLICY, &count);
	out->name = wire_get_string(w, TEXT_MOST);
	for (size_t i = 0; i < count; i++)
		get_key(w, &keys[i], (char *)out + keys[i].offset);
	out->critical_given = wire_get_bool(w);
}

void reader_account_put(struct wire_out *w, const struct confine_account *a)
{
	wire_put_string(w, a->name);
	wire_put_u32(w, a->uid);
	wire_put_u32(w, a->gid);
}

void reader_account_get(struct wire_in *w, struct confine_account *out)
{
	autofree char *name = wire_get_string(w, sizeof out->name - 1);
	snprintf(out->name, sizeof out->name, "%s", name ? name : "");
	out->uid = wire_get_u32(w);
	out->gid = wire_get_u32(w);
}

void reader_confined_put(struct wire_out *w, const struct confinement *c)
{
	wire_put_u8(w, c->no_new_privs);
	wire_put_u8(w, c->seccomp);
	wire_put_u32(w, (uint32_t)c->landlock);
	wire_put_u8(w, c->landlock_network);
	wire_put_u8(w, c->landlock_scope);
	reader_account_put(w, &c->account);
	wire_put_u64(w, c->memory);
	wire_put_u64(w, c->file_size);
	wire_put_u32(w, c->files);
	wire_put_i64(w, c->cpu_seconds);
	wire_put_u8(w, c->reader);
}

void reader_confined_get(struct wire_in *w, struct confinement *out)
{
	memset(out, 0, sizeof *out);
	out->no_new_privs = wire_get_bool(w);
	out->seccomp = wire_get_bool(w);
	uint32_t abi = wire_get_u32(w);
	out->landlock = (int)(abi & 0xffff);
	out->landlock_network = wire_get_bool(w);
	out->landlock_scope = wire_get_bool(w);
	reader_account_get(w, &out->account);
	out->memory = wire_get_u64(w);
	out->file_size = wire_get_u64(w);
	out->files = wire_get_u32(w);
	out->cpu_seconds = wire_get_i64(w);
	out->reader = wire_get_bool(w);
	if (abi > 0xffff)
		wire_bad(w, "a value that does not exist");
}
