// SPDX-License-Identifier: GPL-3.0-or-later
/* check_backproof: what the history knows of hosts, for Nagios, Icinga and their kin. No backup is read. */
#ifndef PLUGIN_PLUGIN_H
#define PLUGIN_PLUGIN_H

#include "backproof/history.h"
#include "range.h"

/* As the monitors number them. Which is worse is another question: see state_worse. */
enum state { STATE_OK, STATE_WARNING, STATE_CRITICAL, STATE_UNKNOWN };
const char *state_name(enum state s);
/* CRITICAL, UNKNOWN, WARNING, OK. */
enum state state_worse(enum state a, enum state b);

struct plugin_options {
	struct strings hosts;	/* and @groups; none: all */
	const char *history, *config, *policy; /* NULL: not given */
	bool configured;	/* by the configuration, this or the system's */
	bool verbose, help, version;
	struct range warning, critical;		      /* age of the verdict */
	struct range backup_warning, backup_critical; /* age of the backup */
	unsigned timeout;	/* seconds */
	int64_t now;
};
/* -1: *e is for the user. Strings point into argv. */
int plugin_options_parse(struct plugin_options *o, int argc, char **argv, struct error *e) must_check;
void plugin_options_free(struct plugin_options *o);
void plugin_options_help(struct text *out);

/* Clocks of two machines; what is further in the future says that one of them is wrong. */
#define CLOCK_SKEW 300

/* What is known of a host. Text is untrusted. */
struct known_host {
	char *name;
	enum state state;
	bool has_verdict;
	int64_t checked_at, taken_at, age, backup_age; /* backup_age: with taken_at */
	uint64_t bytes, rate; /* 0: not known */
	char *policy;
	struct text says; /* the line */
	struct strings details;
	/* While it is judged. */
	int code, depth;
	int64_t verdict, waiver; /* ids */
	char *label, *expected_policy, *suspect;
};
struct known_hosts {
	VEC(struct known_host) list;
	enum state state; /* the worst; none: UNKNOWN */
};
void known_hosts_free(struct known_hosts *k);
/* -1: nothing can be told, and *e says why. */
int known_hosts_look(struct known_hosts *k, const struct plugin_options *o, struct error *e) must_check;
/* Its state and line, once what is stored of it was read. waiver: the one that it names, if in force; or NULL. */
struct waiver;
void known_host_judge(struct known_host *h, const struct waiver *waiver, const struct plugin_options *o);

/* First line with performance data, then details. */
void plugin_say(struct text *out, const struct known_hosts *k, const struct plugin_options *o);
/* UNKNOWN, and why. */
void plugin_say_error(struct text *out, const char *why);
/* Untrusted text on the line of a monitor: one line, no pipe, not too long. */
void plugin_put(struct text *out, const char *s);

#endif
