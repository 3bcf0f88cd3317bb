// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * What is needed of an OVF descriptor (DSP0243): the files, the disks in them, and whose they are. A small
 * reader of XML without documents types: elements must nest and close, prefixes are not looked at.
 */
#include <strings.h>

#include "ova.h"

#define MAX_DEPTH 64

struct span {
	const char *p;
	size_t len;
};

struct xml {
	const char *at, *end;
	struct span open[MAX_DEPTH];
	unsigned depth, system_depth;
	struct ova_descriptor *d;
	bool envelope;
};

#define BAD(what) error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "the OVF descriptor: %s", (what))

static bool is(struct span s, const char *name)
{
	return s.len == strlen(name) && !memcmp(s.p, name, s.len);
}

static bool blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* A name without its prefix. */
static struct span local(struct span s)
{
	const char *colon = memchr(s.p, ':', s.len);
	return colon ? (struct span){colon + 1, s.len - (size_t)(colon + 1 - s.p)} : s;
}

static struct span name(struct xml *x)
{
	struct span s = {x->at, 0};
	while (x->at < x->end && !blank(*x->at) && !strchr("=/><\"'", *x->at))
		x->at++;
	s.len = (size_t)(x->at - s.p);
	return s;
}

static void blanks(struct xml *x)
{
	while (x->at < x->end && blank(*x->at))
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

static char *decode(struct span s, struct error *e)
{
	char *out = malloc(s.len + 1), *to = out;
	if (!out) {
		error_nomem(e);
		return NULL;
	}
	for (size_t i = 0, used; i < s.len; i++) {
		size_t n = s.p[i] == '&' ? entity(s.p + i + 1, s.len - i - 1, to, &used) : 0;
		if (n)
			i += used;
		else
			*to = s.p[i];
		to += n ? n : 1;
	}
	*to = '\0';
	return out;
}

static int keep(char **to, struct span value, struct error *e)
{
	free(*to);
	*to = decode(value, e);
	return *to ? 0 : -1;
}

static int decimal(struct span s, uint64_t *out, struct error *e)
{
	*out = 0;
	for (size_t i = 0; i < s.len; i++)
		if (s.p[i] < '0' || s.p[i] > '9' || mul_overflows(*out, UINT64_C(10), out) ||
		    add_overflows(*out, (uint64_t)(s.p[i] - '0'), out))
			return BAD("a size is no number");
	return 0;
}

/* "byte * 2^30", and what older writers put. 0: unknown. */
static uint64_t unit_of(struct span s)
{
	static const struct {
		const char *name;
		uint64_t bytes;
	} units[] = {{"byte", 1}, {"KiloBytes", KIB}, {"MegaBytes", MIB}, {"GigaBytes", GIB}};
	char text[32], *to = text;
	unsigned power;
	int used = 0;
	for (size_t i = 0; i < s.len && to < text + sizeof text - 1; i++)
		if (!blank(s.p[i]))
			*to++ = s.p[i];
	*to = '\0';
	if (sscanf(text, "byte*2^%u%n", &power, &used) == 1 && !text[used] && power < 50)
		return UINT64_C(1) << power;
	for (size_t i = 0; i < ARRAY_SIZE(units); i++)
		if (!strcasecmp(text, units[i].name))
			return units[i].bytes;
	return 0;
}

static int file_attribute(struct ova_file *f, struct span key, struct span value, struct error *e)
{
	if (is(key, "id"))
		return keep(&f->id, value, e);
	if (is(key, "href"))
		return keep(&f->href, value, e);
	if (is(key, "compression"))
		return keep(&f->compression, value, e);
	if (is(key, "size"))
		return decimal(value, &f->size, e);
	f->chunked |= is(key, "chunkSize");
	return 0;
}

static int disk_attribute(struct ova_disk *d, struct span key, struct span value, struct error *e)
{
	if (is(key, "diskId"))
		return keep(&d->id, value, e);
	if (is(key, "fileRef"))
		return keep(&d->file, value, e);
	if (is(key, "parentRef"))
		return keep(&d->parent, value, e);
	if (is(key, "capacityAllocationUnits"))
		d->unit = unit_of(value);
	else if (is(key, "capacity") && value.len && *value.p != '$') /* "${...}" is chosen by whoever deploys it */
		return decimal(value, &d->capacity, e);
	return 0;
}

static int attribute(struct xml *x, struct span element, struct span key, struct span value, struct error *e)
{
	struct span parent = x->depth > 1 ? local(x->open[x->depth - 2]) : (struct span){"", 0};
	if (is(element, "File") && is(parent, "References"))
		return file_attribute(&x->d->files.items[x->d->files.count - 1], key, value, e);
	if (is(element, "Disk") && is(parent, "DiskSection"))
		return disk_attribute(&x->d->disks.items[x->d->disks.count - 1], key, value, e);
	if (is(element, "VirtualSystem") && is(key, "id"))
		return keep(&x->d->system, value, e);
	return 0;
}

/* An element has begun: what it describes gets its place. */
static int begin(struct xml *x, struct span element, struct error *e)
{
	struct span parent = x->depth > 1 ? local(x->open[x->depth - 2]) : (struct span){"", 0};
	if (x->depth == 1) {
		if (!is(element, "Envelope") || x->envelope)
			return BAD("it is no envelope");
		x->envelope = true;
	}
	if (is(element, "VirtualSystem")) {
		x->d->systems++;
		x->system_depth = x->depth;
	}
	if (is(element, "File") && is(parent, "References") && !vec_push(&x->d->files))
		return error_nomem(e);
	if (is(element, "Disk") && is(parent, "DiskSection")) {
		struct ova_disk *d = vec_push(&x->d->disks);
		if (!d)
			return error_nomem(e);
		d->unit = 1;
	}
	return 0;
}

static int attributes(struct xml *x, struct span element, struct error *e)
{
	for (;;) {
		blanks(x);
		if (x->at == x->end)
			return BAD("it ends inside an element: it is cut");
		if (*x->at == '>' || *x->at == '/')
			return 0;
		struct span key = local(name(x));
		blanks(x);
		if (!key.len || x->at == x->end || *x->at != '=')
			return BAD("an attribute without a value");
		x->at++;
		blanks(x);
		if (x->at == x->end || (*x->at != '"' && *x->at != '\''))
			return BAD("an attribute's value is not between quotes");
		const char *from = x->at + 1, *close = memchr(from, *x->at, (size_t)(x->end - from));
		if (!close)
			return BAD("a quote is not closed");
		x->at = close + 1;
		if (attribute(x, element, key, (struct span){from, (size_t)(close - from)}, e) < 0)
			return -1;
	}
}

/* The text of <Name> right below a virtual system. */
static int text(struct xml *x, struct error *e)
{
	const char *next = memchr(x->at, '<', (size_t)(x->end - x->at));
	struct span s = {x->at, (size_t)((next ? next : x->end) - x->at)};
	x->at = next ? next : x->end;
	while (s.len && blank(*s.p))
		s.p++, s.len--;
	while (s.len && blank(s.p[s.len - 1]))
		s.len--;
	if (!s.len || !x->depth || !x->system_depth || x->depth != x->system_depth + 1 ||
	    !is(local(x->open[x->depth - 1]), "Name"))
		return 0;
	return keep(&x->d->system, s, e);
}

static int skip(struct xml *x, const char *until, struct error *e)
{
	const char *p = memmem(x->at, (size_t)(x->end - x->at), until, strlen(until));
	if (!p)
		return BAD("it ends inside a comment: it is cut");
	x->at = p + strlen(until);
	return 0;
}

static bool starts(const struct xml *x, const char *with)
{
	return (size_t)(x->end - x->at) >= strlen(with) && !memcmp(x->at, with, strlen(with));
}

static int close_element(struct xml *x, struct span s, struct error *e)
{
	blanks(x);
	if (x->at == x->end || *x->at++ != '>')
		return BAD("an element is not closed");
	if (!x->depth || x->open[x->depth - 1].len != s.len || memcmp(x->open[x->depth - 1].p, s.p, s.len))
		return BAD("its elements do not nest");
	if (x->depth == x->system_depth)
		x->system_depth = 0;
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
		return error_set(e, ERROR_UNSUPPORTED, ERROR_NO_OFFSET,
				 "the OVF descriptor has a document type of its own");
	bool closes = starts(x, "</");
	x->at += closes ? 2 : 1;
	struct span s = name(x);
	if (!s.len)
		return BAD("an element without a name");
	if (closes)
		return close_element(x, s, e);
	if (x->depth == MAX_DEPTH)
		return error_set(e, ERROR_LIMIT, ERROR_NO_OFFSET, "the OVF descriptor nests deeper than %d", MAX_DEPTH);
	x->open[x->depth++] = s;
	if (begin(x, local(s), e) < 0 || attributes(x, local(s), e) < 0)
		return -1;
	if (*x->at == '/') {
		x->at++;
		return close_element(x, s, e);
	}
	x->at++;
	return 0;
}

int ova_descriptor_parse(const char *xml, size_t length, struct ova_descriptor *d, struct error *e)
{
	struct xml x = {.at = xml, .end = xml + length, .d = d};
	memset(d, 0, sizeof *d);
	if (memchr(xml, 0, length))
		return BAD("it holds zero bytes");
	while (x.at < x.end)
		if ((*x.at == '<' ? tag(&x, e) : text(&x, e)) < 0)
			return -1;
	if (x.depth || !x.envelope)
		return BAD("its envelope is not closed: it is cut");
	return 0;
}

void ova_descriptor_free(struct ova_descriptor *d)
{
	vec_each(&d->files, f)
	{
		free(f->id);
		free(f->href);
		free(f->compression);
	}
	vec_each(&d->disks, k)
	{
		free(k->id);
		free(k->file);
		free(k->parent);
	}
	vec_free(&d->files);
	vec_free(&d->disks);
	free(d->system);
	d->system = NULL;
}
