// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Linux kernels for x86 (the kernel's Documentation/arch/x86/boot.rst): from boot protocol 2.08 on a CRC-32 ends what
 * syssize counts, so that the CRC up to there is zero. Who signs a kernel changes its PE header and leaves that CRC as
 * it was; and Linux 6.16 writes none any more.
 */
#include "rows.h"

#define SECTOR 512u
#define SETUP_SECTORS 0x1f1
#define SYSSIZE 0x1f4
#define MAGIC 0x202
#define PROTOCOL 0x206
#define VERSION_AT 0x20e

static bool recognise(const char *path, const uint8_t *head, size_t len)
{
	const char *name = strrchr(path, '/');
	name = name ? name + 1 : path;
	return (!strncmp(name, "vmlinuz", 7) || !strncmp(name, "bzImage", 7)) && len >= SECTOR &&
	       get_le16(head + SECTOR - 2) == 0xaa55;
}

/* Whether this kernel is one that carries the checksum: its version is a text behind the header. */
static bool has_checksum(int fd, uint64_t size, const uint8_t *head)
{
	char text[32] = "";
	struct error e;
	unsigned major, minor;
	uint64_t at = get_le16(head + VERSION_AT) + 0x200u;
	if (get_le16(head + PROTOCOL) < 0x208 || at == 0x200 || at + sizeof text > size ||
	    witness_read(fd, size, at, text, sizeof text - 1, &e) < 0 ||
	    sscanf(text, "%3u.%3u", &major, &minor) != 2)
		return false;
	return major < 6 || (major == 6 && minor < 16);
}

/* A PE header whose checksum or list of certificates says that somebody signed it. */
static bool is_signed(const uint8_t *head, size_t len)
{
	uint32_t pe = get_le32(head + 0x3c);
	if (head[0] != 'M' || head[1] != 'Z' || pe > len || len - pe < 24 + 152 || memcmp(head + pe, "PE\0\0", 4))
		return false;
	const uint8_t *optional = head + pe + 24;
	return get_le32(optional + 64) || get_le32(optional + (get_le16(optional) == 0x20b ? 148 : 132));
}

/* It says nothing of itself. */
static enum outcome silent(struct error *e, const char *why)
{
	error_set(e, ERROR_UNSUPPORTED, ERROR_NO_OFFSET, "%s", why);
	return OUTCOME_SKIPPED;
}

static enum outcome check(int fd, uint64_t size, const char *path, struct error *e)
{
	uint8_t head[4 * SECTOR];
	if (size < sizeof head)
		return silent(e, "too short for a kernel");
	if (witness_read(fd, size, 0, head, sizeof head, e) < 0)
		return witness_failed(path, e);
	if (memcmp(head + MAGIC, "HdrS", 4))
		return silent(e, "no kernel for x86, or a very old one");
	uint64_t setup = head[SETUP_SECTORS] ? head[SETUP_SECTORS] : 4;
	uint64_t end = (setup + 1) * SECTOR + get_le32(head + SYSSIZE) * UINT64_C(16);
	if (end > size) {
		error_set(e, ERROR_CORRUPT, (int64_t)size, "a kernel of %llu bytes, cut at %llu",
			  (unsigned long long)end, (unsigned long long)size);
		return witness_failed(path, e);
	}
	autofree uint8_t *buf = malloc(64 * KIB);
	if (!buf) {
		error_nomem(e);
		return OUTCOME_UNPROVEN;
	}
	uint32_t crc = 0;
	for (uint64_t at = 0; at < end;) {
		size_t n = end - at < 64 * KIB ? (size_t)(end - at) : 64 * KIB;
		if (witness_read(fd, size, at, buf, n, e) < 0)
			return witness_failed(path, e);
		crc = witness_crc32(crc, buf, n);
		at += n;
	}
	if (crc == UINT32_MAX)
		return OUTCOME_HELD;
	if (is_signed(head, sizeof head) || !has_checksum(fd, size, head))
		return silent(e, "a kernel that was signed, or carries no checksum");
	error_set(e, ERROR_CORRUPT, (int64_t)end - 4, "the kernel's CRC-32 does not hold");
	return witness_failed(path, e);
}

const struct witness witness_bzimage = {"kernel", recognise, check};
