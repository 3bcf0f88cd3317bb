// SPDX-License-Identifier: GPL-3.0-or-later
#include "sidecar_windows.h"

#include <ctype.h>
#include <strings.h>

#include "backproof/text.h"

#define DIGITS_LEAST 32 /* of MD5 */
#define NONE ERROR_NO_OFFSET

/* Some bytes of the text, without what is around them. */
struct piece {
	const char *s;
	size_t n;
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static struct piece trimmed(const char *s, size_t n)
{
	while (n && is_blank(s[n - 1]))
		n--;
	for (; n && is_blank(*s); n--)
		s++;
	return (struct piece){s, n};
}

/* The line at *s, which goes on behind it. */
static struct piece next_line(const char **s, const char *end)
{
	const char *from = *s, *to = memchr(from, '\n', (size_t)(end - from));
	*s = to ? to + 1 : end;
	return (struct piece){from, (size_t)((to ? to : end) - from)};
}

static bool begins(struct piece p, const char *with)
{
	return p.n >= strlen(with) && !memcmp(p.s, with, strlen(with));
}

static bool ends(struct piece p, const char *with)
{
	size_t n = strlen(with);
	return p.n >= n && !memcmp(p.s + p.n - n, with, n);
}

/* The first word, which is taken off. */
static struct piece next_word(struct piece *p)
{
	size_t n = 0;
	while (n < p->n && p->s[n] != ' ')
		n++;
	struct piece word = {p->s, n};
	*p = trimmed(p->s + n, p->n - n);
	return word;
}

static bool is_rule(struct piece p)
{
	size_t n = 0;
	while (n < p.n && (p.s[n] == '-' || p.s[n] == ' '))
		n++;
	return n == p.n;
}

static bool is_digest(struct piece p)
{
	size_t n = 0;
	while (n < p.n && isxdigit((unsigned char)p.s[n]))
		n++;
	return n == p.n && n >= DIGITS_LEAST;
}

/* Between the bytes older versions of certutil put spaces. */
static bool is_spaced_digest(struct piece p)
{
	for (size_t i = 0; i < p.n; i++)
		if (i % 3 == 2 ? p.s[i] != ' ' : !isxdigit((unsigned char)p.s[i]))
			return false;
	return p.n % 3 == 2 && p.n / 3 * 2 + 2 >= DIGITS_LEAST;
}

/* Without a name it is of the file that the sidecar stands beside. */
static void put_digest(struct text *to, struct piece kind, struct piece digest, struct piece name)
{
	if (begins(name, ".\\"))
		name = (struct piece){name.s + 2, name.n - 2};
	if (!name.n)
		name = (struct piece){"stdin", 5};
	text_put_bytes(to, kind.s, kind.n);
	text_put(to, " (");
	text_put_bytes(to, name.s, name.n);
	text_put(to, ") = ");
	for (size_t i = 0; i < digest.n; i++)
		if (digest.s[i] != ' ')
			text_put_bytes(to, digest.s + i, 1);
}

/*
 * "SHA256 hash of NAME:", or "... of file NAME:" where spaces are between the bytes. In another language the name may
 * be anywhere: at its end only the one that the sidecar stands beside is looked for, and its length tells the kind.
 */
static int put_certutil(struct text *to, struct piece head, struct piece digest, const char *stem, struct error *e)
{
	const struct piece whole = trimmed(head.s, head.n - 1), none = {"", 0};
	struct piece rest = whole, kind = next_word(&rest);
	const char *before = is_digest(digest) ? "hash of " : "hash of file ";
	size_t n = strlen(stem), m = strlen(before);
	bool own = n && whole.n > n && ends(whole, stem) && memchr(" \\/", whole.s[whole.n - n - 1], 3);
	if (begins(rest, before)) {
		rest = trimmed(rest.s + m, rest.n - m);
		put_digest(to, kind, digest, own && begins(rest, "file ") && rest.n == n + 5 ? none : rest);
		return 0;
	}
	if (!own)
		return error_set(e, ERROR_UNSUPPORTED, NONE, "what certutil says of the digest is not understood");
	put_digest(to, none, digest, none);
	return 0;
}

/* Three lines a file: its name, the digest, and that it was done. */
static int from_certutil(struct text *to, const char *s, const char *end, const char *stem, struct error *e)
{
	struct piece head = {NULL, 0};
	while (s < end) {
		struct piece line = next_line(&s, end), p = trimmed(line.s, line.n);
		bool digest = is_digest(p) || is_spaced_digest(p);
		if (head.s && digest) {
			if (put_certutil(to, head, p, stem, e) < 0)
				return -1;
			head.s = NULL;
		} else if (!head.s && ends(p, ":")) {
			head = p;
		} else if (p.n && (head.s || !begins(p, "CertUtil:"))) {
			text_put_bytes(to, line.s, line.n); /* whoever reads it says that it is no digest */
		}
		text_put(to, "\n");
	}
	if (head.s)
		text_put_bytes(to, head.s, head.n);
	return 0;
}

/* What does not fit into the window's width ends in dots. */
static int check_cut(struct piece p, struct error *e)
{
	return ends(p, "...") || ends(p, "\xe2\x80\xa6")
		       ? error_set(e, ERROR_UNSUPPORTED, NONE, "what Get-FileHash says is cut at the window's width")
		       : 0;
}

/* "Algorithm Hash Path", and a line a file; once more where another table was put behind. */
static int from_table(struct text *to, const char *s, const char *end, struct error *e)
{
	for (; s < end; text_put(to, "\n")) {
		struct piece line = next_line(&s, end), p = trimmed(line.s, line.n), rest = p;
		struct piece kind = next_word(&rest), digest = next_word(&rest);
		bool head = begins(kind, "Algorithm") && begins(digest, "Hash");
		if (check_cut(digest, e) < 0 || check_cut(rest, e) < 0)
			return -1;
		if (is_digest(digest))
			put_digest(to, kind, digest, rest);
		else if (!head && !is_rule(p))
			text_put_bytes(to, line.s, line.n);
	}
	return 0;
}

/* "Algorithm : SHA256", and so on. */
static int from_list(struct text *to, const char *s, const char *end, struct error *e)
{
	struct piece kind = {"", 0}, digest = {"", 0};
	for (; s < end; text_put(to, "\n")) {
		struct piece line = next_line(&s, end), p = trimmed(line.s, line.n), value = p;
		struct piece key = next_word(&value), colon = next_word(&value);
		bool is = colon.n == 1 && *colon.s == ':';
		if (p.n && *line.s == ' ')
			return error_set(e, ERROR_UNSUPPORTED, NONE, "what Get-FileHash says goes on in another line");
		if (is && begins(key, "Algorithm") && !kind.n) {
			kind = value;
		} else if (is && begins(key, "Hash") && kind.n && is_digest(value)) {
			digest = value;
		} else if (is && begins(key, "Path") && digest.n) {
			put_digest(to, kind, digest, value);
			kind.n = digest.n = 0;
		} else {
			text_put_bytes(to, p.s, p.n);
		}
	}
	if (kind.n)
		text_put(to, "a digest without its end");
	return 0;
}

/* As UTF-8. NULL: it is not what its mark says. */
static char *from_utf16(const char *data, size_t len, size_t *out_len, struct error *e)
{
	const size_t units = len / 2 - 1;
	bool big = *data == '\xfe', whole = len % 2 == 0;
	autofree uint8_t *le = malloc(2 * units + 1);
	autofree char *text = malloc(3 * units + 2 + 3);
	if (!le || !text) {
		(void)!error_nomem(e);
		return NULL;
	}
	for (size_t i = 0; i < units; i++) {
		le[2 * i] = (uint8_t)data[2 + 2 * i + big];
		le[2 * i + 1] = (uint8_t)data[3 + 2 * i - big];
		whole = whole && (le[2 * i] || le[2 * i + 1]);
	}
	if (!whole) {
		(void)!error_set(e, ERROR_CORRUPT, NONE, "UTF-16 with a NUL in it, or cut in a character");
		return NULL;
	}
	utf16le_text(le, units, text, 3 * units + 2 + 3);
	*out_len = strlen(text);
	return take(text);
}

static bool has_certutil(const char *s, const char *end)
{
	while (s < end)
		if (begins(next_line(&s, end), "CertUtil:"))
			return true;
	return false;
}

int sidecar_from_windows(const char *data, size_t len, const char *stem, char **out, size_t *out_len, struct error *e)
{
	autofree char *text = NULL;
	*out = NULL;
	if (len >= 2 && (!memcmp(data, "\xff\xfe", 2) || !memcmp(data, "\xfe\xff", 2))) {
		if (!(text = from_utf16(data, len, &len, e)))
			return -1;
		data = text;
	}
	const char *end = data + len, *from = data, *first;
	struct piece p = {"", 0}, word;
	if (len >= 3 && !memcmp(data, "\xef\xbb\xbf", 3))
		from += 3;
	for (first = from; first < end && !p.n; p = trimmed(p.s, p.n))
		p = next_line(&first, end);
	word = next_word(&p);
	struct text to = {0};
	int rc = 0;
	if (word.n == 9 && begins(word, "Algorithm") && (begins(p, ": ") || begins(p, "Hash")))
		rc = *p.s == ':' ? from_list(&to, from, end, e) : from_table(&to, from, end, e);
	else if (has_certutil(from, end))
		rc = from_certutil(&to, from, end, stem, e);
	if (rc == 0 && to.failed)
		rc = error_nomem(e);
	if (rc == 0 && to.length) {
		*out_len = to.length;
		*out = take(to.data);
		rc = 1;
	} else if (rc == 0 && text) {
		*out_len = len;
		*out = take(text);
		rc = 1;
	}
	text_free(&to);
	return rc;
}
