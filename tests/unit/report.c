// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The reports for people and for programs that read JSON. Syntax is checked by a small reader here, and by
 * Python's where there is a python3.
 */
#include "report_case.h"

/* The end of the JSON value at s, or NULL: RFC 8259 and no key twice in a row. */
static const char *json_value(const char *s, int depth)
{
	static const char *const words[] = {"null", "true", "false"};
	if (depth > 20)
		return NULL;
	if (*s == '"') {
		for (s++; *s != '"'; s++) {
			if ((unsigned char)*s < 0x20)
				return NULL;
			if (*s == '\\') {
				s++;
				if (!*s || !strchr("\"\\/bfnrtu", *s) || (*s == 'u' && strspn(s + 1, "0123456789abcdef") < 4))
					return NULL;
			}
		}
		return s + 1;
	}
	if (*s == '{' || *s == '[') {
		char close = *s == '{' ? '}' : ']';
		s += 1 + strspn(s + 1, "\n");
		if (*s == close)
			return s + 1;
		for (;; s += 1 + strspn(s + 1, "\n")) {
			if (close == '}') {
				if (*s != '"' || !(s = json_value(s, depth + 1)) || *s++ != ':')
					return NULL;
			}
			s = json_value(s, depth + 1);
			if (!s || (*s != ',' && *s != close))
				return NULL;
			if (*s == close)
				return s + 1;
		}
	}
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (!strncmp(s, words[i], strlen(words[i])))
			return s + strlen(words[i]);
	s += *s == '-';
	size_t digits = strspn(s, "0123456789");
	if (!digits || (*s == '0' && digits > 1))
		return NULL;
	s += digits;
	if (*s == '.')
		s += 1 + strspn(s + 1, "0123456789");
	return s;
}

static bool is_json(const char *s)
{
	const char *end = json_value(s, 0);
	return end && !strcmp(end, "\n");
}

#define STRICT                                                                                     \
	"import json,sys\n"                                                                        \
	"def bad(x): raise ValueError(x)\n"                                                        \
	"def pairs(p):\n"                                                                          \
	" d=dict(p)\n"                                                                             \
	" assert len(d)==len(p), p\n"                                                              \
	" return d\n"                                                                              \
	"t=open(sys.argv[1],\"rb\").read().decode(\"utf-8\")\n"                                    \
	"load=lambda s: json.loads(s,object_pairs_hook=pairs,parse_constant=bad)\n"

static void json_is_the_contract(void)
{
	struct host_result *r = new_result("web01", CODE_DAMAGED);
	struct finding_text more = {.expected = "1", .measured = "2", .offset = 7, .has_offset = true,
				    .error = ERROR_CORRUPT};
	add_point(r, "/b/w.zst");
	r->bytes = 5;
	r->verdict.proofs[PROOF_INTEGRITY] = OUTCOME_BROKEN;
	r->verdict.proofs[PROOF_RESTORE] = OUTCOME_HELD;
	finding_add(&r->findings, PROOF_INTEGRITY, "zstd.frame", "w.zst", OUTCOME_BROKEN, &more, "bad sum");
	finding_add(&r->findings, PROOF_RESTORE, "restore.file", "/etc/fstab", OUTCOME_HELD, NULL, "fine");
	NEED(!strings_add(&r->verdict.reasons, "damaged: w.zst: bad sum"));
	autofree char *s = RENDER("json", &one, r);
	CHECK_STR(s,
		  "{\"format_version\":\"1.3\",\"host\":\"web01\",\"verdict\":\"damaged\",\"code\":\"damaged\","
		  "\"exit\":12,\"reasons\":[\"damaged: w.zst: bad sum\"],\"checked_at\":\"2026-11-21T20:00:00Z\","
		  "\"policy\":\"default\",\"depth\":\"full\",\"seed\":18446744073709551615,\"restore_point\":{"
		  "\"paths\":[\"/b/w.zst\"],\"taken_at\":\"2026-11-21T19:00:00Z\",\"age_seconds\":3600,"
		  "\"bytes\":5,\"format\":[\"zstd\",\"raw\"]},\"proofs\":{\"presence\":\"unproven\","
		  "\"freshness\":\"unproven\",\"integrity\":\"broken\",\"structure\":\"unproven\","
		  "\"identity\":\"unproven\",\"coverage\":\"unproven\",\"restore\":\"held\"},\"findings\":["
		  "{\"proof\":\"integrity\",\"check\":\"zstd.frame\",\"subject\":\"w.zst\",\"outcome\":\"broken\","
		  "\"expected\":\"1\",\"measured\":\"2\",\"offset\":7,\"detail\":\"bad sum\",\"error\":\"corrupt\"},"
		  "{\"proof\":\"restore\",\"check\":\"restore.file\",\"subject\":\"/etc/fstab\",\"outcome\":\"held\","
		  "\"expected\":null,\"measured\":null,\"offset\":null,\"detail\":\"fine\"}],"
		  "\"measures\":{\"bytes_read\":9007199254740993,\"bytes_decoded\":3221225472,"
		  "\"files_sampled\":64,\"files_restored\":64,\"files_witnessed\":40,"
		  "\"restore_bytes_per_second\":52428800,\"duration_seconds\":3.200,\"bytes_restored\":104857600,"
		  "\"restore_seconds\":2.000,\"image_data_bytes\":32212254720,\"findings_not_listed\":0},"
		  "\"sample\":null,\"seal\":null,\"confinement\":{\"reader\":false,\"no_new_privs\":false,"
		  "\"seccomp\":false,\"landlock\":0,\"landlock_network\":false,\"landlock_scope\":false,"
		  "\"account\":null,\"memory\":0,\"file_size\":0,\"files\":0,\"cpu_seconds\":0},"
		  "\"notes\":[],\"waiver\":null,\"suspect\":null,\"backup_now\":null,\"patch\":null}\n");
	CHECK(is_json(s));
}

static struct host_result *ran_result(enum program_state state)
{
	struct host_result *r = new_result("web01", CODE_SAFE);
	r->backup_now = calloc(1, sizeof *r->backup_now);
	r->patch = calloc(1, sizeof *r->patch);
	NEED(r->backup_now && r->patch);
	*r->backup_now = (struct backup_now){.because = CODE_STALE, .state = state, .seconds = 2.5};
	NEED(!strings_add(&r->backup_now->command, "/usr/bin/backup") && !strings_add(&r->backup_now->command, "a b"));
	*r->patch = (struct patch_record){.id = 12, .state = state, .status = 3, .started_at = 1763755200,
					  .ended_at = 1763755260, .post_state = PROGRAM_SIGNALLED, .post_status = 15,
					  .post_ended_at = 1763755261};
	r->patch->host = strdup("web01");
	r->patch->post = strdup("is <it> \"up\"?");
	NEED(r->patch->host && r->patch->post);
	NEED(!strings_add(&r->patch->command, "apt-get") && !strings_add(&r->patch->command, "up\033grade"));
	return r;
}

/* What was run for the host is in every report that has room for it. */
static void what_was_run(void)
{
	static const char *const formats[] = {"text", "json", "jsonl", "html", "junit"};
	for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
		autofree char *s = RENDER(formats[i], &one, ran_result(PROGRAM_EXITED));
		CHECK(strstr(s, "apt-get") != NULL);
		CHECK(strchr(s, '\033') == NULL);
		CHECK(strstr(s, "SIGTERM") != NULL || !strncmp(formats[i], "json", 4));
		CHECK(!strcmp(formats[i], "junit") || strstr(s, "/usr/bin/backup") != NULL);
	}
	autofree char *s = RENDER("json", &one, ran_result(PROGRAM_EXITED));
	CHECK(is_json(s));
	CHECK(strstr(s, "\"backup_now\":{\"because\":\"stale\",\"command\":[\"/usr/bin/backup\",\"a b\"],"
			"\"state\":\"exited\",\"status\":0,\"timed_out\":false,\"seconds\":2.500}") != NULL);
	CHECK(strstr(s, "\"patch\":{\"id\":12,") != NULL);
	CHECK(strstr(s, "\"result\":{\"state\":\"exited\",\"status\":3,") != NULL);
	CHECK(strstr(s, "\"post_result\":{\"state\":\"signalled\",\"status\":15,") != NULL);
	autofree char *none = RENDER("json", &one, ran_result(PROGRAM_NONE));
	CHECK(is_json(none));
	CHECK(strstr(none, "\"state\":\"none\",\"status\":null,\"timed_out\"") != NULL);
}

#define SAMPLED                                                                                   \
	"read 3.3 GiB of 100.0 GiB: if 0.1% or more were damaged, this would have shown it with 99.9% probability."

static void samples_are_shown(void)
{
	static const char *const formats[] = {"json", "text", "html", "prometheus"};
	static const char *const shown[] = {
		"\"sample\":{\"chunks_total\":204800,\"chunks_drawn\":6783,\"chunks_known\":2,"
		"\"chunks_needed\":6783,\"chunks_bad\":0,\"bytes_read\":3557294080,\"bytes_total\":107374182400,"
		"\"confidence\":0.999001,\"damage\":0.001,\"wanted\":0.999,\"from\":\"seal\",\"stopped\":false}",
		"  Sample   read 3.3 GiB of 100.0 GiB: if 0.1% or more were damaged, this would",
		"<dt>Sample</dt><dd>" SAMPLED "</dd>",
		"backproof_sample_confidence_ratio{host=\"web01\"} 0.999001\n",
	};
	for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
		struct host_result *r = new_result("web01", CODE_SAFE);
		add_point(r, "/b/web01.img");
		r->sample = (struct chunk_sample){.total = 204800, .bytes_total = 100 * GIB, .drawn = 6783, .known = 2,
						  .needed = 6783, .bytes_read = UINT64_C(6785) * 512 * KIB,
						  .confidence = 999001, .wanted = 999000, .damage = 1000,
						  .from = "seal"};
		finding_add(&r->findings, PROOF_INTEGRITY, "integrity.sample", "p", OUTCOME_HELD, NULL, "%s",
			    SAMPLED);
		autofree char *s = RENDER(formats[i], &one, r);
		CHECK(has(s, shown[i]));
	}
}

static void json_is_valid(void)
{
	autofree char *evil = RENDER("json", &one, evil_result(CODE_DAMAGED));
	CHECK(is_json(evil));
	CHECK(has(evil, "\"duration_seconds\":0.000"));
	CHECK(has(evil, "\"restore_bytes_per_second\":null"));
	CHECK(has(evil, "\"findings_not_listed\":40")); /* four proofs, broken 60 times each, 50 kept */
	CHECK(python(evil, STRICT "d=load(t)\nassert d[\"exit\"]==12 and len(d[\"proofs\"])==7\n"
				  "assert d[\"host\"].startswith(\"\\x1b[2J\") and d[\"host\"].endswith(\"%s%n\")\n"
				  "assert \"\\ufffd\" in d[\"host\"]"));
	autofree char *bare = RENDER("json", &one, bare_result("web02", CODE_NO_BACKUP));
	CHECK(is_json(bare));
	CHECK(has(bare, "\"restore_point\":null,"));

	struct host_result *r = safe_result("web01");
	r->taken_at = 0;
	r->older = evil_result(CODE_DAMAGED);
	autofree char *older = RENDER("json", &one, r);
	CHECK(is_json(older));
	CHECK(has(older, "\"taken_at\":null,\"age_seconds\":null"));
	CHECK(python(older, STRICT "d=load(t)\nassert d[\"exit\"]==0 and d[\"newer_restore_point\"][\"exit\"]==12"));

	autofree char *many = RENDER("json", &audit, safe_result("a"), evil_result(CODE_STALE),
				     bare_result("c", CODE_NO_BACKUP));
	CHECK(is_json(many));
	CHECK(python(many, STRICT "d=load(t)\ns=d[\"summary\"]\nassert d[\"exit\"]==10 and d[\"code\"]==\"no-backup\"\n"
				  "assert d[\"type\"]==\"audit\" and len(d[\"hosts\"])==3 and s[\"hosts\"]==3\n"
				  "assert s[\"safe\"]==1 and s[\"stale\"]==1 and s[\"no-backup\"]==1 and s[\"busy\"]==0"));
	autofree char *none = render("json", &one, NULL, 0);
	CHECK(is_json(none));
	CHECK(has(none, "\"exit\":20"));
}

static void jsonl_has_an_end(void)
{
	autofree char *s = RENDER("jsonl", &audit, safe_result("a"), evil_result(CODE_DAMAGED));
	size_t lines = 0;
	for (char *save = NULL, *copy = s, *line; (line = strtok_r(copy, "\n", &save)); copy = NULL) {
		autofree char *whole = text_format("%s\n", line);
		CHECK(is_json(whole));
		CHECK(!strncmp(line, lines < 2 ? "{\"type\":\"host\",\"format_version\":" : "{\"type\":\"summary\",", 17));
		CHECK(lines < 2 || strstr(line, "\"hosts\":2,\"exit\":12,\"code\":\"damaged\",\"counts\":{"));
		lines++;
	}
	CHECK_INT(lines, 3);
}

static void measure(const char *s, size_t *lines, size_t *widest)
{
	size_t width = 0;
	*lines = *widest = 0;
	for (; *s; s++) {
		width = *s == '\n' ? 0 : width + (((unsigned char)*s & 0xc0) != 0x80);
		*lines += *s == '\n';
		if (width > *widest)
			*widest = width;
	}
}

static void text_says_it_first(void)
{
	size_t lines, widest;
	autofree char *s = RENDER("text", &one, safe_result("web01"));
	CHECK(starts(s, "web01: SAFE to patch (full check, 3.2 s)\n"));
	CHECK(has(s, "/srv/backup/web01/2026-11-21/web01.img.zst\n"));
	CHECK(has(s, "2026-11-21T19:00:00Z, 1h 0m ago (at most 1d 0h is allowed)"));
	CHECK(has(s, "  ok   restore    64 files came out, 40 proved themselves\n")); /* the summary */
	CHECK(has(s, "  ok   identity   as it should be\n"));
	CHECK(has(s, "64 files, 100 MiB, at 50 MiB/s"));
	CHECK(has(s, "All 30 GiB at that rate: about 10m 14s, an estimate"));
	CHECK(!strstr(s, "FAIL") && !strstr(s, "??"));
	measure(s, &lines, &widest);
	CHECK(lines <= 22 && widest <= 80);

	static const struct report_options colored = {.width = 80, .color = true}, verbose = {.verbose = true};
	for (int c = 10; c <= 21; c++) {
		if (!strcmp(code_name(c), "internal"))
			continue;
		struct host_result *r = evil_result(c);
		free(r->host);
		r->host = strdup("web01");
		autofree char *plain = RENDER("text", &one, r);
		autofree char *head = text_format("web01: NOT SAFE to patch: %s (full check, 0.0 s, exit %d)\n",
						  code_name(c), c);
		CHECK(!strncmp(plain, head, strlen(head)));
		measure(plain, &lines, &widest);
		CHECK(lines <= 24 && widest <= 80);
		CHECK(is_clean(plain, false) && !strstr(plain, "\xe2\x80\xae"));
	}
	autofree char *color = RENDER("text", &colored, evil_result(CODE_DAMAGED));
	CHECK(is_clean(color, true) && has(color, "\033[1;31mNOT SAFE to patch: damaged\033[0m"));
	autofree char *all = RENDER("text", &verbose, evil_result(CODE_DAMAGED));
	CHECK(is_clean(all, false) && has(all, "and 10 more of a kind listed above"));
	CHECK(has(all, "seed 18446744073709551615"));
	CHECK(!strstr(all, "...")); /* nothing is cut */
}

static void text_advises(void)
{
	static const struct {
		enum code code;
		enum error_class error;
		const char *words;
	} rows[] = {
		{CODE_NO_BACKUP, 0, "Make an image backup"}, {CODE_STALE, 0, "Run a backup now"},
		{CODE_BUSY, 0, "wait until"},		     {CODE_INTERNAL, 0, "check itself failed"},
		{CODE_CANNOT_TELL, 0, "sha256sum FILE"},     {CODE_CANNOT_TELL, ERROR_LIMIT, "--deadline"},
		{CODE_CANNOT_TELL, ERROR_IO, "permissions"}, {CODE_CANNOT_TELL, ERROR_ENCRYPTED, "key"},
		{CODE_CANNOT_TELL, ERROR_UNSUPPORTED, "no reader"},
		{CODE_CANNOT_TELL, ERROR_INTERNAL, "check itself failed"},
	};
	static const struct report_options wide = {.width = 1000};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct host_result *r = new_result("web01", rows[i].code);
		struct error e = {.cls = rows[i].error, .offset = -1, .text = "why"};
		if (e.cls)
			finding_error(&r->findings, PROOF_STRUCTURE, "a.check", "x", &e);
		autofree char *s = RENDER("text", &wide, r);
		CHECK(has(s, rows[i].words));
	}
	static const enum proof broken[] = {PROOF_IDENTITY, PROOF_COVERAGE, PROOF_PRESENCE, PROOF_RESTORE};
	static const char *const words[] = {"another machine", "backup job", "all parts", "more than this backup"};
	for (size_t i = 0; i < ARRAY_SIZE(broken); i++) {
		struct host_result *r = new_result("web01", CODE_INCOMPLETE);
		r->verdict.proofs[broken[i]] = OUTCOME_BROKEN;
		autofree char *s = RENDER("text", &wide, r);
		CHECK(has(s, words[i]));
	}
	struct host_result *r = safe_result("web01");
	r->age = 86000;
	autofree char *near = RENDER("text", &wide, r);
	CHECK(has(near, "soon be too old"));
	r = safe_result("web01");
	r->older = bare_result("web01", CODE_DAMAGED);
	r->verdict.proofs[PROOF_IDENTITY] = OUTCOME_UNPROVEN;
	autofree char *older = RENDER("text", &wide, r);
	CHECK(has(older, "The newest restore point is not safe (damaged: no restore point)"));
	CHECK(has(older, "(not required)"));
}

static void text_tables(void)
{
	struct host_result *old = safe_result("web03");
	size_t lines, widest;
	old->older = bare_result("web03", CODE_DAMAGED);
	autofree char *s = RENDER("text", &audit, safe_result("web01"), bare_result("web02", CODE_STALE), old,
				  evil_result(CODE_DAMAGED));
	CHECK(starts(s, "HOST"));
	CHECK(is_clean(s, false));
	CHECK(has(s, "4 hosts: 2 safe, 1 stale, 1 damaged (exit 12)\n"));
	CHECK(has(s, "an older restore point"));
	const char *stale = strstr(s, "\nweb02"), *safe = strstr(s, "\nweb01");
	CHECK(stale && safe && stale < safe);
	measure(s, &lines, &widest);
	CHECK(lines == 7 && widest <= 80);
	autofree char *none = render("text", &audit, NULL, 0);
	CHECK_STR(none, "No host was checked: cannot-tell (exit 20)\n");
}

static void all_formats_are_listed(void)
{
	size_t count;
	const char *const *names = report_format_names(&count);
	CHECK_INT(count, 7);
	for (size_t i = 0; i < count; i++)
		CHECK(report_format(names[i]) && !strcmp(report_format(names[i])->name, names[i]));
	CHECK(!report_format("yaml"));
}

int main(void)
{
	RUN(all_formats_are_listed);
	RUN(json_is_the_contract);
	RUN(what_was_run);
	RUN(samples_are_shown);
	RUN(json_is_valid);
	RUN(jsonl_has_an_end);
	RUN(text_says_it_first);
	RUN(text_advises);
	RUN(text_tables);
	return test_done();
}
