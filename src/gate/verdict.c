// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The decision. Rules only ever speak against a backup, and what is missing speaks against it as much
 * as what is broken. Safe is what is left when no rule spoke: it is said in one place, at the end.
 */
#include "backproof/verdict.h"

#include "backproof/text.h"
#include "reason.h"

#define ALL_PROOFS ((1u << PROOF_COUNT) - 1)

/* Within one host, the weightiest first. */
static const enum code weights[] = {CODE_BUSY,	    CODE_DAMAGED, CODE_INCOMPLETE,
				    CODE_NO_BACKUP, CODE_STALE,	  CODE_CANNOT_TELL};

struct decision {
	const struct findings *f;
	struct verdict *out;
	unsigned required;
	enum code unproven; /* what an unproven proof stands for */
	bool none;	    /* there is no backup: all other proofs lack evidence for that reason */
	bool against;	    /* a rule spoke */
	struct reasons reasons;
};

static bool is_no_backup(const struct finding *it)
{
	return it->outcome == OUTCOME_BROKEN && it->proof == PROOF_PRESENCE &&
	       it->blame == BLAME_NO_BACKUP;
}

static bool has_no_backup(const struct findings *f)
{
	for (size_t i = 0; i < f->count; i++)
		if (is_no_backup(&f->items[i]))
			return true;
	return false;
}

static enum code broken_code(const struct finding *it)
{
	static const enum code by_proof[PROOF_COUNT] = {
		[PROOF_PRESENCE] = CODE_INCOMPLETE, [PROOF_FRESHNESS] = CODE_STALE,
		[PROOF_INTEGRITY] = CODE_DAMAGED,   [PROOF_STRUCTURE] = CODE_DAMAGED,
		[PROOF_IDENTITY] = CODE_INCOMPLETE, [PROOF_COVERAGE] = CODE_INCOMPLETE,
		[PROOF_RESTORE] = CODE_DAMAGED,
	};
	switch (it->blame) {
	case BLAME_NO_BACKUP:
		return CODE_NO_BACKUP;
	case BLAME_STALE:
		return CODE_STALE;
	case BLAME_DAMAGED:
		return CODE_DAMAGED;
	case BLAME_INCOMPLETE:
		return CODE_INCOMPLETE;
	case BLAME_CANNOT_TELL:
		return CODE_CANNOT_TELL;
	case BLAME_BUSY:
		return CODE_BUSY;
	case BLAME_DEFAULT:
		break;
	}
	return by_proof[it->proof];
}

/* The code that one finding argues for; SAFE when it argues for none. */
static enum code finding_code(const struct decision *d, const struct finding *it)
{
	if ((unsigned)it->proof >= PROOF_COUNT)
		return CODE_CANNOT_TELL;
	bool required = d->required & 1u << it->proof;
	switch (it->outcome) {
	case OUTCOME_HELD:
	case OUTCOME_SKIPPED:
		return CODE_SAFE;
	case OUTCOME_BROKEN:
		/* Damage is damage, whatever was asked for; so is a backup that is not there. */
		if (required || it->proof == PROOF_INTEGRITY || it->proof == PROOF_STRUCTURE ||
		    it->proof == PROOF_RESTORE || it->blame == BLAME_BUSY || is_no_backup(it))
			return broken_code(it);
		return CODE_SAFE;
	default:
		return required ? d->unproven : CODE_SAFE;
	}
}

static void weigh(struct decision *d, enum code code)
{
	if (!d->against)
		d->out->code = code; /* called in the order of weight: the first stands */
	d->against = true;
}

/* That stored bytes are not what they were explains most of what else is wrong inside: it is said first. */
static bool is_cause(const struct finding *it)
{
	return it->proof == PROOF_INTEGRITY && it->outcome == OUTCOME_BROKEN && it->expected && it->measured;
}

static void weigh_findings(struct decision *d, enum code code)
{
	for (int cause = 1; cause >= 0; cause--)
		for (size_t i = 0; i < d->f->count; i++) {
			const struct finding *it = &d->f->items[i];
			if (finding_code(d, it) != code || is_cause(it) != cause)
				continue;
			weigh(d, code);
			reason_finding(&d->reasons, it, code);
		}
}

static bool has_doubt(const struct findings *f, enum proof p)
{
	for (size_t i = 0; i < f->count; i++)
		if (f->items[i].proof == p && f->items[i].outcome != OUTCOME_HELD &&
		    f->items[i].outcome != OUTCOME_SKIPPED)
			return true;
	return false;
}

/* Required proofs that are not held, whether or not a finding says why. */
static void weigh_absent(struct decision *d)
{
	struct text t autotext = {0};
	for (unsigned p = 0; p < PROOF_COUNT; p++) {
		if (!(d->required & 1u << p) || d->out->proofs[p] == OUTCOME_HELD)
			continue;
		if (d->out->proofs[p] == OUTCOME_UNPROVEN)
			weigh(d, d->unproven);
		if (!has_doubt(d->f, p))
			text_printf(&t, "%s%s", t.length ? ", " : "", proof_name(p));
	}
	if (t.length && !d->none && !d->f->lost) {
		autofree char *line = text_format("%s: unproven: nothing speaks for %s",
						  code_name(d->unproven), text_str(&t));
		reason_line(&d->reasons, line ? line : "cannot-tell: unproven");
	}
}

/* What no policy can waive. */
static void weigh_run(struct decision *d, const struct measures *m)
{
	const struct {
		bool against;
		const char *line;
	} rules[] = {
		{d->f->lost, "cannot-tell: internal: memory ran out, or a finding came late: findings were lost"},
		{!d->f->sealed, "cannot-tell: internal: the findings were not sealed"},
		{!d->required, "cannot-tell: the policy requires no proof at all"},
		{!m->bytes_read, d->none ? NULL : "cannot-tell: nothing was read"},
		{m->files_restored == 0 && d->required & 1u << PROOF_RESTORE,
		 d->none ? NULL : "cannot-tell: no file was restored"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
		if (!rules[i].against)
			continue;
		weigh(d, CODE_CANNOT_TELL);
		if (rules[i].line)
			reason_line(&d->reasons, rules[i].line);
	}
}

static size_t alike(const struct findings *f, const struct finding *it)
{
	size_t n = 0;
	for (size_t i = 0; i < f->count; i++)
		n += f->items[i].proof == it->proof && f->items[i].outcome == it->outcome &&
		     !strcmp(f->items[i].check, it->check);
	return n;
}

/*
 * How many findings that were counted but not kept argue against the backup. All that is known of
 * them is their proof, and that their kind is the one kept most often.
 */
static size_t dropped_against(const struct decision *d)
{
	size_t sum = 0;
	for (unsigned p = 0; p < PROOF_COUNT; p++) {
		size_t against = 0, other = 0;
		for (size_t i = 0; d->f->dropped[p] && i < d->f->count; i++) {
			const struct finding *it = &d->f->items[i];
			size_t n = it->proof == p ? alike(d->f, it) : 0;
			size_t *most = finding_code(d, it) == CODE_SAFE ? &other : &against;
			if (n > *most)
				*most = n;
		}
		if (against > other)
			sum += d->f->dropped[p];
	}
	return sum;
}

void verdict_decide(const struct findings *f, const struct policy *p, const struct measures *m,
		    struct verdict *out)
{
	memset(out, 0, sizeof *out);
	out->code = CODE_CANNOT_TELL;
	struct decision d = {
		.f = f,
		.out = out,
		.required = p->require & ALL_PROOFS,
		.none = has_no_backup(f),
		.reasons = {.lines = &out->reasons},
	};
	/* A host without a backup is not one with an incomplete backup; nor is a run that lost findings. */
	d.unproven = p->unproven_is_incomplete && !d.none && !f->lost ? CODE_INCOMPLETE : CODE_CANNOT_TELL;
	for (unsigned i = 0; i < PROOF_COUNT; i++)
		out->proofs[i] = findings_proof(f, i);
	for (size_t i = 0; i < ARRAY_SIZE(weights); i++) {
		weigh_findings(&d, weights[i]);
		if (weights[i] == d.unproven)
			weigh_absent(&d);
	}
	weigh_run(&d, m);
	if (!d.against)
		out->code = CODE_SAFE;
	reason_more(&d.reasons, dropped_against(&d));
}
