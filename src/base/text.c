// SPDX-License-Identifier: GPL-3.0-or-later
#include "backproof/text.h"

#include <stdarg.h>

void text_free(struct text *t)
{
	free(t->data);
	memset(t, 0, sizeof *t);
}

static char *reserve(struct text *t, size_t more)
{
	size_t need;
	if (add_overflows(t->length, more, &need) || add_overflows(need, (size_t)1, &need))
		goto failed;
	if (need > t->capacity) {
		size_t want = t->capacity ? t->capacity : 128;
		while (want < need)
			want *= 2;
		char *grown = realloc(t->data, want);
		if (!grown)
			goto failed;
		t->data = grown;
		t->capacity = want;
	}
	return t->data + t->length;
failed:
	t->failed = true;
	return NULL;
}

void text_put_bytes(struct text *t, const void *p, size_t len)
{
	char *to = reserve(t, len);
	if (!to)
		return;
	memcpy(to, p, len);
	to[len] = 0;
	t->length += len;
}

void text_put(struct text *t, const char *s)
{
	text_put_bytes(t, s, strlen(s));
}

void text_printf(struct text *t, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	autofree char *s = NULL;
	int n = vasprintf(&s, fmt, ap);
	va_end(ap);
	if (n < 0) {
		s = NULL;
		t->failed = true;
		return;
	}
	text_put_bytes(t, s, (size_t)n);
}

const char *text_str(const struct text *t)
{
	return t->data ? t->data : "";
}

char *text_format(const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	char *s = NULL;
	int n = vasprintf(&s, fmt, ap);
	va_end(ap);
	return n < 0 ? NULL : s;
}

/* The length of the valid UTF-8 sequence at s (1..4) and its value, or 0. */
static size_t utf8_next(const unsigned char *s, uint32_t *value)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t n = s[0] < 0x80 ? 1 : s[0] >> 5 == 6 ? 2 : s[0] >> 4 == 14 ? 3 : s[0] >> 3 == 30 ? 4 : 0;
	if (!n)
		return 0;
	uint32_t v = n == 1 ? s[0] : s[0] & (0x7fu >> n);
	for (size_t i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		v = v << 6 | (s[i] & 0x3f);
	}
	if (v < least[n] || v > 0x10ffff || (v >= 0xd800 && v <= 0xdfff))
		return 0;
	*value = v;
	return n;
}

bool text_is_utf8(const char *s)
{
	const unsigned char *p = (const unsigned char *)s;
	uint32_t c;
	for (size_t n; *p; p += n)
		if (!(n = utf8_next(p, &c)))
			return false;
	return true;
}

char *text_bounded(const char *s, size_t len, size_t most)
{
	if (len <= most)
		return strndup(s, len);
	size_t cut = most - 3;
	for (int back = 0; back < 3 && ((unsigned char)s[cut] & 0xc0) == 0x80; back++)
		cut--;
	return text_format("%.*s...", (int)cut, s);
}

/*
 * Characters that steer a terminal, reorder a line or can't be seen: controls, bidi, separators, what Unicode calls
 * default-ignorable, and what is no character.
 */
static bool is_unsafe(uint32_t c)
{
	static const struct {
		uint32_t first, last;
	} runs[] = {
		{0, 0x1f},	  {0x7f, 0x9f},	      {0xad, 0xad},	  {0x34f, 0x34f},     {0x61c, 0x61c},
		{0x115f, 0x1160}, {0x17b4, 0x17b5},   {0x180b, 0x180f},	  {0x200b, 0x200f},   {0x2028, 0x202e},
		{0x2060, 0x206f}, {0x3164, 0x3164},   {0xfdd0, 0xfdef},	  {0xfe00, 0xfe0f},   {0xfeff, 0xfeff},
		{0xffa0, 0xffa0}, {0xfff0, 0xfffb},   {0x1bca0, 0x1bca3}, {0x1d173, 0x1d17a}, {0xe0000, 0xe0fff},
	};
	if (c >= 0x20 && c < 0x7f)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(runs) && c >= runs[i].first; i++)
		if (c <= runs[i].last)
			return true;
	return (c & 0xfffe) == 0xfffe;
}

void text_put_safe(struct text *t, const char *s)
{
	const unsigned char *p = (const unsigned char *)s;
	while (*p) {
		uint32_t c;
		size_t n = utf8_next(p, &c);
		if (!n)
			text_printf(t, "\\x%02x", *p++);
		else if (is_unsafe(c) && c < 0x80)
			text_printf(t, "\\x%02x", *p++);
		else if (is_unsafe(c)) {
			text_printf(t, "\\u{%04x}", c);
			p += n;
		} else {
			text_put_bytes(t, p, n);
			p += n;
		}
	}
}

void text_put_json(struct text *t, const char *s)
{
	const unsigned char *p = (const unsigned char *)s;
	if (!s) {
		text_put(t, "null");
		return;
	}
	text_put(t, "\"");
	while (*p) {
		uint32_t c;
		size_t n = utf8_next(p, &c);
		if (!n) {
			text_put(t, "\\ufffd");
			p++;
			continue;
		}
		if (c == '"' || c == '\\')
			text_printf(t, "\\%c", (int)c);
		else if (c == '\n')
			text_put(t, "\\n");
		else if (is_unsafe(c) && c <= 0xffff)
			text_printf(t, "\\u%04x", c);
		else if (is_unsafe(c))
			text_printf(t, "\\u%04x\\u%04x", 0xd7c0 + (c >> 10), 0xdc00 + (c & 0x3ff));
		else
			text_put_bytes(t, p, n);
		p += n;
	}
	text_put(t, "\"");
}

void text_put_xml(struct text *t, const char *s)
{
	const unsigned char *p = (const unsigned char *)s;
	while (*p) {
		uint32_t c;
		size_t n = utf8_next(p, &c);
		if (!n) {
			text_put(t, "\xef\xbf\xbd");
			p++;
			continue;
		}
		switch (c) {
		case '&':
			text_put(t, "&amp;");
			break;
		case '<':
			text_put(t, "&lt;");
			break;
		case '>':
			text_put(t, "&gt;");
			break;
		case '"':
			text_put(t, "&quot;");
			break;
		case '\'':
			text_put(t, "&#39;");
			break;
		default:
			if (is_unsafe(c))
				text_put(t, "\xef\xbf\xbd");
			else
				text_put_bytes(t, p, n);
		}
		p += n;
	}
}

bool text_ends_in(const char *s, const char *const *endings)
{
	size_t len = strlen(s);
	for (; *endings; endings++) {
		size_t n = strlen(*endings);
		if (len > n && !strcasecmp(s + len - n, *endings))
			return true;
	}
	return false;
}
