// SPDX-License-Identifier: GPL-3.0-or-later
/* backproof history --format prometheus: what is known of each host, for the textfile collector of node_exporter. */
#include "history_metrics.h"

#include "backproof/ledger.h"
#include "backproof/policy.h"

/* Verdicts that are looked at for the last full one: full_every of any policy is less than that many nights. */
#define FULL_WITHIN 60 /* more than history_telling looks at */

struct one {
	struct history_metrics *all;
	int64_t verdict;	   /* id of the one that counts */
	struct host_metrics *host; /* NULL: not come to it yet */
	int64_t full_at, waiver;
	int64_t until; /* of that waiver, if it is in force; 0: it is not */
	char *label;
	int64_t taken_at;
};

static int take_record(void *ctx, const struct history_record *r, struct error *e)
{
	struct one *o = ctx;
	if (!o->host && r->id == o->verdict) {
		o->host = history_metrics_add(o->all, r);
		if (!o->host)
			return error_nomem(e);
		o->waiver = r->waiver;
		o->taken_at = r->taken_at;
		if (string_copy(&o->label, r->label) < 0)
			return error_nomem(e);
	}
	if (!o->full_at && r->code == CODE_SAFE && r->depth == DEPTH_FULL)
		o->full_at = r->checked_at;
	return o->host && o->full_at;
}

static int take_waiver(void *ctx, const struct waiver *w, struct error *e)
{
	struct one *o = ctx;
	(void)e;
	o->until = w->id == o->waiver ? w->ends_at : 0;
	return o->until != 0;
}

static int take_patch(void *ctx, const struct patch_record *r, struct error *e)
{
	struct one *o = ctx;
	(void)e;
	o->host->patching = r->state == PROGRAM_RUNNING;
	o->host->patched_at = r->started_at;
	return 1;
}

static int look_at(struct history_metrics *all, struct history *from, const char *host, int64_t now, struct error *e)
{
	struct one o = {.all = all};
	autofree char *suspect = NULL;
	int rc = history_telling(from, host, now, &o.verdict, e);
	if (rc > 0)
		rc = history_each(from, host, FULL_WITHIN, take_record, &o, e);
	autofree char *label = o.label;
	if (rc < 0 || !o.host)
		return rc;
	if (o.waiver && history_waivers(from, host, now, take_waiver, &o, e) < 0)
		return -1;
	if (label && history_suspect(from, host, label, o.taken_at, &suspect, e) < 0)
		return -1;
	o.host->full_at = o.full_at;
	o.host->suspect = suspect != NULL;
	o.host->waived = o.host->code != CODE_SAFE && o.until;
	o.host->waived_until = o.host->waived ? o.until : 0;
	return history_patches(from, host, 1, take_patch, &o, e) < 0 ? -1 : 0;
}

struct all {
	struct history_metrics metrics;
	struct history *from;
	int64_t now;
};

static int look_at_one(void *ctx, const char *host, struct error *e)
{
	struct all *a = ctx;
	return look_at(&a->metrics, a->from, host, a->now, e);
}

int history_metrics_write(struct text *out, struct history *from, const char *host, int64_t now, size_t *hosts,
			  struct error *e)
{
	struct all all = {.from = from, .now = now};
	int rc = host ? look_at_one(&all, host, e) : history_hosts(from, look_at_one, &all, e);
	*hosts = all.metrics.hosts.count;
	if (rc == 0)
		history_metrics_put(out, &all.metrics);
	history_metrics_free(&all.metrics);
	return rc == 0 && out->failed ? error_nomem(e) : rc;
}
