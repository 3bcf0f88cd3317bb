// SPDX-License-Identifier: GPL-3.0-or-later
/* Compiles a pattern. Matching is in pattern_match.c. */
#include "pattern_nodes.h"

#include "backproof/text.h"

static const char *const fields[] = {"host", "date", "time", "disk", "part"};
static const enum node_kind field_kinds[] = {NODE_HOST, NODE_DATE, NODE_TIME, NODE_DISK, NODE_PART};

void pattern_free(struct pattern *p)
{
	if (!p)
		return;
	for (size_t c = 0; c < p->depth; c++)
		for (size_t n = 0; n < p->components[c].count; n++)
			free(p->components[c].nodes[n].text);
	free(p);
}

/* column counts from 1: people look for it in a line. */
static int bad(struct error *e, const char *text, const char *at, const char *why)
{
	return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "pattern \"%s\", column %zu: %s", text,
			 (size_t)(at - text) + 1, why);
}

static struct node *add_node(struct component *c, enum node_kind kind)
{
	if (c->count == PATTERN_NODES)
		return NULL;
	struct node *n = &c->nodes[c->count++];
	n->kind = kind;
	return n;
}

/* 0; 1: it is too long; -1: memory. */
static int add_literal(struct component *c, char byte)
{
	struct node *n = c->count ? &c->nodes[c->count - 1] : NULL;
	if (!n || n->kind != NODE_TEXT)
		n = add_node(c, NODE_TEXT);
	if (!n || n->len == NAME_LIMIT)
		return 1;
	char *grown = realloc(n->text, n->len + 2);
	if (!grown)
		return -1;
	n->text = grown;
	n->text[n->len++] = byte;
	n->text[n->len] = 0;
	return 0;
}

/* "[...]" at *s: leaves *s behind it. */
static int add_set(struct component *c, const char **s, const char *text, struct error *e)
{
	const char *from = *s + 1, *end = from;
	if (*end == '!' || *end == '^')
		end++;
	if (*end == ']')
		end++;
	while (*end && *end != ']' && *end != '/')
		end++;
	if (*end != ']')
		return bad(e, text, *s, "[ without ] in the same component");
	struct node *n = add_node(c, NODE_SET);
	if (!n)
		return bad(e, text, *s, "too long");
	n->len = (size_t)(end - from);
	n->text = strndup(from, n->len);
	if (!n->text)
		return error_nomem(e);
	*s = end + 1;
	return 0;
}

static int add_field(struct pattern *p, struct component *c, const char **s, const char *text,
		     struct error *e)
{
	size_t len = strcspn(*s + 1, "}/{");
	if ((*s)[1 + len] != '}')
		return bad(e, text, *s, "{ without } (write \\{ for the character itself)");
	char name[32];
	snprintf(name, sizeof name, "%.*s", (int)(len < 31 ? len : 31), *s + 1);
	size_t f = 0;
	while (f < ARRAY_SIZE(fields) && strcmp(fields[f], name))
		f++;
	if (f == ARRAY_SIZE(fields)) {
		char why[160];
		const char *near = nearest_name(name, fields, ARRAY_SIZE(fields));
		if (near)
			snprintf(why, sizeof why, "unknown field {%s}; did you mean {%s}?", name, near);
		else
			snprintf(why, sizeof why,
				 "unknown field {%s}; there are {host} {date} {time} {disk} {part}", name);
		return bad(e, text, *s, why);
	}
	for (size_t i = 0; i < c->count; i++)
		if (c->nodes[i].kind == field_kinds[f])
			return bad(e, text, *s, "the field stands twice in one component");
	if (!add_node(c, field_kinds[f]))
		return bad(e, text, *s, "too long");
	size_t level = (size_t)(c - p->components);
	switch (field_kinds[f]) {
	case NODE_HOST:
		if (p->host_level < 0)
			p->host_level = (int)level;
		break;
	case NODE_DATE:
		p->has_date = true;
		break;
	case NODE_TIME:
		p->has_time = true;
		break;
	default:
		p->has_disk = true;
	}
	*s += len + 2;
	return 0;
}

static int add_component(struct pattern *p, const char **s, const char *text, struct error *e)
{
	if (p->depth == PATTERN_DEPTH)
		return bad(e, text, *s, "too many components");
	const char *from = *s;
	struct component *c = &p->components[p->depth++];
	while (**s && **s != '/') {
		int rc = 0;
		if (**s == '*' && (*s)[1] == '*')
			return bad(e, text, *s, "** is not supported: write one component for each level");
		if (**s == '*' || **s == '?') {
			if (!add_node(c, **s == '*' ? NODE_ANY : NODE_ONE))
				return bad(e, text, *s, "too long");
			(*s)++;
		} else if (**s == '[') {
			rc = add_set(c, s, text, e);
		} else if (**s == '{') {
			rc = add_field(p, c, s, text, e);
		} else {
			if (**s == '}')
				return bad(e, text, *s, "} without { (write \\} for the character itself)");
			if (**s == '\\' && (!(*s)[1] || *++*s == '/'))
				return bad(e, text, *s, "\\ with nothing behind it");
			rc = add_literal(c, *(*s)++);
			if (rc)
				return rc < 0 ? error_nomem(e) : bad(e, text, from, "too long");
		}
		if (rc < 0)
			return -1;
	}
	if (!c->count)
		return bad(e, text, from,
			   from == text ? "a pattern is relative to the repository's path"
					: "an empty component");
	c->literal = c->count == 1 && c->nodes[0].kind == NODE_TEXT;
	if (c->literal && (!strcmp(c->nodes[0].text, ".") || !strcmp(c->nodes[0].text, "..")))
		return bad(e, text, from, "\".\" and \"..\" are no components");
	return 0;
}

static bool is_open(enum node_kind k)
{
	return k == NODE_ANY || k == NODE_ONE || k == NODE_SET;
}

/* Between {host} and something open (glob, {disk}) only separators may stand, or nothing: then the
 * name decides where the host's name ends, and needs a second look. */
static bool borders(const struct component *c, size_t host, int step, bool (*on)(enum node_kind))
{
	for (size_t i = host + (size_t)step; i < c->count; i += (size_t)step) {
		const struct node *n = &c->nodes[i];
		if (n->kind != NODE_TEXT)
			return on(n->kind);
		for (size_t b = 0; b < n->len; b++)
			if (!name_is_separator(n->text[b]))
				return false;
	}
	return false;
}

static bool is_disk(enum node_kind k)
{
	return k == NODE_DISK;
}

static int look_over(struct pattern *p, const char *text, struct error *e)
{
	if (p->has_time && !p->has_date)
		return bad(e, text, text, "{time} without {date}");
	for (size_t l = 0; l < p->depth; l++) {
		struct component *c = &p->components[l];
		for (size_t i = 0; i < c->count; i++) {
			if (c->nodes[i].kind != NODE_HOST)
				continue;
			enum node_kind before = i ? c->nodes[i - 1].kind : NODE_TEXT;
			enum node_kind after = i + 1 < c->count ? c->nodes[i + 1].kind : NODE_TEXT;
			if (before == NODE_DISK || before == NODE_PART || after == NODE_DISK ||
			    after == NODE_PART)
				return bad(e, text, text,
					   "a separator is needed between {host} and {disk} or {part}");
			c->guard_before = borders(c, i, -1, is_open);
			c->guard_after = borders(c, i, 1, is_open);
			c->guard_disk = borders(c, i, -1, is_disk) || borders(c, i, 1, is_disk);
		}
	}
	return 0;
}

struct pattern *pattern_new(const char *text, struct error *e)
{
	autopattern struct pattern *p = calloc(1, sizeof *p);
	if (!p) {
		error_nomem(e);
		return NULL;
	}
	p->host_level = -1;
	const char *s = text;
	for (;;) {
		if (add_component(p, &s, text, e) < 0)
			return NULL;
		if (!*s)
			break;
		s++;
	}
	if (look_over(p, text, e) < 0)
		return NULL;
	return take(p);
}

size_t pattern_depth(const struct pattern *p)
{
	return p->depth;
}

int pattern_host_level(const struct pattern *p)
{
	return p->host_level;
}

bool pattern_host_is_whole(const struct pattern *p)
{
	return p->host_level >= 0 && p->components[p->host_level].count == 1;
}

bool pattern_host_is_apart(const struct pattern *p)
{
	if (p->host_level < 0)
		return false;
	const struct component *c = &p->components[p->host_level];
	for (size_t i = 0; i < c->count; i++) {
		if (c->nodes[i].kind != NODE_HOST)
			continue;
		const struct node *b = i ? &c->nodes[i - 1] : NULL;
		const struct node *a = i + 1 < c->count ? &c->nodes[i + 1] : NULL;
		/* Next to a glob, a second look makes sure of it. */
		if (b && !(is_open(b->kind) ||
			   (b->kind == NODE_TEXT && name_is_separator(b->text[b->len - 1]))))
			return false;
		if (a && !(is_open(a->kind) || (a->kind == NODE_TEXT && name_is_separator(*a->text))))
			return false;
	}
	return true;
}

bool pattern_has_date(const struct pattern *p)
{
	return p->has_date;
}

bool pattern_has_disk(const struct pattern *p)
{
	return p->has_disk;
}

const char *pattern_literal(const struct pattern *p, size_t level)
{
	return p->components[level].literal ? p->components[level].nodes[0].text : NULL;
}
