// SPDX-License-Identifier: GPL-3.0-or-later
/* Short names, their checksum, and times. */
#include "fat.h"

#include <time.h>

/* Code page 437, as Linux takes it by default: 0x80 to 0xff. */
static const uint16_t cp437[128] = {
	0xc7,	0xfc,	0xe9,	0xe2,	0xe4,	0xe0,	0xe5,	0xe7,	0xea,	0xeb,	0xe8,	0xef,
	0xee,	0xec,	0xc4,	0xc5,	0xc9,	0xe6,	0xc6,	0xf4,	0xf6,	0xf2,	0xfb,	0xf9,
	0xff,	0xd6,	0xdc,	0xa2,	0xa3,	0xa5,	0x20a7, 0x192,	0xe1,	0xed,	0xf3,	0xfa,
	0xf1,	0xd1,	0xaa,	0xba,	0xbf,	0x2310, 0xac,	0xbd,	0xbc,	0xa1,	0xab,	0xbb,
	0x2591, 0x2592, 0x2593, 0x2502, 0x2524, 0x2561, 0x2562, 0x2556, 0x2555, 0x2563, 0x2551, 0x2557,
	0x255d, 0x255c, 0x255b, 0x2510, 0x2514, 0x2534, 0x252c, 0x251c, 0x2500, 0x253c, 0x255e, 0x255f,
	0x255a, 0x2554, 0x2569, 0x2566, 0x2560, 0x2550, 0x256c, 0x2567, 0x2568, 0x2564, 0x2565, 0x2559,
	0x2558, 0x2552, 0x2553, 0x256b, 0x256a, 0x2518, 0x250c, 0x2588, 0x2584, 0x258c, 0x2590, 0x2580,
	0x3b1,	0xdf,	0x393,	0x3c0,	0x3a3,	0x3c3,	0xb5,	0x3c4,	0x3a6,	0x398,	0x3a9,	0x3b4,
	0x221e, 0x3c6,	0x3b5,	0x2229, 0x2261, 0xb1,	0x2265, 0x2264, 0x2320, 0x2321, 0xf7,	0x2248,
	0xb0,	0x2219, 0xb7,	0x221a, 0x207f, 0xb2,	0x25a0, 0xa0,
};

static char *put_char(char *to, uint8_t c, bool lower)
{
	if (c < 0x80) {
		*to++ = (char)(lower && c >= 'A' && c <= 'Z' ? c + 32 : c);
		return to;
	}
	uint16_t u = cp437[c - 0x80];
	if (u >= 0x800) {
		*to++ = (char)(0xe0 | u >> 12);
		*to++ = (char)(0x80 | (u >> 6 & 63));
	} else {
		*to++ = (char)(0xc0 | u >> 6);
	}
	*to++ = (char)(0x80 | (u & 63));
	return to;
}

bool fat_short_name(const uint8_t raw[32], char *name)
{
	char *to = name;
	bool good = true;
	size_t base = 8, all = 11;
	while (base > 1 && raw[base - 1] == ' ')
		base--;
	while (all > 8 && raw[all - 1] == ' ')
		all--;
	for (size_t i = 0; i < all; i++) {
		uint8_t c = raw[i];
		if (i == base) {
			if (all == 8)
				break;
			*to++ = '.';
			i = 8;
			c = raw[8];
		}
		if (!i && c == 0x05) /* stands for e5, which would mean deleted */
			c = 0xe5;
		if (c < 0x20 || c == 0x7f || strchr("\"*+,./:;<=>?[\\]|", c) || (!i && c == ' ')) {
			good = false;
			c = '_';
		}
		to = put_char(to, c, raw[12] & (i < 8 ? 0x08 : 0x10));
	}
	*to = 0;
	return good;
}

uint8_t fat_name_sum(const uint8_t raw[32])
{
	uint8_t sum = 0;
	for (int i = 0; i < 11; i++)
		sum = (uint8_t)((sum << 7 | sum >> 1) + raw[i]);
	return sum;
}

bool fat_same_name(const char *a, const char *b, size_t b_length)
{
	if (strlen(a) != b_length)
		return false;
	for (size_t i = 0; i < b_length; i++) {
		unsigned char x = (unsigned char)a[i], y = (unsigned char)b[i];
		if (x >= 'A' && x <= 'Z')
			x += 32;
		if (y >= 'A' && y <= 'Z')
			y += 32;
		if (x != y)
			return false;
	}
	return true;
}

/* Local time without a zone; taken as UTC. */
int64_t fat_time(uint16_t date, uint16_t time)
{
	unsigned month = date >> 5 & 15, day = date & 31;
	if (!date || month < 1 || month > 12 || !day)
		return 0;
	struct tm t = {
		.tm_year = 80 + (date >> 9),
		.tm_mon = (int)month - 1,
		.tm_mday = (int)day,
		.tm_hour = time >> 11,
		.tm_min = time >> 5 & 63,
		.tm_sec = (time & 31) * 2,
	};
	return (int64_t)timegm(&t);
}
