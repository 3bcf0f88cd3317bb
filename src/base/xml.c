// SPDX-License-Identifier: GPL-3.0-or-later
#include "backproof/xml.h"

#define BAD(why) error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "%s: %s", x->what, (why))

bool xml_span_is(struct xml_span s, const char *name)
{
	return s.len == strlen(name) && !memcmp(s.p, name, s.len);
}

static bool blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* A name without its prefix. */
static struct xml_span local(struct xml_span s)
{
	const char *colon = memchr(s.p, ':', s.len);
	return colon ? (struct xml_span){colon + 1, s.len - (size_t)(colon + 1 - s.p)} : s;
}

bool xml_is(const struct xml *x, unsigned up, const char *name)
{
	return up < x->depth && xml_span_is(local(x->open[x->depth - 1 - up]), name);
}

static struct xml_span name(struct xml *x)
{
	struct xml_span s = {x->at, 0};
	while (x->at < x->stop && !blank(*x->at) && !strchr("=/><\"'", *x->at))
		x->at++;
	s.len = (size_t)(x->at - s.p);
	return s;
}

static void blanks(struct xml *x)
{
	while (x->at < x->stop && blank(*x->at))
		x->at++;
}

/* One entity behind its '&'; what is none stays as it is. */
static size_t entity(const char *p, size_t len, char *out, size_t *used)
{
	static const struct {
		const char *name;
		char c;
	} named[] = {{"lt;", '<'}, {"gt;", '>'}, {"amp;", '&'}, {"quot;", '"'}, {"apos;", '\''}};
	for (size_t i = 0; i < ARRAY_SIZE(named); i++) {
		*used = strlen(named[i].name);
		if (len >= *used && !memcmp(p, named[i].name, *used)) {
			*out = named[i].c;
			return 1;
		}
	}
	size_t i = 1;
	unsigned base = 10, c = 0;
	*used = 0;
	if (len < 3 || *p != '#')
		return 0;
	if (p[1] == 'x') {
		base = 16;
		i = 2;
	}
	for (; i < len && i < 10 && p[i] != ';'; i++) {
		const char *digits = "0123456789abcdef", *at = strchr(digits, p[i] | (p[i] >= 'A' ? 0x20 : 0));
		if (!at || (unsigned)(at - digits) >= base)
			return 0;
		c = c * base + (unsigned)(at - digits);
	}
	if (i == len || p[i] != ';' || !c || c > 0x10ffff)
		return 0;
	*used = i + 1;
	size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
	for (size_t k = n; k-- > 1; c >>= 6)
		out[k] = (char)(0x80 | (c & 0x3f));
	*out = (char)(n == 1 ? c : (0xf00u >> n & 0xff) | c);
	return n;
}

int xml_keep(char **to, struct xml_span s, struct error *e)
{
	char *out = malloc(s.len + 1), *end = out;
	if (!out)
		return error_nomem(e);
	for (size_t i = 0, used; i < s.len; i++) {
		size_t n = s.p[i] == '&' ? entity(s.p + i + 1, s.len - i - 1, end, &used) : 0;
		if (n)
			i += used;
		else
			*end = blank(s.p[i]) ? ' ' : s.p[i]; /* as XML has it */
		end += n ? n : 1;
	}
	*end = '\0';
	free(*to);
	*to = out;
	return 0;
}

static int attributes(struct xml *x, struct error *e)
{
	for (;;) {
		blanks(x);
		if (x->at == x->stop)
			return BAD("it ends inside an element: it is cut");
		if (*x->at == '>' || *x->at == '/')
			return 0;
		struct xml_span key = local(name(x));
		blanks(x);
		if (!key.len || x->at == x->stop || *x->at != '=')
			return BAD("an attribute without a value");
		x->at++;
		blanks(x);
		if (x->at == x->stop || (*x->at != '"' && *x->at != '\''))
			return BAD("an attribute's value is not between quotes");
		const char *from = x->at + 1, *close = memchr(from, *x->at, (size_t)(x->stop - from));
		if (!close)
			return BAD("a quote is not closed");
		x->at = close + 1;
		if (x->attribute &&
		    x->attribute(x, key, (struct xml_span){from, (size_t)(close - from)}, e) < 0)
			return -1;
	}
}

static int text(struct xml *x, struct error *e)
{
	const char *next = memchr(x->at, '<', (size_t)(x->stop - x->at));
	struct xml_span s = {x->at, (size_t)((next ? next : x->stop) - x->at)};
	x->at = next ? next : x->stop;
	while (s.len && blank(*s.p))
		s.p++, s.len--;
	while (s.len && blank(s.p[s.len - 1]))
		s.len--;
	return s.len && x->depth && x->text ? x->text(x, s, e) : 0;
}

static int skip(struct xml *x, const char *until, struct error *e)
{
	const char *p = memmem(x->at, (size_t)(x->stop - x->at), until, strlen(until));
	if (!p)
		return BAD("it ends inside a comment: it is cut");
	x->at = p + strlen(until);
	return 0;
}

static bool starts(const struct xml *x, const char *with)
{
	return (size_t)(x->stop - x->at) >= strlen(with) && !memcmp(x->at, with, strlen(with));
}

static int close_element(struct xml *x, struct xml_span s, struct error *e)
{
	blanks(x);
	if (x->at == x->stop || *x->at++ != '>')
		return BAD("an element is not closed");
	if (!x->depth || x->open[x->depth - 1].len != s.len || memcmp(x->open[x->depth - 1].p, s.p, s.len))
		return BAD("its elements do not nest");
	if (x->end && x->end(x, e) < 0)
		return -1;
	x->depth--;
	return 0;
}

/* From a '<' on. */
static int tag(struct xml *x, struct error *e)
{
	if (starts(x, "<!--"))
		return skip(x, "-->", e);
	if (starts(x, "<?"))
		return skip(x, "?>", e);
	if (starts(x, "<![CDATA["))
		return skip(x, "]]>", e);
	if (starts(x, "<!"))
		return error_set(e, ERROR_UNSUPPORTED, ERROR_NO_OFFSET, "%s has a document type of its own", x->what);
	bool closes = starts(x, "</");
	x->at += closes ? 2 : 1;
	struct xml_span s = name(x);
	if (!s.len)
		return BAD("an element without a name");
	if (closes)
		return close_element(x, s, e);
	if (x->depth == XML_MAX_DEPTH)
		return error_set(e, ERROR_LIMIT, ERROR_NO_OFFSET, "%s nests deeper than %d", x->what, XML_MAX_DEPTH);
	if (!x->depth && x->rooted)
		return BAD("it has more than one root");
	x->rooted = true;
	x->open[x->depth++] = s;
	if ((x->begin && x->begin(x, e) < 0) || attributes(x, e) < 0)
		return -1;
	if (*x->at == '/') {
		x->at++;
		return close_element(x, s, e);
	}
	x->at++;
	return 0;
}

int xml_read(struct xml *x, const char *data, size_t length, struct error *e)
{
	x->at = data;
	x->stop = data + length;
	x->depth = 0;
	x->rooted = false;
	if (memchr(data, 0, length))
		return BAD("it holds zero bytes");
	while (x->at < x->stop)
		if ((*x->at == '<' ? tag(x, e) : text(x, e)) < 0)
			return -1;
	if (x->depth)
		return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "%s: its %.*s is not closed: it is cut", x->what,
				 (int)(x->open[0].len < 40 ? x->open[0].len : 40), x->open[0].p);
	return 0;
}
