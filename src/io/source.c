// SPDX-License-Identifier: GPL-3.0-or-later
/* The one dispatcher all reads go through: it checks the contract and keeps the first error. */
#include "source_self.h"

#include <pthread.h>
#include <stdatomic.h>

struct source {
	const struct source_ops *ops;
	void *self;
	uint64_t size;
	char *name;
	_Atomic uint64_t bytes_read;
	pthread_mutex_t lock; /* for sticky */
	_Atomic bool failed;
	struct error sticky;
	_Atomic uint64_t *touched; /* a bit a piece; NULL: not asked for */
	unsigned piece_bits;
};

#define PIECES_MAX (UINT64_C(1) << 29)

struct source *source_new(const struct source_ops *ops, void *self, uint64_t size, const char *name,
			  struct error *e)
{
	struct source *s = calloc(1, sizeof *s);
	char *copy = strdup(name);
	if (!s || !copy || size > INT64_MAX) {
		free(s);
		free(copy);
		if (size > INT64_MAX)
			error_set(e, ERROR_LIMIT, ERROR_NO_OFFSET, "%s: larger than 8 EiB", name);
		else
			error_nomem(e);
		return NULL;
	}
	s->ops = ops;
	s->self = self;
	s->size = size;
	s->name = copy;
	pthread_mutex_init(&s->lock, NULL);
	return s;
}

void source_destroy(struct source *s)
{
	if (!s)
		return;
	if (s->ops->destroy)
		s->ops->destroy(s->self);
	pthread_mutex_destroy(&s->lock);
	free((void *)s->touched);
	free(s->name);
	free(s);
}

uint64_t source_size(const struct source *s)
{
	return s->size;
}

const char *source_name(const struct source *s)
{
	return s->name;
}

uint64_t source_bytes_read(const struct source *s)
{
	return s->bytes_read;
}

const struct error *source_sticky(const struct source *s)
{
	return s->failed ? &s->sticky : NULL;
}

static int fail(struct source *s, const struct error *cause, struct error *e)
{
	pthread_mutex_lock(&s->lock);
	if (!s->failed) {
		s->sticky = *cause;
		s->failed = true;
	}
	pthread_mutex_unlock(&s->lock);
	if (e)
		*e = *cause;
	return -1;
}

static void touch(struct source *s, uint64_t off, size_t len)
{
	if (!s->touched)
		return;
	for (uint64_t i = off >> s->piece_bits; i <= (off + len - 1) >> s->piece_bits; i++) {
		uint64_t bit = UINT64_C(1) << i % 64;
		if (!(atomic_load_explicit(&s->touched[i / 64], memory_order_relaxed) & bit))
			s->touched[i / 64] |= bit;
	}
}

int source_note_reads(struct source *s, uint64_t piece, struct error *e)
{
	uint64_t count = s->size / piece + 1;
	if (s->touched || count > PIECES_MAX)
		return 0;
	s->touched = calloc(count / 64 + 1, sizeof *s->touched);
	if (!s->touched)
		return error_nomem(e);
	s->piece_bits = (unsigned)__builtin_ctzll(piece);
	return 0;
}

bool source_touched(const struct source *s, uint64_t from, uint64_t *piece)
{
	uint64_t words = s->touched ? (s->size >> s->piece_bits) / 64 + 1 : 0;
	for (uint64_t w = from / 64; w < words; w++) {
		uint64_t bits = s->touched[w] & (w == from / 64 ? ~UINT64_C(0) << from % 64 : ~UINT64_C(0));
		if (!bits)
			continue;
		*piece = w * 64 + (uint64_t)__builtin_ctzll(bits);
		return true;
	}
	return false;
}

/* What is asked for is inside. */
static int check_range(const struct source *s, uint64_t off, size_t len, struct error *e)
{
	uint64_t end;
	if (add_overflows(off, (uint64_t)len, &end) || end > s->size) {
		/* Beyond the end is what a damaged structure asks for; it is no failure of the medium. */
		return error_set(e, ERROR_CORRUPT, (int64_t)off,
				 "%s: %zu bytes wanted at offset %llu, which is beyond the end at %llu",
				 s->name, len, (unsigned long long)off, (unsigned long long)s->size);
	}
	return 0;
}

int source_read_at(struct source *s, uint64_t off, void *buf, size_t len, struct error *e)
{
	struct error cause = {0};
	if (check_range(s, off, len, e) < 0)
		return -1;
	if (!len)
		return 0;
	if (s->ops->read_at(s->self, off, buf, len, &cause) < 0)
		return fail(s, &cause, e);
	s->bytes_read += len;
	touch(s, off, len);
	return 0;
}

int source_read_aside(struct source *s, uint64_t off, void *buf, size_t len, const struct budget *b, struct error *e)
{
	struct error cause = {0};
	if (check_range(s, off, len, e) < 0)
		return -1;
	if (!len)
		return 0;
	int rc = s->ops->read_aside ? s->ops->read_aside(s->self, off, buf, len, b, &cause)
				    : s->ops->read_at(s->self, off, buf, len, &cause);
	if (rc < 0)
		return fail(s, &cause, e);
	s->bytes_read += len;
	return 0;
}

void source_expect(struct source *s, uint64_t off, uint64_t len)
{
	if (s->ops->expect && off < s->size && len)
		s->ops->expect(s->self, off, len < s->size - off ? len : s->size - off);
}

int source_extent_at(struct source *s, uint64_t off, struct extent *out, struct error *e)
{
	if (off >= s->size)
		return error_set(e, ERROR_LIMIT, (int64_t)off, "%s: extent asked beyond the end", s->name);
	*out = (struct extent){.length = s->size - off};
	if (!s->ops->extent_at)
		return 0;
	struct error cause = {0};
	if (s->ops->extent_at(s->self, off, out, &cause) < 0)
		return fail(s, &cause, e);
	if (!out->length)
		return error_set(e, ERROR_INTERNAL, (int64_t)off, "%s: %s gave an empty extent", s->name,
				 s->ops->kind);
	if (out->length > s->size - off)
		out->length = s->size - off;
	return 0;
}

void *source_self(const struct source *s, const struct source_ops *ops)
{
	return s->ops == ops ? s->self : NULL;
}
