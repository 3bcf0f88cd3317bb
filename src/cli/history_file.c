// SPDX-License-Identifier: GPL-3.0-or-later
#include "history_file.h"

#include "commands.h"
#include "output.h"

const char *history_path_of(const struct options *o, const struct config *c, int *status)
{
	const char *path = o->overrides.history;
	const struct host_config *h = o->arguments.count ? config_host(c, o->arguments.items[0]) : NULL;
	const char *name = config_policy_name(o->overrides.policy, h);
	const struct policy *p = config_policy(c, name);
	if (!path && !p) {
		autofree char *text = text_format("there is no policy \"%s\"", name);
		*status = complain(CODE_CONFIG, text ? text : "out of memory");
		return NULL;
	}
	const char *usual = history_usual();
	if (!path && !p->history && !strcmp(usual, HISTORY_DEFAULT) && access(HISTORY_DIRECTORY, F_OK) < 0) {
		*status = complain(CODE_CANNOT_TELL, "no history is kept: " HISTORY_DIRECTORY " is not there; make it, "
						     "or say history = FILE in a policy");
		return NULL;
	}
	if (!path)
		path = p->history ? p->history : usual;
	if (strcmp(path, "none"))
		return path;
	*status = complain(CODE_CANNOT_TELL, "no history is kept: it is \"none\"");
	return NULL;
}

int history_write_out(const struct options *o, const char *path, struct text *out, struct error *e)
{
	char *names[3] = {(char *)(uintptr_t)path, text_format("%s-wal", path), text_format("%s-shm", path)};
	struct strings files = {names, 3, 3};
	int rc = names[1] && names[2] ? output_spares(o->output, &files, e) : error_nomem(e);
	free(names[1]);
	free(names[2]);
	return rc < 0 ? -1 : output_text(o->output, out, e);
}
