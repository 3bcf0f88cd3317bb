// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The names of what an image can't be read without: qcow2 (docs/interop/qcow2.txt of QEMU), VMDK (VMware's Virtual Disk
 * Format 5.0), VHD and VHDX ([MS-VHDX]). Nothing is proved here: whoever opens the image takes the names from it once
 * more. What is damaged has no names, and its reader says so.
 */
#include <fcntl.h>
#include <strings.h>

#include "backproof/image.h"
#include "backproof/text.h"
#include "peek_rows.h"

#define NAME_MAX_BYTES 1023 /* of a name in a qcow2, as the format has it */
#define DESCRIPTOR_MOST (64 * KIB)
#define SECTOR UINT64_C(512)
#define LOCATOR_MOST (64 * KIB)

/* 1: read, 0: the file ends before that. */
static int read_all(int fd, void *to, size_t n, uint64_t at, struct error *e)
{
	ssize_t got = at <= INT64_MAX ? read_whole_at(fd, to, n, (off_t)at) : 0;
	return got < 0 ? error_sys(e, "the head of an image") : got == (ssize_t)n;
}

static int add(struct strings *out, const char *name, struct error *e)
{
	const char *base = companion_base(name);
	if (!peek_plain(base) || out->count == PEEK_BACKING_MOST || strings_has(out, base))
		return 0;
	return strings_add(out, base) < 0 ? error_nomem(e) : 0;
}

/* As QEMU writes names; 0 too where there is none. */
static int add_qemu(int fd, uint64_t at, uint32_t length, struct strings *out, struct error *e)
{
	char name[NAME_MAX_BYTES + 1] = "", plain[sizeof name];
	if (!at || !length || length > NAME_MAX_BYTES)
		return 0;
	int rc = read_all(fd, name, length, at, e);
	if (rc <= 0 || strlen(name) != length)
		return rc < 0 ? -1 : 0;
	return add(out, companion_qemu(name, plain), e);
}

static int of_qcow2(int fd, const uint8_t *head, struct strings *out, struct error *e)
{
	uint8_t x[8];
	uint64_t at = get_be32(head + 4) > 2 ? get_be32(head + 100) : UINT64_MAX;
	/* The extensions; one names a file that holds the data. */
	for (int i = 0; i < 64 && at < DESCRIPTOR_MOST; i++) {
		int rc = read_all(fd, x, sizeof x, at, e);
		if (rc < 0)
			return -1;
		uint32_t type = get_be32(x), length = get_be32(x + 4);
		if (!rc || !type)
			break;
		if (type == 0x44415441 && add_qemu(fd, at + 8, length, out, e) < 0)
			return -1;
		at += 8 + ((uint64_t)length + 7) / 8 * 8;
	}
	return add_qemu(fd, get_be64(head + 8), get_be32(head + 16), out, e);
}

/* What is between quotes in a line, which is cut up. NULL: nothing. */
static char *quoted(char *line)
{
	char *from = strchr(line, '"'), *to = from ? strchr(from + 1, '"') : NULL;
	if (!to)
		return NULL;
	*to = '\0';
	return from + 1;
}

/* Extents and parent of a descriptor. One that lies in a disk is of that disk, whatever it was called then. */
static int of_vmdk(int fd, uint64_t at, uint64_t length, bool inside, struct strings *out, struct error *e)
{
	static const char *const before[] = {"parentFileNameHint", "changeTrackPath", "RW ", "RDONLY ", "NOACCESS "};
	autofree char *text = calloc(1, DESCRIPTOR_MOST + 1);
	if (!text)
		return error_nomem(e);
	size_t most = length < DESCRIPTOR_MOST ? (size_t)length : DESCRIPTOR_MOST;
	ssize_t got = at > INT64_MAX ? 0 : read_whole_at(fd, text, most, (off_t)at);
	if (got < 0)
		return error_sys(e, "the descriptor of an image");
	char *rest, *name;
	for (char *line = strtok_r(text, "\r\n", &rest); line; line = strtok_r(NULL, "\r\n", &rest)) {
		line += strspn(line, " \t");
		for (size_t i = 0; i < (inside ? 1 : ARRAY_SIZE(before)); i++)
			if (!strncasecmp(line, before[i], strlen(before[i])) && (name = quoted(line)) &&
			    add(out, name, e) < 0)
				return -1;
	}
	return 0;
}

/* The parent's name in the header of a differencing VHD: 256 units, big-endian. */
static int of_vhd(int fd, const uint8_t *head, struct strings *out, struct error *e)
{
	uint8_t name[512];
	char text[sizeof name * 3 / 2 + 3];
	int rc = get_be32(head + 60) == 4 && get_be64(head + 16) < INT64_MAX / 2
			 ? read_all(fd, name, sizeof name, get_be64(head + 16) + 64, e) : 0;
	if (rc <= 0)
		return rc;
	for (size_t i = 0; i < sizeof name; i += 2) {
		uint8_t high = name[i];
		name[i] = name[i + 1];
		name[i + 1] = high;
	}
	utf16le_text(name, sizeof name / 2, text, sizeof text);
	return add(out, text, e);
}

/* The entry of a table of 32 bytes each that begins with guid; *at, *length: what it points at. 1: there is one. */
static int vhdx_entry(int fd, uint64_t table, uint32_t count, const uint8_t guid[16], size_t field, uint64_t *at,
		      uint32_t *length, struct error *e)
{
	uint8_t x[32];
	for (uint32_t i = 0; i < count && i < 2048; i++) {
		int rc = read_all(fd, x, sizeof x, table + 32 * i, e);
		if (rc <= 0)
			return rc;
		if (memcmp(x, guid, 16))
			continue;
		*at = field == 8 ? get_le64(x + 16) : get_le32(x + 16);
		*length = get_le32(x + 16 + field);
		return *at < INT64_MAX / 2;
	}
	return 0;
}

/* The regions, the metadata, the parent locator: keys and values in UTF-16. */
static int of_vhdx(int fd, struct strings *out, struct error *e)
{
	static const uint8_t metadata[] = {0x06, 0xa2, 0x7c, 0x8b, 0x90, 0x47, 0x9a, 0x4b,
					   0xb8, 0xfe, 0x57, 0x5f, 0x05, 0x0f, 0x88, 0x6e},
			     locator[] = {0x2d, 0x5f, 0xd3, 0xa8, 0x0b, 0xb3, 0x4d, 0x45,
					  0xab, 0xf7, 0xd3, 0xd8, 0x48, 0x34, 0xab, 0x0c};
	uint8_t x[32];
	uint64_t at, item;
	uint32_t length;
	int rc = read_all(fd, x, 16, 192 * KIB, e);
	rc = rc <= 0 ? rc : vhdx_entry(fd, 192 * KIB + 16, get_le32(x + 8), metadata, 8, &at, &length, e);
	rc = rc <= 0 ? rc : read_all(fd, x, 32, at, e);
	rc = rc <= 0 ? rc : vhdx_entry(fd, at + 32, get_le16(x + 10), locator, 4, &item, &length, e);
	if (rc <= 0 || length < 20 || length > LOCATOR_MOST)
		return rc < 0 ? -1 : 0;
	autofree uint8_t *raw = malloc(length);
	autofree char *text = malloc(LOCATOR_MOST * 3 / 2 + 5);
	if (!raw || !text)
		return error_nomem(e);
	rc = read_all(fd, raw, length, at + item, e);
	for (uint32_t i = 0; rc > 0 && i < get_le16(raw + 18) && 20 + 12 * (uint64_t)i + 12 <= length; i++) {
		const uint8_t *p = raw + 20 + 12 * i;
		uint64_t key = get_le32(p), value = get_le32(p + 4), key_len = get_le16(p + 8), len = get_le16(p + 10);
		if (key + key_len > length || value + len > length)
			continue;
		utf16le_text(raw + key, key_len / 2, text, LOCATOR_MOST * 3 / 2 + 5);
		size_t n = strlen(text);
		if (n < 5 || strcmp(text + n - 5, "_path"))
			continue;
		utf16le_text(raw + value, len / 2, text, LOCATOR_MOST * 3 / 2 + 5);
		rc = add(out, text, e) < 0 ? -1 : rc;
	}
	return rc < 0 ? -1 : 0;
}

int peek_backing(int fd, struct strings *out, struct error *e)
{
	uint8_t head[SECTOR] = {0};
	ssize_t got = read_whole_at(fd, head, sizeof head, 0);
	if (got < 0)
		return error_sys(e, "the head of an image");
	if (got >= 24 && !memcmp(head, "QFI\xfb", 4))
		return of_qcow2(fd, head, out, e);
	if (!memcmp(head, "# Disk DescriptorFile", 21))
		return of_vmdk(fd, 0, DESCRIPTOR_MOST, false, out, e);
	uint64_t at, length;
	if (!memcmp(head, "KDMV", 4))
		return mul_overflows(get_le64(head + 28), SECTOR, &at) ||
				       mul_overflows(get_le64(head + 36), SECTOR, &length)
			       ? 0 : of_vmdk(fd, at, length, true, out, e);
	if (!memcmp(head, "conectix", 8))
		return of_vhd(fd, head, out, e);
	return memcmp(head, "vhdxfile", 8) ? 0 : of_vhdx(fd, out, e);
}
