// SPDX-License-Identifier: GPL-3.0-or-later
#include "run.h"

#include "backproof/sealed.h"
#include "backproof/text.h"
#include "budgets.h"
#include "past.h"
#include "reader.h"
#include "remember.h"

static void describe(const struct restore_point *point, struct host_result *out)
{
	out->has_point = true;
	out->point_label = strdup(point->label);
	for (size_t i = 0; i < point->count; i++) {
		out->bytes += point->items[i].size;
		if (strings_add(&out->paths, point->items[i].path) < 0)
			out->findings.lost = true;
	}
	if (!out->point_label)
		out->findings.lost = true;
}

/* Of several seals all have to be signed, and by keys that are trusted. */
static void collect_seal(const struct sealed *x, struct host_result *out)
{
	struct seal_state *to = &out->seal;
	/* Opening may have ended in the middle. */
	if (!x || (!x->rejected && !x->items.count))
		return;
	const struct sealed_one *first = x->items.count ? x->items.items : NULL;
	const char *path = x->rejected ? x->rejected : first->seal.path;
	if (!(to->path = strdup(path)))
		out->findings.lost = true;
	if (x->rejected)
		return;
	to->is_signed = to->trusted = true;
	to->sealed_at = first->seal.sealed_at;
	memcpy(to->key_id, first->seal.key_id, sizeof to->key_id);
	vec_each(&x->items, it)
	{
		to->is_signed &= it->seal.is_signed;
		to->trusted &= it->seal.is_signed && it->seal.trusted;
	}
}

static void collect(const struct subject *s, const struct check_parameters *p, struct host_result *out)
{
	double seconds = out->measures.duration_seconds;
	out->measures = s->measures;
	out->measures.duration_seconds = seconds;
	out->taken_at = s->taken_at;
	out->sample = s->chunk_sample;
	out->age = s->taken_at ? seconds_since(s->taken_at, p->now) : 0;
	for (size_t i = 0; i < s->part_count; i++)
		for (size_t k = 0; k < s->parts[i].formats.count; k++) {
			const char *name = s->parts[i].formats.items[k];
			if (!strings_has(&out->formats, name) && strings_add(&out->formats, name) < 0)
				out->findings.lost = true;
		}
	proved_collect(s, out);
	collect_seal(s->sealed, out);
}

struct row_run {
	const struct check *row;
	struct subject *s;
	const struct check_parameters *p;
};

static void run_row(void *ctx, struct findings *f)
{
	struct row_run *r = ctx;
	r->row->run(r->s, r->p, f);
}

void run_checks(struct subject *s, const struct check_parameters *p, struct findings *f)
{
	size_t count;
	const struct check *const *rows = check_rows(&count);
	subject_look(s, p);
	for (size_t i = 0; i < count; i++) {
		struct row_run this = {rows[i], s, p};
		if (rows[i]->beside && i + 1 < count) {
			struct row_run next = {rows[++i], s, p};
			findings_beside(f, run_row, &this, run_row, &next);
		} else {
			run_row(&this, f);
		}
	}
}

/* Whether something may have been cut short. What a sample of chunks made of the time it had, it says itself. */
static bool was_stopped(const struct subject *s, const struct budget *b, struct error *e)
{
	return budget_check(b, e) < 0 && (stop_signal || !s->settled_in_time);
}

void run_here(const struct restore_point *point, struct check_parameters *p, struct host_result *out,
	      struct reader_file *files)
{
	struct error e = {0};
	struct subject s;
	budgets_begin(p->policy, p->budget);
	p->budget->stage = "reading";
	int rc = subject_open(&s, point, p, &out->findings, &e);
	if (rc == 0)
		run_checks(&s, p, &out->findings);
	else
		finding_error(&out->findings, PROOF_STRUCTURE, "subject.open", point->label, &e);
	/* Stopped in the middle: whatever was held by then, not everything was looked at. */
	for (int i = 0; i < PROOF_COUNT && was_stopped(&s, p->budget, &e); i++)
		finding_error(&out->findings, (enum proof)i, "run.stopped", point->label, &e);
	collect(&s, p, out);
	remember_collect(&s, p, out);
	for (size_t i = 0; files && i < s.part_count; i++)
		files[i] = (struct reader_file){s.parts[i].read_whole, s.parts[i].hole_bytes};
	subject_close(&s);
}

void run_point(const struct restore_point *point, struct check_parameters *p, struct host_result *out)
{
	struct error e = {0};
	struct past past;
	describe(point, out);
	autodestroy(scratch_destroy_auto) struct scratch *scratch =
		scratch_open(p->policy->scratch, p->policy->scratch_limit, &e);
	if (!scratch) {
		finding_error(&out->findings, PROOF_RESTORE, "scratch.open", p->policy->scratch, &e);
		return;
	}
	p->scratch = scratch;
	past_begin(&past, p->history, p->history_error, point, p, &out->findings);
	out->depth = p->depth;
	budgets_begin(p->policy, p->budget);
	bool ended = true;
	if (reader_wanted(p->policy))
		ended = reader_run(point, p, out);
	else
		run_here(point, p, out, NULL);
	if (out->record)
		past_judge(&past, out->record, p, &out->findings);
	else if (p->history && ended)
		out->findings.lost = true; /* memory: what the history would have said is not known */
	past_end(&past, p);
	p->scratch = NULL;
}
