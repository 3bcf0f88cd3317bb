// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The descriptor: text that names the extents of a disk and its parent. A line that is neither comment,
 * setting nor extent is damage: it may have been an extent.
 */
#include <strings.h>

#include "vmdk.h"

struct scan {
	const char *p, *end; /* of one line */
	unsigned number;
};

static int bad(const struct scan *s, const char *what, struct error *e)
{
	return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "the descriptor's line %u: %s", s->number, what);
}

static void blanks(struct scan *s)
{
	while (s->p < s->end && (*s->p == ' ' || *s->p == '\t'))
		s->p++;
}

/* Up to a blank. */
static bool word(struct scan *s, char *out, size_t room)
{
	size_t n = 0;
	blanks(s);
	for (; s->p < s->end && *s->p != ' ' && *s->p != '\t'; s->p++, n++)
		if (n + 1 < room)
			out[n] = *s->p;
	out[n < room ? n : room - 1] = '\0';
	return n && n < room;
}

static bool number(struct scan *s, uint64_t *out)
{
	const char *from;
	blanks(s);
	for (*out = 0, from = s->p; s->p < s->end && *s->p >= '0' && *s->p <= '9'; s->p++)
		if (mul_overflows(*out, UINT64_C(10), out) || add_overflows(*out, (uint64_t)(*s->p - '0'), out))
			return false;
	return s->p > from && (s->p == s->end || *s->p == ' ' || *s->p == '\t');
}

/* What stands between quotes; names may hold blanks. */
static char *quoted(struct scan *s)
{
	blanks(s);
	const char *close = s->p < s->end && *s->p == '"' ? memchr(s->p + 1, '"', (size_t)(s->end - s->p - 1)) : NULL;
	if (!close)
		return NULL;
	char *out = strndup(s->p + 1, (size_t)(close - s->p - 1));
	s->p = close + 1;
	return out;
}

static enum vmdk_kind kind_of(const char *type)
{
	static const struct {
		const char *name;
		enum vmdk_kind kind;
	} kinds[] = {
	    {"FLAT", VMDK_FLAT},       {"VMFS", VMDK_FLAT}, {"SPARSE", VMDK_SPARSE},
	    {"VMFSSPARSE", VMDK_COWD}, {"ZERO", VMDK_ZERO},
	};
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (!strcasecmp(type, kinds[i].name))
			return kinds[i].kind;
	return VMDK_FOREIGN;
}

/* "RW 4192256 SPARSE "disk-s001.vmdk"", "RW 2048 FLAT "disk-flat.vmdk" 0", "RW 63 ZERO" */
static int extent(struct scan *s, const char *access, struct vmdk_descriptor *d, struct error *e)
{
	struct vmdk_line *l = vec_push(&d->lines);
	if (!l)
		return error_nomem(e);
	l->no_access = !strcasecmp(access, "NOACCESS");
	if (!number(s, &l->sectors) || !l->sectors)
		return bad(s, "an extent without a size", e);
	if (add_overflows(d->sectors, l->sectors, &d->sectors) || d->sectors > INT64_MAX / VMDK_SECTOR)
		return bad(s, "the extents are larger than 8 EiB", e);
	if (!word(s, l->type, sizeof l->type))
		return bad(s, "an extent without a type", e);
	l->kind = kind_of(l->type);
	blanks(s);
	if (l->kind != VMDK_ZERO && s->p < s->end) {
		l->name = quoted(s);
		if (!l->name || !*l->name)
			return bad(s, "an extent's name is not between quotes", e);
	}
	blanks(s);
	if (s->p < s->end && !number(s, &l->offset))
		return bad(s, "an extent's offset is not a number", e);
	blanks(s);
	if (l->kind == VMDK_FOREIGN)
		return 0; /* whoever opens it says so; devices have more words */
	if (s->p < s->end)
		return bad(s, "text behind an extent", e);
	if (l->kind != VMDK_ZERO && !l->name)
		return bad(s, "an extent without a file", e);
	if (l->kind != VMDK_FLAT && l->offset)
		return bad(s, "an offset for an extent that can't have one", e);
	return 0;
}

static int content_id(const struct scan *s, const char *value, char out[9], struct error *e)
{
	char *end;
	unsigned long v = strtoul(value, &end, 16);
	size_t n = strlen(value);
	if (!n || n > 8 || strspn(value, "0123456789abcdefABCDEF") != n)
		return bad(s, "a content ID is not a hexadecimal number", e);
	if (*out)
		return bad(s, "a content ID is given twice", e);
	snprintf(out, 9, "%08lx", v & 0xffffffff);
	return 0;
}

static int setting(const struct scan *s, const char *key, const char *value, struct vmdk_descriptor *d, struct error *e)
{
	if (!strcasecmp(key, "CID"))
		return content_id(s, value, d->cid, e);
	if (!strcasecmp(key, "parentCID"))
		return content_id(s, value, d->parent_cid, e);
	if (!strcasecmp(key, "version")) {
		if (strlen(value) == 1 && *value >= '1' && *value <= '4')
			return 0;
		return error_set(e, ERROR_UNSUPPORTED, ERROR_NO_OFFSET, "version \"%.20s\" of the descriptor", value);
	}
	if (!strcasecmp(key, "createType")) {
		if (*d->type || !*value || strlen(value) >= sizeof d->type)
			return bad(s, "createType is empty or given twice", e);
		strcpy(d->type, value);
	} else if (!strcasecmp(key, "parentFileNameHint")) {
		if (d->hint || !*value)
			return bad(s, "the parent's name is empty or given twice", e);
		d->hint = strdup(value);
		if (!d->hint)
			return error_nomem(e);
	} else if (!strcasecmp(key, "changeTrackPath") && *value && !d->tracking) {
		d->tracking = strdup(value);
		if (!d->tracking)
			return error_nomem(e);
	}
	return 0;
}

static int assignment(struct scan *s, struct vmdk_descriptor *d, struct error *e)
{
	char key[64] = "", value[4096];
	const char *equals = memchr(s->p, '=', (size_t)(s->end - s->p)), *last = equals;
	if (!equals)
		return bad(s, "neither a setting nor an extent", e);
	while (last > s->p && (last[-1] == ' ' || last[-1] == '\t'))
		last--;
	if (last == s->p)
		return bad(s, "a setting without a name", e);
	if ((size_t)(last - s->p) < sizeof key) /* longer ones are none that we know */
		memcpy(key, s->p, (size_t)(last - s->p));
	s->p = equals + 1;
	blanks(s);
	last = s->end;
	if (s->p < last && *s->p == '"') {
		if (++s->p >= last || last[-1] != '"')
			return bad(s, "a quote is not closed", e);
		last--;
	}
	if ((size_t)(last - s->p) >= sizeof value)
		return bad(s, "longer than 4 KiB", e);
	memcpy(value, s->p, (size_t)(last - s->p));
	value[last - s->p] = '\0';
	return setting(s, key, value, d, e);
}

static int line(struct scan *s, struct vmdk_descriptor *d, struct error *e)
{
	char first[16];
	struct scan ahead = *s;
	if (word(&ahead, first, sizeof first) &&
	    (!strcasecmp(first, "RW") || !strcasecmp(first, "RDONLY") || !strcasecmp(first, "NOACCESS")))
		return extent(&ahead, first, d, e);
	return assignment(s, d, e);
}

static int complete(const struct vmdk_descriptor *d, struct error *e)
{
	const char *lacks = !*d->cid	       ? "content ID (CID)"
			    : !*d->type	       ? "createType"
			    : !*d->parent_cid  ? "content ID of a parent (parentCID)"
			    : !d->lines.count ? "extent"
					       : NULL;
	if (lacks)
		return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "the descriptor has no %s", lacks);
	bool parent = strcmp(d->parent_cid, "ffffffff");
	if (parent && !d->hint)
		return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET,
				 "the descriptor has a parent, %s, and does not name it", d->parent_cid);
	if (!parent && d->hint)
		return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET,
				 "the descriptor names a parent, %s, and says that there is none", d->hint);
	return 0;
}

int vmdk_descriptor_parse(const char *text, size_t length, struct vmdk_descriptor *d, struct error *e)
{
	static const char title[] = "# Disk DescriptorFile";
	const char *end = text + strnlen(text, length), *next;
	struct scan s = {.number = 0};
	memset(d, 0, sizeof *d);
	if ((size_t)(end - text) < sizeof title - 1 || strncasecmp(text, title, sizeof title - 1))
		return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "the descriptor does not begin with \"%s\"", title);
	for (const char *p = text; p < end; p = next + 1) {
		next = memchr(p, '\n', (size_t)(end - p));
		if (!next)
			next = end;
		s = (struct scan){p, next, s.number + 1};
		while (s.end > s.p && (s.end[-1] == '\r' || s.end[-1] == ' ' || s.end[-1] == '\t'))
			s.end--;
		blanks(&s);
		if (s.p < s.end && *s.p != '#' && line(&s, d, e) < 0)
			return -1;
	}
	if (complete(d, e) < 0)
		return -1;
	if (!strcmp(d->parent_cid, "ffffffff"))
		*d->parent_cid = '\0';
	return 0;
}

void vmdk_descriptor_free(struct vmdk_descriptor *d)
{
	vec_each(&d->lines, l)
		free(l->name);
	vec_free(&d->lines);
	free(d->hint);
	free(d->tracking);
	memset(d, 0, sizeof *d);
}
