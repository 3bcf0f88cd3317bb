// SPDX-License-Identifier: GPL-3.0-or-later
#include "judge.h"

#include "commands.h"
#include "output.h"
#include "progress.h"

void judge_say(const char *text)
{
	(void)complain(CODE_CANNOT_TELL, text);
}

static int usage(const struct options *o, const char *name, const char *what)
{
	autofree char *text = text_format("%s %s", name, what);
	return exit_status(complain(CODE_USAGE, text ? text : what), o->exit_style, false);
}

int judge_prepare(struct judging *j, const struct options *o, const char *name)
{
	memset(j, 0, sizeof *j);
	j->o = o;
	if (!o->arguments.count)
		return usage(o, name, "needs a HOST");
	if (o->arguments.count > 1)
		return usage(o, name, "takes one HOST; there is a stray argument");
	if (!*o->arguments.items[0])
		return usage(o, name, "has an empty HOST");
	if (*o->arguments.items[0] == '@')
		return usage(o, name, "takes one HOST; audit takes groups");
	if (load_config(o, &j->config) < 0)
		return exit_status(CODE_CONFIG, o->exit_style, false);
	enum code refused = passes_prepare(&j->passes, o, &j->config, &o->arguments);
	if (refused != CODE_SAFE)
		return exit_status(refused, o->exit_style, false);
	budget_init(&j->budget);
	if (o->overrides.deadline)
		j->budget.deadline_ns = seconds_after(monotonic_ns(), o->overrides.deadline);
	j->request = (struct gate_request){.host = o->arguments.items[0],
					   .config = &j->config,
					   .from = &o->from,
					   .overrides = &o->overrides,
					   .budget = &j->budget};
	return 0;
}

static void check(void *ctx, const struct gate_request *r, struct host_result *out)
{
	struct judging *j = ctx;
	r->budget->bytes_read = r->budget->bytes_total = r->budget->bytes_decoded = 0;
	struct progress *progress = progress_start(j->o, r->budget, r->host);
	gate_check(r, out);
	progress_stop(progress);
}

void judge_host(struct judging *j)
{
	struct error e = {0};
	if (gate_be_polite(&j->config, &j->o->overrides, &j->o->arguments, &e) < 0)
		judge_say(e.text); /* less considerate, and no less true */
	check(j, &j->request, &j->result);
	gate_back_up(&j->request, &j->result, judge_say, check, j);
	j->judged = true;
	mention(&j->result.notes);
}

void judge_unreported(struct judging *j)
{
	struct strings notes = {0};
	gate_unreported(&j->request, &j->result, &notes);
	mention(&notes);
	strings_free(&notes);
}

void judge_short(const struct host_result *r, struct text *out)
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

void judge_report(const struct options *o, const struct host_result *r, int status, struct text *out)
{
	const struct report_format *format = o->format ? o->format : report_format("text");
	struct report_options settings = report_settings(o, false);
	const struct host_result *all[] = {r};
	if (o->quiet && !strcmp(format->name, "text")) {
		judge_short(r, out);
		return;
	}
	if (format->begin)
		format->begin(out, &settings);
	if (format->host)
		format->host(out, r, &settings, 0);
	if (format->end)
		format->end(out, all, 1, r->verdict.code, status, &settings);
}

int judge_spares(const struct options *o, const struct host_result *r, struct error *e)
{
	int rc = 0;
	for (const struct host_result *it = r; it && rc == 0; it = it->older)
		rc = output_spares(o->output, &it->paths, e);
	return rc;
}

void judge_free(struct judging *j)
{
	if (j->judged)
		host_result_free(&j->result);
	passes_free(&j->passes);
	config_free(&j->config);
}
