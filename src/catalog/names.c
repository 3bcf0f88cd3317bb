// SPDX-License-Identifier: GPL-3.0-or-later
#include "names.h"

#include <ctype.h>

#include "name.h"

void names_free(struct names *n)
{
	text_free(&n->text);
	free(n->starts);
	free(n->postings);
	vec_free(n);
	n->starts = n->postings = NULL;
}

int names_add(struct names *n, uint32_t place, const char *name, enum scan_type type,
	      enum names_key key, struct error *e)
{
	size_t at = n->text.length;
	text_put_bytes(&n->text, name, strlen(name) + 1);
	struct names_entry *it = n->text.failed ? NULL : vec_push(n);
	if (!it)
		return error_nomem(e);
	if (n->text.length > UINT32_MAX || n->count > UINT32_MAX / 64)
		return error_set(e, ERROR_LIMIT, ERROR_NO_OFFSET, "too many files in one repository");
	*it = (struct names_entry){place, (uint32_t)at, (uint8_t)type, (uint8_t)key};
	return 0;
}

const char *names_text(const struct names *n, const struct names_entry *it)
{
	return n->text.data + it->name;
}

static uint32_t hash_word(const char *s, size_t len, enum names_key key)
{
	char lower[NAME_LIMIT + 1];
	if (key == NAMES_ANY)
		return 0;
	if (len > NAME_LIMIT)
		len = NAME_LIMIT;
	for (size_t i = 0; i < len; i++)
		lower[i] = (char)tolower((unsigned char)s[i]);
	return (uint32_t)hash_bytes(lower, len) ^ (key == NAMES_WHOLE ? 0x5bd1e995u : 0);
}

/* The next word of *s, which moves behind it: its hash. */
static bool next_word(const char **s, uint32_t *hash)
{
	while (**s && name_is_separator(**s))
		(*s)++;
	const char *from = *s;
	while (**s && !name_is_separator(**s))
		(*s)++;
	*hash = hash_word(from, (size_t)(*s - from), NAMES_WORDS);
	return *s > from;
}

/* Counts the postings into starts, or fills them in from the back of each bucket. */
static uint64_t each_posting(struct names *n, bool fill)
{
	uint64_t sum = 0;
	for (size_t i = n->count; i-- > 0;) {
		const char *s = names_text(n, &n->items[i]);
		enum names_key key = n->items[i].key;
		uint32_t h = hash_word(s, strlen(s), key);
		bool more = key != NAMES_WORDS || next_word(&s, &h);
		while (more) {
			if (fill)
				n->postings[--n->starts[h & n->mask]] = (uint32_t)i;
			else
				n->starts[h & n->mask]++;
			sum++;
			more = key == NAMES_WORDS && next_word(&s, &h);
		}
	}
	return sum;
}

int names_build(struct names *n, struct error *e)
{
	size_t buckets = 64;
	while (buckets < n->count * 2 && buckets < (1u << 26))
		buckets *= 2;
	n->mask = (uint32_t)buckets - 1;
	n->starts = calloc(buckets + 1, sizeof *n->starts);
	if (!n->starts)
		return error_nomem(e);
	uint64_t sum = each_posting(n, false);
	if (sum > UINT32_MAX)
		return error_set(e, ERROR_LIMIT, ERROR_NO_OFFSET, "too many files in one repository");
	n->postings = malloc((size_t)(sum ? sum : 1) * sizeof *n->postings);
	if (!n->postings)
		return error_nomem(e);
	/* Each start is first the end of its bucket, and counts down as it fills. */
	for (size_t b = 1; b <= buckets; b++)
		n->starts[b] += n->starts[b - 1];
	each_posting(n, true);
	return 0;
}

static int visit(const struct names *n, uint32_t bucket, enum names_key key, names_fn *fn, void *ctx,
		 struct error *e)
{
	for (uint32_t i = n->starts[bucket]; i < n->starts[bucket + 1]; i++) {
		const struct names_entry *it = &n->items[n->postings[i]];
		bool again = i > n->starts[bucket] && n->postings[i] == n->postings[i - 1];
		if (it->key == key && !again && fn(ctx, it, e) < 0)
			return -1;
	}
	return 0;
}

int names_find(const struct names *n, const char *host, names_fn *fn, void *ctx, struct error *e)
{
	const char *s = host;
	uint32_t h, best = 0, least = UINT32_MAX;
	uint32_t whole = hash_word(host, strlen(host), NAMES_WHOLE) & n->mask;
	if (visit(n, whole, NAMES_WHOLE, fn, ctx, e) < 0 || visit(n, 0, NAMES_ANY, fn, ctx, e) < 0)
		return -1;
	/* A host's name stands alone, so all of its words are words of the file's name: the rarest will do. */
	while (next_word(&s, &h)) {
		h &= n->mask;
		if (n->starts[h + 1] - n->starts[h] < least) {
			least = n->starts[h + 1] - n->starts[h];
			best = h;
		}
	}
	return least == UINT32_MAX ? 0 : visit(n, best, NAMES_WORDS, fn, ctx, e);
}
