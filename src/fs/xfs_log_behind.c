// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * What lies behind the end of the log. Of the records that were being written when the power failed any sector can be
 * missing, and the log ends where the first of those begins: nothing is wrong then. But a number of a round that is
 * damaged looks like a missing sector, and a kernel takes it for one. So what lies behind must be what such writes
 * leave: no more records than are written at once, none that needs the first to be whole, that one not whole, and
 * where sectors are missing what was there before.
 */
#include "xfs_log.h"

struct behind {
	struct xlog *l;
	const struct xlog_record *last;
	uint8_t *sectors, *copy;
	uint64_t head, next, count; /* next: the sequence number at head */
	uint64_t written, claimed;  /* behind the last that was written; by the header at the head */
};

static uint32_t round_at(const struct behind *b, uint64_t i)
{
	return (uint32_t)(b->next >> 32) + (b->head + i >= b->l->size);
}

static bool is_written(const struct behind *b, uint64_t i)
{
	return xlog_cycle(b->sectors + i * 512) == round_at(b, i);
}

static void put_be(uint8_t *p, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> (24 - 8 * i));
}

/* 1: the header of a record that was written there. */
static bool is_header(const struct behind *b, uint64_t i, struct xlog_record *r)
{
	const uint8_t *h = b->sectors + i * 512;
	uint64_t at = xlog_wrap(b->l, b->head + i);
	struct error why;
	return get_be32(h) == XLOG_MAGIC && is_written(b, i) && xlog_parse(b->l, h, at, r, &why) == 0;
}

/* What was there a round before. In the first nothing was, but headers that a mount left. */
static bool is_older(const struct behind *b, uint64_t i)
{
	const uint8_t *s = b->sectors + i * 512;
	uint32_t before = round_at(b, i) - 1;
	if (xlog_cycle(s) != before)
		return false;
	if (get_be32(s) == XLOG_MAGIC)
		return get_be64(s + 16) == ((uint64_t)before << 32 | xlog_wrap(b->l, b->head + i));
	return before || is_zero(s, 512);
}

/* With this length and size, and all numbers of rounds as they should be, the record at the head is whole. Zeros that
 * end it may be missing: they look the same when they are there. */
static bool is_whole(const struct behind *b, uint32_t length, uint32_t size)
{
	struct xlog_record r;
	struct error why;
	memcpy(b->copy, b->sectors, 512);
	put_be(b->copy, XLOG_MAGIC);
	put_be(b->copy + 4, round_at(b, 0));
	put_be(b->copy + 12, length);
	put_be(b->copy + 320, size);
	if (xlog_parse(b->l, b->copy, b->head, &r, &why) < 0)
		return false;
	uint64_t n = r.headers + (r.length + 511) / 512, missing = 0;
	if (n > b->count)
		return false;
	while (missing < n && is_written(b, missing))
		missing++;
	bool zeros = missing && missing < n;
	for (uint64_t i = 1; i < n; i++) {
		memcpy(b->copy + i * 512, b->sectors + i * 512, 512);
		put_be(b->copy + i * 512, round_at(b, i));
		zeros = zeros && (i < missing || is_zero(b->copy + i * 512 + 4, 508));
	}
	return !zeros && xlog_sum_ok(b->copy, &r);
}

/* Something of the record at the head is missing, and it would not be whole if only its header said otherwise. */
static const char *first(struct behind *b)
{
	const uint8_t *h = b->sectors;
	struct xlog_record r;
	uint64_t end = 1;
	if (is_header(b, 0, &r)) {
		b->claimed = r.headers + (r.length + 511) / 512;
		while (end < b->claimed && end < b->count && is_written(b, end))
			end++;
		if (end == b->claimed)
			return "nothing of its next record is missing";
	}
	for (end = 1; end < b->written && !is_header(b, end, &r);)
		end++;
	uint32_t sizes[] = {get_be32(h + 320), b->last->size};
	for (size_t k = 0; k < ARRAY_SIZE(sizes); k++) {
		uint64_t heads = sizes[k] > 32768 ? (sizes[k] + 32767) / 32768 : 1;
		uint32_t reach = end > heads ? (uint32_t)(end - heads) * 512 : 0;
		if (is_whole(b, get_be32(h + 12), sizes[k]) || is_whole(b, reach, sizes[k]))
			return "its next record is there";
	}
	return NULL;
}

/* 1: it is what writes leave that were stopped. *why: what speaks against it. */
static int judge(struct behind *b, const char **why, struct error *e)
{
	unsigned records = 0;
	*why = first(b);
	uint64_t to = b->claimed > b->written ? b->claimed : b->written;
	for (uint64_t i = 0; i < to && i < b->count && !*why;) {
		struct xlog_record r;
		if (!is_written(b, i) && !is_older(b, i))
			*why = "a sector that is not written yet holds what can't have been there before";
		if (!i || !is_header(b, i, &r)) {
			i++;
			continue;
		}
		int rc = xlog_load(b->l, &r, e);
		if (rc < 0)
			return -1;
		uint64_t most = (r.size > 32768 ? r.size : 32768) / 512;
		if (++records == XLOG_BUFFERS || (rc && i > (XLOG_BUFFERS - 1) * most))
			*why = "more records follow than are written at once";
		else if (rc && r.tail > b->next)
			*why = "a record follows that was written after the next was whole";
		i += rc ? r.headers + (r.length + 511) / 512 : 1;
	}
	return 0;
}

int xlog_behind(struct xlog *l, uint64_t head, const struct xlog_record *last, struct error *e)
{
	struct behind b = {.l = l, .last = last, .head = head, .next = xlog_next(head, last)};
	const char *why;
	b.count = l->size < XLOG_IN_FLIGHT ? l->size : XLOG_IN_FLIGHT;
	autofree uint8_t *sectors = malloc((size_t)b.count * 512), *copy = malloc((size_t)b.count * 512);
	if (!sectors || !copy)
		return error_nomem(e);
	if (xlog_read(l, head, b.count, sectors, e) < 0)
		return -1;
	b.sectors = sectors;
	b.copy = copy;
	for (uint64_t i = 0; i < b.count; i++)
		if (is_written(&b, i))
			b.written = i + 1;
	if (!b.written)
		return 0;
	if (judge(&b, &why, e) < 0)
		return -1;
	return why ? error_set(e, ERROR_CORRUPT, (int64_t)(l->start + head * 512),
			       "log: it is damaged where it seems to end: %s", why)
		   : 0;
}
