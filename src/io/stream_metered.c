// SPDX-License-Identifier: GPL-3.0-or-later
/* Ends what was made to grow without end: passes all on, and counts what is not zero. */
#include "backproof/budget.h"
#include "backproof/stream.h"

#define GRAIN 4096

struct metered {
	struct stream *upstream;
	const struct budget *budget;
	uint64_t stored, spare;
	uint64_t decoded, data;
};

static uint64_t not_zero(const void *buf, size_t len)
{
	const uint8_t *p = buf;
	uint64_t data = 0;
	for (size_t at = 0; at < len;) {
		size_t n = len - at < GRAIN ? len - at : GRAIN;
		data += is_zero(p + at, n) ? 0 : n;
		at += n;
	}
	return data;
}

static ssize_t count(struct metered *m, const void *p, ssize_t n, struct error *e)
{
	if (n <= 0)
		return n;
	m->decoded += (uint64_t)n;
	m->data += not_zero(p, (size_t)n);
	if (budget_decoded(m->budget, m->stored, m->decoded, m->data, m->spare, e) < 0)
		return error_prefix(e, "%s", stream_name(m->upstream));
	return n;
}

static ssize_t metered_read(void *self, void *buf, size_t cap, struct error *e)
{
	struct metered *m = self;
	return count(m, buf, stream_read(m->upstream, buf, cap, e), e);
}

static ssize_t metered_lend(void *self, const uint8_t **data, struct error *e)
{
	struct metered *m = self;
	ssize_t n = stream_lend(m->upstream, data, e);
	return count(m, *data, n, e);
}

static int metered_finish(void *self, struct error *e)
{
	return stream_finish(((struct metered *)self)->upstream, e);
}

static void metered_destroy(void *self)
{
	stream_destroy(((struct metered *)self)->upstream);
	free(self);
}

static bool metered_is_ahead(const void *self)
{
	return stream_is_ahead(((const struct metered *)self)->upstream);
}

struct stream *stream_metered(struct stream *upstream, const struct budget *b, uint64_t stored, uint64_t spare,
			      struct error *e)
{
	static const struct stream_ops ops = {"metered",       metered_read, metered_finish, metered_destroy,
					      metered_lend, metered_is_ahead};
	struct metered *m = calloc(1, sizeof *m);
	if (!m) {
		error_nomem(e);
		return NULL;
	}
	*m = (struct metered){.upstream = upstream, .budget = b, .stored = stored, .spare = spare};
	struct stream *s = stream_new(&ops, m, stream_name(upstream), e);
	if (!s)
		free(m);
	return s;
}
