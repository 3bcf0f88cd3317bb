// SPDX-License-Identifier: GPL-3.0-or-later
#include "member.h"

#include <inttypes.h>

#include "units.h"

/* Decoders count in 32 bits. */
#define STEP_MAX ((size_t)(512 * MIB))
/* What is lent at once. */
#define LEND (256 * KIB)
/* A step that gave nothing: there is another. */
#define AGAIN ((ssize_t)-2)

struct members {
	const struct member_ops *ops;
	void *self;
	struct feed feed;
	struct units units;
	uint8_t *lent; /* LEND bytes, for what is not decoded apart */
	struct codec_info *out, info;
	uint64_t contents; /* members that can carry content */
	uint64_t began_at; /* offset of the present member */
	bool inside;
};

/* Says where, unless it was the upstream that failed: that has said so itself. */
static int located(const struct members *m, struct error *e)
{
	if (m->feed.told)
		return -1;
	if (e->offset == ERROR_NO_OFFSET)
		e->offset = (int64_t)m->feed.offset;
	return error_prefix(
	    e, "%s, compressed byte %" PRId64 " (%s %" PRIu64 ", from byte %" PRIu64 ")",
	    m->ops->codec, e->offset, m->ops->unit, m->info.members + !m->inside, m->began_at);
}

static int cut(const struct members *m, struct error *e)
{
	error_set(e, ERROR_CORRUPT, (int64_t)(m->feed.offset + feed_left(&m->feed)),
		  "cut: the data ends inside this %s", m->ops->unit);
	return located(m, e);
}

static int foreign(const struct members *m, struct error *e)
{
	const char *unit = m->ops->unit;
	if (m->info.members)
		return error_set(e, ERROR_CORRUPT, (int64_t)m->began_at,
				 "%s: trailing bytes from compressed byte %" PRIu64
				 ", after %" PRIu64 " %s%s: they begin no %s",
				 m->ops->codec, m->began_at, m->info.members, unit,
				 m->info.members == 1 ? "" : "s", unit);
	return error_set(e, ERROR_CORRUPT, (int64_t)m->began_at, "%s: the data begins with no %s",
			 m->ops->codec, unit);
}

/* 1 inside a member, 0 at the end of all, -1 failed. */
static int next(struct members *m, struct error *e)
{
	while (!m->inside) {
		feed_hide(&m->feed);
		if (feed_fill(&m->feed, 1, e) < 0)
			return -1;
		m->began_at = m->feed.offset;
		if (!feed_left(&m->feed)) {
			if (m->contents)
				return 0;
			return error_set(e, ERROR_CORRUPT, (int64_t)m->feed.offset,
					 "%s: no %s with content in %" PRIu64 " bytes",
					 m->ops->codec, m->ops->unit, m->feed.offset);
		}
		e->offset = ERROR_NO_OFFSET;
		switch (m->ops->begin(m->self, &m->feed, !m->info.members, e)) {
		case BEGUN_UNCHECKED:
			m->info.unchecked++;
			/* fall through */
		case BEGUN_CONTENT:
			m->info.members++;
			m->contents++;
			m->inside = true;
			break;
		case BEGUN_SKIPPED:
			m->info.members++;
			break;
		case BEGUN_PADDING:
			break;
		case BEGUN_CUT:
			return cut(m, e);
		case BEGUN_FOREIGN:
			return foreign(m, e);
		case BEGUN_FAILED:
			return located(m, e);
		}
	}
	return 1;
}

static ssize_t decode(struct members *m, void *buf, size_t cap, struct error *e)
{
	bool was_inside = m->inside;
	int rc = next(m, e);
	if (rc <= 0)
		return rc;
	/* Perhaps its parts can be decoded apart. */
	if (!was_inside && m->ops->part)
		return AGAIN;
	if (feed_fill(&m->feed, 1, e) < 0)
		return -1;
	uint64_t before = m->feed.offset;
	bool done = false;
	e->offset = ERROR_NO_OFFSET;
	ssize_t n = m->ops->decode(m->self, &m->feed, buf, cap < STEP_MAX ? cap : STEP_MAX, &done, e);
	if (n < 0)
		return located(m, e);
	if (n == 0 && !done && m->feed.offset == before) {
		if (m->feed.ended)
			return cut(m, e);
		error_set(e, ERROR_INTERNAL, ERROR_NO_OFFSET, "the decoder makes no progress");
		return located(m, e);
	}
	m->inside = !done;
	return n > 0 ? n : AGAIN;
}

/* Counts what was decoded apart, once it is known to hold. */
static void settle(struct members *m, struct piece *p)
{
	p->settled = true;
	if (p->inside) {
		m->ops->joined(m->self, p->units, p->good, p->out, p->decoded);
		return;
	}
	for (size_t i = 0; i < p->good; i++) {
		m->info.members++;
		m->info.unchecked += p->units[i].begun == BEGUN_UNCHECKED;
		m->contents += p->units[i].begun != BEGUN_SKIPPED;
	}
}

/* What comes next was decoded apart: so many bytes of it. 0: nothing is, -1 failed. */
static ssize_t apart(struct members *m, const uint8_t **data, struct error *e)
{
	for (;;) {
		struct piece *p = m->units.first;
		if (!p || !p->settled) {
			if (units_plan(&m->units, m->inside, e) < 0)
				return -1;
			p = units_first(&m->units);
			if (!p)
				return 0;
			settle(m, p);
		}
		if (p->given < p->decoded) {
			*data = p->out + p->given;
			return (ssize_t)(p->decoded - p->given);
		}
		if (p->good == p->count)
			units_next(&m->units);
		else
			return units_rewind(&m->units, e);
	}
}

static ssize_t members_read(void *self, void *buf, size_t cap, struct error *e)
{
	struct members *m = self;
	const uint8_t *data;
	ssize_t n;
	do {
		n = apart(m, &data, e);
		if (n > 0) {
			n = (size_t)n < cap ? n : (ssize_t)cap;
			memcpy(buf, data, (size_t)n);
			m->units.first->given += (size_t)n;
		} else if (n == 0) {
			n = decode(m, buf, cap, e);
		}
	} while (n == AGAIN);
	return n;
}

static ssize_t members_lend(void *self, const uint8_t **data, struct error *e)
{
	struct members *m = self;
	ssize_t n = apart(m, data, e);
	if (n > 0) {
		n = (size_t)n < LEND ? n : (ssize_t)LEND;
		m->units.first->given += (size_t)n;
	}
	if (n)
		return n;
	if (!m->lent && !(m->lent = malloc(LEND)))
		return error_nomem(e);
	*data = m->lent;
	return members_read(m, m->lent, LEND, e);
}

/* read gives 0 only between members, at the end of the upstream: what is left is its word. */
static int members_finish(void *self, struct error *e)
{
	struct members *m = self;
	if (m->inside || feed_left(&m->feed))
		return error_set(e, ERROR_INTERNAL, ERROR_NO_OFFSET, "%s: finished inside a %s",
				 m->ops->codec, m->ops->unit);
	if (stream_finish(m->feed.upstream, e) < 0)
		return -1;
	if (m->out)
		*m->out = m->info;
	return 0;
}

static void members_destroy(void *self)
{
	struct members *m = self;
	units_release(&m->units);
	if (m->self)
		m->ops->destroy(m->self);
	free(m->self);
	free(m->lent);
	feed_release(&m->feed);
	free(m);
}

static bool members_are_ahead(const void *self)
{
	const struct members *m = self;
	return m->units.first != NULL;
}

static const struct stream_ops stream_ops = {"codec", members_read, members_finish, members_destroy, members_lend,
					     members_are_ahead};

struct stream *member_stream(const struct member_ops *ops, struct stream *upstream,
			     struct codec_info *info, struct error *e)
{
	struct members *m = calloc(1, sizeof *m);
	struct stream *s = NULL;
	if (!m) {
		error_nomem(e);
		return NULL;
	}
	m->ops = ops;
	m->out = info;
	if (feed_init(&m->feed, e) == 0) {
		m->self = calloc(1, ops->size);
		if (!m->self)
			error_nomem(e);
		else if (ops->init(m->self, e) == 0)
			s = stream_new(&stream_ops, m, stream_name(upstream), e);
	}
	if (!s) {
		members_destroy(m);
		return NULL;
	}
	m->feed.upstream = upstream;
	units_init(&m->units, ops, m->self, &m->feed);
	if (info)
		memset(info, 0, sizeof *info);
	return s;
}

enum begun member_skippable(struct feed *f, struct error *e)
{
	if (feed_fill(f, 8, e) < 0)
		return BEGUN_FAILED;
	if (feed_left(f) < 8)
		return BEGUN_CUT;
	uint32_t size = get_le32(feed_at(f) + 4);
	feed_take(f, 8);
	switch (feed_skip(f, size, e)) {
	case 1:
		return BEGUN_SKIPPED;
	case 0:
		return BEGUN_CUT;
	default:
		return BEGUN_FAILED;
	}
}

size_t member_after_skippables(const struct probe *p)
{
	uint64_t at = 0;
	while (at + 8 <= p->head_length && is_skippable(p->head + at))
		at += 8 + (uint64_t)get_le32(p->head + at + 4);
	return at < p->head_length ? (size_t)at : SIZE_MAX;
}
