// SPDX-License-Identifier: GPL-3.0-or-later
#include "command_table.h"

#include "commands.h"

const struct command commands[COMMANDS] = {
	{"check", "check HOST [options]", "is it safe to patch HOST now?", FOR_CHECK, command_check},
	{"audit", "audit [HOST|@GROUP]... [options]", "the same for many hosts, side by side", FOR_AUDIT,
	 command_audit},
	{"run", "run HOST [options] -- COMMAND...", "check, and patch only if safe, then look whether all is well",
	 FOR_RUN, command_run},
	{"seal", "seal PATH... [options]", "when a backup is written: its digests and inventory, signed", FOR_SEAL,
	 command_seal},
	{"inspect", "inspect PATH... [options]", "what is in this backup: disks, file systems, system, times",
	 FOR_INSPECT, command_inspect},
	{"extract", "extract PATH FILE... -C DIR [options]", "restore files out of a backup, unprivileged",
	 FOR_EXTRACT, command_extract},
	{"pass", "pass verify|show FILE [options]", "a signed verdict, on the machine that is to be patched", FOR_PASS,
	 command_pass},
	{"history", "history [HOST] [options]", "what was found out before, and the trend", FOR_HISTORY,
	 command_history},
	{"rollback", "rollback HOST [options]", "what to restore, and how, to undo a patch; restores nothing itself",
	 FOR_ROLLBACK, command_rollback},
	{"waive", "waive HOST --reason TEXT --for 2h [options]",
	 "a person says: patch all the same, and that is recorded", FOR_WAIVE, command_waive},
	{"hook", "hook apt|dnf|pacman|zypper|systemd [options]", "what package managers ask: silent when all is well",
	 FOR_HOOK, command_hook},
	{"key", "key new FILE | key show FILE...", "make a key that signs, or show the public half of one", FOR_KEY,
	 command_key},
	{"config", "config check|dump [options]", "the configuration as understood, with file and line",
	 FOR_CONFIG, command_config},
	{"completion", "completion bash|zsh|fish", "completions for a shell", FOR_COMPLETION, command_completion},
};
