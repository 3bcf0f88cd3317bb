// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * LVM2 metadata text: sections in braces, `key = value`, values that are numbers, strings or lists of them, comments
 * from # to the end of the line. Taken apart where it is: strings end with a NUL put into the text.
 */
#include <ctype.h>

#include "group.h"

#define MAX_DEPTH 16
#define MAX_NODES 300000

struct parser {
	char *p, *end;
	struct lvm_tree *t;
	const char *wrong;
	bool no_memory;
};

static void skip(struct parser *s)
{
	while (s->p < s->end) {
		if (*s->p == '#')
			while (s->p < s->end && *s->p != '\n')
				s->p++;
		else if (isspace((unsigned char)*s->p))
			s->p++;
		else
			return;
	}
}

static int fail(struct parser *s, const char *what)
{
	s->wrong = what;
	return -1;
}

/* A new node behind *last under parent. */
static uint32_t add(struct parser *s, uint32_t parent, uint32_t *last)
{
	if (s->t->count >= MAX_NODES) {
		fail(s, "too long");
		return 0;
	}
	if (!vec_push(s->t)) {
		s->no_memory = true;
		fail(s, "out of memory");
		return 0;
	}
	uint32_t n = (uint32_t)(s->t->count - 1);
	if (*last)
		s->t->items[*last].next = n;
	else
		s->t->items[parent].child = n;
	return *last = n;
}

static bool word_char(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '-' || c == '.' || c == '+';
}

/* Strings lose their backslashes. What ends a word is left for whoever reads on: a NUL goes to *stop then. */
static int scalar(struct parser *s, const char **out, char **stop)
{
	char *to = s->p;
	if (s->p < s->end && *s->p == '"') {
		*out = to = ++s->p;
		while (s->p < s->end && *s->p != '"') {
			if (*s->p == '\\' && s->p + 1 < s->end)
				s->p++;
			*to++ = *s->p++;
		}
		if (s->p >= s->end)
			return fail(s, "a string without an end");
		s->p++;
		*to = '\0';
		*stop = NULL;
		return 0;
	}
	*out = s->p;
	while (s->p < s->end && word_char(*s->p))
		s->p++;
	*stop = s->p;
	return s->p == *out ? fail(s, "a word is missing") : 0;
}

static int list(struct parser *s, uint32_t node)
{
	uint32_t last = 0;
	for (s->p++;;) {
		skip(s);
		if (s->p < s->end && *s->p == ']') {
			s->p++;
			return 0;
		}
		const char *text;
		char *stop;
		if (scalar(s, &text, &stop) < 0)
			return -1;
		skip(s);
		char next = s->p < s->end ? *s->p : '\0';
		if (next == ',')
			s->p++;
		else if (next != ']')
			return fail(s, "a list without an end");
		/* A word that touches the bracket takes it along. */
		bool closed = stop == s->p;
		if (stop)
			*stop = '\0';
		s->p += closed;
		uint32_t n = add(s, node, &last);
		if (!n)
			return -1;
		s->t->items[n].text = text;
		if (closed)
			return 0;
	}
}

static int section(struct parser *s, uint32_t node, int depth);

static int entry(struct parser *s, uint32_t parent, uint32_t *last, int depth)
{
	const char *key, *text;
	char *stop, *value;
	uint32_t n;
	if (*s->p == '"' || scalar(s, &key, &stop) < 0 || !(n = add(s, parent, last)))
		return s->wrong ? -1 : fail(s, "a key is missing");
	skip(s);
	char next = s->p < s->end ? *s->p : '\0';
	if (next != '=' && next != '{')
		return fail(s, "neither a value nor a section");
	s->p++;
	*stop = '\0';
	s->t->items[n].key = key;
	if (next == '{')
		return section(s, n, depth + 1);
	skip(s);
	if (s->p < s->end && *s->p == '[')
		return list(s, n);
	if (scalar(s, &text, &value) < 0)
		return -1;
	s->t->items[n].text = text;
	if (value && value < s->end) {
		/* Behind a number comes white space, a brace or a comment; only white space may be written over. */
		if (!isspace((unsigned char)*value))
			return fail(s, "a number that runs into something else");
		*value = '\0';
		s->p = value + 1;
	}
	return 0;
}

static int section(struct parser *s, uint32_t node, int depth)
{
	uint32_t last = 0;
	if (depth > MAX_DEPTH)
		return fail(s, "sections in sections without end");
	for (;;) {
		skip(s);
		bool ended = s->p >= s->end;
		if (ended || *s->p == '}') {
			if (ended == (depth > 0))
				return fail(s, "the braces do not match");
			s->p += !ended;
			return 0;
		}
		if (entry(s, node, &last, depth) < 0)
			return -1;
	}
}

int lvm_parse(char *data, size_t length, struct lvm_tree *out, struct error *e)
{
	memset(out, 0, sizeof *out);
	out->data = data;
	/* Texts are NUL-terminated, some of them by intent. */
	size_t used = strnlen(data, length);
	struct parser s = {.p = data, .end = data + used, .t = out};
	if (!vec_push(out))
		return error_nomem(e);
	if (section(&s, 0, 0) == 0)
		return 0;
	return s.no_memory ? error_nomem(e)
			   : error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "LVM metadata, byte %zu of its text: %s",
				       (size_t)(s.p - data), s.wrong);
}

void lvm_tree_free(struct lvm_tree *t)
{
	free(t->data);
	free(t->items);
	memset(t, 0, sizeof *t);
}

uint32_t lvm_get(const struct lvm_tree *t, uint32_t node, const char *key)
{
	for (uint32_t n = t->items[node].child; n; n = t->items[n].next)
		if (t->items[n].key && !strcmp(t->items[n].key, key))
			return n;
	return 0;
}

const char *lvm_text(const struct lvm_tree *t, uint32_t node, const char *key)
{
	uint32_t n = lvm_get(t, node, key);
	return n && t->items[n].text ? t->items[n].text : "";
}

bool lvm_number_of(const char *p, uint64_t *out)
{
	uint64_t n = 0;
	if (!*p)
		return false;
	for (; *p; p++)
		if (!isdigit((unsigned char)*p) || mul_overflows(n, UINT64_C(10), &n) ||
		    add_overflows(n, (uint64_t)(*p - '0'), &n))
			return false;
	*out = n;
	return true;
}

bool lvm_number(const struct lvm_tree *t, uint32_t node, const char *key, uint64_t *out)
{
	return lvm_number_of(lvm_text(t, node, key), out);
}

bool lvm_has_flag(const struct lvm_tree *t, uint32_t node, const char *key, const char *flag)
{
	uint32_t list_node = lvm_get(t, node, key);
	for (uint32_t n = list_node ? t->items[list_node].child : 0; n; n = t->items[n].next)
		if (t->items[n].text && !strcmp(t->items[n].text, flag))
			return true;
	return false;
}
