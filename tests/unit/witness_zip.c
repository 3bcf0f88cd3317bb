// SPDX-License-Identifier: GPL-3.0-or-later
/* ZIP archives that are made here field by field, and directories that lie. */
#include <fcntl.h>

#include "witness_help.h"

#define PATH "usr/share/a.zip"

static uint8_t file[512 * 1024];
static uint8_t data[256 * 1024];

struct entry {
	unsigned flags, method;
	uint32_t crc, packed, plain, local;
	const void *extra;
	size_t extra_length;
};

static void n16(uint8_t **p, unsigned v)
{
	put_number(*p, v, 2, false);
	*p += 2;
}
static void n32(uint8_t **p, uint32_t v)
{
	put_number(*p, v, 4, false);
	*p += 4;
}

static uint32_t crc_of(const uint8_t *p, size_t len)
{
	uint32_t c = UINT32_MAX;
	while (len--) {
		c ^= *p++;
		for (int i = 0; i < 8; i++)
			c = c >> 1 ^ (c & 1 ? 0xedb88320 : 0);
	}
	return ~c;
}

static uint8_t *put_local(uint8_t *p, const void *content, size_t len)
{
	memcpy(p, "PK\3\4", 4);
	memset(p + 4, 0, 26);
	put_number(p + 26, 1, 2, false);
	p[30] = 'a';
	memcpy(p + 31, content, len);
	return p + 31 + len;
}

static uint8_t *put_central(uint8_t *p, const struct entry *en)
{
	memcpy(p, "PK\1\2", 4);
	memset(p + 4, 0, 42);
	uint8_t *q = p + 8;
	n16(&q, en->flags);
	n16(&q, en->method);
	q = p + 16;
	n32(&q, en->crc);
	n32(&q, en->packed);
	n32(&q, en->plain);
	n16(&q, 1);
	n16(&q, (unsigned)en->extra_length);
	put_number(p + 42, en->local, 4, false);
	p[46] = 'a';
	if (en->extra_length)
		memcpy(p + 47, en->extra, en->extra_length);
	return p + 47 + en->extra_length;
}

static uint8_t *put_end(uint8_t *p, unsigned count, uint32_t length, uint32_t at)
{
	memcpy(p, "PK\5\6", 4);
	memset(p + 4, 0, 18);
	put_number(p + 8, count, 2, false);
	put_number(p + 10, count, 2, false);
	put_number(p + 12, length, 4, false);
	put_number(p + 16, at, 4, false);
	return p + 22;
}

/* One member and its directory; en->crc and so on are as the caller wants them. The length of it all. */
static size_t make(const void *content, size_t len, const struct entry *en)
{
	uint8_t *central = put_local(file, content, len), *end = put_central(central, en);
	return (size_t)(put_end(end, 1, (uint32_t)(end - central), (uint32_t)(central - file)) - file);
}

/* Deflate without compression: blocks of up to 65,535 bytes. */
static size_t store_blocks(uint8_t *to, const uint8_t *from, size_t len)
{
	uint8_t *p = to;
	do {
		size_t n = len < 65535 ? len : 65535;
		*p++ = n == len;
		n16(&p, (unsigned)n);
		n16(&p, (unsigned)~n & 0xffff);
		memcpy(p, from, n);
		p += n;
		from += n;
		len -= n;
	} while (len);
	return (size_t)(p - to);
}

static void expect(size_t len, enum outcome want, enum error_class cls, const char *words)
{
	enum outcome o = ask(PATH, file, len);
	if (o == want && (o == OUTCOME_HELD || why.cls == cls) && strstr(why.text, words))
		return;
	fprintf(stderr, "%s of class %s: %s; not \"%s\"\n", outcome_name(o), error_class_name(why.cls), why.text, words);
	test_bad_here++;
}

#define BROKEN OUTCOME_BROKEN, ERROR_CORRUPT

static void test_stored(void)
{
	const struct entry good = {0, 0, crc_of(data, 1000), 1000, 1000, 0};
	struct entry en = good;
	expect(make(data, 1000, &en), OUTCOME_HELD, 0, "");
	en.crc ^= 1;
	expect(make(data, 1000, &en), BROKEN, "entry: CRC is");
	en = good;
	en.plain = 999;
	expect(make(data, 1000, &en), BROKEN, "sizes of a stored entry differ");
	en.plain = 1001;
	expect(make(data, 1000, &en), BROKEN, "sizes of a stored entry differ");
	en = good;
	en.packed = 100000;
	expect(make(data, 1000, &en), BROKEN, "an entry lies outside");
	en = good;
	en.local = 1;
	expect(make(data, 1000, &en), BROKEN, "no entry where the central directory says");
	en.local = 1 << 20;
	expect(make(data, 1000, &en), BROKEN, "cut off");
	en = good;
	en.flags = 1;
	expect(make(data, 1000, &en), OUTCOME_SKIPPED, ERROR_ENCRYPTED, "encrypted");
	en.flags = 0;
	en.method = 12;
	expect(make(data, 1000, &en), OUTCOME_SKIPPED, ERROR_UNSUPPORTED, "a method that is not checked");
	/* More than is read at once, and than may stand behind a directory. */
	en = (struct entry){0, 0, crc_of(data, 200000), 200000, 200000, 0};
	expect(make(data, 200000, &en), OUTCOME_HELD, 0, "");
	data[199999] ^= 1;
	expect(make(data, 200000, &en), BROKEN, "entry: CRC is");
	data[199999] ^= 1;
}

static void test_deflated(void)
{
	static uint8_t packed[256 * 1024];
	size_t n = store_blocks(packed, data, 100000);
	const struct entry good = {0, 8, crc_of(data, 100000), (uint32_t)n, 100000, 0};
	struct entry en = good;
	expect(make(packed, n, &en), OUTCOME_HELD, 0, "");
	en.plain = 50000;
	expect(make(packed, n, &en), BROKEN, "the compressed data of an entry is damaged");
	en.plain = 100001;
	expect(make(packed, n, &en), BROKEN, "the compressed data of an entry is damaged");
	/* The data ends before its last block does. */
	en = good;
	en.packed -= 10;
	expect(make(packed, n, &en), BROKEN, "the compressed data of an entry is damaged");
	en.packed = 0;
	expect(make(packed, n, &en), BROKEN, "the compressed data of an entry is damaged");
	en = good;
	packed[3] ^= 1; /* the complement of a length */
	expect(make(packed, n, &en), BROKEN, "the compressed data of an entry is damaged");
	packed[3] ^= 1;
	packed[5000] ^= 1;
	expect(make(packed, n, &en), BROKEN, "entry: CRC is");
}

static size_t wide_field(uint8_t *to, unsigned id, unsigned len, uint64_t a, uint64_t b)
{
	uint8_t *p = to;
	n16(&p, id);
	n16(&p, len);
	put_number(p, a, 8, false);
	put_number(p + 8, b, 8, false);
	return 4 + len;
}

static void test_wide_fields(void)
{
	uint8_t extra[64];
	const uint32_t crc = crc_of(data, 1000);
	struct entry en = {0, 0, crc, 1000, UINT32_MAX, 0, extra, 0};
	/* Behind one of another kind. */
	size_t n = wide_field(extra, 7, 4, 0, 0);
	en.extra_length = n + wide_field(extra + n, 1, 8, 1000, 0);
	expect(make(data, 1000, &en), OUTCOME_HELD, 0, "");
	/* Not there at all, or of a length that goes on behind its end: the numbers are what they look like. */
	en.extra_length = n;
	expect(make(data, 1000, &en), OUTCOME_BROKEN, ERROR_CORRUPT, "sizes of a stored entry differ");
	en.extra_length = wide_field(extra, 1, 8, 1000, 0);
	put_number(extra + 2, 100, 2, false);
	expect(make(data, 1000, &en), OUTCOME_BROKEN, ERROR_CORRUPT, "sizes of a stored entry differ");
	en.extra_length = wide_field(extra, 1, 4, 1000, 0);
	expect(make(data, 1000, &en), BROKEN, "a ZIP64 field is cut");
	/* What no disk holds. */
	en.extra_length = wide_field(extra, 1, 8, 5 * GIB, 0);
	expect(make(data, 1000, &en), OUTCOME_SKIPPED, ERROR_LIMIT, "more than 4 GiB");
	en = (struct entry){0, 0, crc, UINT32_MAX, 1000, 0, extra, wide_field(extra, 1, 8, UINT64_MAX - 10, 0)};
	expect(make(data, 1000, &en), BROKEN, "an entry lies outside");
	en = (struct entry){0, 0, crc, 1000, 1000, UINT32_MAX, extra, wide_field(extra, 1, 8, UINT64_MAX, 0)};
	expect(make(data, 1000, &en), BROKEN, "cut off");
	/* With bytes before the archive, a place that comes round to the beginning. */
	size_t len = make(data, 1000, &en);
	memmove(file + 100, file, len);
	memcpy(file, "#!/bin/sh\n", 10);
	CHECK_INT(ask("usr/share/a.jar", file, len + 100), OUTCOME_BROKEN);
	CHECK(strstr(why.text, "an entry lies outside"));
}

static void test_directory(void)
{
	const struct entry good = {0, 0, crc_of(data, 1000), 1000, 1000, 0};
	size_t len = make(data, 1000, &good), end = len - 22, central = 1031;
	uint8_t keep[22];
	memcpy(keep, file + end, 22);
	/* A comment that is not there; two parts; numbers that can't be. */
	put_number(file + end + 20, 200, 2, false);
	expect(len, BROKEN, "no end of central directory");
	memcpy(file + end, keep, 22);
	put_number(file + end + 4, 1, 2, false);
	expect(len, OUTCOME_SKIPPED, ERROR_UNSUPPORTED, "one part of several");
	memcpy(file + end, keep, 22);
	put_number(file + end + 10, 2, 2, false);
	expect(len, BROKEN, "another number of entries");
	put_number(file + end + 10, 0xffff, 2, false);
	expect(len, BROKEN, "another number of entries");
	memcpy(file + end, keep, 22);
	put_number(file + end + 12, UINT32_MAX, 4, false);
	expect(len, BROKEN, "beyond its end record");
	memcpy(file + end, keep, 22);
	put_number(file + end + 16, UINT32_MAX, 4, false);
	expect(len, BROKEN, "beyond its end record");
	memcpy(file + end, keep, 22);
	/* Lengths in the directory that leave it. */
	for (unsigned at = 28; at <= 32; at += 2) {
		put_number(file + central + at, 500, 2, false);
		expect(len, BROKEN, "the central directory is damaged");
		put_number(file + central + at, at == 28, 2, false);
	}
	file[central] ^= 1;
	expect(len, BROKEN, "the central directory is damaged");
	file[central] ^= 1;
	/* A signature of the directory is no entry; a few bytes more are not a signature. */
	memcpy(file + end, "PK\5\5\0\0", 6);
	size_t more = (size_t)(put_end(file + end + 6, 1, (uint32_t)(end + 6 - central), (uint32_t)central) - file);
	expect(more, OUTCOME_HELD, 0, "");
	file[end + 3] = 6;
	expect(more, BROKEN, "the central directory is damaged");
	more = (size_t)(put_end(file + end + 5, 1, (uint32_t)(end + 5 - central), (uint32_t)central) - file);
	expect(more, BROKEN, "the central directory is damaged");
	/* A comment behind the end, which looks like another end. */
	memcpy(file + end, keep, 22);
	put_number(file + end + 20, 22, 2, false);
	memcpy(file + len, "PK\5\6", 4);
	memset(file + len + 4, 0xff, 18);
	expect(len + 22, OUTCOME_HELD, 0, "");
	/* Nothing in it. */
	put_end(file, 0, 0, 0);
	expect(22, OUTCOME_SKIPPED, ERROR_UNSUPPORTED, "an empty archive");
	put_end(file, 0xffff, 0, 0);
	expect(22, BROKEN, "another number of entries");
	expect(10, BROKEN, "no end of central directory");
	/* A directory larger than any: it is not even read. */
	uint64_t size = 66 * MIB;
	memset(file, 0, 100);
	memcpy(file, "PK\3\4", 4);
	int fd = memfd_create("zip", MFD_CLOEXEC);
	uint8_t last[22];
	put_end(last, 1, 65 * MIB, 4);
	NEED(fd >= 0 && !ftruncate(fd, (off_t)size) && pwrite(fd, last, 22, (off_t)size - 22) == 22);
	NEED(pwrite(fd, file, 4, 0) == 4);
	CHECK_INT(row_of("zip")->check(fd, size, PATH, &why), OUTCOME_SKIPPED);
	CHECK_INT(why.cls, ERROR_LIMIT);
	close(fd);
}

static void test_zip64(void)
{
	const struct entry good = {0, 0, crc_of(data, 1000), 1000, 1000, 0};
	uint8_t *central = put_local(file, data, 1000), *record = put_central(central, &good), *locator = record + 56;
	memcpy(record, "PK\6\6", 4);
	memset(record + 4, 0, 52);
	put_number(record + 32, 1, 8, false);
	put_number(record + 40, (uint64_t)(record - central), 8, false);
	put_number(record + 48, (uint64_t)(central - file), 8, false);
	memcpy(locator, "PK\6\7", 4);
	memset(locator + 4, 0, 16);
	put_number(locator + 8, (uint64_t)(record - file), 8, false);
	size_t len = (size_t)(put_end(locator + 20, 0xffff, UINT32_MAX, UINT32_MAX) - file);
	expect(len, OUTCOME_HELD, 0, "");
	/* The locator may be wrong by what was put before the archive; the record is before it then. */
	put_number(locator + 8, 5, 8, false);
	expect(len, OUTCOME_HELD, 0, "");
	put_number(locator + 8, UINT64_MAX, 8, false);
	expect(len, OUTCOME_HELD, 0, "");
	record[3] = 0;
	expect(len, BROKEN, "no ZIP64 end record");
	record[3] = 6;
	put_number(record + 32, 2, 8, false);
	expect(len, BROKEN, "another number of entries");
	put_number(record + 32, 1, 8, false);
	put_number(record + 40, UINT64_MAX, 8, false);
	expect(len, BROKEN, "beyond its end record");
	put_number(record + 40, 5000, 8, false);
	expect(len, BROKEN, "beyond its end record");
	/* A locator, and no room for a record before it. */
	memmove(file, locator, 42);
	CHECK_INT(ask_row(row_of("zip"), PATH, file, 42, 42), OUTCOME_SKIPPED);
	memmove(file + 4, file, 42);
	memcpy(file, "PK\3\4", 4);
	expect(46, BROKEN, "cut off");
}

/* Not of this kind after all; and a file that goes away under it. */
static void test_others(void)
{
	CHECK_INT(ask_row(row_of("zip"), PATH, "plain text, no archive", 22, 22), OUTCOME_SKIPPED);
	CHECK_INT(ask_row(row_of("zip"), PATH, "PK", 2, 2), OUTCOME_SKIPPED);
	int fd = memfd_create("zip", MFD_CLOEXEC);
	NEED(fd >= 0 && write(fd, "PK\3\4 and no more", 16) == 16);
	CHECK_INT(row_of("zip")->check(fd, 4096, PATH, &why), OUTCOME_UNPROVEN);
	CHECK_INT(why.cls, ERROR_IO);
	CHECK(strstr(why.text, "became shorter"));
	close(fd);
	fd = open("/dev/null", O_WRONLY);
	NEED(fd >= 0);
	CHECK_INT(row_of("zip")->check(fd, 4096, PATH, &why), OUTCOME_UNPROVEN);
	CHECK_INT(why.cls, ERROR_IO);
	close(fd);
}

int main(void)
{
	for (size_t i = 0; i < sizeof data; i++)
		data[i] = (uint8_t)(i * 2654435761u >> 13);
	RUN(test_stored);
	RUN(test_deflated);
	RUN(test_wide_fields);
	RUN(test_directory);
	RUN(test_zip64);
	RUN(test_others);
	return test_done();
}
