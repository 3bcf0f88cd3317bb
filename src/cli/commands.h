// SPDX-License-Identifier: GPL-3.0-or-later
/* One file a command. Each returns the exit status. */
#ifndef CLI_COMMANDS_H
#define CLI_COMMANDS_H

#include "options.h"

int command_check(struct options *o);
int command_audit(struct options *o);
int command_inspect(struct options *o);
int command_extract(struct options *o);
int command_config(struct options *o);
int command_key(struct options *o);
int command_pass(struct options *o);
int command_history(struct options *o);
int command_seal(struct options *o);
int command_run(struct options *o);
int command_rollback(struct options *o);
int command_waive(struct options *o);
int command_hook(struct options *o);
int command_completion(struct options *o);

/* "backproof: text" on standard error, escaped; returns code. */
int complain(enum code code, const char *text);
/* The same of each, where it changes no code. */
void mention(const struct strings *notes);
/*
 * What people have said of a host, on standard error, a line each: that it was waived and by whom, that its backup is
 * suspect. Never silent.
 */
void mention_said(const struct host_result *r);
/* Loads the configuration; -1 after complaining. With --from and no --config none is needed. */
int load_config(const struct options *o, struct config *out);
/* For reports. */
struct report_options report_settings(const struct options *o, bool audit);

#endif
