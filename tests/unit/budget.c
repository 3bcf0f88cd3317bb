// SPDX-License-Identifier: GPL-3.0-or-later
/* Every budget: what is just within it passes, and one more is LIMIT, told by the name of the key to raise. */
#include "backproof/budget.h"

#include "../../src/fs/walk.h"
#include "../../src/gate/budgets.h"
#include "backproof/finding.h"
#include "backproof/scratch.h"
#include "test.h"

static void is_limit(const struct error *e, const char *check, const char *key)
{
	CHECK_INT(e->cls, ERROR_LIMIT);
	CHECK_STR(e->budget, check);
	CHECK(strstr(e->text, key));
}

static void time_has_its_own_words(void)
{
	struct error e = {0};
	struct budget b;
	budget_init(&b);
	CHECK_INT(budget_check(&b, &e), 0);
	CHECK_INT(budget_check(NULL, &e), 0);
	b.time_limit = 5400;
	b.limit_ns = monotonic_ns() + INT64_C(60000000000);
	CHECK_INT(budget_check(&b, &e), 0);
	b.limit_ns = monotonic_ns() - 1;
	CHECK(budget_check(&b, &e) < 0);
	is_limit(&e, "budget.time", "longer than 1h 30m (time_limit)");
	/* Whichever comes first; of both, what was asked for on the command line. */
	b.deadline_ns = b.limit_ns;
	CHECK(budget_check(&b, &e) < 0);
	CHECK_INT(e.cls, ERROR_LIMIT);
	CHECK(!e.budget && strstr(e.text, "deadline"));
	b.deadline_ns = monotonic_ns() + INT64_C(60000000000);
	CHECK(budget_check(&b, &e) < 0);
	is_limit(&e, "budget.time", "time_limit");
}

static void policy_sets_them(void)
{
	struct policy p;
	struct budget b;
	budget_init(&b);
	NEED(policy_defaults(&p, "default") == 0);
	int64_t now = monotonic_ns();
	budgets_begin(&p, &b);
	CHECK(b.limit_ns >= now + INT64_C(43200) * 1000000000 && b.limit_ns < now + INT64_C(43260) * 1000000000);
	CHECK_INT(b.max_expansion, 1000);
	CHECK_INT(b.max_entries, 100000000);
	CHECK_INT(b.max_path_depth, 4096);
	CHECK_INT(b.max_chain, 64);
	CHECK_INT(b.deadline_ns, 0);
	p.time_limit = INT64_MAX;
	budgets_begin(&p, &b);
	CHECK_INT(b.limit_ns, 0);
	p.time_limit = 0;
	budgets_begin(&p, &b);
	CHECK_INT(b.limit_ns, 0);
	policy_free(&p);
}

static void entries_and_depth(void)
{
	struct error e = {0};
	struct budget b;
	uint64_t n = 0;
	budget_init(&b);
	for (int i = 0; i < 10; i++)
		CHECK_INT(budget_entry(&b, &n, &e), 0);
	CHECK_INT(n, 10);
	b.max_entries = 12;
	CHECK_INT(budget_entry(&b, &n, &e), 0);
	CHECK_INT(budget_entry(&b, &n, &e), 0);
	CHECK(budget_entry(&b, &n, &e) < 0);
	is_limit(&e, "budget.entries", "more than 12 entries (max_entries)");
	CHECK_INT(budget_depth(&b, 1000000, &e), 0);
	b.max_path_depth = 7;
	CHECK_INT(budget_depth(&b, 7, &e), 0);
	CHECK(budget_depth(&b, 8, &e) < 0);
	is_limit(&e, "budget.depth", "(max_path_depth)");
}

static int expands(uint64_t stored, uint64_t decoded, uint64_t data, uint64_t spare, struct error *e)
{
	struct budget b;
	budget_init(&b);
	b.max_expansion = 1000;
	return budget_decoded(&b, stored, decoded, data, spare, e);
}

static void expansion(void)
{
	struct error e = {0};
	struct budget b;
	/* A disk of 1 TiB, nearly empty, in 40 MiB; the same by bzip2 in 2 MiB; logs of 100 to 1; gzip at its best. */
	CHECK_INT(expands(40 * MIB, 1024 * GIB, 2 * GIB, BUDGET_SPARE, &e), 0);
	CHECK_INT(expands(2 * MIB, 1024 * GIB, 20 * MIB, BUDGET_SPARE, &e), 0);
	CHECK_INT(expands(10 * GIB, 1000 * GIB, 1000 * GIB, BUDGET_SPARE, &e), 0);
	CHECK_INT(expands(10 * GIB, 10 * GIB * 1000, 10 * GIB * 1000, BUDGET_SPARE, &e), 0);
	/* The smallest files may be patterns. */
	CHECK_INT(expands(100, GIB, GIB, BUDGET_SPARE, &e), 0);
	CHECK_INT(expands(40 * KIB, GIB + 40 * MIB - 960 * KIB, GIB + 39 * MIB, BUDGET_SPARE, &e), 0);
	CHECK(expands(40 * KIB, GIB + 41 * MIB, GIB + 41 * MIB, BUDGET_SPARE, &e) < 0);
	is_limit(&e, "budget.expansion", "(max_expansion)");
	/* What is compressed inside what is compressed. */
	CHECK_INT(expands(40 * KIB, 40 * MIB, 40 * MIB, BUDGET_SPARE_INNER, &e), 0);
	CHECK(expands(30 * KIB, 40 * MIB, 40 * MIB, BUDGET_SPARE_INNER, &e) < 0);
	/* Zeros that no single compression could hold in so little. */
	CHECK_INT(expands(4 * KIB, 64 * GIB, 0, BUDGET_SPARE, &e), 0);
	CHECK_INT(expands(MIB, UINT64_C(1400000) * MIB, 0, BUDGET_SPARE, &e), 0);
	CHECK(expands(4 * KIB, 100 * GIB, 0, BUDGET_SPARE, &e) < 0);
	is_limit(&e, "budget.expansion", "zeros");
	CHECK_INT(expands(0, 0, 0, 0, &e), 0);
	CHECK_INT(expands(1, UINT64_MAX, 0, 0, &e), -1);
	CHECK_INT(expands(1, UINT64_MAX, UINT64_MAX, 0, &e), -1);
	budget_init(&b);
	CHECK_INT(budget_decoded(&b, 1, UINT64_MAX, UINT64_MAX, 0, &e), 0);
	CHECK_INT(budget_decoded(NULL, 1, UINT64_MAX, UINT64_MAX, 0, &e), 0);
	b.max_decoded = GIB;
	CHECK_INT(budget_decoded(&b, 1, GIB, 0, 0, &e), 0);
	CHECK(budget_decoded(&b, 1, GIB + 1, 0, 0, &e) < 0);
	is_limit(&e, "budget.decoded", "1.0 GiB (max_decoded)");
}

/* A stream through the meter gives what is put in, until it is too much. */
static void meter(void)
{
	struct error e = {0};
	struct budget b;
	static uint8_t data[3 * MIB], got[sizeof data];
	memset(data + MIB, 1, MIB);
	budget_init(&b);
	b.max_expansion = 1000;
	for (int lent = 0; lent < 2; lent++)
		for (int much = 0; much < 2; much++) {
			autosource struct source *m = source_memory(data, sizeof data, "m", &e);
			struct stream *s = stream_from_source(m, &e);
			NEED(m && s);
			/* A MiB of data: what is cut otherwise than by pages counts a little more. */
			struct stream *t = stream_metered(s, &b, much ? 1000 : 1100, 0, &e);
			NEED(t);
			size_t at = 0;
			ssize_t n;
			do {
				const uint8_t *p = got + at;
				n = lent ? stream_lend(t, &p, &e) : stream_read(t, got + at, 10000, &e);
				if (n > 0)
					memcpy(got + at, p, (size_t)n);
				at += n > 0 ? (size_t)n : 0;
			} while (n > 0);
			CHECK_INT(n, much ? -1 : 0);
			if (much)
				is_limit(&e, "budget.expansion", "(max_expansion)");
			else
				CHECK(at == sizeof data && !memcmp(got, data, at) && stream_finish(t, &e) == 0);
			stream_destroy(t);
		}
}

/* A tree that goes down without end: each directory has one more in it. */
static int show(struct walk *w, void *at, uint64_t number, struct fs_entry *out, struct error *e)
{
	(void)w, (void)at, (void)e;
	*out = (struct fs_entry){.type = ENTRY_DIR, .id = number};
	return 0;
}

static int list(struct walk *w, void *at, struct error *e)
{
	uint64_t *number = at;
	return walk_keep(w, ++*number, "d", 1, e);
}

static int visit(void *ctx, const struct fs_entry *entry, struct error *e)
{
	uint64_t *most = ctx;
	(void)e;
	return entry->id >= *most;
}

static int go_down(uint32_t depth, uint64_t entries, size_t path_max, uint64_t most, struct error *e)
{
	static const struct walk_ops ops = {show, list};
	struct budget b;
	uint64_t number = 0;
	budget_init(&b);
	b.max_path_depth = depth;
	b.max_entries = entries;
	struct walk w = {.who = "", .path_max = path_max, .b = &b, .visit = visit, .ctx = &most};
	int rc = walk_tree(&w, &ops, &number, e);
	walk_free(&w);
	return rc;
}

static void deep_trees_end(void)
{
	struct error e = {0};
	CHECK_INT(go_down(0, 0, 0, 2000, &e), 0);
	CHECK_INT(go_down(50, 0, 0, 51, &e), 0);
	CHECK(go_down(50, 0, 0, 52, &e) < 0);
	is_limit(&e, "budget.depth", "more than 50 deep");
	CHECK_INT(go_down(0, 50, 0, 50, &e), 0);
	CHECK(go_down(0, 50, 0, 51, &e) < 0);
	is_limit(&e, "budget.entries", "more than 50 entries");
	CHECK(go_down(0, 0, 101, 60, &e) < 0);
	is_limit(&e, "budget.depth", "a path longer than 101 bytes");
}

static void findings_are_named_by_them(void)
{
	struct findings f;
	struct error e = {0};
	NEED(findings_init(&f) == 0);
	error_budget(&e, "budget.entries", "more than %d entries (max_entries)", 3);
	finding_error(&f, PROOF_STRUCTURE, "part.read", "a", &e);
	error_set(&e, ERROR_LIMIT, 7, "something else");
	CHECK(!e.budget);
	finding_error(&f, PROOF_STRUCTURE, "part.read", "a", &e);
	NEED(f.count == 2);
	CHECK_STR(f.items[0].check, "budget.entries");
	CHECK_INT(f.items[0].outcome, OUTCOME_UNPROVEN);
	CHECK_INT(f.items[0].error, ERROR_LIMIT);
	CHECK_STR(f.items[1].check, "part.read");
	findings_free(&f);
	/* Through however many files it was met, the cause is told. */
	error_budget(&e, "budget.chain", "the cause");
	for (int i = 0; i < 1000; i++)
		error_prefix(&e, "file %d", i);
	CHECK_STR(e.text + strlen(e.text) - 9, "the cause");
	CHECK(strstr(e.text, "file 0: the cause") && strlen(e.text) < sizeof e.text);
}

/* Last: it holds for the rest of the process. */
static void memory_is_a_budget_of_a_reader(void)
{
	struct findings f;
	struct error e = {0};
	NEED(findings_init(&f) == 0);
	error_nomem(&e);
	CHECK(!e.budget && !strstr(e.text, "memory_limit"));
	error_memory_is_limited();
	error_nomem(&e);
	CHECK_INT(e.cls, ERROR_INTERNAL);
	CHECK(strstr(e.text, "(memory_limit)"));
	finding_error(&f, PROOF_STRUCTURE, "part.read", "a", &e);
	NEED(f.count == 1);
	CHECK_STR(f.items[0].check, "budget.memory");
	CHECK_INT(f.items[0].error, ERROR_LIMIT);
	CHECK_INT(f.items[0].outcome, OUTCOME_UNPROVEN);
	findings_free(&f);
}

int main(void)
{
	RUN(time_has_its_own_words);
	RUN(policy_sets_them);
	RUN(entries_and_depth);
	RUN(expansion);
	RUN(meter);
	RUN(deep_trees_end);
	RUN(findings_are_named_by_them);
	RUN(memory_is_a_budget_of_a_reader);
	return test_done();
}
