// SPDX-License-Identifier: GPL-3.0-or-later
/* Matches one name with one component: backtracking that remembers where it failed, so that no name takes long. */
#include <ctype.h>
#include <strings.h>

#include "pattern_nodes.h"

struct attempt {
	const struct component *c;
	const char *name, *host;
	size_t len;
	const struct captures *before;
	struct pattern_match *m;
	/* One bit for each node and position that is known to lead nowhere. What the fields matched before can't
	 * change that: no field stands twice in a component. */
	uint64_t failed[PATTERN_NODES][NAME_LIMIT / 64 + 1];
};

static bool match_from(struct attempt *a, size_t node, size_t pos);

static bool in_set(const struct node *n, unsigned char byte)
{
	const unsigned char *s = (const unsigned char *)n->text, *end = s + n->len;
	bool negate = s < end && (*s == '!' || *s == '^'), hit = false;
	for (s += negate; s < end; s++) {
		if (end - s > 2 && s[1] == '-') {
			hit = hit || (byte >= s[0] && byte <= s[2]);
			s += 2;
		} else {
			hit = hit || byte == *s;
		}
	}
	return hit != negate;
}

static bool is_host_byte(unsigned char c)
{
	return isalnum(c) || c >= 0x80 || c == '.' || c == '_' || c == '-';
}

static void mark(uint64_t *bits, size_t i, bool on)
{
	if (on)
		bits[i / 64] |= UINT64_C(1) << i % 64;
	else
		bits[i / 64] &= ~(UINT64_C(1) << i % 64);
}

static bool match_any(struct attempt *a, size_t node, size_t pos)
{
	size_t end = pos;
	for (;; mark(a->m->glob, end++, true)) {
		if (match_from(a, node + 1, end))
			return true;
		if (end == a->len)
			break;
	}
	while (end > pos)
		mark(a->m->glob, --end, false);
	return false;
}

static bool match_one(struct attempt *a, size_t node, size_t pos)
{
	const struct node *n = &a->c->nodes[node];
	if (pos == a->len || (n->kind == NODE_SET && !in_set(n, (unsigned char)a->name[pos])))
		return false;
	mark(a->m->glob, pos, true);
	if (match_from(a, node + 1, pos + 1))
		return true;
	mark(a->m->glob, pos, false);
	return false;
}

static bool match_host(struct attempt *a, size_t node, size_t pos)
{
	if (a->host) {
		size_t n = strlen(a->host);
		if (!n || a->len - pos < n || strncasecmp(a->name + pos, a->host, n) ||
		    (a->c->guard_before && !name_host_begins(a->name, pos)) ||
		    (a->c->guard_after && !name_host_ends(a->name, a->len, pos, n)))
			return false;
		return match_from(a, node + 1, pos + n);
	}
	size_t end = pos;
	while (end < a->len && is_host_byte((unsigned char)a->name[end]))
		end++;
	for (; end > pos; end--)
		if (match_from(a, node + 1, end))
			return true;
	return false;
}

static bool same_day(const struct civil *a, const struct civil *b)
{
	return a->year == b->year && a->month == b->month && a->day == b->day;
}

static bool match_date(struct attempt *a, size_t node, size_t pos)
{
	struct civil *c = &a->m->captures.civil, old = *c;
	const struct civil *before = &a->before->civil;
	size_t n = name_date_at(a->name + pos, a->len - pos, c);
	if (n && !(before->has_date && !same_day(before, c)) && match_from(a, node + 1, pos + n))
		return true;
	*c = old;
	return false;
}

static bool same_clock(const struct civil *a, const struct civil *b)
{
	return a->hour == b->hour && a->minute == b->minute && a->second == b->second;
}

static bool match_time(struct attempt *a, size_t node, size_t pos)
{
	struct civil *c = &a->m->captures.civil, old = *c;
	const struct civil *before = &a->before->civil;
	for (int i = 0; i < 4; i++) {
		size_t n = name_clock_at(a->name + pos, a->len - pos, i < 2, i % 2 == 0, c);
		if (n && !(before->has_clock && !same_clock(before, c)) &&
		    match_from(a, node + 1, pos + n))
			return true;
		*c = old;
	}
	return false;
}

/* {host} and {disk} are neighbours: "01-sda" is no disk of web but the rest of web-01. */
static bool is_doubtful_disk(const struct attempt *a, size_t pos, size_t end)
{
	struct name_info d;
	return a->c->guard_disk && memchr(a->name + pos, '-', end - pos) &&
	       name_disk_at(a->name, a->len, pos, &d) != end - pos;
}

static bool match_field(struct attempt *a, size_t node, size_t pos, size_t end)
{
	bool disk = a->c->nodes[node].kind == NODE_DISK;
	char *to = disk ? a->m->captures.disk : a->m->captures.part, old[PATTERN_FIELD + 1];
	const char *before = disk ? a->before->disk : a->before->part;
	struct span *where = disk ? &a->m->disk : &a->m->part;
	if (end == pos || end - pos > PATTERN_FIELD || (disk && is_doubtful_disk(a, pos, end)))
		return false;
	memcpy(old, to, sizeof old);
	memcpy(to, a->name + pos, end - pos);
	to[end - pos] = 0;
	*where = (struct span){pos, end};
	if (!(before[0] && strcmp(before, to)) && match_from(a, node + 1, end))
		return true;
	memcpy(to, old, sizeof old);
	*where = (struct span){0, 0};
	return false;
}

static bool match_disk_or_part(struct attempt *a, size_t node, size_t pos)
{
	bool disk = a->c->nodes[node].kind == NODE_DISK;
	struct name_info d;
	/* What looks like a disk goes first: {disk}{part} of "sda1" is sda and 1. */
	if (disk && name_disk_at(a->name, a->len, pos, &d) && match_field(a, node, pos, d.disk.to))
		return true;
	for (size_t end = pos; end < a->len; end++) {
		unsigned char byte = (unsigned char)a->name[end];
		if (!(isalnum(byte) || (disk && byte == '-')))
			return false;
		if (match_field(a, node, pos, end + 1))
			return true;
	}
	return false;
}

static bool match_node(struct attempt *a, size_t node, size_t pos)
{
	const struct node *n = &a->c->nodes[node];
	switch (n->kind) {
	case NODE_TEXT:
		return a->len - pos >= n->len && !memcmp(a->name + pos, n->text, n->len) &&
		       match_from(a, node + 1, pos + n->len);
	case NODE_ANY:
		return match_any(a, node, pos);
	case NODE_ONE:
	case NODE_SET:
		return match_one(a, node, pos);
	case NODE_HOST:
		return match_host(a, node, pos);
	case NODE_DATE:
		return match_date(a, node, pos);
	case NODE_TIME:
		return match_time(a, node, pos);
	default:
		return match_disk_or_part(a, node, pos);
	}
}

static bool match_from(struct attempt *a, size_t node, size_t pos)
{
	if (node == a->c->count)
		return pos == a->len;
	uint64_t *seen = &a->failed[node][pos / 64], bit = UINT64_C(1) << pos % 64;
	if (*seen & bit)
		return false;
	if (match_node(a, node, pos))
		return true;
	*seen |= bit;
	return false;
}

bool pattern_match(const struct pattern *p, size_t level, const char *name, const char *host,
		   const struct captures *before, struct pattern_match *out)
{
	size_t len = strlen(name);
	if (level >= p->depth || len > NAME_LIMIT)
		return false;
	struct attempt a = {.c = &p->components[level], .name = name, .host = host, .len = len,
			    .before = before, .m = out};
	memset(out, 0, sizeof *out);
	out->captures = *before;
	return match_from(&a, 0, 0);
}
