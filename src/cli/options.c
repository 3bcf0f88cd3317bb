// SPDX-License-Identifier: GPL-3.0-or-later
#include "options.h"

enum id {
	OPT_FROM, OPT_CONFIG, OPT_POLICY, OPT_DEPTH, OPT_MAX_AGE, OPT_HOSTNAME, OPT_MACHINE_ID,
	OPT_SAMPLE_FILES, OPT_SAMPLE_BYTES, OPT_SEED, OPT_SCRATCH, OPT_SCRATCH_LIMIT, OPT_DEADLINE, OPT_NOW,
	OPT_KEY, OPT_TRUST, OPT_HOST, OPT_AGAINST, OPT_PASS, OPT_PASS_DIR,
	OPT_VALID_FOR, OPT_STATE, OPT_POLICY_DIGEST,
	OPT_HISTORY, OPT_CONFIDENCE, OPT_DAMAGE, OPT_LIMIT, OPT_LS, OPT_CAT, OPT_FS,
	OPT_DIRECTORY, OPT_JOBS, OPT_FORMAT, OPT_OUTPUT, OPT_EXIT_STYLE, OPT_QUIET,
	OPT_VERBOSE, OPT_PROGRESS, OPT_COLOR, OPT_HELP, OPT_COUNT
};

static const struct row {
	const char *name, *value; /* value: NULL for a flag */
	unsigned commands;
	bool repeatable;
	const char *help;
	bool optional; /* the value may be left out */
} rows[OPT_COUNT] = {
	[OPT_FROM] = {"from", "PATH", FOR_CHECK | FOR_EXTRACT, true,
		      "a file of the restore point, or a directory in which the newest is found"},
	[OPT_CONFIG] = {"config", "FILE", FOR_VERDICT | FOR_CONFIG | FOR_HISTORY, false,
			"read this configuration and no other"},
	[OPT_POLICY] = {"policy", "NAME", FOR_VERDICT | FOR_HISTORY | FOR_PASS, false, "judge by this policy"},
	[OPT_DEPTH] = {"depth", "auto|sample|full", FOR_VERDICT, false, "how much is read"},
	[OPT_MAX_AGE] = {"max-age", "24h", FOR_VERDICT, false, "older than this is stale"},
	[OPT_HOSTNAME] = {"hostname", "NAME", FOR_VERDICT, false,
			  "the host name that must be found inside"},
	[OPT_MACHINE_ID] = {"machine-id", "ID", FOR_VERDICT | FOR_PASS, false,
			    "the machine id that must be found inside"},
	[OPT_SAMPLE_FILES] = {"sample-files", "N", FOR_VERDICT, false, "files to restore"},
	[OPT_SAMPLE_BYTES] = {"sample-bytes", "SIZE", FOR_VERDICT, false,
			      "the most to restore"},
	[OPT_SEED] = {"seed", "N", FOR_VERDICT, false, "repeat the choice of an earlier run"},
	[OPT_SCRATCH] = {"scratch", "DIR", FOR_VERDICT | FOR_INSPECT | FOR_EXTRACT | FOR_SEAL, false,
			 "where to restore to, privately"},
	[OPT_SCRATCH_LIMIT] = {"scratch-limit", "SIZE", FOR_VERDICT | FOR_INSPECT | FOR_EXTRACT | FOR_SEAL, false,
			       "the most to use of it"},
	[OPT_DEADLINE] = {"deadline", "10m", FOR_VERDICT, false,
			  "give up after this long (a host): cannot-tell"},
	[OPT_NOW] = {"now", "RFC3339", FOR_VERDICT | FOR_SEAL | FOR_PASS | FOR_HISTORY, false,
		"take this for the time (for tests)"},
	[OPT_KEY] = {"key", "FILE", FOR_VERDICT | FOR_SEAL | FOR_PASS, true,
		     "a key"},
	[OPT_TRUST] = {"trust", "FILE", FOR_VERDICT, true, "a public key whose seals are trusted"},
	[OPT_HOST] = {"host", "NAME", FOR_SEAL | FOR_PASS, false, "the host that it must be for"},
	[OPT_AGAINST] = {"against", "DEVICE|FILE", FOR_SEAL, false,
			 "the source, as it was backed up: it must be the same block by block"},
	[OPT_PASS] = {"pass", "FILE", FOR_CHECK, false, "write the verdict there, signed, for the host to verify"},
	[OPT_PASS_DIR] = {"pass-dir", "DIR", FOR_AUDIT, false, "write a signed verdict a host there: HOST.pass"},
	[OPT_VALID_FOR] = {"valid-for", "4h", FOR_VERDICT, false, "how long a pass is good"},
	[OPT_STATE] = {"state", "FILE", FOR_PASS, false,
		       "keeps the newest pass that was seen: an older one is refused from then on"},
	[OPT_POLICY_DIGEST] = {"policy-digest", "HEX", FOR_PASS, false, "the policy that it must be by"},
	[OPT_HISTORY] = {"history", "FILE", FOR_VERDICT | FOR_HISTORY, false,
			 "the history to use, or none"},
	[OPT_CONFIDENCE] = {"confidence", "99.9%", FOR_VERDICT, false,
		"how sure a sample must be"},
	[OPT_DAMAGE] = {"damage", "0.1%", FOR_VERDICT, false, "... that less than this share is damaged"},
	[OPT_LIMIT] = {"limit", "N", FOR_HISTORY, false, "the newest N verdicts"},
	[OPT_LS] = {"ls", "[DIR]", FOR_INSPECT, false, "list the files below DIR, or all there are", true},
	[OPT_CAT] = {"cat", "FILE", FOR_INSPECT, false, "write a file of the backup to standard output"},
	[OPT_FS] = {"fs", "N", FOR_INSPECT | FOR_EXTRACT, false,
		    "the file system that inspect shows as fs N; else the tree that the system inside mounts"},
	[OPT_DIRECTORY] = {"directory", "DIR", FOR_EXTRACT, false, "restore below this directory (also -C DIR)"},
	[OPT_JOBS] = {"jobs", "N", FOR_AUDIT, false, "hosts checked side by side"},
	[OPT_FORMAT] = {"format", "NAME", FOR_VERDICT | FOR_INSPECT | FOR_HISTORY | FOR_PASS | FOR_SEAL, false,
			"text or json"},
	[OPT_OUTPUT] = {"output", "FILE", FOR_VERDICT | FOR_INSPECT | FOR_HISTORY | FOR_SEAL, false,
			"write the report there, at once when it is whole"},
	[OPT_EXIT_STYLE] = {"exit-style", "plain|nagios|systemd|qualys", FOR_VERDICT | FOR_PASS, false,
			    "exit codes for another program"},
	[OPT_QUIET] = {"quiet", NULL, FOR_VERDICT | FOR_PASS | FOR_SEAL, false,
		       "print nothing when all is safe, little when not"},
	[OPT_VERBOSE] = {"verbose", NULL, FOR_VERDICT | FOR_INSPECT | FOR_HISTORY, false, "print every finding"},
	[OPT_PROGRESS] = {"progress", "auto|always|never", FOR_VERDICT | FOR_INSPECT | FOR_EXTRACT | FOR_SEAL, false,
			  "progress on standard error"},
	[OPT_COLOR] = {"color", "auto|always|never",
		       FOR_VERDICT | FOR_INSPECT | FOR_EXTRACT | FOR_HISTORY | FOR_SEAL, false,
		       "colour in text"},
	[OPT_HELP] = {"help", NULL, FOR_ALL, false, "show this and exit"},
};

static int bad_value(enum id id, const char *value, struct error *e)
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
	const char *form = rows[id].value;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (!strcmp(form, kinds[i].value))
			return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "--%s: \"%s\" is not %s", rows[id].name,
					 value, kinds[i].wanted);
	return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "--%s: \"%s\" can't be taken: %s %s%s", rows[id].name,
			 value, strchr(form, '|') ? "it is one of" : "write it like", form,
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

static int parse_count(const char *value, uint64_t max, int64_t *out)
{
	uint64_t n;
	if (parse_u64(value, &n) < 0 || n > max)
		return -1;
	*out = (int64_t)n;
	return 0;
}

static int parse_bytes(const char *value, int64_t *out)
{
	uint64_t n;
	if (parse_size(value, &n) < 0)
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

static int set_machine_id(struct options *o, const char *value)
{
	o->overrides.machine_id = value;
	return strlen(value) == 32 && strspn(value, "0123456789abcdefABCDEF") == 32 ? 0 : -1;
}

/* One option with its value. -1: the value is not right. */
static int apply(struct options *o, enum id id, const char *value)
{
	static const char *const depths[] = {"auto", "sample", "full"};
	static const char *const styles[] = {"plain", "nagios", "systemd", "qualys"};
	struct gate_overrides *g = &o->overrides;
	int64_t n;
	int i;
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
		return parse_count(value, 1000000, &g->sample_files);
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
		if (choose(value, styles, ARRAY_SIZE(styles), &i) < 0)
			return -1;
		o->exit_style = (enum exit_style)i;
		return 0;
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
		if (rows[i].commands & command)
			names[count++] = rows[i].name;
	const char *near = nearest_name(name, names, count);
	return near ? error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "unknown option --%s; is --%s meant?", name, near)
		    : error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "unknown option --%s", name);
}

/* The row of "--name" or "--name=value". */
static int find_row(const char *arg, enum command_bit command, struct error *e)
{
	size_t n = strcspn(arg, "=");
	for (int i = 0; i < OPT_COUNT; i++)
		if ((rows[i].commands & command) && strlen(rows[i].name) == n && !strncmp(rows[i].name, arg, n))
			return i;
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
		if (seen[id] && !rows[id].repeatable)
			return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "option --%s is given twice",
					 rows[id].name);
		seen[id] = true;
		const char *value = strchr(arg, '=');
		if (value && !rows[id].value)
			return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "option --%s takes no value",
					 rows[id].name);
		if (!value && rows[id].optional)
			/* What follows is its value only where the PATH has been given. */
			value = o->arguments.count && a + 1 < argc && argv[a + 1][0] != '-' ? "" : "=";
		if (!value && rows[id].value && a + 1 == argc)
			return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "option --%s needs a value: %s",
					 rows[id].name, rows[id].value);
		value = value && *value ? value + 1 : rows[id].value ? argv[++a] : "";
		if (apply(o, (enum id)id, value) < 0)
			return bad_value((enum id)id, value, e);
	}
	return 0;
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
		const char *words = option_words(rows[i].name, command), *help = words ? words : rows[i].help;
		if (!(rows[i].commands & command))
			continue;
		snprintf(left, sizeof left, "--%s%s%s", rows[i].name, rows[i].value ? " " : "",
			 rows[i].value ? rows[i].value : "");
		if (strlen(left) > 26)
			text_printf(out, "  %s\n  %-26s  %s\n", left, "", help);
		else
			text_printf(out, "  %-26s  %s%s\n", left, help,
				    rows[i].repeatable && !words ? " (may be repeated)" : "");
	}
}
