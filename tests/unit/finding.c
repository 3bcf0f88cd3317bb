// SPDX-License-Identifier: GPL-3.0-or-later
/* Findings: nothing is lost without being said to be lost, and nothing is held that one finding doubts. */
#include "backproof/finding.h"
#include "test.h"

static struct findings new_findings(void)
{
	struct findings f;
	NEED(findings_init(&f) == 0);
	return f;
}

static void add(struct findings *f, enum proof p, const char *check, enum outcome o)
{
	finding_add(f, p, check, "disk.img", o, NULL, "%s", "why");
}

static void texts_are_copied(void)
{
	struct findings f = new_findings();
	char subject[] = "a.img", expected[] = "1", measured[] = "2", detail[] = "not the same";
	struct finding_text more = {.expected = expected, .measured = measured, .offset = 7, .has_offset = true,
				    .blame = BLAME_STALE, .error = ERROR_CORRUPT};
	finding_add(&f, PROOF_RESTORE, "a.check", subject, OUTCOME_BROKEN, &more, "%s", detail);
	memset(subject, 'x', 5);
	expected[0] = measured[0] = detail[0] = 'x';
	more.has_offset = false;
	finding_add(&f, PROOF_RESTORE, "b.check", NULL, OUTCOME_BROKEN, &more, "short");
	finding_add(&f, PROOF_COVERAGE, "c.check", "c", OUTCOME_HELD, NULL, "%d", 3);
	NEED(f.count == 3);
	CHECK(!f.lost);
	CHECK_STR(f.items[0].subject, "a.img");
	CHECK_STR(f.items[0].expected, "1");
	CHECK_STR(f.items[0].measured, "2");
	CHECK_STR(f.items[0].detail, "not the same");
	CHECK_INT(f.items[0].offset, 7);
	CHECK_INT(f.items[0].blame, BLAME_STALE);
	CHECK_INT(f.items[0].error, ERROR_CORRUPT);
	CHECK_STR(f.items[1].subject, "");
	CHECK_INT(f.items[1].offset, ERROR_NO_OFFSET);
	CHECK(!f.items[2].expected && !f.items[2].measured);
	CHECK_INT(f.items[2].blame, BLAME_DEFAULT);
	findings_free(&f);
	CHECK(!f.items && !f.lock);
	findings_free(&f); /* never made, or freed twice */
}

static void late_ones_are_lost_aloud(void)
{
	struct findings f = new_findings();
	add(&f, PROOF_RESTORE, "a.check", OUTCOME_HELD);
	findings_seal(&f);
	CHECK_INT(findings_proof(&f, PROOF_RESTORE), OUTCOME_HELD);
	add(&f, PROOF_COVERAGE, "a.check", OUTCOME_HELD);
	CHECK(f.lost);
	CHECK_INT(f.count, 1);
	CHECK_INT(findings_proof(&f, PROOF_RESTORE), OUTCOME_UNPROVEN);
	findings_free(&f);
}

/* Fifty of each kind are kept: of one check, proof, outcome and blame. */
static void the_rest_is_counted(void)
{
	struct findings f = new_findings();
	struct finding_text busy = {.blame = BLAME_BUSY};
	for (int i = 0; i < 60; i++) {
		add(&f, PROOF_RESTORE, "a.check", OUTCOME_BROKEN);
		add(&f, PROOF_RESTORE, "b.check", OUTCOME_BROKEN);
		add(&f, PROOF_RESTORE, "a.check", OUTCOME_HELD);
		add(&f, PROOF_INTEGRITY, "a.check", OUTCOME_BROKEN);
		finding_add(&f, PROOF_RESTORE, "a.check", "x", OUTCOME_BROKEN, &busy, "x");
	}
	CHECK_INT(f.count, 5 * 50);
	CHECK_INT(f.dropped[PROOF_RESTORE], 40);
	CHECK_INT(f.dropped[PROOF_INTEGRITY], 10);
	CHECK(!f.lost);
	findings_free(&f);
}

/* All of three findings of one proof, or none at each place: against the sentence in the header. */
static void a_proof_is_as_good_as_its_worst(void)
{
	enum { NONE = 6, OUTCOMES };
	for (int n = 0; n < OUTCOMES * OUTCOMES * OUTCOMES * 2; n++) {
		struct findings f = new_findings();
		int outcomes[] = {n % OUTCOMES, n / OUTCOMES % OUTCOMES, n / OUTCOMES / OUTCOMES % OUTCOMES};
		bool broken = false, doubt = f.lost = n >= OUTCOMES * OUTCOMES * OUTCOMES, held = false;
		for (int i = 0; i < 3; i++) {
			if (outcomes[i] == NONE)
				continue;
			add(&f, PROOF_IDENTITY, "a.check", outcomes[i]);
			broken |= outcomes[i] == OUTCOME_BROKEN;
			held |= outcomes[i] == OUTCOME_HELD;
			doubt |= outcomes[i] != OUTCOME_HELD && outcomes[i] != OUTCOME_SKIPPED;
		}
		CHECK_INT(findings_proof(&f, PROOF_IDENTITY), broken		 ? OUTCOME_BROKEN
							      : held && !doubt ? OUTCOME_HELD
									       : OUTCOME_UNPROVEN);
		CHECK_INT(findings_proof(&f, PROOF_COVERAGE), OUTCOME_UNPROVEN);
		findings_free(&f);
	}
}

static void against_a_subject(void)
{
	struct findings f = new_findings();
	for (int o = OUTCOME_UNPROVEN; o <= OUTCOME_SKIPPED; o++) {
		finding_add(&f, PROOF_STRUCTURE, "a.check", "a", o, NULL, "x");
		finding_add(&f, PROOF_STRUCTURE, "a.check", "b", o, NULL, "x");
		finding_add(&f, PROOF_RESTORE, "a.check", "a", o, NULL, "x");
	}
	CHECK_INT(findings_against(&f, PROOF_STRUCTURE, "a"), 4);
	CHECK_INT(findings_against(&f, PROOF_STRUCTURE, "c"), 0);
	CHECK_INT(findings_against(&f, PROOF_COVERAGE, "a"), 0);
	findings_free(&f);
}

/* What is far too long is kept as its beginning, and found by it; what lost its subject may be about any. */
static void long_subjects(void)
{
	struct findings f = new_findings();
	static char subject[40000], other[40000];
	memset(subject, 'a', sizeof subject - 1);
	memset(other, 'a', sizeof other - 1);
	other[10] = 'b';
	finding_add(&f, PROOF_STRUCTURE, "a.check", subject, OUTCOME_BROKEN, NULL, "x");
	finding_add(&f, PROOF_STRUCTURE, "a.check", "short", OUTCOME_BROKEN, NULL, "x");
	CHECK(strlen(f.items[0].subject) < sizeof subject - 1);
	CHECK_INT(findings_against(&f, PROOF_STRUCTURE, subject), 1);
	CHECK_INT(findings_against(&f, PROOF_STRUCTURE, other), 0);
	CHECK_INT(findings_against(&f, PROOF_STRUCTURE, "short"), 1);
	free(f.items[1].subject);
	f.items[1].subject = NULL;
	CHECK_INT(findings_against(&f, PROOF_STRUCTURE, "another"), 1);
	findings_free(&f);
}

/* What is wrong says no second time whose it is. */
static void subject_once(void)
{
	struct findings f = new_findings();
	struct error e = {.cls = ERROR_BUSY, .offset = ERROR_NO_OFFSET, .text = "a.img: grew"};
	finding_error(&f, PROOF_PRESENCE, "a.check", "a.img", &e);
	finding_error(&f, PROOF_PRESENCE, "a.check", "a", &e);
	finding_error(&f, PROOF_PRESENCE, "a.check", "", &e);
	finding_error(&f, PROOF_PRESENCE, "a.check", NULL, &e);
	CHECK_STR(f.items[3].detail, "a.img: grew");
	CHECK_STR(f.items[0].detail, "grew");
	CHECK_STR(f.items[1].detail, "a.img: grew");
	CHECK_STR(f.items[2].detail, "a.img: grew");
	findings_free(&f);
}

/* A limit that has a name is found by it. */
static void limits_by_name(void)
{
	struct findings f = new_findings();
	struct error e = {.cls = ERROR_LIMIT, .offset = ERROR_NO_OFFSET, .budget = "budget.entries", .text = "many"};
	finding_error(&f, PROOF_STRUCTURE, "fs.walk", "x", &e);
	e.budget = NULL;
	finding_error(&f, PROOF_STRUCTURE, "fs.walk", "x", &e);
	/* Memory that a reader may not have is a limit, too. */
	e = (struct error){.cls = ERROR_INTERNAL, .offset = ERROR_NO_OFFSET, .budget = "budget.memory", .text = "much"};
	finding_error(&f, PROOF_STRUCTURE, "fs.walk", "x", &e);
	CHECK_STR(f.items[0].check, "budget.entries");
	CHECK_INT(f.items[0].outcome, OUTCOME_UNPROVEN);
	CHECK_STR(f.items[1].check, "fs.walk");
	CHECK_STR(f.items[2].check, "budget.memory");
	CHECK_INT(f.items[2].error, ERROR_LIMIT);
	CHECK_INT(f.items[2].outcome, OUTCOME_UNPROVEN);
	findings_free(&f);
}

static void errors_become_findings(void)
{
	static const struct {
		enum error_class cls;
		enum outcome outcome;
		enum blame blame;
	} rows[] = {
		{ERROR_NONE, OUTCOME_UNPROVEN, BLAME_DEFAULT},
		{ERROR_IO, OUTCOME_UNREADABLE, BLAME_DEFAULT},
		{ERROR_CORRUPT, OUTCOME_BROKEN, BLAME_DEFAULT},
		{ERROR_UNSUPPORTED, OUTCOME_UNSUPPORTED, BLAME_DEFAULT},
		{ERROR_ENCRYPTED, OUTCOME_UNSUPPORTED, BLAME_DEFAULT},
		{ERROR_LIMIT, OUTCOME_UNPROVEN, BLAME_DEFAULT},
		{ERROR_AMBIGUOUS, OUTCOME_UNPROVEN, BLAME_DEFAULT},
		{ERROR_BUSY, OUTCOME_BROKEN, BLAME_BUSY},
		{ERROR_MISSING, OUTCOME_BROKEN, BLAME_INCOMPLETE},
		{ERROR_INTERNAL, OUTCOME_UNPROVEN, BLAME_DEFAULT},
		{ERROR_INTERNAL + 1, OUTCOME_UNPROVEN, BLAME_DEFAULT}, /* none that there is */
	};
	struct findings f = new_findings();
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct error e = {.cls = rows[i].cls, .offset = i & 1 ? 99 : ERROR_NO_OFFSET, .text = "what"};
		finding_error(&f, PROOF_INTEGRITY, "a.check", "x", &e);
		CHECK_INT(f.items[i].outcome, rows[i].outcome);
		CHECK_INT(f.items[i].blame, rows[i].blame);
		CHECK_INT(f.items[i].error, rows[i].cls);
		CHECK_INT(f.items[i].offset, e.offset);
		CHECK_STR(f.items[i].detail, "what");
		CHECK(f.items[i].outcome != OUTCOME_HELD);
	}
	findings_free(&f);
}

/* The three ways to take over another list's findings. */
static void lists_are_merged(void)
{
	void (*const ways[])(struct findings *, const struct findings *) = {findings_add_news, findings_append,
									    findings_take};
	static const size_t counts[] = {2, 4, 5}, dropped[] = {0, 9, 9};
	for (int i = 0; i < 3; i++) {
		struct findings to = new_findings(), from = new_findings(), none = new_findings();
		add(&to, PROOF_RESTORE, "said.check", OUTCOME_BROKEN);
		add(&to, PROOF_RESTORE, "held.check", OUTCOME_HELD);
		struct finding_text more = {.expected = "1", .measured = "2", .offset = 5, .has_offset = true,
					    .blame = BLAME_BUSY, .error = ERROR_BUSY};
		add(&from, PROOF_RESTORE, "said.check", OUTCOME_BROKEN);
		finding_add(&from, PROOF_RESTORE, "said.check", "other.img", OUTCOME_BROKEN, &more, "news");
		add(&from, PROOF_RESTORE, "held.check", OUTCOME_HELD);
		add(&from, PROOF_RESTORE, "told.check", OUTCOME_SKIPPED);
		free(from.items[3].detail);
		from.items[3].detail = NULL;
		from.dropped[PROOF_RESTORE] = 9;
		/* One that lost its subject has not been said, and has said nothing. */
		add(&from, PROOF_RESTORE, "bare.check", OUTCOME_UNREADABLE);
		free(from.items[4].subject);
		from.items[4].subject = NULL;
		ways[i](&to, &from);
		ways[i](&to, &none);
		/* News: the other image's, and the bare one. Append: what is settled as well. Take: all. */
		CHECK_INT(to.count, 2 + counts[i]);
		CHECK_INT(to.dropped[PROOF_RESTORE], dropped[i]);
		const struct finding *news = &to.items[i == 2 ? 3 : 2];
		CHECK_STR(news->subject, "other.img");
		CHECK_STR(news->expected, "1");
		CHECK_STR(news->measured, "2");
		CHECK_STR(news->detail, "news");
		CHECK_INT(news->offset, 5);
		CHECK_INT(news->blame, BLAME_BUSY);
		CHECK_INT(news->error, ERROR_BUSY);
		if (i == 0) {
			/* A bare one among those that were there already is no match either. */
			free(to.items[0].subject);
			to.items[0].subject = NULL;
			size_t before = to.count;
			findings_add_news(&to, &from);
			CHECK_INT(to.count, before + 2);
		}
		CHECK(!to.lost);
		from.lost = true;
		ways[i](&to, &from);
		CHECK(to.lost);
		findings_free(&to);
		findings_free(&from);
		findings_free(&none);
	}
}

static void side(void *ctx, struct findings *f)
{
	finding_add(f, PROOF_RESTORE, ctx, "disk.img", OUTCOME_UNPROVEN, NULL, "x");
	finding_add(f, PROOF_RESTORE, "both.check", "disk.img", OUTCOME_UNPROVEN, NULL, "x");
}

static void side_by_side(void)
{
	struct findings f = new_findings();
	findings_beside(&f, side, (void *)"first.check", side, (void *)"second.check");
	CHECK_INT(f.count, 3);
	CHECK_STR(f.items[0].check, "first.check");
	CHECK_STR(f.items[1].check, "both.check");
	CHECK_STR(f.items[2].check, "second.check");
	CHECK(!f.lost);
	findings_free(&f);
}

static void names(void)
{
	static const char *const outcomes[] = {"unproven", "held", "broken", "unreadable", "unsupported", "skipped"};
	for (int p = 0; p < PROOF_COUNT; p++)
		CHECK_INT(proof_by_name(proof_name(p)), p);
	CHECK_INT(proof_by_name("freshnes"), -1);
	for (size_t o = 0; o < ARRAY_SIZE(outcomes); o++)
		CHECK_STR(outcome_name(o), outcomes[o]);
}

int main(void)
{
	RUN(texts_are_copied);
	RUN(late_ones_are_lost_aloud);
	RUN(the_rest_is_counted);
	RUN(a_proof_is_as_good_as_its_worst);
	RUN(against_a_subject);
	RUN(long_subjects);
	RUN(subject_once);
	RUN(limits_by_name);
	RUN(errors_become_findings);
	RUN(lists_are_merged);
	RUN(side_by_side);
	RUN(names);
	return test_done();
}
