// SPDX-License-Identifier: GPL-3.0-or-later
/* backproof extract PATH FILE... -C DIR */
#include "commands.h"
#include "progress.h"

int command_extract(struct options *o)
{
	autotext struct text log = {0};
	struct error e = {0};
	struct budget budget;
	/* The parts of the backup: the first argument, and what --from adds; the rest are files in it. */
	if (o->arguments.count < 2)
		return complain(CODE_USAGE, "extract needs a PATH and a FILE: backproof extract PATH FILE... -C DIR");
	for (size_t i = 1; i < o->arguments.count; i++)
		if (!*o->arguments.items[i])
			return complain(CODE_USAGE, "the name of a FILE is empty: / is all of the backup");
	if (!o->directory)
		return complain(CODE_USAGE, "extract needs a directory to restore to: -C DIR");
	if (strings_add(&o->from, o->arguments.items[0]) < 0)
		return complain(CODE_INTERNAL, "out of memory");
	struct strings files = {o->arguments.items + 1, o->arguments.count - 1, o->arguments.count - 1};
	struct browse_request r = {&o->from, &files, o->fs, &o->overrides, &budget};
	budget_init(&budget);
	budget.stage = "restore";
	struct progress *progress = progress_start(o, &budget, o->arguments.items[0]);
	int code = gate_extract(&r, o->directory, &log, &e);
	progress_stop(progress);
	if (code < 0)
		return complain(e.cls == ERROR_INTERNAL	 ? CODE_INTERNAL
				: e.cls == ERROR_MISSING ? CODE_INCOMPLETE
							 : CODE_CANNOT_TELL,
				e.text);
	if (log.length && write(STDERR_FILENO, text_str(&log), log.length) < 0 && !code)
		code = CODE_INTERNAL;
	return code;
}
