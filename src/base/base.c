// SPDX-License-Identifier: GPL-3.0-or-later
#include "backproof/base.h"

#include <ctype.h>
#include <errno.h>
#include <sys/random.h>
#include <time.h>

int vec_grow(void **items, size_t *capacity, size_t count, size_t item_size)
{
	if (count < *capacity)
		return 0;
	size_t want = *capacity ? *capacity * 2 : 8, bytes;
	if (mul_overflows(want, item_size, &bytes))
		return -1;
	void *grown = realloc(*items, bytes);
	if (!grown)
		return -1;
	*items = grown;
	*capacity = want;
	return 0;
}

bool is_zero(const void *p, size_t len)
{
	const uint8_t *b = p;
	/* The first bytes decide for data; memcmp with itself shifted then runs at memory speed. */
	size_t head = len < 16 ? len : 16;
	for (size_t i = 0; i < head; i++)
		if (b[i])
			return false;
	return len <= 16 || memcmp(b, b + 16, len - 16) == 0;
}

bool string_same(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

int string_copy(char **to, const char *from)
{
	*to = from ? strdup(from) : NULL;
	return from && !*to ? -1 : 0;
}

int strings_add(struct strings *s, const char *text)
{
	char *copy = strdup(text);
	if (!copy || vec_grow((void **)&s->items, &s->capacity, s->count, sizeof *s->items) < 0) {
		free(copy);
		return -1;
	}
	s->items[s->count++] = copy;
	return 0;
}

int strings_add_first(struct strings *s, const char *text)
{
	if (strings_add(s, text) < 0)
		return -1;
	char *last = s->items[s->count - 1];
	memmove(s->items + 1, s->items, (s->count - 1) * sizeof *s->items);
	s->items[0] = last;
	return 0;
}

int strings_add_all(struct strings *to, const struct strings *from)
{
	for (size_t i = 0; i < from->count; i++)
		if (strings_add(to, from->items[i]) < 0)
			return -1;
	return 0;
}

bool strings_has(const struct strings *s, const char *text)
{
	for (size_t i = 0; i < s->count; i++)
		if (!strcmp(s->items[i], text))
			return true;
	return false;
}

static int by_text(const void *x, const void *y)
{
	return strcmp(*(char *const *)x, *(char *const *)y);
}

void strings_sort(struct strings *s)
{
	if (s->count)
		qsort(s->items, s->count, sizeof *s->items, by_text);
}

bool strings_sorted_has(const struct strings *s, const char *text)
{
	return s->count && bsearch(&text, s->items, s->count, sizeof *s->items, by_text);
}

void strings_free(struct strings *s)
{
	for (size_t i = 0; i < s->count; i++)
		free(s->items[i]);
	free(s->items);
	memset(s, 0, sizeof *s);
}

int strings_split(struct strings *s, const char *text)
{
	while (*text) {
		while (isspace((unsigned char)*text))
			text++;
		size_t len = 0;
		while (text[len] && !isspace((unsigned char)text[len]))
			len++;
		if (!len)
			break;
		char *word = strndup(text, len);
		int rc = word ? strings_add(s, word) : -1;
		free(word);
		if (rc < 0)
			return -1;
		text += len;
	}
	return 0;
}

const char *path_base(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? slash + 1 : path;
}

char *path_directory(const char *path)
{
	const char *slash = strrchr(path, '/');
	return !slash ? strdup(".") : strndup(path, slash == path ? 1 : (size_t)(slash - path));
}

ssize_t read_whole_at(int fd, void *to, size_t len, off_t off)
{
	size_t have = 0;
	while (have < len) {
		ssize_t n = pread(fd, (uint8_t *)to + have, len - have, off + (off_t)have);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		if (n == 0)
			break;
		have += (size_t)n;
	}
	return (ssize_t)have;
}

uint64_t rng_fresh_seed(void)
{
	uint64_t seed;
	if (getrandom(&seed, sizeof seed, 0) != sizeof seed) {
		struct timespec t;
		clock_gettime(CLOCK_REALTIME, &t);
		seed = (uint64_t)t.tv_sec * 1000000007u ^ (uint64_t)t.tv_nsec ^ (uint64_t)getpid() << 40;
	}
	/* Readable in JSON by programs whose numbers are doubles. */
	return seed & ((UINT64_C(1) << 53) - 1);
}

uint64_t hash_bytes(const void *p, size_t len)
{
	const uint8_t *b = p;
	uint64_t h = UINT64_C(0xcbf29ce484222325);
	for (size_t i = 0; i < len; i++)
		h = (h ^ b[i]) * UINT64_C(0x100000001b3);
	struct rng r = {h};
	return rng_next(&r);
}
