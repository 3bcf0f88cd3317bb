// SPDX-License-Identifier: GPL-3.0-or-later
/* The reports for monitoring, build servers and browsers. XML and HTML are read back by Python where there is a python3. */
#include "report_case.h"

static void nagios_is_one_line(void)
{
	autofree char *s = RENDER("nagios", &one, safe_result("web01"));
	CHECK_STR(s, "BACKPROOF OK - web01 safe: full check, taken 1h 0m ago of at most 1d 0h, 1.0 EiB, 64 files "
		     "restored | age=3600s;69120;86400 bytes=1152921504606846976B time=3.200s "
		     "read=9007199254740993B files=64\n");
	autofree char *evil = RENDER("nagios", &one, evil_result(CODE_BUSY));
	CHECK(starts(evil, "BACKPROOF UNKNOWN - "));
	CHECK(is_clean(evil, false) && strchr(evil, '\n') == evil + strlen(evil) - 1);
	CHECK(strchr(evil, '|') && strchr(evil, '|') == strrchr(evil, '|'));
	struct host_result *r = safe_result("web01");
	r->age = r->max_age;
	autofree char *near = RENDER("nagios", &one, r);
	CHECK(starts(near, "BACKPROOF WARNING - "));
	autofree char *many = RENDER("nagios", &audit, safe_result("a"), bare_result("b", CODE_STALE),
				     evil_result(CODE_CANNOT_TELL));
	CHECK(starts(many, "BACKPROOF CRITICAL - 1 of 3 hosts safe: 1 stale, 1 cannot-tell | hosts=3 safe=1 "
			"not_safe=2 waived=0\nCRITICAL - b stale: no restore point\nUNKNOWN - "));
	CHECK(is_clean(many, false) && strchr(many, '|') == strrchr(many, '|'));
	autofree char *none = render("nagios", &one, NULL, 0);
	CHECK_STR(none, "BACKPROOF UNKNOWN - no host was checked\n");
}

#define NAME_CHARS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789:"

/* One sample: name{label="value",...} number. Returns the length of the name, 0 when it is not one. */
static size_t sample_name(const char *line)
{
	size_t name = strspn(line, NAME_CHARS);
	const char *s = line + name;
	if (*s == '{') {
		do {
			s++;
			size_t label = strspn(s, NAME_CHARS);
			s += label;
			if (!label || *s++ != '=' || *s++ != '"')
				return 0;
			for (; *s != '"'; s++) {
				if (!*s)
					return 0;
				if (*s == '\\' && !strchr("\\\"n", *++s))
					return 0;
			}
			s++;
		} while (*s == ',');
		if (*s++ != '}')
			return 0;
	}
	size_t number = *s == ' ' ? strspn(s + 1, "-0123456789.") : 0;
	return number && !s[1 + number] ? name : 0;
}

static bool is_exposition(char *s)
{
	char help[80] = "", type[80] = "", seen[4096] = "\n";
	if (!*s || s[strlen(s) - 1] != '\n')
		return false;
	for (char *save = NULL, *line; (line = strtok_r(s, "\n", &save)); s = NULL) {
		if (sscanf(line, "# HELP %79s", help) == 1) {
			/* Once a metric, so all its samples are together. */
			char key[90];
			snprintf(key, sizeof key, "\n%s\n", help);
			if (strstr(seen, key))
				return false;
			strcat(seen, key + 1);
			continue;
		}
		if (sscanf(line, "# TYPE %79s gauge", type) == 1)
			continue;
		size_t name = sample_name(line);
		if (!name || strlen(help) != name || strncmp(help, line, name) || strcmp(help, type)) {
			fprintf(stderr, "not a sample of %s: %s\n", help, line);
			return false;
		}
	}
	return true;
}

static void prometheus_is_read(void)
{
	autofree char *s = RENDER("prometheus", &audit, safe_result("web01"), evil_result(CODE_DAMAGED),
				  bare_result("web02", CODE_NO_BACKUP), bare_result("web01", CODE_STALE));
	CHECK(has(s, "backproof_host_safe{host=\"web01\"} 0\n")); /* of two the worse */
	CHECK(!strstr(s, "backproof_host_safe{host=\"web01\"} 1\n"));
	CHECK(has(s, "backproof_host_code{host=\"web02\"} 10\n"));
	CHECK(has(s, "backproof_proof_held{host=\"web02\",proof=\"restore\"} 0\n"));
	CHECK(!strstr(s, "backup_age_seconds{host=\"web02\"}")); /* there is none: not 0 */
	CHECK(has(s, "backproof_hosts 4\n"));
	CHECK(is_exposition(s));
	autofree char *safe = RENDER("prometheus", &one, safe_result("web01"));
	CHECK(has(safe, "backproof_host_safe{host=\"web01\"} 1\n"));
	CHECK(has(safe, "backproof_backup_age_seconds{host=\"web01\"} 3600\n"));
	CHECK(has(safe, "backproof_check_duration_seconds{host=\"web01\"} 3.200\n"));
	CHECK(is_exposition(safe));
	autofree char *none = render("prometheus", &audit, NULL, 0);
	CHECK(is_exposition(none));
}

#define PARSE_XML "import sys,xml.etree.ElementTree as E\nr=E.parse(sys.argv[1]).getroot()\n"
/* The sums in the attributes are those of the elements. */
#define COUNT_XML                                                                                  \
	"for e in [r]+r.findall(\"testsuite\"):\n"                                                 \
	" n=lambda t: len(e.findall(\".//\"+t))\n"                                                 \
	" assert [n(\"testcase\"),n(\"failure\"),n(\"error\"),n(\"skipped\")]=="                   \
	"[int(e.get(k)) for k in (\"tests\",\"failures\",\"errors\",\"skipped\")]\n"

static void junit_is_xml(void)
{
	struct host_result *r = safe_result("web01");
	r->verdict.proofs[PROOF_IDENTITY] = OUTCOME_UNPROVEN;
	r->verdict.proofs[PROOF_COVERAGE] = OUTCOME_BROKEN;
	autofree char *s = RENDER("junit", &audit, r, evil_result(CODE_DAMAGED), bare_result("x", CODE_BUSY));
	CHECK(has(s, "<testsuite name=\"web01\" tests=\"8\" failures=\"0\" errors=\"0\" skipped=\"2\" "
		     "timestamp=\"2026-11-21T20:00:00\" time=\"3.200\">"));
	CHECK(is_clean(s, false) && !strstr(s, "<script"));
	CHECK(python(s, PARSE_XML COUNT_XML "assert len(r)==3"));
	/* Not safe though each proof was held: not green. */
	r = safe_result("web01");
	r->verdict.code = CODE_CANNOT_TELL;
	autofree char *lost = RENDER("junit", &one, r);
	CHECK(has(lost, "errors=\"1\""));
	autofree char *none = render("junit", &one, NULL, 0);
	CHECK(python(none, PARSE_XML COUNT_XML "assert r.get(\"errors\")==\"1\""));
}

static void html_stands_alone(void)
{
	struct host_result *old = safe_result("web03");
	old->older = evil_result(CODE_DAMAGED);
	autofree char *s = RENDER("html", &audit, safe_result("web01"), evil_result(CODE_DAMAGED), old,
				  bare_result("web02", CODE_NO_BACKUP));
	CHECK(has(s, "<h1 class=bad>2 of 4 hosts are not safe to patch</h1>"));
	CHECK(is_clean(s, false) && !strstr(s, "<script") && !strstr(s, "://") && !strstr(s, "\xe2\x80\xae"));
	CHECK(!strstr(s, "src=") && !strstr(s, "url(") && !strstr(s, "@import"));
	CHECK(python(s, "import sys,html.parser\n"
			"class P(html.parser.HTMLParser):\n"
			" o=[]\n"
			" def handle_starttag(s,t,a):\n"
			"  assert t!=\"script\" and not any(k.startswith(\"on\") for k,v in a)\n"
			"  if t not in (\"meta\",\"br\"): s.o.append(t)\n"
			" def handle_endtag(s,t): assert s.o.pop()==t, t\n"
			"p=P()\np.feed(open(sys.argv[1],encoding=\"utf-8\").read())\nassert not p.o, p.o"));
	autofree char *safe = RENDER("html", &one, safe_result("web01"));
	CHECK(has(safe, "<h1 class=good>web01 is safe to patch</h1>") && has(safe, "<details id=\"h0\" open>"));
	autofree char *evil = RENDER("html", &one, evil_result(CODE_DAMAGED));
	CHECK(is_clean(evil, false) && !strstr(evil, "<script"));
	autofree char *none = render("html", &audit, NULL, 0);
	CHECK(has(none, "<h1 class=doubt>No host was checked</h1>"));
}

/* Rendered by hand: every host that was come to is safe, but the run was stopped. */
static void cut_short_is_not_safe(void)
{
	static const struct {
		const char *format, *says, *never;
	} rows[] = {
		{"text", "1 host: 1 safe; others were not checked (exit 20)", NULL},
		{"html", "<h1 class=doubt>Not every host could be checked</h1>", "are safe to patch</h1>"},
		{"nagios", "BACKPROOF UNKNOWN - 1 of 1 hosts safe, others were not checked", NULL},
		{"junit", "errors=\"1\"", NULL},
		{"json", "\"exit\":20,\"code\":\"cannot-tell\",\"hosts\"", NULL},
		{"jsonl", "\"exit\":20,\"code\":\"cannot-tell\",\"counts\"", NULL},
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct host_result *r = safe_result("web01");
		const struct host_result *all[] = {r};
		struct text out autodestroy(text_free) = {0};
		report_format(rows[i].format)->end(&out, all, 1, CODE_CANNOT_TELL, 20, &audit);
		CHECK(has(text_str(&out), rows[i].says));
		CHECK(!rows[i].never || !strstr(text_str(&out), rows[i].never));
		if (!strcmp(rows[i].format, "junit"))
			CHECK(python(text_str(&out), PARSE_XML COUNT_XML));
		destroy(r);
	}
}

/* What is left when memory ran out at the start: no name, no policy, a reason without its word. */
static void nameless(void)
{
	size_t count;
	const char *const *names = report_format_names(&count);
	for (size_t i = 0; i < count; i++) {
		struct host_result *r = calloc(1, sizeof *r);
		NEED(r && !strings_add(&r->verdict.reasons, "out of memory"));
		r->verdict.code = CODE_INTERNAL;
		autofree char *s = RENDER(names[i], &one, r);
		CHECK(*s && (!strcmp(names[i], "prometheus") || has(s, "out of memory")));
	}
}

int main(void)
{
	RUN(nagios_is_one_line);
	RUN(prometheus_is_read);
	RUN(junit_is_xml);
	RUN(html_stands_alone);
	RUN(nameless);
	RUN(cut_short_is_not_safe);
	return test_done();
}
