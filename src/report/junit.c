// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * JUnit XML: a suite a host, a case a proof, and a case for the verdict itself, so that no host that
 * isn't safe can come out all green.
 */
#include "common.h"

#define CASES (PROOF_COUNT + 1)

enum result { PASSED, FAILED, ERRED, SKIPPED };

/* Safe all the same: the policy did not ask for it. Waived: a person does not. Neither has passed. */
static bool is_let_off(const struct host_result *r)
{
	return r->verdict.code == CODE_SAFE || r->verdict.code == CODE_WAIVED;
}

static enum result proof_result(const struct host_result *r, enum proof p)
{
	switch (r->verdict.proofs[p]) {
	case OUTCOME_HELD:
		return PASSED;
	case OUTCOME_BROKEN:
		return is_let_off(r) ? SKIPPED : FAILED;
	default:
		return is_let_off(r) ? SKIPPED : ERRED;
	}
}

static enum result verdict_result(const struct host_result *r)
{
	switch (r->verdict.code) {
	case CODE_SAFE:
		return PASSED;
	case CODE_WAIVED:
		return SKIPPED;
	case CODE_NO_BACKUP:
	case CODE_STALE:
	case CODE_DAMAGED:
	case CODE_INCOMPLETE:
		return FAILED;
	default:
		return ERRED;
	}
}

static void put_case(struct text *out, const struct host_result *r, const char *name, enum result result,
		     const char *message, const struct text *body)
{
	static const char *const elements[] = {"", "failure", "error", "skipped"};
	text_put(out, "    <testcase classname=\"backproof.");
	text_put_xml(out, report_host(r));
	text_printf(out, "\" name=\"%s\" time=\"0\"", name);
	if (result == PASSED) {
		text_put(out, "/>\n");
		return;
	}
	text_printf(out, ">\n      <%s message=\"", elements[result]);
	text_put_xml(out, message);
	if (result == SKIPPED) {
		text_put(out, "\"/>\n");
	} else {
		text_printf(out, "\" type=\"%s\">", code_name(r->verdict.code));
		text_put(out, text_str(body));
		text_printf(out, "</%s>\n", elements[result]);
	}
	text_put(out, "    </testcase>\n");
}

static void put_proof_case(struct text *out, const struct host_result *r, enum proof p)
{
	struct text body autotext = {0};
	size_t others;
	const struct finding *worst = report_evidence(r, p, &others);
	const char *message = worst && worst->detail ? worst->detail : worst ? worst->check : "nothing speaks for it";
	enum result result = proof_result(r, p);
	for (size_t i = 0; i < r->findings.count; i++) {
		const struct finding *it = &r->findings.items[i];
		if (it->proof != p || it->outcome == OUTCOME_HELD || it->outcome == OUTCOME_SKIPPED)
			continue;
		text_printf(&body, "%s ", outcome_name(it->outcome));
		text_put_xml(&body, it->check);
		text_put(&body, " ");
		text_put_xml(&body, it->subject ? it->subject : "");
		text_put(&body, ": ");
		text_put_xml(&body, it->detail ? it->detail : "");
		text_put(&body, "\n");
	}
	out->failed |= body.failed;
	autofree char *waived = r->verdict.code == CODE_WAIVED ? text_format("waived: %s", message) : NULL;
	if (result == SKIPPED)
		message = waived ? waived : "not required by the policy";
	put_case(out, r, proof_name(p), result, message, &body);
}

static void put_property(struct text *out, const char *name, const char *untrusted)
{
	text_printf(out, "      <property name=\"%s\" value=\"", name);
	text_put_xml(out, untrusted);
	text_put(out, "\"/>\n");
}

/* What people have said. */
static void put_properties(struct text *out, const struct host_result *r, const struct text *waiver)
{
	struct text patch autotext = {0}, post autotext = {0};
	report_put_patch(&patch, r->patch);
	report_put_post(&post, r->patch);
	if (!waiver->length && !r->suspect && !patch.length)
		return;
	text_put(out, "    <properties>\n");
	if (waiver->length)
		put_property(out, "waiver", text_str(waiver));
	if (r->suspect)
		put_property(out, "suspect", r->suspect);
	if (patch.length)
		put_property(out, "patch", text_str(&patch));
	if (post.length)
		put_property(out, "post-check", text_str(&post));
	text_put(out, "    </properties>\n");
}

static void put_suite(struct text *out, const struct host_result *r)
{
	char when[32];
	struct text reasons autotext = {0}, waiver autotext = {0};
	size_t tally[4] = {0};
	for (int p = 0; p < PROOF_COUNT; p++)
		tally[proof_result(r, p)]++;
	tally[verdict_result(r)]++;
	format_rfc3339(r->checked_at, when);
	when[strcspn(when, "Z")] = 0; /* the schema has no zone */
	text_put(out, "  <testsuite name=\"");
	text_put_xml(out, report_host(r));
	text_printf(out, "\" tests=\"%d\" failures=\"%zu\" errors=\"%zu\" skipped=\"%zu\" timestamp=\"%s\" time=\"",
		    CASES, tally[FAILED], tally[ERRED], tally[SKIPPED], when);
	report_put_seconds(out, r->measures.duration_seconds);
	text_put(out, "\">\n");
	if (report_waiver(r))
		report_put_waiver(&waiver, report_waiver(r), 0);
	put_properties(out, r, &waiver);
	for (int p = 0; p < PROOF_COUNT; p++)
		put_proof_case(out, r, p);
	for (size_t i = 0; i < r->verdict.reasons.count; i++) {
		text_put_xml(&reasons, r->verdict.reasons.items[i]);
		text_put(&reasons, "\n");
	}
	out->failed |= reasons.failed | waiver.failed;
	autofree char *waived = text_format("waived %s: %s: %s", text_str(&waiver), code_name(report_found(r)),
					    report_reason(r));
	put_case(out, r, "verdict", verdict_result(r),
		 r->verdict.code == CODE_WAIVED && waived ? waived : report_reason(r), &reasons);
	text_put(out, "  </testsuite>\n");
}

static void junit_end(struct text *out, const struct host_result *const *all, size_t count,
		      enum code overall, int exit, const struct report_options *o)
{
	const bool cut = report_is_cut(all, count, overall);
	size_t failures = 0, errors = cut, skipped = 0;
	(void)exit;
	(void)o;
	for (size_t i = 0; i < count; i++) {
		for (int p = 0; p < CASES; p++) {
			enum result result = p < PROOF_COUNT ? proof_result(all[i], p) : verdict_result(all[i]);
			failures += result == FAILED;
			errors += result == ERRED;
			skipped += result == SKIPPED;
		}
	}
	text_printf(out,
		    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		    "<testsuites name=\"backproof\" tests=\"%zu\" failures=\"%zu\" errors=\"%zu\" skipped=\"%zu\">\n",
		    count * CASES + cut, failures, errors, skipped);
	for (size_t i = 0; i < count; i++)
		put_suite(out, all[i]);
	if (cut)
		text_printf(out, "  <testsuite name=\"backproof\" tests=\"1\" failures=\"0\" "
			    "errors=\"1\" skipped=\"0\">\n"
				 "    <testcase classname=\"backproof\" name=\"verdict\" time=\"0\">\n"
				 "      <error message=\"%s\" type=\"%s\"/>\n"
				 "    </testcase>\n  </testsuite>\n",
			    count ? "other hosts were not checked" : "no host was checked", code_name(overall));
	text_put(out, "</testsuites>\n");
}

const struct report_format report_junit = {.name = "junit", .end = junit_end};
