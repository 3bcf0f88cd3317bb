// SPDX-License-Identifier: GPL-3.0-or-later
/* backproof check HOST */
#include <sys/ioctl.h>
#include <time.h>

#include "commands.h"
#include "output.h"
#include "pass_file.h"
#include "progress.h"
#include "trace.h"

int load_config(const struct options *o, struct config *out)
{
	struct error e = {0};
	/* --from needs no configuration: what is configured for others must not stand in the way of it. */
	if (config_load(o->config, o->overrides.policy, out, &e) == 0)
		return 0;
	complain(CODE_CONFIG, e.text);
	return -1;
}

struct report_options report_settings(const struct options *o, bool audit)
{
	struct winsize w = {0};
	bool terminal = !o->output && isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0;
	return (struct report_options){
		.color = color_wanted(o, STDOUT_FILENO),
		.verbose = o->verbose,
		.width = terminal ? w.ws_col : 0,
		.audit = audit,
		.confinement = o->show_confinement,
		.now = o->overrides.now ? o->overrides.now : (int64_t)time(NULL),
	};
}

void mention_said(const struct host_result *r)
{
	autotext struct text waived = {0}, suspect = {0};
	const char *host = r->host ? r->host : "";
	if (r->verdict.code == CODE_WAIVED && r->waiver) {
		text_printf(&waived, "%s: WAIVED ", host);
		report_put_waiver(&waived, r->waiver, 0);
		text_printf(&waived, "; not safe: %s",
			    r->verdict.reasons.count ? r->verdict.reasons.items[0] : code_name(r->verdict.waived));
		(void)complain(CODE_WAIVED, text_str(&waived));
	}
	if (r->suspect) {
		text_printf(&suspect, "%s: SUSPECT: %s: this backup must not be trusted for a clean restore", host,
			    r->suspect);
		(void)complain(r->verdict.code, text_str(&suspect));
	}
}

/* With --quiet the text of a safe host is silence, as is that of one that standard error tells of; else why not. */
static void quiet_text(struct text *out, const struct host_result *r)
{
	if (r->verdict.code == CODE_SAFE || r->verdict.code == CODE_WAIVED)
		return;
	text_put_safe(out, r->host);
	text_printf(out, ": %s\n", code_name(r->verdict.code));
	for (size_t i = 0; i < r->verdict.reasons.count; i++) {
		text_put(out, "  ");
		text_put_safe(out, r->verdict.reasons.items[i]);
		text_put(out, "\n");
	}
}

static int write_report(const struct options *o, struct host_result *r, int status, struct error *e)
{
	const struct report_format *format = o->format ? o->format : report_format("text");
	struct report_options settings = report_settings(o, false);
	const struct host_result *all[] = {r};
	autotext struct text t = {0};
	if (o->quiet && !strcmp(format->name, "text")) {
		quiet_text(&t, r);
	} else {
		if (format->begin)
			format->begin(&t, &settings);
		if (format->host)
			format->host(&t, r, &settings, 0);
		if (format->end)
			format->end(&t, all, 1, r->verdict.code, status, &settings);
	}
	int rc = 0;
	for (const struct host_result *it = r; it && rc == 0; it = it->older)
		rc = output_spares(o->output, &it->paths, e);
	if (rc < 0)
		return -1;
	return output_text(o->output, &t, e);
}

int command_check(struct options *o)
{
	struct config config;
	struct budget budget;
	struct host_result result;
	struct passes passes;
	struct error e = {0};
	if (o->arguments.count != 1)
		return complain(CODE_USAGE, o->arguments.count ? "check takes one HOST; there is a stray argument"
							       : "check needs a HOST: backproof check HOST");
	if (!*o->arguments.items[0])
		return complain(CODE_USAGE, "the HOST is empty");
	if (load_config(o, &config) < 0)
		return exit_status(CODE_CONFIG, o->exit_style, false);
	enum code refused = passes_prepare(&passes, o, &config, &o->arguments);
	if (refused != CODE_SAFE) {
		passes_free(&passes);
		config_free(&config);
		return exit_status(refused, o->exit_style, false);
	}
	budget_init(&budget);
	if (o->overrides.deadline)
		budget.deadline_ns = monotonic_ns() + o->overrides.deadline * INT64_C(1000000000);
	struct gate_request request = {.host = o->arguments.items[0],
				       .config = &config,
				       .from = &o->from,
				       .overrides = &o->overrides,
				       .budget = &budget};
	if (gate_be_polite(&config, &o->overrides, &o->arguments, &e) < 0)
		(void)complain(CODE_CANNOT_TELL, e.text); /* less considerate, and no less true */
	struct progress *progress = progress_start(o, &budget, request.host);
	gate_check(&request, &result);
	progress_stop(progress);
	mention(&result.notes);
	/* Also for who looks at nothing but the exit status; a report on the screen says it itself. */
	if (o->quiet || o->output || (o->format && strcmp(o->format->name, "text")))
		mention_said(&result);
	int status = exit_status(result.verdict.code, o->exit_style, host_result_near_max_age(&result));
	/* The verdict counts only when it could be told. */
	bool reported = write_report(o, &result, status, &e) == 0;
	if (!reported)
		status = exit_status(complain(CODE_INTERNAL, e.text), o->exit_style, false);
	trace_verdict(o, "check", &result, reported);
	if (passes_write(&passes, &result, reported) < 0)
		status = exit_status(CODE_INTERNAL, o->exit_style, false);
	host_result_free(&result);
	passes_free(&passes);
	config_free(&config);
	return status;
}
