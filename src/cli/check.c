// SPDX-License-Identifier: GPL-3.0-or-later
/* backproof check HOST */
#include <sys/ioctl.h>
#include <time.h>

#include "commands.h"
#include "judge.h"
#include "output.h"
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

static int write_report(const struct options *o, const struct host_result *r, int status, struct error *e)
{
	autotext struct text t = {0};
	judge_report(o, r, status, &t);
	return judge_spares(o, r, e) < 0 ? -1 : output_text(o->output, &t, e);
}

int command_check(struct options *o)
{
	struct judging j;
	struct error e = {0};
	struct host_result *r = &j.result;
	int status = judge_prepare(&j, o, "check");
	if (status) {
		judge_free(&j);
		return status;
	}
	judge_host(&j);
	/* Also for who looks at nothing but the exit status; a report on the screen says it itself. */
	if (o->quiet || o->output || (o->format && strcmp(o->format->name, "text")))
		mention_said(r);
	status = exit_status(r->verdict.code, o->exit_style, host_result_near_max_age(r));
	/* The verdict counts only when it could be told. */
	bool reported = write_report(o, r, status, &e) == 0;
	if (!reported && lets_patch(r))
		judge_unreported(&j);
	if (!reported)
		status = exit_status(complain(CODE_INTERNAL, e.text), o->exit_style, false);
	trace_verdict(o, "check", r, reported);
	if (passes_write(&j.passes, r, reported) < 0)
		status = exit_status(CODE_INTERNAL, o->exit_style, false);
	judge_free(&j);
	return status;
}
