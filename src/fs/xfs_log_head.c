// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The end of the log. Every sector of it begins with the number of the round (cycle) in which it
 * was written; the end is where that falls. Several records are written at once and in any order,
 * so what lies before the end may have holes or be torn: then the end is where the first of those
 * begins.
 */
#include "xfs_log.h"

#include "backproof/crc32c.h"

#define IN_FLIGHT XLOG_IN_FLIGHT
#define CHUNK 128
#define RECORDS XLOG_BUFFERS

static int cycle_at(struct xlog *l, uint64_t at, uint32_t *cycle, struct error *e)
{
	uint8_t sector[512];
	if (xlog_read(l, at, 1, sector, e) < 0)
		return -1;
	*cycle = xlog_cycle(sector);
	return 0;
}

/* The first of count sectors from `from` that has this cycle. 1 found, 0 not. */
static int scan(struct xlog *l, uint64_t from, uint64_t count, uint32_t cycle, uint64_t *found,
		struct error *e)
{
	uint8_t buf[CHUNK * 512];
	for (uint64_t i = 0; i < count; i += CHUNK) {
		uint64_t n = count - i < CHUNK ? count - i : CHUNK;
		if (xlog_read(l, xlog_wrap(l, from + i), n, buf, e) < 0)
			return -1;
		for (uint64_t k = 0; k < n; k++)
			if (xlog_cycle(buf + k * 512) == cycle) {
				*found = xlog_wrap(l, from + i + k);
				return 1;
			}
	}
	return 0;
}

int xlog_parse(const struct xlog *l, const uint8_t *h, uint64_t at, struct xlog_record *r,
	       struct error *e)
{
	int64_t place = (int64_t)(l->start + at * 512);
	uint32_t version = get_be32(h + 8), format = get_be32(h + 300), size = get_be32(h + 320);
	*r = (struct xlog_record){.at = at,
				  .sequence = get_be64(h + 16),
				  .tail = get_be64(h + 24),
				  .cycle = get_be32(h + 4),
				  .headers = 1,
				  .length = get_be32(h + 12),
				  .operations = get_be32(h + 40),
				  .crc = get_le32(h + 32),
				  .size = size};
	if (get_be32(h) != XLOG_MAGIC)
		return error_set(e, ERROR_CORRUPT, place, "log: no record where one should begin");
	if (version != 2)
		return error_set(e, ERROR_UNSUPPORTED, place, "log: a record of version %u",
				 version);
	if (memcmp(h + 304, l->x->uuid, 16))
		return error_set(e, ERROR_CORRUPT, place, "log: a record of another file system");
	if (format != 1)
		return error_set(e, ERROR_UNSUPPORTED, place,
				 "log: written by a machine of another byte order");
	if (size > 32768)
		r->headers = (size + 32767) / 32768;
	if (size > XLOG_RECORD_MAX || !r->length || r->length > XLOG_RECORD_MAX ||
	    (r->length > (uint64_t)r->headers * 32768 && r->operations != 1) ||
	    r->sequence != ((uint64_t)r->cycle << 32 | at) ||
	    r->headers + (r->length + 511) / 512 > l->size)
		return error_set(e, ERROR_CORRUPT, place,
				 "log: a record whose header makes no sense");
	return 0;
}

int xlog_header(const struct xlog *l, uint64_t at, struct xlog_record *r, struct error *e)
{
	uint8_t h[512];
	return xlog_read(l, at, 1, h, e) < 0 ? -1 : xlog_parse(l, h, at, r, e);
}

int xlog_before(struct xlog *l, uint64_t from, uint64_t limit, struct xlog_record *r,
		struct error *e)
{
	uint8_t buf[CHUNK * 512];
	if (limit > l->size)
		limit = l->size;
	for (uint64_t done = 0; done < limit;) {
		uint64_t n = limit - done < CHUNK ? limit - done : CHUNK;
		uint64_t at = xlog_wrap(l, from + l->size - done - n);
		if (xlog_read(l, at, n, buf, e) < 0)
			return -1;
		for (uint64_t k = n; k--;)
			if (get_be32(buf + k * 512) == XLOG_MAGIC)
				return xlog_header(l, xlog_wrap(l, at + k), r, e) < 0 ? -1 : 1;
		done += n;
	}
	return 0;
}

bool xlog_sum_ok(const uint8_t *h, const struct xlog_record *r)
{
	static const uint8_t zeros[4];
	/* The header as machines of 64 bits see it, with padding; 32-bit ones had none. */
	for (size_t head = 328; head >= 324; head -= 4) {
		uint32_t crc = crc32c_update(~0u, h, 32);
		crc = crc32c_update(crc, zeros, 4);
		crc = crc32c_update(crc, h + 36, head - 36);
		for (uint32_t i = 1; i < r->headers; i++)
			crc = crc32c_update(crc, h + i * 512, 260);
		if (~crc32c_update(crc, h + (size_t)r->headers * 512, r->length) == r->crc)
			return true;
	}
	return false;
}

int xlog_load(struct xlog *l, const struct xlog_record *r, struct error *e)
{
	uint64_t blocks = (r->length + 511) / 512;
	uint8_t *h = l->record, *data = h + (size_t)r->headers * 512;
	if (xlog_read(l, r->at, r->headers + blocks, h, e) < 0)
		return -1;
	if (!xlog_sum_ok(h, r))
		return 0;
	/* The cycle took the place of the first word of each sector. */
	for (uint64_t i = 0; i < blocks && i / 64 < r->headers; i++)
		memcpy(data + i * 512, i < 64 ? h + 44 + i * 4 : h + i / 64 * 512 + 4 + i % 64 * 4,
		       4);
	return 1;
}

/* What the cycle numbers say. */
static int by_cycles(struct xlog *l, uint64_t *head, struct error *e)
{
	uint32_t first, last, stop, mid_cycle;
	uint64_t low = 0, high = l->size - 1;
	int rc = 0;
	if (cycle_at(l, 0, &first, e) < 0 || cycle_at(l, high, &last, e) < 0)
		return -1;
	if (!first)
		return error_set(e, ERROR_CORRUPT, (int64_t)l->start,
				 "log: it is empty; even a new one has a record");
	if (!last && first != 1)
		return error_set(e, ERROR_CORRUPT, (int64_t)l->start,
				 "log: a later round than the first, and not full");
	if (first == last) {
		*head = l->size;
		stop = last - 1;
	} else {
		while (high - low > 1) {
			uint64_t mid = low + (high - low) / 2;
			if (cycle_at(l, mid, &mid_cycle, e) < 0)
				return -1;
			if (mid_cycle == last)
				high = mid;
			else
				low = mid;
		}
		*head = high;
		stop = last;
	}
	/* Holes that were not yet written when it was copied. */
	uint64_t window = l->size < IN_FLIGHT ? l->size : IN_FLIGHT;
	if (*head >= window) {
		rc = scan(l, *head - window, window, stop, head, e);
	} else {
		uint64_t before = last ? window - *head : 0;
		if (before)
			rc = scan(l, l->size - before, before, stop - 1, head, e);
		if (!rc)
			rc = scan(l, 0, *head, stop, head, e);
	}
	if (*head == l->size)
		*head = 0;
	return rc < 0 ? -1 : 0;
}

int xlog_find_head(struct xlog *l, uint64_t *head, struct xlog_record *last, struct error *e)
{
	if (by_cycles(l, head, e) < 0)
		return -1;
	for (int tries = 0; tries < RECORDS; tries++) {
		int rc = xlog_before(l, *head, 2 * IN_FLIGHT, last, e);
		if (rc < 0)
			return -1;
		if (!rc)
			return error_set(e, ERROR_CORRUPT, (int64_t)(l->start + *head * 512),
					 "log: no record before its end");
		if (xlog_end(l, last) == *head)
			return 0;
		*head = last->at;
	}
	return error_set(e, ERROR_CORRUPT, (int64_t)(l->start + *head * 512),
			 "log: no whole record before its end");
}
