// SPDX-License-Identifier: GPL-3.0-or-later
/* Untrusted text: whatever bytes come in, what goes out is a line of readable UTF-8, JSON or XML. */
#include "../../src/gate/browse_list.h"
#include "backproof/finding.h"
#include "backproof/text.h"
#include "test.h"

typedef void put_fn(struct text *t, const char *s);

static char *put(put_fn *fn, const char *s)
{
	struct text t = {0};
	fn(&t, s);
	NEED(!t.failed);
	return t.data ? t.data : strdup("");
}
#define SAFE(s) put(text_put_safe, s)
#define JSON(s) put(text_put_json, s)
#define XML(s) put(text_put_xml, s)

static void is(char *got, const char *wanted)
{
	CHECK_STR(got, wanted);
	free(got);
}

static void plain_text_stays(void)
{
	is(SAFE("/srv/b\xc3\xbc" "cher/\xe6\x97\xa5\xe6\x9c\xac \xf0\x9f\x98\x80 a\\b"),
	   "/srv/b\xc3\xbc" "cher/\xe6\x97\xa5\xe6\x9c\xac \xf0\x9f\x98\x80 a\\b");
	is(JSON("\xc3\xbc \xf0\x9f\x98\x80"), "\"\xc3\xbc \xf0\x9f\x98\x80\"");
	is(XML("\xc3\xbc\xf0\x9f\x98\x80"), "\xc3\xbc\xf0\x9f\x98\x80");
	is(SAFE(""), "");
	is(JSON(""), "\"\"");
	is(JSON(NULL), "null");
}

static void what_steers_is_shown(void)
{
	is(SAFE("a\033[2J\r\n\tb\177"), "a\\x1b[2J\\x0d\\x0a\\x09b\\x7f");
	is(SAFE("\xc2\x9b" "31m"), "\\u{009b}31m");	   /* CSI as one character */
	is(SAFE("a\xe2\x80\xae" "exe"), "a\\u{202e}exe");   /* right to left */
	is(SAFE("\xe2\x81\xa6\xe2\x81\xa9"), "\\u{2066}\\u{2069}");
	is(SAFE("\xe2\x80\x8b\xef\xbb\xbf"), "\\u{200b}\\u{feff}"); /* nothing to be seen */
	is(SAFE("\xe2\x80\xa8\xe2\x80\xa9"), "\\u{2028}\\u{2029}"); /* separators of lines */
	is(SAFE("\xf3\xa0\x81\x81"), "\\u{e0041}");	   /* a tag */
	is(SAFE("\xe1\xa0\x8e\xcd\x8f\xe3\x85\xa4"), "\\u{180e}\\u{034f}\\u{3164}");
	is(SAFE("\xef\xb8\x8f\xf3\xa0\x84\x80"), "\\u{fe0f}\\u{e0100}"); /* variation selectors */
	is(SAFE("\xef\xbf\xbf\xf0\x9f\xbf\xbe"), "\\u{ffff}\\u{1fffe}"); /* no characters */
	is(JSON("\"\\\n\033\177\xe2\x80\xae\xf3\xa0\x81\x81"), "\"\\\"\\\\\\n\\u001b\\u007f\\u202e\\udb40\\udc41\"");
	is(XML("<a b='c' d=\"e\">&]]>\033\xe2\x80\xae\xf3\xa0\x81\x81"),
	   "&lt;a b=&#39;c&#39; d=&quot;e&quot;&gt;&amp;]]&gt;\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
}

static void what_is_no_utf8_is_shown(void)
{
	static const struct {
		const char *bytes, *safe, *json;
	} cases[] = {
		{"\xff\xfe", "\\xff\\xfe", "\"\\ufffd\\ufffd\""},
		{"\x9b[", "\\x9b[", "\"\\ufffd[\""},			    /* CSI of a terminal that is not UTF-8 */
		{"\xc0\xaf", "\\xc0\\xaf", "\"\\ufffd\\ufffd\""},	    /* '/' in two bytes */
		{"\xe0\x80\x8a", "\\xe0\\x80\\x8a", "\"\\ufffd\\ufffd\\ufffd\""}, /* a newline in three */
		{"\xf0\x80\x80\x9b", "\\xf0\\x80\\x80\\x9b", "\"\\ufffd\\ufffd\\ufffd\\ufffd\""},
		{"\xed\xa0\x80", "\\xed\\xa0\\x80", "\"\\ufffd\\ufffd\\ufffd\""}, /* half of a surrogate pair */
		{"\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80", "\"\\ufffd\\ufffd\\ufffd\\ufffd\""},
		{"a\xe2\x80", "a\\xe2\\x80", "\"a\\ufffd\\ufffd\""}, /* cut off */
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		is(SAFE(cases[i].bytes), cases[i].safe);
		is(JSON(cases[i].bytes), cases[i].json);
		CHECK(!text_is_utf8(cases[i].bytes));
	}
}

/* Every character there is, each by itself. */
static void all_characters(void)
{
	size_t shown = 0;
	for (uint32_t c = 1; c < 0x110000; c++) {
		char in[5] = {0};
		if (c < 0x80)
			in[0] = (char)c;
		else if (c < 0x800)
			in[0] = (char)(0xc0 | c >> 6), in[1] = (char)(0x80 | (c & 63));
		else if (c < 0x10000)
			in[0] = (char)(0xe0 | c >> 12), in[1] = (char)(0x80 | (c >> 6 & 63)), in[2] = (char)(0x80 | (c & 63));
		else
			in[0] = (char)(0xf0 | c >> 18), in[1] = (char)(0x80 | (c >> 12 & 63)),
			in[2] = (char)(0x80 | (c >> 6 & 63)), in[3] = (char)(0x80 | (c & 63));
		autofree char *safe = SAFE(in), *json = JSON(in), *xml = XML(in);
		bool changed = strcmp(safe, in);
		shown += changed;
		if (!text_is_utf8(safe) || !text_is_utf8(json) || !text_is_utf8(xml) ||
		    strpbrk(safe, "\n\r\t\033\177") || strpbrk(json, "\n\r\t\033\177") || strpbrk(xml, "\n\r\t\033\177<>") ||
		    (changed && strstr(json, in) && c != '\\') || (changed && strstr(xml, in))) {
			fprintf(stderr, "U+%04X: %s %s %s\n", c, safe, json, xml);
			CHECK(false);
		}
	}
	/* Controls, what can't be seen, half pairs: some thousands, and not all there is. */
	CHECK(shown > 2048 + 4096 && shown < 2048 + 4096 + 400);
}

static void long_text_is_cut_between_characters(void)
{
	is(text_bounded("abcdefgh", 8, 8), "abcdefgh");
	is(text_bounded("abcdefghi", 9, 8), "abcde...");
	is(text_bounded("abcd\xc3\xbc" "efgh", 10, 8), "abcd...");
	is(text_bounded("ab\xf0\x9f\x98\x80" "efgh", 10, 8), "ab...");
	is(text_bounded("\x80\x80\x80\x80\x80\x80\x80\x80\x80", 9, 8), "\x80\x80...");
	is(text_bounded("abcdefgh", 3, 8), "abc");
}

static void findings_stay_small_and_count(void)
{
	struct findings f;
	size_t n = 10 << 20;
	autofree char *name = malloc(n + 1), *other = malloc(n + 1);
	NEED(findings_init(&f) == 0 && name && other);
	memset(name, 'n', n);
	memset(other, 'm', n);
	name[n] = other[n] = 0;
	struct finding_text more = {.expected = name, .measured = name};
	finding_add(&f, PROOF_STRUCTURE, "a.b", name, OUTCOME_BROKEN, &more, "%s", name);
	CHECK_INT(f.count, 1);
	CHECK(strlen(f.items[0].subject) <= 4096 && strlen(f.items[0].detail) <= 4096);
	CHECK(strlen(f.items[0].expected) <= 4096 && strlen(f.items[0].measured) <= 4096);
	/* What is broken of a long name stays broken when it is asked for by that name. */
	CHECK_INT(findings_against(&f, PROOF_STRUCTURE, name), 1);
	CHECK_INT(findings_against(&f, PROOF_STRUCTURE, other), 0);
	CHECK_INT(findings_against(&f, PROOF_STRUCTURE, "n"), 0);
	finding_add(&f, PROOF_STRUCTURE, "a.b", "short", OUTCOME_BROKEN, NULL, "x");
	CHECK_INT(findings_against(&f, PROOF_STRUCTURE, "short"), 1);
	findings_free(&f);
}

static void lines_of_a_file_on_a_terminal(void)
{
	static const struct {
		const char *bytes;
		size_t len;
		const char *shown;
	} cases[] = {
		{"a\tb\nc\n", 6, "a\tb\nc\n"},
		{"a\r\nb\rc", 6, "a\nb\\x0dc"},
		{"\033[2J\0\0x", 7, "\\x1b[2J\\x00\\x00x"},
		{"\xc2\x9b\xff", 3, "\\u{009b}\\xff"},
		{"\n\n", 2, "\n\n"},
		{"", 0, ""},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct text t autotext = {0};
		char buf[32];
		memcpy(buf, cases[i].bytes, cases[i].len);
		buf[cases[i].len] = 'X';
		browse_list_bytes(&t, buf, cases[i].len);
		CHECK_STR(text_str(&t), cases[i].shown);
		CHECK(buf[cases[i].len] == 'X' && !memcmp(buf, cases[i].bytes, cases[i].len));
	}
}

static void paths_in_parts(void)
{
	static const struct {
		const char *path, *directory, *base;
	} all[] = {{"a", ".", "a"}, {"/", "/", ""}, {"/a", "/", "a"}, {"a/b", "a", "b"}, {"/a/b", "/a", "b"}, {"a/", "a", ""}};
	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		autofree char *directory = path_directory(all[i].path);
		CHECK_STR(directory, all[i].directory);
		CHECK_STR(path_base(all[i].path), all[i].base);
	}
}

static void lists(void)
{
	struct strings a = {0}, b = {0};
	char *copy = (char *)1;
	CHECK_INT(string_copy(&copy, NULL), 0);
	CHECK(!copy);
	CHECK_INT(string_copy(&copy, "x"), 0);
	CHECK_STR(copy, "x");
	free(copy);
	CHECK_INT(strings_add_first(&a, "three"), 0);
	CHECK_INT(strings_add_first(&a, "one"), 0);
	CHECK_INT(strings_add_all(&b, &a), 0);
	CHECK_INT(strings_add_first(&b, "zero"), 0);
	CHECK_INT(a.count, 2);
	NEED(b.count == 3);
	CHECK_STR(b.items[0], "zero");
	CHECK_STR(b.items[1], "one");
	CHECK_STR(b.items[2], "three");
	CHECK(b.items[1] != a.items[0]);
	strings_free(&a);
	strings_free(&b);
}

int main(void)
{
	RUN(lists);
	RUN(paths_in_parts);
	RUN(plain_text_stays);
	RUN(what_steers_is_shown);
	RUN(what_is_no_utf8_is_shown);
	RUN(all_characters);
	RUN(long_text_is_cut_between_characters);
	RUN(findings_stay_small_and_count);
	RUN(lines_of_a_file_on_a_terminal);
	return test_done();
}
