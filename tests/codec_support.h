// SPDX-License-Identifier: GPL-3.0-or-later
/* For the tests of codecs: a stream that stutters or fails, and decoding all of it at once. */
#ifndef CODEC_SUPPORT_H
#define CODEC_SUPPORT_H

#include <fcntl.h>

#include "backproof/format.h"

struct bytes {
	uint8_t *data;
	size_t length, capacity;
};

static inline void bytes_free(struct bytes *b)
{
	free(b->data);
	memset(b, 0, sizeof *b);
}
#define autobytes autodestroy(bytes_free)

static inline void bytes_put(struct bytes *b, const void *p, size_t len)
{
	if (b->length + len > b->capacity) {
		b->capacity = (b->length + len) * 2 + 64;
		b->data = realloc(b->data, b->capacity);
		if (!b->data)
			abort();
	}
	if (len)
		memcpy(b->data + b->length, p, len);
	b->length += len;
}

/* The whole file, appended. -1 when it can't be read. */
static inline int bytes_load(struct bytes *b, const char *path)
{
	autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
	static uint8_t buf[65536];
	ssize_t n;
	if (fd < 0)
		return -1;
	while ((n = read(fd, buf, sizeof buf)) > 0)
		bytes_put(b, buf, (size_t)n);
	return (int)n;
}

/* Delivers at most step bytes a read, from a copy of its own size: reading past it is seen by ASan.
 */
struct stutter {
	uint8_t *data;
	size_t length, at, step;
	size_t fail_at; /* an I/O error when this offset is reached; SIZE_MAX: never */
	bool fail_finish;
};

static ssize_t stutter_read(void *self, void *buf, size_t cap, struct error *e)
{
	struct stutter *s = self;
	size_t n = s->length - s->at;
	if (s->at >= s->fail_at)
		return error_set(e, ERROR_IO, (int64_t)s->at, "made to fail");
	n = n < s->step ? n : s->step;
	n = n < cap ? n : cap;
	n = n < s->fail_at - s->at ? n : s->fail_at - s->at;
	memcpy(buf, s->data + s->at, n);
	s->at += n;
	return (ssize_t)n;
}

static int stutter_finish(void *self, struct error *e)
{
	struct stutter *s = self;
	return s->fail_finish ? error_set(e, ERROR_BUSY, ERROR_NO_OFFSET, "made to change") : 0;
}

static void stutter_destroy(void *self)
{
	struct stutter *s = self;
	free(s->data);
	free(s);
}

static const struct stream_ops stutter_ops = {"stutter", stutter_read, stutter_finish,
					      stutter_destroy};

struct run {
	const struct format *codec;
	size_t step, cap; /* 0: 1 MiB */
	bool ahead;	  /* before and behind the codec */
	size_t fail_at;	  /* 0: never */
	bool fail_finish;
	size_t limit; /* stop reading after so many bytes; 0: none */
};

struct result {
	bool finished;
	struct error error;
	struct codec_info info;
	struct bytes out;
};

static inline struct stream *stutter_new(const struct run *r, const void *data, size_t length)
{
	struct error e;
	struct stutter *s = calloc(1, sizeof *s);
	uint8_t *copy = malloc(length ? length : 1);
	if (!s || !copy)
		abort();
	if (length)
		memcpy(copy, data, length);
	*s = (struct stutter){
	    copy,	   length, 0, r->step ? r->step : MIB, r->fail_at ? r->fail_at : SIZE_MAX,
	    r->fail_finish};
	struct stream *stream = stream_new(&stutter_ops, s, "stutter", &e);
	if (!stream)
		abort();
	return stream;
}

static inline struct stream *must_stream(struct stream *s)
{
	if (!s)
		abort();
	return s;
}

/* Decodes; *out is overwritten. The buffer read into has exactly cap bytes. */
static inline void decode_run(const struct run *r, const void *data, size_t length,
			      struct result *out)
{
	size_t cap = r->cap ? r->cap : MIB;
	autofree uint8_t *buf = malloc(cap);
	struct stream *up = stutter_new(r, data, length);
	memset(out, 0, sizeof *out);
	if (r->ahead)
		up = must_stream(stream_ahead(up, 4, 3000, &out->error));
	autostream struct stream *s = must_stream(r->codec->decode(up, &out->info, &out->error));
	if (r->ahead)
		s = must_stream(stream_ahead(s, 4, 3000, &out->error));
	for (;;) {
		ssize_t n = stream_read(s, buf, cap, &out->error);
		if (n < 0)
			return;
		if (n == 0)
			break;
		bytes_put(&out->out, buf, (size_t)n);
		if (r->limit && out->out.length >= r->limit)
			return;
	}
	out->finished = stream_finish(s, &out->error) == 0;
}

static inline bool same_bytes(const struct bytes *a, const struct bytes *b)
{
	return a->length == b->length && (!a->length || !memcmp(a->data, b->data, a->length));
}

#endif
