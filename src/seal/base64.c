// SPDX-License-Identifier: GPL-3.0-or-later
#include "backproof/signature.h"

#include <errno.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

char *base64_encode(const void *data, size_t length)
{
	const uint8_t *p = data;
	char *text = malloc((length + 2) / 3 * 4 + 1), *to = text;
	if (!text)
		return NULL;
	for (size_t i = 0; i < length; i += 3) {
		size_t n = length - i < 3 ? length - i : 3;
		uint32_t v = (uint32_t)p[i] << 16 | (n > 1 ? (uint32_t)p[i + 1] << 8 : 0) | (n > 2 ? p[i + 2] : 0);
		for (size_t k = 0; k < 4; k++)
			*to++ = k <= n ? alphabet[v >> (18 - 6 * k) & 63] : '=';
	}
	*to = '\0';
	return text;
}

static int value_of(char c)
{
	const char *at = c ? strchr(alphabet, c) : NULL;
	return at ? (int)(at - alphabet) : -1;
}

uint8_t *base64_decode(const char *text, size_t length, size_t *out)
{
	autofree uint8_t *data = malloc(length / 4 * 3 + 1);
	uint8_t *to = data;
	if (!data)
		return NULL;
	errno = EINVAL;
	if (length % 4)
		return NULL;
	for (size_t i = 0; i < length; i += 4) {
		bool last = i + 4 == length;
		size_t n = last && text[i + 3] == '=' ? (text[i + 2] == '=' ? 1 : 2) : 3;
		uint32_t v = 0;
		for (size_t k = 0; k <= n; k++) {
			int d = value_of(text[i + k]);
			if (d < 0)
				return NULL;
			v |= (uint32_t)d << (18 - 6 * k);
		}
		/* Bits that belong to no byte are zero: one text for one content. */
		if (v & (UINT32_C(0xffffff) >> (8 * n)))
			return NULL;
		for (size_t k = 0; k < n; k++)
			*to++ = (uint8_t)(v >> (16 - 8 * k));
	}
	*to = '\0';
	*out = (size_t)(to - data);
	return take(data);
}
