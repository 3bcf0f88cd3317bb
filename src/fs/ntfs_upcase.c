// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * NTFS's $UpCase, by which names are compared. Since Windows 8 its stream $Info has a CRC-64 of the table: 32 (its own
 * length) in 4 bytes, 4 of filling, and the sum.
 */
#ifdef HAVE_LIBNTFS_3G
#include "ntfs_verify.h"

#define UPCASE 10u
#define TABLE (128 * KIB)
#define INFO 32

static uint64_t crc64(const uint8_t *p, size_t len)
{
	uint64_t table[256], c = UINT64_MAX;
	for (unsigned i = 0; i < 256; i++) {
		uint64_t t = i;
		for (int bit = 0; bit < 8; bit++)
			t = t >> 1 ^ (t & 1 ? UINT64_C(0x9a6c9329ac4bc9b5) : 0);
		table[i] = t;
	}
	for (size_t i = 0; i < len; i++)
		c = c >> 8 ^ table[(c ^ p[i]) & 255];
	return ~c;
}

int ntfs_verify_upcase(struct ntfs_verify *v, struct error *e)
{
	static const uint16_t info_name[] = {'$', 'I', 'n', 'f', 'o'};
	autodestroy(ntfs_lib_put) struct _ntfs_inode *ni = ntfs_lib_inode(v->fs, UPCASE, e);
	autofree uint8_t *table = NULL, *info = NULL;
	size_t len = 0, info_len = 0;
	if (!ni)
		return -1;
	int rc = ntfs_lib_whole(v->fs, ni, ATTR_DATA, info_name, 5, KIB, &info, &info_len, e);
	if (rc < 0)
		return -1;
	if (!rc || info_len != INFO || get_le32(info) != INFO)
		return 0; /* of an older Windows */
	rc = ntfs_lib_whole(v->fs, ni, ATTR_DATA, NULL, 0, TABLE, &table, &len, e);
	if (rc < 0)
		return -1;
	bool held = crc64(table, len) == get_le64(info + 8);
	ntfs_finding(v->f, "ntfs.upcase", v->subject, held ? OUTCOME_HELD : OUTCOME_BROKEN, -1,
		     held ? "the table of upper-case letters: its checksum holds"
			  : "the table of upper-case letters does not match its checksum");
	return 0;
}
#endif
