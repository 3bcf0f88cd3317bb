// SPDX-License-Identifier: GPL-3.0-or-later
/* All formats. A new one is a line here or in its folder's table. */
#include <pthread.h>
#include <strings.h>

#include "../archive/rows.h"
#include "../codec/known.h"
#include "../codec/rows.h"
#include "../image/rows.h"
#include "backproof/format.h"

#define ROWS_MAX 128
/* What bids look at, at the ends of what can be read at random. */
#define HEAD_BYTES ((size_t)STREAM_PEEK)
#define TAIL_BYTES ((size_t)4096)

static const struct format *rows[ROWS_MAX];
static size_t row_count;

static void add(const struct format *const *from, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (row_count == ROWS_MAX)
			abort(); /* a format that is left out would be a wrong answer, not a small one */
		rows[row_count++] = from[i];
	}
}

static void collect(void)
{
	static const struct format *const codecs[] = {&codec_zstd, &codec_gzip, &codec_xz,
						      &codec_lz4, &codec_bzip2, &codec_lzop};
	static const struct format *const archives[] = {&archive_tar, &archive_cpio};
	add(codecs, ARRAY_SIZE(codecs));
	add(codec_known_rows, codec_known_count);
	add(image_rows, image_row_count);
	add(archives, ARRAY_SIZE(archives));
}

const struct format *const *format_rows(size_t *count)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, collect);
	*count = row_count;
	return rows;
}

int format_identify(const struct probe *p, enum format_kind kind, const struct format **out,
		    struct error *e)
{
	const struct format *best = NULL, *rival = NULL;
	int best_bid = 0;
	size_t count;
	const struct format *const *all = format_rows(&count);
	*out = NULL;
	for (size_t i = 0; i < count; i++) {
		if (all[i]->kind != kind || !all[i]->bid)
			continue;
		int bid = all[i]->bid(p);
		if (bid > best_bid) {
			best = all[i];
			best_bid = bid;
			rival = NULL;
		} else if (bid > 0 && bid == best_bid) {
			rival = all[i];
		}
	}
	if (rival)
		return error_set(e, ERROR_AMBIGUOUS, 0, "may be %s or %s", best->name, rival->name);
	*out = best;
	return 0;
}

int format_identify_source(struct source *src, enum format_kind kind, const struct format **out,
			   struct error *e)
{
	autofree uint8_t *ends = malloc(HEAD_BYTES + TAIL_BYTES);
	uint64_t size = source_size(src);
	if (!ends)
		return error_nomem(e);
	struct probe p = {
		.head = ends,
		.tail = ends + HEAD_BYTES,
		.head_length = size < HEAD_BYTES ? (size_t)size : HEAD_BYTES,
		.tail_length = size < TAIL_BYTES ? (size_t)size : TAIL_BYTES,
		.size = size,
	};
	if (source_read_at(src, 0, ends, p.head_length, e) < 0 ||
	    source_read_at(src, size - p.tail_length, ends + HEAD_BYTES, p.tail_length, e) < 0)
		return -1;
	return format_identify(&p, kind, out, e);
}

const struct format *format_by_suffix(const char *name, size_t *stem_length)
{
	const struct format *found = NULL;
	size_t count, length = strlen(name), longest = 0;
	const struct format *const *all = format_rows(&count);
	const char *slash = strrchr(name, '/');
	size_t base = slash ? (size_t)(slash - name) + 1 : 0;
	for (size_t i = 0; i < count; i++) {
		for (const char *const *s = all[i]->suffixes; s && *s; s++) {
			size_t n = strlen(*s);
			/* A name that is all suffix (".gz") is a dot file without one. */
			if (n > longest && base + n < length &&
			    !strcasecmp(name + length - n, *s)) {
				found = all[i];
				longest = n;
			}
		}
	}
	if (found && stem_length)
		*stem_length = length - longest;
	return found;
}
