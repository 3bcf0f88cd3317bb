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
};

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

int source_read_at(struct source *s, uint64_t off, void *buf, size_t len, struct error *e)
{
	struct error cause = {0};
	uint64_t end;
	if (add_overflows(off, (uint64_t)len, &end) || end > s->size) {
		/* Beyond the end is what a damaged structure asks for; it is no failure of the medium. */
		return error_set(e, ERROR_CORRUPT, (int64_t)off,
				 "%s: %zu bytes wanted at offset %llu, which is beyond the end at %llu",
				 s->name, len, (unsigned long long)off, (unsigned long long)s->size);
	}
	if (!len)
		return 0;
	if (s->ops->read_at(s->self, off, buf, len, &cause) < 0)
		return fail(s, &cause, e);
	s->bytes_read += len;
	return 0;
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
