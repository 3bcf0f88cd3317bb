// SPDX-License-Identifier: GPL-3.0-or-later
/* What the tests of the reports share: results with plain and with hostile names, and rendering them. */
#ifndef REPORT_CASE_H
#define REPORT_CASE_H

#include "backproof/report.h"
#include "test.h"

/* What a name in an image may hold: escapes, line ends, quotes, markup, bad UTF-8, a bidi override, a pipe. */
#define EVIL                                                                                       \
	"\033[2J\033]0;x\a|a'\"\\\r\n]]></script><script>alert(1)</script>}{\",\"exit\":0,<!--&amp;"       \
	"\xff\xc3(\xe2\x80\xae\xc2\x9b\xef\xbf\xbe${x}`id` %s%n"

static inline struct host_result *new_result(const char *host, enum code code)
{
	struct host_result *r = calloc(1, sizeof *r);
	NEED(r && !findings_init(&r->findings));
	r->host = strdup(host);
	r->policy = strdup("default");
	r->depth = DEPTH_FULL;
	r->seed = UINT64_MAX;
	r->checked_at = 1795291200; /* 2026-11-21T20:00:00Z */
	r->max_age = 86400;
	r->verdict.code = code;
	return r;
}

static inline void destroy(struct host_result *r)
{
	host_result_free(r);
	free(r);
}

static inline void add_point(struct host_result *r, const char *path)
{
	r->has_point = true;
	NEED(!strings_add(&r->paths, path) && !strings_add(&r->formats, "zstd") && !strings_add(&r->formats, "raw"));
	r->taken_at = r->checked_at - 3600;
	r->age = 3600;
	r->bytes = UINT64_C(1) << 60;
	r->measures = (struct measures){
		.bytes_read = (UINT64_C(1) << 53) + 1, .bytes_decoded = 3 * GIB, .files_sampled = 64,
		.files_restored = 64, .files_witnessed = 40, .bytes_restored = 100 * MIB, .restore_seconds = 2,
		.duration_seconds = 3.2, .image_data = 30 * GIB,
	};
}

static inline struct host_result *safe_result(const char *host)
{
	struct host_result *r = new_result(host, CODE_SAFE);
	add_point(r, "/srv/backup/web01/2026-11-21/web01.img.zst");
	for (int p = 0; p < PROOF_COUNT; p++) {
		r->verdict.proofs[p] = OUTCOME_HELD;
		finding_add(&r->findings, p, "a.check", "web01.img.zst", OUTCOME_HELD, NULL, "as it should be");
	}
	finding_add(&r->findings, PROOF_RESTORE, "restore.summary", "web01", OUTCOME_SKIPPED, NULL,
		    "64 files came out, 40 proved themselves");
	findings_seal(&r->findings);
	return r;
}

static inline struct host_result *evil_result(enum code code)
{
	struct host_result *r = new_result(EVIL, code);
	struct finding_text more = {.expected = EVIL, .measured = EVIL, .offset = 0, .has_offset = true,
				    .error = ERROR_CORRUPT};
	add_point(r, "/srv/" EVIL "/a/very/long/path/that/goes/on/and/on/and/on/and/on/until/the/image.img.zst");
	NEED(!strings_add(&r->paths, EVIL) && !strings_add(&r->formats, EVIL));
	free(r->policy);
	r->policy = strdup(EVIL);
	for (int p = 0; p < PROOF_COUNT; p++) {
		r->verdict.proofs[p] = p % 3 ? OUTCOME_BROKEN : OUTCOME_UNPROVEN;
		for (int i = 0; i < 60; i++)
			finding_add(&r->findings, p, "a.check", EVIL, p % 3 ? OUTCOME_BROKEN : i % 6, &more, "%s",
				    EVIL);
	}
	findings_seal(&r->findings);
	for (int i = 0; code && i < 5; i++) {
		autofree char *line = text_format("%s: %s: %d %s", code_name(code), EVIL, i, EVIL);
		NEED(line && !strings_add(&r->verdict.reasons, line));
	}
	r->measures.duration_seconds = 0.0 / 0.0;
	r->measures.restore_seconds = -1.0 / 0.0;
	return r;
}

static inline struct host_result *bare_result(const char *host, enum code code)
{
	struct host_result *r = new_result(host, code);
	autofree char *line = text_format("%s: no restore point", code_name(code));
	NEED(line && !strings_add(&r->verdict.reasons, line));
	findings_seal(&r->findings);
	return r;
}

/* Renders and frees the results. */
static inline char *render(const char *format, const struct report_options *o, struct host_result **all, size_t count)
{
	const struct report_format *f = report_format(format);
	NEED(f);
	struct text out = {0};
	enum code codes[8], overall;
	for (size_t i = 0; i < count; i++)
		codes[i] = all[i]->verdict.code;
	overall = codes_combine(codes, count);
	if (f->begin)
		f->begin(&out, o);
	for (size_t i = 0; f->host && i < count; i++)
		f->host(&out, all[i], o, i);
	if (f->end)
		f->end(&out, (const struct host_result *const *)all, count, overall,
		       exit_status(overall, EXIT_PLAIN, false), o);
	NEED(!out.failed);
	for (size_t i = 0; i < count; i++)
		destroy(all[i]);
	return out.data ? out.data : strdup("");
}
#define RENDER(format, o, ...)                                                                     \
	render(format, o, (struct host_result *[]){__VA_ARGS__},                                   \
	       sizeof((struct host_result *[]){__VA_ARGS__}) / sizeof(struct host_result *))

static const struct report_options one = {.width = 80, .now = 1795291200};
static const struct report_options audit = {.width = 80, .now = 1795291200, .audit = true};

static inline bool has(const char *text, const char *part)
{
	bool found = strstr(text, part);
	if (!found)
		fprintf(stderr, "no \"%s\" in:\n%s\n", part, text);
	return found;
}

static inline bool starts(const char *text, const char *part)
{
	return has(text, part) && strstr(text, part) == text;
}

/* Runs Python on the text; true when there is no python3, too. */
static inline bool python(const char *text, const char *script)
{
	static int there = -1;
	char path[] = "/tmp/backproof-report-XXXXXX", command[1024];
	if (there < 0)
		there = !system("python3 -c pass 2>/dev/null");
	int fd = mkstemp(path);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "w");
	NEED(f && fputs(text, f) >= 0 && !fclose(f));
	snprintf(command, sizeof command, "python3 -c '%s' %s", script, path);
	bool good = !there || !system(command);
	if (!good)
		fprintf(stderr, "%s\n", text);
	unlink(path);
	return good;
}

/* Nothing that steers a terminal: only our own colours, and only when asked for. */
static inline bool is_clean(const char *s, bool color)
{
	for (; *s; s++) {
		if (*s == '\033' && color && s[1] == '[') {
			size_t n = strspn(s + 2, "0123456789;");
			if (s[2 + n] != 'm')
				return false;
		} else if (((unsigned char)*s < 0x20 && *s != '\n') || *s == 0x7f) {
			return false;
		}
	}
	return true;
}

#endif
