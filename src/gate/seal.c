// SPDX-License-Identifier: GPL-3.0-or-later
/* backproof seal: what holds up is written down, so that whatever changes later shows. */
#include <errno.h>
#include <sys/stat.h>
#include <time.h>

#include "backproof/text.h"
#include "budgets.h"
#include "peeker.h"
#include "reader.h"
#include "sealing.h"

#define NOTES_MAX 12

struct sealing {
	const struct seal_request *r;
	struct seal_result *out;
	struct policy policy;
	struct findings f;
	struct scratch *scratch;
	struct catalog catalog;
	struct check_parameters p;
	struct sealing_found found;
	struct measures measures;
	char *path; /* of the seal */
};

static void refuse(struct seal_result *out, enum code code, const char *text)
{
	out->code = code;
	(void)!strings_add(&out->reasons, text);
}

static enum code code_of(const struct error *e)
{
	switch (e->cls) {
	case ERROR_INTERNAL:
		return CODE_INTERNAL;
	case ERROR_CORRUPT:
		return CODE_DAMAGED;
	case ERROR_MISSING:
		return CODE_INCOMPLETE;
	case ERROR_BUSY:
		return CODE_BUSY;
	default:
		return CODE_CANNOT_TELL;
	}
}

static void fail(struct seal_result *out, const struct error *e)
{
	refuse(out, code_of(e), e->text);
}

/* 0: found. -1: *out says why not. */
static int find(struct sealing *x)
{
	const struct seal_request *r = x->r;
	struct error e = {0};
	int rc = catalog_from_paths(r->paths, r->host ? r->host : "", &x->catalog, &e);
	rc = rc ? rc : catalog_settle(&x->catalog, 0, &e);
	peeker_end();
	if (rc < 0) {
		bool missing = e.cls == ERROR_CORRUPT && e.sys == ENOENT;
		refuse(x->out, missing ? CODE_INCOMPLETE : e.cls == ERROR_INTERNAL ? CODE_INTERNAL : CODE_CANNOT_TELL,
		       e.text);
		return -1;
	}
	if (!x->catalog.count) {
		autofree char *text = text_format("%s: no restore point was found there", r->paths->items[0]);
		refuse(x->out, CODE_NO_BACKUP, text ? text : "no restore point was found");
		return -1;
	}
	for (size_t i = 0; i < x->catalog.items[0].count; i++) {
		x->out->bytes += x->catalog.items[0].items[i].size;
		if (strings_add(&x->out->files, x->catalog.items[0].items[i].path) < 0)
			x->f.lost = true;
	}
	if ((x->path = sealing_path(&x->catalog.items[0], r, &e)) &&
	    sealing_possible(&x->catalog.items[0], x->path, &e) == 0)
		return 0;
	fail(x->out, &e);
	return -1;
}

static int prepare(struct sealing *x, struct error *e)
{
	const struct gate_overrides *o = x->r->overrides;
	if (policy_defaults(&x->policy, "seal") < 0 || findings_init(&x->f) < 0)
		return error_nomem(e);
	x->p = (struct check_parameters){
		.policy = &x->policy,
		.host = x->r->host ? x->r->host : "",
		.hostname_given = x->r->host != NULL,
		.now = o->now ? o->now : (int64_t)time(NULL),
		.seed = rng_fresh_seed(),
		.depth = DEPTH_FULL,
		.budget = x->r->budget,
		.sealing = true,
	};
	budgets_begin(&x->policy, x->p.budget);
	if (o->no_confine)
		x->policy.confine = CONFINE_NO;
	/* That the files are there is asked for; all else speaks only by being broken. */
	x->policy.require = 1u << PROOF_PRESENCE;
	x->scratch = scratch_open(o->scratch ? o->scratch : x->policy.scratch,
				  o->scratch_limit >= 0 ? (uint64_t)o->scratch_limit : x->policy.scratch_limit, e);
	x->p.scratch = x->scratch;
	return x->scratch ? 0 : -1;
}

static void judge(struct sealing *x)
{
	struct verdict v;
	/* A host that is given has to be the one inside, where one is inside. */
	if (x->r->host && findings_proof(&x->f, PROOF_IDENTITY) == OUTCOME_BROKEN)
		x->policy.require |= 1u << PROOF_IDENTITY;
	findings_seal(&x->f);
	verdict_decide(&x->f, &x->policy, &x->measures, &v);
	x->out->code = v.code;
	for (size_t i = 0; i < v.reasons.count; i++)
		if (strings_add(&x->out->reasons, v.reasons.items[i]) < 0)
			x->out->code = CODE_INTERNAL;
	verdict_free(&v);
}

static void note(struct seal_result *out, const char *text)
{
	if (text && out->notes.count < NOTES_MAX && !strings_has(&out->notes, text))
		(void)!strings_add(&out->notes, text);
}

/* What is no hindrance, and still worth knowing. */
static void take_notes(struct sealing *x)
{
	for (size_t i = 0; i < x->f.count; i++) {
		const struct finding *it = &x->f.items[i];
		bool doubt = it->outcome == OUTCOME_UNPROVEN || it->outcome == OUTCOME_UNSUPPORTED;
		if (!(it->proof == PROOF_COVERAGE && it->outcome == OUTCOME_BROKEN) &&
		    !(doubt && (it->proof == PROOF_STRUCTURE || it->proof == PROOF_RESTORE)))
			continue;
		autofree char *text = text_format("%s: %s", it->subject, it->detail ? it->detail : it->check);
		note(x->out, text);
	}
	if (x->out->code == CODE_SAFE && x->catalog.count > 1) {
		autofree char *text = text_format("the newest of %zu restore points there", x->catalog.count);
		note(x->out, text);
	}
	if (x->out->code == CODE_SAFE && !x->r->key)
		note(x->out, "the seal is not signed: whoever can write to the backup can write another (--key FILE)");
}

static int copy(char **to, const char *text, struct error *e)
{
	return string_copy(to, text) < 0 ? error_nomem(e) : 0;
}

static int write_down(struct sealing *x, struct error *e)
{
	struct seal *seal = &x->out->seal;
	*seal = x->found.seal;
	memset(&x->found.seal, 0, sizeof x->found.seal);
	seal->sealed_at = x->p.now;
	if (copy(&seal->host, x->r->host, e) < 0 || copy(&seal->label, x->catalog.items[0].label, e) < 0 ||
	    copy(&seal->against, x->r->against, e) < 0)
		return -1;
	if (x->f.lost)
		return error_nomem(e);
	if (!x->found.complete)
		return error_set(e, ERROR_INTERNAL, ERROR_NO_OFFSET, "not all of it was read");
	if (seal_write(seal, (const struct chunks *const *)x->found.chunks, x->r->key, x->path, e) < 0)
		return -1;
	seal->path = take(x->path);
	seal->is_signed = x->r->key != NULL;
	if (x->r->key)
		snprintf(seal->key_id, sizeof seal->key_id, "%s", signer_id(x->r->key));
	return 0;
}

static void run(struct sealing *x)
{
	const struct restore_point *point = &x->catalog.items[0];
	struct error e = {0};
	int rc = 0;
	x->p.budget->stage = "reading";
	if (!reader_wanted(&x->policy))
		sealing_look(point, &x->p, x->r->against, &x->found, &x->f, &x->measures);
	else if (sealing_by_reader(point, &x->p, x->r->against, &x->found, &x->f, &x->measures, &e) < 0 &&
		 e.cls != ERROR_CORRUPT) /* the reader's words were, not the backup; that is told */
		finding_error(&x->f, PROOF_PRESENCE, "reader.ended", point->label, &e);
	if (budget_check(x->p.budget, &e) < 0)
		finding_error(&x->f, PROOF_PRESENCE, "run.stopped", point->label, &e);
	x->out->measured = x->found.measured;
	x->out->seal.compared = x->found.seal.compared;
	for (size_t i = 0; i < x->found.notes.count; i++)
		note(x->out, x->found.notes.items[i]);
	judge(x);
	take_notes(x);
	if (x->out->code == CODE_SAFE)
		rc = write_down(x, &e);
	if (rc < 0)
		fail(x->out, &e);
}

void gate_seal(const struct seal_request *r, struct seal_result *out)
{
	struct sealing x = {.r = r, .out = out};
	struct error e = {0};
	int64_t started = monotonic_ns();
	memset(out, 0, sizeof *out);
	out->code = CODE_CANNOT_TELL;
	if (prepare(&x, &e) < 0)
		fail(out, &e);
	else if (find(&x) == 0)
		run(&x);
	sealing_found_free(&x.found);
	free(x.path);
	scratch_destroy(x.scratch);
	catalog_free(&x.catalog);
	findings_free(&x.f);
	policy_free(&x.policy);
	out->seconds = (double)(monotonic_ns() - started) / 1e9;
}

void seal_result_free(struct seal_result *r)
{
	strings_free(&r->reasons);
	strings_free(&r->notes);
	strings_free(&r->files);
	seal_free(&r->seal);
	memset(r, 0, sizeof *r);
	r->code = CODE_CANNOT_TELL;
}
