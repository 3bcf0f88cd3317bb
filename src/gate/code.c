// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Codes: their names, how several become one, and what each exit style makes of them. Also the end of a
 * host's result.
 */
#include "backproof/verdict.h"

#include "backproof/history.h"

const char *code_name(enum code c)
{
	switch (c) {
	case CODE_SAFE:
		return "safe";
	case CODE_WAIVED:
		return "waived";
	case CODE_NO_BACKUP:
		return "no-backup";
	case CODE_STALE:
		return "stale";
	case CODE_DAMAGED:
		return "damaged";
	case CODE_INCOMPLETE:
		return "incomplete";
	case CODE_CANNOT_TELL:
		return "cannot-tell";
	case CODE_BUSY:
		return "busy";
	case CODE_USAGE:
		return "usage";
	case CODE_CONFIG:
		return "config";
	case CODE_INTERNAL:
		break;
	}
	return "internal"; /* a code that does not exist is a fault of this program */
}

bool code_can_be_waived(enum code c)
{
	switch (c) {
	case CODE_NO_BACKUP:
	case CODE_STALE:
	case CODE_DAMAGED:
	case CODE_INCOMPLETE:
	case CODE_CANNOT_TELL:
	case CODE_BUSY:
		return true;
	default:
		return false;
	}
}

enum code codes_combine(const enum code *codes, size_t count)
{
	static const enum code order[] = {
		CODE_INTERNAL,	CODE_CONFIG, CODE_DAMAGED,     CODE_INCOMPLETE,
		CODE_NO_BACKUP, CODE_STALE,  CODE_CANNOT_TELL, CODE_BUSY,
	};
	size_t safe = 0, waived = 0, least = ARRAY_SIZE(order);
	if (!count)
		return CODE_CANNOT_TELL;
	for (size_t i = 0; i < count; i++) {
		size_t k = 0;
		if (codes[i] == CODE_SAFE) {
			safe++;
			continue;
		}
		if (codes[i] == CODE_WAIVED) {
			waived++;
			continue;
		}
		while (k < ARRAY_SIZE(order) && order[k] != codes[i])
			k++;
		if (k == ARRAY_SIZE(order))
			k = 0; /* no code of a host: internal */
		if (k < least)
			least = k;
	}
	return safe == count ? CODE_SAFE : safe + waived == count ? CODE_WAIVED : order[least];
}

static int nagios_status(enum code c, bool near_max_age)
{
	switch (c) {
	case CODE_SAFE:
		return near_max_age ? 1 : 0;
	case CODE_WAIVED:
		return 1;
	case CODE_NO_BACKUP:
	case CODE_STALE:
	case CODE_DAMAGED:
	case CODE_INCOMPLETE:
		return 2;
	default:
		return 3;
	}
}

static int plain_status(enum code c)
{
	switch (c) {
	case CODE_WAIVED:
		return 0;
	case CODE_SAFE:
	case CODE_NO_BACKUP:
	case CODE_STALE:
	case CODE_DAMAGED:
	case CODE_INCOMPLETE:
	case CODE_CANNOT_TELL:
	case CODE_BUSY:
	case CODE_USAGE:
	case CODE_CONFIG:
		return (int)c;
	default:
		return CODE_INTERNAL;
	}
}

int exit_status(enum code c, enum exit_style style, bool near_max_age)
{
	switch (style) {
	case EXIT_NAGIOS:
		return nagios_status(c, near_max_age);
	case EXIT_SYSTEMD:
		/* ExecCondition= takes 1 to 254 as "skip quietly": what is not a verdict must be louder. */
		return plain_status(c) >= CODE_CANNOT_TELL ? 255 : plain_status(c);
	case EXIT_QUALYS:
		return c == CODE_SAFE || c == CODE_WAIVED ? 0 : 12;
	default:
		return plain_status(c);
	}
}

bool host_result_near_max_age(const struct host_result *r)
{
	return r->has_point && r->taken_at && r->max_age > 0 && r->age >= r->max_age - r->max_age / 5;
}

void verdict_free(struct verdict *v)
{
	strings_free(&v->reasons);
	memset(v, 0, sizeof *v);
	v->code = CODE_CANNOT_TELL; /* what is gone must not read as safe */
}

void backup_now_free(struct backup_now *b)
{
	if (b)
		strings_free(&b->command);
	free(b);
}

static void free_one(struct host_result *r)
{
	free(r->host);
	free(r->policy);
	free(r->point_label);
	strings_free(&r->paths);
	strings_free(&r->formats);
	vec_each(&r->files, it) free(it->path);
	vec_free(&r->files);
	free(r->hostname);
	free(r->machine_id);
	free(r->system);
	free(r->pass_key);
	free(r->seal.path);
	waiver_free(r->waiver);
	free(r->waiver);
	waiver_free(r->standing);
	free(r->standing);
	free(r->suspect);
	backup_now_free(r->backup_now);
	patch_record_free(r->patch);
	free(r->patch);
	strings_free(&r->notes);
	history_record_free(r->record);
	free(r->record);
	findings_free(&r->findings);
	verdict_free(&r->verdict);
}

void host_result_free(struct host_result *r)
{
	if (!r)
		return;
	struct host_result *next = r->older;
	free_one(r);
	memset(r, 0, sizeof *r);
	r->verdict.code = CODE_CANNOT_TELL;
	while (next) {
		struct host_result *gone = next;
		next = gone->older;
		free_one(gone);
		free(gone);
	}
}
