// SPDX-License-Identifier: GPL-3.0-or-later
/* backproof inspect PATH... */
#include "commands.h"
#include "output.h"
#include "progress.h"

int command_inspect(struct options *o)
{
	struct error e = {0};
	autotext struct text t = {0};
	bool json = o->format && !strcmp(o->format->name, "json");
	if (!o->arguments.count)
		return complain(CODE_USAGE, "inspect needs a PATH: backproof inspect PATH...");
	if (o->format && !json && strcmp(o->format->name, "text"))
		return complain(CODE_USAGE, "inspect writes text or json");
	int code = gate_inspect(&o->arguments, json, &o->overrides, &t, &e);
	if (code < 0)
		return complain(e.cls == ERROR_INTERNAL ? CODE_INTERNAL : CODE_CANNOT_TELL, e.text);
	struct output out;
	int rc = output_open(&out, o->output, &e);
	if (rc == 0)
		rc = output_write(&out, &t, &e);
	if (rc == 0)
		rc = output_commit(&out, &e);
	output_close(&out);
	return rc < 0 ? complain(CODE_INTERNAL, e.text) : code;
}
