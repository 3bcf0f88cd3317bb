// SPDX-License-Identifier: GPL-3.0-or-later
/* backproof inspect PATH... */
#include "commands.h"
#include "output.h"
#include "progress.h"

static int fail(const struct error *e)
{
	return complain(e->cls == ERROR_INTERNAL  ? CODE_INTERNAL
			: e->cls == ERROR_MISSING ? CODE_INCOMPLETE
						  : CODE_CANNOT_TELL,
			e->text);
}

static int write_out(const struct options *o, struct text *t, int code)
{
	struct error e;
	return output_text(o->output, t, &e) < 0 ? complain(CODE_INTERNAL, e.text) : code;
}

/* The bytes of one file go straight to standard output; all that is to be said goes to standard error. */
static int cat(const struct options *o, struct budget *budget)
{
	autotext struct text log = {0};
	struct error e = {0};
	char *names[] = {(char *)(uintptr_t)o->cat};
	struct strings files = {names, 1, 1};
	struct browse_request r = {&o->arguments, &files, o->fs, &o->overrides, budget};
	int code = gate_cat(&r, STDOUT_FILENO, &log, &e);
	if (code < 0)
		return fail(&e);
	(void)!write(STDERR_FILENO, text_str(&log), log.length);
	return code;
}

static int list(const struct options *o, struct budget *budget, bool json)
{
	autotext struct text t = {0};
	struct error e = {0};
	char *names[] = {(char *)(uintptr_t)o->list};
	struct strings files = {names, 1, 1};
	struct browse_request r = {&o->arguments, &files, o->fs, &o->overrides, budget};
	int code = gate_list(&r, json, &t, &e);
	return code < 0 ? fail(&e) : write_out(o, &t, code);
}

int command_inspect(struct options *o)
{
	struct error e = {0};
	struct budget budget;
	autotext struct text t = {0};
	bool json = o->format && !strcmp(o->format->name, "json");
	if (!o->arguments.count)
		return complain(CODE_USAGE, "inspect needs a PATH: backproof inspect PATH...");
	if (o->format && !json && strcmp(o->format->name, "text"))
		return complain(CODE_USAGE, "inspect writes text or json");
	if (o->cat && (o->list || o->format || o->output))
		return complain(CODE_USAGE, "--cat writes a file as it is: not with --ls, --format or --output");
	if (o->fs && !o->cat && !o->list)
		return complain(CODE_USAGE, "--fs is for --ls and --cat");
	budget_init(&budget);
	if (o->cat)
		return cat(o, &budget);
	if (o->list)
		return list(o, &budget, json);
	int code = gate_inspect(&o->arguments, json, &o->overrides, &t, &e);
	return code < 0 ? fail(&e) : write_out(o, &t, code);
}
