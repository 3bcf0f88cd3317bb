// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The text format of Prometheus, for node_exporter's textfile collector: no time stamps, all samples of a metric
 * together, and never two of one host, as either would make the collector drop the whole file.
 */
#include "common.h"
#include "metrics.h"

struct host_label {
	const struct host_result *r;
	char *text; /* escaped, without the quotes */
};

void report_put_label(struct text *out, const char *s)
{
	struct text safe autotext = {0};
	text_put_safe(&safe, s); /* no newline is left after this */
	out->failed |= safe.failed;
	for (const char *p = text_str(&safe); *p; p++) {
		if (*p == '\\' || *p == '"')
			text_put(out, "\\");
		text_put_bytes(out, p, 1);
	}
}

typedef void metric_fn(struct text *out, const char *name, const struct host_label *h);

static void put_sample(struct text *out, const char *name, const struct host_label *h)
{
	text_printf(out, "%s{host=\"%s\"} ", name, h->text);
}

static void put_u64(struct text *out, const char *name, const struct host_label *h, uint64_t v)
{
	put_sample(out, name, h);
	text_printf(out, "%llu\n", (unsigned long long)v);
}

static void put_safe(struct text *out, const char *name, const struct host_label *h)
{
	put_u64(out, name, h, h->r->verdict.code == CODE_SAFE);
}

static void put_code(struct text *out, const char *name, const struct host_label *h)
{
	/* What was found: 0 would say that it was safe. */
	put_u64(out, name, h, (uint64_t)exit_status(report_found(h->r), EXIT_PLAIN, false));
}

static void put_waived(struct text *out, const char *name, const struct host_label *h)
{
	put_u64(out, name, h, h->r->verdict.code == CODE_WAIVED);
}

static void put_waiver_end(struct text *out, const char *name, const struct host_label *h)
{
	const struct waiver *w = report_waiver(h->r);
	if (w)
		put_u64(out, name, h, (uint64_t)w->ends_at);
}

static void put_suspect(struct text *out, const char *name, const struct host_label *h)
{
	if (h->r->has_point)
		put_u64(out, name, h, h->r->suspect != NULL);
}

static void put_proofs(struct text *out, const char *name, const struct host_label *h)
{
	for (int p = 0; p < PROOF_COUNT; p++)
		text_printf(out, "%s{host=\"%s\",proof=\"%s\"} %d\n", name, h->text, proof_name(p),
			    h->r->verdict.proofs[p] == OUTCOME_HELD);
}

static void put_age(struct text *out, const char *name, const struct host_label *h)
{
	if (!h->r->has_point || !h->r->taken_at)
		return;
	put_sample(out, name, h);
	text_printf(out, "%lld\n", (long long)h->r->age);
}

static void put_max_age(struct text *out, const char *name, const struct host_label *h)
{
	put_sample(out, name, h);
	text_printf(out, "%lld\n", (long long)h->r->max_age);
}

static void put_size(struct text *out, const char *name, const struct host_label *h)
{
	if (h->r->has_point)
		put_u64(out, name, h, h->r->bytes);
}

static void put_duration(struct text *out, const char *name, const struct host_label *h)
{
	put_sample(out, name, h);
	report_put_seconds(out, h->r->measures.duration_seconds);
	text_put(out, "\n");
}

static void put_read(struct text *out, const char *name, const struct host_label *h)
{
	put_u64(out, name, h, h->r->measures.bytes_read);
}

static void put_confidence(struct text *out, const char *name, const struct host_label *h)
{
	uint32_t c = h->r->sample.confidence;
	if (!h->r->sample.total)
		return;
	put_sample(out, name, h);
	text_printf(out, "%u.%06u\n", (unsigned)(c / 1000000), (unsigned)(c % 1000000));
}

static void put_files(struct text *out, const char *name, const struct host_label *h)
{
	put_u64(out, name, h, h->r->measures.files_restored);
}

static void put_rate(struct text *out, const char *name, const struct host_label *h)
{
	if (report_rate(h->r))
		put_u64(out, name, h, report_rate(h->r));
}

static void put_checked(struct text *out, const char *name, const struct host_label *h)
{
	put_sample(out, name, h);
	text_printf(out, "%lld\n", (long long)h->r->checked_at);
}

static const struct metric {
	const char *name, *help;
	metric_fn *put;
} metrics[] = {
	{METRIC_SAFE, put_safe},
	{METRIC_CODE, put_code},
	{METRIC_WAIVED, put_waived},
	{METRIC_WAIVER_END, put_waiver_end},
	{METRIC_SUSPECT, put_suspect},
	{METRIC_PROOF, put_proofs},
	{METRIC_AGE, put_age},
	{"backproof_backup_max_age_seconds", "Age that the policy allows.", put_max_age},
	{METRIC_SIZE, put_size},
	{METRIC_DURATION, put_duration},
	{METRIC_READ, put_read},
	{METRIC_CONFIDENCE, put_confidence},
	{METRIC_FILES, put_files},
	{METRIC_RATE, put_rate},
	{METRIC_CHECKED, put_checked},
};

/* The worst first, and of hosts that are written alike only that one: a double would hide all of them. */
static size_t make_labels(struct text *out, struct host_label *labels, const struct host_result **sorted,
			  size_t count)
{
	size_t n = 0;
	for (size_t i = 0; i < count; i++) {
		struct text label autotext = {0};
		report_put_label(&label, report_host(sorted[i]));
		size_t k = 0;
		while (k < n && strcmp(labels[k].text, text_str(&label)))
			k++;
		if (k < n)
			continue;
		labels[n].r = sorted[i];
		labels[n].text = strdup(text_str(&label));
		if (!labels[n].text || label.failed) {
			out->failed = true;
			free(labels[n].text);
			return n;
		}
		n++;
	}
	return n;
}

static void prometheus_end(struct text *out, const struct host_result *const *all, size_t count,
			   enum code overall, int exit, const struct report_options *o)
{
	(void)overall;
	(void)exit;
	(void)o;
	autofree const struct host_result **sorted = report_sorted(out, all, count);
	autofree struct host_label *labels = calloc(count ? count : 1, sizeof *labels);
	if (!sorted || !labels) {
		out->failed = true;
		return;
	}
	size_t n = make_labels(out, labels, sorted, count);
	for (size_t m = 0; m < ARRAY_SIZE(metrics); m++) {
		struct text samples autotext = {0};
		for (size_t i = 0; i < n; i++)
			metrics[m].put(&samples, metrics[m].name, &labels[i]);
		out->failed |= samples.failed;
		if (samples.length)
			report_put_metric(out, metrics[m].name, metrics[m].help, text_str(&samples));
	}
	text_printf(out, "# HELP backproof_hosts Hosts that the run checked.\n# TYPE backproof_hosts gauge\n"
			 "backproof_hosts %zu\n", count);
	for (size_t i = 0; i < n; i++)
		free(labels[i].text);
}

void report_put_metric(struct text *out, const char *name, const char *help, const char *samples)
{
	text_printf(out, "# HELP %s %s\n# TYPE %s gauge\n%s", name, help, name, samples);
}

const struct report_format report_prometheus = {.name = "prometheus", .end = prometheus_end};
