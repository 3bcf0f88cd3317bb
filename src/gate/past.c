// SPDX-License-Identifier: GPL-3.0-or-later
/* Asks the history: before a restore point is opened how deep to go, and afterwards what is odd about it. */
#include "past.h"

#include <limits.h>

#include "backproof/text.h"
#include "remember.h"

static void ended(struct past *x, const char *subject, const struct error *e, struct findings *f)
{
	x->failed = true;
	x->history = NULL;
	finding_add(f, PROOF_INTEGRITY, "history.open", subject, OUTCOME_SKIPPED, NULL,
		    "the history can't be used, and nothing is held against it: %s", e->text);
}

/* A file of the restore point as it lies there now. false: it can't be looked at, or is no file. */
static bool look_at(const struct point_file *file, char path[PATH_MAX], struct history_file *out)
{
	struct stat st;
	memset(out, 0, sizeof *out);
	if (!realpath(file->path, path) || stat(path, &st) < 0 || !S_ISREG(st.st_mode))
		return false;
	out->path = path;
	remember_identity(out, &st);
	return true;
}

/* The run in which a file was proved: did its policy ask for as much as this one does, and what was found since? */
struct proving_run {
	const struct history_file *file; /* as it is now */
	int64_t proved_at, since;	 /* what was before that is of no file like this */
	const struct policy *policy;
	bool good;    /* nothing was found since */
	bool damaged; /* it was found since */
};

static bool is_in(const struct history_record *r, const struct history_file *file)
{
	vec_each(&r->files, it)
		if (it->path && !strcmp(it->path, file->path) && it->size == file->size && it->device == file->device &&
		    it->inode == file->inode && it->mtime_ns == file->mtime_ns && it->ctime_ns == file->ctime_ns)
			return true;
	return false;
}

/* Of these three, a sample may leave some open, but break none; a full check leaves none open. */
static bool found_fault(const struct history_record *r)
{
	static const enum proof proofs[] = {PROOF_INTEGRITY, PROOF_STRUCTURE, PROOF_RESTORE};
	for (size_t i = 0; i < ARRAY_SIZE(proofs); i++)
		if (r->proofs[proofs[i]] == OUTCOME_BROKEN ||
		    (r->depth == DEPTH_FULL && r->proofs[proofs[i]] != OUTCOME_HELD))
			return true;
	return false;
}

static int look_at_run(void *ctx, const struct history_record *r, struct error *e)
{
	struct proving_run *x = ctx;
	(void)e;
	if (r->checked_at < x->since)
		return 1;
	if (!is_in(r, x->file))
		return 0;
	/* What rots on a disk changes no time: a sample may miss tomorrow what today's saw. */
	x->damaged = found_fault(r);
	x->good = !x->damaged && r->checked_at == x->proved_at && r->code == CODE_SAFE && r->depth == DEPTH_FULL &&
		  r->evidence >= (int)x->policy->integrity_evidence;
	return x->damaged || x->good;
}

/* Walks the runs, the newest first. since: seconds before which it was another file. */
static int look_at_runs(struct past *x, const struct check_parameters *p, struct proving_run *run, struct error *e)
{
	int64_t changed = run->file->ctime_ns / INT64_C(1000000000) - p->policy->clock_skew;
	run->since = run->proved_at < changed ? run->proved_at : changed;
	return history_each(x->history, p->host, 0, look_at_run, run, e);
}

/* Every chunk is known and they give the digest, so that any of them can be proved alone. */
static bool can_be_sampled(const struct history_file *it)
{
	uint8_t digest[MERKLE_HASH];
	struct error e;
	if (!it->has_fsverity)
		return false;
	if (!chunks_of_size(it->size))
		return true;
	return it->chunks && chunks_digest(it->chunks, it->size, digest, &e) == 0 &&
	       !memcmp(digest, it->fsverity, sizeof digest);
}

/* A check that could not ask the history may have proved what was altered: that has to be read again, and told. */
static int was_altered(struct past *x, const struct check_parameters *p, const struct history_file *now,
		       const struct history_file *proof, struct error *e)
{
	struct history_file first = {0};
	int64_t at;
	int rc = history_first_seen(x->history, p->host, now, &first, &at, e);
	if (rc > 0)
		rc = past_differs(&first, proof);
	history_file_free(&first);
	return rc;
}

/* One file. 1: proved, and *checked_at says when; 0: not, and *why says why not (a literal); -1. */
static int find_proof(struct past *x, const struct restore_point *point, size_t index,
		      const struct check_parameters *p, int64_t *checked_at, const char **why, struct error *e)
{
	char path[PATH_MAX];
	struct history_file now;
	struct history_file *proof = vec_push(&x->proofs);
	if (!proof)
		return error_nomem(e);
	memset(proof, 0, sizeof *proof);
	*why = "no safe full check of it as it is now is remembered";
	if (!look_at(&point->items[index], path, &now))
		return 0;
	int rc = history_full_proof(x->history, p->host, &now, proof, checked_at, e);
	if (rc < 0)
		return -1;
	struct proving_run run = {.file = &now, .proved_at = rc ? *checked_at : INT64_MAX, .policy = p->policy};
	if (look_at_runs(x, p, &run, e) < 0)
		return -1;
	x->damaged |= run.damaged;
	*why = run.damaged ? "the last check of it found a fault, and nothing was written since"
	       : rc	   ? "the last safe full check of it was made for less than policy asks for now"
			   : *why;
	if (!run.good)
		return 0;
	*why = "the last safe full check of it found other bytes than were seen first";
	if ((rc = was_altered(x, p, &now, proof, e)) != 0)
		return rc < 0 ? -1 : 0;
	*why = "of the last safe full check of it, not all hashes are kept";
	past_add_sealed_chunks(x, point, p, proof);
	if (!can_be_sampled(proof) || proof->size != now.size)
		return 0;
	struct known_file *k = vec_push(&x->known);
	if (!k)
		return error_nomem(e);
	*k = (struct known_file){.index = index,
				 .proved_at = *checked_at,
				 .size = now.size,
				 .device = now.device,
				 .inode = now.inode,
				 .mtime_ns = now.mtime_ns,
				 .ctime_ns = now.ctime_ns,
				 .has_sha256 = proof->has_sha256,
				 .chunks = proof->chunks};
	memcpy(k->fsverity, proof->fsverity, sizeof k->fsverity);
	memcpy(k->sha256, proof->sha256, sizeof k->sha256);
	return 1;
}

/* All files of the point. 1: all are proved, the longest ago at *oldest. */
static int find_proofs(struct past *x, const struct restore_point *point, const struct check_parameters *p,
		       int64_t *oldest, const char **why, struct error *e)
{
	int all = 1;
	*oldest = INT64_MAX;
	for (size_t i = 0; i < point->count; i++) {
		int64_t at = 0;
		const char *not;
		int rc = find_proof(x, point, i, p, &at, &not, e);
		if (rc < 0)
			return -1;
		if (rc == 0 && all) {
			all = 0;
			*why = not;
		}
		*oldest = rc && at < *oldest ? at : *oldest;
	}
	return point->count ? all : 0;
}

static void choose(struct past *x, const struct restore_point *point, struct check_parameters *p, struct findings *f)
{
	const struct policy *policy = p->policy;
	char when[32], age[32], limit[32];
	const char *why = "";
	int64_t oldest;
	struct error e = {0};
	int all = find_proofs(x, point, p, &oldest, &why, &e);
	if (all < 0) {
		ended(x, point->label, &e, f);
		x->known.count = 0;
		return;
	}
	int64_t since = all ? p->now - oldest : 0;
	format_rfc3339(all ? oldest : 0, when);
	format_duration(since > 0 ? since : 0, age);
	format_duration(policy->full_every, limit);
	bool young = all && since >= -policy->clock_skew && since < policy->full_every;
	if (policy->depth == DEPTH_AUTO && young)
		p->depth = DEPTH_SAMPLE;
	if (policy->depth == DEPTH_AUTO && !young)
		x->known.count = 0;
	if (policy->depth == DEPTH_AUTO && all && !young)
		finding_add(f, PROOF_INTEGRITY, "history.depth", point->label, OUTCOME_SKIPPED, NULL,
			    "full check: the last safe one of the same %s was at %s, and policy asks for one every %s "
			    "(full_every)",
			    point->count > 1 ? "files" : "file", when, limit);
	else if (policy->depth == DEPTH_AUTO && !all)
		finding_add(f, PROOF_INTEGRITY, "history.depth", point->label, OUTCOME_SKIPPED, NULL, "full check: %s",
			    why);
	else if (all)
		finding_add(f, PROOF_INTEGRITY, "history.depth", point->label, OUTCOME_SKIPPED, NULL,
			    "sample: a full check of the same %s held at %s, %s ago, and nothing was written since",
			    point->count > 1 ? "files" : "file", when, age);
	if (policy->depth == DEPTH_SAMPLE && x->damaged)
		finding_add(f, PROOF_INTEGRITY, "history.fault", point->label, OUTCOME_UNPROVEN, NULL,
			    "the last check of the same %s found a fault, and nothing was written since: a sample may "
			    "miss it (--depth full)",
			    point->count > 1 ? "files" : "file");
}

void past_begin(struct past *x, struct history *history, const struct error *why, const struct restore_point *point,
		struct check_parameters *p, struct findings *f)
{
	memset(x, 0, sizeof *x);
	x->history = history;
	p->known = NULL;
	p->known_count = 0;
	p->depth = p->policy->depth == DEPTH_SAMPLE ? DEPTH_SAMPLE : DEPTH_FULL;
	if (!history && why && why->cls != ERROR_NONE)
		ended(x, point->label, why, f);
	if (p->whole)
		finding_add(f, PROOF_INTEGRITY, "history.depth", point->label, OUTCOME_SKIPPED, NULL,
			    "full check: a digest beside it was written after the last one");
	else if (x->history && p->policy->depth != DEPTH_FULL)
		choose(x, point, p, f);
	p->known = x->known.items;
	p->known_count = x->known.count;
}

/* What is looked for among earlier runs, newest first. */
struct search {
	const struct history_record *now;
	const struct check_parameters *p;
	struct findings *f;
	bool copy;		 /* the same bytes were seen, and so far nowhere that speaks against it */
	bool identity, figures;	  /* done */
};

static int hold_against(void *ctx, const struct history_record *then, struct error *e)
{
	struct search *x = ctx;
	const struct history_record *now = x->now;
	(void)e;
	bool same = past_is_same(now, then);
	/* What was safe once is a measure for itself, too: a person may have let it pass. */
	if (same && then->code == CODE_SAFE)
		x->identity = x->figures = true;
	if (same)
		return x->identity && x->figures && !x->copy;
	if (x->copy && past_copy(now, then, x->p, x->f))
		x->copy = false;
	/* A later one says nothing of what should be in an earlier one. */
	bool later = now->taken_at && then->taken_at > now->taken_at;
	if (then->code == CODE_SAFE) {
		if (!x->identity) {
			x->identity = true;
			past_identity(now, then, x->p, x->f);
			/* Another machine: there is nothing to compare. */
			x->figures |= past_is_other_machine(now, then);
		}
		if (!x->figures && !later && past_is_alike(now, then)) {
			x->figures = true;
			past_figures(now, then, x->p->policy, x->f);
		}
	}
	return x->identity && x->figures && !x->copy;
}

/* The files, and of what was only sampled the digest that its chunks were held against. */
static int as_known(const struct history_record *now, struct history_files *out, struct error *e)
{
	vec_each(&now->files, it)
	{
		struct history_file *to = vec_push(out);
		if (!to)
			return error_nomem(e);
		*to = *it;
		/* In full, what is known may be of a seal that nobody vouches for. */
		if (it->has_known && !it->read_whole && now->depth == DEPTH_SAMPLE) {
			to->has_fsverity = true;
			memcpy(to->fsverity, it->known, sizeof to->fsverity);
		}
	}
	return 0;
}

static int ask(struct past *x, const struct history_record *now, const struct check_parameters *p, struct findings *f,
	       struct error *e)
{
	struct search s = {.now = now, .p = p, .f = f};
	vec_each(&now->files, it)
	{
		struct history_file first = {0};
		autofree char *label = NULL;
		int64_t at;
		if (!it->has_sha256 && !it->has_fsverity)
			continue;
		int rc = history_first_seen(x->history, p->host, it, &first, &at, e);
		if (rc > 0)
			past_first_digest(it, &first, at, f);
		history_file_free(&first);
		if (rc < 0)
			return -1;
		/* Small ones are alike from night to night, and from host to host: they tell nothing. */
		if (s.copy || it->size < past_large(now))
			continue;
		rc = history_same_content(x->history, p->host, it, &label, &at, e);
		if (rc < 0)
			return -1;
		s.copy |= rc > 0;
	}
	return history_each(x->history, p->host, 0, hold_against, &s, e) < 0 ? -1 : 0;
}

void past_judge(struct past *x, const struct history_record *now, const struct check_parameters *p,
		struct findings *f)
{
	struct error e = {0};
	struct history_record held = *now;
	memset(&held.files, 0, sizeof held.files);
	if (x->history && (as_known(now, &held.files, &e) < 0 || ask(x, &held, p, f, &e) < 0))
		ended(x, now->label ? now->label : now->host, &e, f);
	vec_free(&held.files);
}

void past_end(struct past *x, struct check_parameters *p)
{
	p->known = NULL;
	p->known_count = 0;
	vec_each(&x->proofs, it) history_file_free(it);
	vec_free(&x->proofs);
	vec_free(&x->known);
	vec_each(&x->sealed, it) chunks_destroy(it->chunks);
	vec_free(&x->sealed);
	memset(x, 0, sizeof *x);
}
