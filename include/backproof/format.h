// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The registry of formats. A format is one .c with one constant row, one line in registry.c, one
 * line in the manual, and fixtures.
 */
#ifndef BACKPROOF_FORMAT_H
#define BACKPROOF_FORMAT_H

#include "backproof/image.h"
#include "backproof/stream.h"

enum format_kind { FORMAT_CODEC, FORMAT_IMAGE, FORMAT_ARCHIVE };

enum format_checksums { CHECKSUMS_NONE, CHECKSUMS_METADATA, CHECKSUMS_DATA };

/* What a bid looks at. tail is the last bytes where the source can be read at random, else empty. */
struct probe {
	const uint8_t *head, *tail;
	size_t head_length, tail_length;
	uint64_t size;	/* 0 when not known */
};

/* What a codec learned; valid once its stream has finished. */
struct codec_info {
	uint64_t members;	   /* frames, members or streams; empty and skippable ones included */
	uint64_t unchecked;	   /* members whose content no checksum covered */
};

struct format {
	const char *name; /* "zstd": in messages, JSON and the manual */
	enum format_kind kind;
	const char *const *suffixes; /* NULL-terminated, with the dot: ".zst" */
	/* 0: not mine; 1..100: how sure. A tie of two rows is ambiguous. */
	int (*bid)(const struct probe *p);
	enum format_checksums checksums; /* the most that the format can carry */
	bool multi_member;
	/* The product, for a format that is only recognised: it has no open function. */
	const char *product;

	/*
	 * CODEC: takes upstream on success. *info (borrowed, outlives the stream) is filled by finish.
	 * The stream fails CORRUPT at a cut frame, a bad checksum or trailing bytes, with the offset in
	 * the compressed data; LIMIT when a window wants more than 256 MiB.
	 */
	struct stream *(*decode)(struct stream *upstream, struct codec_info *info,
				 struct error *e);
	/*
	 * CODEC: NULL, or the same bytes at random, for formats that keep them in pieces. stored is
	 * borrowed. 1: *out is set, and decodes what is read of it. 0: this file is not in pieces, or
	 * they are too large: decode is for it. -1: CORRUPT when what it says of its pieces contradicts
	 * itself or them; nothing was decoded.
	 */
	int (*open_random)(struct source *stored, struct source **out, struct error *e);
	/*
	 * IMAGE: the disks inside. src is borrowed and outlives the image; *out is all zeros before. On
	 * failure the caller closes what was put into *out.
	 */
	int (*open_image)(struct source *src, const struct image_context *c, struct image *out,
			  struct error *e);
};

/* All rows of a kind; *count is set. */
const struct format *const *format_rows(size_t *count);
/* 0 and *out (NULL when nobody bids), or -1 AMBIGUOUS. Restricted to one kind. */
int format_identify(const struct probe *p, enum format_kind kind, const struct format **out,
		    struct error *e) must_check;
/* The same of bytes that can be read at random, by both of their ends. */
int format_identify_source(struct source *src, enum format_kind kind, const struct format **out,
			   struct error *e) must_check;
/* The format whose suffix ends name (case ignored), or NULL. *stem_length: name without it. */
const struct format *format_by_suffix(const char *name, size_t *stem_length);

#endif
