// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * What all codecs have in common: a file is one member after another (frames, members, streams),
 * each must be whole, and nothing else may follow. member.c walks the members; a codec supplies how
 * one begins and how it is decoded, and can't forget the rest.
 */
#ifndef CODEC_MEMBER_H
#define CODEC_MEMBER_H

#include "backproof/format.h"
#include "feed.h"

/* Decoders are refused windows and dictionaries beyond this. */
#define CODEC_WINDOW_MAX (256 * MIB)

enum begun {
	BEGUN_FAILED = -1,
	BEGUN_CONTENT,	 /* decode follows; the header may or may not have been taken */
	BEGUN_UNCHECKED, /* the same, and no checksum covers the content */
	BEGUN_SKIPPED,	 /* a member without content, taken whole */
	BEGUN_PADDING,	 /* no member: padding that the format allows, taken whole */
	BEGUN_CUT,	 /* the data ends inside what was begun */
	BEGUN_FOREIGN,	 /* what is here begins no member */
};

enum split {
	SPLIT_NONE, /* not to be told, not allowed, or too large: it is decoded in passing */
	SPLIT_MORE, /* more bytes are needed to tell */
	SPLIT_UNIT,
};

/* What decodes to more is no unit. */
#define UNIT_ROOM (30 * MIB)

/* What can be decoded apart from the rest: a member, or a part of one. A guess is no harm: its end is compared. */
struct unit {
	size_t length; /* compressed; with SPLIT_MORE as much as is needed, if that is known */
	size_t room;   /* decoded: at most */
	size_t work;   /* memory that its decoder takes besides */
	size_t looked; /* kept between calls for the same place: up to here split has looked in vain */
	uint32_t mark; /* the codec's own */
	/* Once decoded: */
	enum begun begun;
	size_t produced;
};

struct member_ops {
	const char *codec; /* "zstd" */
	const char *unit;  /* "frame" */
	size_t size;	   /* of self: allocated zeroed, freed after destroy */
	int (*init)(void *self, struct error *e);
	/* At least one byte is left in f. first: no member came before. */
	enum begun (*begin)(void *self, struct feed *f, bool first, struct error *e);
	/*
	 * Takes from f and writes up to cap bytes. *done: the member is whole and its trailer held.
	 * f is empty only when the data has ended: returning 0, not done, with nothing taken then
	 * means that the member is cut. Leave e->offset ERROR_NO_OFFSET for "here".
	 */
	ssize_t (*decode)(void *self, struct feed *f, void *buf, size_t cap, bool *done,
			  struct error *e);
	void (*destroy)(void *self); /* copes with what a failed init left */
	/*
	 * NULL, or: the len bytes at p begin a member, or (inside) the next part of the present one: how long is it?
	 * ended: no others follow. What can't be decoded, or not as was said here, is decoded by decode, which says
	 * why.
	 */
	enum split (*split)(void *self, bool inside, const uint8_t *p, size_t len, bool ended, struct unit *u);
	/* Where split tells parts: decodes one, in any thread, into room bytes. -1: it is not as it should be. */
	ssize_t (*part)(const struct unit *u, const uint8_t *p, uint8_t *out);
	/* Parts that part has decoded, len bytes in all, follow what decode wrote last. */
	void (*joined)(void *self, const struct unit *units, size_t count, const uint8_t *out, size_t len);
};

/* How many cores a codec may count with: those of the pool. */
unsigned codec_width(void);
/* For tests; 0: what is right. grain: the size of the pieces that are decoded apart. */
struct codec_tuning {
	unsigned width;
	size_t grain;
};
extern struct codec_tuning codec_tuning;

/* Takes upstream on success. info (NULL is allowed) is filled by finish. */
struct stream *member_stream(const struct member_ops *ops, struct stream *upstream,
			     struct codec_info *info, struct error *e) must_check;

/* Defines fn, which decodes by the member_ops given as initialisers. */
#define MEMBER_DECODE(fn, ...)                                                                     \
	static struct stream *fn(struct stream *upstream, struct codec_info *info, struct error *e) \
	{                                                                                          \
		static const struct member_ops ops = {__VA_ARGS__};                                \
		return member_stream(&ops, upstream, info, e);                                     \
	}
/* The row of a codec. decode_fn: NULL where its library is missing; random_fn: or NULL, see format.h. Then the
 * suffixes. */
#define MEMBER_ROW(name_, bid_fn, decode_fn, random_fn, ...)                                       \
	{                                                                                          \
		.name = (name_), .kind = FORMAT_CODEC,                                             \
		.suffixes = (const char *const[]){__VA_ARGS__, NULL}, .bid = (bid_fn),             \
		.checksums = CHECKSUMS_DATA, .multi_member = true, .decode = (decode_fn),          \
		.open_random = (random_fn)                                                         \
	}

/*
 * For begin: takes a skippable frame (zstd and lz4 share the form: a magic of sixteen, a 32-bit
 * size, so many bytes). is_skippable looks at four bytes.
 */
static inline bool is_skippable(const uint8_t *p)
{
	return (get_le32(p) & 0xfffffff0u) == 0x184d2a50u;
}
enum begun member_skippable(struct feed *f, struct error *e);

/* For bids: the offset of the first frame behind leading skippable frames, or SIZE_MAX when it lies
 * beyond what the probe shows. */
size_t member_after_skippables(const struct probe *p);

#endif
