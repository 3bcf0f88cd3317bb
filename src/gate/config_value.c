// SPDX-License-Identifier: GPL-3.0-or-later
/* One value: from text into its field. */
#include <ctype.h>
#include <strings.h>

#include "backproof/text.h"
#include "config_keys.h"

static int expected(struct error *e, const char *what)
{
	return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "expected %s", what);
}

const char *config_name_fault(enum config_kind kind, const char *name)
{
	if (!*name)
		return "is empty";
	if (strlen(name) > 253)
		return "is longer than 253 bytes";
	if (!strcmp(name, ".") || !strcmp(name, ".."))
		return "is no name";
	if (*name == '-' || *name == '@')
		return "begins with - or @, which mean something else on the command line";
	for (const unsigned char *s = (const unsigned char *)name; *s; s++) {
		if (*s < 0x20 || *s == 0x7f)
			return "has a control character";
		if (isspace(*s) || strchr("\"\\", *s))
			return "has white space, a quotation mark or a backslash";
		if (*s == '/')
			return "has a /";
		if (kind == CONFIG_HOST && *s < 0x80 && !isalnum(*s) && !strchr("._-", *s))
			return "has a character that host names don't have";
	}
	return NULL;
}

static int set_string(char **field, const char *value, struct error *e)
{
	char *copy = strdup(value);
	if (!copy)
		return error_nomem(e);
	free(*field);
	*field = copy;
	return 0;
}

static int set_layout(char **field, const char *value, struct error *e)
{
	static const char *const layouts[] = {"files", "vzdump", "clonezilla", "windows-image", "libvirt",
					      "ova"};
	if (catalog_has_layout(value))
		return set_string(field, value, e);
	const char *near = nearest_name(value, layouts, ARRAY_SIZE(layouts));
	return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "expected a layout, such as \"files\"%s%s%s",
			 near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
}

static int set_machine_id(char **field, const char *value, struct error *e)
{
	char lower[33];
	size_t n = strlen(value);
	bool zero = true;
	for (size_t i = 0; n == 32 && i < n; i++) {
		if (!isxdigit((unsigned char)value[i]))
			n = 0;
		zero = zero && value[i] == '0';
		lower[i] = (char)tolower((unsigned char)value[i]);
	}
	if (n != 32 || zero)
		return expected(e, "the 32 hexadecimal digits of the host's /etc/machine-id");
	lower[32] = 0;
	return set_string(field, lower, e);
}

/* NULL: fine. */
static const char *word_fault(const struct config_key *k, const char *word)
{
	enum config_type type = k->type;
	if (type == TYPE_PATHS && *word != '/')
		return strstr(k->name, "keys") ? "absolute paths"
					       : "absolute paths or globs such as /etc/fstab /boot/*";
	if (type == TYPE_NAMES && config_name_fault(CONFIG_REPOSITORY, word))
		return "names of repositories";
	if (type == TYPE_WORDS && *word == '@')
		return "words without @";
	return NULL;
}

static int set_words(const struct config_key *k, struct strings *field, const char *value,
		     struct error *e)
{
	struct strings words = {0};
	const char *fault = NULL;
	if (strings_split(&words, value) < 0) {
		strings_free(&words);
		return error_nomem(e);
	}
	for (size_t i = 0; i < words.count && !fault; i++)
		fault = word_fault(k, words.items[i]);
	if (fault || !words.count) {
		strings_free(&words);
		return expected(e, fault ? fault : "at least one word");
	}
	strings_free(field);
	*field = words;
	return 0;
}

/* What is found by PATH would be another program under cron than in a shell. */
static int set_command(struct strings *field, const char *value, struct error *e)
{
	struct strings words = {0};
	int rc = words_split(value, &words);
	bool good = rc == 0 && words.count && words.items[0][0] == '/';
	if (!good) {
		strings_free(&words);
		return rc == -2 ? error_nomem(e)
				: expected(e, rc < 0 ? "a command whose quotation marks are closed"
						     : "an absolute path, such as /usr/bin/backup {host}");
	}
	strings_free(field);
	*field = words;
	return 0;
}

static int set_proofs(unsigned *field, const char *value, struct error *e)
{
	struct strings words = {0};
	const char *names[PROOF_COUNT];
	unsigned bits = 0;
	int rc = strings_split(&words, value) < 0 ? error_nomem(e) : 0;
	for (int p = 0; p < PROOF_COUNT; p++)
		names[p] = proof_name(p);
	for (size_t i = 0; i < words.count && !rc; i++) {
		int p = proof_by_name(words.items[i]);
		if (p >= 0) {
			bits |= 1u << p;
			continue;
		}
		const char *near = nearest_name(words.items[i], names, PROOF_COUNT);
		rc = near ? error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET,
				      "\"%s\" is no proof; did you mean \"%s\"?", words.items[i], near)
			  : error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET,
				      "\"%s\" is no proof; there are presence freshness integrity "
				      "structure identity coverage restore",
				      words.items[i]);
	}
	strings_free(&words);
	if (!rc && !bits)
		rc = expected(e, "at least one proof");
	if (!rc)
		*field = bits;
	return rc;
}

static int set_choice(const struct config_key *k, const char *value, unsigned *index,
		      struct error *e)
{
	struct text all = {0};
	for (unsigned i = 0; k->choices[i]; i++) {
		if (*k->choices[i] && !strcmp(k->choices[i], value)) {
			text_free(&all);
			*index = i;
			return 0;
		}
		if (*k->choices[i])
			text_printf(&all, "%s%s", all.length ? ", " : "", k->choices[i]);
	}
	int rc = error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "expected one of %s", text_str(&all));
	text_free(&all);
	return rc;
}

static int set_bool(bool *field, const char *value, struct error *e)
{
	static const char *const words[] = {"no", "yes", "false", "true", "off", "on"};
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (!strcasecmp(words[i], value)) {
			*field = i & 1;
			return 0;
		}
	return expected(e, "yes or no");
}

static int set_number(const struct config_key *k, const char *value, void *field, struct error *e)
{
	uint64_t v = 0, most = k->most ? k->most : 1000000;
	int64_t seconds = 0;
	int rc = k->type == TYPE_DURATION ? parse_duration(value, &seconds)
		 : k->type == TYPE_SIZE	  ? parse_size(value, &v)
					  : parse_u64(value, &v);
	if (k->type == TYPE_DURATION)
		v = (uint64_t)seconds;
	if (rc < 0)
		return expected(e, k->type == TYPE_DURATION ? "a duration such as 30m, 24h, 7d or 1h30m"
				   : k->type == TYPE_SIZE   ? "a size such as 512K, 256M, 20G or 1T"
							    : "a whole number");
	if (v < k->least)
		return expected(e, "more than 0");
	if (k->type == TYPE_COUNT && v > most)
		return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "expected at most %llu", (unsigned long long)most);
	if (k->type == TYPE_DURATION)
		*(int64_t *)field = seconds;
	else if (k->type == TYPE_SIZE)
		*(uint64_t *)field = v;
	else
		*(uint32_t *)field = (uint32_t)v;
	return 0;
}

/* A limit of a few bytes is one whose suffix was forgotten: nothing would ever be read. */
static int set_room(const struct config_key *k, const char *value, uint64_t *field, struct error *e)
{
	uint64_t v = 0;
	char least[32];
	if (!strcmp(value, "none") || (parse_size(value, &v) == 0 && (!v || v >= k->least))) {
		*field = v;
		return 0;
	}
	if (k->type == TYPE_RATE)
		return expected(e, "none, or a size that is read in a second: 64K at least, such as 200M");
	return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "expected none, or a size of %s at least, such as 4G",
			 format_size(k->least, least));
}

static int set_limit(const char *value, uint64_t *field, struct error *e)
{
	uint64_t v = 0;
	if (strcmp(value, "none") && parse_u64(value, &v) < 0)
		return expected(e, "none, or a whole number");
	*field = v;
	return 0;
}

static int set_span(const char *value, int64_t *field, struct error *e)
{
	int64_t v = 0;
	if (strcmp(value, "none") && (parse_duration(value, &v) < 0 || v <= 0))
		return expected(e, "none, or a duration such as 30m, 12h or 2d");
	*field = v;
	return 0;
}

static int set_share(const struct config_key *k, const char *value, uint32_t *field, struct error *e)
{
	uint32_t v = 0;
	if (!k->least && !strcmp(value, "none")) {
		*field = 0;
		return 0;
	}
	if (parse_share(value, &v) < 0)
		return expected(e, k->least ? "a share such as 99.9% or 0.1%" : "a share such as 50%, or none");
	if (v < k->least || v > k->most || !v)
		return expected(e, k->most < 1000000 ? "more than 0% and less than 100%"
						     : "more than 0%, at most 100%");
	*field = v;
	return 0;
}

int config_value_set(const struct config_key *k, const char *value, void *target, struct error *e)
{
	void *field = (char *)target + k->offset;
	unsigned index = 0;
	bool has_host;
	switch (k->type) {
	case TYPE_FILE:
		if (!strcmp(value, "none"))
			return set_string(field, value, e);
		if (*value != '/')
			return expected(e, "an absolute path, or none");
		return set_string(field, value, e);
	case TYPE_SHARE:
		return set_share(k, value, field, e);
	case TYPE_PATH:
		if (*value != '/')
			return expected(e, "an absolute path");
		return set_string(field, value, e);
	case TYPE_LAYOUT:
		return set_layout(field, value, e);
	case TYPE_PATTERN:
		return catalog_match_check(value, &has_host, e) < 0 ? -1 : set_string(field, value, e);
	case TYPE_NAME:
		if (config_name_fault(CONFIG_POLICY, value))
			return expected(e, "the name of a policy");
		return set_string(field, value, e);
	case TYPE_HOSTNAME:
		if (config_name_fault(CONFIG_HOST, value))
			return expected(e, "a host name");
		return set_string(field, value, e);
	case TYPE_MACHINE_ID:
		return set_machine_id(field, value, e);
	case TYPE_NAMES:
	case TYPE_WORDS:
	case TYPE_PATHS:
		return set_words(k, field, value, e);
	case TYPE_COMMAND:
		return set_command(field, value, e);
	case TYPE_DURATION:
	case TYPE_SIZE:
	case TYPE_COUNT:
		return set_number(k, value, field, e);
	case TYPE_RATE:
	case TYPE_ROOM:
		return set_room(k, value, field, e);
	case TYPE_LIMIT:
		return set_limit(value, field, e);
	case TYPE_SPAN:
		return set_span(value, field, e);
	case TYPE_CHOICE:
		if (set_choice(k, value, &index, e) < 0)
			return -1;
		memcpy(field, &index, sizeof index);
		return 0;
	case TYPE_SWITCH:
		if (set_choice(k, value, &index, e) < 0)
			return -1;
		*(bool *)field = index;
		return 0;
	case TYPE_BOOL:
		return set_bool(field, value, e);
	case TYPE_PROOFS:
		return set_proofs(field, value, e);
	}
	return error_set(e, ERROR_INTERNAL, ERROR_NO_OFFSET, "key %s has no type", k->name);
}
