// SPDX-License-Identifier: GPL-3.0-or-later
/* An ESE database proves itself: two headers with a checksum, and every page has one. */
#include "ese.h"

#include "rows.h"

#define CHUNK (256 * KIB)
#define PAGES_MAX (UINT64_C(1) << 31) /* the engine has no larger databases */

struct ese_scan {
	struct ese_header header;
	bool known;	  /* the header was come to */
	uint64_t size, at, held;
	uint64_t fill;	  /* bytes in buf: the page that is being put together, or the two headers */
	uint8_t *empty, *wanted; /* a bit a page: never written; linked to by a page that was */
	uint64_t bits;
	uint8_t buf[2 * ESE_PAGE_MAX];
};

struct ese_scan *ese_scan_new(uint64_t size, struct error *e)
{
	struct ese_scan *s = calloc(1, sizeof *s);
	if (s)
		s->size = size;
	else
		error_nomem(e);
	return s;
}

void ese_scan_free(struct ese_scan *s)
{
	if (!s)
		return;
	free(s->empty);
	free(s->wanted);
	free(s);
}

const struct ese_header *ese_scan_header(const struct ese_scan *s)
{
	return s->known ? &s->header : NULL;
}

uint64_t ese_scan_pages(const struct ese_scan *s)
{
	return s->held;
}

/* Both headers are in buf. */
static int read_headers(struct ese_scan *s, struct error *e)
{
	const uint32_t size = s->header.page_size;
	struct ese_header copy;
	if (!ese_header_held(s->buf, size))
		return error_set(e, ERROR_CORRUPT, 0, "ESE: the header's checksum is wrong");
	/* Where there need be no copy there mostly is one. */
	if (!s->header.unshadowed || !is_zero(s->buf + size, size)) {
		if (!ese_header_held(s->buf + size, size))
			return error_set(e, ERROR_CORRUPT, size, "ESE: the checksum of the header's copy is wrong");
		if (ese_header_read(s->buf + size, &copy, e) < 0)
			return -1;
		/* They are written one after the other; what never changes must agree. */
		if (copy.page_size != size || copy.version != s->header.version ||
		    memcmp(s->buf + 24, s->buf + size + 24, 28))
			return error_set(e, ERROR_CORRUPT, size, "ESE: the header and its copy are of two databases");
	}
	uint64_t pages = s->size / size;
	if (pages < 2 || pages > PAGES_MAX)
		return error_set(e, ERROR_CORRUPT, (int64_t)size, "ESE: %llu pages", (unsigned long long)pages);
	if (s->size % size)
		return error_set(e, ERROR_CORRUPT, (int64_t)(s->size - s->size % size),
				 "ESE: the last page is cut off");
	s->bits = pages;
	s->empty = calloc(1, (size_t)(pages / 8 + 1));
	s->wanted = calloc(1, (size_t)(pages / 8 + 1));
	return s->empty && s->wanted ? 0 : error_nomem(e);
}

static int take_page(struct ese_scan *s, struct error *e)
{
	uint32_t links[2], number = (uint32_t)(s->at / s->header.page_size - 2);
	enum ese_page p = s->header.stream ? ESE_PAGE_HELD
					   : ese_page_check(s->buf, s->header.page_size, number, links, e);
	if (p == ESE_PAGE_BROKEN)
		return -1;
	if (p == ESE_PAGE_EMPTY) {
		s->empty[number / 8] |= (uint8_t)(1u << number % 8);
		return 0;
	}
	s->held++;
	for (int i = 0; i < 2 && !s->header.stream; i++)
		if (links[i] && links[i] < s->bits)
			s->wanted[links[i] / 8] |= (uint8_t)(1u << links[i] % 8);
	return 0;
}

/* How many bytes buf waits for. */
static size_t wanted_bytes(const struct ese_scan *s)
{
	if (s->known)
		return (s->at < 2 * (uint64_t)s->header.page_size ? 2 : 1) * (size_t)s->header.page_size;
	return ESE_HEADER;
}

static int filled(struct ese_scan *s, struct error *e)
{
	if (!s->known) {
		if (ese_header_read(s->buf, &s->header, e) < 0)
			return -1;
		s->known = true;
		if (s->fill < 2 * (uint64_t)s->header.page_size)
			return 0; /* goes on filling */
	}
	s->at += s->fill;
	s->fill = 0;
	return s->at == 2 * (uint64_t)s->header.page_size ? read_headers(s, e) : take_page(s, e);
}

int ese_scan_add(struct ese_scan *s, const void *data, size_t len, struct error *e)
{
	const uint8_t *p = data;
	while (len) {
		size_t want = wanted_bytes(s) - (size_t)s->fill, n = len < want ? len : want;
		memcpy(s->buf + s->fill, p, n);
		s->fill += n;
		p += n;
		len -= n;
		if (s->fill == wanted_bytes(s) && filled(s, e) < 0)
			return -1;
	}
	return 0;
}

int ese_scan_end(struct ese_scan *s, bool whole, struct error *e)
{
	if (!s->bits || (whole && (s->fill || s->at != s->size)))
		return error_set(e, ERROR_CORRUPT, (int64_t)(s->at + s->fill), "ESE: cut off after %llu pages",
				 (unsigned long long)s->held);
	/* Until the logs are replayed a page may name another that was not written yet. */
	if (!whole || s->header.state != ESE_CLEAN)
		return 0;
	for (uint64_t i = 1; i + 1 < s->bits; i++) /* bits: with the two headers */
		if (s->empty[i / 8] & s->wanted[i / 8] & 1u << i % 8)
			return error_set(e, ERROR_CORRUPT, (int64_t)((i + 1) * s->header.page_size),
					 "ESE: page %llu belongs to a tree, and is all zeros", (unsigned long long)i);
	return 0;
}

static bool recognise(const char *path, const uint8_t *head, size_t len)
{
	static const char *const suffixes[] = {".edb", NULL};
	return ese_is_header(head, len) || (witness_suffix(path, suffixes) && len >= 16);
}

/* 1: the second page is a header, whatever the first is; 0: it is none; -1. */
static int has_copy(int fd, uint64_t size, struct error *e)
{
	uint8_t head[16];
	for (uint64_t page = 2048; page <= ESE_PAGE_MAX && page + sizeof head <= size; page *= 2) {
		if (witness_read(fd, size, page, head, sizeof head, e) < 0)
			return -1;
		if (ese_is_header(head, sizeof head))
			return 1;
	}
	return 0;
}

/* Its name alone makes no file a database; one half of it that is left does. */
static int is_database(int fd, uint64_t size, struct error *e)
{
	uint8_t head[16];
	if (size < sizeof head)
		return 0;
	if (witness_read(fd, size, 0, head, sizeof head, e) < 0)
		return -1;
	return ese_is_header(head, sizeof head) || witness_lost_head(head, sizeof head) ? 1 : has_copy(fd, size, e);
}

static enum outcome check(int fd, uint64_t size, const char *path, struct error *e)
{
	autodestroy(ese_scan_free_auto) struct ese_scan *s = ese_scan_new(size, e);
	autofree uint8_t *buf = malloc(CHUNK);
	if (!s || !buf) {
		error_nomem(e);
		return OUTCOME_UNPROVEN;
	}
	int known = is_database(fd, size, e);
	if (known == 0) {
		error_set(e, ERROR_UNSUPPORTED, ERROR_NO_OFFSET, "no ESE database");
		return OUTCOME_SKIPPED;
	}
	int rc = known < 0	     ? -1
		 : size < ESE_HEADER ? error_set(e, ERROR_CORRUPT, (int64_t)size, "ESE: cut off in its header")
				     : 0;
	for (uint64_t at = 0; at < size && rc == 0;) {
		size_t n = size - at < CHUNK ? (size_t)(size - at) : CHUNK;
		rc = witness_read(fd, size, at, buf, n, e) < 0 ? -1 : ese_scan_add(s, buf, n, e);
		at += n;
	}
	return rc < 0 || ese_scan_end(s, true, e) < 0 ? witness_failed(path, e) : OUTCOME_HELD;
}

const struct witness witness_ese = {"ese", recognise, check};
