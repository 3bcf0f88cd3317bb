// SPDX-License-Identifier: GPL-3.0-or-later
/* Strict INI: what is not surely meant is an error that names its line. */
#include <ctype.h>

#include "backproof/text.h"
#include "config_values.h"

struct parser {
	struct config_values *v;
	struct config_place at;
	size_t section; /* index + 1; 0: none yet */
	struct error *e;
};

#define FAULT(p, ...) config_fault((p)->v, (p)->at, (p)->e, __VA_ARGS__)

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static char *skip_blanks(char *s)
{
	while (is_blank(*s))
		s++;
	return s;
}

static void trim_end(char *s)
{
	size_t n = strlen(s);
	while (n && is_blank(s[n - 1]))
		s[--n] = 0;
}

/* Nothing but a comment may follow. */
static bool is_rest_empty(const char *s)
{
	const char *t = s;
	while (is_blank(*t))
		t++;
	return !*t || ((*t == ';' || *t == '#') && t > s);
}

/* The quoted text at *s, in place; *s moves behind it. NULL: said what is wrong. */
static char *unquote(struct parser *p, char **s)
{
	char *from = *s + 1, *to = from, *r = from;
	for (; *r && *r != '"'; r++) {
		if (*r == '\\') {
			r++;
			if (*r != '"' && *r != '\\') {
				FAULT(p, "in quotation marks a backslash stands only before \" and \\");
				return NULL;
			}
		}
		*to++ = *r;
	}
	if (*r != '"') {
		FAULT(p, "the quotation mark is not closed");
		return NULL;
	}
	*s = r + 1;
	*to = 0;
	return from;
}

static int kind_by_name(const char *name)
{
	for (int k = 0; k < CONFIG_KINDS; k++)
		if (!strcmp(config_kind_name(k), name))
			return k;
	return -1;
}

static int unknown_kind(struct parser *p, const char *word)
{
	const char *names[CONFIG_KINDS];
	for (int k = 0; k < CONFIG_KINDS; k++)
		names[k] = config_kind_name(k);
	const char *near = nearest_name(word, names, CONFIG_KINDS);
	if (near)
		return FAULT(p, "unknown section [%s]; did you mean [%s \"NAME\"]?", word, near);
	return FAULT(p, "unknown section [%s]; there are [repository], [policy], [host], [group] and [hook]", word);
}

static int open_section(struct parser *p, enum config_kind kind, const char *name)
{
	const char *fault = config_name_fault(kind, name);
	if (fault)
		return FAULT(p, "the name of the %s %s: \"%s\"", config_kind_name(kind), fault, name);
	struct config_section *s = config_values_find(p->v, kind, name);
	if (s && s->at.file == p->at.file)
		return FAULT(p, "[%s \"%s\"] stands in line %u already", config_kind_name(kind), name,
			     s->at.line);
	if (!s && !(s = config_values_add(p->v, kind, name)))
		return error_nomem(p->e);
	s->at = p->at;
	p->section = (size_t)(s - p->v->items) + 1;
	return 0;
}

/* [kind "name"] */
static int parse_section(struct parser *p, char *s)
{
	char *from = skip_blanks(s + 1), word[32];
	size_t len = strcspn(from, " \t\"]");
	char *quote = skip_blanks(from + len);
	snprintf(word, sizeof word, "%.*s", (int)(len < sizeof word ? len : sizeof word - 1), from);
	int kind = kind_by_name(word);
	if (kind < 0)
		return unknown_kind(p, word);
	if (*quote != '"')
		return FAULT(p, "a section's name stands in quotation marks: [%s \"NAME\"]", word);
	char *name = unquote(p, &quote);
	if (!name)
		return -1;
	quote = skip_blanks(quote);
	if (*quote != ']')
		return FAULT(p, "] is missing behind the section's name");
	if (!is_rest_empty(quote + 1))
		return FAULT(p, "text behind ]");
	return open_section(p, (enum config_kind)kind, name);
}

static int unknown_key(struct parser *p, const struct config_section *s, const char *key)
{
	const char *names[CONFIG_KEYS_MAX], *kind = config_kind_name(s->kind);
	size_t count;
	const struct config_key *keys = config_keys(s->kind, &count);
	for (int k = 0; k < CONFIG_KINDS; k++)
		if (config_key_find(k, key))
			return FAULT(p, "\"%s\" is a key of [%s], not of [%s]", key, config_kind_name(k),
				     kind);
	for (size_t i = 0; i < count; i++)
		names[i] = keys[i].name;
	const char *near = nearest_name(key, names, count);
	if (near)
		return FAULT(p, "unknown key \"%s\" in [%s]; did you mean \"%s\"?", key, kind, near);
	struct text all = {0};
	for (size_t i = 0; i < count; i++)
		text_printf(&all, " %s", names[i]);
	int rc = FAULT(p, "unknown key \"%s\" in [%s]; there are%s", key, kind, text_str(&all));
	text_free(&all);
	return rc;
}

/* The value at s: quoted, or up to a comment or the end of the line. NULL: said what is wrong. */
static char *parse_value(struct parser *p, char *s)
{
	char *from = skip_blanks(s);
	if (*from == '"') {
		char *end = from, *value = unquote(p, &end);
		if (value && !is_rest_empty(end)) {
			FAULT(p, "text behind the closing quotation mark");
			return NULL;
		}
		return value;
	}
	for (char *c = s; *c; c++)
		if ((*c == ';' || *c == '#') && c > s && is_blank(c[-1])) {
			*c = 0;
			break;
		}
	trim_end(from);
	return from;
}

/* Each value must be good by itself, even one that a later file replaces. */
static int try_value(struct parser *p, const struct config_key *k, const char *value)
{
	struct repository r = {0};
	struct policy pol = {0};
	struct host_config h = {0};
	struct group_config group = {0};
	struct hook_config hook = {0};
	struct error why;
	void *const targets[CONFIG_KINDS] = {[CONFIG_REPOSITORY] = &r, [CONFIG_POLICY] = &pol, [CONFIG_HOST] = &h,
					     [CONFIG_GROUP] = &group, [CONFIG_HOOK] = &hook};
	int rc = config_value_set(k, value, targets[k->kind], &why);
	repository_free(&r);
	policy_free(&pol);
	host_config_free(&h);
	hook_config_free(&hook);
	if (rc < 0 && why.cls == ERROR_INTERNAL)
		return error_nomem(p->e);
	return rc < 0 ? FAULT(p, "%s = %.160s: %s", k->name, value, why.text) : 0;
}

static int parse_key(struct parser *p, char *s)
{
	char *equals = strchr(s, '=');
	if (!equals)
		return FAULT(p, "neither [SECTION \"NAME\"] nor KEY = VALUE nor a comment: \"%.80s\"", s);
	*equals = 0;
	trim_end(s);
	if (!p->section)
		return FAULT(p, "\"%s\" stands before the first section", s);
	struct config_section *section = &p->v->items[p->section - 1];
	const struct config_key *k = config_key_find(section->kind, s);
	if (!k)
		return unknown_key(p, section, s);
	size_t count;
	struct config_value *value = &section->values[k - config_keys(section->kind, &count)];
	if (value->text && value->at.file == p->at.file)
		return FAULT(p, "\"%s\" stands in line %u already", s, value->at.line);
	char *text = parse_value(p, equals + 1);
	if (!text)
		return -1;
	if (!*text)
		return FAULT(p, "\"%s\" has no value", s);
	if (try_value(p, k, text) < 0)
		return -1;
	char *copy = strdup(text);
	if (!copy)
		return error_nomem(p->e);
	free(value->text);
	value->text = copy;
	value->at = p->at;
	return 0;
}

static int check_bytes(struct parser *p, const char *line, size_t len)
{
	if (len > CONFIG_LINE_MAX)
		return FAULT(p, "the line is longer than %d bytes", CONFIG_LINE_MAX);
	if (memchr(line, 0, len))
		return FAULT(p, "a NUL byte: is this a text file?");
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)line[i];
		if ((c < 0x20 && c != '\t') || c == 0x7f)
			return FAULT(p, "a control character (\\x%02x)", c);
	}
	return 0;
}

static int parse_line(struct parser *p, const char *data, size_t len)
{
	char line[CONFIG_LINE_MAX + 1];
	if (len && data[len - 1] == '\r')
		len--;
	if (check_bytes(p, data, len) < 0)
		return -1;
	memcpy(line, data, len);
	line[len] = 0;
	if (!text_is_utf8(line))
		return FAULT(p, "not valid UTF-8");
	char *s = skip_blanks(line);
	trim_end(s);
	if (!*s || *s == '#' || *s == ';')
		return 0;
	return *s == '[' ? parse_section(p, s) : parse_key(p, s);
}

int config_parse(struct config_values *v, const char *data, size_t len, const char *file,
		 struct error *e)
{
	if (strings_add(&v->files, file) < 0)
		return error_nomem(e);
	struct parser p = {.v = v, .at = {(uint32_t)v->files.count - 1, 0}, .e = e};
	if (len >= 3 && !memcmp(data, "\xef\xbb\xbf", 3)) {
		data += 3;
		len -= 3;
	}
	while (len) {
		const char *end = memchr(data, '\n', len);
		size_t n = end ? (size_t)(end - data) : len;
		p.at.line++;
		if (parse_line(&p, data, n) < 0)
			return -1;
		data += n + (end ? 1 : 0);
		len -= n + (end ? 1 : 0);
	}
	return 0;
}
