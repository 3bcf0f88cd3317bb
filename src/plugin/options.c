// SPDX-License-Identifier: GPL-3.0-or-later
#include <getopt.h>
#include <time.h>

#include "plugin.h"

/* What a nightly audit that took its time leaves room for. */
#define USUAL_CRITICAL "26h"
#define USUAL_TIMEOUT 10

enum { OPTION_CONFIG = 256, OPTION_NOW };

static const struct row {
	struct option option;
	const char *value, *help;
} rows[] = {
	{{"hostname", required_argument, NULL, 'H'}, "HOST", "this host, or @GROUP of the "
	 "configuration (may be repeated); otherwise all"},
	{{"warning", required_argument, NULL, 'w'}, "RANGE", "WARNING when the age of the last verdict is outside"},
	{{"critical", required_argument, NULL, 'c'}, "RANGE", "CRITICAL when it is; otherwise " USUAL_CRITICAL},
	{{"backup-warning", required_argument, NULL, 'W'}, "RANGE", "the same for the age of the backup"},
	{{"backup-critical", required_argument, NULL, 'C'}, "RANGE", "the same; otherwise none"},
	{{"timeout", required_argument, NULL, 't'}, "SECONDS", "UNKNOWN after so long; otherwise 10"},
	{{"history", required_argument, NULL, 'f'}, "FILE", "the history to read"},
	{{"configured", no_argument, NULL, 'k'}, NULL, "hosts of the configuration: one without a verdict is CRITICAL"},
	{{"config", required_argument, NULL, OPTION_CONFIG}, "FILE", "the same, with this configuration"},
	{{"policy", required_argument, NULL, 'p'}, "NAME", "WARNING for what another policy has found safe"},
	{{"now", required_argument, NULL, OPTION_NOW}, "RFC3339", "take this for the time (for tests)"},
	{{"verbose", no_argument, NULL, 'v'}, NULL, "all hosts, and all reasons"},
	{{"version", no_argument, NULL, 'V'}, NULL, "show the version"},
	{{"help", no_argument, NULL, 'h'}, NULL, "show this"},
};

static int set_range(struct range *to, const char *option, const char *value, struct error *e)
{
	return range_parse(value, to) == 0
		       ? 0
		       : error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "%s: \"%s\" is no range: write it like 26h, 10:, "
				   "~:10, 10:20 or @10:20", option, value);
}

static int set_text(const char **to, const char *option, const char *value, struct error *e)
{
	*to = value;
	return *value ? 0 : error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "%s: it is empty", option);
}

static int set_timeout(unsigned *to, const char *value, struct error *e)
{
	uint64_t n;
	if (parse_u64(value, &n) < 0 || !n || n > 3600)
		return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET,
				 "-t: \"%s\" is no number of seconds from 1 to 3600", value);
	*to = (unsigned)n;
	return 0;
}

static int apply(struct plugin_options *o, int id, const char *value, struct error *e)
{
	const char *text;
	switch (id) {
	case 'H':
		/* A monitor that knows no name passes none: all hosts are not what was meant. */
		if (set_text(&text, "-H", value, e) < 0)
			return -1;
		return strings_add(&o->hosts, value) < 0 ? error_nomem(e) : 0;
	case 'w':
		return set_range(&o->warning, "-w", value, e);
	case 'c':
		return set_range(&o->critical, "-c", value, e);
	case 'W':
		return set_range(&o->backup_warning, "-W", value, e);
	case 'C':
		return set_range(&o->backup_critical, "-C", value, e);
	case 't':
		return set_timeout(&o->timeout, value, e);
	case 'f':
		return set_text(&o->history, "-f", value, e);
	case 'p':
		return set_text(&o->policy, "-p", value, e);
	case OPTION_CONFIG:
		o->configured = true;
		return set_text(&o->config, "--config", value, e);
	case OPTION_NOW:
		return parse_rfc3339(value, &o->now) == 0 && o->now > 0
			       ? 0
			       : error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "--now: \"%s\" is no time", value);
	case 'k':
		o->configured = true;
		return 0;
	case 'v':
		o->verbose = true;
		return 0;
	case 'V':
		o->version = true;
		return 0;
	case 'h':
		o->help = true;
		return 0;
	default:
		return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET,
				 "an option that is not known, or without its value; see check_backproof --help");
	}
}

int plugin_options_parse(struct plugin_options *o, int argc, char **argv, struct error *e)
{
	struct option options[ARRAY_SIZE(rows) + 1] = {0};
	int id;
	memset(o, 0, sizeof *o);
	o->timeout = USUAL_TIMEOUT;
	o->now = (int64_t)time(NULL);
	if (range_parse(USUAL_CRITICAL, &o->critical) < 0)
		return error_set(e, ERROR_INTERNAL, ERROR_NO_OFFSET, "no usual range");
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		options[i] = rows[i].option;
	opterr = 0;
	optind = 1;
	while ((id = getopt_long(argc, argv, "+:H:w:c:W:C:t:f:p:kvVh", options, NULL)) >= 0)
		if (apply(o, id, optarg, e) < 0)
			return -1;
	if (optind < argc)
		return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "a stray argument: %s", argv[optind]);
	for (size_t i = 0; i < o->hosts.count; i++)
		o->configured |= o->hosts.items[i][0] == '@';
	return 0;
}

void plugin_options_free(struct plugin_options *o)
{
	strings_free(&o->hosts);
}

void plugin_options_help(struct text *out)
{
	text_put(out, "usage: check_backproof [-H HOST]... [-w RANGE] [-c RANGE] [options]\n"
		      "What backproof has found out about backups, for a monitor; no backup is read.\n\n");
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char left[64], letter[8] = "    ";
		if (rows[i].option.val < 256)
			snprintf(letter, sizeof letter, "-%c, ", rows[i].option.val);
		snprintf(left, sizeof left, "%s--%s%s%s", letter, rows[i].option.name, rows[i].value ? " " : "",
			 rows[i].value ? rows[i].value : "");
		text_printf(out, "  %-28s  %s\n", left, rows[i].help);
	}
	text_put(out, "\n0 OK: the last verdict is safe and recent. 1 WARNING: waived, suspect, or by -w. 2 CRITICAL:\n"
		      "not safe, too old, or no verdict. 3 UNKNOWN: it could not be told. See check_backproof(1).\n");
}
