// SPDX-License-Identifier: GPL-3.0-or-later
/* backproof hook apt|dnf|pacman|zypper|systemd */
#include "backproof/hook.h"

#include "backproof/journal.h"
#include "commands.h"

/* What a hook says at night, nobody may be shown: its first two lines, in one. */
static void trace(const char *name, const struct hook_answer *a)
{
	static const char prefix[] = "backproof: ";
	const char *first = text_str(&a->says);
	first += strncmp(first, prefix, sizeof prefix - 1) ? 0 : sizeof prefix - 1;
	const char *second = first + strcspn(first, "\n");
	autofree char *line = text_format("%.*s%s%.*s", (int)(second - first), first, *second && second[1] ? ";" : "",
					  *second ? (int)strcspn(second + 1, "\n") : 0, *second ? second + 1 : "");
	const struct journal_field fields[] = {
		{"BACKPROOF_COMMAND", "hook"}, {"BACKPROOF_HOOK", name}, {"BACKPROOF_VERDICT", code_name(a->code)}};
	(void)journal_send(JOURNAL_HOOK, a->code == CODE_WAIVED ? JOURNAL_WARNING : JOURNAL_ERR, line ? line : first,
			   fields, ARRAY_SIZE(fields));
}

int command_hook(struct options *o)
{
	static const char *const names[] = {"apt", "dnf", "pacman", "zypper", "systemd"};
	const char *name = o->arguments.count ? o->arguments.items[0] : "";
	/* Units have options that take other numbers for "not now", silently. */
	enum exit_style style = strcmp(name, "systemd") ? EXIT_PLAIN : EXIT_SYSTEMD;
	bool known = false;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		known |= !strcmp(name, names[i]);
	if (!known || o->arguments.count > 1)
		return exit_status(complain(CODE_USAGE, "hook takes one word: apt, dnf, pacman, zypper or systemd"),
				   style, false);
	struct hook_request r = {.name = name, .config = o->config, .now = o->overrides.now};
	struct hook_answer a;
	gate_hook(&r, &a);
	(void)!write(STDERR_FILENO, text_str(&a.says), a.says.length);
	if (a.code != CODE_SAFE)
		trace(name, &a);
	text_free(&a.says);
	return exit_status(a.code, style, false);
}
