// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Exchange's stores have hundreds of GiB. Where not all of it is read, pages all over the file tell more than its
 * beginning: one from each of as many equal stretches as may be read, each page with its own checksum.
 */
#include "../sample/witness/ese.h"
#include "../sample/witness/rows.h"
#include "backproof/sample.h"
#include "databases.h"

#define PAGES_MAX 16384u

/* 1: the headers hold; x knows them. 0: no database. */
static int read_headers(struct source *src, struct ese_scan *x, uint8_t *buf, struct error *e)
{
	if (source_read_at(src, 0, buf, ESE_HEADER, e) < 0)
		return -1;
	if (!ese_is_header(buf, ESE_HEADER) && !witness_lost_head(buf, ESE_HEADER))
		return 0;
	if (ese_scan_add(x, buf, ESE_HEADER, e) < 0)
		return -1;
	const struct ese_header *h = ese_scan_header(x);
	if (!h)
		return error_set(e, ERROR_CORRUPT, 0, "ESE: it has no header");
	size_t both = 2 * (size_t)h->page_size;
	if (both > source_size(src))
		return error_set(e, ERROR_CORRUPT, (int64_t)source_size(src), "ESE: cut off in its headers");
	/* Pages of 2048 bytes: all of both was in there. */
	if (both > ESE_HEADER && (source_read_at(src, ESE_HEADER, buf + ESE_HEADER, both - ESE_HEADER, e) < 0 ||
				  ese_scan_add(x, buf + ESE_HEADER, both - ESE_HEADER, e) < 0))
		return -1;
	return ese_scan_end(x, false, e) < 0 ? -1 : 1;
}

static int check_pages(struct source *src, const struct ese_header *h, uint64_t most,
		       const struct check_parameters *p, struct ese_sample *out, uint8_t *buf, struct error *e)
{
	uint64_t pages = source_size(src) / h->page_size - 2, want = most / h->page_size;
	struct rng r = {p->seed ^ UINT64_C(0x5e5eda7aba5e)};
	out->pages = pages;
	want = want > PAGES_MAX ? PAGES_MAX : want ? want : 1;
	want = want > pages ? pages : want;
	for (uint64_t i = 0; i < want; i++) {
		/* No overflow: the engine has no more than 2^31 pages, and the headers were compared with that. */
		uint64_t from = i * pages / want, to = (i + 1) * pages / want;
		uint32_t links[2], number = (uint32_t)(1 + from + rng_below(&r, to - from));
		if (budget_check(p->budget, e) < 0 ||
		    source_read_at(src, ((uint64_t)number + 1) * h->page_size, buf, h->page_size, e) < 0)
			return -1;
		enum ese_page page = h->stream ? ESE_PAGE_HELD
					       : ese_page_check(buf, h->page_size, number, links, e);
		if (page == ESE_PAGE_BROKEN)
			return -1;
		out->checked++;
		out->held += page == ESE_PAGE_HELD;
	}
	return 1;
}

int ese_sample(struct fs *fs, const struct database *db, uint64_t most, const struct check_parameters *p,
	       struct ese_scan *x, struct ese_sample *out, struct error *e)
{
	autosource struct source *src = fs_open_source(fs, &db->entry, e);
	autofree uint8_t *buf = malloc(2 * ESE_PAGE_MAX);
	if (!src)
		return -1;
	if (!buf)
		return error_nomem(e);
	if (source_size(src) != db->entry.size || db->entry.size < ESE_HEADER)
		return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "ESE: the file's size is told in two ways");
	int rc = read_headers(src, x, buf, e);
	return rc <= 0 ? rc : check_pages(src, ese_scan_header(x), most, p, out, buf, e);
}
