// SPDX-License-Identifier: GPL-3.0-or-later
/* Names without case, by the volume's own table (section 7.2), their hash, and times with zones. */
#include <time.h>

#include "exfat.h"

int exfat_open_upper(struct exfat *fs, struct error *e)
{
	fs->upper = malloc(65536 * sizeof *fs->upper);
	if (!fs->upper)
		return error_nomem(e);
	for (uint32_t i = 0; i < 65536; i++)
		fs->upper[i] = (uint16_t)i;
	if (!fs->has_upper)
		return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "exFAT: there is no up-case table");
	autofree uint8_t *t = exfat_read_chain(fs, &fs->upper_chain, 128 * KIB, e);
	if (!t)
		return error_prefix(e, "up-case table");
	size_t len = (size_t)fs->upper_chain.length;
	if (exfat_sum32(0, t, len) != fs->upper_sum)
		return error_set(e, ERROR_CORRUPT, (int64_t)exfat_place(fs, fs->upper_chain.first),
				 "exFAT: the checksum of the up-case table is wrong");
	for (size_t i = 0, c = 0; i + 1 < len && c < 65536; i += 2) {
		uint16_t u = get_le16(t + i);
		if (u == 0xffff && i + 3 < len) { /* so many that stay as they are */
			c += get_le16(t + i + 2);
			i += 2;
		} else {
			fs->upper[c++] = u;
		}
	}
	return 0;
}

static size_t next_char(const char *s, size_t len, uint32_t *c)
{
	unsigned char b = (unsigned char)*s;
	size_t n = b < 0xc0 ? 1 : b < 0xe0 ? 2 : b < 0xf0 ? 3 : 4;
	*c = b;
	if (n == 1 || n > len)
		return 1;
	*c = b & (0x7fu >> n);
	for (size_t i = 1; i < n; i++)
		*c = *c << 6 | ((unsigned char)s[i] & 63);
	return n;
}

bool exfat_same_name(const struct exfat *fs, const struct exfat_entry *it, const char *name, size_t len)
{
	const char *a = it->name;
	size_t a_len = strlen(a);
	while (a_len && len) {
		uint32_t x, y;
		size_t n = next_char(a, a_len, &x), m = next_char(name, len, &y);
		if (x != y && (x > 0xffff || y > 0xffff || fs->upper[x] != fs->upper[y]))
			return false;
		a += n;
		a_len -= n;
		name += m;
		len -= m;
	}
	return !a_len && !len;
}

uint16_t exfat_name_hash(const struct exfat *fs, const uint16_t *units, size_t count)
{
	uint16_t sum = 0;
	for (size_t i = 0; i < count; i++) {
		uint16_t u = fs->upper[units[i]];
		sum = (uint16_t)((uint16_t)(sum << 15 | sum >> 1) + (u & 0xff));
		sum = (uint16_t)((uint16_t)(sum << 15 | sum >> 1) + (u >> 8));
	}
	return sum;
}

/* Local time; the zone in quarters of an hour where its top bit is set, else taken as UTC. */
int64_t exfat_time(uint32_t stamp, uint8_t zone)
{
	unsigned month = stamp >> 21 & 15, day = stamp >> 16 & 31;
	if (month < 1 || month > 12 || !day)
		return 0;
	struct tm t = {
		.tm_year = 80 + (int)(stamp >> 25),
		.tm_mon = (int)month - 1,
		.tm_mday = (int)day,
		.tm_hour = (int)(stamp >> 11 & 31),
		.tm_min = (int)(stamp >> 5 & 63),
		.tm_sec = (int)(stamp & 31) * 2,
	};
	int quarters = zone & 0x80 ? (int)(zone & 0x7f) - (zone & 0x40 ? 128 : 0) : 0;
	return (int64_t)timegm(&t) - quarters * 900;
}
