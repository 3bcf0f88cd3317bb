// SPDX-License-Identifier: GPL-3.0-or-later
#include "cells.h"

static bool is_continuation(char c)
{
	return ((unsigned char)c & 0xc0) == 0x80;
}

size_t cells_width(const char *safe)
{
	size_t n = 0;
	for (; *safe; safe++)
		n += !is_continuation(*safe);
	return n;
}

/* The byte at which column n starts. */
static size_t byte_of(const char *s, size_t n)
{
	size_t i = 0;
	while (s[i] && (n || is_continuation(s[i])))
		n -= !is_continuation(s[i++]);
	return i;
}

static size_t put_cut(struct text *out, const char *safe, size_t room, enum cells_cut cut)
{
	size_t width = cells_width(safe);
	if (width <= room) {
		text_put(out, safe);
		return width;
	}
	size_t dots = room < 3 ? room : 3;
	size_t tail = cut == CELLS_CUT_MIDDLE ? (room - dots) * 2 / 3 : 0, head = room - dots - tail;
	text_put_bytes(out, safe, byte_of(safe, head));
	text_put_bytes(out, "...", dots);
	text_put(out, safe + byte_of(safe, width - tail));
	return room;
}

size_t cells_put(struct text *out, const char *s, size_t room, enum cells_cut cut)
{
	struct text safe autotext = {0};
	text_put_safe(&safe, s);
	out->failed |= safe.failed;
	return put_cut(out, text_str(&safe), room, cut);
}

void cells_put_padded(struct text *out, const char *s, size_t room, enum cells_cut cut)
{
	for (size_t used = cells_put(out, s, room, cut); used < room; used++)
		text_put(out, " ");
}

/* Bytes of the next line: up to the last space that fits, or all that fits. *skip: the space after. */
static size_t line_length(const char *s, size_t room, size_t *skip)
{
	size_t fit = byte_of(s, room), end = fit;
	*skip = 0;
	if (!s[fit])
		return fit;
	while (end > 0 && s[end] != ' ')
		end--;
	if (!end)
		return fit;
	*skip = 1;
	return end;
}

void cells_wrap(struct text *out, const char *s, size_t indent, size_t width, size_t lines)
{
	struct text safe autotext = {0};
	text_put_safe(&safe, s);
	out->failed |= safe.failed;
	size_t room = width > indent + 20 ? width - indent : 20, skip;
	const char *at = text_str(&safe);
	for (size_t n = 1;; n++) {
		if (n == lines) {
			put_cut(out, at, room, CELLS_CUT_END);
			text_put(out, "\n");
			return;
		}
		size_t len = line_length(at, room, &skip);
		text_put_bytes(out, at, len);
		text_put(out, "\n");
		at += len + skip;
		if (!*at)
			return;
		text_printf(out, "%*s", (int)indent, "");
	}
}
