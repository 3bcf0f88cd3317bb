// SPDX-License-Identifier: GPL-3.0-or-later
#include "backproof/text.h"

static size_t put_utf8(uint32_t c, char *out)
{
	if (c < 0x80) {
		out[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		out[0] = (char)(0xc0 | c >> 6);
		out[1] = (char)(0x80 | (c & 63));
		return 2;
	}
	if (c < 0x10000) {
		out[0] = (char)(0xe0 | c >> 12);
		out[1] = (char)(0x80 | (c >> 6 & 63));
		out[2] = (char)(0x80 | (c & 63));
		return 3;
	}
	out[0] = (char)(0xf0 | c >> 18);
	out[1] = (char)(0x80 | (c >> 12 & 63));
	out[2] = (char)(0x80 | (c >> 6 & 63));
	out[3] = (char)(0x80 | (c & 63));
	return 4;
}

void utf16le_text(const void *p, size_t units, char *out, size_t room)
{
	const uint8_t *u = p;
	size_t used = 0;
	for (size_t i = 0; i < units; i++) {
		uint32_t c = get_le16(u + 2 * i);
		if (!c)
			break;
		uint32_t low = i + 1 < units ? get_le16(u + 2 * i + 2) : 0;
		if (c >= 0xd800 && c <= 0xdbff && low >= 0xdc00 && low <= 0xdfff) {
			c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
			i++;
		} else if (c >= 0xd800 && c <= 0xdfff) {
			c = 0xfffd;
		}
		if (used + 5 > room)
			break;
		used += put_utf8(c, out + used);
	}
	out[used] = 0;
}
