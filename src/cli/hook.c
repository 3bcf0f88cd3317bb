// SPDX-License-Identifier: GPL-3.0-or-later
/* backproof hook apt|dnf|pacman|zypper|systemd */
#include "backproof/hook.h"

#include "commands.h"

int command_hook(struct options *o)
{
	static const char *const names[] = {"apt", "dnf", "pacman", "zypper", "systemd"};
	const char *name = o->arguments.count == 1 ? o->arguments.items[0] : "";
	bool known = false;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		known |= !strcmp(name, names[i]);
	if (!known)
		return complain(CODE_USAGE, "hook takes one word: apt, dnf, pacman, zypper or systemd");
	struct hook_request r = {.name = name, .config = o->config, .now = o->overrides.now};
	struct hook_answer a;
	gate_hook(&r, &a);
	(void)!write(STDERR_FILENO, text_str(&a.says), a.says.length);
	text_free(&a.says);
	/* Units have options that take other numbers for "not now", silently. */
	return exit_status(a.code, strcmp(name, "systemd") ? EXIT_PLAIN : EXIT_SYSTEMD, false);
}
