// SPDX-License-Identifier: GPL-3.0-or-later
/* The bytes of one source or of several, one after the other. */
#include "backproof/stream.h"


struct reader {
	size_t count, index;
	uint64_t offset; /* in the present source */
	struct source *sources[];
};

static ssize_t reader_read(void *self, void *buf, size_t cap, struct error *e)
{
	struct reader *r = self;
	while (r->index < r->count && r->offset == source_size(r->sources[r->index])) {
		r->index++;
		r->offset = 0;
	}
	if (r->index == r->count)
		return 0;
	struct source *src = r->sources[r->index];
	uint64_t left = source_size(src) - r->offset;
	size_t n = left < cap ? (size_t)left : cap;
	struct extent x;
	if (source_extent_at(src, r->offset, &x, e) < 0)
		return -1;
	if (x.zero) {
		n = x.length < n ? (size_t)x.length : n;
		memset(buf, 0, n);
	} else if (source_read_at(src, r->offset, buf, n, e) < 0) {
		return -1;
	}
	r->offset += n;
	return (ssize_t)n;
}

/* A file that grew after it was opened is not the file that was read. */
static int reader_finish(void *self, struct error *e)
{
	struct reader *r = self;
	for (size_t i = 0; i < r->count; i++)
		if (source_same(r->sources[i], e) < 0)
			return -1;
	return 0;
}

static const struct stream_ops reader_ops = {"source", reader_read, reader_finish, free};

struct stream *stream_from_sources(struct source *const *src, size_t count, const char *name,
				   struct error *e)
{
	struct reader *r = calloc(1, sizeof *r + count * sizeof r->sources[0]);
	if (!r) {
		error_nomem(e);
		return NULL;
	}
	r->count = count;
	memcpy(r->sources, src, count * sizeof r->sources[0]);
	struct stream *s = stream_new(&reader_ops, r, name, e);
	if (!s)
		free(r);
	return s;
}

struct stream *stream_from_source(struct source *src, struct error *e)
{
	return stream_from_sources(&src, 1, source_name(src), e);
}
