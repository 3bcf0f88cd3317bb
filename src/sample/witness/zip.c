// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * ZIP (APPNOTE 6.3): the central directory, and the CRC-32 of every entry. Also jar, whl, docx, odt, apk...
 * The directory at the end is what counts; bytes before the first entry are allowed (self-extractors).
 */
#ifdef HAVE_ZLIB
#include <zlib.h>
#endif

#include "rows.h"

#define MAX_DIRECTORY (64 * MIB)
#define MAX_DECODED (4 * GIB) /* of all entries: entries may overlap to make a bomb */

static const char *const suffixes[] = {".zip",	".jar",	 ".whl",  ".docx", ".xlsx", ".pptx", ".odt",
				       ".ods",	".odp",	 ".apk",  ".war",  ".ear",  ".epub", ".xpi",
				       ".nupkg", ".vsix", NULL};

static bool recognise(const char *path, const uint8_t *head, size_t len)
{
	if (len >= 4 && (!memcmp(head, "PK\3\4", 4) || !memcmp(head, "PK\5\6", 4)))
		return true;
	/* An executable jar begins with a script. */
	return witness_suffix(path, suffixes) &&
	       (witness_lost_head(head, len) || (len >= 2 && !memcmp(head, "#!", 2)));
}

struct zip {
	int fd;
	uint64_t size, base; /* base: what all offsets are off by */
	uint64_t directory, length, entries;
	bool zip64;
	uint64_t decoded, unchecked;
	bool encrypted;
};

static int corrupt(struct error *e, uint64_t off, const char *what)
{
	return error_set(e, ERROR_CORRUPT, (int64_t)off, "%s", what);
}

/* The end record is found from the end: up to 65,535 bytes of comment may follow it. */
static int find_end(const struct zip *z, uint8_t end[22], uint64_t *at, struct error *e)
{
	size_t n = z->size < 22 + 65535 ? (size_t)z->size : 22 + 65535;
	autofree uint8_t *tail = malloc(n ? n : 1);
	if (!tail)
		return error_nomem(e);
	if (witness_read(z->fd, z->size, z->size - n, tail, n, e) < 0)
		return -1;
	for (size_t i = n >= 22 ? n - 22 + 1 : 0; i-- > 0;) {
		if (memcmp(tail + i, "PK\5\6", 4) || i + 22 + get_le16(tail + i + 20) > n)
			continue;
		memcpy(end, tail + i, 22);
		*at = z->size - n + i;
		return 0;
	}
	return corrupt(e, z->size, "cut off: no end of central directory");
}

static int read_zip64(struct zip *z, uint64_t end_at, struct error *e)
{
	uint8_t b[56];
	if (end_at < 20)
		return 0; /* the numbers are what they look like */
	if (witness_read(z->fd, z->size, end_at - 20, b, 20, e) < 0)
		return -1;
	if (memcmp(b, "PK\6\7", 4))
		return 0;
	uint64_t at = get_le64(b + 8);
	/* With bytes before the archive the record is just before its locator. */
	bool there = at < z->size && z->size - at >= sizeof b;
	if (there && witness_read(z->fd, z->size, at, b, sizeof b, e) < 0)
		return -1;
	if (!there || memcmp(b, "PK\6\6", 4)) {
		at = end_at >= 76 ? end_at - 76 : 0;
		if (witness_read(z->fd, z->size, at, b, sizeof b, e) < 0)
			return -1;
		if (memcmp(b, "PK\6\6", 4))
			return corrupt(e, at, "no ZIP64 end record where its locator says");
	}
	z->entries = get_le64(b + 32);
	z->length = get_le64(b + 40);
	z->directory = get_le64(b + 48);
	z->zip64 = true;
	uint64_t sum;
	if (add_overflows(z->directory, z->length, &sum) || sum > at)
		return corrupt(e, at, "the central directory lies beyond its end record");
	z->base = at - sum;
	return 0;
}

static int open_directory(struct zip *z, struct error *e)
{
	uint8_t end[22] = {0};
	uint64_t at = 0;
	if (find_end(z, end, &at, e) < 0)
		return -1;
	if (get_le16(end + 4) != get_le16(end + 6))
		return error_set(e, ERROR_UNSUPPORTED, (int64_t)at, "one part of several");
	z->entries = get_le16(end + 10);
	z->length = get_le32(end + 12);
	z->directory = get_le32(end + 16);
	if (z->entries == 0xffff || z->length == UINT32_MAX || z->directory == UINT32_MAX)
		if (read_zip64(z, at, e) < 0)
			return -1;
	if (!z->zip64) {
		if (z->directory + z->length > at)
			return corrupt(e, at, "the central directory lies beyond its end record");
		z->base = at - z->directory - z->length;
	}
	if (z->length > MAX_DIRECTORY)
		return error_set(e, ERROR_LIMIT, (int64_t)at, "central directory too large to check");
	return 0;
}

struct entry {
	unsigned flags, method;
	uint32_t crc;
	uint64_t packed, plain, local;
};

/* ZIP64 extra field: only the values that did not fit, in this order. */
static int widen(struct entry *en, const uint8_t *extra, size_t len)
{
	uint64_t *const wide[] = {&en->plain, &en->packed, &en->local};
	for (size_t i = 0; i + 4 <= len;) {
		size_t n = get_le16(extra + i + 2), at = i + 4;
		if (n > len - at)
			break;
		i = at + n;
		if (get_le16(extra + at - 4) != 1)
			continue;
		for (size_t k = 0; k < ARRAY_SIZE(wide); k++) {
			if (*wide[k] != UINT32_MAX)
				continue;
			if (at + 8 > i)
				return -1;
			*wide[k] = get_le64(extra + at);
			at += 8;
		}
		return 0;
	}
	return 0;
}

#ifdef HAVE_ZLIB
static int inflate_entry(struct zip *z, const struct entry *en, uint64_t at, uint32_t *crc,
			 uint64_t *plain, struct error *e)
{
	uint8_t in[32 * KIB], out[64 * KIB];
	z_stream s = {.next_in = in};
	uint64_t left = en->packed, from = at;
	int r = Z_OK;
	if (inflateInit2(&s, -MAX_WBITS) != Z_OK)
		return error_nomem(e);
	while (r == Z_OK) {
		if (!s.avail_in && left) {
			size_t n = left < sizeof in ? (size_t)left : sizeof in;
			if (witness_read(z->fd, z->size, at, in, n, e) < 0) {
				inflateEnd(&s);
				return -1;
			}
			s.next_in = in;
			s.avail_in = (uInt)n;
			at += n;
			left -= n;
		}
		s.next_out = out;
		s.avail_out = sizeof out;
		r = inflate(&s, Z_NO_FLUSH);
		size_t got = sizeof out - s.avail_out;
		*crc = witness_crc32(*crc, out, got);
		*plain += got;
		if (*plain > en->plain)
			break;
	}
	inflateEnd(&s);
	if (r == Z_MEM_ERROR)
		return error_nomem(e);
	if (r != Z_STREAM_END || *plain != en->plain)
		return corrupt(e, from, "the compressed data of an entry is damaged");
	return 0;
}
#endif

static int copy_entry(struct zip *z, const struct entry *en, uint64_t at, uint32_t *crc,
		      struct error *e)
{
	uint8_t buf[64 * KIB];
	for (uint64_t left = en->packed; left;) {
		size_t n = left < sizeof buf ? (size_t)left : sizeof buf;
		if (witness_read(z->fd, z->size, at, buf, n, e) < 0)
			return -1;
		*crc = witness_crc32(*crc, buf, n);
		at += n;
		left -= n;
	}
	return en->packed == en->plain ? 0 : corrupt(e, at, "sizes of a stored entry differ");
}

static int check_entry(struct zip *z, const struct entry *en, struct error *e)
{
	uint8_t local[30];
	uint64_t at, sum;
	if (add_overflows(en->local, z->base, &at) ||
	    witness_read(z->fd, z->size, at, local, sizeof local, e) < 0)
		return at < en->local ? corrupt(e, 0, "an entry lies outside the file") : -1;
	if (memcmp(local, "PK\3\4", 4))
		return corrupt(e, at, "no entry where the central directory says");
	if (en->flags & 1) {
		z->encrypted = true;
		return 0;
	}
	uint64_t data = at + 30 + get_le16(local + 26) + get_le16(local + 28);
	if (add_overflows(data, en->packed, &sum) || sum > z->size)
		return corrupt(e, at, "an entry lies outside the file");
	uint64_t most = en->packed > en->plain ? en->packed : en->plain;
	if (most > MAX_DECODED || (z->decoded += most) > MAX_DECODED)
		return error_set(e, ERROR_LIMIT, (int64_t)at,
				 "decodes to more than 4 GiB: not checked here");
	uint32_t crc = 0;
	if (en->method == 0) {
		if (copy_entry(z, en, data, &crc, e) < 0)
			return -1;
#ifdef HAVE_ZLIB
	} else if (en->method == 8) {
		uint64_t plain = 0;
		if (inflate_entry(z, en, data, &crc, &plain, e) < 0)
			return -1;
#endif
	} else {
		z->unchecked++;
		return 0;
	}
	if (crc != en->crc)
		return error_set(e, ERROR_CORRUPT, (int64_t)at,
				 "entry: CRC is %08x, stored is %08x", crc, en->crc);
	return 0;
}

static int check_entries(struct zip *z, struct error *e)
{
	autofree uint8_t *dir = malloc(z->length ? (size_t)z->length : 1);
	uint64_t start = z->base + z->directory, count = 0;
	size_t len = (size_t)z->length, at = 0;
	if (!dir)
		return error_nomem(e);
	if (witness_read(z->fd, z->size, start, dir, len, e) < 0)
		return -1;
	/* A digital signature record may follow the entries. */
	while (at + 46 <= len && !memcmp(dir + at, "PK\1\2", 4)) {
		const uint8_t *p = dir + at;
		size_t name = get_le16(p + 28), extra = get_le16(p + 30), note = get_le16(p + 32);
		if (name + extra + note > len - at - 46)
			break;
		struct entry en = {
			.flags = get_le16(p + 8),
			.method = get_le16(p + 10),
			.crc = get_le32(p + 16),
			.packed = get_le32(p + 20),
			.plain = get_le32(p + 24),
			.local = get_le32(p + 42),
		};
		if (widen(&en, p + 46 + name, extra) < 0)
			return corrupt(e, start + at, "a ZIP64 field is cut");
		if (check_entry(z, &en, e) < 0)
			return -1;
		at += 46 + name + extra + note;
		count++;
	}
	if (at < len && (len - at < 6 || memcmp(dir + at, "PK\5\5", 4)))
		return corrupt(e, start + at, "the central directory is damaged");
	if (z->zip64 ? count != z->entries : (count & 0xffff) != z->entries)
		return corrupt(e, start, "the central directory lists another number of entries");
	return 0;
}

static enum outcome check(int fd, uint64_t size, const char *path, struct error *e)
{
	struct zip z = {.fd = fd, .size = size};
	uint8_t head[16] = {0};
	size_t n = size < sizeof head ? (size_t)size : sizeof head;
	if (witness_read(fd, size, 0, head, n, e) < 0)
		return witness_failed(path, e);
	if (!recognise(path, head, n))
		return OUTCOME_SKIPPED;
	if (open_directory(&z, e) < 0 || check_entries(&z, e) < 0)
		return witness_failed(path, e);
	if (z.encrypted || z.unchecked || !z.entries) {
		error_set(e, z.encrypted ? ERROR_ENCRYPTED : ERROR_UNSUPPORTED, ERROR_NO_OFFSET,
			  z.encrypted	? "encrypted"
			  : z.unchecked ? "compressed by a method that is not checked here"
					: "an empty archive proves nothing");
		return OUTCOME_SKIPPED;
	}
	return OUTCOME_HELD;
}

const struct witness witness_zip = {"zip", recognise, check};
