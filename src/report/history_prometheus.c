// SPDX-License-Identifier: GPL-3.0-or-later
/* The history as metrics: see prometheus.c, whose names and meanings these are. */
#include "backproof/history_report.h"

#include "common.h"
#include "metrics.h"

struct host_metrics *history_metrics_add(struct history_metrics *m, const struct history_record *r)
{
	autotext struct text label = {0};
	report_put_label(&label, r->host);
	struct host_metrics *h = vec_push(&m->hosts);
	if (!h)
		return NULL;
	h->label = label.failed ? NULL : strdup(text_str(&label));
	if (!h->label) {
		m->hosts.count--;
		return NULL;
	}
	h->code = (enum code)r->code;
	h->checked_at = r->checked_at;
	h->taken_at = r->taken_at;
	h->has_point = r->label != NULL;
	h->bytes = r->bytes;
	h->bytes_read = r->bytes_read;
	h->files_restored = r->files_restored;
	h->rate = report_rate_of(r->bytes_restored, r->restore_seconds);
	h->confidence = r->confidence;
	h->duration = r->duration_seconds;
	memcpy(h->proofs, r->proofs, sizeof h->proofs);
	return h;
}

void history_metrics_free(struct history_metrics *m)
{
	vec_each(&m->hosts, h) free(h->label);
	vec_free(&m->hosts);
}

typedef void metric_fn(struct text *out, const char *name, const struct host_metrics *h);

static void put_sample(struct text *out, const char *name, const struct host_metrics *h, int64_t v)
{
	text_printf(out, "%s{host=\"%s\"} %lld\n", name, h->label, (long long)v);
}

static void put_known(struct text *out, const char *name, const struct host_metrics *h, int64_t v)
{
	if (v)
		put_sample(out, name, h, v);
}

static void put_safe(struct text *out, const char *name, const struct host_metrics *h)
{
	put_sample(out, name, h, h->code == CODE_SAFE);
}

static void put_waived(struct text *out, const char *name, const struct host_metrics *h)
{
	put_sample(out, name, h, h->waived);
}

static void put_waiver_end(struct text *out, const char *name, const struct host_metrics *h)
{
	put_known(out, name, h, h->waived_until);
}

static void put_suspect(struct text *out, const char *name, const struct host_metrics *h)
{
	if (h->has_point)
		put_sample(out, name, h, h->suspect);
}

static void put_code(struct text *out, const char *name, const struct host_metrics *h)
{
	put_sample(out, name, h, exit_status(h->code, EXIT_PLAIN, false));
}

static void put_proofs(struct text *out, const char *name, const struct host_metrics *h)
{
	for (int p = 0; p < PROOF_COUNT; p++)
		text_printf(out, "%s{host=\"%s\",proof=\"%s\"} %d\n", name, h->label, proof_name((enum proof)p),
			    h->proofs[p] == OUTCOME_HELD);
}

static void put_age(struct text *out, const char *name, const struct host_metrics *h)
{
	if (h->has_point && h->taken_at)
		put_sample(out, name, h, seconds_since(h->taken_at, h->checked_at));
}

static void put_taken(struct text *out, const char *name, const struct host_metrics *h)
{
	if (h->has_point)
		put_known(out, name, h, h->taken_at);
}

static void put_size(struct text *out, const char *name, const struct host_metrics *h)
{
	if (h->has_point)
		put_sample(out, name, h, (int64_t)h->bytes);
}

static void put_duration(struct text *out, const char *name, const struct host_metrics *h)
{
	text_printf(out, "%s{host=\"%s\"} ", name, h->label);
	report_put_seconds(out, h->duration);
	text_put(out, "\n");
}

static void put_read(struct text *out, const char *name, const struct host_metrics *h)
{
	put_sample(out, name, h, (int64_t)h->bytes_read);
}

static void put_confidence(struct text *out, const char *name, const struct host_metrics *h)
{
	if (h->confidence)
		text_printf(out, "%s{host=\"%s\"} %u.%06u\n", name, h->label, h->confidence / 1000000,
			    h->confidence % 1000000);
}

static void put_files(struct text *out, const char *name, const struct host_metrics *h)
{
	put_sample(out, name, h, (int64_t)h->files_restored);
}

static void put_rate(struct text *out, const char *name, const struct host_metrics *h)
{
	put_known(out, name, h, (int64_t)h->rate);
}

static void put_checked(struct text *out, const char *name, const struct host_metrics *h)
{
	put_sample(out, name, h, h->checked_at);
}

static void put_full(struct text *out, const char *name, const struct host_metrics *h)
{
	put_known(out, name, h, h->full_at);
}

static void put_patching(struct text *out, const char *name, const struct host_metrics *h)
{
	put_sample(out, name, h, h->patching);
}

static void put_patched(struct text *out, const char *name, const struct host_metrics *h)
{
	put_known(out, name, h, h->patched_at);
}

static const struct metric {
	const char *name, *help;
	metric_fn *put;
} metrics[] = {
	{METRIC_SAFE, put_safe},
	{METRIC_WAIVED, put_waived},
	{METRIC_WAIVER_END, put_waiver_end},
	{METRIC_SUSPECT, put_suspect},
	{METRIC_CODE, put_code},
	{METRIC_PROOF, put_proofs},
	{METRIC_AGE, put_age},
	{"backproof_backup_timestamp_seconds", "When the restore point was taken, in Unix time.", put_taken},
	{METRIC_SIZE, put_size},
	{METRIC_DURATION, put_duration},
	{METRIC_READ, put_read},
	{METRIC_CONFIDENCE, put_confidence},
	{METRIC_FILES, put_files},
	{METRIC_RATE, put_rate},
	{METRIC_CHECKED, put_checked},
	{"backproof_last_full_check_timestamp_seconds", "When a full check was last safe, in Unix time.", put_full},
	{"backproof_patch_running", "1 when a patch was begun and has not ended, or whoever ran it has died.",
	 put_patching},
	{"backproof_last_patch_timestamp_seconds", "When the last patch was begun, in Unix time.", put_patched},
};

/* By name, the worst first. */
static int by_label(const void *a, const void *b)
{
	const struct host_metrics *x = a, *y = b;
	int order = strcmp(x->label, y->label);
	size_t gx = report_gravity(x->code), gy = report_gravity(y->code);
	return order ? order : gx < gy ? -1 : gx > gy;
}

void history_metrics_put(struct text *out, struct history_metrics *m)
{
	struct host_metrics *hosts = m->hosts.items;
	size_t count = m->hosts.count;
	if (count)
		qsort(hosts, count, sizeof *hosts, by_label);
	for (size_t k = 0; k < ARRAY_SIZE(metrics); k++) {
		autotext struct text samples = {0};
		for (size_t i = 0; i < count; i++)
			if (!i || strcmp(hosts[i].label, hosts[i - 1].label))
				metrics[k].put(&samples, metrics[k].name, &hosts[i]);
		out->failed |= samples.failed;
		if (samples.length)
			report_put_metric(out, metrics[k].name, metrics[k].help, text_str(&samples));
	}
	text_printf(out, "# HELP backproof_history_hosts Hosts that the history knows.\n"
			 "# TYPE backproof_history_hosts gauge\nbackproof_history_hosts %zu\n", count);
}
