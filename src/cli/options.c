// SPDX-License-Identifier: GPL-3.0-or-later
#include "option_rows.h"

static int bad_value(enum option_id id, const char *value, struct error *e)
{
	static const struct {
		const char *value, *wanted;
	} kinds[] = {
		{"N", "a number that can be used here"},
		{"SIZE", "a size such as 20G"},
		{"RFC3339", "a time such as 2026-11-22T09:30:00Z"},
		{"ID", "32 hexadecimal digits"},
		{"NAME", "known"},
	};
	const char *form = option_rows[id].value;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (!strcmp(form, kinds[i].value))
			return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "--%s: \"%s\" is not %s",
					 option_rows[id].name, value, kinds[i].wanted);
	return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "--%s: \"%s\" can't be taken: %s %s%s",
			 option_rows[id].name, value, strchr(form, '|') ? "it is one of" : "write it like", form,
			 id == OPT_CONFIDENCE ? ", below 100%" : "");
}

static int choose(const char *value, const char *const *names, size_t count, int *out)
{
	for (size_t i = 0; i < count; i++)
		if (!strcmp(value, names[i])) {
			*out = (int)i;
			return 0;
		}
	return -1;
}

static int choose_when(const char *value, enum when *out)
{
	static const char *const names[] = {"auto", "always", "never"};
	int i;
	if (choose(value, names, ARRAY_SIZE(names), &i) < 0)
		return -1;
	*out = (enum when)i;
	return 0;
}

static int choose_style(const char *value, enum exit_style *out)
{
	static const char *const names[] = {"plain", "nagios", "systemd", "qualys"};
	int i;
	if (choose(value, names, ARRAY_SIZE(names), &i) < 0)
		return -1;
	*out = (enum exit_style)i;
	return 0;
}

static int parse_count(const char *value, uint64_t max, int64_t *out)
{
	uint64_t n;
	if (parse_u64(value, &n) < 0 || n > max)
		return -1;
	*out = (int64_t)n;
	return 0;
}

/* As the keys of a policy are: nothing at all is no size, and would be taken for no limit. */
static int parse_bytes(const char *value, int64_t *out)
{
	uint64_t n;
	if (parse_size(value, &n) < 0 || !n || n > INT64_MAX)
		return -1;
	*out = (int64_t)n;
	return 0;
}

static int set_text(const char **field, const char *value)
{
	*field = value;
	return *value ? 0 : -1;
}

/* A share that is neither nothing nor more than most. */
static int parse_some(const char *value, uint32_t most, int64_t *out)
{
	uint32_t share;
	if (parse_share(value, &share) < 0 || !share || share > most)
		return -1;
	*out = share;
	return 0;
}

/* For people to read, and to be kept: something that is not blank, nor too much. */
static bool is_words(const char *value)
{
	size_t n = strlen(value);
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)value[i] > ' ' && value[i] != 0x7f)
			return n <= 1024 && text_is_utf8(value);
	return false;
}

static int set_machine_id(struct options *o, const char *value)
{
	o->overrides.machine_id = value;
	return strlen(value) == 32 && strspn(value, "0123456789abcdefABCDEF") == 32 ? 0 : -1;
}

/* One option with its value. -1: the value is not right. */
static int apply(struct options *o, enum option_id id, const char *value)
{
	static const char *const depths[] = {"auto", "sample", "full"};
	struct gate_overrides *g = &o->overrides;
	int64_t n;
	switch (id) {
	case OPT_FROM:
		return *value ? strings_add(&o->from, value) : -1;
	case OPT_CONFIG:
		o->config = value;
		return *value ? 0 : -1;
	case OPT_POLICY:
		g->policy = value;
		return *value ? 0 : -1;
	case OPT_DEPTH:
		return choose(value, depths, ARRAY_SIZE(depths), &g->depth);
	case OPT_MAX_AGE:
		return parse_duration(value, &g->max_age);
	case OPT_HOSTNAME:
		g->hostname = value;
		return *value ? 0 : -1;
	case OPT_MACHINE_ID:
		return set_machine_id(o, value);
	case OPT_SAMPLE_FILES:
		return parse_count(value, 1000000, &g->sample_files) < 0 || !g->sample_files ? -1 : 0;
	case OPT_SAMPLE_BYTES:
		return parse_bytes(value, &g->sample_bytes);
	case OPT_SEED:
		g->seed_given = true;
		return parse_u64(value, &g->seed);
	case OPT_SCRATCH:
		g->scratch = value;
		return *value ? 0 : -1;
	case OPT_SCRATCH_LIMIT:
		return parse_bytes(value, &g->scratch_limit);
	case OPT_DEADLINE:
		return parse_duration(value, &g->deadline) < 0 || !g->deadline ? -1 : 0;
	case OPT_NOW:
		return parse_rfc3339(value, &g->now) < 0 || g->now <= 0 ? -1 : 0;
	case OPT_KEY:
		return *value ? strings_add(&o->keys, value) : -1;
	case OPT_TRUST:
		return *value ? strings_add(&o->trust, value) : -1;
	case OPT_HOST:
		return set_text(&o->host, value);
	case OPT_AGAINST:
		return set_text(&o->against, value);
	case OPT_PASS:
		return set_text(&o->pass, value);
	case OPT_PASS_DIR:
		return set_text(&o->pass_dir, value);
	case OPT_VALID_FOR:
		return parse_duration(value, &g->valid_for) < 0 || !g->valid_for ? -1 : 0;
	case OPT_STATE:
		return set_text(&o->state, value);
	case OPT_POLICY_DIGEST:
		o->policy_digest = value;
		return strlen(value) == 64 && strspn(value, "0123456789abcdef") == 64 ? 0 : -1;
	case OPT_HISTORY:
		return set_text(&g->history, value);
	case OPT_CONFIDENCE:
		return parse_some(value, 999999, &g->confidence);
	case OPT_DAMAGE:
		return parse_some(value, 1000000, &g->damage);
	case OPT_LIMIT:
		if (parse_count(value, 1000000, &n) < 0 || !n)
			return -1;
		o->limit = (unsigned)n;
		return 0;
	case OPT_POST:
		return set_text(&o->post, value);
	case OPT_SUSPECT:
		g->suspect = o->suspect = value;
		return is_words(value) ? 0 : -1;
	case OPT_REASON:
		return set_text(&o->reason, value);
	case OPT_TICKET:
		return set_text(&o->ticket, value);
	case OPT_FOR:
		return parse_duration(value, &o->lasting) < 0 || !o->lasting ? -1 : 0;
	case OPT_PATCH:
		return parse_count(value, INT64_MAX, &o->patch) < 0 || !o->patch ? -1 : 0;
	case OPT_APPROVE:
		o->approve = true;
		return 0;
	case OPT_END:
		o->end = true;
		return 0;
	case OPT_LIST:
		o->list_all = true;
		return 0;
	case OPT_PATCHES:
		o->patches = true;
		return 0;
	case OPT_LS:
		o->list = value;
		return 0;
	case OPT_CAT:
		o->cat = value;
		return *value ? 0 : -1;
	case OPT_FS:
		if (parse_count(value, 100000, &n) < 0 || !n)
			return -1;
		o->fs = (unsigned)n;
		return 0;
	case OPT_DIRECTORY:
		o->directory = value;
		return *value ? 0 : -1;
	case OPT_JOBS:
		if (parse_count(value, 1024, &n) < 0 || !n)
			return -1;
		o->jobs = (unsigned)n;
		return 0;
	case OPT_FORMAT:
		o->format = report_format(value);
		return o->format ? 0 : -1;
	case OPT_OUTPUT:
		o->output = value;
		return *value ? 0 : -1;
	case OPT_EXIT_STYLE:
		return choose_style(value, &o->exit_style);
	case OPT_PROGRESS:
		return choose_when(value, &o->progress);
	case OPT_COLOR:
		return choose_when(value, &o->color);
	case OPT_QUIET:
		o->quiet = true;
		return 0;
	case OPT_VERBOSE:
		o->verbose = true;
		return 0;
	case OPT_NO_CONFINE:
		g->no_confine = true;
		return 0;
	case OPT_SHOW_CONFINEMENT:
		o->show_confinement = true;
		return 0;
	case OPT_HELP:
		o->help = true;
		return 0;
	case OPT_COUNT:
		break;
	}
	return -1;
}

static int unknown(const char *name, enum command_bit command, struct error *e)
{
	const char *names[OPT_COUNT];
	size_t count = 0;
	for (size_t i = 0; i < OPT_COUNT; i++)
		if (option_rows[i].commands & command)
			names[count++] = option_rows[i].name;
	const char *near = nearest_name(name, names, count);
	return near ? error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "unknown option --%s; is --%s meant?", name, near)
		    : error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "unknown option --%s", name);
}

/* The row of "--name" or "--name=value". */
static int find_row(const char *arg, enum command_bit command, struct error *e)
{
	size_t n = strcspn(arg, "=");
	for (int i = 0; i < OPT_COUNT; i++) {
		const struct option_row *row = &option_rows[i];
		if ((row->commands & command) && strlen(row->name) == n && !strncmp(row->name, arg, n))
			return i;
	}
	autofree char *name = strndup(arg, n);
	return unknown(name ? name : arg, command, e);
}

int options_parse(struct options *o, enum command_bit command, int argc, char **argv, struct error *e)
{
	bool seen[OPT_COUNT] = {false}, only_arguments = false;
	memset(o, 0, sizeof *o);
	o->overrides.depth = -1;
	o->overrides.max_age = o->overrides.sample_files = o->overrides.sample_bytes =
		o->overrides.scratch_limit = -1;
	o->overrides.trusted_keys = &o->trust;
	for (int a = 0; a < argc; a++) {
		const char *arg = argv[a];
		if (only_arguments || arg[0] != '-' || !arg[1]) {
			if (strings_add(&o->arguments, arg) < 0)
				return error_nomem(e);
			continue;
		}
		if (!strcmp(arg, "--") && command == FOR_RUN) {
			o->command = argv + a + 1;
			break;
		}
		if (!strcmp(arg, "--")) {
			only_arguments = true;
			continue;
		}
		if (!strcmp(arg, "-h"))
			arg = "--help";
		if (!strcmp(arg, "-C") && command == FOR_EXTRACT)
			arg = "--directory";
		if (arg[1] != '-')
			return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "unknown option %s", arg);
		int id = find_row(arg + 2, command, e);
		if (id < 0)
			return -1;
		if (seen[id] && !option_rows[id].repeatable)
			return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "option --%s is given twice",
					 option_rows[id].name);
		seen[id] = true;
		const char *value = strchr(arg, '=');
		if (value && !option_rows[id].value)
			return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "option --%s takes no value",
					 option_rows[id].name);
		if (!value && option_rows[id].optional)
			/* What follows is its value only where the PATH has been given. */
			value = o->arguments.count && a + 1 < argc && argv[a + 1][0] != '-' ? "" : "=";
		if (!value && option_rows[id].value && a + 1 == argc)
			return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "option --%s needs a value: %s",
					 option_rows[id].name, option_rows[id].value);
		value = value && *value ? value + 1 : option_rows[id].value ? argv[++a] : "";
		/* As elsewhere "-" is standard output, where it goes anyway; a seal does not go there. */
		if (id == OPT_OUTPUT && command != FOR_SEAL && !strcmp(value, "-"))
			continue;
		if (apply(o, (enum option_id)id, value) < 0)
			return bad_value((enum option_id)id, value, e);
	}
	return 0;
}

enum exit_style options_style(int argc, char **argv)
{
	static const char name[] = "--exit-style";
	enum exit_style style = EXIT_PLAIN;
	for (int a = 0; a < argc && strcmp(argv[a], "--"); a++) {
		const char *rest = argv[a] + sizeof name - 1;
		if (strncmp(argv[a], name, sizeof name - 1) || (*rest && *rest != '='))
			continue;
		const char *value = *rest ? rest + 1 : argv[a + 1];
		if (value && choose_style(value, &style) == 0)
			break;
	}
	/* run ends as its command does, and is never asked in that style. */
	return argc && !strcmp(argv[0], "run") && style == EXIT_NAGIOS ? EXIT_PLAIN : style;
}

void options_free(struct options *o)
{
	strings_free(&o->from);
	strings_free(&o->trust);
	strings_free(&o->keys);
	strings_free(&o->arguments);
}

void options_help(struct text *out, enum command_bit command)
{
	for (size_t i = 0; i < OPT_COUNT; i++) {
		char left[80];
		const struct option_row *row = &option_rows[i];
		const char *words = option_words(row->name, command), *help = words ? words : row->help;
		if (!(row->commands & command))
			continue;
		snprintf(left, sizeof left, "--%s%s%s", row->name, row->value ? " " : "",
			 row->value ? row->value : "");
		if (strlen(left) > 26)
			text_printf(out, "  %s\n  %-26s  %s\n", left, "", help);
		else
			text_printf(out, "  %-26s  %s%s\n", left, help,
				    row->repeatable && !words ? " (may be repeated)" : "");
	}
}
