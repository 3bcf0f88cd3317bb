// SPDX-License-Identifier: GPL-3.0-or-later
#include "backproof/gate.h"

#include <errno.h>
#include <time.h>

#include "backproof/subject.h"
#include "backproof/text.h"
#include "applied.h"
#include "back_up.h"
#include "peeker.h"
#include "policy_digest.h"
#include "polite.h"
#include "remember.h"
#include "run.h"
#include "waived.h"

/* With fallback, at most this many restore points are tried. */
#define FALLBACK_DEPTH 8

struct gate_indexes {
	size_t count;
	struct catalog_index **items; /* NULL where opening failed */
	struct error *errors;
	struct paces *paces;
	struct histories *histories;
};

struct gate_indexes *gate_indexes_open(const struct config *c, struct error *e)
{
	struct gate_indexes *x = calloc(1, sizeof *x);
	if (!x) {
		error_nomem(e);
		return NULL;
	}
	x->items = calloc(c->repository_count + 1, sizeof *x->items);
	x->errors = calloc(c->repository_count + 1, sizeof *x->errors);
	x->paces = paces_new(c, e);
	x->histories = histories_new(true, e);
	if (!x->items || !x->errors || !x->paces || !x->histories) {
		gate_indexes_destroy(x);
		error_nomem(e);
		return NULL;
	}
	x->count = c->repository_count;
	for (size_t i = 0; i < x->count; i++)
		x->items[i] = catalog_index_open(&c->repositories[i], NULL, &x->errors[i]);
	return x;
}

void gate_indexes_destroy(struct gate_indexes *x)
{
	if (!x)
		return;
	for (size_t i = 0; i < x->count && x->items; i++)
		catalog_index_destroy(x->items[i]);
	free(x->items);
	free(x->errors);
	paces_destroy(x->paces);
	histories_destroy(x->histories);
	free(x);
	peeker_end();
}

void gate_history_flush(struct gate_indexes *x, struct strings *notes)
{
	histories_flush(x->histories, notes);
}

static int newest_first(const void *a, const void *b)
{
	const struct restore_point *x = a, *y = b;
	return x->order < y->order ? 1 : x->order > y->order ? -1 : strcmp(y->label, x->label);
}

static void move_all(struct catalog *to, struct catalog *from, bool *failed)
{
	for (size_t i = 0; i < from->count; i++) {
		struct restore_point *p = vec_push(to);
		if (!p) {
			*failed = true;
			break;
		}
		*p = from->items[i];
		memset(&from->items[i], 0, sizeof from->items[i]);
	}
	for (size_t i = 0; i < from->partial.count; i++)
		*failed |= strings_add(&to->partial, from->partial.items[i]) < 0;
	catalog_free(from);
}

static int find_in(const struct gate_request *r, size_t index, size_t newest, struct catalog *out, struct error *e)
{
	if (r->indexes && !r->indexes->items[index]) {
		*e = r->indexes->errors[index];
		return -1;
	}
	int rc = r->indexes ? catalog_index_newest(r->indexes->items[index], r->host, newest, out, e) : 1;
	if (rc <= 0)
		return rc;
	/* Also where an audit takes hours, and backups come and go meanwhile. */
	autodestroy(catalog_index_destroy_auto) struct catalog_index *x =
		catalog_index_open(&r->config->repositories[index], r->host, e);
	return x ? catalog_index_newest(x, r->host, newest, out, e) : -1;
}

/* All restore points that the host may have, newest first. */
static int find_points(const struct gate_request *r, const struct host_config *h, bool fallback, struct catalog *out,
		       struct error *e)
{
	size_t newest = fallback ? FALLBACK_DEPTH : 1;
	bool failed = false;
	if (r->from && r->from->count)
		return catalog_from_paths(r->from, r->host, out, e);
	for (size_t i = 0; i < r->config->repository_count; i++) {
		struct catalog found = {0};
		if (h && h->repositories.count && !strings_has(&h->repositories, r->config->repositories[i].name))
			continue;
		if (find_in(r, i, newest, &found, e) < 0)
			return -1;
		move_all(out, &found, &failed);
	}
	if (out->count)
		qsort(out->items, out->count, sizeof *out->items, newest_first);
	return failed ? error_nomem(e) : 0;
}

static int init_result(const struct gate_request *r, const struct check_parameters *p, const char *policy,
		       struct host_result *out)
{
	memset(out, 0, sizeof *out);
	out->host = strdup(r->host);
	out->policy = strdup(policy);
	out->depth = p->depth;
	out->seed = p->seed;
	out->checked_at = p->now;
	if (!out->host || !out->policy || findings_init(&out->findings) < 0)
		return -1;
	if (!p->policy)
		return 0;
	out->max_age = p->policy->max_age;
	out->valid_for = p->policy->valid_for;
	if (p->policy->pass_key && !(out->pass_key = strdup(p->policy->pass_key)))
		return -1;
	return policy_digest(p->policy, out->policy_digest, NULL);
}

static void decide(struct host_result *out, const struct policy *policy)
{
	findings_seal(&out->findings);
	verdict_decide(&out->findings, policy, &out->measures, &out->verdict);
}

static void stop_with(struct host_result *out, enum code code, const char *text)
{
	autofree char *reason = text_format("%s: %s", code_name(code), text);
	findings_seal(&out->findings);
	out->verdict.code = code;
	(void)!strings_add(&out->verdict.reasons, reason ? reason : text);
}

static void no_point(const struct gate_request *r, const struct catalog *c, struct host_result *out)
{
	struct finding_text more = {.blame = BLAME_NO_BACKUP};
	bool given = r->from && r->from->count;
	const char *where = given ? r->from->items[0] : "the configured repositories";
	if (c->partial.count) {
		finding_add(&out->findings, PROOF_PRESENCE, "presence.point", r->host, OUTCOME_BROKEN, &more,
			    "there is no finished restore point of %s in %s, only an unfinished one: %s", r->host,
			    where, c->partial.items[0]);
		return;
	}
	/* A name may be spelt wrong; hosts need not be configured. */
	bool known = given || !r->config->host_count || config_host(r->config, r->host);
	const char *near = known ? NULL : config_near_host(r->config, r->host);
	finding_add(&out->findings, PROOF_PRESENCE, "presence.point", r->host, OUTCOME_BROKEN, &more,
		    "there is no restore point of %s in %s%s%s%s%s", r->host, where,
		    known ? "" : "; no such host is configured", near ? "; is " : "", near ? near : "",
		    near ? " meant?" : "");
}

/* What a sample leans on is older than a digest that lies beside it, and that nobody has compared. */
static bool has_later_digest(const struct host_result *out)
{
	vec_each(&out->findings, it)
		if (!strcmp(it->check, "sidecar.later"))
			return true;
	return false;
}

/* What is wrong with a list of restore points, or with all that is known of one. */
static void add_catalog_error(struct host_result *out, const char *subject, const struct error *e)
{
	struct finding_text missing = {.blame = BLAME_INCOMPLETE, .error = e->cls};
	if (e->cls == ERROR_CORRUPT && e->sys == ENOENT)
		finding_add(&out->findings, PROOF_PRESENCE, "presence.parts", out->host, OUTCOME_BROKEN, &missing, "%s",
			    e->text);
	else
		finding_error(&out->findings, PROOF_PRESENCE, "presence.catalog", subject, e);
}

/* Only the newest is told of unfinished ones. before: what is wrong with the list from here on, or NULL. */
static void judge_point(struct check_parameters *p, const struct catalog *c, size_t i, const struct error *before,
			struct host_result *out)
{
	for (size_t k = 0; i == 0 && k < c->partial.count; k++)
		finding_add(&out->findings, PROOF_PRESENCE, "presence.partial", c->partial.items[k],
			    OUTCOME_SKIPPED, NULL, "unfinished: not counted as a restore point");
	if (before)
		add_catalog_error(out, c->items[i].label, before);
	else
		run_point(&c->items[i], p, out);
	decide(out, p->policy);
}

/* Auto took a sample, and has to read everything after all. */
static void judge_whole(const struct gate_request *r, struct check_parameters *p, const struct catalog *c, size_t i,
			struct host_result *out)
{
	struct host_result whole;
	if (init_result(r, p, p->policy->name, &whole) < 0) {
		host_result_free(&whole);
		return; /* the sample's verdict stands: it is not safe */
	}
	whole.older = out->older;
	out->older = NULL;
	host_result_free(out);
	*out = whole;
	p->whole = true;
	judge_point(p, c, i, NULL, out);
	p->whole = false;
}

/* Judges the newest restore point; with fallback, older ones until one is safe. */
static void judge_points(const struct gate_request *r, struct check_parameters *p, struct catalog *c,
			 struct host_result *out)
{
	struct error e = {0};
	int settled = catalog_settle(c, 0, &e);
	if (!c->count) {
		no_point(r, c, out);
		decide(out, p->policy);
	}
	for (size_t i = 0; i < c->count && i < FALLBACK_DEPTH; i++) {
		p->previous = &c->items[i + 1];
		p->previous_count = c->count - i - 1;
		judge_point(p, c, i, settled < 0 ? &e : NULL, out);
		if (p->policy->depth == DEPTH_AUTO && out->depth == DEPTH_SAMPLE && has_later_digest(out) &&
		    !stop_signal)
			judge_whole(r, p, c, i, out);
		if (out->verdict.code == CODE_SAFE || !p->policy->fallback || i + 1 == FALLBACK_DEPTH || stop_signal)
			return;
		settled = catalog_settle(c, i + 1, &e);
		if (i + 1 >= c->count)
			return;
		struct host_result next, *older = malloc(sizeof *older);
		if (!older || init_result(r, p, p->policy->name, &next) < 0) {
			free(older);
			return; /* the newest one's verdict stands: it is not safe */
		}
		*older = *out;
		*out = next;
		out->older = older;
	}
}

static void check_host(const struct gate_request *r, const struct host_config *h, struct check_parameters *p,
		       struct host_result *out)
{
	struct catalog points = {0};
	struct error e = {0};
	r->budget->stage = "catalogue";
	if (find_points(r, h, p->policy->fallback, &points, &e) < 0) {
		add_catalog_error(out, r->host, &e);
		decide(out, p->policy);
	} else {
		char self[256] = "";
		struct live_mounts live = {0};
		gethostname(self, sizeof self - 1);
		if (same_host(self, r->host)) {
			live_mounts_read("/proc/self/mountinfo", &live);
			p->live = &live;
		}
		judge_points(r, p, &points, out);
		p->live = NULL;
		live_mounts_free(&live);
	}
	catalog_free(&points);
	/* Who asks for many hosts has need of it again. */
	if (!r->indexes)
		peeker_end();
}

void gate_check(const struct gate_request *r, struct host_result *out)
{
	const struct gate_overrides *o = r->overrides;
	const struct host_config *h = config_host(r->config, r->host);
	struct policy policy = {0};
	struct error e = {0};
	int64_t started = monotonic_ns();
	struct check_parameters p = {
		.host = r->host,
		.hostname = o->hostname ? o->hostname : h ? h->hostname : NULL,
		.machine_id = o->machine_id ? o->machine_id : h ? h->machine_id : NULL,
		.disks = h ? &h->disks : NULL,
		.now = o->now ? o->now : (int64_t)time(NULL),
		.seed = o->seed_given ? o->seed : rng_fresh_seed(),
		.budget = r->budget,
	};
	p.hostname_given = p.hostname != NULL;
	autodestroy(paces_destroy_auto) struct paces *own = NULL;
	const struct paces *paces = r->indexes ? r->indexes->paces : (own = paces_new(r->config, &e));
	autodestroy(histories_destroy_auto) struct histories *own_histories = NULL;
	struct histories *histories = r->indexes ? r->indexes->histories : (own_histories = histories_new(false, &e));
	int rc = paces && histories ? policy_applied(r, &policy, &e) : -1;
	/* No signature could be good enough. */
	bool judged = false, keyless = rc == 0 && policy.require_signature && !policy.trusted_keys.count;
	r->budget->pace = rc < 0 ? NULL : paces_find(paces, policy.name);
	p.policy = rc < 0 ? NULL : &policy;
	/* Until there is a restore point, with an earlier full check to lean on: auto is full. */
	p.depth = rc == 0 && policy.depth == DEPTH_SAMPLE ? DEPTH_SAMPLE : DEPTH_FULL;
	if (init_result(r, &p, rc < 0 ? (o->policy ? o->policy : "") : policy.name, out) < 0)
		stop_with(out, CODE_INTERNAL, "out of memory");
	else if (rc < 0)
		stop_with(out, e.cls == ERROR_UNSUPPORTED ? CODE_CONFIG : CODE_INTERNAL, e.text);
	else if (keyless)
		stop_with(out, CODE_CONFIG, "policy asks for signed seals (require_signature), and trusts no key "
					    "(trusted_keys, --trust)");
	else if (r->unreached)
		stop_with(out, CODE_CANNOT_TELL, r->unreached);
	else
		judged = true;
	if (judged)
		remember_open(histories, &p);
	if (judged && o->suspect && !p.keep_chunks) {
		stop_with(out, CODE_CONFIG, p.history_error ? p.history_error->text
							    : "--suspect is for the history, and none can be written");
		judged = false;
	}
	if (judged) {
		check_host(r, h, &p, out);
		waive(&p, (monotonic_ns() - started) / 1000000000, out);
		suspect(&p, back_up_program(r, &policy, out->verdict.code) ? NULL : o->suspect, out);
	}
	out->measures.duration_seconds = (double)(monotonic_ns() - started) / 1e9;
	if (judged)
		remember(histories, &p, out);
	r->budget->pace = NULL;
	policy_free(&policy);
}

void gate_unreported(const struct gate_request *r, const struct host_result *of, struct strings *notes)
{
	struct policy policy = {0};
	struct error e = {0};
	struct host_result lost;
	struct check_parameters p = {.host = r->host, .now = of->checked_at, .depth = of->depth, .seed = of->seed};
	autodestroy(histories_destroy_auto) struct histories *own = NULL;
	struct histories *histories = r->indexes ? r->indexes->histories : (own = histories_new(false, &e));
	if (histories && policy_applied(r, &policy, &e) == 0) {
		p.policy = &policy;
		if (init_result(r, &p, policy.name, &lost) == 0 &&
		    string_copy(&lost.point_label, of->point_label) == 0) {
			lost.taken_at = of->taken_at;
			stop_with(&lost, CODE_INTERNAL, "the report could not be written");
			remember_open(histories, &p);
			remember(histories, &p, &lost);
			(void)!strings_add_all(notes, &lost.notes);
		}
		host_result_free(&lost);
	}
	policy_free(&policy);
}
