// SPDX-License-Identifier: GPL-3.0-or-later
#include "shell.h"

static bool is_plain(const char *s)
{
	static const char others[] = "_@%+=:,./-";
	if (!*s || *s == '=')
		return false;
	for (; *s; s++)
		if (!(*s >= 'a' && *s <= 'z') && !(*s >= 'A' && *s <= 'Z') && !(*s >= '0' && *s <= '9') &&
		    !strchr(others, *s))
			return false;
	return true;
}

/* What a terminal would not show as it is; and '!', of which an interactive shell may make something anywhere. */
bool shell_is_odd(const char *s)
{
	autotext struct text safe = {0};
	text_put_safe(&safe, s);
	return safe.failed || strcmp(text_str(&safe), s) || strchr(s, '!');
}

static void put_octal(struct text *out, const char *s)
{
	text_put(out, "$'");
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;
		if (c < 0x20 || c >= 0x7f || c == '\'' || c == '\\' || c == '!')
			text_printf(out, "\\%03o", c);
		else
			text_put_bytes(out, s, 1);
	}
	text_put(out, "'");
}

void shell_put(struct text *out, const char *s)
{
	if (is_plain(s)) {
		text_put(out, s);
		return;
	}
	if (shell_is_odd(s)) {
		put_octal(out, s);
		return;
	}
	text_put(out, "'");
	for (; *s; s++) {
		if (*s == '\'')
			text_put(out, "'\\''");
		else
			text_put_bytes(out, s, 1);
	}
	text_put(out, "'");
}
