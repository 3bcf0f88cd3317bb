// SPDX-License-Identifier: GPL-3.0-or-later
#include "common.h"

/* A rate from less than this says more about seeks than about restoring. */
#define RATE_LEAST_BYTES (256 * KIB)

const enum code report_codes[REPORT_CODES] = {
	CODE_INTERNAL,	CODE_CONFIG, CODE_USAGE,       CODE_DAMAGED, CODE_INCOMPLETE,
	CODE_NO_BACKUP, CODE_STALE,  CODE_CANNOT_TELL, CODE_BUSY,    CODE_WAIVED,
	CODE_SAFE,
};

size_t report_gravity(enum code c)
{
	for (size_t i = 0; i < REPORT_CODES; i++)
		if (report_codes[i] == c)
			return i;
	return 0;
}

void report_count(const struct host_result *const *all, size_t count, size_t counts[REPORT_CODES])
{
	memset(counts, 0, REPORT_CODES * sizeof *counts);
	for (size_t i = 0; i < count; i++)
		counts[report_gravity(all[i]->verdict.code)]++;
}

const char *report_host(const struct host_result *r)
{
	return r->host ? r->host : "";
}

static int by_gravity(const void *a, const void *b)
{
	const struct host_result *x = *(const struct host_result *const *)a;
	const struct host_result *y = *(const struct host_result *const *)b;
	size_t gx = report_gravity(x->verdict.code), gy = report_gravity(y->verdict.code);
	if (gx != gy)
		return gx < gy ? -1 : 1;
	return strcmp(report_host(x), report_host(y));
}

const struct host_result **report_sorted(struct text *out, const struct host_result *const *all,
					 size_t count)
{
	const struct host_result **sorted = calloc(count ? count : 1, sizeof *sorted);
	if (!sorted) {
		out->failed = true;
		return NULL;
	}
	for (size_t i = 0; i < count; i++)
		sorted[i] = all[i];
	qsort(sorted, count, sizeof *sorted, by_gravity);
	return sorted;
}

bool report_near(const struct host_result *const *all, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (all[i]->verdict.code == CODE_SAFE && host_result_near_max_age(all[i]))
			return true;
	return false;
}

bool report_is_cut(const struct host_result *const *all, size_t count, enum code overall)
{
	if (overall == CODE_SAFE || overall == CODE_WAIVED)
		return false;
	for (size_t i = 0; i < count; i++)
		if (all[i]->verdict.code != CODE_SAFE && all[i]->verdict.code != CODE_WAIVED)
			return false;
	return true;
}

const char *report_depth(const struct host_result *r)
{
	return r->depth == DEPTH_FULL ? "full" : "sample";
}

static int outcome_weight(enum outcome o)
{
	switch (o) {
	case OUTCOME_BROKEN:
		return 5;
	case OUTCOME_UNREADABLE:
		return 4;
	case OUTCOME_UNSUPPORTED:
		return 3;
	case OUTCOME_HELD:
		return 1;
	case OUTCOME_SKIPPED:
		return 0;
	default:
		return 2;
	}
}

const struct finding *report_evidence(const struct host_result *r, enum proof p, size_t *others)
{
	const struct finding *best = NULL;
	*others = 0;
	for (size_t i = 0; i < r->findings.count; i++) {
		const struct finding *it = &r->findings.items[i];
		if (it->proof != p)
			continue;
		int gain = best ? outcome_weight(it->outcome) - outcome_weight(best->outcome) : 1;
		if (gain > 0) {
			best = it;
			*others = 0;
		} else if (gain == 0) {
			++*others;
		}
	}
	return best;
}

const struct finding *report_summary(const struct host_result *r, enum proof p)
{
	char id[64];
	snprintf(id, sizeof id, "%s.summary", proof_name(p));
	for (size_t i = 0; i < r->findings.count; i++)
		if (r->findings.items[i].proof == p && !strcmp(r->findings.items[i].check, id))
			return &r->findings.items[i];
	return NULL;
}

const char *report_sample(const struct host_result *r)
{
	for (size_t i = 0; r->sample.total && i < r->findings.count; i++)
		if (!strcmp(r->findings.items[i].check, "integrity.sample"))
			return r->findings.items[i].detail;
	return NULL;
}

size_t report_dropped(const struct host_result *r)
{
	size_t sum = 0;
	for (int p = 0; p < PROOF_COUNT; p++)
		if (add_overflows(sum, r->findings.dropped[p], &sum))
			return SIZE_MAX;
	return sum;
}

uint64_t report_rate_of(uint64_t bytes, double seconds)
{
	/* Written so that NaN fails each comparison. */
	if (!(seconds > 1e-6) || bytes < RATE_LEAST_BYTES)
		return 0;
	double rate = (double)bytes / seconds;
	return rate < 9e18 ? (uint64_t)rate : 0;
}

uint64_t report_rate(const struct host_result *r)
{
	return report_rate_of(r->measures.bytes_restored, r->measures.restore_seconds);
}

int64_t report_restore_estimate(const struct host_result *r)
{
	uint64_t rate = report_rate(r);
	if (!rate || !r->measures.image_data || r->measures.image_data / rate > INT32_MAX)
		return -1;
	return (int64_t)(r->measures.image_data / rate);
}

const char *report_reason(const struct host_result *r)
{
	if (!r->verdict.reasons.count)
		return "";
	const char *line = r->verdict.reasons.items[0], *word = code_name(report_found(r));
	size_t len = strlen(word);
	return strncmp(line, word, len) || strncmp(line + len, ": ", 2) ? line : line + len + 2;
}

const struct host_result *report_newest(const struct host_result *r)
{
	const struct host_result *newest = r->older;
	while (newest && newest->older)
		newest = newest->older;
	return newest;
}

void report_put_seal(struct text *out, const struct seal_state *s)
{
	char when[32];
	if (!s->path)
		return;
	if (!s->sealed_at) {
		const char *slash = strrchr(s->path, '/');
		text_printf(out, "yes, but its seal can't be used: %s", slash ? slash + 1 : s->path);
		return;
	}
	text_put(out, format_rfc3339(s->sealed_at, when));
	if (s->is_signed)
		text_printf(out, " by key %.16s (%s)", s->key_id, s->trusted ? "trusted" : "not known to this machine");
	else
		text_put(out, ", not signed");
}

void report_put_seconds(struct text *out, double seconds)
{
	/* By hand: printf writes a comma in some locales, and words for what is not a number. */
	uint64_t ms = seconds > 0 && seconds < 1e12 ? (uint64_t)(seconds * 1000 + 0.5) : 0;
	text_printf(out, "%llu.%03u", (unsigned long long)(ms / 1000), (unsigned)(ms % 1000));
}

void report_put_duration(struct text *out, double seconds)
{
	char buf[32];
	uint64_t tenths = seconds > 0 && seconds < 1e12 ? (uint64_t)(seconds * 10 + 0.5) : 0;
	if (tenths < 600)
		text_printf(out, "%u.%u s", (unsigned)(tenths / 10), (unsigned)(tenths % 10));
	else
		text_put(out, format_duration((int64_t)(tenths / 10), buf));
}
