// SPDX-License-Identifier: GPL-3.0-or-later
#include "pe.h"

#include <fnmatch.h>
#include <strings.h>

#include "rows.h"

int pe_headers(const uint8_t *p, size_t n, uint64_t size, struct pe *pe, struct error *e)
{
	uint8_t b[256] = {0};
	memset(pe, 0, sizeof *pe);
	if (n < 64 || p[0] != 'M' || p[1] != 'Z')
		return 0;
	uint64_t at = get_le32(p + 60);
	if (at < 4 || at + 24 > n || memcmp(p + at, "PE\0\0", 4))
		return 0; /* a DOS program has anything there */
	pe->section_count = get_le16(p + at + 6);
	size_t length = get_le16(p + at + 20), optional = (size_t)at + 24;
	pe->sections = optional + length;
	if (optional + length > n)
		return error_set(e, ERROR_CORRUPT, (int64_t)size, "cut off: ends at byte %llu, in its headers",
				 (unsigned long long)size);
	memcpy(b, p + optional, length < sizeof b ? length : sizeof b);
	bool plus = get_le16(b) == 0x20b;
	if (!plus && get_le16(b) != 0x10b)
		return error_set(e, ERROR_CORRUPT, (int64_t)optional, "no optional header");
	pe->file_alignment = get_le32(b + 36);
	pe->checksum_at = optional + 64;
	pe->checksum = get_le32(b + 64);
	size_t dirs = plus ? 112 : 96;
	if (length >= dirs + 5 * 8 && get_le32(b + dirs - 4) > 4) {
		pe->cert_field = optional + dirs + 4 * 8;
		pe->cert_at = get_le32(b + dirs + 4 * 8);
		pe->cert_length = get_le32(b + dirs + 4 * 8 + 4);
	}
	if (pe->cert_at < pe->cert_field + 8)
		pe->cert_at = pe->cert_length = 0; /* none, or nonsense */
	return 1;
}

static int check_bounds(const uint8_t *p, size_t n, uint64_t size, const struct pe *pe, struct error *e)
{
	/* Some linkers don't pad the last section; the loader doesn't mind. */
	uint64_t slack = pe->file_alignment >= 512 && pe->file_alignment <= 64 * KIB ? pe->file_alignment : 512;
	for (unsigned i = 0; i < pe->section_count; i++) {
		uint64_t header = pe->sections + 40 * (uint64_t)i;
		if (header + 40 > size)
			return error_set(e, ERROR_CORRUPT, (int64_t)size, "cut off: ends at byte %llu, in its headers",
					 (unsigned long long)size);
		if (header + 40 > n)
			break;
		const uint8_t *b = p + header;
		uint64_t length = get_le32(b + 16), at = get_le32(b + 20);
		if (at && length && !(get_le32(b + 36) & 0x80) && at + length > size + slack - 1)
			return error_set(e, ERROR_CORRUPT, (int64_t)size,
					 "section %.8s ends at byte %llu, the file at %llu", b,
					 (unsigned long long)(at + length), (unsigned long long)size);
	}
	if (pe->cert_length && pe->cert_at + pe->cert_length > size + 7)
		return error_set(e, ERROR_CORRUPT, (int64_t)size,
				 "the signature ends at byte %llu, the file at %llu",
				 (unsigned long long)(pe->cert_at + pe->cert_length), (unsigned long long)size);
	return 0;
}

/* Drivers, boot programs and what each process begins with: Windows refuses them when the sum is wrong. */
bool pe_sum_is_kept(const char *path)
{
	static const char *const patterns[] = {
		"*.sys",	 "*/Boot/*.efi",    "*/System32/*.efi", "*/ntoskrnl.exe", "*/ntkrnl*.exe",
		"*/hal*.dll",	 "*/winload.exe",   "*/winresume.exe",	"*/ntdll.dll",	  "*/kernel32.dll",
		"*/kd*.dll",	 "*/kernelbase.dll", "*/bootvid.dll",	"*/ci.dll",	  "*/smss.exe",
		"*/pshed.dll",	 "*/mcupdate*.dll",
	};
	/* Those who sign boot loaders renew it; who glues a kernel to its stub leaves the old one behind. */
	static const char *const loaders[] = {".efi", NULL};
	const char *efi = strcasestr(path, "EFI/");
	if (efi && (efi == path || efi[-1] == '/') && witness_suffix(path, loaders))
		return !strcasestr(path, "EFI/Linux/") && !strcasestr(path, "linux");
	bool windows = !strncasecmp(path, "Win", 3);
	for (size_t i = 0; i < ARRAY_SIZE(patterns); i++)
		if ((windows || !i) && fnmatch(patterns[i], path, FNM_CASEFOLD) == 0)
			return true;
	return false;
}

/* The sum of all 16-bit words without the field itself, folded, plus the length. n is even but at the end. */
static uint64_t add_words(uint64_t sum, const uint8_t *p, size_t n)
{
	size_t i = 0;
	for (; i + 4 <= n; i += 4)
		sum += get_le32(p + i); /* 0x10000 is 1 where carries go round */
	for (; i < n; i++)
		sum += (uint64_t)p[i] << 8 * (i % 2);
	return sum;
}

static uint32_t fold(uint64_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint32_t)sum;
}

/* Fills buf but at the end. */
static ssize_t read_full(const struct pe_reader *r, uint8_t *buf, struct error *e)
{
	size_t n = 0;
	while (n < PE_BUFFER) {
		ssize_t got = r->read(r->ctx, buf + n, PE_BUFFER - n, e);
		if (got < 0)
			return -1;
		if (!got)
			break;
		n += (size_t)got;
	}
	return (ssize_t)n;
}

static int cut_off(uint64_t at, uint64_t size, struct error *e)
{
	return at == size ? 0
			  : error_set(e, ERROR_IO, (int64_t)at, "%llu bytes were read of %llu",
				      (unsigned long long)at, (unsigned long long)size);
}

/* From the second piece on; the first is in buf. */
static int sum_rest(const struct pe_reader *r, uint64_t size, uint8_t *buf, size_t n, const struct pe *pe,
		    uint32_t *out, struct error *e)
{
	uint64_t sum = 0, at = 0;
	memset(buf + pe->checksum_at, 0, 4);
	for (ssize_t got = (ssize_t)n; got; got = read_full(r, buf, e)) {
		if (got < 0)
			return -1;
		sum = fold(add_words(sum, buf, (size_t)got));
		at += (uint64_t)got;
	}
	*out = fold(sum) + (uint32_t)size;
	return cut_off(at, size, e);
}

/* Once more through the file. */
static int look_deeper(const struct pe_reader *r, uint64_t size, struct pe_deep *d, uint8_t *buf, struct error *e)
{
	uint64_t at = 0;
	ssize_t got;
	if (r->start(r->ctx, e) < 0)
		return -1;
	while ((got = read_full(r, buf, e)) > 0) {
		if (pe_deep_add(d, buf, (size_t)got, e) < 0)
			return -1;
		at += (uint64_t)got;
	}
	return got < 0 ? -1 : cut_off(at, size, e);
}

/*
 * The sum is wrong. Where nobody insists on it tools edit a program's resources and leave the old one behind, so that
 * more is needed to call it damaged: Microsoft's own programs are built with it, and signatures have a digest of
 * their own. Most of Windows is signed in catalogs, not in the files.
 */
static enum pe_verdict judge(const struct pe_reader *r, uint64_t size, const struct pe *pe, const char *path,
			     uint8_t *buf, struct error *e)
{
	struct error why = {0};
	if (pe_sum_is_kept(path))
		return PE_BROKEN;
	if (strncasecmp(path, "Win", 3))
		return PE_UNCLEAR;
	autodestroy(pe_deep_free_auto) struct pe_deep *d = pe_deep_new(pe, &why);
	if (!d || look_deeper(r, size, d, buf, &why) < 0) {
		*e = why;
		return PE_UNREAD;
	}
	enum pe_signed s = pe_deep_signed(d);
	if (s == PE_SIGNED_SO)
		return PE_STALE;
	return s == PE_SIGNED_OTHERWISE || pe_deep_microsoft(d) ? PE_BROKEN : PE_UNCLEAR;
}

/* No PE file: it lost its header, or it is a thing of DOS, such as 32-bit Windows still has. */
static enum pe_verdict judge_other(const char *path, const uint8_t *head, size_t n, struct error *e)
{
	static const char *const drivers[] = {".sys", NULL};
	bool windows = !strncasecmp(path, "Win", 3), dos = witness_suffix(path, drivers);
	if (pe_sum_is_kept(path) && (dos ? windows && strcasestr(path, "/drivers/") : true)) {
		error_set(e, ERROR_CORRUPT, 0, "it has no header of a program");
		return PE_BROKEN;
	}
	error_set(e, ERROR_UNSUPPORTED, ERROR_NO_OFFSET, "no PE file");
	return windows && witness_lost_head(head, n < 512 ? n : 512) ? PE_UNCLEAR : PE_NONE;
}

enum pe_verdict pe_check(const struct pe_reader *r, uint64_t size, const char *path, uint8_t *buf, struct error *e)
{
	struct pe pe;
	uint32_t sum;
	ssize_t n = r->start(r->ctx, e) < 0 ? -1 : read_full(r, buf, e);
	if (n < 0)
		return PE_UNREAD;
	int rc = pe_headers(buf, (size_t)n, size, &pe, e);
	if (rc == 0)
		return judge_other(path, buf, (size_t)n, e);
	if (rc < 0 || check_bounds(buf, (size_t)n, size, &pe, e) < 0)
		return PE_BROKEN;
	if (!pe.checksum || pe.checksum_at + 4 > (uint64_t)n) {
		error_set(e, ERROR_UNSUPPORTED, ERROR_NO_OFFSET, "carries no checksum");
		return PE_UNSUMMED;
	}
	if (sum_rest(r, size, buf, (size_t)n, &pe, &sum, e) < 0)
		return PE_UNREAD;
	if (sum == pe.checksum)
		return PE_HELD;
	error_set(e, ERROR_CORRUPT, (int64_t)pe.checksum_at, "PE checksum is %08x, stored is %08x", sum, pe.checksum);
	return judge(r, size, &pe, path, buf, e);
}
