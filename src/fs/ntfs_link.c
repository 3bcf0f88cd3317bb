// SPDX-License-Identifier: GPL-3.0-or-later
/* Reparse points: their tag, and the targets of symbolic links and junctions (MS-FSCC 2.1.2). */
#ifdef HAVE_LIBNTFS_3G
#include "backproof/text.h"
#include "ntfs.h"

#include <ntfs-3g/inode.h>

#define MAX_REPARSE (16 * KIB)
#define TAG_JUNCTION 0xa0000003u
#define TAG_SYMLINK 0xa000000cu
#define TAG_LINUX 0xa000001du

/* 1 read, -1. */
static int read_point(struct ntfs *fs, ntfs_inode *ni, uint8_t **data, size_t *len, struct error *e)
{
	int rc = ntfs_lib_whole(fs, ni, ATTR_REPARSE, NULL, 0, MAX_REPARSE + 64, data, len, e);
	if (rc < 0)
		return -1;
	if (!rc || *len < 8 || get_le16(*data + 4) + 8ul > *len) {
		free(*data);
		*data = NULL;
		return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET,
				 "NTFS: MFT record %llu: its reparse point is missing or cut",
				 (unsigned long long)ni->mft_no);
	}
	return 1;
}

int ntfs_reparse_tag(struct ntfs *fs, ntfs_inode *ni, uint32_t *tag, struct error *e)
{
	autofree uint8_t *data = NULL;
	size_t len = 0;
	if (read_point(fs, ni, &data, &len, e) < 0)
		return -1;
	*tag = get_le32(data);
	return 0;
}

/*
 * Windows' paths as ours: "\??\C:\x" on a drive becomes "/x", of this volume as far as anybody can tell. A
 * volume's name ("\??\Volume{...}\") stays as it is.
 */
static char *as_path(const char *s, bool relative)
{
	if (!strncmp(s, "\\??\\", 4) || !strncmp(s, "\\\\?\\", 4))
		s += 4;
	if (!relative && ((*s >= 'A' && *s <= 'Z') || (*s >= 'a' && *s <= 'z')) && s[1] == ':')
		s += 2;
	char *out = strdup(s);
	for (char *c = out; c && *c; c++)
		if (*c == '\\')
			*c = '/';
	size_t n = out ? strlen(out) : 0;
	if (n > 1 && out[n - 1] == '/')
		out[n - 1] = 0;
	return out;
}

static char *target_of(const uint8_t *d, size_t len, struct error *e)
{
	uint32_t tag = get_le32(d);
	size_t body = get_le16(d + 4), head = tag == TAG_SYMLINK ? 12 : 8;
	const uint8_t *p = d + 8;
	(void)len;
	if (tag == TAG_LINUX && body > 4)
		return strndup((const char *)p + 4, body - 4);
	if ((tag != TAG_SYMLINK && tag != TAG_JUNCTION) || body < head) {
		error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "NTFS: no link (reparse tag %08x)", tag);
		return NULL;
	}
	/* The name for people is without prefixes; some have the other one only. */
	size_t at = get_le16(p + 4), units = get_le16(p + 6);
	if (!units) {
		at = get_le16(p);
		units = get_le16(p + 2);
	}
	if (!units || head + at + units > body) {
		error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "NTFS: the target of a link lies outside it");
		return NULL;
	}
	autofree char *text = malloc(units / 2 * 3 + 8);
	if (!text) {
		error_nomem(e);
		return NULL;
	}
	utf16le_text(p + head + at, units / 2, text, units / 2 * 3 + 8);
	char *out = as_path(text, tag == TAG_SYMLINK && get_le32(p + 8) & 1);
	if (!out)
		error_nomem(e);
	return out;
}

char *ntfs_link_target(void *self, uint64_t id, struct error *e)
{
	autodestroy(ntfs_lib_put) ntfs_inode *ni = ntfs_lib_inode(self, id, e);
	autofree uint8_t *data = NULL;
	size_t len = 0;
	if (!ni || read_point(self, ni, &data, &len, e) < 0)
		return NULL;
	return target_of(data, len, e);
}
#endif
