// SPDX-License-Identifier: GPL-3.0-or-later
/* Figures of a backup beside those of the last safe one. */
#include "backproof/text.h"
#include "past.h"

#define SHARE_ONE 1000000u
/* Below these nothing can be told. */
#define LEAST_PATHS 20
#define LEAST_RESTORED (4 * MIB)

static void say(struct findings *f, enum proof proof, const char *check, const struct history_record *now,
		enum outcome outcome, enum blame blame, const char *text)
{
	struct finding_text more = {.blame = blame};
	if (outcome == OUTCOME_BROKEN && blame == BLAME_DAMAGED)
		more.error = ERROR_CORRUPT;
	finding_add(f, proof, check, now->label ? now->label : now->host, outcome, &more, "%s", text);
}

/* To a tenth: these are no exact figures. */
static const char *percent(uint32_t share, char buf[16])
{
	return format_share(share - share % 1000, buf);
}

/* "at the last safe check (LABEL, 2026-11-21T20:00:00Z)" */
static char *last_time(const struct history_record *then)
{
	char when[32];
	return text_format("at the last safe check (%s, checked %s)", then->label ? then->label : "",
			   format_rfc3339(then->checked_at, when));
}

/* By how much now is less, in millionths. */
static uint32_t loss(double now, double then)
{
	return then <= 0 || now >= then ? 0 : (uint32_t)((then - now) / then * SHARE_ONE);
}

static void compare_amount(const struct history_record *now, const struct history_record *then, uint64_t have,
			   uint64_t had, const char *what, bool bytes, const char *check, const struct policy *p,
			   struct findings *f)
{
	char a[32], b[32], less[16], limit[16];
	uint32_t by = loss((double)have, (double)had);
	bool broken = by > p->max_shrink;
	autofree char *last = last_time(then);
	if (bytes) {
		format_size(have, a);
		format_size(had, b);
	} else {
		snprintf(a, sizeof a, "%llu", (unsigned long long)have);
		snprintf(b, sizeof b, "%llu", (unsigned long long)had);
	}
	autofree char *text = text_format("%s %s, %s %s%s%s%s%s%s", a, what, b, last ? last : "before",
					  by ? ": less by " : "", by ? percent(by, less) : "",
					  broken ? ", more than the " : "",
					  broken ? format_share(p->max_shrink, limit) : "",
					  broken ? " that policy allows (max_shrink)" : "");
	say(f, PROOF_COVERAGE, check, now, broken ? OUTCOME_BROKEN : OUTCOME_SKIPPED, BLAME_INCOMPLETE,
	    text ? text : what);
}

static void compare_size(const struct history_record *now, const struct history_record *then, const struct policy *p,
			 struct findings *f)
{
	if (!p->max_shrink)
		return;
	/* A walk that broke off is told elsewhere, and what it counted tells nothing. */
	bool counted = now->entries && then->entries;
	if (counted)
		compare_amount(now, then, now->entries, then->entries, "files inside", false, "history.files", p, f);
	if (counted && now->image_data && then->image_data)
		compare_amount(now, then, now->image_data, then->image_data, "in use inside", true, "history.size", p,
			       f);
	/* How well it was compressed changes with the program that does it: only where nothing better is known. */
	else if (!counted && !now->image_data && !then->image_data)
		compare_amount(now, then, now->bytes, then->bytes, "stored", true, "history.size", p, f);
}

/* Of a tree with fewer paths than that, all are in the sketch; of a larger one, those up to its last. */
static uint64_t known_up_to(const struct history_record *r)
{
	return r->sketch_count < SKETCH_SIZE ? UINT64_MAX : r->sketch[r->sketch_count - 1];
}

/* The share of a's paths up to `end` that b does not have, in millionths. *known: how many of a that is of. */
static uint32_t missing_share(const struct history_record *a, const struct history_record *b, uint64_t end,
			      size_t *known)
{
	size_t missing = 0, at = 0;
	*known = 0;
	for (size_t i = 0; i < a->sketch_count && a->sketch[i] <= end; i++) {
		while (at < b->sketch_count && b->sketch[at] < a->sketch[i])
			at++;
		missing += at == b->sketch_count || b->sketch[at] != a->sketch[i];
		++*known;
	}
	return *known ? (uint32_t)((double)missing / (double)*known * SHARE_ONE) : 0;
}

bool past_renamed(const struct history_record *now, const struct history_record *then, uint32_t *share)
{
	size_t known, unused;
	*share = 0;
	if (!now->entries || !then->entries)
		return false;
	uint64_t end = known_up_to(now), other = known_up_to(then);
	end = other < end ? other : end;
	uint32_t gone = missing_share(then, now, end, &known), come = missing_share(now, then, end, &unused);
	/* Files that are gone and leave nothing in their place were deleted; new ones alone are growth. */
	*share = gone < come ? gone : come;
	return known >= LEAST_PATHS;
}

static void compare_names(const struct history_record *now, const struct history_record *then,
			  const struct policy *p, struct findings *f)
{
	char gone[16], limit[16];
	uint32_t share;
	if (!p->max_renamed || !past_renamed(now, then, &share))
		return;
	autofree char *last = last_time(then);
	bool broken = share > p->max_renamed;
	autofree char *text =
		broken ? text_format("about %s of the files that were inside %s are gone, and others are there in "
				     "their place; policy allows %s (max_renamed): as if encrypted",
				     percent(share, gone), last ? last : "before",
				     format_share(p->max_renamed, limit))
		       : text_format("about %s of the files that were inside %s have others in their place",
				     percent(share, gone), last ? last : "before");
	say(f, PROOF_RESTORE, "history.renamed", now, broken ? OUTCOME_BROKEN : OUTCOME_SKIPPED, BLAME_DAMAGED,
	    text ? text : "files are gone or have other names");
}

static void compare_opaque(const struct history_record *now, const struct history_record *then,
			   const struct policy *p, struct findings *f)
{
	char a[16], b[16], limit[16];
	if (!p->max_opaque || !now->opaque_known || !then->opaque_known)
		return;
	bool broken = now->opaque > then->opaque && now->opaque - then->opaque > p->max_opaque;
	autofree char *last = last_time(then);
	autofree char *text =
		text_format("nothing can compress %s of what was sampled, %s %s%s%s%s", percent(now->opaque, a),
			    percent(then->opaque, b), last ? last : "before",
			    broken ? ": a rise of more than the " : "",
			    broken ? format_share(p->max_opaque, limit) : "",
			    broken ? " that policy allows (max_opaque), as if encrypted" : "");
	say(f, PROOF_RESTORE, "history.opaque", now, broken ? OUTCOME_BROKEN : OUTCOME_SKIPPED, BLAME_DAMAGED,
	    text ? text : "nothing can compress what was sampled");
}

static double rate(const struct history_record *r)
{
	return r->bytes_restored < LEAST_RESTORED || r->restore_seconds <= 0
		       ? 0
		       : (double)r->bytes_restored / r->restore_seconds;
}

static void compare_rate(const struct history_record *now, const struct history_record *then, const struct policy *p,
			 struct findings *f)
{
	char a[32], b[32], limit[16];
	double is = rate(now), was = rate(then);
	if (!p->max_slowdown || is <= 0 || was <= 0)
		return;
	bool broken = loss(is, was) > p->max_slowdown;
	autofree char *last = last_time(then);
	autofree char *text = text_format("files came out at %s/s, %s/s %s%s%s%s", format_size((uint64_t)is, a),
					  format_size((uint64_t)was, b), last ? last : "before",
					  broken ? ": slower by more than the " : "",
					  broken ? format_share(p->max_slowdown, limit) : "",
					  broken ? " that policy allows (max_slowdown)" : "");
	say(f, PROOF_RESTORE, "history.rate", now, broken ? OUTCOME_UNPROVEN : OUTCOME_SKIPPED, BLAME_DEFAULT,
	    text ? text : "files came out more slowly");
}

void past_figures(const struct history_record *now, const struct history_record *then, const struct policy *p,
		  struct findings *f)
{
	compare_size(now, then, p, f);
	compare_names(now, then, p, f);
	compare_opaque(now, then, p, f);
	compare_rate(now, then, p, f);
}
