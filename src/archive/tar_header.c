// SPDX-License-Identifier: GPL-3.0-or-later
#include "tar_header.h"

#include "tar_dumpdir.h"

enum tar_dialect tar_dialect(const uint8_t *block)
{
	if (!memcmp(block + TAR_MAGIC, "ustar  ", 8))
		return TAR_GNU;
	return memcmp(block + TAR_MAGIC, "ustar", 5) ? TAR_OLD : TAR_USTAR;
}

bool tar_size_counts(const uint8_t *block, bool pax)
{
	uint8_t type = block[TAR_TYPE];
	if (type >= '2' && type <= '6')
		return false;
	if (type != '1' || pax)
		return true;
	return tar_dialect(block) == TAR_USTAR && memcmp(block + TAR_MAGIC,
							 "ustar\0"
							 "00",
							 8);
}

static bool octal_digit(uint8_t c)
{
	return c >= '0' && c <= '7';
}

/*
 * Six digits, NUL, space (GNU tar, libarchive, Python, Go, Java, busybox); six digits, space, NUL
 * (Node); seven digits, NUL (Rust). No two of them are one bit apart.
 */
static bool checksum_layout_known(const uint8_t *field)
{
	for (size_t i = 0; i < 6; i++)
		if (!octal_digit(field[i]))
			return false;
	return (field[6] == 0 && field[7] == ' ') || (field[6] == ' ' && field[7] == 0) ||
	       (octal_digit(field[6]) && field[7] == 0);
}

bool tar_checksum_fits(const uint8_t *block, bool strict)
{
	int64_t sum = 0, sum_signed = 0;
	uint64_t stored;
	for (size_t i = 0; i < TAR_BLOCK; i++) {
		bool inside = i >= TAR_CHECKSUM && i < TAR_CHECKSUM + 8;
		sum += inside ? ' ' : block[i];
		/* Some old systems added the bytes up as signed numbers. */
		sum_signed += inside ? ' ' : (int8_t)block[i];
	}
	if (strict && !checksum_layout_known(block + TAR_CHECKSUM))
		return false;
	if (block[TAR_CHECKSUM] & 0x80 || tar_number(block + TAR_CHECKSUM, 8, &stored) < 0)
		return false;
	return stored == (uint64_t)sum || (sum_signed >= 0 && stored == (uint64_t)sum_signed);
}

static int base_256(const uint8_t *field, size_t len, uint64_t *out)
{
	uint64_t n = field[0] & 0x7f;
	if (n & 0x40)
		return -1;
	for (size_t i = 1; i < len; i++) {
		if (n >> 55)
			return -1;
		n = n << 8 | field[i];
	}
	*out = n;
	return 0;
}

int tar_number(const uint8_t *field, size_t len, uint64_t *out)
{
	uint64_t n = 0;
	size_t i = 0;
	if (field[0] & 0x80)
		return base_256(field, len, out);
	while (i < len && field[i] == ' ')
		i++;
	for (; i < len && octal_digit(field[i]); i++) {
		if (n >> 60)
			return -1;
		n = n << 3 | (uint64_t)(field[i] - '0');
	}
	for (; i < len; i++)
		if (field[i] && field[i] != ' ')
			return -1;
	*out = n;
	return 0;
}

static int decimal(const uint8_t **p, const uint8_t *end, uint64_t *out)
{
	uint64_t n = 0;
	const uint8_t *start = *p;
	for (; *p < end && **p >= '0' && **p <= '9'; ++*p)
		if (mul_overflows(n, (uint64_t)10, &n) ||
		    add_overflows(n, (uint64_t)(**p - '0'), &n) || n >= INT64_MAX)
			return -1;
	*out = n;
	return *p == start ? -1 : 0;
}

static int whole_decimal(const uint8_t *p, const uint8_t *end, uint64_t *out)
{
	return decimal(&p, end, out) < 0 || p != end ? -1 : 0;
}

/* Sparse format 0.1: "offset,length,offset,length". */
static int map_parse(const uint8_t *p, const uint8_t *end, uint64_t *sum)
{
	uint64_t offset, length;
	while (p < end) {
		if (decimal(&p, end, &offset) < 0 || p == end || *p++ != ',' ||
		    decimal(&p, end, &length) < 0 || (p < end && *p++ != ','))
			return -1;
		if (add_overflows(*sum, length, sum))
			return -1;
	}
	return 0;
}

static bool is(const uint8_t *key, size_t len, const char *word)
{
	return strlen(word) == len && !memcmp(key, word, len);
}

static int record(const uint8_t *key, size_t key_length, const uint8_t *value, const uint8_t *end,
		  struct tar_records *out)
{
	uint64_t n;
	if (is(key, key_length, "size")) {
		out->has_size = true;
		return whole_decimal(value, end, &out->size);
	}
	if (is(key, key_length, "path") || is(key, key_length, "linkpath"))
		out->names_members = true;
	else if (is(key, key_length, "SUN.holesdata") || is(key, key_length, "SCHILY.realsize"))
		out->unsupported = true;
	else if (is(key, key_length, "GNU.dumpdir"))
		out->increment |= tar_dumpdir_feed(&(struct tar_dumpdir){.runs = true}, value, (size_t)(end - value));
	if (key_length < 11 || memcmp(key, "GNU.sparse.", 11))
		return 0;
	out->sparse = true;
	if (is(key, key_length, "GNU.sparse.major")) {
		if (whole_decimal(value, end, &n) < 0)
			return -1;
		out->map_in_data = n == 1;
		out->unsupported |= n > 1;
	} else if (is(key, key_length, "GNU.sparse.minor")) {
		if (whole_decimal(value, end, &n) < 0)
			return -1;
		out->unsupported |= n > 1 || (n && out->map_in_data);
	} else if (is(key, key_length, "GNU.sparse.numbytes")) {
		if (whole_decimal(value, end, &n) < 0 ||
		    add_overflows(out->sparse_bytes, n, &out->sparse_bytes))
			return -1;
	} else if (is(key, key_length, "GNU.sparse.map")) {
		return map_parse(value, end, &out->sparse_bytes);
	}
	return 0;
}

const char *tar_records_parse(const uint8_t *body, size_t len, struct tar_records *out, size_t *at)
{
	const uint8_t *p = body, *end = body + len;
	memset(out, 0, sizeof *out);
	while (p < end) {
		uint64_t length;
		const uint8_t *key = p;
		*at = (size_t)(p - body);
		if (decimal(&key, end, &length) < 0 || key == end || *key++ != ' ')
			return "a record does not begin with its length";
		if (length > (uint64_t)(end - p) || p + length <= key || p[length - 1] != '\n')
			return "a record's length does not lead to its end";
		const uint8_t *last = p + length - 1;
		const uint8_t *equals = memchr(key, '=', (size_t)(last - key));
		if (!equals || equals == key)
			return "a record has no keyword";
		if (record(key, (size_t)(equals - key), equals + 1, last, out) < 0)
			return "a size or sparse map is not a number";
		p += length;
	}
	return NULL;
}
