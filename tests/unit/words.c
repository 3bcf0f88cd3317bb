// SPDX-License-Identifier: GPL-3.0-or-later
/* Commands as words: taken apart, and put together so that they come apart the same. */
#include "backproof/text.h"
#include "test.h"

static void split(const char *text, int rc, const char *joined)
{
	struct strings words = {0};
	autotext struct text t = {0};
	int got = words_split(text, &words);
	CHECK_INT(got, rc);
	for (size_t i = 0; i < words.count; i++)
		text_printf(&t, "%s|", words.items[i]);
	if (rc == 0)
		CHECK_STR(text_str(&t), joined);
	strings_free(&words);
}

static void apart(void)
{
	split("", 0, "");
	split(" \t ", 0, "");
	split("a", 0, "a|");
	split("  a\tb  c ", 0, "a|b|c|");
	split("'a b' \"c d\"", 0, "a b|c d|");
	split("a'b c'd\"e f\"g", 0, "ab cde fg|");
	split("'' \"\" x", 0, "||x|");
	split("a\\ b c\\\\d \\'", 0, "a b|c\\d|'|");
	split("'a\\b' \"a\\\"b\" \"it's\" '\"'", 0, "a\\b|a\"b|it's|\"|");
	split("$HOME `id` $(id) * ? ~ ; & | > < # {a,b}", 0, "$HOME|`id`|$(id)|*|?|~|;|&|||>|<|#|{a,b}|");
	split("a\nb", 0, "a\nb|"); /* a line has no others */
	split("'a", -1, "");
	split("\"a", -1, "");
	split("a '", -1, "");
	split("a \\", -1, "");
	split("\"a\\", -1, "");
}

static void round_trip(void)
{
	static const char bytes[] = "ab \t'\"\\;#{}$|\n\033\xff=/-";
	struct rng r = {7};
	for (int i = 0; i < 20000; i++) {
		struct strings words = {0}, again = {0};
		autotext struct text t = {0};
		size_t count = rng_below(&r, 5);
		for (size_t k = 0; k < count; k++) {
			char word[9] = "";
			size_t n = rng_below(&r, sizeof word);
			for (size_t b = 0; b < n; b++)
				word[b] = bytes[rng_below(&r, sizeof bytes - 1)];
			NEED(strings_add(&words, word) == 0);
		}
		words_put(&words, &t);
		CHECK_INT(words_split(text_str(&t), &again), 0);
		CHECK_INT(again.count, words.count);
		for (size_t k = 0; k < words.count && k < again.count; k++)
			CHECK_STR(again.items[k], words.items[k]);
		strings_free(&words);
		strings_free(&again);
	}
}

int main(void)
{
	RUN(apart);
	RUN(round_trip);
	return test_done();
}
