// SPDX-License-Identifier: GPL-3.0-or-later
/* PE/COFF: the optional checksum of the whole file, and the bounds of sections and certificates. */
#include <strings.h>

#include "rows.h"

static const char *const suffixes[] = {".exe", ".dll", ".sys", ".efi", ".ocx", ".scr",
				       ".cpl", ".drv", ".mui", NULL};

static bool recognise(const char *path, const uint8_t *head, size_t len)
{
	return len >= 2 && head[0] == 'M' && head[1] == 'Z' && witness_suffix(path, suffixes);
}

struct pe {
	uint64_t optional, sections, checksum_at;
	uint32_t checksum, file_alignment;
	unsigned section_count;
	uint64_t cert_at, cert_length;
};

/* 1: a PE file, 0: an older kind, -1. */
static int read_headers(int fd, uint64_t size, struct pe *pe, struct error *e)
{
	uint8_t b[256] = {0};
	if (size < 64 || witness_read(fd, size, 0, b, 64, e) < 0)
		return size < 64 ? 0 : -1;
	uint64_t at = get_le32(b + 60);
	if (at < 4 || at + 24 > size)
		return 0; /* a DOS program has anything there */
	if (witness_read(fd, size, at, b, 24, e) < 0)
		return -1;
	if (memcmp(b, "PE\0\0", 4))
		return 0;
	pe->section_count = get_le16(b + 6);
	unsigned length = get_le16(b + 20);
	pe->optional = at + 24;
	pe->sections = pe->optional + length;
	size_t n = length < sizeof b ? length : sizeof b;
	memset(b, 0, sizeof b);
	if (witness_read(fd, size, pe->optional, b, n, e) < 0)
		return -1;
	bool plus = get_le16(b) == 0x20b;
	if (!plus && get_le16(b) != 0x10b)
		return error_set(e, ERROR_CORRUPT, (int64_t)pe->optional, "no optional header");
	pe->file_alignment = get_le32(b + 36);
	pe->checksum_at = pe->optional + 64;
	pe->checksum = get_le32(b + 64);
	size_t dirs = plus ? 112 : 96;
	if (n >= dirs + 5 * 8 && get_le32(b + dirs - 4) > 4) {
		pe->cert_at = get_le32(b + dirs + 4 * 8);
		pe->cert_length = get_le32(b + dirs + 4 * 8 + 4);
	}
	return 1;
}

static int check_bounds(int fd, uint64_t size, const struct pe *pe, struct error *e)
{
	/* Some linkers don't pad the last section; the loader doesn't mind. */
	uint64_t slack = pe->file_alignment >= 512 && pe->file_alignment <= 64 * KIB
				 ? pe->file_alignment
				 : 512;
	for (unsigned i = 0; i < pe->section_count; i++) {
		uint8_t b[40];
		if (witness_read(fd, size, pe->sections + 40 * (uint64_t)i, b, sizeof b, e) < 0)
			return -1;
		uint64_t length = get_le32(b + 16), at = get_le32(b + 20);
		if (at && length && !(get_le32(b + 36) & 0x80) && at + length > size + slack - 1)
			return error_set(e, ERROR_CORRUPT, (int64_t)size,
					 "section %.8s ends at byte %llu, the file at %llu", b,
					 (unsigned long long)(at + length), (unsigned long long)size);
	}
	if (pe->cert_length && pe->cert_at + pe->cert_length > size + 7)
		return error_set(e, ERROR_CORRUPT, (int64_t)size,
				 "the signature ends at byte %llu, the file at %llu",
				 (unsigned long long)(pe->cert_at + pe->cert_length),
				 (unsigned long long)size);
	return 0;
}

/* The sum of all 16-bit words without the field itself, folded, plus the length. */
static int sum_file(int fd, uint64_t size, uint64_t field, uint32_t *out, struct error *e)
{
	uint8_t buf[64 * KIB];
	uint64_t sum = 0;
	for (uint64_t at = 0; at < size;) {
		size_t n = size - at < sizeof buf ? (size_t)(size - at) : sizeof buf;
		if (witness_read(fd, size, at, buf, n, e) < 0)
			return -1;
		for (uint64_t i = field; i < field + 4; i++)
			if (i >= at && i < at + n)
				buf[i - at] = 0;
		if (n % 2)
			buf[n] = 0;
		for (size_t i = 0; i < n; i += 2)
			sum += get_le16(buf + i);
		at += n;
	}
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	*out = (uint32_t)(sum + size);
	return 0;
}

/*
 * Windows insists on the checksum of drivers and of its own libraries, and those who sign boot loaders
 * renew it. Elsewhere tools edit a program's resources, or glue a kernel to its stub (EFI/Linux), and leave
 * the old sum behind, so that a wrong one proves nothing.
 */
static bool sum_is_kept(const char *path)
{
	static const char *const drivers[] = {".sys", NULL}, *const loaders[] = {".efi", NULL};
	if (!strncasecmp(path, "Windows/", 8) || witness_suffix(path, drivers))
		return true;
	const char *efi = strcasestr(path, "EFI/");
	return efi && (efi == path || efi[-1] == '/') && witness_suffix(path, loaders) &&
	       !strcasestr(path, "EFI/Linux/") && !strcasestr(path, "linux");
}

static enum outcome check(int fd, uint64_t size, const char *path, struct error *e)
{
	struct pe pe = {.section_count = 0};
	uint32_t sum;
	int r = read_headers(fd, size, &pe, e);
	if (r == 0) {
		error_set(e, ERROR_UNSUPPORTED, ERROR_NO_OFFSET, "no PE file");
		return OUTCOME_SKIPPED;
	}
	if (r < 0 || check_bounds(fd, size, &pe, e) < 0)
		return witness_failed(path, e);
	if (!pe.checksum) {
		error_set(e, ERROR_UNSUPPORTED, ERROR_NO_OFFSET, "carries no checksum");
		return OUTCOME_SKIPPED;
	}
	if (sum_file(fd, size, pe.checksum_at, &sum, e) < 0)
		return witness_failed(path, e);
	if (sum == pe.checksum)
		return OUTCOME_HELD;
	error_set(e, ERROR_CORRUPT, (int64_t)pe.checksum_at, "PE checksum is %08x, stored is %08x",
		  sum, pe.checksum);
	return sum_is_kept(path) ? witness_failed(path, e) : OUTCOME_SKIPPED;
}

const struct witness witness_pe = {"pe", recognise, check};
