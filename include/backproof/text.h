// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Text: building it, escaping what is untrusted, and the units that people type (sizes, durations,
 * times). Names from images are untrusted: they pass through one of the put_* escapers.
 */
#ifndef BACKPROOF_TEXT_H
#define BACKPROOF_TEXT_H

#include "backproof/base.h"

/* A growing buffer, always NUL-terminated. After a failed allocation `failed` sticks and text is cut. */
struct text {
	char *data;
	size_t length, capacity;
	bool failed;
};
void text_free(struct text *t);
#define autotext autodestroy(text_free)
void text_put(struct text *t, const char *s);
void text_put_bytes(struct text *t, const void *p, size_t len);
void text_printf(struct text *t, const char *fmt, ...) printf_like(2, 3);
/* The text, never NULL. Owned by t. */
const char *text_str(const struct text *t);

bool text_is_utf8(const char *s);
/*
 * An owned copy of the first len bytes of s, but of at most `most` (at least 8): cut between two characters, and "..."
 * behind it then. NULL when memory is out.
 */
char *text_bounded(const char *s, size_t len, size_t most);
/* For a terminal or log: control, escape, bidi and invalid UTF-8 bytes become \xNN or \u{NNNN}. */
void text_put_safe(struct text *t, const char *s);
/* A quoted JSON string; invalid UTF-8 becomes U+FFFD. NULL is null. */
void text_put_json(struct text *t, const char *s);
/* For XML and HTML text and attributes; also drops what XML 1.0 forbids. */
void text_put_xml(struct text *t, const char *s);
/* A member of a JSON object behind others: ,"key":value. */
void text_put_member(struct text *t, const char *key, const char *value);
void text_put_member_u64(struct text *t, const char *key, uint64_t value);
/* Seconds since 1970 UTC; 0 is null. */
void text_put_member_time(struct text *t, const char *key, int64_t at);
/* ["a","b"] */
void text_put_json_list(struct text *t, const struct strings *list);
/* Allocates; NULL when memory is out. */
char *text_format(const char *fmt, ...) printf_like(1, 2);

/* s is longer than one of the endings, and ends in it, in capitals or not. endings: NULL-terminated. */
bool text_ends_in(const char *s, const char *const *endings);

/* "20G" -> bytes (K M G T, powers of 1024, optional trailing B or iB). -1 when it is not one. */
int parse_size(const char *s, uint64_t *out) must_check;
/* "24h", "7d", "1h30m" -> seconds (s m h d w). A bare number is refused, except 0. */
int parse_duration(const char *s, int64_t *out) must_check;
/* "99.9%", up to 100 % and to four decimals, as millionths. */
int parse_share(const char *s, uint32_t *out) must_check;
/* RFC 3339 -> seconds since 1970 UTC. */
int parse_rfc3339(const char *s, int64_t *out) must_check;
int parse_u64(const char *s, uint64_t *out) must_check;

/* Each writes into buf (at least 32 bytes) and returns it. */
char *format_size(uint64_t bytes, char buf[32]);       /* "6.9 GiB" */
char *format_share(uint32_t millionths, char buf[16]); /* "99.9%" */
char *format_duration(int64_t seconds, char buf[32]);  /* "19d 4h" */
char *format_rfc3339(int64_t t, char buf[32]);	       /* "2026-11-21T20:00:00Z" */

/*
 * UTF-16LE of at most `units` units, up to a NUL, as UTF-8 with a NUL of its own. What is no character
 * becomes U+FFFD; what does not fit in `room` bytes is left out (3 bytes a unit and 2 more always do).
 */
void utf16le_text(const void *p, size_t units, char *out, size_t room);

/* The closest of count names to word, or NULL when none is close. */
const char *nearest_name(const char *word, const char *const *names, size_t count);

#endif
