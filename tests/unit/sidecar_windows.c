// SPDX-License-Identifier: GPL-3.0-or-later
/* Sidecars as certutil and PowerShell write them, in UTF-16 too. */
#include "backproof/sidecar.h"
#include "backproof/text.h"
#include "test.h"

#define S64 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define UPPER "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
#define MD5 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define SPACED "aa aa aa aa aa aa aa aa aa aa aa aa aa aa aa aa aa aa aa aa aa aa aa aa aa aa aa aa aa aa aa aa"
#define DONE "CertUtil: -hashfile command completed successfully.\r\n"
#define TABLE "\r\nAlgorithm       Hash                 Path     \r\n---------       ----                 ----     \r\n"

struct heard {
	char text[600]; /* "LINE KIND NAME;" for each */
	bool other;	/* a digest of other bytes than 0xaa */
};

static int hear(void *ctx, unsigned line, enum digest_kind kind, const uint8_t *digest, const char *name)
{
	struct heard *h = ctx;
	size_t n = strlen(h->text);
	snprintf(h->text + n, sizeof h->text - n, "%u %s %s;", line, digest_name(kind), name);
	for (size_t i = 0; i < digest_size(kind); i++)
		h->other = h->other || digest[i] != 0xaa;
	return 0;
}

/* UTF-8 without what is not in the first plane, but for one smiling face, which '\1' stands for. */
static size_t to_utf16(const char *s, bool big, char *out)
{
	size_t n = 0;
	for (const char *p = "\xef\xbb\xbf"; *p || *s;) {
		const uint8_t *u = (const uint8_t *)(*p ? p : s);
		unsigned size = *u < 0x80 ? 1 : *u < 0xe0 ? 2 : 3;
		unsigned c = size == 1 ? *u : size == 2 ? (u[0] & 31u) << 6 | (u[1] & 63u)
							 : (u[0] & 15u) << 12 | (u[1] & 63u) << 6 | (u[2] & 63u);
		unsigned units[2] = {c == 1 ? 0xd83d : c, c == 1 ? 0xde00 : 0};
		for (int i = 0; i < 1 + (c == 1); i++, n += 2) {
			out[n + big] = (char)(units[i] & 255);
			out[n + !big] = (char)(units[i] >> 8);
		}
		if (*p)
			p += size;
		else
			s += size;
	}
	return n;
}

static const struct {
	const char *of, *text;
	const char *heard;	/* NULL: it is refused */
	enum error_class class; /* why */
} rows[] = {
	{"a.img.sha256", "SHA256 hash of a.img:\r\n" S64 "\r\n" DONE, "2 sha256 a.img;", ERROR_NONE},
	{"a.img.sha256", "SHA256 hash of .\\a.img:\r\n" S64 "\r\n" DONE, "2 sha256 a.img;", ERROR_NONE},
	{"a.img.sha256", "SHA256 hash of D:\\x y\\a.img:\r\n" S64 "\r\n" DONE, "2 sha256 a.img;", ERROR_NONE},
	{"a.img.sha256", "SHA256 hash of file a.img:\r\n" SPACED "\r\n" DONE, "2 sha256 a.img;", ERROR_NONE},
	{"a.img.sha256", "SHA256 hash of file a.img:\r\n" S64 "\r\n" DONE, "2 sha256 a.img;", ERROR_NONE},
	{"a.img.sha256", "SHA256 hash of old a.img:\r\n" S64 "\r\n" DONE, "2 sha256 old a.img;", ERROR_NONE},
	{"SHA256SUMS", "SHA256 hash of a (1).img:\n" S64 "\n" DONE "MD5 hash of b.img:\n" MD5 "\n" DONE,
	 "2 sha256 a (1).img;5 md5 b.img;", ERROR_NONE},
	{"a.img.sha256", "SHA256-Hash von a.img:\r\n" S64 "\r\nCertUtil: -hashfile-Befehl: fertig\r\n",
	 "2 sha256 a.img;", ERROR_NONE},
	{"a.img.sha256", "SHA256-Hash von b.img:\r\n" S64 "\r\nCertUtil: -hashfile-Befehl: fertig\r\n", NULL,
	 ERROR_UNSUPPORTED},
	{"a.img.sha256", "SHA256-Hash von aa.img:\r\n" S64 "\r\nCertUtil: -hashfile-Befehl: fertig\r\n", NULL,
	 ERROR_UNSUPPORTED},
	{"a.img.sha256", "RIPEMD hash of a.img:\r\n" S64 "\r\n" DONE, NULL, ERROR_UNSUPPORTED},
	{"a.img.sha256", "SHA256 hash of a.img:\r\n" S64 "\r\n", NULL, ERROR_CORRUPT},
	{"a.img.sha256", "SHA256 hash of a.img:\r\n" DONE, NULL, ERROR_CORRUPT},
	{"a.img.sha256", "SHA256 hash of a.img:\r\n" MD5 "\r\n" DONE, NULL, ERROR_CORRUPT},
	{"a.img.sha256", "SHA256 hash of a.img:\r\n" S64 "x\r\n" DONE, NULL, ERROR_CORRUPT},
	{"a.img.sha256", TABLE "SHA256          " UPPER "       D:\\b\\a.img   \r\n\r\n\r\n", "4 sha256 a.img;", ERROR_NONE},
	{"a.img.sha256", TABLE "SHA256          " UPPER "       \r\n", "4 sha256 a.img;", ERROR_NONE},
	{"a.img.sha256", TABLE "SHA256          " UPPER "       D:\\b\\a...\r\n", NULL, ERROR_UNSUPPORTED},
	{"a.img.sha256", TABLE "SHA256          " UPPER "       D:\\b\\a\xe2\x80\xa6\r\n", NULL, ERROR_UNSUPPORTED},
	{"a.img.sha256", TABLE "SHA256          AAAAAAA...       D:\\b\\a.img\r\n", NULL, ERROR_UNSUPPORTED},
	{"a.img.sha256", TABLE "MACTripleDES          " MD5 " D:\\b\\a.img\r\n", NULL, ERROR_UNSUPPORTED},
	{"a.img.sha256", TABLE "SHA256          " MD5 "       D:\\b\\a.img\r\n", NULL, ERROR_CORRUPT},
	{"a.img.sha256", TABLE "SHA256          " UPPER "x       D:\\b\\a.img\r\n", NULL, ERROR_CORRUPT},
	{"SHA256SUMS", TABLE "SHA256          " UPPER "       D:\\b\\a.img\r\n", NULL, ERROR_UNSUPPORTED},
	{"SHA256SUMS", TABLE "SHA256  " UPPER " a b.img\r\n" TABLE "SHA256  " UPPER " c.img\r\n",
	 "4 sha256 a b.img;8 sha256 c.img;", ERROR_NONE},
	{"a.img.sha256", "\r\nAlgorithm : SHA256\r\nHash      : " UPPER "\r\nPath      : D:\\b\\a.img\r\n\r\n",
	 "4 sha256 a.img;", ERROR_NONE},
	{"a.img.sha256", "Algorithm : SHA256\r\nHash      : " UPPER "\r\nPath      : D:\\b\r\n            \\a.img\r\n", NULL,
	 ERROR_UNSUPPORTED},
	{"a.img.sha256", "Algorithm : SHA256\r\nHash      : " UPPER "\r\n", NULL, ERROR_CORRUPT},
	{"a.img.sha256", UPPER "\r\n", "1 sha256 a.img;", ERROR_NONE},
	{"SHA256SUMS", S64 "  \xc3\xbc \xe2\x82\xac.img\r\n", "1 sha256 \xc3\xbc \xe2\x82\xac.img;", ERROR_NONE},
};

static void check(size_t i, const char *how, const char *text, size_t n, const char *name)
{
	struct heard h = {.other = false};
	struct error e = {.cls = ERROR_NONE};
	/* Just so much memory: reading on would be found. */
	autofree char *exact = malloc(n ? n : 1);
	NEED(exact);
	memcpy(exact, text, n);
	size_t bad = sidecar_parse(exact, n, name, hear, &h, &e);
	const char *want = rows[i].heard;
	if (h.other || (want ? bad || strcmp(h.text, want) : !bad || e.cls != rows[i].class)) {
		fprintf(stderr, "%zu, %s: %zu bad, %s (%s)\n", i, how, bad, h.text, e.text);
		CHECK(false);
	}
}

static void test_forms(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char wide[2400];
		check(i, "as it is", rows[i].text, strlen(rows[i].text), rows[i].of);
		check(i, "UTF-16LE", wide, to_utf16(rows[i].text, false, wide), rows[i].of);
		check(i, "UTF-16BE", wide, to_utf16(rows[i].text, true, wide), rows[i].of);
	}
}

static size_t parse(const char *text, size_t n, struct heard *h, struct error *e)
{
	*h = (struct heard){.other = false};
	*e = (struct error){.cls = ERROR_NONE};
	return sidecar_parse(text, n, "SHA256SUMS", hear, h, e);
}

static void test_utf16(void)
{
	char wide[600];
	struct heard h;
	struct error e;
	for (int big = 0; big < 2; big++) {
		size_t n = to_utf16(S64 "  \1.img\n", big, wide);
		CHECK_INT(parse(wide, n, &h, &e), 0);
		CHECK_STR(h.text, "1 sha256 \xf0\x9f\x98\x80.img;");
		/* Half a character, and half of a pair: that is no file's name. */
		CHECK_INT(parse(wide, n - 1, &h, &e), 1);
		CHECK_INT(e.cls, ERROR_CORRUPT);
		memmove(wide + n - 12, wide + n - 10, 10);
		CHECK_INT(parse(wide, n - 2, &h, &e), 0);
		CHECK_STR(h.text, "1 sha256 \xef\xbf\xbd.img;");
		memset(wide + 20, 0, 2);
		CHECK_INT(parse(wide, n - 2, &h, &e), 1);
		CHECK_INT(e.cls, ERROR_CORRUPT);
		CHECK_INT(parse(wide, 2, &h, &e), 0);
		CHECK_INT(parse(wide, 3, &h, &e), 1);
	}
	/* A NUL is none of the spaces around a digest. */
	static const char nul[] = "SHA256 hash of a.img:\n" S64 "\0\n" DONE;
	CHECK(parse(nul, sizeof nul - 1, &h, &e) > 0);
	CHECK(!*h.text);
}

/* Damage is told before what is only not understood. */
static void test_worse(void)
{
	static const char text[] = "MD4 (a.img) = " MD5 "\nx\nMD4 (b.img) = " MD5 "\n";
	struct heard h;
	struct error e;
	CHECK_INT(parse(text, sizeof text - 1, &h, &e), 3);
	CHECK_INT(e.cls, ERROR_CORRUPT);
	CHECK(strstr(e.text, "line 2"));
}

int main(void)
{
	RUN(test_forms);
	RUN(test_utf16);
	RUN(test_worse);
	return test_done();
}
