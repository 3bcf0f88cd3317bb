// SPDX-License-Identifier: GPL-3.0-or-later
#include "look.h"

#include <time.h>

#include "budgets.h"
#include "peeker.h"

int look_code(const struct findings *f)
{
	int code = f->lost ? CODE_INTERNAL : 0;
	for (size_t i = 0; i < f->count; i++) {
		if (f->items[i].outcome == OUTCOME_BROKEN)
			return f->items[i].error == ERROR_BUSY	    ? CODE_BUSY
			       : f->items[i].error == ERROR_MISSING ? CODE_INCOMPLETE
								    : CODE_DAMAGED;
		if (f->items[i].outcome != OUTCOME_HELD && f->items[i].outcome != OUTCOME_SKIPPED)
			code = CODE_CANNOT_TELL;
	}
	return code;
}

int look_adopt(struct look *l, const struct check_parameters *p, const struct restore_point *point, struct error *e)
{
	const struct check_parameters before = l->p;
	l->p = *p;
	l->p.archive_visit = before.archive_visit;
	l->p.archive_ctx = before.archive_ctx;
	l->budget = p->budget;
	l->point = point;
	budgets_begin(p->policy, p->budget);
	return findings_init(&l->f) < 0 ? error_nomem(e) : 0;
}

int look_prepare(struct look *l, const struct strings *paths, const struct gate_overrides *o, struct budget *budget,
		 struct error *e)
{
	budget_init(&l->own);
	l->budget = budget ? budget : &l->own;
	if (policy_defaults(&l->policy, "inspect") < 0 || findings_init(&l->f) < 0)
		return error_nomem(e);
	l->policy.sample_files = 0;
	strings_free(&l->policy.critical);
	int rc = catalog_from_paths(paths, "", &l->catalog, e);
	rc = rc ? rc : catalog_settle(&l->catalog, 0, e);
	peeker_end();
	if (rc < 0)
		return -1;
	if (!l->catalog.count)
		return error_set(e, ERROR_IO, ERROR_NO_OFFSET, "%s: no restore point was found there", paths->items[0]);
	l->scratch = scratch_open(o->scratch ? o->scratch : l->policy.scratch,
				  o->scratch_limit >= 0 ? (uint64_t)o->scratch_limit : l->policy.scratch_limit, e);
	if (!l->scratch)
		return -1;
	l->p.policy = &l->policy;
	l->p.host = "";
	l->p.now = (int64_t)time(NULL);
	l->p.depth = DEPTH_SAMPLE;
	l->p.looking = true;
	l->p.scratch = l->scratch;
	l->p.budget = l->budget;
	budgets_begin(&l->policy, l->budget);
	l->point = &l->catalog.items[0];
	if (o->no_confine)
		l->policy.confine = CONFINE_NO;
	return 0;
}

int look_open(struct look *l, struct error *e)
{
	l->opened = true;
	return subject_open(&l->s, l->point, &l->p, &l->f, e);
}

void look_close(struct look *l)
{
	if (l->opened)
		subject_close(&l->s);
	scratch_destroy(l->scratch);
	catalog_free(&l->catalog);
	findings_free(&l->f);
	policy_free(&l->policy);
}
