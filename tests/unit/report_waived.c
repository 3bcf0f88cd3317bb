// SPDX-License-Identifier: GPL-3.0-or-later
/* What people have said, in every report: waived is never safe and never passed, and a suspect backup is called so. */
#include "report_case.h"

static struct waiver *new_waiver(const char *reason)
{
	struct waiver *w = calloc(1, sizeof *w);
	NEED(w);
	*w = (struct waiver){.id = 7, .user = strdup("root (sudo: alice)"), .login = strdup("alice"),
			     .reason = strdup(reason), .ticket = strdup("CHG-1"), .origin = strdup("192.0.2.7"),
			     .recorded_at = 1795291200 - 60, .ends_at = 1795291200 + 7200};
	NEED(w->user && w->login && w->reason && w->ticket && w->origin);
	return w;
}

static struct host_result *waive(struct host_result *r, const char *reason)
{
	r->verdict.waived = r->verdict.code;
	r->verdict.code = CODE_WAIVED;
	r->waiver = new_waiver(reason);
	return r;
}

static struct host_result *waived(const char *host)
{
	struct host_result *r = bare_result(host, CODE_STALE);
	add_point(r, "/srv/backup/web01.img");
	for (int p = 0; p < PROOF_COUNT; p++)
		r->verdict.proofs[p] = p == PROOF_FRESHNESS ? OUTCOME_BROKEN : OUTCOME_HELD;
	return waive(r, "zero day");
}

#define WORDS "until 2026-11-21T22:00:00Z by root (sudo: alice), logged in as alice, from 192.0.2.7: zero day [CHG-1]"

static void never_safe(void)
{
	static const char *const never[] = {"\"verdict\":\"safe\"", "\"code\":\"safe\"", ": SAFE", " SAFE", "OK - ",
					    "host_safe{host=\"web01\"} 1", "host_code{host=\"web01\"} 0", "class=good>web01",
					    "tag good\">safe", "web01 is safe", ": 1 safe", "PASSED", "name=\"verdict\" time=\"0\"/>"};
	size_t count;
	const char *const *names = report_format_names(&count);
	for (size_t i = 0; i < 2 * count; i++) {
		autofree char *s = RENDER(names[i / 2], i % 2 ? &audit : &one, waived("web01"));
		CHECK(has(s, "waived") || has(s, "WAIVED"));
		CHECK(!strcmp(names[i / 2], "prometheus") || (has(s, "alice") && has(s, "zero day")));
		for (size_t k = 0; k < ARRAY_SIZE(never); k++) {
			if (strstr(s, never[k]))
				fprintf(stderr, "%s: %s in:\n%s\n", names[i / 2], never[k], s);
			CHECK(!strstr(s, never[k]));
		}
	}
}

static void each_format(void)
{
	static const struct report_options wide = {.width = 300, .now = 1795291200};
	autofree char *text = RENDER("text", &wide, waived("web01"));
	CHECK(starts(text, "web01: WAIVED, not safe to patch: stale (full check, 3.2 s, exit 0)\n  waived until "
			   "2026-11-21T22:00:00Z (2h 0m) by root"));
	CHECK(has(text, "A person has taken it on themselves") && has(text, "\n  no restore point\n"));
	autofree char *json = RENDER("json", &one, waived("web01"));
	CHECK(has(json, "\"verdict\":\"waived\",\"code\":\"waived\",\"exit\":0,\"reasons\":[\"stale: no restore point\"]"));
	CHECK(has(json, "\"waiver\":{\"id\":7,\"covers\":\"stale\",\"reason\":\"zero day\",\"ticket\":\"CHG-1\","
			"\"user\":\"root (sudo: alice)\",\"uid\":0,\"login\":\"alice\",\"terminal\":null,"
			"\"origin\":\"192.0.2.7\",\"approved_by\":null,\"recorded_at\":\"2026-11-21T19:59:00Z\","
			"\"ends_at\":\"2026-11-21T22:00:00Z\"},\"suspect\":null,"));
	autofree char *lines = RENDER("jsonl", &audit, waived("web01"), safe_result("web02"));
	CHECK(has(lines, "\"exit\":0,\"code\":\"waived\",\"counts\":{\"hosts\":2,\"safe\":1,\"waived\":1,"));
	autofree char *nagios = RENDER("nagios", &one, waived("web01"));
	CHECK(starts(nagios, "BACKPROOF WARNING - web01 waived: " WORDS "; not safe, stale: no restore point | "));
	autofree char *two = RENDER("nagios", &audit, waived("web01"), safe_result("web02"));
	CHECK(starts(two, "BACKPROOF WARNING - 1 of 2 hosts safe: 1 waived | hosts=2 safe=1 not_safe=1 waived=1\nWARNING - "));
	autofree char *metrics = RENDER("prometheus", &audit, waived("web01"), safe_result("web02"));
	CHECK(has(metrics, "backproof_host_safe{host=\"web01\"} 0\n") && has(metrics, "backproof_host_code{host=\"web01\"} 11\n"));
	CHECK(has(metrics, "backproof_host_waived{host=\"web01\"} 1\n") && has(metrics, "backproof_host_waived{host=\"web02\"} 0\n"));
	CHECK(has(metrics, "backproof_waiver_end_timestamp_seconds{host=\"web01\"} 1795298400\n"));
	CHECK(!strstr(metrics, "waiver_end_timestamp_seconds{host=\"web02\"}"));
	CHECK(has(metrics, "backproof_backup_suspect{host=\"web01\"} 0\n"));
	autofree char *junit = RENDER("junit", &audit, waived("web01"));
	CHECK(has(junit, "<property name=\"waiver\" value=\"" WORDS "\"/>"));
	CHECK(has(junit, "tests=\"8\" failures=\"0\" errors=\"0\" skipped=\"2\""));
	CHECK(has(junit, "<skipped message=\"waived " WORDS ": stale: no restore point\"/>"));
	CHECK(has(junit, "name=\"freshness\" time=\"0\">\n      <skipped message=\"waived: "));
	autofree char *html = RENDER("html", &audit, waived("web01"), safe_result("web02"));
	CHECK(has(html, "<h1 class=waived>1 of 2 hosts are not safe to patch; 1 of them waived</h1>"));
	CHECK(has(html, "<h2>Waivers in force</h2>") && has(html, "<span class=\"tag waived\">stale</span>"));
	CHECK(has(html, "<li class=waived><b>1</b> waived</li>"));
	autofree char *page = RENDER("html", &one, waived("web01"));
	CHECK(has(page, "<h1 class=waived>web01 is not safe to patch, and waived</h1>"));
	autofree char *table = RENDER("text", &audit, waived("web01"), safe_result("web02"));
	CHECK(has(table, "web01  waived") && has(table, "\nWaivers in force:\n  web01: until 2026-11-21T22:00:00Z (2h 0m) by root"));
	CHECK(has(table, "2 hosts: 1 safe, 1 waived (exit 0)\n"));
}

/* A host that is safe, and need not have been waived: it is told all the same. Others have none. */
static void standing(void)
{
	static const char *const formats[] = {"text", "json", "junit", "html"};
	for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
		struct host_result *r = safe_result("web01");
		r->standing = new_waiver("zero day");
		autofree char *s = RENDER(formats[i], &audit, r, safe_result("web02"));
		CHECK(has(s, "root (sudo: alice)") && !strstr(s, "\"verdict\":\"waived\""));
		autofree char *none = RENDER(formats[i], &audit, safe_result("web01"), safe_result("web02"));
		CHECK(!strstr(none, "Waivers in force") && !strstr(none, "alice"));
	}
	struct host_result *r = safe_result("web01");
	r->standing = new_waiver("zero day");
	autofree char *json = RENDER("json", &one, r);
	CHECK(has(json, "\"verdict\":\"safe\"") && has(json, "\"covers\":null"));
	r = safe_result("web01");
	r->standing = new_waiver("zero day");
	autofree char *text = RENDER("text", &one, r);
	CHECK(starts(text, "web01: SAFE to patch") && has(text, "\n  a waiver is in force until"));
}

static void suspects(void)
{
	size_t count;
	const char *const *names = report_format_names(&count);
	for (size_t i = 0; i < 2 * count; i++) {
		struct host_result *r = safe_result("web01");
		NEED((r->suspect = strdup("they got in")));
		autofree char *s = RENDER(names[i / 2], i % 2 ? &audit : &one, r);
		if (!strcmp(names[i / 2], "prometheus"))
			CHECK(has(s, "backproof_backup_suspect{host=\"web01\"} 1\n"));
		else
			CHECK(has(s, "they got in") && (strstr(s, "SUSPECT") || strstr(s, "suspect")));
		autofree char *none = RENDER(names[i / 2], i % 2 ? &audit : &one, safe_result("web01"));
		CHECK(!strstr(none, "SUSPECT") && !strstr(none, "they got in") && !strstr(none, "suspect{host=\"web01\"} 1"));
	}
}

/* Reasons are what anybody has typed. */
static void hostile(void)
{
	size_t count;
	const char *const *names = report_format_names(&count);
	for (size_t i = 0; i < 2 * count; i++) {
		struct host_result *r = waive(evil_result(CODE_DAMAGED), EVIL);
		free(r->waiver->user);
		NEED((r->waiver->user = strdup(EVIL)) && (r->waiver->approved_by = strdup(EVIL)) && (r->suspect = strdup(EVIL)));
		autofree char *s = RENDER(names[i / 2], i % 2 ? &audit : &one, r);
		CHECK(is_clean(s, false) && !strstr(s, "\xe2\x80\xae"));
		CHECK(strcmp(names[i / 2], "html") || !strstr(s, "<script"));
		CHECK(strcmp(names[i / 2], "nagios") || strchr(s, '|') == strrchr(s, '|'));
		if (!strcmp(names[i / 2], "json"))
			CHECK(python(s, "import json,sys\njson.load(open(sys.argv[1]))"));
		if (!strcmp(names[i / 2], "jsonl"))
			CHECK(python(s, "import json,sys\nfor l in open(sys.argv[1]): json.loads(l)"));
		if (!strcmp(names[i / 2], "junit"))
			CHECK(python(s, "import sys,xml.etree.ElementTree as E\nE.parse(sys.argv[1])"));
	}
}

int main(void)
{
	RUN(never_safe);
	RUN(each_format);
	RUN(standing);
	RUN(suspects);
	RUN(hostile);
	return test_done();
}
