// SPDX-License-Identifier: GPL-3.0-or-later
#include <errno.h>
#include <pthread.h>
#include <strings.h>

#ifdef HAVE_ZLIB
#include <zlib.h>
#endif

#include "backproof/text.h"
#include "rows.h"

enum outcome witness_failed(const char *path, const struct error *e)
{
	switch (e->cls) {
	case ERROR_CORRUPT:
		return witness_is_volatile(path) ? OUTCOME_SKIPPED : OUTCOME_BROKEN;
	case ERROR_UNSUPPORTED:
	case ERROR_AMBIGUOUS:
	case ERROR_ENCRYPTED:
	case ERROR_LIMIT:
		return OUTCOME_SKIPPED;
	default:
		return OUTCOME_UNPROVEN;
	}
}

bool witness_suffix(const char *path, const char *const *suffixes)
{
	return text_ends_in(path_base(path), suffixes);
}

bool witness_lost_head(const uint8_t *head, size_t len)
{
	return len >= 16 && is_zero(head, len);
}

int witness_read(int fd, uint64_t size, uint64_t off, void *buf, size_t len, struct error *e)
{
	uint64_t end;
	if (add_overflows(off, (uint64_t)len, &end) || end > size)
		return error_set(e, ERROR_CORRUPT, (int64_t)(size < INT64_MAX ? size : 0),
				 "cut off: ends at byte %llu, where more belongs",
				 (unsigned long long)size);
	for (size_t got = 0; got < len;) {
		ssize_t n = pread(fd, (uint8_t *)buf + got, len - got, (off_t)(off + got));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_sys(e, "can't read the restored file");
		if (n == 0)
			return error_set(e, ERROR_IO, (int64_t)(off + got),
					 "the restored file became shorter");
		got += (size_t)n;
	}
	return 0;
}

#ifdef HAVE_ZLIB
uint32_t witness_crc32(uint32_t crc, const void *p, size_t len)
{
	return (uint32_t)crc32_z(crc, p, len);
}
#else
static uint32_t table[256];

static void make_table(void)
{
	for (uint32_t i = 0; i < 256; i++) {
		uint32_t c = i;
		for (int k = 0; k < 8; k++)
			c = c & 1 ? UINT32_C(0xedb88320) ^ c >> 1 : c >> 1;
		table[i] = c;
	}
}

uint32_t witness_crc32(uint32_t crc, const void *p, size_t len)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, make_table);
	const uint8_t *b = p;
	crc = ~crc;
	while (len--)
		crc = table[(crc ^ *b++) & 0xff] ^ crc >> 8;
	return ~crc;
}
#endif
