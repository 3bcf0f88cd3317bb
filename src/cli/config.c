// SPDX-License-Identifier: GPL-3.0-or-later
/* backproof config check|dump */
#include "commands.h"
#include "output.h"

int command_config(struct options *o)
{
	struct config config;
	const char *what = o->arguments.count == 1 ? o->arguments.items[0] : "";
	bool dump = !strcmp(what, "dump");
	if (!dump && strcmp(what, "check"))
		return complain(CODE_USAGE, "config takes one word: check or dump");
	if (load_config(o, &config) < 0)
		return CODE_CONFIG;
	autotext struct text t = {0};
	if (dump)
		config_dump(&config, &t);
	else
		text_printf(&t, "configuration is good: %zu repositories, %zu policies, %zu hosts\n",
			    config.repository_count, config.policy_count, config.host_count);
	config_free(&config);
	return output_show(&t);
}
