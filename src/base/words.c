// SPDX-License-Identifier: GPL-3.0-or-later
/* Commands as they stand in a configuration: words, and quotes around what is one word. No shell sees them. */
#include "backproof/base.h"

#include "backproof/text.h"

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* The word at *s into t, without its quotes. -1: a quotation mark is not closed, or a backslash stands last. */
static int take_word(const char **s, struct text *t)
{
	char quote = 0;
	for (; **s && (quote || !is_blank(**s)); (*s)++) {
		char c = **s;
		if (quote ? c == quote : c == '\'' || c == '"') {
			quote = quote ? 0 : c;
			continue;
		}
		if (c == '\\' && quote != '\'') {
			c = *++*s;
			if (!c)
				return -1;
		}
		text_put_bytes(t, &c, 1);
	}
	return quote ? -1 : 0;
}

int words_split(const char *text, struct strings *out)
{
	for (const char *s = text; ;) {
		autotext struct text word = {0};
		while (is_blank(*s))
			s++;
		if (!*s)
			return 0;
		if (take_word(&s, &word) < 0)
			return -1;
		if (word.failed || strings_add(out, text_str(&word)) < 0)
			return -2;
	}
}

void words_put(const struct strings *words, struct text *out)
{
	for (size_t i = 0; i < words->count; i++) {
		const char *w = words->items[i];
		bool quote = !*w || strpbrk(w, " \t'\"\\;#");
		text_put(out, i ? " " : "");
		if (!quote) {
			text_put(out, w);
			continue;
		}
		text_put(out, "\"");
		for (; *w; w++) {
			if (*w == '"' || *w == '\\')
				text_put(out, "\\");
			text_put_bytes(out, w, 1);
		}
		text_put(out, "\"");
	}
}
