// SPDX-License-Identifier: GPL-3.0-or-later
/* libewf opens segments that are cut, and images that lack some, without a word: so the sections are walked first. */
#include "backproof/adler32.h"
#include "ewf.h"

#define FILE_HEADER 13
#define SECTION 76
#define MAX_SECTIONS 1000000

int ewf_segment_check(struct source *src, const struct image_context *c, struct ewf_segment *out, struct error *e)
{
	uint8_t h[SECTION];
	const char *name = source_name(src);
	uint64_t size = source_size(src), at = FILE_HEADER;
	memset(out, 0, sizeof *out);
	if (size < FILE_HEADER + SECTION)
		return error_set(e, ERROR_CORRUPT, (int64_t)size, "%s: it ends inside its header", name);
	if (source_read_at(src, 0, h, FILE_HEADER, e) < 0)
		return -1;
	if (memcmp(h, "EVF\x09\x0d\x0a\xff\0", 8))
		return error_set(e, ERROR_UNSUPPORTED, 0, "%s: logical evidence, or version 2 of the format", name);
	out->number = get_le16(h + 9);
	for (;;) {
		if (c->budget && budget_check(c->budget, e) < 0)
			return -1;
		if (at > size - SECTION)
			return error_set(e, ERROR_CORRUPT, (int64_t)size,
					 "%s is cut: its sections lead behind its end", name);
		if (source_read_at(src, at, h, SECTION, e) < 0)
			return -1;
		if (adler32_sum(h, SECTION - 4) != get_le32(h + SECTION - 4))
			return error_set(e, ERROR_CORRUPT, (int64_t)at, "%s: a section's Adler-32 does not match",
					 name);
		bool next = !strncmp((char *)h, "next", 16), done = !strncmp((char *)h, "done", 16);
		uint64_t to = get_le64(h + 16);
		if (++out->sections > MAX_SECTIONS)
			return error_set(e, ERROR_LIMIT, (int64_t)at, "%s: more than a million sections", name);
		if (next || done) {
			out->last = done;
			if (at + SECTION != size)
				return error_set(e, ERROR_CORRUPT, (int64_t)at,
						 "%s: something follows its last section", name);
			return 0;
		}
		if (to < at + SECTION)
			return error_set(e, ERROR_CORRUPT, (int64_t)at, "%s: a section leads back", name);
		at = to;
	}
}

/* .E01 to .E99, .EAA to .EZZ, .FAA and so on; likewise in small letters. */
char *ewf_segment_name(const char *first, unsigned number)
{
	size_t n = strlen(first);
	if (n < 4 || first[n - 4] != '.')
		return NULL;
	char *out = strdup(first), *p = out ? out + n - 3 : NULL;
	bool small = p && p[0] >= 'a';
	if (!out)
		return NULL;
	if (number < 100) {
		p[1] = (char)('0' + number / 10);
		p[2] = (char)('0' + number % 10);
		return out;
	}
	number -= 100;
	unsigned letter = (unsigned)p[0] + number / 676;
	if (letter > (small ? 'z' : 'Z')) {
		free(out);
		return NULL;
	}
	p[0] = (char)letter;
	p[1] = (char)((small ? 'a' : 'A') + number / 26 % 26);
	p[2] = (char)((small ? 'a' : 'A') + number % 26);
	return out;
}
