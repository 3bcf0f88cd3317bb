// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The walk over an appliance's tar: POSIX ustar with pax records, and GNU's long names and large sizes. Only
 * what appliances are made of: plain files, and directories that are passed over.
 */
#include <strings.h>

#include "ova.h"

#define BLOCK UINT64_C(512)
#define MAX_MEMBERS 4096
#define MAX_NAME 65536
enum { NAME = 0, SIZE = 124, MTIME = 136, CHECKSUM = 148, TYPE = 156, MAGIC = 257, PREFIX = 345 };

struct walk {
	struct ova *o;
	uint64_t at, size; /* of the tar */
	char *long_name;   /* of the next member */
	uint64_t pax_size;
	bool has_pax_size;
};

#define BAD(w, ...) error_set(e, ERROR_CORRUPT, (int64_t)(w)->at, __VA_ARGS__)

/* Octal with blanks around, or base 256 with the first bit set; below 2^62. */
static bool number(const uint8_t *p, size_t len, uint64_t *out)
{
	size_t i = 0;
	*out = 0;
	if (*p & 0x80) {
		*out = *p & 0x3f;
		for (i = 1; i < len; i++) {
			if (*out >> 54)
				return false;
			*out = *out << 8 | p[i];
		}
		return !(*p & 0x40);
	}
	while (i < len && p[i] == ' ')
		i++;
	for (; i < len && p[i] >= '0' && p[i] <= '7'; i++)
		*out = *out << 3 | (uint64_t)(p[i] - '0');
	return i == len || p[i] == ' ' || !p[i];
}

static bool checksum_fits(const uint8_t *h)
{
	uint64_t sum = 0, stored;
	for (size_t i = 0; i < BLOCK; i++)
		sum += i >= CHECKSUM && i < CHECKSUM + 8 ? ' ' : h[i];
	return number(h + CHECKSUM, 8, &stored) && stored == sum;
}

/* The content of a header that speaks of the next one. */
static char *extension(struct walk *w, uint64_t length, struct error *e)
{
	if (length > MAX_NAME) {
		error_set(e, ERROR_LIMIT, (int64_t)w->at, "an extended header of %llu bytes",
			  (unsigned long long)length);
		return NULL;
	}
	autofree char *p = calloc(1, length + 1);
	if (!p)
		error_nomem(e);
	else if (source_read_at(w->o->src, w->at + BLOCK, p, length, e) == 0)
		return take(p);
	return NULL;
}

/* Records "LENGTH KEY=VALUE\n"; those that matter are path and size. */
static int pax(struct walk *w, char *p, uint64_t length, struct error *e)
{
	char *end = p + length;
	while (p < end) {
		char *key, *equals, *last;
		unsigned long n = strtoul(p, &key, 10);
		if (*p < '0' || *p > '9' || *key != ' ' || n > (size_t)(end - p) || p + n <= key + 1 ||
		    p[n - 1] != '\n')
			return BAD(w, "an extended header's records do not add up");
		last = p + n - 1;
		*last = '\0';
		equals = strchr(++key, '=');
		if (!equals)
			return BAD(w, "an extended header's record has no keyword");
		*equals++ = '\0';
		if (!strncmp(key, "GNU.sparse.", 11))
			return error_set(e, ERROR_UNSUPPORTED, (int64_t)w->at, "a sparse member");
		if (!strcmp(key, "path")) {
			free(w->long_name);
			w->long_name = strdup(equals);
			if (!w->long_name)
				return error_nomem(e);
		} else if (!strcmp(key, "size")) {
			char *stop;
			w->pax_size = strtoull(equals, &stop, 10);
			w->has_pax_size = true;
			if (*stop || *equals < '0' || *equals > '9')
				return BAD(w, "a member's size is no number");
		}
		p += n;
	}
	return 0;
}

static char *name_of(struct walk *w, const uint8_t *h)
{
	char *name = NULL;
	if (w->long_name)
		return take(w->long_name);
	if (memcmp(h + MAGIC, "ustar\0", 6) || !h[PREFIX])
		return strndup((const char *)h, 100);
	if (asprintf(&name, "%.155s/%.100s", (const char *)h + PREFIX, (const char *)h) < 0)
		return NULL;
	return name;
}

static int add(struct walk *w, const uint8_t *h, uint64_t length, struct error *e)
{
	uint64_t mtime;
	autofree char *name = name_of(w, h);
	if (!name)
		return error_nomem(e);
	if (w->o->members.count == MAX_MEMBERS)
		return error_set(e, ERROR_LIMIT, (int64_t)w->at, "more than %d members", MAX_MEMBERS);
	if (ova_member(w->o, name))
		return BAD(w, "%s is in it twice", companion_base(name));
	struct source *s = source_window(w->o->src, w->at + BLOCK, length, companion_base(name), e);
	if (!s)
		return -1;
	struct ova_member *m = vec_push(&w->o->members);
	if (!m) {
		source_destroy(s);
		return error_nomem(e);
	}
	*m = (struct ova_member){.name = take(name), .offset = w->at + BLOCK, .length = length, .source = s};
	if (number(h + MTIME, 12, &mtime))
		m->mtime = (int64_t)mtime;
	return 0;
}

/* One header and what it is about. */
static int member(struct walk *w, const uint8_t *h, struct error *e)
{
	uint64_t length, end;
	uint8_t type = h[TYPE];
	bool plain = type == '0' || !type || type == '7',
	     extends = type == 'L' || type == 'x' || type == 'g' || type == 'K';
	if (!checksum_fits(h))
		return BAD(w, "the checksum of a member's header does not match: it is damaged, or cut and filled up");
	if (!number(h + SIZE, 12, &length))
		return BAD(w, "a member's size is no number");
	if (w->has_pax_size && !extends)
		length = w->pax_size;
	if (type == '5')
		length = 0;
	if (!plain && !extends && type != '5')
		return error_set(e, ERROR_UNSUPPORTED, (int64_t)w->at, "a member of type %02x", type);
	if (length > INT64_MAX || (end = w->at + BLOCK + (length + BLOCK - 1) / BLOCK * BLOCK) > w->size)
		return BAD(w, "%.100s is cut: it should have %llu bytes", (const char *)h, (unsigned long long)length);
	if (extends) {
		autofree char *p = extension(w, length, e);
		if (!p || (type == 'x' && pax(w, p, length, e) < 0))
			return -1;
		if (type == 'L') {
			free(w->long_name);
			w->long_name = take(p);
		}
	} else {
		if (plain && add(w, h, length, e) < 0)
			return -1;
		free(take(w->long_name));
		w->has_pax_size = false;
	}
	w->at = end;
	return 0;
}

/* Behind the two zero blocks there are only zeros. */
static int check_tail(struct walk *w, const struct image_context *c, struct error *e)
{
	autofree uint8_t *buf = malloc(MIB);
	if (!buf)
		return error_nomem(e);
	for (uint64_t at = w->at, n; at < w->size; at += n) {
		n = w->size - at < MIB ? w->size - at : MIB;
		if (c->budget && budget_check(c->budget, e) < 0)
			return -1;
		if (source_read_at(w->o->src, at, buf, n, e) < 0)
			return -1;
		if (is_zero(buf, n))
			continue;
		struct finding_text where = {.offset = (int64_t)at, .has_offset = true};
		finding_add(c->f, PROOF_STRUCTURE, "ova.tail", c->subject, OUTCOME_BROKEN, &where,
			    "something follows the end of the archive");
		return 0;
	}
	return 0;
}

static int walk(struct walk *w, const struct image_context *c, struct error *e)
{
	uint8_t h[2 * BLOCK];
	for (unsigned i = 0; i < 4 * MAX_MEMBERS; i++) {
		if (w->size - w->at < BLOCK)
			return BAD(w, "it is cut: the archive has no end mark");
		size_t n = w->size - w->at < sizeof h ? BLOCK : sizeof h;
		if (source_read_at(w->o->src, w->at, h, n, e) < 0)
			return -1;
		if (!is_zero(h, BLOCK)) {
			if (member(w, h, e) < 0)
				return -1;
			continue;
		}
		if (n < sizeof h || !is_zero(h + BLOCK, BLOCK))
			return BAD(w, "it is cut: the archive has half an end mark");
		if (w->long_name || w->has_pax_size)
			return BAD(w, "an extended header is followed by the end of the archive");
		return check_tail(w, c, e);
	}
	return error_set(e, ERROR_LIMIT, (int64_t)w->at, "more than %d headers", 4 * MAX_MEMBERS);
}

int ova_walk(struct ova *o, const struct image_context *c, struct error *e)
{
	struct walk w = {.o = o, .size = source_size(o->src)};
	int rc = walk(&w, c, e);
	free(w.long_name);
	return rc;
}

struct ova_member *ova_member(struct ova *o, const char *name)
{
	const char *base = companion_base(name);
	vec_each(&o->members, m)
		if (!strcmp(companion_base(m->name), base))
			return m;
	return NULL;
}

int ova_suffix(struct ova *o, const char *suffix, struct ova_member **out, struct error *e)
{
	*out = NULL;
	vec_each(&o->members, m)
	{
		size_t n = strlen(m->name), k = strlen(suffix);
		if (n < k || strcasecmp(m->name + n - k, suffix))
			continue;
		if (*out)
			return error_set(e, ERROR_AMBIGUOUS, ERROR_NO_OFFSET,
					 "two members are called *%s: %s and %s", suffix,
					 companion_base((*out)->name), companion_base(m->name));
		*out = m;
	}
	return 0;
}

char *ova_text(const struct ova_member *m, struct error *e)
{
	if (m->length > OVA_MAX_TEXT) {
		error_set(e, ERROR_LIMIT, ERROR_NO_OFFSET, "%s has more than 8 MiB", companion_base(m->name));
		return NULL;
	}
	autofree char *p = malloc(m->length + 1);
	if (!p) {
		error_nomem(e);
		return NULL;
	}
	if (source_read_at(m->source, 0, p, m->length, e) < 0)
		return NULL;
	p[m->length] = '\0';
	return take(p);
}
