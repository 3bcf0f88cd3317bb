// SPDX-License-Identifier: GPL-3.0-or-later
/* backproof run HOST -- COMMAND...: standard input, output and error are COMMAND's. */
#include <signal.h>
#include <sys/prctl.h>

#include "backproof/patch.h"
#include "commands.h"
#include "judge.h"
#include "output.h"
#include "trace.h"

struct run {
	struct options *o;
	struct judging j;
	struct strings command;
	struct patch *patch;
	struct output output; /* of --output, open from before anything is read */
	bool opened;
};

static void put_words(const struct run *x, struct text *out)
{
	autotext struct text words = {0};
	words_put(&x->command, &words);
	text_put_safe(out, text_str(&words));
}

/* What the gate says goes to standard error. */
static void tell(const struct run *x)
{
	const struct host_result *r = &x->j.result;
	autotext struct text t = {0};
	char age[32];
	if (x->o->verbose) {
		struct options all = *x->o;
		all.format = NULL;
		all.quiet = false;
		judge_report(&all, r, exit_status(r->verdict.code, EXIT_PLAIN, false), &t);
	} else if (!lets_patch(r)) {
		text_put(&t, "backproof: ");
		judge_short(r, &t);
	} else if (r->verdict.code == CODE_WAIVED) {
		; /* below */
	} else if (!x->o->quiet) {
		text_put(&t, "backproof: ");
		text_put_safe(&t, r->host);
		text_printf(&t, ": safe: %s check of ", depth_name(r->depth));
		text_put_safe(&t, r->point_label ? r->point_label : "its backup");
		if (r->taken_at)
			text_printf(&t, ", taken %s ago", format_duration(r->age, age));
		text_put(&t, "\n");
	}
	if (!lets_patch(r)) {
		text_put(&t, "backproof: not run: ");
		put_words(x, &t);
		text_put(&t, "\n");
	}
	(void)!write(STDERR_FILENO, text_str(&t), t.length);
	mention_said(r);
}

static void put_report(const struct run *x, struct text *out)
{
	const struct host_result *r = &x->j.result;
	judge_report(x->o, r, exit_status(r->verdict.code, x->o->exit_style, false), out);
}

static bool is_regular(const struct run *x)
{
	return x->opened && x->output.temporary;
}

static int write_output(struct run *x, struct error *e)
{
	autotext struct text t = {0};
	put_report(x, &t);
	int rc = judge_spares(x->o, &x->j.result, e);
	if (rc == 0)
		rc = output_write(&x->output, &t, e);
	if (rc == 0)
		rc = output_commit(&x->output, e);
	output_close(&x->output);
	x->opened = false;
	return rc;
}

/* Where COMMAND was not run, or has ended. */
static int write_last(struct run *x, struct error *e)
{
	autotext struct text t = {0};
	if (x->opened)
		return write_output(x, e);
	if (!x->o->output && !x->o->format)
		return 0;
	put_report(x, &t);
	return judge_spares(x->o, &x->j.result, e) < 0 ? -1 : output_text(x->o->output, &t, e);
}

/* A verdict that can't be told starts nothing. */
static bool report_first(struct run *x)
{
	struct error e = {0};
	struct host_result *r = &x->j.result;
	int rc = is_regular(x) ? write_output(x, &e) : judge_spares(x->o, r, &e);
	if (rc < 0)
		(void)complain(CODE_INTERNAL, e.text);
	else
		rc = passes_write(&x->j.passes, r, true);
	if (rc == 0)
		return true;
	judge_unreported(&x->j);
	r->verdict.code = CODE_INTERNAL;
	r->patch->state = PROGRAM_NONE;
	patch_end(x->patch, r);
	return false;
}

static int not_run(struct run *x, bool reported)
{
	struct error e = {0};
	struct host_result *r = &x->j.result;
	int status = exit_status(r->verdict.code, x->o->exit_style, false);
	tell(x);
	bool written = write_last(x, &e) == 0;
	if (!written)
		status = exit_status(complain(CODE_INTERNAL, e.text), x->o->exit_style, false);
	trace_verdict(x->o, "run", r, reported && written);
	if (passes_write(&x->j.passes, r, reported && written) < 0)
		status = exit_status(CODE_INTERNAL, x->o->exit_style, false);
	return status;
}

static void say_way_back(const struct run *x, const char *what, enum program_state state, int status)
{
	autotext struct text t = {0};
	if (x->o->quiet && state == PROGRAM_EXITED && what == NULL)
		return;
	text_put(&t, x->j.request.host);
	text_printf(&t, ": %s (", what ? what : "the patch failed");
	program_put(state, status, &t);
	text_printf(&t, "); what to restore if need be: backproof rollback %s", x->j.request.host);
	judge_say(text_str(&t));
}

/* Who waits for us sees what COMMAND came to. A second core of it would tell nothing. */
static int end_by(int sig)
{
	sigset_t one;
	(void)prctl(PR_SET_DUMPABLE, 0);
	signal(sig, SIG_DFL);
	sigemptyset(&one);
	sigaddset(&one, sig);
	sigprocmask(SIG_UNBLOCK, &one, NULL);
	raise(sig);
	return 128 + sig;
}

static int outcome(const struct run *x)
{
	const struct patch_record *p = x->j.result.patch;
	if (p->state == PROGRAM_NONE)
		return CODE_CANNOT_TELL; /* main ends by the signal that was first */
	if (p->state == PROGRAM_FAILED) {
		autotext struct text t = {0};
		text_printf(&t, "%s: ", x->command.items[0]);
		program_put(p->state, p->status, &t);
		judge_say(text_str(&t));
		return program_shell_status(p->state, p->status);
	}
	if (p->state != PROGRAM_EXITED || p->status)
		say_way_back(x, NULL, p->state, p->status);
	if (patch_post_failed(p))
		say_way_back(x, "the check after the patch failed", p->post_state, p->post_status);
	if (p->state != PROGRAM_EXITED || p->status || !patch_post_failed(p))
		return program_shell_status(p->state, p->status);
	return p->post_state == PROGRAM_EXITED ? p->post_status : 1;
}

static int run_it(struct run *x)
{
	struct error e = {0};
	struct host_result *r = &x->j.result;
	tell(x);
	trace_verdict(x->o, "run", r, true);
	trace_patch(r, true);
	size_t told = r->notes.count;
	bool same = patch_run(x->patch, r);
	patch_end(x->patch, r);
	trace_patch(r, false);
	for (size_t i = told; i < r->notes.count; i++)
		judge_say(r->notes.items[i]);
	if (!same)
		return not_run(x, true);
	int status = outcome(x);
	if (write_last(x, &e) < 0) {
		(void)complain(CODE_INTERNAL, e.text);
		status = status ? status : exit_status(CODE_INTERNAL, x->o->exit_style, false);
	}
	return status;
}

static int judge(struct run *x)
{
	struct host_result *r = &x->j.result;
	judge_host(&x->j);
	size_t told = r->notes.count;
	bool admitted = patch_admit(x->patch, r), reported = true;
	if (admitted) {
		patch_begin(x->patch, r);
		admitted = reported = report_first(x);
	}
	for (size_t i = told; i < r->notes.count; i++)
		judge_say(r->notes.items[i]);
	return admitted ? run_it(x) : not_run(x, reported);
}

static int usage(const struct options *o, const char *text)
{
	enum exit_style style = o->exit_style == EXIT_NAGIOS ? EXIT_PLAIN : o->exit_style;
	return exit_status(complain(CODE_USAGE, text), style, false);
}

static int prepare(struct run *x)
{
	struct options *o = x->o;
	struct error e = {0};
	enum code code;
	if (!o->command || !o->command[0] || !*o->command[0])
		return usage(o, "run needs a command: backproof run HOST -- COMMAND...");
	/* 1 and 2 would be the gate's or COMMAND's: nobody could tell. */
	if (o->exit_style == EXIT_NAGIOS)
		return usage(o, "--exit-style nagios is for checks: run ends as COMMAND does");
	for (char **word = o->command; *word; word++)
		if (strings_add(&x->command, *word) < 0)
			return complain(CODE_INTERNAL, "out of memory");
	int status = judge_prepare(&x->j, o, "run");
	if (status)
		return status;
	const struct patch_request q = {&x->j.request, &x->command, o->post, judge_say};
	x->patch = patch_open(&q, &code, &e);
	if (!x->patch)
		return exit_status(complain(code, e.text), o->exit_style, false);
	if (o->output && output_open(&x->output, o->output, &e) < 0)
		return exit_status(complain(CODE_INTERNAL, e.text), o->exit_style, false);
	x->opened = o->output != NULL;
	return 0;
}

int command_run(struct options *o)
{
	struct run x = {.o = o};
	int status = prepare(&x);
	if (!status)
		status = judge(&x);
	const struct patch_record *p = x.j.judged ? x.j.result.patch : NULL;
	int sig = p && p->state == PROGRAM_SIGNALLED ? p->status : 0;
	if (x.opened)
		output_close(&x.output);
	patch_destroy(x.patch);
	judge_free(&x.j);
	strings_free(&x.command);
	return sig ? end_by(sig) : status;
}
